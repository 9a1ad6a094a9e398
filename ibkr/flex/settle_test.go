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

// A settlement that the statement of funds tells in base currency alone is booked in the option's
// currency: at the rate of the trade that it settles, or not at all.
func TestCashSettledInBaseCurrency(t *testing.T) {
	row := func(attrs string) string {
		return "<StmtFunds>" + strings.Replace(funds("-360", "BaseCurrency"), `currency="USD"`, attrs, 1) + "</StmtFunds>"
	}
	sold := func(attrs string) string {
		return option("P", "1", "20250110;100000", "-2", "0.5", `openCloseIndicator="O" `+attrs)
	}
	assigned := func(attrs string) string {
		return option("P", "2", "20250111;162000", "2", "0", `notes="A" transactionType="BookTrade" openCloseIndicator="C" `+attrs)
	}
	const other, own, none = `fxRateToBase="0.8"`, `fxRateToBase="0.9"`, `fxRateToBase=""`
	const base = `<AccountInformation accountId="U1234567" currency="EUR"/>`
	const inEuros = `currency="EUR" fxRateToBase="1"`
	unnamed := func(file string) string { return strings.ReplaceAll(file, `conid="202"`, "") }
	exercises := "<OptionEAE>" + exercised("-400", "-300") + "</OptionEAE>"
	const converted = "-360 EUR of AAA   250620P00010000, a contract in USD, are booked as -400 USD"
	for name, tc := range map[string]struct {
		files  []string
		cash   string
		issue  string // of the last file
		unread int
	}{
		"at the rate of its trade":            {[]string{with(january(sold(other), assigned(own), nothing), base, row(inEuros))}, "-300", converted, 0},
		"at another rate of the statement":    {[]string{with(january(sold(own), assigned(none), nothing), base, row(inEuros))}, "-300", converted, 0},
		"where its row tells the base":        {[]string{with(january(sold(own), assigned(own), nothing), row(inEuros))}, "-300", converted, 0},
		"found by its name":                   {[]string{unnamed(with(january(sold(own), assigned(own), nothing), base, row(inEuros)))}, "-300", converted, 0},
		"told by the exercises too":           {[]string{with(january(sold(own), assigned(own), nothing), base, exercises, row(inEuros))}, "-300", "", 0},
		"told by the exercises, without ids":  {[]string{unnamed(with(january(sold(own), assigned(own), nothing), base, exercises, row(inEuros)))}, "-300", "", 0},
		"of a trade that the book has":        {[]string{january(sold(own), assigned(own), nothing), with(statement("20250101", "20250228", sold(own), assigned(own), nothing), base, row(inEuros))}, "-300", converted, 0},
		"of an option that the book has":      {[]string{january(sold(own), assigned(own), nothing), with(statement("20250101", "20250228", fill("9", "20250205;100000", "1", "10", "0", own)), base, row(inEuros))}, "-310", converted, 0},
		"without a rate":                      {[]string{with(january(sold(none), assigned(none), nothing), base, row(inEuros))}, "100", "the statement has no rate from EUR to USD", 2},
		"without its trade anywhere":          {[]string{with(january(nothing), base, row(inEuros))}, "0", "nothing tells the contract's currency", 1},
		"in another currency than the base":   {[]string{with(january(sold(own), assigned(own), nothing), base, row(`currency="GBP" fxRateToBase="1"`))}, "100", "the base currency is EUR", 2},
		"told in a third currency, with rate": {[]string{with(january(sold(own), assigned(own), nothing), base, strings.Replace(row(`currency="GBP" fxRateToBase="1.2"`), "BaseCurrency", "Currency", 1))}, "-380", "are booked as -480 USD", 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "EUR")
			plans := importInto(t, p, tc.files...)
			cash := p.Cash()["USD"]
			require.Equal(t, tc.cash, cash.Balance().String(), "cash in the option's currency")
			require.Len(t, p.Cash(), min(1, plans[0].Size()+plans[len(plans)-1].Size()), "no cash in another currency")
			last := plans[len(plans)-1].Issues
			if tc.issue == "" {
				require.Empty(t, last)
			} else {
				require.Contains(t, textOf(last), tc.issue)
			}
			unread := 0
			for _, rows := range Unread(last) {
				unread += rows
			}
			require.Equal(t, tc.unread, unread, "rows that are not booked: %s", textOf(last))
			seq := p.Seq()
			importInto(t, p, tc.files...)
			require.Equal(t, seq, p.Seq(), "importing everything again must add nothing")
		})
	}
}

// textOf joins the texts of issues.
func textOf(issues []Issue) string {
	var texts []string
	for _, i := range issues {
		texts = append(texts, i.Text)
	}
	return strings.Join(texts, "\n")
}
