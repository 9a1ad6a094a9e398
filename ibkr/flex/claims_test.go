package flex

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

const order71, order72 = ` ibOrderID="71" `, ` ibOrderID="72" `

// execution is a row of AAA with all ids, orderRow one of an order.
func execution(id, at, quantity, price, attrs string) string {
	return fill(id, at, quantity, price, "-1", `ibExecID="0000d514.`+id+`.01.01" levelOfDetail="EXECUTION" `+attrs)
}

func orderRow(at, quantity, price, attrs string) string {
	return fill("", at, quantity, price, "-2", `levelOfDetail="ORDER" `+attrs)
}

// activity is an activity statement of January of the sections.
func activity(sections ...string) string {
	return "Statement,Header,Field Name,Field Value\nStatement,Data,Period,\"January 1, 2025 - January 31, 2025\"\n" +
		"Account Information,Header,Field Name,Field Value\nAccount Information,Data,Account,U1234567\nAccount Information,Data,Base Currency,USD\n" +
		strings.Join(sections, "") +
		activityContracts +
		"Financial Instrument Information,Data,Stocks,AAA,AAA INC,101,US101,1\n"
}

const (
	activityContracts = "Financial Instrument Information,Header,Asset Category,Symbol,Description,Conid,Security ID,Multiplier\n"

	activityTrades = "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Proceeds,Comm/Fee,Basis,Realized P/L,Code\n" +
		"Trades,Data,Order,Stocks,USD,AAA,\"2025-01-10, 10:00:05\",100,40.4,-4040,-2,4042,0,O\n"
	activityDeposit  = "Deposits & Withdrawals,Header,Currency,Settle Date,Description,Amount\nDeposits & Withdrawals,Data,USD,2025-01-03,Electronic Fund Transfer,10000\n"
	activityDividend = "Dividends,Header,Currency,Date,Description,Amount\nDividends,Data,USD,2025-01-15,AAA(US101) Cash Dividend USD 0.50 per Share (Ordinary Dividend),50\n"
	activitySplit    = "Corporate Actions,Header,Asset Category,Currency,Report Date,Date/Time,Description,Quantity,Proceeds,Value,Realized P/L,Code\n" +
		"Corporate Actions,Data,Stocks,USD,2025-01-16,\"2025-01-15, 20:25:00\",\"AAA(US101) Split 2 for 1 (AAA, AAA INC, US101)\",100,0,0,0,\n"
)

// recorded is a fill that was recorded when it happened.
func recorded(id, quantity, price string) ledger.Trade {
	inst := ledger.NewStock("AAA", "USD")
	inst.ConID = 101
	return ledger.Trade{ExecID: ledger.ExecID(id), OrderID: "mine", Instrument: inst, Quantity: dec(quantity), Price: dec(price),
		CommissionPending: true, Time: time.Date(2025, 1, 10, 15, 0, 0, 0, time.UTC)}
}

// What the book may have in another form is never booked, nor what comes with it.
func TestWhatTheBookHasInAnotherForm(t *testing.T) {
	const day = "20250110;"
	first, second := execution("1", day+"100000", "60", "40", order71), execution("2", day+"100005", "40", "41", order71)
	order, sold := orderRow(day+"100005", "100", "40.4", order71), orderRow(day+"110000", "-50", "42", order72)
	without := func(row string) string { return strings.NewReplacer(order71, "", order72, "").Replace(row) }
	summaryOf := func(row string) string { return strings.ReplaceAll(row, "ORDER", "SYMBOL_SUMMARY") }
	cancel := fill("9", day+"150000", "-40", "41", "1", `levelOfDetail="EXECUTION" transactionType="TradeCancel" buySell="BUY (Ca.)" origTransactionID="2"`)
	corrected := strings.NewReplacer(".01.01", ".01.02", `tradePrice="41"`, `tradePrice="40.5"`).Replace(second)
	dated := func(row string) string { // by trade date alone
		return strings.Replace(row, `dateTime="20250113;100005"`, `dateTime="" tradeDate="20250113"`, 1)
	}
	option := ` symbol="SPX   250117P04300000" conid="601" assetCategory="OPT" multiplier="100" strike="4300" expiry="20250117" putCall="P" underlyingSymbol="SPX" `
	assigned := fill("3", "20250117;162000", "1", "0", "0", option+`transactionType="BookTrade" levelOfDetail="EXECUTION" notes="A" openCloseIndicator="C"`)
	settled := func(row string) string {
		return with(january(row), `<OptionEAE><OptionEAE currency="USD" `+option+` date="20250117" transactionType="Cash Settlement" quantity="0" proceeds="-5000" realizedPnl="-3751"/></OptionEAE>`)
	}
	alone := with(january(), `<OptionEAE><OptionEAE currency="USD" `+option+` date="20250117" transactionType="Cash Settlement" quantity="0" proceeds="-5000" realizedPnl="-3751"/></OptionEAE>`)
	cash := func(id, kind, at, amount, attrs string) string {
		return `<CashTransaction ` + dedupe(`currency="USD" type="`+kind+`" dateTime="`+at+`" amount="`+amount+`" transactionID="`+id+`" levelOfDetail="DETAIL" `+attrs) + `/>`
	}
	dividend := cash("6", "Dividends", "20250115;202000", "50", `symbol="AAA" conid="101"`)
	deposited := cash("5", "Deposits/Withdrawals", "20250103", "10000", "")
	total := cash("", "Dividends", "20250115;202000", "80", `symbol="AAA" conid="101" levelOfDetail="SUMMARY"`)
	bare := func(row, id string) string { return strings.Replace(row, `transactionID="`+id+`"`, "", 1) }
	split := action("77", "20250115;202500", "AAA", "101", "100", `type="FS" actionDescription="AAA(US101) SPLIT 2 FOR 1 (AAA, AAA INC, US101)"`)
	moved := `<Transfer currency="USD" assetCategory="STK" symbol="AAA" conid="101" dateTime="20250110;120000" direction="IN" quantity="100" positionAmount="4000" transactionID="9"/>`

	for name, c := range map[string]struct {
		first, second string
		refused       string // what the error says; empty for a statement that is imported
		added         int
	}{
		"orders after executions":                      {january(first, second), january(order), "line 1 tells STK:AAA:USD on 2025-01-10, by its order id, and the book has 0000d514.1.01.01 of 2025-01-10, by its execution id", 0},
		"executions after orders":                      {january(order), january(first, second), "the book has order-71-101-20250110", 0},
		"orders without ids after executions":          {january(first, second), january(without(order)), "order without an id", 0},
		"executions of another order":                  {january(order), january(execution("4", day+"120000", "10", "40", order72)), "by its order id", 0},
		"executions without an order's id after that":  {january(order), january(without(first)), "by its order id", 0},
		"an activity statement after executions":       {january(first, second), activity(activityTrades), "execution id", 0},
		"executions after an activity statement":       {activity(activityTrades), january(first, second), "order without an id", 0},
		"an activity statement after orders":           {january(order), activity(activityTrades), "order-71", 0},
		"a summary of the contract after executions":   {january(first, second), january(summaryOf(order)), "by its summary", 0},
		"a summary of several days":                    {january(execution("1", "20250109;100000", "100", "40", "")), january(summaryOf(order)), "of 2025-01-09", 0},
		"a corrected execution after the order":        {january(order), january(second, corrected), "order-71", 0},
		"an execution and its cancellation":            {january(order), january(first, second, cancel), "order-71", 0},
		"a cancellation alone":                         {january(order), january(cancel), "order-71", 0},
		"an order of cancelled executions":             {january(second, cancel), january(orderRow(day+"100005", "40", "41", order71)), "0000d514.2", 0},
		"an order over midnight after its executions":  {january(execution("1", "20250112;235950", "50", "40", order71)), january(orderRow("20250113;000010", "100", "40.4", order71)), "of 2025-01-12", 0},
		"an execution after an order over midnight":    {january(orderRow("20250112;235950", "100", "40.4", order71)), january(execution("2", "20250113;000010", "50", "40.8", order71)), "order-71", 0},
		"an order with a trade date alone":             {january(execution("1", "20250112;183000", "50", "40", order71)), january(dated(orderRow("20250113;100005", "50", "40", order71))), "of 2025-01-12", 0},
		"a difference within a thousandth":             {january(order), january(execution("1", day+"100000", "100", "40.401", order71)), "order-71", 0},
		"executions by other ids":                      {january(first), january(bare(strings.Replace(first, `ibExecID="0000d514.1.01.01"`, "", 1), "1")), "row without an id", 0},
		"executions without their execution ids":       {january(first), january(strings.Replace(first, `ibExecID="0000d514.1.01.01"`, "", 1)), "by its transaction id", 0},
		"a charge by orders after executions":          {january(execution("1", day+"100000", "0", "0", order71)), january(orderRow(day+"100005", "0", "0", order71)), "charge-0000d514.1.01.01", 0},
		"a charge by executions after orders":          {january(order), january(execution("1", day+"100000", "0", "0", order71)), "order-71", 0},
		"an execution after a charge by orders":        {january(orderRow(day+"100005", "0", "0", order71)), january(first), "charge-order-71", 0},
		"an order that grew":                           {january(orderRow(day+"100005", "50", "40", order71)), january(order), "the book has order-71-101-20250110 with 50 for -2000 at 2", 0},
		"an order with another price":                  {january(order), january(strings.Replace(order, "40.4", "40.41", 1)), "for -4041", 0},
		"an order with other costs":                    {january(order), january(strings.Replace(order, `"-2"`, `"-3"`, 1)), "at costs of 3", 0},
		"an order without an id that grew":             {january(without(orderRow(day+"100005", "50", "40", ""))), january(without(order)), "order-row-", 0},
		"an order over midnight in UTC that grew":      {january(orderRow("20250112;185950", "50", "40", order71)), january(orderRow("20250112;190010", "100", "40.4", order71)), "order-71-101-20250112 of 2025-01-12", 0},
		"money of an unknown contract by orders":       {january(execution("1", day+"100000", "60", "40", `assetCategory="SWP"`)), january(orderRow(day+"100005", "100", "40.4", `assetCategory="SWP"`)), "unread-1", 0},
		"money of an unknown contract by executions":   {january(orderRow(day+"100005", "100", "40.4", `assetCategory="SWP"`)), january(execution("1", day+"100000", "60", "40", `assetCategory="SWP"`)), "cash-row-", 0},
		"a settled option by other rows":               {settled(assigned), settled(bare(strings.Replace(assigned, "EXECUTION", "ORDER", 1), "3")), "order without an id", 0},
		"a settlement whose trade the book has":        {settled(assigned), alone, "without the trade that it settles", 0},
		"a deposit of an activity statement":           {january(deposited), activity(activityDeposit), "deposit USD of 10000 on 2025-01-03, by its row without an id, and the book has cash-5", 0},
		"a deposit after an activity statement":        {activity(activityDeposit), january(deposited), "by its transaction id", 0},
		"a dividend of an activity statement":          {january(dividend), activity(activityDividend), "cash-6", 0},
		"a dividend without its id":                    {january(dividend), january(bare(dividend, "6")), "cash-6", 0},
		"a dividend without its id and contract":       {january(dividend), january(strings.Replace(bare(dividend, "6"), `symbol="AAA"`, "", 1)), "cash-6", 0},
		"a dividend with its id after one without all": {january(strings.Replace(bare(dividend, "6"), `symbol="AAA"`, "", 1)), january(dividend), "cash-row-", 0},
		"a dividend without its id at another time":    {january(bare(dividend, "6")), january(strings.Replace(bare(dividend, "6"), ";202000", "", 1)), "cash-row-", 0},
		"a summary of dividends after one of them":     {january(dividend), january(total), "by its summary", 0},
		"a dividend after a summary of dividends":      {january(total), january(dividend), "cash-summary-", 0},
		"a split of an activity statement":             {january(first, split), activity(activitySplit), "action-77", 0},
		"a split after an activity statement":          {activity(activityTrades, activitySplit), january(split), "action-row-", 0},
		"a split without its id that is taken back":    {january(first, split), january(bare(split, "77"), strings.NewReplacer(`transactionID="77"`, `code="Ca"`, `quantity="100"`, `quantity="-100"`).Replace(split)), "action-77", 0},
		"a transfer without its id":                    {january(moved), january(bare(moved, "9")), "transfer-9", 0},
		"a transfer with its id after one without":     {january(bare(moved, "9")), january(moved), "transfer-row-", 0},

		"executions again, and another":           {january(first), january(first, second), "", 1},
		"orders again, and another":               {january(order), january(order, sold), "", 1},
		"orders without ids again, and another":   {january(without(order)), january(without(order), without(sold)), "", 1},
		"executions long after orders":            {january(order), january(execution("4", "20250113;100000", "10", "40", order71)), "", 1},
		"an order of several days, by the day":    {statement("20250110", "20250110", orderRow(day+"100005", "50", "40", order71)), statement("20250111", "20250111", orderRow("20250111;100005", "50", "40.8", order71)), "", 1},
		"rows without ids, then with":             {january(bare(strings.Replace(first, `ibExecID="0000d514.1.01.01"`, "", 1), "1")), january(first), "", 0},
		"an expiry of what was bought before":     {january(fill("2", "20250116;100000", "-1", "12.5", "-1", option+`ibExecID="0000d514.2.01.01" levelOfDetail="EXECUTION"`)), january(assigned), "", 1},
		"the settled option again":                {settled(assigned), settled(assigned), "", 0},
		"the trade after its settlement":          {alone, january(assigned), "", 2},
		"the trade with its settlement after it":  {alone, settled(assigned), "", 2},
		"the same dividend":                       {january(dividend), january(dividend), "", 0},
		"the same dividend without its id":        {january(bare(dividend, "6")), january(bare(dividend, "6")), "", 0},
		"the same summary, and another":           {january(total), january(total, strings.Replace(total, "20250115", "20250116", 1)), "", 1},
		"another deposit of an activity":          {january(strings.Replace(deposited, "10000", "500", 1)), activity(activityDeposit), "", 1},
		"equal dividends of two days, by the day": {statement("20250115", "20250115", bare(dividend, "6")), statement("20250116", "20250116", strings.Replace(bare(dividend, "6"), "20250115", "20250116", 1)), "", 1},
		"the same activity statement":             {activity(activityTrades, activityDeposit, activityDividend, activitySplit), activity(activityTrades, activityDeposit, activityDividend, activitySplit), "", 0},
		"the same transfer without its id":        {january(bare(moved, "9")), january(bare(moved, "9")), "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			importInto(t, p, c.first)
			seq, before := p.Seq(), outcome(t, p, nil)
			_, added, err := Import(t.Context(), p, read(t, c.second))
			if c.refused != "" {
				require.ErrorIs(t, err, ErrLevels)
				require.ErrorContains(t, err, c.refused)
				require.ErrorContains(t, err, "import all days from statements of executions", "the remedy is named")
				require.Equal(t, seq, p.Seq(), "nothing may be recorded")
				require.Equal(t, before, outcome(t, p, nil))
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.added, added)
			if c.first == alone {
				require.Equal(t, "-5000", p.Cash()["USD"].Balance().String(), "the settlement counts once")
			}
			for _, again := range []string{c.first, c.second} {
				_, added, err = Import(t.Context(), p, read(t, again))
				require.NoError(t, err)
				require.Zero(t, added, "importing either again adds nothing")
			}
		})
	}
}

// An account whose executions are recorded when they happen is imported from statements of executions with ids alone.
func TestStatementsBesideLiveExecutions(t *testing.T) {
	for name, c := range map[string]struct {
		file    string
		refused bool
	}{
		"executions":                    {january(execution("1", "20250110;100000", "60", "40", order71)), false},
		"its order":                     {january(orderRow("20250110;100000", "60", "40", order71)), true},
		"another order":                 {january(orderRow("20250110;130000", "-10", "41", order72)), true},
		"an activity statement":         {activity(activityTrades), true},
		"executions by transaction ids": {january(fill("1", "20250110;100000", "60", "40", "-1", `levelOfDetail="EXECUTION"`)), true},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			_, err := p.Record(t.Context(), recorded("0000d514.1.01.01", "60", "40"))
			require.NoError(t, err)
			_, _, err = Import(t.Context(), p, read(t, c.file))
			require.Equal(t, "60", p.Positions()[0].Quantity.String())
			if c.refused {
				require.ErrorIs(t, err, ErrLevels)
				return
			}
			require.NoError(t, err, "the row completes the fill with its commission")
			require.Equal(t, "2401", p.Positions()[0].Basis.String())
		})
	}
}

// A deposit that was recorded by hand is not booked from a statement too.
func TestStatementsBesideMoneyRecordedByHand(t *testing.T) {
	p := fresh(t, "USD")
	_, err := p.Record(t.Context(), ledger.CashMovement{ID: "capital", Kind: ledger.Deposit, Currency: "USD", Amount: dec("10000"),
		Time: time.Date(2025, 1, 2, 15, 0, 0, 0, time.UTC)})
	require.NoError(t, err)
	_, _, err = Import(t.Context(), p, read(t, activity(activityDeposit)))
	require.ErrorIs(t, err, ErrLevels)
	require.ErrorContains(t, err, "the book has capital of 2025-01-02, by its own id")
}
