package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sections makes a statement of sections that the other helpers do not have.
func sections(account, rows string) string {
	return response(strings.Replace(statement(account, "20250101", "20250131", ""), "<Trades>\n</Trades>", rows, 1))
}

const deposit = `<CashTransactions><CashTransaction currency="USD" dateTime="20250103" amount="1,000" type="Deposits/Withdrawals" transactionID="1"/></CashTransactions>`

// What is not interpreted is told with its place and consequence, counted by section, and fails with -strict.
func TestUnreadRows(t *testing.T) {
	in(t, map[string]string{
		"novelty.xml": sections("U5550001", deposit+`<Novelties><Novelty a="1"/><Novelty a="2"/></Novelties>`),
		"plain.xml":   sections("U5550001", deposit),
	})
	got := readDocument(t, exitReconciled, "novelty.xml")
	require.Equal(t, map[string]int{"Novelties": 2}, got[0].Unread)
	require.Equal(t, []wantNote{{File: "novelty.xml", Line: 4, Section: "Novelties", Text: "section is unknown: its rows are not read", Rows: 2,
		Consequence: "not in the book, though it moves money or positions, or may"}}, got[0].Notes)
	amount := "1000"
	require.Equal(t, []wantMoney{{Currency: "USD", Amount: &amount}}, got[0].Cash)
	readDocument(t, exitBreaks, "-strict", "novelty.xml")
	readDocument(t, exitReconciled, "-strict", "plain.xml")

	tables := statements(t, "novelty.xml")
	require.Equal(t, exitReconciled, tables.code)
	require.Equal(t, "novelty.xml, U5550001: line 4, Novelties: section is unknown: its rows are not read\n", tables.stderr)
	require.True(t, strings.HasSuffix(tables.stdout, "\nThe statements give no figures of the broker's to compare with; 2 rows that may move money or positions were not read.\n"), tables.stdout)
}

// The last line says what came of it, to people.
func TestVerdict(t *testing.T) {
	in(t, map[string]string{"wrong.xml": edit(t, sample(t, "small.xml"), `fifoPnlRealized="79.35"`, `fifoPnlRealized="99.35"`), "right.xml": sample(t, "small.xml")})
	last := func(args ...string) string {
		lines := strings.Split(strings.TrimSpace(statements(t, args...).stdout), "\n")
		return lines[len(lines)-1]
	}
	require.Regexp(t, `^All \d+ figures agree with the broker's\.$`, last("right.xml"))
	require.Regexp(t, `^1 of \d+ figures differ from the broker's\.$`, last("wrong.xml"))
}

// A statement of which nothing is read does not pass for one that agrees.
func TestNothingRead(t *testing.T) {
	in(t, map[string]string{
		"empty.xml":  response(statement("U5550001", "20250101", "20250131", "")),
		"lots.xml":   sections("U5550001", deposit+`<Trades><Lot symbol="ABC" quantity="5"/><Lot symbol="ABC" quantity="5"/></Trades>`),
		"orders.xml": sections("U5550001", `<Trades>`+strings.ReplaceAll(buy("", "1", "20250106", "10"), "EXECUTION", "ORDER")+`</Trades>`),
	})
	for _, name := range []string{"empty.xml", "lots.xml"} {
		for _, form := range []string{"-json=false", "-json"} {
			require.Equal(t, exitBreaks, statements(t, form, name).code, "%s %s", form, name)
		}
		require.Contains(t, statements(t, name).stdout, "\nNothing was read of U5550001", name)
	}
	require.Contains(t, statements(t, "lots.xml").stderr, "let the query show executions")
	require.Equal(t, 1, readDocument(t, exitReconciled, "-strict", "orders.xml")[0].Trades, "orders are all there is")
}

// A file that names no account, or masks it, needs to be told whose it is.
func TestAccountGiven(t *testing.T) {
	const columns = "CurrencyPrimary,AssetClass,Symbol,Conid,TradeID,DateTime,Quantity,TradePrice,IBCommission,Open/CloseIndicator,LevelOfDetail\n"
	in(t, map[string]string{
		"none.csv":     columns + "USD,STK,ABC,77,1,20250106;100000,10,10,-1,O,EXECUTION\n",
		"masked.xml":   response(statement("U***0001", "20250101", "20250131", buy("U***0001", "1", "20250106", "10"))),
		"activity.csv": "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Comm/Fee,Code\nTrades,Data,Order,Stocks,USD,ABC,2025-01-06,10,10,-1,O\n",
		"named.xml":    response(statement("U5550009", "20250101", "20250131", buy("U5550009", "1", "20250106", "10"))),
	})
	for _, name := range []string{"none.csv", "masked.xml", "activity.csv"} {
		refused := statements(t, name)
		require.Equal(t, exitUnreadable, refused.code, name)
		requireOneLine(t, refused.stderr, name, "-account U1234567")
		got := readDocument(t, exitReconciled, "-account", "U5550001", name)
		require.Equal(t, "U5550001", got[0].IBKRAccountID, name)
		require.Len(t, got[0].OpenPositions, 1, name)
	}
	refused := statements(t, "-account", "U5550002", "masked.xml")
	require.Equal(t, exitUnreadable, refused.code)
	requireOneLine(t, refused.stderr, "U***0001", "U5550002")
	require.Equal(t, "U5550009", readDocument(t, exitReconciled, "-account", "U5550001", "named.xml")[0].IBKRAccountID, "a file that names its account keeps it")
}

// Other kinds of file are read, or refused by what they are.
func TestOtherKindsOfFile(t *testing.T) {
	confirm := `<TradeConfirm accountId="U5550001" currency="USD" assetCategory="STK" symbol="ABC" conid="77" tradeID="1" execID="0000aaaa.1.01.01" dateTime="20250106;100000" ` +
		`buySell="SELL" quantity="10" price="40" proceeds="400" commission="-1" commissionCurrency="USD" tax="-0.5" netCash="398.5" code="O;P" levelOfDetail="EXECUTION"/>`
	in(t, map[string]string{
		"confirms.xml": response(`<FlexStatement accountId="U5550001"><TradeConfirms>` + confirm + `</TradeConfirms></FlexStatement>`),
		"confirms.csv": "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,Conid,TradeID,ExecID,Date/Time,Buy/Sell,Quantity,Price,Proceeds,Commission,CommissionCurrency,Tax,NetCash,Code,LevelOfDetail\n" +
			"U5550001,USD,STK,ABC,77,1,0000aaaa.1.01.01,20250106;100000,SELL,-10,40,400,-1,USD,-0.5,398.5,O;P,EXECUTION\n",
		"russian.csv": "Сделки,Header,DataDiscriminator,Класс актива\n",
		"error.xml":   "<FlexStatementResponse><Status>Warn</Status><ErrorCode>1019</ErrorCode><ErrorMessage>Statement generation in progress.</ErrorMessage></FlexStatementResponse>",
		"scan.pdf":    "%PDF-1.7",
	})
	for _, name := range []string{"confirms.xml", "confirms.csv"} {
		got := readDocument(t, exitReconciled, "-strict", name)
		require.Equal(t, "-10", got[0].OpenPositions[0].Quantity, name)
		require.Equal(t, "-398.5", got[0].OpenPositions[0].CostBasis, name)
		require.Equal(t, "398.5", *got[0].Cash[0].Amount, name)
	}
	for name, says := range map[string]string{"russian.csv": "an activity statement in Russian", "error.xml": "a Flex error answer 1019", "scan.pdf": "a PDF file"} {
		got := statements(t, name)
		require.Equal(t, exitUnreadable, got.code, name)
		requireOneLine(t, got.stderr, name, says)
	}
}
