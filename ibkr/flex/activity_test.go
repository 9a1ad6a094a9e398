package flex

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

// activityFile is an activity statement with most of what one has, and its arithmetic is right.
const activityFile = `Statement,Header,Field Name,Field Value
Statement,Data,BrokerName,Interactive Brokers LLC
Statement,Data,Title,Activity Statement
Statement,Data,Period,"January 1, 2025 - January 31, 2025"
Statement,Data,WhenGenerated,"2025-02-01, 06:00:00 EST"
Account Information,Header,Field Name,Field Value
Account Information,Data,Name,Somebody
Account Information,Data,Account,U1234567
Account Information,Data,Base Currency,USD
Net Asset Value,Header,Asset Class,Prior Total,Current Long,Current Short,Current Total,Change
Net Asset Value,Data,Cash ,0,1,0,1,1
Cash Report,Header,Currency Summary,Currency,Total,Securities,Futures,Month to Date,Year to Date,
Cash Report,Data,Starting Cash,Base Currency Summary,0,0,0,,,
Cash Report,Data,Starting Cash,EUR,0,0,0,,,
Cash Report,Data,Ending Cash,EUR,990,990,0,,,
Cash Report,Data,Starting Cash,USD,0,0,0,,,
Cash Report,Data,Commissions,USD,-6.05,-6.05,0,,,
Cash Report,Data,Ending Cash,USD,"4,875.35","4,875.35",0,,,
Cash Report,Data,Ending Settled Cash,USD,"4,875.35","4,875.35",0,,,
Open Positions,Header,DataDiscriminator,Asset Category,Currency,Symbol,Quantity,Mult,Cost Price,Cost Basis,Close Price,Value,Unrealized P/L,Unrealized P/L %,Code
Open Positions,Data,Summary,Stocks,USD,ABC,140,1,20.005,2800.70,21,2940,139.30,4.97,
Open Positions,Data,Lot,Stocks,USD,ABC,140,,20.005,2800.70,21,2940,139.30,,
Open Positions,Total,,Stocks,USD,,,,,2800.70,,2940,139.30,,
Open Positions,Data,Summary,Equity and Index Options,USD,ABC 21MAR25 25 C,-1,100,0.99,-98.95,0.5,-50,48.95,49,
Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,C. Price,Proceeds,Comm/Fee,Basis,Realized P/L,Realized P/L %,MTM P/L,Code
Trades,Data,Order,Stocks,USD,ABC,"2025-01-06, 10:00:00",100,40,40.5,"-4,000",-1,"4,001",0,,50,O
Trades,Data,Order,Stocks,USD,ABC,"2025-01-21, 10:00:00",-60,22,22,"1,320",-1,"-1,200.30",118.70,,0,C;P
Trades,Data,ClosedLot,Stocks,USD,ABC,2025-01-06,60,20.005,,,,"1,200.30",118.70,,,ST
Trades,SubTotal,,Stocks,USD,ABC,,40,,,"-2,680",-2,"2,800.70",118.70,,50,
Trades,Total,,Stocks,USD,,,,,,"-2,680",-2,"2,800.70",118.70,,50,
Trades,Data,Order,Equity and Index Options,USD,ABC 21MAR25 25 C,"2025-01-22, 10:00:00",-1,1,0.5,100,-1.05,-98.95,0,,50,O
Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,,Proceeds,Comm in USD,,,,MTM in USD,Code
Trades,Data,Order,Forex,USD,EUR.USD,"2025-01-23, 10:00:00","1,000",1.05,,"-1,050",-2,,,,0,
Corporate Actions,Header,Asset Category,Currency,Report Date,Date/Time,Description,Quantity,Proceeds,Value,Realized P/L,Code
Corporate Actions,Data,Stocks,USD,2025-01-14,"2025-01-13, 20:25:00","ABC(US0000000002) Split 2 for 1 (ABC, ABC CORP, US0000000002)",100,0,0,0,
Corporate Actions,Data,Total,,,,,,0,0,0,
Deposits & Withdrawals,Header,Currency,Settle Date,Description,Amount
Deposits & Withdrawals,Data,USD,2025-01-03,Electronic Fund Transfer,"10,000"
Deposits & Withdrawals,Data,Total,,,"10,000"
Fees,Header,Subtitle,Currency,Date,Description,Amount
Fees,Data,Other Fees,USD,2025-01-04,Market data,-10
Fees,Data,Total,,,,-10
Dividends,Header,Currency,Date,Description,Amount
Dividends,Data,USD,2025-01-15,ABC(US0000000002) Cash Dividend USD 0.24 per Share (Ordinary Dividend),24
Dividends,Data,Total,,,24
Withholding Tax,Header,Currency,Date,Description,Amount,Code
Withholding Tax,Data,USD,2025-01-15,ABC(US0000000002) Cash Dividend USD 0.24 per Share - US Tax,-3.60,
Withholding Tax,Data,Total,,,-3.60,
Interest,Header,Currency,Date,Description,Amount
Interest,Data,EUR,2025-01-31,EUR Debit Interest for Jan-2025,-10
Interest,Data,Total,,,-10
Interest,Data,Total in USD,,,-10.5
Transfers,Header,Asset Category,Currency,Symbol,Date,Type,Direction,Xfer Company,Xfer Account,Qty,Xfer Price,Market Value,Realized P/L,Cash Amount,Code
Transfers,Data,Cash,USD,--,2025-01-30,Internal,Out,--,U7654321,--,--,0,0,"-1,500",
Transfers,Data,Total,,,,,,,,,,0,0,"-1,500",
Financial Instrument Information,Header,Asset Category,Symbol,Description,Conid,Security ID,Underlying,Listing Exch,Multiplier,Type,Code
Financial Instrument Information,Data,Stocks,"ABC, OLDABC",ABC CORP,502,US0000000002,ABC,NYSE,1,COMMON,
Financial Instrument Information,Header,Asset Category,Symbol,Description,Conid,Underlying,Listing Exch,Multiplier,Expiry,Delivery Month,Type,Strike,Code
Financial Instrument Information,Data,Equity and Index Options,ABC 21MAR25 25 C,ABC 21MAR25 25 C,777,ABC,CBOE,100,2025-03-21,2025-03,C,25,
Base Currency Exchange Rate,Header,Currency,Rate
Base Currency Exchange Rate,Data,EUR,1.05
Codes,Header,Code,Meaning
Codes,Data,O,Opening Trade
`

func TestActivityStatement(t *testing.T) {

	st := read(t, activityFile)
	require.Empty(t, st.Issues)
	require.Equal(t, "U1234567", st.AccountID)
	require.Equal(t, ledger.Currency("USD"), st.BaseCurrency)
	require.Equal(t, ledger.Date(20250101), st.From)
	require.Equal(t, ledger.Date(20250131), st.To)
	require.Equal(t, time.Date(2025, 2, 1, 11, 0, 0, 0, time.UTC), st.Generated)
	require.Equal(t, 4, st.Trades.Len())
	require.Equal(t, map[string]int{"CLOSED_LOT": 1, "LOT": 1}, st.SkippedRows)

	buy, option, forex := st.Trades.At(0), st.Trades.At(2), st.Trades.At(3)
	require.Equal(t, int64(502), buy.ConID)
	require.Equal(t, "US0000000002", buy.ISIN)
	require.Equal(t, "O", buy.OpenClose)
	require.Equal(t, some("4001"), buy.Cost)
	require.Equal(t, time.Date(2025, 1, 6, 15, 0, 0, 0, time.UTC), buy.Time)
	require.Equal(t, ledger.InstrumentKey("OPT:ABC:20250321:C:25:100:USD"), option.Key())
	require.Equal(t, int64(777), option.ConID)
	require.Equal(t, "ABC   250321C00025000", option.LocalSymbol, "as Flex statements have it")
	require.Equal(t, ledger.InstrumentKey("CASH:EUR:USD"), forex.Key())
	require.Equal(t, ledger.Currency("USD"), forex.CommissionCurrency)
	require.Equal(t, some("-2"), forex.Commission)

	kinds := []string{}
	for _, m := range st.Cash {
		kinds = append(kinds, string(m.Kind)+" "+m.Amount.String()+" "+string(m.Currency)+" "+m.Symbol)
	}
	require.Equal(t, []string{"deposit 10000 USD ", "fee -10 USD ", "dividend 24 USD ABC", "tax -3.6 USD ABC", "interest -10 EUR ", "withdrawal -1500 USD "}, kinds)
	require.Len(t, st.CashReport, 3)
	require.True(t, st.HasCash && st.HasPositions && st.HasCashReport)

	p := freshFor(t, st.AccountID, st.Base())
	for range 2 {
		plan, _, err := Import(t.Context(), p, st)
		require.NoError(t, err)
		r, err := p.Reconcile(t.Context(), plan.Broker)
		require.NoError(t, err)
		require.Empty(t, r.Breaks)
		require.Empty(t, plan.Issues)
		require.Empty(t, plan.Inferred)
	}
	require.NoError(t, p.Verify(t.Context()))
}

// Executions are what counts where the statement shows them beside their orders.
func TestActivityExecutions(t *testing.T) {
	const head = "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Proceeds,Comm/Fee,Basis,Realized P/L,Code\n"
	row := func(kind, quantity string) string {
		return "Trades,Data," + kind + `,Stocks,USD,ABC,"2025-01-06, 10:00:00",` + quantity + ",40,,-1,,,O\n"
	}
	st := read(t, head+row("Order", "100")+row("Trade", "60")+row("Trade", "40"))
	require.Equal(t, 2, st.Trades.Len())
	require.Equal(t, map[string]int{"ORDER": 1}, st.SkippedRows)
	require.Empty(t, st.AccountID, "the file names no account")
}

// What is not an activity statement that can be read is called by its name.
func TestActivityRefusals(t *testing.T) {
	const begin = "Statement,Header,Field Name,Field Value\n"
	const trades = "Trades,Header,DataDiscriminator,Asset Category,Currency,Account,Symbol,Date/Time,Quantity,T. Price,Comm/Fee\n"
	for name, c := range map[string]struct{ file, says string }{
		"Russian":           {"Statement,Header,Название поля,Значение поля\n", "activity statement in Russian"},
		"Russian trades":    {"Сделки,Header,DataDiscriminator,Класс актива\n", "activity statement in Russian"},
		"Russian, later":    {begin + "Сделки,Header,DataDiscriminator,Класс актива\n", "activity statement in Russian"},
		"German":            {"Statement,Header,Feldname,Feldwert\n", "activity statement in German"},
		"Chinese":           {"Statement,Header,域名称,域值\n", "activity statement in Chinese"},
		"Japanese":          {"Statement,Header,フィールド名,フィールド値\n", "activity statement in Japanese"},
		"some other":        {"Statement,Header,Kenttä,Arvo\n", "a language other than English"},
		"several accounts":  {trades + "Trades,Data,Order,Stocks,USD,U1111111,ABC,2025-01-06,1,1,0\nTrades,Data,Order,Stocks,USD,U2222222,ABC,2025-01-06,1,1,0\n", "consolidated activity statement, of U1111111 and U2222222"},
		"nothing known":     {"Weather,Header,Sun\nWeather,Data,shines\n", "no section of it that moves"},
		"another kind":      {begin + "Statement,Data,Title,Transaction History\nTransaction History,Header,Date\nTransaction History,Data,2025-01-06\n", `(title "Transaction History")`},
		"row before header": {begin + "Trades,Data,Order\n", "before its header"},
		"period":            {begin + "Statement,Data,Period,soon\n", "Period"},
		"no price":          {"Trades,Header,Currency,Symbol,Date/Time,Quantity\nTrades,Data,USD,ABC,2025-01-06,1\n", "tradePrice"},
		"PDF":               {"%PDF-1.7", "PDF"},
		"spreadsheet":       {"PK\x03\x04", "spreadsheet"},
		"web page":          {"<!doctype html><html></html>", "web page"},
		"statement ordered": {"<FlexStatementResponse><Status>Success</Status><ReferenceCode>1</ReferenceCode></FlexStatementResponse>", "being made"},
	} {
		_, err := ReadAll(strings.NewReader(c.file))
		require.ErrorIs(t, err, ErrFormat, name)
		require.ErrorContains(t, err, c.says, name)
	}
}

func TestActivityUnknownSections(t *testing.T) {
	st := read(t, activityFile+"Price Alterations,Header,A\nPrice Alterations,Data,1\nPrice Alterations,Data,2\n")
	require.Len(t, st.Issues, 1)
	require.True(t, st.Issues[0].Unread)
	require.Equal(t, 2, st.Issues[0].Rows)
	require.Equal(t, "Price Alterations", st.Issues[0].Section)
}

func TestActionTexts(t *testing.T) {
	for text, want := range map[string]string{
		"ABC(US0000000002) Split 2 for 1 (ABC, ABC CORP, US0000000002)":                                "ABC ",
		"TGT(US1) Merged(Acquisition) FOR USD 42.40 PER SHARE (TGT, TARGET CO, US1)":                   "TGT TC",
		"PAR(US1) Spinoff  1 for 4 (KID, KID CORP, US2)":                                               "KID SO",
		"BAD(US1) Merged(Voluntary Offer Allocation)  FOR USD 1 (BAD.TEN, BAD CO (THE) - TENDER, US3)": "BAD.TEN TC",
		"OLD(US1) Delisted": "OLD DW",
	} {
		r := &row{}
		r.set(fActionDescription, text)
		(&activitySource{activityStatement: &activityStatement{}}).actionContract(r)
		require.Equal(t, want, r.v[fSymbol]+" "+r.v[fType], text)
	}
}

// Files that were put together are a statement each, of its own account and period.
func TestActivityStatementsPutTogether(t *testing.T) {
	first := activity(activityDeposit, activityTrades)
	second := strings.NewReplacer("January 1", "February 1", "January 31", "February 28", "2025-01-", "2025-02-", "U1234567", "U7654321").Replace(first)
	for name, file := range map[string]string{"as they are": first + second, "with marks of their encoding": "\ufeff" + first + "\ufeff" + second} {
		all, err := ReadAll(strings.NewReader(file))
		require.NoError(t, err, name)
		require.Len(t, all, 2, name)
		for i, account := range []string{"U1234567", "U7654321"} {
			require.Equal(t, account, all[i].AccountID, name)
			require.Equal(t, ledger.NewDate(2025, time.Month(1+i), 1), all[i].From, name)
			require.Equal(t, 1, all[i].Trades.Len(), name)
			require.Len(t, all[i].Cash, 1, name)
			require.Equal(t, int64(101), all[i].Trades.At(0).ConID, name)
		}
	}
	_, err := ReadAll(strings.NewReader(first + strings.Replace(second, "February 1, 2025", "someday", 1)))
	var wrong *ReadError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, 1+strings.Count(first, "\n"), wrong.Line, "the error is in the second file")
}
