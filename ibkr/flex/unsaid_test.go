package flex

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Money that a statement tells where nothing is booked from is said, and counted as unread.
func TestMoneyThatIsNotBookedIsSaid(t *testing.T) {
	line := func(code, amount, level string) string {
		return `<StatementOfFundsLine currency="USD" date="20250117" activityCode="` + code + `" activityDescription="x" amount="` + amount + `" levelOfDetail="` + level + `"/>`
	}
	funds := `<StmtFunds>` + line("DEP", "1000", "Currency") + line("BUY", "-500", "Currency") + line("DIV", "5", "Currency") + line("DIV", "5", "BaseCurrency") + line("", "0", "Currency") + `</StmtFunds>`
	dividend := `<CashTransactions><CashTransaction currency="USD" dateTime="20250120" amount="5" type="Dividends" transactionID="7"/></CashTransactions>`
	paid := `<CorporateActions>` + action("8", "20250120;202500", "AAA", "101", "0", `type="CD" actionDescription="AAA(US101) CASH DIVIDEND" proceeds="5"`) + `</CorporateActions>`
	parts := `<CashTransactions>`
	for _, part := range []string{`amount="2" type="Dividends" transactionID="7"`, `amount="3" type="Other Income" transactionID="8"`, `amount="-1" type="Withholding Tax" transactionID="9"`} {
		parts += `<CashTransaction currency="USD" dateTime="20250120" conid="101" ` + part + `/>`
	}
	parts += `</CashTransactions>`
	for name, c := range map[string]struct {
		sections string
		want     map[string]int
	}{
		"the statement of funds alone":             {funds, map[string]int{"statement of funds": 2}},
		"beside cash transactions":                 {funds + dividend, map[string]int{}},
		"a bond's accrued interest":                {`<Trades>` + trade(`assetCategory="BOND" accruedInt="-61.2"`) + `</Trades>`, map[string]int{"trade": 1}},
		"beside cash":                              {`<Trades>` + trade(`assetCategory="BOND" accruedInt="-61.2"`) + `</Trades>` + dividend, map[string]int{}},
		"no accrued interest":                      {`<Trades>` + trade(`assetCategory="BOND" accruedInt="0"`) + `</Trades>`, map[string]int{}},
		"a corporate action that pays":             {paid, map[string]int{"corporate action": 1}},
		"one whose money a cash transaction tells": {dividend + paid, map[string]int{}},
		"one whose money two of them tell":         {parts + paid, map[string]int{}},
		"one whose money two of another tell":      {strings.ReplaceAll(parts, `"101"`, `"102"`) + paid, map[string]int{"corporate action": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, Unread(read(t, doc(c.sections)).Issues))
		})
	}
}

// Dates that may be read in two ways, and which nothing decides, are said.
func TestUndecidedDates(t *testing.T) {
	const text = "nothing tells whether dates such as \"03/04/2025;100000\" are day first or month first"
	either := trade(`dateTime="03/04/2025;100000"`)
	st := read(t, trades(either))
	require.Len(t, st.Issues, 1)
	require.Contains(t, st.Issues[0].Text, text)
	for name, file := range map[string]string{
		"told by another date": trades(either, trade(`tradeID="8" dateTime="03/14/2025;100000"`)),
		"the same both ways":   trades(trade(`dateTime="04/04/2025;100000"`)),
		"told by the period":   statement("20250301", "20250331", either),
	} {
		require.Empty(t, read(t, file).Issues, name)
	}
}

// A sale of what was not held, as far as is known, opens a short position: said where no row tells it
// from one of what was held before.
func TestAssumedShortSale(t *testing.T) {
	const said = "issue: AAA is sold and was not held as far as is known: taken for a short sale, for the row tells neither whether it closes nor cost nor realized P&L"
	short := "-10 of STK:AAA:USD at -50"
	sold := func(attrs string) string { return fill("1", "20250110;100000", "-10", "5", "0", attrs) }
	for name, c := range map[string]struct {
		rows []string
		want []string
	}{
		"nothing tells":        {[]string{sold("")}, []string{short, said}},
		"marked as opening":    {[]string{sold(`openCloseIndicator="O"`)}, []string{short}},
		"realized":             {[]string{sold(`fifoPnlRealized="0" cost="-50"`)}, []string{short}},
		"told by the position": {[]string{sold(""), holding("-10", "-50", "")}, []string{short}},
		"an option":            {[]string{option("C", "1", "20250110;100000", "-1", "5", "")}, []string{"-1 of OPT:AAA:20250620:C:10:100:USD at -500"}},
	} {
		p := fresh(t, "USD")
		require.Equal(t, c.want, outcome(t, p, importInto(t, p, january(c.rows...))), name)
	}
}
