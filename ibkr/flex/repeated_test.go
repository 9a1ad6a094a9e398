package flex

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// importedAgain imports a file two times and returns what the book has: the second time must add nothing.
func importedAgain(t *testing.T, file string) (lines []string, cash string) {
	t.Helper()
	p := fresh(t, "USD")
	plans := importInto(t, p, file)
	lines, cash = outcome(t, p, plans), balances(p)
	importInto(t, p, file)
	require.Equal(t, cash, balances(p), "the second import must not change the cash")
	require.Subset(t, lines, outcome(t, p, nil), "the second import must not change the positions")
	return lines, cash
}

// A row that a file has twice, with its id and all that it says, counts once and is told.
func TestRepeatedRows(t *testing.T) {
	const again = "issue: the row is another one again, by its id and all that it says: counts once"
	buy := fill("1", "20250106;100000", "100", "40", "0", `openCloseIndicator="O"`)
	dividend := `<CashTransaction currency="USD" dateTime="20250110;202000" amount="5" type="Dividends" transactionID="7"/>`
	split := action("8", "20250110;202500", "AAA", "101", "100", `type="FS" actionDescription="AAA(US101) SPLIT 2 FOR 1 (AAA, X INC, US101)"`)
	came := moved("9", "20250110;093000", "IN", "50", `symbol="BBB" conid="102" positionAmount="500"`)
	taken := fill("2", "20250107;100000", "-100", "40", "0", `transactionType="TradeCancel" buySell="BUY (Ca.)" origTransactionID="1"`)
	charge := `<CFDCharge currency="USD" date="20250107" transactionID="31" total="-2.50"/>`
	for name, c := range map[string]struct {
		rows []string
		want []string
		cash string
	}{
		"dividend":                    {[]string{dividend, dividend}, []string{again}, "5 USD"},
		"dividends of two ids":        {[]string{dividend, strings.Replace(dividend, `"7"`, `"8"`, 1)}, nil, "10 USD"},
		"dividends without ids":       {[]string{strings.Replace(dividend, `"7"`, `""`, 1), strings.Replace(dividend, `"7"`, `""`, 1)}, nil, "10 USD"},
		"two amounts of one id":       {[]string{dividend, strings.Replace(dividend, `"5"`, `"6"`, 1)}, nil, "11 USD"},
		"split":                       {[]string{buy, split, split}, []string{"200 of STK:AAA:USD at 4000", again}, "-4000 USD"},
		"transfer":                    {[]string{came, came}, []string{"50 of STK:BBB:USD at 500 inferred", again}, "0 USD"},
		"cancellation":                {[]string{buy, taken, taken}, []string{again}, "0 USD"},
		"charge":                      {[]string{charge, charge}, []string{again}, "-2.5 USD"},
		"position":                    {[]string{buy, holding("100", "4000", ""), holding("100", "4000", "")}, []string{"100 of STK:AAA:USD at 4000", "issue: the row is another one again, in all that it says: counts once"}, "-4000 USD"},
		"positions of several models": {[]string{buy, holding("60", "2400", ""), holding("40", "1600", "")}, []string{"100 of STK:AAA:USD at 4000"}, "-4000 USD"},
	} {
		t.Run(name, func(t *testing.T) {
			lines, cash := importedAgain(t, january(c.rows...))
			require.Equal(t, c.want, lines)
			require.Equal(t, c.cash, cash)
		})
	}
}

// Files that were put together have rows twice.
func TestFilesPutTogether(t *testing.T) {
	const file = tradeHeader + "\n" + tradeRow + "\nClientAccountID,CurrencyPrimary,Date/Time,Amount,Type,TransactionID,LevelOfDetail\n" +
		"U1,USD,20250110;202000,13.9,Dividends,70,DETAIL\n"
	st := read(t, file+file)
	require.Len(t, st.Cash, 1, "the dividend is one")
	plan, err := NewPlan(st, Held{})
	require.NoError(t, err)
	trades := 0
	for range plan.Rows() {
		trades++
	}
	require.Equal(t, 1, trades, "the trade is one")
}

// Different trades that share an id are all booked, however many they are and whichever id it is.
func TestTradesOfOneID(t *testing.T) {
	for name, ids := range map[string]string{
		"transaction id":               `transactionID="77"`,
		"trade id":                     `transactionID="" tradeID="77"`,
		"execution and transaction id": `transactionID="77" ibExecID="0000aaaa.0001.01"`,
		"execution id":                 `transactionID="" ibExecID="0000aaaa.0001.01"`,
	} {
		t.Run(name, func(t *testing.T) {
			var rows []string
			for _, quantity := range []string{"100", "20", "3", "3"} {
				rows = append(rows, fill("", "20250106;100000", quantity, "1", "0", ids))
			}
			_, cash := importedAgain(t, january(rows...))
			require.Equal(t, "-123 USD", cash, "the fourth is the third again")
		})
	}
}

// Ids that a spreadsheet has rounded are those of many rows: the file is refused.
func TestRoundedIDs(t *testing.T) {
	for _, file := range []string{
		trades(trade(`transactionID="2.80563E+11"`)), trades(trade(`tradeID="2,8E+11"`)),
		doc(`<CashTransactions><CashTransaction currency="USD" dateTime="20250110" amount="5" type="Dividends" transactionID="2.80563E+11"/></CashTransactions>`),
	} {
		_, err := ReadAll(strings.NewReader(file))
		require.ErrorIs(t, err, ErrFormat)
		require.ErrorContains(t, err, "as it was downloaded")
	}
	require.Equal(t, "0000E+1a.01", one(t, `ibExecID="0000E+1a.01"`).ExecID)
}

// Rows that may be an order and its executions, and tell no level of detail, are all booked, and said.
func TestRowsThatMayBeOrders(t *testing.T) {
	const none = `transactionID="" levelOfDetail="" ibOrderID="7"`
	a, b, all := fill("", "20250106;100000", "60", "1", "0", none), fill("", "20250106;100000", "40", "1", "0", none), fill("", "20250106;100000", "100", "1", "0", none)
	require.Contains(t, textOf(read(t, january(a, b, all)).Issues), "may count twice")
	require.Empty(t, read(t, january(a, b)).Issues)
	require.Empty(t, read(t, january(a)).Issues)
}

// A payment for a fraction that is taken back is cancelled, whatever else the row tells.
func TestCancelledFraction(t *testing.T) {
	lines, cash := importedAgain(t, january(
		fill("1", "20250106;100000", "100", "40", "-1", `openCloseIndicator="O"`),
		fill("2", "20250106;100100", "0.5", "41", "0", `transactionType="FracShare"`),
		fill("3", "20250107;100100", "-0.5", "41", "0", `transactionType="FracShareCancel" origTransactionID="2"`), holding("100", "4001", "")))
	require.Equal(t, []string{"100 of STK:AAA:USD at 4001"}, lines)
	require.Equal(t, "-4001 USD", cash)
}

// A statement with many trades and many cancellations, which tell no ids, is planned in moments: the
// effort is not that of each with each.
func TestManyCancellations(t *testing.T) {
	const trades, cancelled = 20_000, 2_000
	st := &Statement{AccountID: "U1234567"}
	var rows []Trade
	sample := read(t, january(fill("1", "20250106;100000", "10", "5", "-1", `openCloseIndicator="O"`))).Trades.At(0)
	for i := range trades {
		row := sample
		row.TransactionID, row.Price = "", dec(strconv.Itoa(i+1))
		rows = append(rows, row)
	}
	for i := range cancelled {
		row := rows[i]
		row.Quantity, row.BuySell = row.Quantity.Neg(), "BUY (Ca.)"
		rows = append(rows, row)
	}
	st.Trades = NewTrades(rows...)
	plan, err := NewPlan(st, Held{})
	require.NoError(t, err)
	left := 0
	for range plan.Rows() {
		left++
	}
	require.Equal(t, trades-cancelled, left)
}

// So is one with many rows that say the same and have no ids, or one id.
func TestManyRowsAlike(t *testing.T) {
	const many = 20_000
	for name, attrs := range map[string]string{"no ids": `transactionID=""`, "one id": `transactionID="77"`} {
		sample := read(t, january(fill("1", "20250106;100000", "10", "5", "-1", attrs))).Trades.At(0)
		rows := make([]Trade, many)
		for i := range rows {
			rows[i] = sample
			if sample.TransactionID != "" {
				rows[i].Quantity = dec(strconv.Itoa(i + 1))
			}
		}
		plan, err := NewPlan(&Statement{AccountID: "U1234567", Trades: NewTrades(rows...)}, Held{})
		require.NoError(t, err)
		booked := 0
		for range plan.Rows() {
			booked++
		}
		require.Equal(t, many, booked, name)
	}
}
