package flex

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// fill returns a trade row of stock AAA; attrs add to or replace what it says.
func fill(id, at, quantity, price, commission, attrs string) string {
	return trade(dedupe(fmt.Sprintf(`symbol="AAA" conid="101" dateTime="%s" quantity="%s" tradePrice="%s" ibCommission="%s" `+
		`tradeID="" transactionID="%s" reportDate="%.8s" %s`, at, quantity, price, commission, id, at, attrs)))
}

// option returns a row of the option on AAA at 10, a call or a put.
func option(right, id, at, quantity, price, attrs string) string {
	return fill(id, at, quantity, price, "0", fmt.Sprintf(`symbol="AAA   250620%s00010000" conid="20%s" assetCategory="OPT" multiplier="100" `+
		`strike="10" expiry="20250620" putCall="%s" underlyingSymbol="AAA" underlyingConid="101" %s`, right, map[string]string{"C": "1", "P": "2"}[right], right, attrs))
}

// statement wraps rows into their sections.
func statement(from, to string, rows ...string) string {
	sections := map[string][]string{}
	for _, row := range rows {
		element, _, _ := strings.Cut(row[1:], " ")
		name := map[string]string{"Trade": "Trades", "OpenPosition": "OpenPositions", "CashTransaction": "CashTransactions",
			"CorporateAction": "CorporateActions", "CashReportCurrency": "CashReport", "Transfer": "Transfers",
			"StockGrantActivity": "StockGrantActivities", "CFDCharge": "CFDCharges", "TransactionTax": "TransactionTaxes"}[element]
		sections[name] = append(sections[name], row)
	}
	var b strings.Builder
	for _, name := range []string{"Trades", "OpenPositions", "CashTransactions", "CorporateActions", "CashReport", "Transfers", "StockGrantActivities",
		"CFDCharges", "TransactionTaxes"} {
		if rows, ok := sections[name]; ok {
			fmt.Fprintf(&b, "<%s>%s</%s>", name, strings.Join(rows, "\n"), name)
		}
	}
	return fmt.Sprintf(`<FlexQueryResponse><FlexStatements><FlexStatement accountId="U1234567" fromDate="%s" toDate="%s">%s</FlexStatement></FlexStatements></FlexQueryResponse>`, from, to, b.String())
}

func january(rows ...string) string  { return statement("20250101", "20250131", rows...) }
func february(rows ...string) string { return statement("20250201", "20250228", rows...) }

// holding returns an open position row of AAA.
func holding(quantity, basis, attrs string) string {
	return "<OpenPosition " + dedupe(fmt.Sprintf(`currency="USD" assetCategory="STK" symbol="AAA" conid="101" position="%s" costBasisMoney="%s" levelOfDetail="SUMMARY" %s`,
		quantity, basis, attrs)) + "/>"
}

// nothing is an open position row that makes the section be there.
var nothing = holding("0", "0", `symbol="ZZZ" conid="999"`)

func action(id, at, symbol, conid, quantity, attrs string) string {
	return "<CorporateAction " + dedupe(fmt.Sprintf(`currency="USD" assetCategory="STK" symbol="%s" conid="%s" dateTime="%s" quantity="%s" transactionID="%s" `+
		`reportDate="%.8s" proceeds="0" %s`, symbol, conid, at, quantity, id, at, attrs)) + "/>"
}

// importInto imports statements one after the other and returns the plans.
func importInto(t *testing.T, p *accounts.Portfolio, files ...string) (plans []*Plan) {
	t.Helper()
	for _, file := range files {
		plan, _, err := Import(context.Background(), p, read(t, file))
		require.NoError(t, err, "the statement must import")
		plans = append(plans, plan)
	}
	return plans
}

// outcome prints what the book has: closings, then positions, then issues of all plans.
func outcome(t *testing.T, p *accounts.Portfolio, plans []*Plan) (lines []string) {
	t.Helper()
	mark := map[bool]string{true: " inferred"}
	closings, err := p.Closings(context.Background(), accounts.TradeFilter{})
	require.NoError(t, err)
	for _, recorded := range closings {
		c := recorded.Value
		lines = append(lines, fmt.Sprintf("%s closes %s for %s%s", c.Trade.ExecID, c.Quantity, c.Realized, mark[c.Inferred]))
	}
	for _, pos := range p.Positions() {
		inferred := false
		for _, l := range pos.Lots {
			inferred = inferred || l.Inferred
		}
		lines = append(lines, fmt.Sprintf("%s of %s at %s%s", pos.Quantity, pos.Instrument.Key(), pos.Basis, mark[inferred]))
	}
	for _, plan := range plans {
		for _, i := range plan.Issues {
			lines = append(lines, "issue: "+i.Text)
		}
	}
	require.NoError(t, p.Verify(context.Background()), "the journal must verify")
	return lines
}

// A contract that bears the name of another one, of which the book holds something and the statement tells nothing, is
// taken for that one with another number: the query may show no corporate actions. A statement that tells of both
// keeps them apart.
func TestContractsOfOneName(t *testing.T) {
	p := fresh(t, "USD")
	importInto(t, p, january(fill("1", "20250110;100000", "10", "5", "0", "")))
	sold := fill("2", "20250205;100000", "-4", "7", "0", `conid="777"`)
	plans := importInto(t, p, february(sold, holding("6", "30", `conid="777"`)))
	require.Contains(t, textOf(plans[0].Issues), "contract 777 is called STK:AAA:USD, as contract 101 is")
	require.Equal(t, []string{"tx-2 closes -4 for 8", "6 of STK:AAA:USD at 30"}, outcome(t, p, nil))

	p = fresh(t, "USD")
	bought := fill("2", "20250205;100000", "4", "7", "0", `conid="777"`)
	importInto(t, p, january(fill("1", "20250110;100000", "10", "5", "0", "")))
	plans = importInto(t, p, february(bought, holding("4", "28", `conid="777"`), holding("10", "50", "")))
	require.Contains(t, textOf(plans[0].Issues), "contracts 101 and 777 are both called")
	require.Equal(t, []string{"4 of STK:AAA#777:USD at 28", "10 of STK:AAA:USD at 50"}, outcome(t, p, nil))
}

func TestPlan(t *testing.T) {
	first, second, third := "20250110;100000", "20250111;100000", "20250112;100000"
	buy := fill("1", first, "10", "5", "-1", `openCloseIndicator="O" ibExecID="a.b.01"`)
	for name, tc := range map[string]struct {
		files []string
		want  []string
	}{
		"flip": {[]string{january(buy, fill("2", second, "-15", "6", "-1.5", `openCloseIndicator="C;O" cost="-51" fifoPnlRealized="8"`), holding("-5", "-29.5", ""))},
			[]string{"tx-2 closes -10 for 8", "-5 of STK:AAA:USD at -29.5"}},
		"flip of a large order that closes a little held before and a little bought": {[]string{january(fill("1", first, "0.25", "0.5", "0", `openCloseIndicator="O" cost="0.125" fifoPnlRealized="0"`),
			fill("2", second, "-273", "0.5", "0", `openCloseIndicator="C;O" cost="-0.375" fifoPnlRealized="-0.125"`))},
			[]string{"tx-2 closes -0.5 for -0.125 inferred", "-272.5 of STK:AAA:USD at -136.25"}},
		"flip of what was held before": {[]string{january(fill("2", second, "-15", "6", "-1.5", `openCloseIndicator="C;O" cost="-51" fifoPnlRealized="8"`))},
			[]string{"tx-2 closes -10 for 8 inferred", "-5 of STK:AAA:USD at -29.5"}},
		"put assigned": {[]string{january(option("P", "1", first, "-1", "0.5", `openCloseIndicator="O"`), option("P", "2", second, "1", "0", `notes="A" openCloseIndicator="C" cost="50" fifoPnlRealized="0"`),
			fill("3", second, "100", "10", "0", `notes="A" openCloseIndicator="O" cost="1000" fifoPnlRealized="0"`), holding("100", "950", ""))},
			[]string{"tx-2 closes 1 for 0", "100 of STK:AAA:USD at 950"}},
		"call assigned": {[]string{january(fill("1", first, "100", "8", "0", `openCloseIndicator="O"`), option("C", "2", first, "-1", "0.5", `openCloseIndicator="O"`),
			fill("4", second, "-100", "10", "-0.02", `notes="A" openCloseIndicator="C" cost="-800" fifoPnlRealized="249.98"`),
			option("C", "5", second, "1", "0", `notes="A" openCloseIndicator="C" cost="50" fifoPnlRealized="0"`), nothing)},
			[]string{"tx-5 closes 1 for 0", "tx-4 closes -100 for 249.98"}},
		"call assigned, both held before": {[]string{january(fill("4", second, "-100", "10", "-0.02", `notes="A" openCloseIndicator="C" cost="-800" fifoPnlRealized="249.98"`),
			option("C", "3", second, "1", "0", `notes="A" openCloseIndicator="C" cost="50" fifoPnlRealized="0"`), nothing)},
			[]string{"tx-3 closes 1 for 0 inferred", "tx-4 closes -100 for 249.98 inferred"}},
		"premium told by the stock alone": {[]string{january(fill("1", first, "100", "8", "0", `openCloseIndicator="O"`),
			fill("4", second, "-100", "10", "-0.02", `notes="A" openCloseIndicator="C" fifoPnlRealized="249.98"`),
			option("C", "3", second, "1", "0", `notes="A" openCloseIndicator="C" fifoPnlRealized="0"`), nothing)},
			[]string{"tx-3 closes 1 for 0 inferred", "tx-4 closes -100 for 249.98"}},
		"long call exercised": {[]string{january(option("C", "1", first, "1", "0.5", `openCloseIndicator="O"`), option("C", "2", second, "-1", "0", `notes="Ex" openCloseIndicator="C" cost="-50" fifoPnlRealized="0"`),
			fill("3", second, "100", "10", "0", `notes="Ex" openCloseIndicator="O" cost="1000" fifoPnlRealized="0"`), holding("100", "1050", ""))},
			[]string{"tx-2 closes -1 for 0", "100 of STK:AAA:USD at 1050"}},
		"long put exercised into a short": {[]string{january(option("P", "1", first, "1", "0.5", `openCloseIndicator="O"`), option("P", "2", second, "-1", "0", `notes="Ex" openCloseIndicator="C" cost="-50" fifoPnlRealized="0"`),
			fill("3", second, "-100", "10", "0", `notes="Ex" openCloseIndicator="O" cost="-1000" fifoPnlRealized="0"`), holding("-100", "-950", ""))},
			[]string{"tx-2 closes -1 for 0", "-100 of STK:AAA:USD at -950"}},
		"exercise settled in cash": {[]string{january(option("C", "1", first, "1", "0.5", `openCloseIndicator="O"`),
			option("C", "2", second, "-1", "3", `notes="Ex" openCloseIndicator="C" cost="-50" fifoPnlRealized="250"`), nothing)}, []string{"tx-2 closes -1 for 250"}},
		"expiry": {[]string{january(option("P", "1", first, "-2", "0.5", `openCloseIndicator="O"`), option("P", "2", second, "2", "0", `notes="Ep" openCloseIndicator="C" cost="100" fifoPnlRealized="100"`), nothing)},
			[]string{"tx-2 closes 2 for 100"}},
		"cancelled in the same file": {[]string{january(buy, fill("2", second, "-10", "6", "-1", `openCloseIndicator="C" cost="-51" fifoPnlRealized="8" ibExecID="a.c.01"`),
			fill("3", third, "10", "6", "1", `transactionType="TradeCancel" buySell="SELL (Ca.)" origTransactionID="2"`), holding("10", "51", ""))},
			[]string{"10 of STK:AAA:USD at 51"}},
		"fraction of a share that is sold and given back": {[]string{january(buy, fill("2", second, "-0.5", "5", "0", `transactionType="FracShare" openCloseIndicator="C"`),
			fill("3", third, "0.5", "5", "0", `transactionType="FracShareCancel" openCloseIndicator="C"`), holding("10", "51", ""))},
			[]string{"10 of STK:AAA:USD at 51"}},
		"cancelled in a later file": {[]string{january(buy, fill("2", second, "-10", "6", "-1", `openCloseIndicator="C" cost="-51" fifoPnlRealized="8"`), nothing),
			february(fill("3", "20250203;100000", "10", "6", "1", `notes="Ca" buySell="SELL (Ca.)"`), holding("10", "51", ""))},
			[]string{"10 of STK:AAA:USD at 51"}},
		"two of three alike cancelled in a later file": {[]string{january(buy, fill("2", second, "10", "5", "-1", ""), fill("3", third, "10", "5", "-1", "")),
			february(fill("4", "20250203;100000", "-10", "5", "1", `notes="Ca" buySell="BUY (Ca.)"`), fill("5", "20250203;100000", "-10", "5", "1", `notes="Ca" buySell="BUY (Ca.)"`))},
			[]string{"10 of STK:AAA:USD at 51"}},
		"cancelled in a later file, which has another name for the contract": {[]string{january(buy, fill("2", second, "20", "6", "-1", `openCloseIndicator="O"`)),
			february(fill("3", "20250203;100000", "-20", "6", "1", `notes="Ca" buySell="BUY (Ca.)"`), fill("4", "20250205;100000", "1", "7", "0", `symbol="NEW" openCloseIndicator="O"`))},
			[]string{"11 of STK:NEW:USD at 58"}},
		"cancellation of nothing known": {[]string{january(buy, fill("3", third, "-4", "5", "0", `buySell="BUY (Ca.)" notes="Ca"`))},
			[]string{"cancel-3 closes -4 for -0.4", "6 of STK:AAA:USD at 30.6", "issue: cancels an execution of AAA that is neither in the statement nor in the book: booked as the opposite trade"}},
		"corrected in one file": {[]string{january(fill("1", first, "10", "5", "-1", `ibExecID="a.b.c.01"`), fill("2", third, "10", "5.5", "-1", `ibExecID="a.b.c.02"`), holding("10", "56", ""))},
			[]string{"10 of STK:AAA:USD at 56"}},
		"corrected in a later file": {[]string{january(fill("1", first, "10", "5", "-1", `ibExecID="a.b.c.01"`), holding("10", "51", "")),
			february(fill("2", first, "8", "5.5", "-1", `ibExecID="a.b.c.02" reportDate="20250203"`), holding("8", "45", ""))},
			[]string{"8 of STK:AAA:USD at 45"}},
		"the same row twice": {[]string{january(buy, buy, holding("10", "51", ""))}, []string{"10 of STK:AAA:USD at 51"}},
		"one execution id on two trades": {[]string{january(buy, fill("2", second, "5", "6", "-1", `ibExecID="a.b.01"`), holding("15", "82", ""))},
			[]string{"15 of STK:AAA:USD at 82"}},
		"equal rows without ids": {[]string{january(fill("", first, "5", "6", "-1", ""), fill("", first, "5", "6", "-1", ""), holding("10", "62", ""))},
			[]string{"10 of STK:AAA:USD at 62"}},
		"fractional": {[]string{january(fill("1", first, "0.3333", "9", "-0.0001", ""), fill("2", second, "-0.1111", "12", "0", `cost="-0.999933" fifoPnlRealized="0.333267"`), holding("0.2222", "1.999867", ""))},
			[]string{"tx-2 closes -0.1111 for 0.333266666667", "0.2222 of STK:AAA:USD at 1.999866666667"}},
		"split of what was held before": {[]string{january(action("9", second, "AAA", "101", "300", `actionDescription="AAA(US1) SPLIT 4 FOR 1 (AAA, A INC, US1)"`),
			fill("2", third, "-100", "3", "0", `openCloseIndicator="C" cost="-200" fifoPnlRealized="100"`), holding("300", "700", ""))},
			[]string{"tx-2 closes -100 for 100 inferred", "300 of STK:AAA:USD at 700 inferred"}},
		"split rounded by the broker": {[]string{january(fill("1", first, "1001", "1", "0", ""),
			action("9", second, "AAA", "101", "-961", `actionDescription="AAA(US1) SPLIT 1 FOR 25 (AAA, A INC, US1)"`), holding("40", "1001", ""))},
			[]string{"40 of STK:AAA:USD at 1001"}},
		"reverse split to a new contract": {[]string{january(fill("1", first, "50", "1", "0", ""),
			action("8", second, "AAA.OLD", "101", "-50", `actionDescription="AAA(US1) SPLIT 1 FOR 25 (AAA.OLD, A INC, US1)"`),
			action("9", second, "AAA", "102", "2", `actionDescription="AAA(US1) SPLIT 1 FOR 25 (AAA, A INC, US2)"`), holding("2", "50", `conid="102"`))},
			[]string{"2 of STK:AAA:USD at 50"}},
		"short renumbered": {[]string{january(
			action("8", second, "AAA.OLD", "101", "50", `actionDescription="AAA(US1) SPLIT 1 FOR 25 (AAA.OLD, A INC, US1)"`),
			action("9", second, "AAA", "102", "-2", `actionDescription="AAA(US1) SPLIT 1 FOR 25 (AAA, A INC, US2)"`), holding("-2", "-50", `conid="102"`))},
			[]string{"-2 of STK:AAA:USD at -50 inferred"}},
		"split of a short finer than four decimals": {[]string{january(
			fill("1", first, "-0.5041", "0.5", "0", `openCloseIndicator="O"`),
			action("8", second, "AAA.OLD", "101", "0.5041", `actionDescription="AAA(US1) SPLIT 1 FOR 25 (AAA.OLD, A INC, US1)"`),
			action("9", second, "AAA", "102", "-0.020164", `actionDescription="AAA(US1) SPLIT 1 FOR 25 (AAA, A INC, US2)"`),
			action("10", third, "AAA", "102", "0.010082", `actionDescription="AAA(US2) SPLIT 1 FOR 2 (AAA, A INC, US2)"`))},
			[]string{"-0.010082 of STK:AAA:USD at -0.25205"}},
		"split of a fraction finer than four decimals that rounds to a whole share": {[]string{january(
			fill("1", first, "0.98765", "10", "0", `openCloseIndicator="O"`),
			action("10", third, "AAA", "101", "0.98765", `actionDescription="AAA(US1) SPLIT 2 FOR 1 (AAA, A INC, US1)"`))},
			[]string{"1.9753 of STK:AAA:USD at 9.8765"}},
		"flip whose closing part is tiny, and nobody saw it opened": {[]string{january(
			fill("1", first, "-0.5", "0.5", "0", `openCloseIndicator="C;O" cost="-0.0001" fifoPnlRealized="0"`))},
			[]string{"tx-1 closes -0.0002 for 0 inferred", "-0.4998 of STK:AAA:USD at -0.2499"}},
		"tender and cash merger": {[]string{january(fill("1", first, "100", "2", "-1", ""),
			action("8", second, "AAA", "101", "-100", `actionDescription="AAA(US1) TENDERED TO US2 1 FOR 1 (AAA, A INC, US1)"`),
			action("9", second, "AAA.TEN", "102", "100", `actionDescription="AAA(US1) TENDERED TO US2 1 FOR 1 (AAA.TEN, A INC, US2)"`),
			action("10", third, "AAA.TEN", "102", "-100", `actionDescription="AAA.TEN(US2) MERGED FOR USD 2.86 PER SHARE (AAA.TEN, A INC, US2)" proceeds="286" fifoPnlRealized="85"`), nothing)},
			[]string{"action-10 closes -100 for 85"}},
		"liquidation of what nobody saw": {[]string{january(action("10", third, "AAA", "101", "-367", `actionDescription="AAA(US2) MERGED(Liquidation) FOR USD 1.1047 PER SHARE (AAA, A INC, US2)" proceeds="405.4249" fifoPnlRealized="0"`))},
			[]string{"action-10 closes -367 for 0 inferred"}},
		"stock dividend": {[]string{january(fill("1", first, "100", "2", "0", ""), action("9", second, "AAA", "101", "5", `actionDescription="AAA(US1) STOCK DIVIDEND 1 FOR 20 (AAA, A INC, US1)"`), holding("105", "200", ""))},
			[]string{"105 of STK:AAA:USD at 200"}},
		"spin-off": {[]string{january(fill("1", first, "100", "2", "0", ""), action("9", second, "SPN", "103", "10", `actionDescription="AAA(US1) SPINOFF 1 FOR 10 (SPN, S INC, US3)"`),
			holding("100", "170", ""), holding("10", "30", `symbol="SPN" conid="103"`))},
			[]string{"100 of STK:AAA:USD at 170", "10 of STK:SPN:USD at 30"}},
		"unknown cash": {[]string{january(`<CashTransaction currency="USD" dateTime="20250110" amount="3" type="Windfall" transactionID="5"/>`)},
			[]string{`issue: unknown type "Windfall", booked as other: 3 USD`}},
		"commission in another currency": {[]string{january(fill("1", first, "10", "5", "-1", `ibCommissionCurrency="EUR"`))},
			[]string{"10 of STK:AAA:USD at 50", "issue: commission of tx-1 in EUR, the contract is in USD: booked as a fee, outside the basis"}},
		"bond": {[]string{january(fill("1", first, "10000", "98.5", "-5", `assetCategory="BOND" proceeds="-9850"`), holding("10000", "9855", `assetCategory="BOND"`))},
			[]string{"10000 of BOND:AAA:0.01:USD at 9855"}},
		"bill that is held at the end": {[]string{january(fill("1", first, "5000", "98.42", "-5.5", `assetCategory="BILL" proceeds="-4921"`),
			holding("5000", "4926.5", `assetCategory="BILL" markPrice="98.49" positionValue="4924.5"`))},
			[]string{"5000 of BOND:AAA:0.01:USD at 4926.5"}},
		"bond that matures": {[]string{january(fill("1", first, "10000", "98.5", "-5", `assetCategory="BOND"`),
			action("9", third, "AAA", "101", "-10000", `type="BM" assetCategory="BOND" proceeds="10000" fifoPnlRealized="145" actionDescription="(US1) BOND MATURITY FOR USD 1.00000000 PER BOND (AAA, A INC, US1)"`), nothing)},
			[]string{"action-9 closes -10000 for 145"}},
		"bill that matures, held before": {[]string{january(action("9", third, "AAA", "101", "-10000", `type="TM" assetCategory="BILL" proceeds="10000" fifoPnlRealized="120" `+
			`actionDescription="(US1) TBILL MATURITY (AAA, A INC, US1)"`), nothing)},
			[]string{"action-9 closes -10000 for 120 inferred"}},
		"bond priced per unit": {[]string{january(fill("1", first, "10", "985", "-5", `assetCategory="BOND" proceeds="-9850"`), holding("10", "9855", `assetCategory="BOND" markPrice="990" positionValue="9900"`))},
			[]string{"10 of BOND:AAA:USD at 9855"}},
		"commission derived": {[]string{january(fill("1", first, "10", "5", "", `netCash="-51.25"`), fill("2", second, "10", "5", "", `openCloseIndicator="O" cost="50.5"`),
			fill("3", third, "-10", "6", "", `openCloseIndicator="C" cost="-51.25" fifoPnlRealized="8"`))},
			[]string{"tx-3 closes -10 for 8", "10 of STK:AAA:USD at 50.5"}},
		"no commission at all": {[]string{january(fill("1", first, "10", "5", "", ""))}, []string{"10 of STK:AAA:USD at 50", "issue: AAA of 2025-01-10 has no commission; taken as zero"}},
		"no quantity":          {[]string{january(fill("1", first, "0", "5", "-2", ""))}, []string{"issue: AAA has no quantity; its -2 USD are booked as a fee"}},
		"renamed in between": {[]string{january(buy, holding("10", "51", "")), february(fill("2", "20250203;100000", "-4", "6", "0", `symbol="BBB" openCloseIndicator="C" cost="-20.4" fifoPnlRealized="3.6"`),
			holding("6", "30.6", `symbol="BBB"`))},
			[]string{"tx-2 closes -4 for 3.6", "6 of STK:BBB:USD at 30.6"}},
		"two contracts with one name": {[]string{january(buy, fill("2", second, "3", "7", "0", `conid="105"`), holding("10", "51", ""), holding("3", "21", `conid="105"`))},
			[]string{"3 of STK:AAA#105:USD at 21", "10 of STK:AAA:USD at 51", "issue: contracts 101 and 105 are both called STK:AAA:USD; the second goes by AAA#105"}},
		"closings across inferred and own lots": {[]string{january(buy, fill("2", second, "-15", "7", "0", `openCloseIndicator="C" cost="-65.5" fifoPnlRealized="39.5"`), holding("5", "25.5", ""))},
			[]string{"tx-2 closes -15 for 39.5 inferred", "5 of STK:AAA:USD at 25.5"}},
		"closings that cost other than the own lots": {[]string{january(buy, fill("2", second, "-5", "7", "0", `openCloseIndicator="C" cost="-15" fifoPnlRealized="20"`),
			fill("3", third, "-5", "7", "0", `openCloseIndicator="C" cost="-25.5" fifoPnlRealized="9.5"`))},
			[]string{"tx-2 closes -5 for 20 inferred", "tx-3 closes -5 for 9.5", "5 of STK:AAA:USD at 25.5"}},
		"short held before": {[]string{january(fill("2", second, "4", "7", "0", `openCloseIndicator="C" cost="40" fifoPnlRealized="12"`), holding("-6", "-55", ""))},
			[]string{"tx-2 closes 4 for 12 inferred", "-6 of STK:AAA:USD at -55 inferred"}},
		"closing that tells nothing": {[]string{january(fill("2", second, "-4", "7", "0", `openCloseIndicator="C"`))},
			[]string{"tx-2 closes -4 for 0 inferred", "issue: AAA closes what was held before the statement and tells neither cost nor realized P&L: taken to realize nothing"}},
		"positions alone": {[]string{january(holding("7", "70", "")), february(holding("7", "70", ""))}, []string{"7 of STK:AAA:USD at 70 inferred"}},
		"price for basis": {[]string{january(holding("7", "", `costBasisPrice="10"`))}, []string{"7 of STK:AAA:USD at 70 inferred"}},
		"ids that come later": {[]string{january(fill("1", first, "10", "5", "0", "")), statement("20250101", "20250228", fill("1", first, "10", "5", "0", `ibExecID="a.b.c.01"`))},
			[]string{"10 of STK:AAA:USD at 50"}},
		"more unseen than thought before": {[]string{january(buy, fill("2", second, "-3", "7", "0", `openCloseIndicator="C" cost="-15" fifoPnlRealized="6"`)),
			statement("20250101", "20250228", buy, fill("2", second, "-3", "7", "0", `openCloseIndicator="C" cost="-15" fifoPnlRealized="6"`),
				fill("3", "20250203;100000", "-2", "7", "0", `openCloseIndicator="C" cost="-4" fifoPnlRealized="10"`))},
			[]string{"tx-2 closes -3 for 6 inferred", "tx-3 closes -2 for 10 inferred", "10 of STK:AAA:USD at 51"}},
		"out of a file that overlaps": {[]string{january(fill("2", second, "-3", "7", "0", `openCloseIndicator="C" cost="-15" fifoPnlRealized="6"`)),
			statement("20250101", "20250228", fill("2", second, "-3", "7", "0", `openCloseIndicator="C" cost="-15" fifoPnlRealized="6"`),
				fill("3", "20250203;100000", "-2", "7", "0", `openCloseIndicator="C" cost="-12" fifoPnlRealized="2"`))},
			[]string{"tx-2 closes -3 for 6 inferred", "tx-3 closes -2 for 2 inferred"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			plans := importInto(t, p, tc.files...)
			require.Equal(t, tc.want, outcome(t, p, plans))
			r, err := p.Reconcile(context.Background(), plans[len(plans)-1].Broker)
			require.NoError(t, err)
			require.Empty(t, r.Breaks, "the book must agree with the broker")
			seq := p.Seq()
			importInto(t, p, tc.files...)
			require.Equal(t, seq, p.Seq(), "importing everything again must add nothing")
		})
	}
}
