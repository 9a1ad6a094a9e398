package flex

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Rows of the cash settlement of an option on AAA, as the two sections tell it.
func exercised(amount, realized string) string {
	return `<OptionEAE currency="USD" assetCategory="OPT" symbol="AAA   250620P00010000" conid="202" multiplier="100" strike="10" expiry="20250620" putCall="P" ` +
		`date="20250111" transactionType="Cash Settlement" quantity="0" tradePrice="0" proceeds="` + amount + `" commisionsAndTax="0" realizedPnl="` + realized + `"/>`
}

func funds(amount, level string) string {
	return `<StatementOfFundsLine currency="USD" assetCategory="OPT" symbol="AAA   250620P00010000" conid="202" reportDate="20250111" date="20250111" activityCode="ADJ" ` +
		`activityDescription="Option Cash Settlement for: Assignment" amount="` + amount + `" levelOfDetail="` + level + `"/>`
}

// with adds sections to a statement.
func with(file string, sections ...string) string {
	return strings.Replace(file, "</FlexStatement>", strings.Join(sections, "")+"</FlexStatement>", 1)
}

func TestCashSettledOptions(t *testing.T) {
	first, second := "20250110;100000", "20250111;162000"
	sold := option("P", "1", first, "-2", "0.5", `openCloseIndicator="O"`)
	assigned := option("P", "2", second, "2", "0", `notes="A" transactionType="BookTrade" openCloseIndicator="C" cost="100" fifoPnlRealized="0"`)
	half := func(id string) string {
		return option("P", id, second, "1", "0", `notes="A" transactionType="BookTrade" openCloseIndicator="C" cost="50" fifoPnlRealized="0"`)
	}
	eae, line := "<OptionEAE>"+exercised("-400", "-300")+"</OptionEAE>", "<StmtFunds>"+funds("-400", "Currency")+"</StmtFunds>"
	both := "<StmtFunds>" + funds("-400", "BaseCurrency") + funds("-400", "Currency") + "</StmtFunds>"
	for name, tc := range map[string]struct {
		files []string
		want  []string
		cash  string
	}{
		"by the exercises":           {[]string{with(january(sold, assigned, nothing), eae)}, []string{"tx-2 closes 2 for -300"}, "-300"},
		"by the statement of funds":  {[]string{with(january(sold, assigned, nothing), line)}, []string{"tx-2 closes 2 for -300"}, "-300"},
		"by both, at both levels":    {[]string{with(january(sold, assigned, nothing), eae, both)}, []string{"tx-2 closes 2 for -300"}, "-300"},
		"of two rows, in proportion": {[]string{with(january(sold, half("2"), half("3"), nothing), eae)}, []string{"tx-2 closes 1 for -150", "tx-3 closes 1 for -150"}, "-300"},
		"told by one section, then by the other": {[]string{with(january(sold, assigned, nothing), eae), with(statement("20250101", "20250228", sold, assigned, nothing), line)},
			[]string{"tx-2 closes 2 for -300"}, "-300"},
		"held before the statement": {[]string{with(january(assigned, nothing), eae)}, []string{"tx-2 closes 2 for -300 inferred"}, "-400"},
		"told after the trade was recorded": {[]string{january(sold, assigned, nothing), with(statement("20250101", "20250228", sold, assigned, nothing), eae)},
			[]string{"tx-2 closes 2 for 0",
				"issue: AAA   250620P00010000 was exercised or assigned, and the statement has neither a trade of AAA that it delivers nor its settlement in cash: let the query show option exercises (OptionEAE) or the statement of funds",
				"issue: -400 USD of AAA   250620P00010000 are booked as cash beside it, for the trade that it settles is not in the statement or was recorded before"}, "-300"},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			plans := importInto(t, p, tc.files...)
			require.Equal(t, tc.want, outcome(t, p, plans))
			cash := p.Cash()["USD"]
			require.Equal(t, tc.cash, cash.Balance().String())
			r, err := p.Reconcile(t.Context(), plans[len(plans)-1].Broker)
			require.NoError(t, err)
			require.Empty(t, r.Breaks)
			seq := p.Seq()
			importInto(t, p, tc.files...)
			require.Equal(t, seq, p.Seq(), "importing everything again must add nothing")
		})
	}
}
