package flex

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/memstore"
)

// A statement is planned for what another process has imported just before, and not for what this
// one has heard of.
func TestImportBehindAnotherProcess(t *testing.T) {
	store := memstore.New()
	first := freshIn(t, store, "U1234567", "USD")
	m, err := accounts.New(store)
	require.NoError(t, err)
	defer m.Close()
	second, err := m.Portfolio(context.Background(), first.ProfileID())
	require.NoError(t, err)
	importInto(t, first, january(fill("1", "20250110;100000", "20", "15", "0", ""), holding("20", "300", "")))
	importInto(t, second, february(act("7", "SO", "AAA(US101) SPINOFF  1 FOR 1 (BBB, BBB, US102)", "BBB", "102", "20", `value="100"`),
		holding("20", "200", ""), holding("20", "100", `symbol="BBB" conid="102"`)))
	require.Equal(t, []string{"20 of STK:AAA:USD at 200", "20 of STK:BBB:USD at 100"}, outcome(t, second, nil))
}

// Of two statements that are planned for an empty book at once one begins it. The other one is
// refused: it would begin it a second time.
func TestTwoImportsAtOnce(t *testing.T) {
	for name, rows := range map[string][2]string{
		"positions": {holding("15", "151", ""), holding("20", "177", "")},
		"cash":      {`<CashReportCurrency currency="USD" startingCash="1000"/>`, `<CashReportCurrency currency="USD" startingCash="900"/>`},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			before := newImporter(p, read(t, january(fill("1", "20250110;100000", "5", "5", "-1", ""), rows[0])), nil)
			since := newImporter(p, read(t, february(fill("2", "20250210;100000", "5", "5", "-1", ""), rows[1])), nil)
			plan, err := before.plan(t.Context())
			require.NoError(t, err)
			late, err := since.plan(t.Context())
			require.NoError(t, err)
			_, err = before.record(t.Context(), plan)
			require.NoError(t, err)
			was := outcome(t, p, nil)
			_, err = since.record(t.Context(), late)
			require.ErrorIs(t, err, accounts.ErrIDReused)
			require.Equal(t, was, outcome(t, p, nil), "nothing of the refused one is booked")
			importInto(t, p, february(fill("2", "20250210;100000", "5", "5", "-1", ""), rows[1]))
		})
	}
}

// A movement that is told twice under the broker's id is one. A movement of another amount under the
// id, or without an id, is another one.
func TestMoneyThatIsToldTwice(t *testing.T) {
	row := func(id, amount string) string {
		return `<CashTransaction currency="USD" type="Dividends" dateTime="20250110" transactionID="` + id + `" amount="` + amount + `"/>`
	}
	for name, tc := range map[string]struct {
		rows []string
		want string
		once bool
	}{
		"the same":       {[]string{row("4", "5"), row("4", "5")}, "5 USD", true},
		"other amounts":  {[]string{row("4", "5"), row("4", "6")}, "11 USD", false},
		"without an id":  {[]string{row("", "5"), row("", "5")}, "10 USD", false},
		"two of the day": {[]string{row("4", "5"), row("5", "5")}, "10 USD", false},
	} {
		p := fresh(t, "USD")
		plan := importInto(t, p, january(tc.rows...), january(tc.rows...))[0]
		require.Equal(t, tc.want, balances(p), name)
		require.Equal(t, tc.once, strings.Contains(textOf(plan.Issues), "the row is another one again"), name)
	}
}
