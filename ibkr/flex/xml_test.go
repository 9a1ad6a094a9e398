package flex

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

// doc wraps sections into a statement of account U1234567 for the year 2025.
func doc(sections string) string {
	return `<FlexQueryResponse queryName="Q" type="AF"><FlexStatements count="1">` + "\n" +
		`<FlexStatement accountId="U1234567" fromDate="20250101" toDate="20251231" whenGenerated="20260102;030405">` + "\n" +
		sections + "\n</FlexStatement></FlexStatements></FlexQueryResponse>"
}

// trade returns a trade element; attrs replace or add to those that a stock trade has.
func trade(attrs string) string {
	base := map[string]string{"currency": "USD", "assetCategory": "STK", "symbol": "NU", "conid": "1", "dateTime": "20250107;132917",
		"quantity": "10", "tradePrice": "12.5", "tradeID": "7", "levelOfDetail": "EXECUTION"}
	var b strings.Builder
	b.WriteString("<Trade " + attrs)
	for name, value := range base {
		if !strings.Contains(" "+attrs, " "+name+"=") {
			fmt.Fprintf(&b, " %s=%q", name, value)
		}
	}
	return b.String() + "/>"
}

func trades(elements ...string) string {
	return doc("<Trades>" + strings.Join(elements, "\n") + "</Trades>")
}

func read(t *testing.T, file string) *Statement {
	t.Helper()
	all, err := ReadAll(strings.NewReader(file))
	require.NoError(t, err)
	require.Len(t, all, 1)
	return all[0]
}

// tradesOf returns the statement's trades as a list.
func tradesOf(st *Statement) (list []Trade) {
	for _, t := range st.Trades.All() {
		list = append(list, *t)
	}
	return list
}

func one(t *testing.T, attrs string) Trade {
	t.Helper()
	st := read(t, trades(trade(attrs)))
	require.Empty(t, st.Issues)
	require.Equal(t, 1, st.Trades.Len())
	return st.Trades.At(0)
}

func dec(s string) ledger.Decimal {
	d, err := ledger.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return d
}

func some(s string) Optional { return Optional{Value: dec(s), Valid: true} }

func TestTradeFields(t *testing.T) {
	st := read(t, trades(trade(`acctAlias="Al" fxRateToBase="0.9" proceeds="-125" ibCommission="-1.000035" ibCommissionCurrency="USD" taxes="-0.1"`+
		` cost="126.1" fifoPnlRealized="0" netCash="-126" transactionID="8" ibExecID="0000d514.5159662d.01.01" ibOrderID="9" origTradeID="0"`+
		` origTransactionID="5" relatedTransactionID="6" transactionType="ExchTrade" exchange="ARCA" buySell="BUY" notes="IA;P;" openCloseIndicator="O"`+
		` tradeDate="20250107" reportDate="20250107" settleDateTarget="20250108" isin="KYG6683N1034" description="NU &amp; CO" listingExchange="NYSE"`+
		` underlyingConid="11" somethingNew="x"`)))
	require.Equal(t, "U1234567", st.AccountID)
	require.Equal(t, "Al", st.Alias)
	require.Equal(t, "Q", st.QueryName)
	require.Equal(t, ledger.Date(20250101), st.From)
	require.Equal(t, ledger.Date(20251231), st.To)
	require.Equal(t, time.Date(2026, 1, 2, 8, 4, 5, 0, time.UTC), st.Generated)
	require.False(t, st.HasPositions)
	require.Equal(t, []Trade{{Line: 3,
		Contract: Contract{Instrument: ledger.Instrument{SecType: ledger.Stock, Symbol: "NU", Currency: "USD", Multiplier: dec("1"), ConID: 1, LocalSymbol: "NU"},
			UnderlyingConID: 11, ISIN: "KYG6683N1034", Description: "NU & CO", ListingExchange: "NYSE"},
		TradeID: "7", TransactionID: "8", ExecID: "0000d514.5159662d.01.01", OrderID: "9", OrigTransactionID: "5", RelatedTransactionID: "6",
		TransactionType: "ExchTrade", Exchange: "ARCA", BuySell: "BUY", Codes: []string{"IA", "P"}, OpenClose: "O",
		Time: time.Date(2025, 1, 7, 18, 29, 17, 0, time.UTC), TradeDate: 20250107, ReportDate: 20250107, SettleDate: 20250108,
		Quantity: dec("10"), Price: dec("12.5"), Proceeds: some("-125"), Commission: some("-1.000035"), Taxes: dec("-0.1"),
		CommissionCurrency: "USD", FXRate: dec("0.9"), Cost: some("126.1"), Realized: some("0"), NetCash: some("-126"),
	}}, tradesOf(st))
}

func TestContracts(t *testing.T) {
	const option = `assetCategory="OPT" putCall="C" strike="12" expiry="20250516" multiplier="100" underlyingSymbol="NU" `
	for name, tc := range map[string]struct {
		attrs string
		key   ledger.InstrumentKey
	}{
		"stock":                       {``, "STK:NU:USD"},
		"stock, category absent":      {`assetCategory=""`, "STK:NU:USD"},
		"stock without a symbol":      {`symbol=""`, "STK:#1:USD"},
		"option in OCC form":          {option + `symbol="NU    250516C00012000"`, "OPT:NU:20250516:C:12:100:USD"},
		"option, root not underlying": {option + `symbol="SPXW  250516C00012000"`, "OPT:SPXW:20250516:C:12:100:USD"},
		"option, category absent":     {option + `assetCategory="" symbol="NU    250516C00012000"`, "OPT:NU:20250516:C:12:100:USD"},
		"option, symbol is all":       {`assetCategory="OPT" symbol="NU    250516P00012500"`, "OPT:NU:20250516:P:12.5:100:USD"},
		"option, another exchange":    {option + `symbol="C ODAX DEC 18 12000" underlyingSymbol="DAX" multiplier="5"`, "OPT:DAX:20250516:C:12:5:USD"},
		"option, implied multiplier":  {`assetCategory="OPT" symbol="NU    250516C00012000" proceeds="-1250"`, "OPT:NU:20250516:C:12:10:USD"},
		"option, multiplier unknown":  {`assetCategory="OPT" symbol="NU    250516C00012000" tradePrice="0" proceeds="0"`, "OPT:NU:20250516:C:12:100:USD"},
		"option by conid":             {option + `symbol="" underlyingSymbol=""`, "OPT:#1:20250516:C:12:100:USD"},
		"future":                      {`assetCategory="FUT" symbol="CLZ5" underlyingSymbol="CL" expiry="20251119" multiplier="1000"`, "FUT:CL:20251119:1000:USD"},
		"future, implied multiplier":  {`assetCategory="FUT" symbol="CLZ5" expiry="20251119" proceeds="-125000"`, "FUT:CLZ5:20251119:1000:USD"},
		"future, category absent":     {`assetCategory="" symbol="CLZ5" expiry="20251119" multiplier="1000"`, "FUT:CLZ5:20251119:1000:USD"},
		"future option":               {option + `assetCategory="FOP" symbol="LOF9 P6000" underlyingSymbol="CLF9" multiplier="1000"`, "FOP:CLF9:20250516:C:12:1000:USD"},
		"future option, other margin": {option + `assetCategory="FSFOP" symbol="X P1" underlyingSymbol="X"`, "FOP:X:20250516:C:12:100:USD"},
		"currency pair":               {`assetCategory="CASH" symbol="EUR.USD" multiplier="1"`, "CASH:EUR:USD"},
		"warrant":                     {option + `assetCategory="IOPT" symbol="NLW1" multiplier=""`, "WAR:NLW1:20250516:C:12:1:USD"},
		"bill":                        {`assetCategory="BILL" symbol="B 0 01/02/26" expiry="20260102"`, "BOND:B 0 01/02/26:0.01:USD"},
		"fund":                        {`assetCategory="FUND" symbol="VTSAX"`, "FUND:VTSAX:USD"},
		"cfd":                         {`assetCategory="CFD" symbol="NU"`, "CFD:NU:USD"},
		"crypto":                      {`assetCategory="CRYPTO" symbol="BTC"`, "CRYPTO:BTC:USD"},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(t, trades(trade(dedupe(tc.attrs)))).Trades.At(0)
			require.Equal(t, tc.key, got.Key())
			require.NoError(t, got.Validate())
		})
	}
}

// dedupe keeps the last of attributes with the same name.
func dedupe(attrs string) string {
	parts := strings.SplitAfter(strings.TrimSpace(attrs), `" `)
	var kept []string
	for i, p := range parts {
		name, _, _ := strings.Cut(p, "=")
		if !strings.Contains(" "+strings.Join(parts[i+1:], ""), " "+name+"=") {
			kept = append(kept, strings.TrimSpace(p))
		}
	}
	return strings.Join(kept, " ")
}

func TestIssuesKeepRowsOut(t *testing.T) {
	for name, tc := range map[string]struct{ file, section, text string }{
		"unknown category":    {trades(trade(`assetCategory="IND"`)), "trade", `asset category "IND" is unknown`},
		"and no price":        {trades(trade(`assetCategory="IND" tradePrice="" proceeds="-125"`)), "trade", `asset category "IND" is unknown`},
		"option without term": {trades(trade(`assetCategory="OPT" putCall="C"`)), "trade", "Expiry"},
		"future without size": {trades(trade(`assetCategory="FUT" expiry="20251119"`)), "trade", "Multiplier"},
		"symbol with a colon": {trades(trade(`symbol="A:B"`)), "trade", "Symbol"},
		"pair mismatch":       {trades(trade(`assetCategory="CASH" symbol="EUR.CHF"`)), "trade", "currency pair"},
		"unknown level":       {trades(trade(`levelOfDetail="NEW"`)), "trade", `level of detail "NEW" is unknown`},
		"unknown element":     {trades("<Novelty a='1'/>"), "Trades/Novelty", "element is unknown"},
		"unknown section":     {doc("<Novelties><Novelty a='1'/></Novelties>"), "Novelties", "section is unknown"},
		"section of one row":  {doc("<Novelty a='1'/>"), "Novelty", "section is unknown"},
		"text":                {doc("<Trades>hello</Trades>"), "statement", "text between"},
		"corporate action":    {doc(`<CorporateActions><CorporateAction symbol="X" currency="USD"/></CorporateActions>`), "corporate action", "quantity or date"},
		"cash report":         {doc(`<CashReport><CashReportCurrency currency="??"/></CashReport>`), "cash report", "not a currency"},
	} {
		t.Run(name, func(t *testing.T) {
			st := read(t, tc.file)
			require.Zero(t, st.Trades.Len())
			require.Empty(t, st.CorporateActions)
			require.Empty(t, st.CashReport)
			require.Len(t, st.Issues, 1)
			require.Equal(t, tc.section, st.Issues[0].Section)
			require.Contains(t, st.Issues[0].Text, tc.text)
			require.Equal(t, 1, st.Issues[0].Rows)
			require.Equal(t, 3, st.Issues[0].Line)
		})
	}
}

func TestUnknownSectionsAreCountedOnce(t *testing.T) {
	st := read(t, doc(`<Novelties><Novelty/><Novelty/></Novelties><Empty></Empty><StmtFunds><StatementOfFundsLine/></StmtFunds><ChangeInNAV currency="CHF"/>`))
	require.Equal(t, []Issue{{Line: 3, Section: "Novelties", Text: "section is unknown: its rows are not read", Rows: 2, Unread: true}}, st.Issues)
	require.Equal(t, ledger.Currency("CHF"), st.BaseCurrency)
}

func TestRowsThatRepeatAreSkippedAndCounted(t *testing.T) {
	st := read(t, trades(trade(``), `<Order/>`, `<SymbolSummary/>`, `<AssetSummary/>`, `<Lot/>`, `<WashSale/>`,
		trade(`levelOfDetail="ORDER"`), trade(`levelOfDetail="CLOSED_LOT"`),
		trade(`levelOfDetail="" tradeID="" dateTime=""`)))
	require.Equal(t, 1, st.Trades.Len())
	require.Empty(t, st.Issues)
	require.Equal(t, map[string]int{"ORDER": 2, "SYMBOL_SUMMARY": 1, "ASSET_SUMMARY": 1, "CLOSED_LOT": 2, "WASH_SALE": 1, "SUMMARY": 1}, st.SkippedRows)
}

func TestRowsWithoutLevel(t *testing.T) {
	named, nameless := trade(`levelOfDetail=""`), trade(`levelOfDetail="" tradeID=""`)
	require.Equal(t, 2, read(t, trades(nameless, nameless)).Trades.Len(), "all there is if the query leaves ids out")
	st := read(t, trades(nameless, named, nameless))
	require.Equal(t, 1, st.Trades.Len())
	require.Equal(t, "7", st.Trades.At(0).TradeID)
	require.Len(t, st.Issues, 1)
	require.Equal(t, 2, st.Issues[0].Rows)
}

func TestDerivedPrice(t *testing.T) {
	got := one(t, `tradePrice="" proceeds="-100" quantity="3"`)
	require.True(t, got.PriceDerived)
	require.Equal(t, "33.333333333", got.Price.String())
	require.False(t, one(t, `tradePrice="0"`).PriceDerived)
}

func TestAbsentIsNotZero(t *testing.T) {
	got := one(t, `cost="--" fifoPnlRealized="N/A" ibCommission="0" proceeds="-0"`)
	require.False(t, got.Cost.Valid)
	require.False(t, got.Realized.Valid)
	require.False(t, got.NetCash.Valid)
	require.Equal(t, some("0"), got.Commission)
	require.True(t, got.Proceeds.Valid && got.Proceeds.Value.IsZero())
}

func TestOpenClose(t *testing.T) {
	for in, want := range map[string]string{"": "", "O": "O", "C;": "C", "C;O": "C;O", "O;C": "C;O", " C; O ;": "C;O"} {
		require.Equal(t, want, one(t, fmt.Sprintf("openCloseIndicator=%q", in)).OpenClose, "%q", in)
	}
}

func TestReadErrors(t *testing.T) {
	for name, tc := range map[string]struct{ file, text string }{
		"quantity":          {trades(trade(`quantity="abc"`)), `line 3: trade: quantity "abc": invalid decimal`},
		"quantity absent":   {trades(trade(`quantity=""`)), "line 3: trade: quantity: is absent"},
		"price":             {trades(trade(`tradePrice=""`)), "line 3: trade: tradePrice: is absent"},
		"price of nothing":  {trades(trade(`tradePrice="" proceeds="5" quantity="0"`)), "line 3: trade: tradePrice: is absent"},
		"currency":          {trades(trade(`currency=""`)), "line 3: trade: currency: is absent"},
		"symbol and conid":  {trades(trade(`symbol="" conid=""`)), "line 3: trade: symbol: is absent"},
		"date":              {trades(trade(`dateTime=""`)), "line 3: trade: dateTime: is absent"},
		"no date":           {trades(trade(`dateTime="soon"`)), `line 3: trade: dateTime "soon": is not a date`},
		"zone":              {trades(trade(`dateTime="20250107;132917 XYZ"`)), `time zone "XYZ" is unknown`},
		"conid":             {trades(trade(`conid="x"`)), `line 3: trade: conid "x": is not a whole number`},
		"commission money":  {trades(trade(`ibCommissionCurrency="usd"`)), `ibCommissionCurrency "usd": is not a currency`},
		"another account":   {trades(trade(``), trade(`accountId="U7654321"`)), `line 4: trade: accountId "U7654321": the statement is of account "U1234567"`},
		"cash amount":       {doc(`<CashTransactions><CashTransaction currency="USD" dateTime="20250101"/></CashTransactions>`), "cash transaction: amount: is absent"},
		"period":            {strings.Replace(trades(), "20251231", "20251331", 1), `line 2: statement: toDate "20251331": there is no such day`},
		"doctype":           {`<!DOCTYPE x [<!ENTITY a "b">]><FlexQueryResponse/>`, "document type and entity declarations are refused"},
		"html":              {"<html><body/></html>", "a web page, and not a statement"},
		"entity":            {doc("&unknown;"), "invalid character entity"},
		"encoding":          {`<?xml version="1.0" encoding="ISO-8859-1"?>` + doc(""), `encoding "ISO-8859-1" is declared`},
		"utf-16":            {"\xff\xfe<\x00", "UTF-16"},
		"invalid utf-8":     {trades(trade("notes=\"\xff\"")), "invalid UTF-8"},
		"mismatched end":    {"<FlexQueryResponse></FlexStatements>", `end of "FlexStatements" does not match`},
		"second root":       {doc("") + doc(""), "follows the end of the document"},
		"text after":        {doc("") + "x", "text outside"},
		"nothing":           {"<FlexQueryResponse/>", "no statement in the file"},
		"deep":              {strings.Repeat("<FlexQueryResponse>", 65), "nested deeper than 64"},
		"large":             {doc(`<A b="` + strings.Repeat("x", maxToken) + `"/>`), "larger than 1048576 bytes"},
		"many statements":   {`<FlexQueryResponse>` + strings.Repeat("<FlexStatement/>", maxStatements+1) + `</FlexQueryResponse>`, "more than 20000 statements"},
		"contradicting":     {trades(trade(`dateTime="30/01/2025"`), trade(`dateTime="01/30/2025"`)), "contradict each other"},
		"out of this world": {trades(trade(`quantity="1E16"`)), "out of range"},
		"negative rate":     {trades(trade(`fxRateToBase="-1"`)), "is negative"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadAll(strings.NewReader(tc.file))
			require.ErrorContains(t, err, tc.text)
			require.ErrorIs(t, err, ErrFormat)
			var re *ReadError
			require.ErrorAs(t, err, &re)
			require.Positive(t, re.Line)
		})
	}
}

func TestTruncatedXML(t *testing.T) {
	file := trades(trade(``))
	for _, n := range []int{0, 10, len(file) / 2, len(file) - 1, strings.Index(file, "</Trades>")} {
		_, err := ReadAll(strings.NewReader(file[:n]))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d bytes", n)
		require.ErrorIs(t, err, ErrFormat, "%d bytes", n)
	}
}

func TestFailingInputIsNoFormatError(t *testing.T) {
	broken := errors.New("broken")
	for _, head := range []string{"", "<FlexQueryResponse>", strings.Repeat("BOF,U1\nBOA,U1\nEOA,U1\nEOF\n", 9999)} {
		_, err := ReadAll(io.MultiReader(strings.NewReader(head), iotest.ErrReader(broken)))
		require.ErrorIs(t, err, broken)
		require.NotErrorIs(t, err, ErrFormat)
	}
}

func TestBrokersRefusal(t *testing.T) {
	_, err := ReadAll(strings.NewReader("<FlexStatementResponse timestamp='x'>\n<Status>Fail</Status><ErrorCode>1019</ErrorCode>\n" +
		"<ErrorMessage>Statement generation in progress.</ErrorMessage></FlexStatementResponse>"))
	require.ErrorIs(t, err, ErrFormat)
	var answer *ResponseError
	require.ErrorAs(t, err, &answer)
	require.Equal(t, ResponseError{Status: "Fail", Code: "1019", Message: "Statement generation in progress."}, *answer)
	require.EqualError(t, err, `line 1: a Flex error answer 1019: "Statement generation in progress." (Fail), not a statement`)
}

func TestStatementsComeOneAtATime(t *testing.T) {
	st := `<FlexStatement accountId="U%d"><AccountInformation accountId="U%[1]d" currency="EUR" acctAlias="A%[1]d"/></FlexStatement>`
	r := NewReader(strings.NewReader("\xef\xbb\xbf\n <FlexQueryResponse><FlexStatements>" + fmt.Sprintf(st, 1) + fmt.Sprintf(st, 2)))
	for _, want := range []string{"U1", "U2"} {
		got, err := r.Next()
		require.NoError(t, err)
		require.Equal(t, want, got.AccountID)
		require.Equal(t, ledger.Currency("EUR"), got.BaseCurrency)
	}
	_, err := r.Next()
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, again := r.Next()
	require.Equal(t, err, again, "an error is final")
}

func TestSegmentsBelongToTheAccount(t *testing.T) {
	require.Equal(t, 2, read(t, trades(trade(`accountId="U1234567F"`), trade(`accountId="U1234567"`))).Trades.Len())
	require.False(t, sameAccount("IRA1A", "IRA1B"), "aliases are no segments")
}

func TestPositions(t *testing.T) {
	const p = `<OpenPosition currency="USD" symbol="NU" position="%s" markPrice="12" costBasisMoney="%s" fifoPnlUnrealized="1" levelOfDetail="%s" openDateTime="%s"/>`
	sum, lot := fmt.Sprintf(p, "5", "50", "SUMMARY", ""), fmt.Sprintf(p, "2", "20", "LOT", "20250101;101010")
	other, unlabelled := fmt.Sprintf(p, "3", "30", "LOT", ""), fmt.Sprintf(p, "1", "10", "", "20250101;101010")
	pos := func(rows ...string) *Statement {
		return read(t, doc("<OpenPositions>"+strings.Join(rows, "")+"</OpenPositions>"))
	}
	st := pos(sum, lot, other)
	require.Len(t, st.Positions, 1)
	require.Equal(t, dec("5"), st.Positions[0].Quantity)
	require.Equal(t, map[string]int{"LOT": 2}, st.SkippedRows)

	st = pos(lot, other, unlabelled)
	require.Len(t, st.Positions, 1)
	require.Equal(t, 3, st.Positions[0].Rows)
	require.Equal(t, dec("6"), st.Positions[0].Quantity)
	require.Equal(t, some("60"), st.Positions[0].CostBasis)
	require.Equal(t, some("3"), st.Positions[0].Unrealized)
	require.False(t, st.Positions[0].Value.Valid)
	require.Nil(t, st.SkippedRows)

	st = pos()
	require.True(t, st.HasPositions)
	require.Empty(t, st.Positions)
}

func TestCash(t *testing.T) {
	const c = `<CashTransaction currency="USD" amount="%s" type="%s" dateTime="20250730;202000" levelOfDetail="%s" transactionID="%s"/>`
	cash := func(rows ...string) *Statement {
		return read(t, doc("<CashTransactions>"+strings.Join(rows, "\n")+"</CashTransactions>"))
	}
	detail, summary := fmt.Sprintf(c, "5", "Dividends", "DETAIL", "1"), fmt.Sprintf(c, "5", "Dividends", "SUMMARY", "")
	st := cash(detail, summary)
	require.Len(t, st.Cash, 1)
	require.Equal(t, map[string]int{"SUMMARY": 1}, st.SkippedRows)
	require.Len(t, cash(summary).Cash, 1, "summaries are all there is")
	st = cash(fmt.Sprintf(c, "5", "Dividends", "", "1"), fmt.Sprintf(c, "5", "Dividends", "", ""))
	require.Len(t, st.Cash, 1)
	require.Len(t, st.Issues, 1)
	for word, kind := range map[string]ledger.CashKind{"Deposits/Withdrawals": ledger.Deposit, "Withholding Tax": ledger.Tax,
		"Broker Interest Paid": ledger.Interest, "Other Fees": ledger.Fee, "Payment In Lieu Of Dividends": ledger.PaymentInLieu, "Novelty": ""} {
		require.Equal(t, kind, cash(fmt.Sprintf(c, "5", word, "DETAIL", "1")).Cash[0].Kind, word)
	}
	require.Equal(t, ledger.Withdrawal, cash(fmt.Sprintf(c, "-5", "Deposits/Withdrawals", "DETAIL", "1")).Cash[0].Kind)
}

func TestSalesTax(t *testing.T) {
	st := read(t, doc(`<SalesTaxes><SalesTax currency="USD" date="20250302" taxableDescription="OPRA" salesTax="-0.3" transactionID="4"/></SalesTaxes>`))
	require.Equal(t, []CashRow{{Line: 3, TransactionID: "4", Type: "Sales Tax", Kind: ledger.Tax, Currency: "USD", Amount: dec("-0.3"), Description: "OPRA",
		Time: time.Date(2025, 3, 2, 5, 0, 0, 0, time.UTC), DateOnly: true}}, st.Cash)
}

func TestCorporateActionAndCashReport(t *testing.T) {
	st := read(t, doc(`<CorporateActions><CorporateAction currency="USD" symbol="GCM" quantity="480" dateTime="2025-06-17, 20:25:00" reportDate="2025-06-18"`+
		` description="D" actionDescription="GCM SPLIT 1 FOR 25" type="RS" proceeds="0" actionID="9"/></CorporateActions>`+
		`<CashReport><CashReportCurrency currency="BASE_SUMMARY" endingCash="3"/><CashReportCurrency currency="USD" fromDate="20250101" startingCash="1" endingCash="2"/></CashReport>`))
	a := st.CorporateActions[0]
	require.Equal(t, "GCM SPLIT 1 FOR 25", a.Text)
	require.Equal(t, "RS", a.Type)
	require.Equal(t, time.Date(2025, 6, 18, 0, 25, 0, 0, time.UTC), a.Time)
	require.Equal(t, ledger.Date(20250618), a.ReportDate)
	require.False(t, a.Amount.Valid)
	require.True(t, st.HasCashReport)
	require.Equal(t, []CashBalance{{Line: 3, Base: true, Ending: some("3")},
		{Line: 3, Currency: "USD", From: 20250101, Starting: some("1"), Ending: some("2")}}, st.CashReport)
}

func TestDeclaredEncodings(t *testing.T) {
	for _, enc := range []string{"UTF-8", "utf8", "US-ASCII"} {
		require.Equal(t, 1, read(t, `<?xml version="1.0" encoding="`+enc+`"?><!-- made by hand -->`+trades(trade(``))).Trades.Len(), enc)
	}
}

func TestPositionIssues(t *testing.T) {
	st := read(t, doc(`<OpenPositions><OpenPosition symbol="X" currency="USD" position="1" assetCategory="IND"/>`+
		`<OpenPosition symbol="X" currency="USD" position="1" levelOfDetail="NEW"/></OpenPositions>`))
	require.Empty(t, st.Positions)
	require.Len(t, st.Issues, 2)
}

func TestSectionsThatWereThere(t *testing.T) {
	st := read(t, doc(`<CashTransactions></CashTransactions>`))
	require.True(t, st.HasCash)
	require.False(t, st.HasPositions || st.HasCashReport)
}

func TestISINFromSecurityID(t *testing.T) {
	require.Equal(t, "US1", one(t, `securityID="US1" securityIDType="ISIN"`).ISIN)
	require.Empty(t, one(t, `securityID="1" securityIDType="CUSIP"`).ISIN)
}

func TestOptionTermsOfTheRowWin(t *testing.T) {
	got := one(t, `assetCategory="OPT" symbol="NU    250516C00012000" expiry="20250517" strike="12.5" putCall="Put" multiplier="100"`)
	require.Equal(t, ledger.InstrumentKey("OPT:NU:20250517:P:12.5:100:USD"), got.Key())
}

// Nothing depends on how the input is cut into reads.
func TestReadsOfOneByte(t *testing.T) {
	for _, file := range []string{trades(trade(``)), account(part("TRNT", "Trades", tradeHeader, tradeRow))} {
		all, err := ReadAll(iotest.OneByteReader(strings.NewReader(file)))
		require.NoError(t, err)
		require.Equal(t, 1, all[0].Trades.Len())
	}
}

// failsOnce fails in the middle of what it reads, and goes on when it is asked again.
type failsOnce struct {
	io.Reader
	left int // until the error
	err  error
}

func (f *failsOnce) Read(p []byte) (int, error) {
	if f.left == 0 && f.err != nil {
		err := f.err
		f.err = nil
		return 0, err
	}
	if f.err != nil {
		p = p[:min(len(p), f.left)]
	}
	n, err := f.Reader.Read(p)
	f.left -= n
	return n, err
}

// An error of the input is told, wherever it is, though the input would go on.
func TestErrorsOfTheInput(t *testing.T) {
	var rows []string
	for i := range 2_000 {
		rows = append(rows, trade(fmt.Sprintf(`tradeID="%d"`, i)))
	}
	file := trades(rows...)
	for _, cause := range []error{errors.New("the disk failed"), io.ErrUnexpectedEOF} {
		for at := 1; at < len(file); at += 30_011 {
			_, err := ReadAll(&failsOnce{strings.NewReader(file), at, cause})
			require.ErrorIs(t, err, cause, "at %d of %d", at, len(file))
		}
	}
}
