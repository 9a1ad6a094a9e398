package flex

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a cancelling row does not give back of the commission stays paid.
func TestCancelledRowsKeepCommission(t *testing.T) {
	const at = "20250110;100000"
	first := fill("1", at, "500", "3", "-6", `tradeID="9" openCloseIndicator="O"`)
	cancel := func(commission string) string {
		return fill("2", at, "-500", "3", commission, `transactionType="TradeCancel" buySell="BUY (Ca.)" origTransactionID="1"`)
	}
	again := fill("3", at, "500", "3", "0", `tradeID="9" openCloseIndicator="O"`)
	for name, tc := range map[string]struct {
		files []string
		want  []string
		cash  string
	}{
		"all is given back":          {[]string{january(first, cancel("6"), again)}, []string{"500 of STK:AAA:USD at 1500"}, "-1500"},
		"nothing is given back":      {[]string{january(first, cancel("0"), again)}, []string{"500 of STK:AAA:USD at 1506"}, "-1506"},
		"a part is given back":       {[]string{january(first, cancel("4"), again)}, []string{"500 of STK:AAA:USD at 1502"}, "-1502"},
		"the query does not tell it": {[]string{january(first, cancel(""), again)}, []string{"500 of STK:AAA:USD at 1500"}, "-1500"},
		"not booked again": {[]string{january(first, cancel("0"))},
			[]string{"issue: the cancellation of AAA gives back 0 of the commission of 6: the rest stays paid, as a fee"}, "-6"},
		"in a later statement": {[]string{january(first), february(fill("2", "20250203;100000", "-500", "3", "2", `transactionType="TradeCancel" buySell="BUY (Ca.)" origTransactionID="1"`))},
			[]string{"issue: the cancellation of AAA gives back 2 of the commission of 6: the rest stays paid, as a fee"}, "-4"},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			plans := importInto(t, p, tc.files...)
			require.Equal(t, tc.want, outcome(t, p, plans))
			cash := p.Cash()["USD"]
			require.Equal(t, tc.cash, cash.Balance().String())
			seq := p.Seq()
			importInto(t, p, tc.files...)
			require.Equal(t, seq, p.Seq(), "importing everything again must add nothing")
		})
	}
}

// A quantity that nothing explains is a break, and no lot in the other direction.
func TestNothingIsInvented(t *testing.T) {
	first, second := "20250110;100000", "20250111;100000"
	bought := fill("1", first, "100", "40", "-1", `openCloseIndicator="O" cost="4001" fifoPnlRealized="0"`)
	sold := fill("2", second, "-30", "50", "0", `openCloseIndicator="C" cost="-1200.3" fifoPnlRealized="299.7"`)
	for name, tc := range map[string]struct {
		rows []string
		want []string // closings and positions
		off  string   // of the quantity
	}{
		"all is gone":                     {[]string{bought, nothing}, []string{"100 of STK:AAA:USD at 4001"}, "100"},
		"a part is gone":                  {[]string{bought, holding("40", "1600.4", "")}, []string{"100 of STK:AAA:USD at 4001"}, "60"},
		"a part was sold, and more went":  {[]string{bought, sold, holding("40", "1600.4", "")}, []string{"tx-2 closes -30 for 299.7", "70 of STK:AAA:USD at 2800.7"}, "30"},
		"a short sale, and it is covered": {[]string{fill("1", first, "-100", "40", "-1", `openCloseIndicator="O"`), nothing}, []string{"-100 of STK:AAA:USD at -3999"}, "-100"},
		"by the cost, without a mark":     {[]string{strings.Replace(bought, `openCloseIndicator="O"`, "", 1), holding("40", "1600.4", "")}, []string{"100 of STK:AAA:USD at 4001"}, "60"},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			plans := importInto(t, p, january(tc.rows...))
			issues := plans[0].Issues
			require.Len(t, issues, 1)
			require.Contains(t, issues[0].Text, "are explained by nothing")
			require.Contains(t, issues[0].Text, "the rows in lines")
			require.True(t, issues[0].Unread)
			plans[0].Issues = nil
			require.Equal(t, tc.want, outcome(t, p, plans))
			require.Empty(t, plans[0].Inferred)
			r, err := p.Reconcile(t.Context(), plans[0].Broker)
			require.NoError(t, err)
			require.NotEmpty(t, r.Breaks)
			require.Equal(t, "quantity", r.Breaks[0].Field)
			require.Equal(t, tc.off, r.Breaks[0].Difference.String())
		})
	}
}

// Rows of one time are booked in an order that is possible, whatever their ids, and one that no
// book would take does not keep the others out.
func TestRowsOfOneTime(t *testing.T) {
	first, at := "20250110;100000", "20250120;202500"
	bought := fill("1", first, "1000", "1", "-1", `openCloseIndicator="O"`)
	fraction := fill("2", at, "-0.5", "50", "0", of("AAA", "102")+` transactionType="FracShare" openCloseIndicator="C"`)
	gone := act("8", "RS", "AAA(US101) SPLIT 1 FOR 16", "AAA.OLD", "101", "-1000", "")
	came := act("9", "RS", "AAA(US101) SPLIT 1 FOR 16", "AAA", "102", "62.5", "")
	soldBefore := fill("99", at, "-200", "2", "0", of("AAA", "101")+` openCloseIndicator="C"`)
	wrong := fill("5", first, "10", "-5", "0", `symbol="ZZZ" conid="999"`)
	for name, tc := range map[string]struct {
		rows []string
		want []string
	}{
		"a fraction of what a split brings": {[]string{bought, fraction, gone, came}, []string{"tx-2 closes -0.5 for 16.992", "62 of STK:AAA:USD at 992.992"}},
		"what a split takes is sold before it": {[]string{bought, soldBefore, act("8", "RS", "AAA(US101) SPLIT 1 FOR 16", "AAA.OLD", "101", "-800", ""),
			act("9", "RS", "AAA(US101) SPLIT 1 FOR 16", "AAA", "102", "50", "")}, []string{"tx-99 closes -200 for 199.8", "50 of STK:AAA:USD at 800.8"}},
		"a row that does not fit": {[]string{bought, wrong}, []string{"1000 of STK:AAA:USD at 1001",
			`issue: left out: trade "tx-5" in STK:ZZZ:USD: invalid trade: Price -5 is negative`}},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			require.Equal(t, tc.want, outcome(t, p, importInto(t, p, january(tc.rows...))))
		})
	}
}

// What was taken for held before, and is explained by an action that another statement tells better, is not taken
// back by a lot in the other direction: the quantity is a break, and is said.
func TestWhatWasInferredIsNotTakenBack(t *testing.T) {
	rights := act("7", "RI", "OLD(US101) SUBSCRIBABLE RIGHTS ISSUE 1 FOR 1", "AAA.RTS", "703", "2", "")
	sold := fill("8", "20250121;100000", "-2", "3", "0", of("AAA.RTS", "703")+` openCloseIndicator="C" cost="0" fifoPnlRealized="6"`)
	bought := fill("1", "20250105;100000", "2", "40", "0", `symbol="OLD" openCloseIndicator="O"`)
	p := fresh(t, "USD")
	plans := importInto(t, p, statement("20250110", "20250131", rights, sold, nothing))
	require.Contains(t, textOf(plans[0].Issues), "not interpreted: 2 of AAA.RTS", "nothing tells whose rights they are")
	require.Len(t, plans[0].Inferred, 1)
	plans = importInto(t, p, january(bought, rights, sold, holding("2", "80", `symbol="OLD"`)))
	require.Empty(t, plans[0].Inferred, "no lot is short")
	require.Contains(t, textOf(plans[0].Issues), "are explained by nothing")
	require.Equal(t, "2", held(t, p, "AAA.RTS").Quantity.String())
	seq := p.Seq()
	plans = importInto(t, p, january(bought, rights, sold, holding("2", "80", `symbol="OLD"`)))
	require.Empty(t, plans[0].Inferred)
	require.Equal(t, seq, p.Seq(), "importing the statement again must add nothing")
}
