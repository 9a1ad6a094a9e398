package flex

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

const benchTrades = 5000

// manyXML is a statement with every attribute that a default query selects.
func manyXML(trades int) []byte {
	var b bytes.Buffer
	b.WriteString(`<FlexQueryResponse queryName="Q" type="AF"><FlexStatements count="1">` +
		`<FlexStatement accountId="U1" fromDate="20250101" toDate="20251231" period="" whenGenerated="20260101;060000"><Trades>` + "\n")
	for i := range trades {
		fmt.Fprintf(&b, `<Trade accountId="U1" acctAlias="" model="" currency="USD" fxRateToBase="1" assetCategory="STK" subCategory="COMMON" `+
			`symbol="SYM%d" description="SYMBOL %d INC" conid="%d" securityID="US0000000000" securityIDType="ISIN" cusip="" isin="US0000000000" `+
			`figi="" listingExchange="NASDAQ" underlyingConid="" underlyingSymbol="" issuer="" issuerCountryCode="US" tradeID="%d" multiplier="1" `+
			`relatedTradeID="" strike="" reportDate="20250303" expiry="" dateTime="20250303;1015%02d" putCall="" tradeDate="20250303" `+
			`principalAdjustFactor="" settleDateTarget="20250304" transactionType="ExchTrade" exchange="IBKRATS" quantity="%d" tradePrice="427.88" `+
			`tradeMoney="427.88" proceeds="-427.88" taxes="0" ibCommission="-1.000035" ibCommissionCurrency="USD" netCash="-428.880035" `+
			`closePrice="430.57" openCloseIndicator="O" notes="P" cost="428.880035" fifoPnlRealized="0" mtmPnl="2.69" origTradePrice="0" `+
			`origTradeDate="" origTradeID="" origOrderID="0" origTransactionID="0" buySell="BUY" clearingFirmID="" ibOrderID="%d" transactionID="%d" `+
			`ibExecID="0000d514.%08d.01.01" orderTime="20250303;101500" openDateTime="" holdingPeriodDateTime="" levelOfDetail="EXECUTION" `+
			`changeInPrice="0" changeInQuantity="0" orderType="LMT" traderID="" isAPIOrder="N" accruedInt="0" />`+"\n",
			i%50, i%50, 1000+i%50, i, i%60, 1+i%9, i, i, i)
	}
	b.WriteString(`</Trades></FlexStatement></FlexStatements></FlexQueryResponse>`)
	return b.Bytes()
}

func manyCSV(trades int) []byte {
	var b bytes.Buffer
	b.WriteString(`"BOF","U1","Q","1","20250101","20251231","20260101;060000"` + "\n" + `"BOA","U1"` + "\n" + `"BOS","TRNT","Trades; trade date basis"` + "\n" +
		`"ClientAccountID","AccountAlias","Model","CurrencyPrimary","FXRateToBase","AssetClass","SubCategory","Symbol","Description","Conid",` +
		`"SecurityID","SecurityIDType","CUSIP","ISIN","FIGI","ListingExchange","UnderlyingConid","UnderlyingSymbol","TradeID","Multiplier",` +
		`"Strike","ReportDate","Expiry","DateTime","Put/Call","TradeDate","SettleDateTarget","TransactionType","Exchange","Quantity",` +
		`"TradePrice","TradeMoney","Proceeds","Taxes","IBCommission","IBCommissionCurrency","NetCash","ClosePrice","Open/CloseIndicator",` +
		`"Notes/Codes","CostBasis","FifoPnlRealized","MtmPnl","Buy/Sell","IBOrderID","TransactionID","IBExecID","OrderTime","LevelOfDetail"` + "\n")
	for i := range trades {
		fmt.Fprintf(&b, `"U1","","","USD","1","STK","COMMON","SYM%d","SYMBOL %d INC","%d","US0000000000","ISIN","","US0000000000","BBG000000000",`+
			`"NASDAQ","","SYM%d","%d","1","","20250303","","20250303;1015%02d","","20250303","20250304","ExchTrade","IBKRATS","%d",`+
			`"427.88","427.88","-427.88","0","-1.000035","USD","-428.880035","430.57","O","P","428.880035","0","2.69","BUY","%d","%d",`+
			`"0000d514.%08d.01.01","20250303;101500","EXECUTION"`+"\n", i%50, i%50, 1000+i%50, i%50, i, i%60, 1+i%9, i, i, i)
	}
	fmt.Fprintf(&b, "\"EOS\",\"TRNT\",\"%d\",\"0\"\n\"EOA\",\"U1\"\n\"EOF\"\n", trades)
	return b.Bytes()
}

func benchmarkRead(b *testing.B, file []byte) {
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		all, err := ReadAll(bytes.NewReader(file))
		require.NoError(b, err)
		require.Equal(b, benchTrades, all[0].Trades.Len())
	}
}

func BenchmarkReadXML(b *testing.B) { benchmarkRead(b, manyXML(benchTrades)) }

func BenchmarkReadCSV(b *testing.B) { benchmarkRead(b, manyCSV(benchTrades)) }
