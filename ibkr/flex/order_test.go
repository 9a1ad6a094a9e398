package flex

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

const (
	deposit = `<CashTransaction currency="USD" dateTime="20250110" reportDate="20250110" amount="100" type="Deposits/Withdrawals" transactionID="1"/>`
	report  = `<CashReportCurrency currency="USD" startingCash="100" endingCash="128"/>`
)

var (
	sale   = fill("5", "20250210;100000", "-4", "7", "0", `openCloseIndicator="C" cost="-20.4" fifoPnlRealized="7.6"`)
	bought = fill("1", "20250110;100000", "10", "5", "-1", `openCloseIndicator="O"`)
)

// An older statement after a newer one that begins with what the older tells.
func TestOutOfOrder(t *testing.T) {
	for name, tc := range map[string]struct{ newer, older string }{
		"opening of what is inferred":  {february(sale, holding("6", "30.6", "")), january(bought)},
		"inferred and closed by now":   {february(sale, nothing), january(bought)},
		"positions alone":              {february(sale, holding("6", "30.6", "")), statement("20250101", "20250115", holding("10", "51", ""))},
		"held before, traded after":    {february(fill("5", "20250210;100000", "4", "7", "0", `openCloseIndicator="O"`), holding("4", "28", "")), january(holding("10", "51", ""))},
		"no report dates":              {february(sale, nothing), january(fill("1", "20250110;100000", "10", "5", "-1", `reportDate=""`))},
		"periods that overlap":         {february(sale, nothing), statement("20250101", "20250228", bought, sale, nothing)},
		"cash before an opening one":   {february(report), january(deposit)},
		"a trade before opening cash":  {february(report), january(bought)},
		"a split of what is inferred":  {february(sale, holding("6", "30.6", "")), january(action("9", "20250111;100000", "AAA", "101", "5", `actionDescription="AAA(US1) SPLIT 2 FOR 1 (AAA, A INC, US1)"`), holding("10", "51", ""))},
		"an old name of what is there": {february(sale, holding("6", "30.6", `symbol="NEW"`)), january(bought)},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			importInto(t, p, tc.newer)
			seq := p.Seq()
			_, _, err := Import(context.Background(), p, read(t, tc.older))
			require.ErrorIs(t, err, accounts.ErrOutOfOrder)
			require.Equal(t, seq, p.Seq(), "nothing may change")
		})
	}
}

// What looks old but counts nothing twice.
func TestLateButInOrder(t *testing.T) {
	late := fill("4", "20250110;100000", "3", "5", "0", `openCloseIndicator="O" reportDate="20250212"`)
	for name, tc := range map[string]struct {
		files []string
		want  []string
	}{
		"an older statement of what was flat": {[]string{february(bought, holding("10", "51", "")),
			january(fill("7", "20250111;100000", "2", "5", "0", `conid="107" symbol="BBB" openCloseIndicator="O"`), holding("2", "10", `conid="107" symbol="BBB"`))},
			[]string{"10 of STK:AAA:USD at 51", "2 of STK:BBB:USD at 10"}},
		"a trade of long ago, reported late": {[]string{january(holding("10", "51", "")), february(late, holding("13", "66", ""))},
			[]string{"13 of STK:AAA:USD at 66 inferred"}},
		"cash for long ago": {[]string{january(report), february(`<CashTransaction currency="USD" dateTime="20190110" reportDate="20250205" amount="7" type="Withholding Tax" transactionID="3"/>`)}, nil},
		"positions the day before": {[]string{february(sale, holding("6", "30.6", "")), january(holding("10", "51", ""))},
			[]string{"tx-5 closes -4 for 7.6 inferred", "6 of STK:AAA:USD at 30.6 inferred"}},
		"the old one again": {[]string{january(bought, holding("10", "51", "")), february(sale, holding("6", "30.6", "")), january(bought, holding("10", "51", ""))},
			[]string{"tx-5 closes -4 for 7.6", "6 of STK:AAA:USD at 30.6"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			require.Equal(t, tc.want, outcome(t, p, importInto(t, p, tc.files...)))
		})
	}
}

func TestStatementOfAnotherAccount(t *testing.T) {
	p := freshFor(t, "U7654321", "USD")
	_, _, err := Import(context.Background(), p, &Statement{AccountID: "U1234567"})
	require.ErrorIs(t, err, ErrWrongAccount)
	require.Zero(t, p.Seq(), "nothing may be recorded")
	_, err = Preview(context.Background(), p, &Statement{AccountID: "U1234567"})
	require.ErrorIs(t, err, ErrWrongAccount)
}

// Preview plans what Import then does, and changes nothing.
func TestPreview(t *testing.T) {
	p := fresh(t, "USD")
	list, err := ReadAll(strings.NewReader(january(bought, holding("10", "51", ""))))
	require.NoError(t, err)
	seen, err := Preview(context.Background(), p, list[0])
	require.NoError(t, err)
	require.Zero(t, p.Seq(), "nothing may be recorded")
	done, added, err := Import(context.Background(), p, list[0])
	require.NoError(t, err)
	require.Equal(t, seen, done)
	require.Equal(t, added, seen.Size())
	seen, err = Preview(context.Background(), p, list[0])
	require.NoError(t, err)
	require.Zero(t, seen.Size(), "the journal has all of them")
}

// TestFlipToldACentOff has a broker's figure that is a little off: no sliver of a lot may be
// inferred from it. The difference is for the reconciliation to tell.
func TestFlipToldACentOff(t *testing.T) {
	const text = `<FlexQueryResponse><FlexStatements><FlexStatement accountId="U1234567" fromDate="20250106" toDate="20250106"><Trades>
<Trade accountId="U1234567" currency="USD" assetCategory="FUT" symbol="QQX5" underlyingSymbol="QQ" conid="7" multiplier="1000" expiry="20251020" dateTime="20250106;100000" quantity="1" tradePrice="60" proceeds="-60000" ibCommission="-2" openCloseIndicator="O" cost="60002" fifoPnlRealized="0" transactionID="1" />
<Trade accountId="U1234567" currency="USD" assetCategory="FUT" symbol="QQX5" underlyingSymbol="QQ" conid="7" multiplier="1000" expiry="20251020" dateTime="20250106;110000" quantity="-2" tradePrice="61" proceeds="122000" ibCommission="-4" openCloseIndicator="C;O" cost="-60002" fifoPnlRealized="1001" transactionID="2" />
</Trades></FlexStatement></FlexStatements></FlexQueryResponse>`
	all, err := ReadAll(strings.NewReader(text))
	require.NoError(t, err)
	p := fresh(t, "USD")
	plan, _, err := Import(context.Background(), p, all[0])
	require.NoError(t, err)
	require.Empty(t, plan.Inferred)
	closings, err := p.Closings(context.Background(), accounts.TradeFilter{})
	require.NoError(t, err)
	require.Len(t, closings, 1)
	require.Equal(t, "-1 996", closings[0].Value.Quantity.String()+" "+closings[0].Value.Realized.String())
	r, err := p.Reconcile(context.Background(), plan.Broker)
	require.NoError(t, err)
	require.Len(t, r.Breaks, 1, "the broker says 1001")
}
