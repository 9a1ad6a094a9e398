package flex

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

const (
	tradeHeader = "ClientAccountID,CurrencyPrimary,FXRateToBase,AssetClass,Symbol,Conid,DateTime,Quantity,TradePrice,Proceeds,IBCommission," +
		"CostBasis,FifoPnlRealized,Notes/Codes,Open/CloseIndicator,Buy/Sell,Put/Call,TransactionID,LevelOfDetail"
	tradeRow = "U1,USD,1,STK,NU,5,20250107;132917,-10,12.5,125,-1,-100,24,A;P,C,SELL,,77,EXECUTION"
)

// account wraps sections into a file of account U1.
func account(sections ...string) string {
	return "BOF,U1,Q,1,20250101,20251231,20260101;060000\nBOA,U1\n" + strings.Join(sections, "\n") + "\nEOA,U1\nEOF\n"
}

func part(code, title string, rows ...string) string {
	return "BOS," + code + "," + title + "\n" + strings.Join(rows, "\n") + "\nEOS," + code + ",1,0"
}

func TestCSVTrades(t *testing.T) {
	st := read(t, account(part("TRNT", "Trades; trade date basis", tradeHeader, "U1,,,STK,,,,10,,,,,,,,,,,ASSET_SUMMARY", tradeRow)))
	require.Equal(t, "U1", st.AccountID)
	require.Equal(t, "Q", st.QueryName)
	require.Equal(t, ledger.Date(20250101), st.From)
	require.Equal(t, ledger.Date(20251231), st.To)
	require.Equal(t, time.Date(2026, 1, 1, 11, 0, 0, 0, time.UTC), st.Generated)
	require.Equal(t, map[string]int{"ASSET_SUMMARY": 1}, st.SkippedRows)
	require.Equal(t, []Trade{{Line: 6,
		Contract:      Contract{Instrument: ledger.Instrument{SecType: ledger.Stock, Symbol: "NU", Currency: "USD", Multiplier: dec("1"), ConID: 5, LocalSymbol: "NU"}},
		TransactionID: "77", BuySell: "SELL", Codes: []string{"A", "P"}, OpenClose: "C", Time: time.Date(2025, 1, 7, 18, 29, 17, 0, time.UTC), TradeDate: 20250107,
		Quantity: dec("-10"), Price: dec("12.5"), Proceeds: some("125"), Commission: some("-1"), CommissionCurrency: "USD", FXRate: dec("1"),
		Cost: some("-100"), Realized: some("24"),
	}}, tradesOf(st))
}

func TestCSVForms(t *testing.T) {
	coded := "HEADER,TRNT," + tradeHeader + "\nDATA,TRNT," + tradeRow
	for name, file := range map[string]string{
		"records and sections":  account(part("TRNT", "Trades", tradeHeader, tradeRow)),
		"section by its title":  account(part("XXXX", "Trades; trade date basis", tradeHeader, tradeRow)),
		"codes in sections":     account("BOS,TRNT,Trades\n" + coded + "\nEOS,TRNT"),
		"codes in records":      account(coded),
		"codes alone":           coded,
		"columns and rows":      tradeHeader + "\n" + tradeRow,
		"byte order mark, CRLF": "\xef\xbb\xbf" + strings.ReplaceAll(tradeHeader+"\n"+tradeRow+"\n", "\n", "\r\n"),
		"no account records":    "BOF,U1,Q\n" + part("TRNT", "Trades", tradeHeader, tradeRow) + "\nEOF",
		"quoted":                `"` + strings.ReplaceAll(strings.ReplaceAll(tradeHeader+"\n"+tradeRow, ",", `","`), "\n", "\"\n\"") + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			st := read(t, file)
			require.Equal(t, "U1", st.AccountID)
			require.Equal(t, 1, st.Trades.Len())
			require.Equal(t, some("24"), st.Trades.At(0).Realized)
			require.Empty(t, st.Issues)
		})
	}
}

func TestCSVSections(t *testing.T) {
	st := read(t, account(
		part("ACCT", "Account Information", "ClientAccountID,AccountAlias,CurrencyPrimary", "U1,Al,CHF"),
		part("FIFO", "Realized & Unrealized Performance Summary in Base", "ClientAccountID,Symbol", "U1,NU"),
		part("POST", "Position; trade date basis", "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,Quantity,MarkPrice,CostBasisMoney,LevelOfDetail", "U1,USD,STK,NU,5,12,50,SUMMARY"),
		part("CTRN", "Cash Transactions", "ClientAccountID,CurrencyPrimary,Date/Time,Amount,Type,LevelOfDetail", "U1,USD,20250730;202000,13.9,Dividends,DETAIL"),
		part("CORP", "Corporate Actions", "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,Date/Time,Quantity,ActionDescription,Type", "U1,USD,STK,NU,20250730;202000,5,SPLIT 2 FOR 1,FS"),
		part("CRTT", "Cash Report", "CurrencyPrimary,StartingCash,EndingCash", "BASE_SUMMARY,1,2", "USD,1,2"),
		part("STAX", "Sales Tax Details", "ClientAccountID,CurrencyPrimary,Date,SalesTax", "U1,USD,20250731,-0.3"),
		part("TRNF", "Transfers", "ClientAccountID,Symbol,CurrencyPrimary,Quantity", "U1,NU,USD,5", "U1,NU,USD,6"),
		part("STFU", "", "ClientAccountID,Amount", "U1,5")))
	require.Equal(t, "Al", st.Alias)
	require.Equal(t, ledger.Currency("CHF"), st.BaseCurrency)
	require.Equal(t, some("50"), st.Positions[0].CostBasis)
	require.Len(t, st.Cash, 2)
	require.Equal(t, ledger.Dividend, st.Cash[0].Kind)
	require.Equal(t, ledger.Tax, st.Cash[1].Kind)
	require.Equal(t, "SPLIT 2 FOR 1", st.CorporateActions[0].Text)
	require.Len(t, st.CashReport, 2)
	require.Len(t, st.Issues, 1)
	require.Equal(t, "transfer", st.Issues[0].Section)
	require.True(t, st.Issues[0].Unread, "a transfer without a quantity")
	require.Equal(t, 2, st.Issues[0].Rows)
}

func TestCSVEmptySectionIsThere(t *testing.T) {
	st := read(t, account(part("POST", "Position"), part("CRTT", "Cash Report")))
	require.True(t, st.HasPositions && st.HasCashReport)
	st = read(t, account(part("TRNT", "Trades")))
	require.False(t, st.HasPositions || st.HasCashReport)
	st = read(t, tradeHeader+"\n"+tradeRow+"\nClientAccountID,CurrencyPrimary,Symbol,Quantity,MarkPrice\n")
	require.True(t, st.HasPositions)
}

func TestCSVOfSeveralAccounts(t *testing.T) {
	other := strings.Replace(tradeRow, "U1,", "U2,", 1)
	all, err := ReadAll(strings.NewReader(tradeHeader + "\n" + tradeRow + "\n" + other + "\n" + tradeRow +
		"\nClientAccountID,CurrencyPrimary,Symbol,Quantity,MarkPrice\nU2,USD,NU,5,12\n"))
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, "U1", all[0].AccountID)
	require.Equal(t, 2, all[0].Trades.Len())
	require.False(t, all[0].HasPositions)
	require.Equal(t, "U2", all[1].AccountID)
	require.Equal(t, 1, all[1].Trades.Len())
	require.Len(t, all[1].Positions, 1)

	all, err = ReadAll(strings.NewReader("BOF,U1,Q\nBOA,U1\n" + part("TRNT", "Trades", tradeHeader, tradeRow) + "\nEOA,U1\nBOA,U2\n" +
		part("TRNT", "Trades", tradeHeader, other) + "\nEOA,U2\nEOF"))
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, "U2", all[1].AccountID)
}

// Rows that are not read tell accounts apart too, behind rows that name none.
func TestCSVAccountsOfRowsThatAreNotRead(t *testing.T) {
	all, err := ReadAll(strings.NewReader("HEADER,SECU,Symbol,Description\nDATA,SECU,NU,NU HOLDINGS\n" +
		"HEADER,NEWS,ClientAccountID,Novelty\nDATA,NEWS,U1,1\nDATA,NEWS,U2,2\n" +
		"HEADER,TRNT," + tradeHeader + "\nDATA,TRNT," + tradeRow + "\nDATA,TRNT,U2" + tradeRow[2:]))
	require.NoError(t, err)
	require.Len(t, all, 2)
	for i, account := range []string{"U1", "U2"} {
		require.Equal(t, account, all[i].AccountID)
		require.Equal(t, 1, all[i].Trades.Len())
		require.Equal(t, map[string]int{"NEWS": 1}, Unread(all[i].Issues), "of each account its own")
	}
}

func TestCSVColumnsTellTheSection(t *testing.T) {
	for header, want := range map[string]fmt.Stringer{
		"ClientAccountID,TradePrice,Quantity":              secTrades,
		"ClientAccountID,ActivityDescription,TradePrice":   secIgnored,
		"ClientAccountID,MarkPrice,Quantity":               secPositions,
		"ClientAccountID,EndingCash":                       secCashReport,
		"ClientAccountID,Amount,Type":                      secCash,
		"ClientAccountID,Amount,Type,ActionDescription":    secCorporate,
		"ClientAccountID,SalesTax":                         secSalesTax,
		"ClientAccountID,AccountType":                      secAccount,
		"ClientAccountID,TotalFifoPnl":                     secIgnored,
		"ClientAccountID,StartingValue":                    secHint,
		"ClientAccountID,Novelty":                          secUnknown,
		"ClientAccountID,Open/CloseIndicator,IBCommission": secTrades,
	} {
		require.Equal(t, want, columnSection(strings.Split(header, ",")), header)
	}
}

func TestCSVErrors(t *testing.T) {
	without := func(column string) string {
		return account(part("TRNT", "Trades", strings.Replace(tradeHeader, ","+column+",", ",Other,", 1), tradeRow))
	}
	for name, tc := range map[string]struct{ file, text string }{
		"not a statement":   {"a,b\n1,2\n", `line 1: "a" begins neither a section nor a row`},
		"fewer columns":     {account(part("TRNT", "Trades", tradeHeader, "U1,USD")), "line 5: trade: the row has 2 columns, its header 19"},
		"no quantity":       {without("Quantity"), "line 4: trade: Quantity: the column is missing"},
		"no currency":       {without("CurrencyPrimary"), "line 4: trade: CurrencyPrimary: the column is missing"},
		"no date":           {without("DateTime"), "line 4: trade: Date/Time: the column is missing"},
		"no price":          {strings.Replace(without("TradePrice"), "Proceeds", "Other", 1), "line 4: trade: TradePrice: the column is missing"},
		"no symbol":         {strings.Replace(without("Symbol"), "Conid", "Other", 1), "line 4: trade: Symbol: the column is missing"},
		"quantity":          {account(part("TRNT", "Trades", tradeHeader, strings.Replace(tradeRow, "-10", "ten", 1))), `line 5: trade: quantity "ten": invalid decimal`},
		"another account":   {account(part("TRNT", "Trades", tradeHeader, "U2"+tradeRow[2:])), `accountId "U2"`},
		"quotes":            {account(part("TRNT", "Trades", tradeHeader, `U1,a"b`)), `bare " in non-quoted`},
		"invalid utf-8":     {account("BOS,\xff,x"), "line 3: \"\\xff\" is not valid UTF-8"},
		"data without":      {"HEADER,TRNT," + tradeHeader + "\nDATA,CTRN,1", `DATA of section "CTRN" without its HEADER`},
		"data alone":        {"DATA", `DATA of section "" without its HEADER`},
		"header alone":      {"HEADER", "HEADER without columns"},
		"end of section":    {account("EOS,TRNT"), "EOS"},
		"nested section":    {account("BOS,TRNT\nBOS,POST"), "BOS before the end"},
		"nested account":    {account("BOA,U2"), "BOA before the end"},
		"nested file":       {account("BOF,U2"), "BOF before the end"},
		"account in sect.":  {account("BOS,TRNT"), "EOA without BOA, or before the end of a section"},
		"file end":          {"EOF", "EOF without BOF"},
		"large":             {tradeHeader + "\n\"" + strings.Repeat("x", 2*maxToken) + "\"", "larger than 1048576 bytes"},
		"many accounts":     {tradeHeader + "\n" + everyAccount(maxStatements+1), "more than 20000 statements"},
		"slashes":           {account(part("TRNT", "Trades", tradeHeader, strings.Replace(tradeRow, "20250107;132917", "30/30/2025", 1))), "contradict"},
		"nothing":           {"BOF,U1\nEOF\n", "no statement in the file"},
		"column of nothing": {account(part("CTRN", "Cash", "ClientAccountID,Type", "U1,x")), "Amount: the column is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadAll(strings.NewReader(tc.file))
			require.ErrorContains(t, err, tc.text)
			require.ErrorIs(t, err, ErrFormat)
		})
	}
}

// everyAccount is a row for each of n accounts.
func everyAccount(n int) string {
	var b strings.Builder
	_, rest, _ := strings.Cut(tradeRow, ",")
	for i := range n {
		fmt.Fprintf(&b, "U%d,%s\n", 1_000_000+i, rest)
	}
	return b.String()
}

func TestTruncatedCSV(t *testing.T) {
	file := strings.ReplaceAll(account(part("TRNT", "Trades", tradeHeader, tradeRow)), "Trades", `"Trades"`)
	for _, mark := range []string{"BOA", "BOS", tradeHeader, tradeRow, "EOS", "EOA", "EOF", `rades"`} {
		_, err := ReadAll(strings.NewReader(file[:strings.LastIndex(file, mark)]))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, mark)
	}
}

func TestLocationOfTimes(t *testing.T) {
	all, err := ReadAll(strings.NewReader(trades(trade(``))), WithLocation(time.UTC), WithLocation(nil))
	require.NoError(t, err)
	require.Equal(t, "2025-01-07T13:29:17Z", all[0].Trades.At(0).Time.Format(time.RFC3339))
}

func TestSectionTitles(t *testing.T) {
	for title, want := range map[string]section{
		"Account Information": secAccount, "Trades; trade date basis": secTrades, "Position; trade date basis": secPositions, "Open Positions": secPositions,
		"Cash Transactions": secCash, "Corporate Actions": secCorporate, "Cash Report; trade date basis": secCashReport, "Sales Taxes": secSalesTax,
		"Change in NAV": secHint, "Mark-to-Market Performance Summary in Base": secIgnored, "Statement of Funds": secFunds, "Transfers": secTransfers, "CFD Charges": secCFDCharges,
		"Trade Transfers": secUnknown, "": secUnknown,
	} {
		require.Equal(t, want, csvSection("????", title), title)
	}
}

// Trade confirmations are told by their columns, whatever the code of their section.
func TestTradeConfirmationsInCSV(t *testing.T) {
	st := read(t, account(part("TCXX", "Confirms", "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,Conid,TradeID,ExecID,Date/Time,Buy/Sell,Quantity,Price,Commission,Tax,NetCash,Code,LevelOfDetail",
		"U1,USD,STK,NU,5,7,0000aaaa.1.01.01,20250106;100000,SELL,10,40,-1,-0.5,398.5,C;P,EXECUTION")))
	require.Empty(t, st.Issues)
	require.Equal(t, 1, st.Trades.Len())
	got := st.Trades.At(0)
	require.Equal(t, "-10", got.Quantity.String(), "the side tells the sign")
	require.Equal(t, "C", got.OpenClose)
	require.Equal(t, "0000aaaa.1.01.01", got.ExecID)
	require.Equal(t, some("-1"), got.Commission)
	require.Equal(t, dec("-0.5"), got.Taxes)
}
