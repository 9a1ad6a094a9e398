package flex

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An action whose money or contract is in another currency needs a rate. Without one none of its
// rows is booked, each is told, and the trades beside it are.
func TestCorporateActionsWithoutRate(t *testing.T) {
	row := func(id, kind, text, symbol, conid, quantity, attrs string) string {
		return action(id, "20250117;202500", symbol, conid, quantity,
			`type="`+kind+`" actionID="5" actionDescription="AAA(US101) `+text+` (`+symbol+`, X INC, US`+conid+`)" `+attrs)
	}
	gone := func(kind, text, attrs string) string { return row("7", kind, text, "AAA", "101", "-100", attrs) }
	came := func(id, kind, text, symbol, conid, attrs string) string {
		return row(id, kind, text, symbol, conid, "50", `value="2000" `+attrs)
	}
	const merged, abroad = "MERGED(Acquisition) WITH US712 1 FOR 2", `currency="EUR" fxRateToBase=""`
	for name, rows := range map[string][]string{
		"a merger into shares abroad":           {gone("TC", merged, ""), came("8", "TC", merged, "ACQ", "712", abroad)},
		"a merger into two, one of them abroad": {gone("TC", merged, ""), came("8", "TC", merged, "ACQ", "712", ""), came("9", "TC", merged, "ACR", "713", abroad)},
		"a merger for shares and money abroad":  {gone("TC", merged, `proceeds="1000" fifoPnlRealized="49" `+abroad), came("8", "TC", merged, "ACQ", "712", "")},
		"a merger for money abroad":             {gone("TC", "MERGED(Acquisition) FOR EUR 40.00 PER SHARE", `proceeds="4000" fifoPnlRealized="1" `+abroad)},
		"a spin-off abroad":                     {came("8", "SO", "SPINOFF  1 FOR 2", "SPN", "712", abroad)},
		"rights that buy for money abroad": {row("7", "PI", "SUBSCRIBES TO US104", "AAB", "104", "50", ""), row("8", "PI", "SUBSCRIBES TO US104", "AAA.RTS", "703", "-100", ""),
			row("9", "PI", "SUBSCRIBES TO US104", "AAB", "104", "10", `proceeds="-300" `+abroad)},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			all := append([]string{fill("1", "20250110;100000", "100", "40", "-1", `openCloseIndicator="O"`), fill("2", "20250121;100000", "10", "40", "-1",
				`symbol="AAB" conid="104" openCloseIndicator="O"`)}, rows...)
			plan := importInto(t, p, january(all...))[0]
			require.Equal(t, 2, plan.Size(), "the trades are booked, and nothing of the action")
			told := 0
			for _, i := range plan.Issues {
				require.True(t, i.Unread, "%s", i.Text)
				require.Contains(t, i.Text, "the statement has no rate")
				told++
			}
			require.Len(t, maps.Collect(plan.Rows()), 2, "no row stands for a trade that is not booked")
			require.Positive(t, told)
			require.Equal(t, []string{"100 of STK:AAA:USD at 4001", "10 of STK:AAB:USD at 401"}, outcome(t, p, nil), "the book is as the trades leave it")

			rated := strings.ReplaceAll(january(all...), `currency="EUR" fxRateToBase=""`, `currency="EUR" fxRateToBase="1.25"`)
			plan = importInto(t, p, strings.ReplaceAll(rated, `fxRateToBase=""`, ""))[0]
			require.Positive(t, plan.Size(), "with a rate the action is booked")
		})
	}
}

// A part of a holding that is tendered: all of it goes on under the new name. The statement's
// positions make that a break, and where it has none it is said.
func TestTenderOfAPart(t *testing.T) {
	text := `type="TO" actionID="5" actionDescription="AAA(US101) TENDERED TO US103 1 FOR 1 (%s, X INC, US%s)"`
	rows := []string{fill("1", "20250110;100000", "100", "40", "-1", `openCloseIndicator="O"`),
		action("6", "20250117;202500", "AAA", "101", "-60", fmt.Sprintf(text, "AAA", "101")),
		action("7", "20250117;202500", "AAA.TEN", "103", "60", fmt.Sprintf(text, "AAA.TEN", "103"))}
	p := fresh(t, "USD")
	plan := importInto(t, p, january(rows...))[0]
	require.Equal(t, map[string]int{"corporate action": 1}, Unread(plan.Issues))

	p = fresh(t, "USD")
	plan = importInto(t, p, january(append(rows, holding("40", "1600.4", ""), holding("60", "2400.6", of("AAA.TEN", "103")))...))[0]
	require.Empty(t, plan.Issues)
	r, err := p.Reconcile(t.Context(), plan.Broker)
	require.NoError(t, err)
	require.NotEmpty(t, r.Breaks)
}

// What an action brings or takes that lacks a rate is not taken for held before, nor are trades booked that may close
// units that came by it: the positions are breaks, and the same statement with the rate books all of it, once.
func TestActionsWithoutRateInferNothing(t *testing.T) {
	row := func(id, kind, text, symbol, conid, quantity, attrs string) string {
		return action(id, "20250117;202500", symbol, conid, quantity,
			`type="`+kind+`" actionID="5" actionDescription="AAA(US101) `+text+` (`+symbol+`, X INC, US`+conid+`)" `+attrs)
	}
	const merged, abroad = "MERGED(Acquisition) WITH US712 1 FOR 2", ` currency="EUR" fxRateToBase=""`
	buy := fill("1", "20250110;100000", "100", "40", "-1", `openCloseIndicator="O"`)
	gone, came := row("7", "TC", merged, "AAA", "101", "-100", ""), row("8", "TC", merged, "ACQ", "712", "50", `value="2000"`+abroad)
	spun := row("8", "SO", "SPINOFF  1 FOR 2", "SPN", "712", "50", `value="1000"`+abroad)
	acq := of("ACQ", "712") + abroad
	sale := fill("3", "20250120;100000", "-20", "70", "-1", acq+` openCloseIndicator="C" cost="-1280.32" fifoPnlRealized="118.68"`)
	early := fill("4", "20250106;100000", "-10", "50", "0", `openCloseIndicator="C" cost="-300" fifoPnlRealized="200"`)
	for name, c := range map[string]struct {
		rows  []string
		first []string // what the book is without the rate
		want  []string
	}{
		"a merger": {[]string{buy, gone, came, holding("50", "3200.8", acq)},
			[]string{"100 of STK:AAA:USD at 4001"}, []string{"50 of STK:ACQ:EUR at 3200.8"}},
		"a merger, and a sale of what it brings": {[]string{buy, gone, came, sale, holding("30", "1920.48", acq)},
			[]string{"100 of STK:AAA:USD at 4001"}, []string{"tx-3 closes -20 for 118.68", "30 of STK:ACQ:EUR at 1920.48"}},
		"a sale without positions": {[]string{buy, gone, came, sale},
			[]string{"100 of STK:AAA:USD at 4001"}, []string{"tx-3 closes -20 for 118.68", "30 of STK:ACQ:EUR at 1920.48"}},
		"a spin-off": {[]string{buy, spun, holding("100", "3001", ""), holding("50", "800", of("SPN", "712")+abroad)},
			[]string{"100 of STK:AAA:USD at 4001"}, []string{"100 of STK:AAA:USD at 3001", "50 of STK:SPN:EUR at 800"}},
		"a merger of what was held before, and sold in part": {[]string{early, gone, came, holding("50", "3200.8", acq)},
			nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			plan := importInto(t, p, january(c.rows...))[0]
			require.Equal(t, c.first, outcome(t, p, nil))
			require.Empty(t, plan.Inferred)
			named := 0
			for _, i := range plan.Issues {
				if i.Unread && strings.Contains(i.Text, "the corporate action in line") {
					named++
				}
			}
			require.Positive(t, named, "the row is named for what is missing")
			if plan.Broker.AllPositions {
				r, err := p.Reconcile(t.Context(), plan.Broker)
				require.NoError(t, err)
				require.NotEmpty(t, r.Breaks)
			}
			rated := strings.ReplaceAll(january(c.rows...), abroad, ` currency="EUR" fxRateToBase="1.25"`)
			plan = importInto(t, p, rated)[0]
			require.Empty(t, Unread(plan.Issues))
			if c.want != nil {
				require.Equal(t, c.want, outcome(t, p, nil))
			}
			other := fresh(t, "USD")
			importInto(t, other, rated)
			require.Equal(t, outcome(t, other, nil), outcome(t, p, nil), "as if the rate had been there at once")
			_, added, err := Import(t.Context(), p, read(t, rated))
			require.NoError(t, err)
			require.Zero(t, added)
		})
	}
}

// Fractions of shares that were held before the statement come through its actions exactly.
func TestFractionsThroughActions(t *testing.T) {
	p := fresh(t, "USD")
	plan := importInto(t, p, january(
		act("4", "FS", "AAA(US101) SPLIT 1 FOR 4", "AAA", "101", "-0.375075", `dateTime="20250105;093000"`),
		act("5", "HI", "AAA(US101) CHOICE DIVIDEND", "AAA", "101", "0.03125625", `dateTime="20250108;093000"`),
		fill("6", "20250110;093000", "0.15628125", "0.5", "0", `openCloseIndicator="O"`),
		fill("7", "20250112;093000", "0.3125625", "0.5", "0", `openCloseIndicator="O"`),
		act("8", "HI", "AAA(US101) CHOICE DIVIDEND", "AAA", "101", "0.15628125", `dateTime="20250114;093000"`),
		fill("9", "20250117;093000", "0.78140625", "0.5", "0", `openCloseIndicator="O"`),
		holding("1.5628125", "0.875175", "")))[0]
	require.Equal(t, "1.5628125", held(t, p, "AAA").Quantity.String())
	r, err := p.Reconcile(t.Context(), plan.Broker)
	require.NoError(t, err)
	require.Empty(t, r.Breaks)
}
