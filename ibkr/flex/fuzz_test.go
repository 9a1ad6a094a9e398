package flex

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

// fuzzRead holds for any input whatsoever: statements that are sound, or an error about the format.
func fuzzRead(t *testing.T, file []byte) {
	r := NewReader(bytes.NewReader(file))
	for {
		st, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			var re *ReadError
			require.True(t, errors.As(err, &re) && errors.Is(err, ErrFormat), "%v", err)
			require.Positive(t, re.Line)
			return
		}
		requireValid(t, st)
		if plan, err := NewPlan(st, Held{}); err == nil {
			requireBookable(t, plan)
		}
	}
}

// requireBookable makes sure that every fact of a plan is one that books take.
func requireBookable(t *testing.T, plan *Plan) {
	for f := range plan.Facts() {
		_, err := ledger.Normalize(f)
		require.NoError(t, err)
	}
}

func FuzzXML(f *testing.F) {
	f.Add([]byte(trades(trade(`notes="A;P"`), trade(`assetCategory="OPT" symbol="NU    250516C00012000"`), `<Lot/>`)))
	f.Add([]byte(trades(trade(`dateTime="01/02/2025"`), trade(`tradePrice="" proceeds="-1E2"`))))
	f.Add([]byte(doc(`<OpenPositions><OpenPosition currency="USD" symbol="NU" position="5" levelOfDetail="LOT"/></OpenPositions>` +
		`<CashTransactions><CashTransaction currency="USD" dateTime="20250101" amount="1" type="Dividends"/></CashTransactions>`)))
	f.Add([]byte(doc(`<CashReport><CashReportCurrency currency="USD" endingCash="2"/></CashReport><SalesTaxes><SalesTax salesTax="1"/></SalesTaxes>`)))
	merged := func(symbol, conid, quantity, more string) string {
		return action("7", "20250117;202500", symbol, conid, quantity, `type="TC" actionID="5" actionDescription="AAA(US101) MERGED(Acquisition) (`+symbol+`, X INC, US`+conid+`)" `+more)
	}
	f.Add([]byte(january(fill("1", "20250110;100000", "100", "40", "-1", `openCloseIndicator="O"`), merged("AAA", "101", "-100", `proceeds="10"`), merged("ACQ", "102", "50", `value="2000"`),
		merged("ACR", "103", "50", `value="10" currency="EUR" fxRateToBase="1.1"`), action("8", "20250118;202500", "ACQ", "102", "-50", `type="DW" code="Ca" actionDescription="(US102) DELISTED"`),
		holding("50", "1", of("ACQ", "102")))))
	f.Add([]byte(january(option("C", "1", "20250110;100000", "-2", "0.5", `openCloseIndicator="O"`), option("C", "2", "20250111;162000", "2", "0", `notes="A"`),
		fill("3", "20250111;162000", "-200", "10", "0", `notes="A"`), action("9", "20250112;202500", "AAA", "101", "-100", `type="RS" actionDescription="AAA(US101) SPLIT 1 FOR 2"`))))
	f.Add([]byte(`<?xml version="1.0" encoding="UTF-8"?><FlexStatementResponse><Status>Fail</Status></FlexStatementResponse>`))
	f.Fuzz(fuzzRead)
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte(account(part("TRNT", "Trades", tradeHeader, tradeRow))))
	f.Add([]byte("HEADER,TRNT," + tradeHeader + "\nDATA,TRNT," + tradeRow))
	f.Add([]byte(tradeHeader + "\n" + tradeRow + "\nClientAccountID,CurrencyPrimary,Symbol,Quantity,MarkPrice\nU2,USD,NU,5,12\n"))
	f.Add([]byte(account(part("CTRN", "", "CurrencyPrimary,Date/Time,Amount", "USD,1/2/25,1"), part("XXXX", "", "A", "b"))))
	f.Add([]byte("HEADER,TRNT,CurrencyPrimary,Conid,DateTime,Quantity,TradePrice\n0,0,0,20000101,0,0,0\n")) // whose money has no currency
	f.Fuzz(fuzzRead)
}

func FuzzActivity(f *testing.F) {
	f.Add([]byte(activityFile))
	f.Add([]byte("Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Comm in USD,Code\nTrades,Data,Order,Forex,USD,EUR.USD,\"2025-01-06, 10:00:00\",\"1,000\",1.1,-2,\n"))
	f.Add([]byte("Statement,Header,Field Name,Field Value\nStatement,Data,Period,\"January 1, 2025\"\nCorporate Actions,Header,Asset Category,Currency,Report Date,Date/Time,Description,Quantity\n" +
		"Corporate Actions,Data,Stocks,USD,2025-01-06,\"2025-01-06, 20:25:00\",\"A(US1) Split 2 for 1 (A, A CO, US1)\",5\n"))
	f.Add([]byte("Сделки,Header,x\n"))
	f.Fuzz(fuzzRead)
}

// FuzzFields reaches the conversions that a random file hardly ever gets to.
func FuzzFields(f *testing.F) {
	f.Add("NU    250516C00012000", "OPT", "20250107;132917", "-1.5E-7", "12", "C")
	f.Add("EUR.USD", "CASH", "01/02/2025, 10:00:00 EST", "1", "", "")
	f.Add("CLZ8", "FUT", "30-Jan-18", "", "61.7", "")
	f.Fuzz(func(t *testing.T, symbol, category, date, number, price, right string) {
		var b bytes.Buffer
		attr := func(name, value string) {
			b.WriteString(" " + name + `="`)
			require.NoError(t, xml.EscapeText(&b, []byte(value)))
			b.WriteString(`"`)
		}
		for _, element := range []string{"<Trades><Trade", "<OpenPositions><OpenPosition", "<CorporateActions><CorporateAction"} {
			b.WriteString(element + ` currency="USD"`)
			for name, value := range map[string]string{"symbol": symbol, "assetCategory": category, "dateTime": date, "quantity": number,
				"tradePrice": price, "markPrice": price, "proceeds": number, "positionValue": number, "strike": price, "expiry": date, "putCall": right} {
				attr(name, value)
			}
			b.WriteString("/></" + strings.TrimPrefix(element[:strings.Index(element, ">")+1], "<"))
		}
		fuzzRead(t, []byte(doc(b.String())))
	})
}

// requireValid checks what holds for every statement, whatever it was read from.
func requireValid(t *testing.T, st *Statement) {
	t.Helper()
	for _, tr := range st.Trades.All() {
		require.NoError(t, tr.Validate())
		require.False(t, tr.Time.IsZero())
		require.True(t, tr.TradeDate.Valid())
	}
	for _, p := range st.Positions {
		require.NoError(t, p.Validate())
		require.Positive(t, p.Rows)
	}
	for _, a := range st.CorporateActions {
		require.NoError(t, a.Validate())
	}
	for _, m := range st.Cash {
		require.True(t, m.Currency.Valid())
		require.False(t, m.Time.IsZero())
	}
}

// FuzzPlain holds the quick reading of plain elements against the decoder.
func FuzzPlain(f *testing.F) {
	f.Add([]byte(trades(trade(`notes="A;P"`), trade(`quantity="1" quantity="2"`), "\n\n"+trade(`description="a &amp; b"`), trade(`symbol='N'`))))
	f.Add([]byte(trades(trade(``), `<Lot a="1"/><Other/>`, `<Trade symbol="N"/><!-- -->text<Trade`, trade(` quantity="x"`))))
	f.Add([]byte(doc("<X><y/>\n<z a=\"1\" /></X><StmtFunds><q/>\r\n<StatementOfFundsLine currency=\"USD\" b=\"ü\" /><w a=\"\xff\"/></StmtFunds>")))
	f.Fuzz(func(t *testing.T, file []byte) {
		read := func(decoded bool) (all []*Statement, failure string) {
			r := NewReader(bytes.NewReader(file))
			if err := r.open(); err != nil {
				return nil, err.Error()
			}
			if x, ok := r.src.(*xmlSource); ok {
				x.decoded = decoded
			}
			for st, err := range r.All() {
				if err != nil {
					return all, err.Error()
				}
				all = append(all, st)
			}
			return all, ""
		}
		quick, failed := read(false)
		slow, failedSlow := read(true)
		require.Equal(t, failedSlow, failed)
		require.Equal(t, slow, quick)
	})
}
