package flex

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// act is a row of a corporate action: its type, the text up to the last bracket, and what the
// holding changes by.
func act(id, kind, text, symbol, conid, quantity, attrs string) string {
	return action(id, "20250120;202500", symbol, conid, quantity, fmt.Sprintf(`type="%s" actionDescription="%s (%s, X INC, US%s)" %s`, kind, text, symbol, conid, attrs))
}

// of names another contract in rows that are of AAA otherwise.
func of(symbol, conid string) string { return fmt.Sprintf(`symbol="%s" conid="%s"`, symbol, conid) }

// Every type of corporate action, with the rule in docs/corporate-actions.md.
func TestCorporateActions(t *testing.T) {
	first, second, last := "20250110;100000", "20250111;100000", "20250125;100000"
	buy := fill("1", first, "100", "40", "-1", `openCloseIndicator="O" cost="4001" fifoPnlRealized="0"`)
	again := fill("2", second, "100", "60", "-1", `openCloseIndicator="O" cost="6001" fifoPnlRealized="0"`)
	spin := act("9", "SO", "AAA(US101) SPINOFF 1 FOR 4", "CHD", "702", "25", `value="1100"`)
	spin2 := act("9", "SO", "AAA(US101) SPINOFF 1 FOR 4", "CHD", "702", "50", `value="2200"`)
	toACQ := "AAA(US101) CASH and STOCK MERGER (Acquisition) ACQ 1 FOR 2 AND USD 10.00"
	gone := func(realized string) string {
		return act("8", "TC", toACQ, "AAA", "101", "-100", `actionID="5" proceeds="1000" value="-4050" `+realized)
	}
	acq := func(value string) string { return act("9", "TC", toACQ, "ACQ", "712", "50", `actionID="5" `+value) }
	split := "AAA(US101) MERGED(Acquisition)  WITH US722 1 FOR 1, US723 1 FOR 1"
	split3 := func(a, b string) []string {
		return []string{buy, act("7", "TC", split, "AAA", "101", "-100", `actionID="6"`), act("8", "TC", split, "NWA", "722", "100", `actionID="6" `+a),
			act("9", "TC", split, "NWB", "723", "100", `actionID="6" `+b)}
	}
	told := func(id, day, quantity, attrs string) string {
		return action(id, day+";202500", "AAA", "101", quantity, `type="FS" actionDescription="AAA(US101) SPLIT 2 FOR 1 (AAA, X INC, US101)" `+attrs)
	}
	const untold = "issue: nothing tells how the cost basis of AAA is divided among what came for it: none of the rows is booked"
	for name, tc := range map[string]struct {
		rows []string
		want []string
	}{
		"SO, by the positions": {[]string{buy, spin, holding("100", "3001", ""), holding("25", "1000", of("CHD", "702"))},
			[]string{"100 of STK:AAA:USD at 3001", "25 of STK:CHD:USD at 1000"}},
		"SO, by the parent's position alone": {[]string{buy, spin, fill("3", last, "-25", "50", "0", of("CHD", "702")+` openCloseIndicator="C"`), holding("100", "3001", "")},
			[]string{"tx-3 closes -25 for 250", "100 of STK:AAA:USD at 3001"}},
		"SO, by the child's closing": {[]string{buy, again, spin2, fill("3", last, "-10", "50", "0", of("CHD", "702")+` openCloseIndicator="C" cost="-200.05" fifoPnlRealized="299.95"`)},
			[]string{"tx-3 closes -10 for 299.95", "200 of STK:AAA:USD at 8751.75", "40 of STK:CHD:USD at 1050.2"}},
		"SO, by the parent's closing": {[]string{buy, again, spin2, fill("3", last, "-100", "50", "0", `openCloseIndicator="C" cost="-3000.75" fifoPnlRealized="1999.25"`)},
			[]string{"tx-3 closes -100 for 1999.25", "100 of STK:AAA:USD at 4500.75", "50 of STK:CHD:USD at 2500.5"}},
		"SO, of what was held before": {[]string{spin, fill("3", last, "-40", "50", "0", `openCloseIndicator="C" cost="-1200" fifoPnlRealized="800"`), holding("60", "1801", ""), holding("25", "1000", of("CHD", "702"))},
			[]string{"tx-3 closes -40 for 800 inferred", "60 of STK:AAA:USD at 1801 inferred", "25 of STK:CHD:USD at 1000 inferred"}},
		"SO, of a short position": {[]string{fill("1", first, "-100", "40", "-1", `openCloseIndicator="O"`), act("9", "SO", "AAA(US101) SPINOFF 1 FOR 4", "CHD", "702", "-25", ""),
			holding("-100", "-3000", ""), holding("-25", "-999", of("CHD", "702"))},
			[]string{"-100 of STK:AAA:USD at -3000", "-25 of STK:CHD:USD at -999"}},
		"SO, and nothing tells the basis": {[]string{buy, spin},
			[]string{"100 of STK:AAA:USD at 4001", "25 of STK:CHD:USD at 0", "issue: nothing tells the cost basis of CHD, which AAA spun off: taken as zero, all stays with AAA"}},
		"SO twice, by what stays and not by a small closing": {[]string{buy, act("9", "SO", "AAA(US101) SPINOFF 1 FOR 1", "CHD", "702", "100", ""),
			fill("10", "20250122;100000", "-1", "50", "0", of("CHD", "702")+` openCloseIndicator="C" cost="-0.0124" fifoPnlRealized="49.9876"`),
			action("11", "20250125;202500", "GCH", "704", "99", `type="SO" actionDescription="CHD(US702) SPINOFF 1 FOR 1 (GCH, X INC, US704)"`),
			holding("100", "3999.755", ""), holding("99", "1.2", of("CHD", "702")), holding("99", "0.03255", of("GCH", "704"))},
			[]string{"tx-10 closes -1 for 49.98755", "100 of STK:AAA:USD at 3999.755", "99 of STK:CHD:USD at 1.2", "99 of STK:GCH:USD at 0.03255"}},
		"RI, DI: rights that come at no cost, and ED: that lapse": {[]string{buy, act("8", "RI", "AAA(US101) SUBSCRIBABLE RIGHTS ISSUE  1 FOR 1", "AAA.RTS", "703", "100", ""),
			act("9", "ED", "AAA.RTS(US703) EXPIRED RIGHTS", "AAA.RTS", "703", "-100", `dateTime="20250124;202500" fifoPnlRealized="0"`), holding("100", "4001", "")},
			[]string{"action-9 closes -100 for 0", "100 of STK:AAA:USD at 4001"}},
		"RI, PI: rights, and what they buy": {[]string{buy, act("7", "RI", "AAA(US101) SUBSCRIBABLE RIGHTS ISSUE  1 FOR 1", "AAA.RTS", "703", "100", ""),
			act("8", "PI", "AAA.RTS(US703) SUBSCRIBES TO US101 1 FOR 10 AND USD 30", "AAA.RTS", "703", "-100", `actionID="4" dateTime="20250124;202500" fifoPnlRealized="0"`),
			act("9", "PI", "AAA.RTS(US703) SUBSCRIBES TO US101 1 FOR 10 AND USD 30", "AAA", "101", "10", `actionID="4" dateTime="20250124;202500" proceeds="-300"`), holding("110", "4301", "")},
			[]string{"action-8 closes -100 for 0", "110 of STK:AAA:USD at 4301"}},
		"RO: more is bought with rights": {[]string{buy, act("9", "RO", "AAA(US101) RIGHTS OVERSUBSCRIPTION", "AAA", "101", "10", `proceeds="-300"`), holding("110", "4301", "")},
			[]string{"110 of STK:AAA:USD at 4301"}},
		"HI: shares that come for nothing": {[]string{buy, act("9", "HI", "AAA(US101) CHOICE DIVIDEND", "AAA", "101", "3", ""), holding("103", "4001", "")},
			[]string{"103 of STK:AAA:USD at 4001"}},
		"SD in a stated ratio": {[]string{buy, act("9", "SD", "AAA(US101) STOCK DIVIDEND US101 1 FOR 20", "AAA", "101", "5", ""), holding("105", "4001", "")},
			[]string{"105 of STK:AAA:USD at 4001"}},
		"FS":                         {[]string{buy, act("9", "FS", "AAA(US101) SPLIT 4 FOR 1", "AAA", "101", "300", ""), holding("400", "4001", "")}, []string{"400 of STK:AAA:USD at 4001"}},
		"RS, two rows of a contract": {[]string{buy, act("8", "RS", "AAA(US101) SPLIT 1 FOR 25", "AAA", "101", "-100", ""), act("9", "RS", "AAA(US101) SPLIT 1 FOR 25", "AAA", "101", "4", ""), holding("4", "4001", "")}, []string{"4 of STK:AAA:USD at 4001"}},
		"IC: another contract": {[]string{buy, act("8", "IC", "AAA(US101) CUSIP/ISIN CHANGE TO (US102)", "AAA.OLD", "101", "-100", ""), act("9", "IC", "AAA(US101) CUSIP/ISIN CHANGE TO (US102)", "AAA", "102", "100", ""), holding("100", "4001", of("AAA", "102"))},
			[]string{"100 of STK:AAA:USD at 4001"}},
		"TO: tendered, and given back": {[]string{buy, act("6", "TO", "AAA(US101) TENDERED TO US103 1 FOR 1", "AAA", "101", "-60", ""), act("7", "TO", "AAA(US101) TENDERED TO US103 1 FOR 1", "AAA.TEN", "103", "60", ""),
			act("8", "TO", "AAA.TEN(US103) MERGED(Voluntary Offer Allocation) 1 FOR 1", "AAA.TEN", "103", "-60", `dateTime="20250124;202500"`), act("9", "TO", "AAA.TEN(US103) MERGED(Voluntary Offer Allocation) 1 FOR 1", "AAA", "101", "60", `dateTime="20250124;202500"`),
			holding("100", "4001", "")},
			[]string{"100 of STK:AAA:USD at 4001"}},
		"TC for money": {[]string{buy, act("9", "TC", "AAA(US101) MERGED(Acquisition) FOR USD 45.00 PER SHARE", "AAA", "101", "-100", `proceeds="4500" fifoPnlRealized="499"`), nothing},
			[]string{"action-9 closes -100 for 499"}},
		"TC for shares": {[]string{buy, act("8", "TC", "AAA(US101) MERGED(Acquisition) WITH US712 1 FOR 2", "AAA", "101", "-100", `actionID="5"`), act("9", "TC", "AAA(US101) MERGED(Acquisition) WITH US712 1 FOR 2", "ACQ", "712", "50", `actionID="5"`),
			holding("50", "4001", of("ACQ", "712"))},
			[]string{"50 of STK:ACQ:USD at 4001"}},
		"TC for both, by what was realized":  {[]string{buy, gone(`fifoPnlRealized="49"`), acq("")}, []string{"action-8 closes -100 for 49", "50 of STK:ACQ:USD at 3050"}},
		"TC for both, by the position":       {[]string{buy, gone(""), acq(""), holding("50", "3050", of("ACQ", "712"))}, []string{"action-8 closes -100 for 49", "50 of STK:ACQ:USD at 3050"}},
		"TC for both, by the values":         {[]string{buy, gone(""), acq(`value="3050"`)}, []string{"action-8 closes -100 for 49", "50 of STK:ACQ:USD at 3050"}},
		"TC for both, at most the money":     {[]string{buy, gone(""), acq(`value="9000"`)}, []string{"action-8 closes -100 for 1000", "50 of STK:ACQ:USD at 4001"}},
		"TC for both, no loss":               {[]string{buy, gone(""), acq(`value="1000"`)}, []string{"action-8 closes -100 for 0", "50 of STK:ACQ:USD at 3001"}},
		"TC for both, and nothing tells it":  {[]string{buy, gone(""), acq("")}, []string{"100 of STK:AAA:USD at 4001", untold}},
		"TC for both, held before":           {[]string{gone(`fifoPnlRealized="49"`), acq(""), holding("50", "3050", of("ACQ", "712"))}, []string{"action-8 closes -100 for 49 inferred", "50 of STK:ACQ:USD at 3050 inferred"}},
		"TC into two, by the values":         {split3(`value="2500"`, `value="1500"`), []string{"100 of STK:NWA:USD at 2500.625", "100 of STK:NWB:USD at 1500.375"}},
		"TC into two, by one of the bases":   {append(split3("", ""), holding("100", "2000", of("NWA", "722")), holding("100", "2001", of("NWB", "723"))), []string{"100 of STK:NWA:USD at 2000", "100 of STK:NWB:USD at 2001"}},
		"TC into two, and nothing tells how": {split3("", ""), []string{"100 of STK:AAA:USD at 4001", untold}},
		"TC into another currency, by the position": {[]string{buy, act("8", "TC", "AAA(US101) MERGED(Acquisition) WITH US712 1 FOR 2", "AAA", "101", "-100", `actionID="5" fxRateToBase="1"`),
			act("9", "TC", "AAA(US101) MERGED(Acquisition) WITH US712 1 FOR 2", "ACQ", "712", "50", `actionID="5" currency="EUR" fxRateToBase="1.25"`), holding("50", "3200.8", of("ACQ", "712")+` currency="EUR" fxRateToBase="1.25"`)},
			[]string{"50 of STK:ACQ:EUR at 3200.8"}},
		"TC for money in another currency": {[]string{buy, act("9", "TC", "AAA(US101) MERGED(Acquisition) FOR EUR 40.00 PER SHARE", "AAA", "101", "-100", `currency="EUR" fxRateToBase="1.25" proceeds="4000" fifoPnlRealized="799"`), nothing},
			[]string{"action-9 closes -100 for 999", "issue: 4000 EUR for AAA are booked as 5000 USD, at the statement's rates; what they realized is not compared"}},
		"DW: worthless": {[]string{buy, act("9", "DW", "(US101) DELISTED", "AAA", "101", "-100", `fifoPnlRealized="-4001" value="0"`), nothing}, []string{"action-9 closes -100 for -4001"}},
		"Ca takes a split back": {[]string{buy, act("7", "FS", "AAA(US101) SPLIT 2 FOR 1", "AAA", "101", "100", ""), act("8", "FS", "AAA(US101) SPLIT 2 FOR 1", "AAA", "101", "-100", `code="Ca"`),
			act("9", "FS", "AAA(US101) SPLIT 3 FOR 1", "AAA", "101", "200", ""), holding("300", "4001", "")}, []string{"300 of STK:AAA:USD at 4001"}},
		"Ca of an action that is told, taken back and told once more": {[]string{buy, told("16", "20250117", "-100", `code="Ca"`), told("12", "20250115", "-100", `code="Ca"`),
			told("11", "20250115", "100", ""), told("15", "20250117", "100", ""), told("17", "20250117", "100", ""), holding("200", "4001", "")}, []string{"200 of STK:AAA:USD at 4001"}},
		"Ca of nothing known": {[]string{buy, act("8", "FS", "AAA(US101) SPLIT 2 FOR 1", "AAA", "101", "-100", `code="Ca"`)},
			[]string{"100 of STK:AAA:USD at 4001", "issue: takes back 100 of AAA, which neither the statement nor the book has: not booked: AAA(US101) SPLIT 2 FOR 1 (AAA, X INC, US101)"}},
		"of a type that nobody knows": {[]string{buy, act("9", "PV", "AAA(US101) PROXY VOTE", "AAA.V", "104", "100", "")},
			[]string{"100 of STK:AAA:USD at 4001", "issue: not interpreted: 100 of AAA.V: AAA(US101) PROXY VOTE (AAA.V, X INC, US104)"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			plans := importInto(t, p, january(tc.rows...))
			require.Equal(t, tc.want, outcome(t, p, plans))
			r, err := p.Reconcile(t.Context(), plans[0].Broker)
			require.NoError(t, err)
			require.Empty(t, r.Breaks, "the book must agree with the broker")
			seq := p.Seq()
			importInto(t, p, january(tc.rows...))
			require.Equal(t, seq, p.Seq(), "importing it again must add nothing")
		})
	}
}

// What an import of a corporate action leaves out, or books otherwise than the row tells, is no different
// when the statement is imported again: neither what was bought since nor what is missing changes it.
func TestCorporateActionsAgain(t *testing.T) {
	later := fill("3", "20250125;100000", "100", "40", "-1", `openCloseIndicator="O" cost="4001" fifoPnlRealized="0"`)
	gift := act("9", "HI", "AAA(US101) CHOICE DIVIDEND", "AAA", "101", "25", "")
	const tender = "AAA(US101) TENDERED TO US703 1 FOR 1"
	tendered := []string{act("8", "TO", tender, "AAA", "101", "-50", `actionID="5"`), act("9", "TO", tender, "AAA.T", "703", "50", `actionID="5"`)}
	wrong, right := fill("1", "20250110;100000", "10", "5", "0", `ibExecID="0a.0b.0c.01"`), fill("2", "20250110;100000", "10", "6", "0", `ibExecID="0a.0b.0c.02"`)
	bought, all := fill("1", "20250110;100000", "10", "5", "0", `ibExecID="0a.0b.0c.01"`), fill("2", "20250111;100000", "-10", "7", "0", `ibExecID="0a.0b.0d.01"`)
	some := fill("3", "20250111;100000", "-4", "7", "0", `ibExecID="0a.0b.0d.02"`)
	const allocated = "AAA.T(US703) MERGED(Voluntary Offer Allocation)  WITH US101 1 FOR 1"
	sold, renamed := fill("4", "20250111;100000", "-10", "7", "0", ""), fill("5", "20250205;100000", "5", "8", "0", `symbol="NEW"`)
	split := act("8", "FS", "AAA(US101) SPLIT 2 FOR 1", "AAA", "101", "5", "")
	back := act("9", "FS", "AAA(US101) SPLIT 2 FOR 1", "AAA", "101", "-5", `code="Ca"`)
	for name, tc := range map[string]struct {
		files []string
		want  string
	}{
		"of a contract that keeps its name":       {[]string{january(wrong, right, sold), statement("20250110", "20250228", wrong, right, sold, split, back, renamed)}, "5"},
		"of what was bought after it":             {[]string{january(gift, later)}, "100"},
		"of what was bought in a later statement": {[]string{january(gift), february(strings.ReplaceAll(later, "20250125", "20250205"))}, "100"},
		"of a contract that comes back from its exchange, and is renamed": {[]string{january(bought, all), statement("20250110", "20250228", bought, some,
			holding("6", "30", `symbol="NEW"`),
			act("8", "TO", tender, "AAA", "101", "-6", `actionID="5"`), act("9", "TO", tender, "AAA.T", "703", "6", `actionID="5"`),
			act("10", "TC", allocated, "AAA.T", "703", "-6", `actionID="6" dateTime="20250210;202500"`),
			act("11", "TC", allocated, "AAA", "101", "6", `actionID="6" dateTime="20250210;202500"`))}, "6"},
		"of a part of a holding, of which positions tell": {[]string{january(append(tendered, fill("1", "20250110;100000", "100", "40", "-1", ""), holding("50", "2000.5", ""), holding("50", "2000.5", of("AAA.T", "703")))...)}, "0"},
		"of a part of a holding, that is traded since": {[]string{january(append(tendered, fill("1", "20250110;100000", "100", "40", "-1", ""), fill("2", "20250122;100000", "-10", "41", "0", ""),
			holding("40", "1600.4", ""), holding("50", "2000.5", of("AAA.T", "703")))...)}, "-10"},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			importInto(t, p, tc.files...)
			require.Equal(t, tc.want, held(t, p, "AAA").Quantity.String())
			seq := p.Seq()
			importInto(t, p, tc.files...)
			require.Equal(t, tc.want, held(t, p, "AAA").Quantity.String(), "after the statements were imported again")
			require.Equal(t, seq, p.Seq(), "importing them again must add nothing")
		})
	}
}

// A statement that lacks the rate for a corporate action that the book has leaves nothing out for it.
func TestCorporateActionsWithoutARateAgain(t *testing.T) {
	buy := fill("1", "20250110;100000", "100", "40", "-1", `currency="EUR" fxRateToBase="1.25"`)
	sold := act("9", "TC", "AAA(US101) MERGED(Acquisition) FOR USD 40.00 PER SHARE", "AAA", "101", "-100", `proceeds="4000"`)
	p := fresh(t, "USD")
	importInto(t, p, january(buy, sold))
	seq := p.Seq()
	plans := importInto(t, p, statement("20250115", "20250228", sold))
	require.Empty(t, Unread(plans[0].Issues), "the book has the sale")
	require.Equal(t, seq, p.Seq())
}

// What becomes of a spin-off's parent may lead to a contract of which nothing is booked.
func TestSpinOffOfWhatIsLeftOut(t *testing.T) {
	const toNew = "AAA(US101) MERGED(Acquisition)  WITH US703 1 FOR 1"
	p := fresh(t, "USD")
	plans := importInto(t, p, january(fill("1", "20250110;100000", "100", "40", "-1", ""), act("7", "SO", "AAA(US101) SPINOFF 1 FOR 1", "CHD", "702", "100", ""),
		action("8", "20250121;202500", "AAA", "101", "-100", `actionID="5" type="TC" actionDescription="`+toNew+` (AAA, X INC, US101)"`),
		action("9", "20250121;202500", "NEW", "703", "100", `actionID="5" type="TC" actionDescription="`+toNew+` (NEW, X INC, US703)"`),
		action("10", "20250125;202500", "NEW", "703", "-100", `type="TC" currency="EUR" proceeds="4000" actionDescription="NEW(US703) MERGED(Acquisition) FOR EUR (NEW, X INC, US703)"`),
		holding("100", "100", of("CHD", "702"))))
	require.Contains(t, textOf(plans[0].Issues), "the statement has no rate from EUR to USD")
	require.Equal(t, "100", held(t, p, "CHD").Quantity.String())
}

// An action whose rows name a contract as it is no longer called is known by what the book has.
func TestCorporateActionsOfARenamedContract(t *testing.T) {
	rights := act("7", "RI", "AAA(US101) SUBSCRIBABLE RIGHTS ISSUE 1 FOR 1", "AAA.RTS", "703", "10", "")
	whole := statement("20250110", "20250228", rights, holding("15", "90", `symbol="NEW"`), holding("10", "0", of("AAA.RTS", "703")),
		fill("5", "20250205;100000", "5", "8", "0", `symbol="NEW"`))
	p := fresh(t, "USD")
	importInto(t, p, january(fill("1", "20250105;100000", "10", "5", "0", ""), rights), whole)
	require.Equal(t, []string{"10 of STK:AAA.RTS:USD at 0", "15 of STK:NEW:USD at 90"}, outcome(t, p, nil))
	seq := p.Seq()
	plans := importInto(t, p, whole, whole)
	require.Empty(t, Unread(append(plans[0].Issues, plans[1].Issues...)))
	require.Equal(t, seq, p.Seq(), "importing the statement again must add nothing")
}

// A spin-off divides the basis of what was held when it came, whatever the book has since, and whatever of it the
// statement cancels or corrects.
func TestSpinOffDividesWhatWasHeld(t *testing.T) {
	buy, sold := fill("1", "20250110;100000", "100", "40", "-1", `ibExecID="0a.0b.0c.01"`), fill("2", "20250111;100000", "-30", "50", "0", `ibExecID="0a.0b.0d.01"`)
	corrected := fill("3", "20250111;100000", "-20", "50", "0", `ibExecID="0a.0b.0d.02"`)
	cancel := fill("3", "20250203;100000", "30", "50", "0", `transactionType="TradeCancel" buySell="SELL (Ca.)" origTransactionID="2"`)
	more, short := fill("4", "20250205;100000", "50", "41", "0", ""), fill("5", "20250206;100000", "-50", "42", "0", "")
	spun := func(at, quantity string) string {
		return act("9", "SO", "AAA(US101) SPINOFF 1 FOR 1", "CHD", "702", quantity, `dateTime="`+at+`"`)
	}
	ends := func(quantity, own, child string) []string {
		return []string{holding(quantity, own, ""), holding(map[string]string{"80": "80"}[quantity]+map[bool]string{true: "100"}[quantity != "80"], child, of("CHD", "702"))}
	}
	bought, late := fill("6", "20250125;100000", "50", "41", "0", `ibExecID="0a.0b.0e.01"`), spun("20250120;202500", "100")
	late = strings.Replace(late, `reportDate="20250120"`, `reportDate="20250203"`, 1)
	for name, tc := range map[string]struct {
		files []string
		want  []string
	}{
		"a sale is cancelled": {[]string{january(buy, sold), february(append(ends("100", "3000", "1001"), cancel, spun("20250210;202500", "100"))...)},
			[]string{"100 of STK:AAA:USD at 3000", "100 of STK:CHD:USD at 1001"}},
		"a sale is corrected": {[]string{january(buy, sold), statement("20250110", "20250228", append(ends("80", "2200.8", "1000"), buy, corrected, spun("20250210;202500", "80"))...)},
			[]string{"0a.0b.0d.02 closes -20 for 199.8", "80 of STK:AAA:USD at 2200.8", "80 of STK:CHD:USD at 1000"}},
		"more was bought since": {[]string{january(buy), february(more), january(append(ends("100", "3000", "1001"), buy, spun("20250121;202500", "100"))...)},
			[]string{"150 of STK:AAA:USD at 5050", "100 of STK:CHD:USD at 1001"}},
		"it is told late, and more was bought meanwhile": {[]string{january(buy, bought), february(append(ends("150", "5050", "1001"), late)...)},
			[]string{"150 of STK:AAA:USD at 5050", "100 of STK:CHD:USD at 1001"}},
		"it is told late, by what its parent keeps alone": {[]string{january(buy, bought), february(holding("150", "5050", ""), holding("100", "", of("CHD", "702")), late)},
			[]string{"150 of STK:AAA:USD at 5050", "100 of STK:CHD:USD at 1001"}},
		"it is told late, and some was sold meanwhile": {[]string{january(buy, bought, strings.ReplaceAll(sold, "20250111", "20250128")), february(append(ends("120", "4150", "1001"), late)...)},
			[]string{"0a.0b.0d.01 closes -30 for 600", "120 of STK:AAA:USD at 4150", "100 of STK:CHD:USD at 1001"}},
		"it is told when the book has begun since": {[]string{statement("20250122", "20250131", bought, holding("150", "6051", "")), february(append(ends("150", "5050", "1001"), late)...)},
			[]string{"150 of STK:AAA:USD at 5050 inferred", "100 of STK:CHD:USD at 1001 inferred"}},
		"it is told late, and its parent is renamed": {[]string{january(buy, bought), february(holding("200", "7150", `symbol="NEW"`), holding("100", "1001", of("CHD", "702")), late,
			fill("7", "20250206;100000", "50", "42", "0", `symbol="NEW"`))},
			[]string{"100 of STK:CHD:USD at 1001", "200 of STK:NEW:USD at 7150"}},
		"as much was bought and sold since": {[]string{january(buy), february(more, short), january(append(ends("100", "3000", "1001"), buy, spun("20250121;202500", "100"))...)},
			[]string{"tx-5 closes -50 for 600", "100 of STK:AAA:USD at 3550", "100 of STK:CHD:USD at 1001"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			importInto(t, p, tc.files...)
			require.Equal(t, tc.want, outcome(t, p, nil))
			seq := p.Seq()
			importInto(t, p, tc.files...)
			require.Equal(t, seq, p.Seq(), "importing everything again must add nothing")
		})
	}
}

// What a later statement takes back is in the book already.
func TestCorporateActionsTakenBackLater(t *testing.T) {
	buy := fill("1", "20250110;100000", "100", "40", "-1", `openCloseIndicator="O"`)
	old := act("7", "FS", "AAA(US101) SPLIT 2 FOR 1", "AAA", "101", "100", "")
	back := act("8", "FS", "AAA(US101) SPLIT 2 FOR 1", "AAA", "101", "-100", `code="Ca" reportDate="20250203"`)
	right := act("9", "FS", "AAA(US101) SPLIT 3 FOR 1", "AAA", "101", "200", `reportDate="20250203"`)
	merged := act("7", "TC", "AAA(US101) MERGED(Acquisition) FOR USD 45.00 PER SHARE", "AAA", "101", "-100", `proceeds="4500" fifoPnlRealized="499"`)
	unmerged := act("8", "TC", "AAA(US101) MERGED(Acquisition) FOR USD 45.00 PER SHARE", "AAA", "101", "100", `proceeds="-4500" fifoPnlRealized="-499" code="Ca" reportDate="20250203"`)
	for name, tc := range map[string]struct {
		files []string
		want  []string
	}{
		"a split, alone":       {[]string{january(buy, old, holding("200", "4001", "")), february(back, right, holding("300", "4001", ""))}, []string{"300 of STK:AAA:USD at 4001"}},
		"a split, overlapping": {[]string{january(buy, old, holding("200", "4001", "")), statement("20250101", "20250228", buy, old, back, right, holding("300", "4001", ""))}, []string{"300 of STK:AAA:USD at 4001"}},
		"a merger, alone":      {[]string{january(buy, merged, nothing), february(unmerged, holding("100", "4001", ""))}, []string{"100 of STK:AAA:USD at 4001"}},
		"a merger, overlapping": {[]string{january(buy, merged, nothing), statement("20250101", "20250228", buy, merged, unmerged, holding("100", "4001", ""))},
			[]string{"100 of STK:AAA:USD at 4001"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			plans := importInto(t, p, tc.files...)
			require.Equal(t, tc.want, outcome(t, p, plans))
			r, err := p.Reconcile(t.Context(), plans[1].Broker)
			require.NoError(t, err)
			require.Empty(t, r.Breaks)
			seq := p.Seq()
			importInto(t, p, tc.files...)
			require.Equal(t, seq, p.Seq(), "importing everything again must add nothing")
		})
	}
}

// What cannot be taken back whole is left as it is, and what was exchanged for it goes back with
// it.
func TestWholeActionsAreTakenBack(t *testing.T) {
	buy := fill("1", "20250110;100000", "100", "40", "-1", `openCloseIndicator="O"`)
	const abroad = "AAA(US101) MERGED(Acquisition) FOR EUR 40.00 PER SHARE"
	sold := act("7", "TC", abroad, "AAA", "101", "-100", `currency="EUR" fxRateToBase="1.25" proceeds="4000"`)
	unsold := act("8", "TC", abroad, "AAA", "101", "100", `currency="EUR" fxRateToBase="1.25" proceeds="-4000" code="Ca" reportDate="20250203"`)
	p := fresh(t, "USD")
	importInto(t, p, january(buy, sold, nothing))
	require.Equal(t, "4000", p.Snapshot().Cash["EUR"].Balance().String(), "the money is there in the currency that it came in")
	importInto(t, p, february(unsold))
	require.Equal(t, "100", held(t, p, "AAA").Quantity.String())
	for currency, balance := range p.Snapshot().Cash {
		want := map[ledger.Currency]string{"USD": "-4001", "EUR": "0"}[currency]
		require.Equal(t, want, balance.Balance().String(), "%s after the action was taken back", currency)
	}

	const both = "AAA(US101) MERGED(Acquisition) WITH US712 1 FOR 2"
	gone := act("7", "TC", both, "AAA", "101", "-100", `actionID="5" proceeds="1000" fifoPnlRealized="49"`)
	came := act("8", "TC", both, "ACQ", "712", "50", `actionID="5"`)
	p = fresh(t, "USD")
	importInto(t, p, january(buy, gone, came, holding("50", "3050", of("ACQ", "712"))))
	before := p.Seq()
	plans := importInto(t, p, february(act("17", "TC", both, "AAA", "101", "100", `actionID="5" proceeds="-1000" code="Ca" reportDate="20250203"`),
		act("18", "TC", both, "ACQ", "712", "-50", `actionID="5" code="Ca" reportDate="20250203"`)))
	require.Equal(t, before, p.Seq(), "half of a merger was taken back")
	require.Len(t, slices.DeleteFunc(plans[0].Issues, func(i Issue) bool { return !i.Unread }), 2, "each row that is not booked is named")
	require.Equal(t, "50", held(t, p, "ACQ").Quantity.String())
}

// held returns a position by its symbol.
func held(t *testing.T, p *accounts.Portfolio, symbol string) ledger.Position {
	t.Helper()
	for _, pos := range p.Positions() {
		if pos.Instrument.Symbol == symbol && !pos.Quantity.IsZero() {
			return pos
		}
	}
	return ledger.Position{}
}
