package flex

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/memstore"
)

// bulk writes a year of many trades: in each of 200 stocks, 100 shares are bought and sold in
// turns, and the last purchase may stay. The rows stand by contract, as the broker has them, and
// not by time.
type bulk struct {
	trades int
	out    *bufio.Writer
}

const bulkContracts = 200

// bulkTrade is what the rows of all forms say.
type bulkTrade struct {
	id, contract         int
	at                   time.Time
	quantity             int
	price                string
	proceeds, cost, real string
	side                 string
}

// each calls do with every trade, by contract.
func (b *bulk) each(do func(t *bulkTrade)) {
	begin := time.Date(2025, 1, 2, 9, 30, 0, 0, time.UTC)
	for contract := range min(bulkContracts, b.trades) {
		for n, id := 0, contract; id < b.trades; n, id = n+1, id+bulkContracts {
			t := bulkTrade{id: id, contract: contract, at: begin.Add(time.Duration(id) * 25 * time.Second), quantity: 100, real: "0", side: "O"}
			bought := 2000 + contract*7 + n/2%50 // cents
			if n%2 == 0 {
				t.price, t.proceeds = bulkMoney(bought), bulkMoney(-100*bought)
				t.cost = bulkMoney(100*bought + 100)
			} else {
				sold := bought + 30 - n%61
				t.quantity, t.price, t.proceeds, t.side = -100, bulkMoney(sold), bulkMoney(100*sold), "C"
				t.cost, t.real = bulkMoney(-100*bought-100), bulkMoney(100*(sold-bought)-200)
			}
			do(&t)
		}
	}
}

// bulkMoney writes cents.
func bulkMoney(cents int) string { return strconv.FormatFloat(float64(cents)/100, 'f', -1, 64) }

// held calls do with every contract that is held at the end, its basis and its price.
func (b *bulk) held(do func(contract int, basis, price string)) {
	for contract := range min(bulkContracts, b.trades) {
		if n := (b.trades - contract + bulkContracts - 1) / bulkContracts; n%2 == 1 {
			bought := 2000 + contract*7 + (n-1)/2%50
			do(contract, bulkMoney(100*bought+100), bulkMoney(bought))
		}
	}
}

// bulkForms are the kinds of statement that a bulk writes.
var bulkForms = map[string]func(*bulk){"xml": (*bulk).xml, "csv": (*bulk).csv, "activity": (*bulk).activity}

// write writes the statement in the form.
func (b *bulk) write(out io.Writer, form string) error {
	b.out = bufio.NewWriterSize(out, 1<<20)
	bulkForms[form](b)
	return b.out.Flush()
}

func (b *bulk) xml() {
	fmt.Fprint(b.out, `<FlexQueryResponse queryName="Year" type="AF"><FlexStatements count="1">`+
		`<FlexStatement accountId="U1234567" fromDate="20250101" toDate="20251231" whenGenerated="20260101;060000">`+"\n<Trades>\n")
	b.each(func(t *bulkTrade) {
		fmt.Fprintf(b.out, `<Trade accountId="U1234567" currency="USD" fxRateToBase="1" assetCategory="STK" symbol="SYM%[2]d" description="SYMBOL %[2]d INC" `+
			`conid="%[3]d" isin="US00000%05[2]d" multiplier="1" tradeID="%[1]d" transactionID="%[4]d" ibExecID="0000d514.%08[1]d.01.01" ibOrderID="%[5]d" `+
			`reportDate="%[6]s" tradeDate="%[6]s" dateTime="%[6]s;%[7]s" transactionType="ExchTrade" exchange="NYSE" quantity="%[8]d" tradePrice="%[9]s" `+
			`proceeds="%[10]s" taxes="0" ibCommission="-1" ibCommissionCurrency="USD" openCloseIndicator="%[11]s" notes="P" cost="%[12]s" fifoPnlRealized="%[13]s" `+
			`buySell="%[14]s" levelOfDetail="EXECUTION" />`+"\n",
			t.id, t.contract, 1000+t.contract, 900_000_000+t.id, 5000+t.id/3, t.at.Format("20060102"), t.at.Format("150405"), t.quantity, t.price,
			t.proceeds, t.side, t.cost, t.real, map[bool]string{true: "BUY", false: "SELL"}[t.quantity > 0])
	})
	fmt.Fprint(b.out, "</Trades>\n<OpenPositions>\n")
	b.held(func(contract int, basis, price string) {
		fmt.Fprintf(b.out, `<OpenPosition accountId="U1234567" currency="USD" fxRateToBase="1" assetCategory="STK" symbol="SYM%[1]d" conid="%[2]d" reportDate="20251231" `+
			`position="100" markPrice="%[4]s" costBasisMoney="%[3]s" levelOfDetail="SUMMARY" />`+"\n", contract, 1000+contract, basis, price)
	})
	fmt.Fprint(b.out, "</OpenPositions>\n</FlexStatement></FlexStatements></FlexQueryResponse>\n")
}

func (b *bulk) csv() {
	fmt.Fprint(b.out, `"BOF","U1234567","Year","1","20250101","20251231","20260101;060000"`+"\n"+`"BOA","U1234567"`+"\n"+`"BOS","TRNT","Trades; trade date basis"`+"\n"+
		`"ClientAccountID","CurrencyPrimary","FXRateToBase","AssetClass","Symbol","Description","Conid","ISIN","Multiplier","TradeID","TransactionID","IBExecID",`+
		`"IBOrderID","ReportDate","TradeDate","DateTime","TransactionType","Exchange","Quantity","TradePrice","Proceeds","Taxes","IBCommission",`+
		`"IBCommissionCurrency","Open/CloseIndicator","Notes/Codes","CostBasis","FifoPnlRealized","Buy/Sell","LevelOfDetail"`+"\n")
	b.each(func(t *bulkTrade) {
		fmt.Fprintf(b.out, `"U1234567","USD","1","STK","SYM%[2]d","SYMBOL %[2]d INC","%[3]d","US00000%05[2]d","1","%[1]d","%[4]d","0000d514.%08[1]d.01.01",`+
			`"%[5]d","%[6]s","%[6]s","%[6]s;%[7]s","ExchTrade","NYSE","%[8]d","%[9]s","%[10]s","0","-1","USD","%[11]s","P","%[12]s","%[13]s","%[14]s","EXECUTION"`+"\n",
			t.id, t.contract, 1000+t.contract, 900_000_000+t.id, 5000+t.id/3, t.at.Format("20060102"), t.at.Format("150405"), t.quantity, t.price,
			t.proceeds, t.side, t.cost, t.real, map[bool]string{true: "BUY", false: "SELL"}[t.quantity > 0])
	})
	fmt.Fprint(b.out, `"EOS","TRNT","0","0"`+"\n"+`"BOS","POST","Position; trade date basis"`+"\n"+
		`"ClientAccountID","CurrencyPrimary","FXRateToBase","AssetClass","Symbol","Conid","ReportDate","Quantity","MarkPrice","CostBasisMoney","LevelOfDetail"`+"\n")
	b.held(func(contract int, basis, price string) {
		fmt.Fprintf(b.out, `"U1234567","USD","1","STK","SYM%d","%d","20251231","100","%s","%s","SUMMARY"`+"\n", contract, 1000+contract, price, basis)
	})
	fmt.Fprint(b.out, `"EOS","POST","0","0"`+"\n"+`"EOA","U1234567"`+"\n"+`"EOF"`+"\n")
}

func (b *bulk) activity() {
	fmt.Fprint(b.out, "Statement,Header,Field Name,Field Value\nStatement,Data,Title,Activity Statement\nStatement,Data,Period,\"January 1, 2025 - December 31, 2025\"\n"+
		"Account Information,Header,Field Name,Field Value\nAccount Information,Data,Account,U1234567\nAccount Information,Data,Base Currency,USD\n"+
		"Open Positions,Header,DataDiscriminator,Asset Category,Currency,Symbol,Quantity,Mult,Cost Price,Cost Basis,Close Price,Value,Unrealized P/L,Code\n")
	b.held(func(contract int, basis, price string) {
		fmt.Fprintf(b.out, "Open Positions,Data,Summary,Stocks,USD,SYM%d,100,1,,%s,%s,,,\n", contract, basis, price)
	})
	fmt.Fprint(b.out, "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,C. Price,Proceeds,Comm/Fee,Basis,Realized P/L,MTM P/L,Code\n")
	b.each(func(t *bulkTrade) {
		fmt.Fprintf(b.out, "Trades,Data,Order,Stocks,USD,SYM%d,\"%s\",%d,%s,%s,%s,-1,%s,%s,0,%s\n", t.contract, t.at.Format("2006-01-02, 15:04:05"),
			t.quantity, t.price, t.price, t.proceeds, t.cost, t.real, t.side)
	})
	fmt.Fprint(b.out, "Financial Instrument Information,Header,Asset Category,Symbol,Description,Conid,Security ID,Multiplier\n")
	for contract := range bulkContracts {
		fmt.Fprintf(b.out, "Financial Instrument Information,Data,Stocks,SYM%[1]d,SYMBOL %[1]d INC,%[2]d,US00000%05[1]d,1\n", contract, 1000+contract)
	}
}

func TestBulk(t *testing.T) {
	for form := range bulkForms {
		t.Run(form, func(t *testing.T) {
			p := fresh(t, "USD")
			in, out := io.Pipe()
			go func() { out.CloseWithError((&bulk{trades: 1003}).write(out, form)) }()
			all, err := ReadAll(in)
			require.NoError(t, err)
			plan, added, err := Import(t.Context(), p, all[0])
			require.NoError(t, err)
			require.Equal(t, 1003, added)
			require.Empty(t, plan.Issues)
			outcome, err := p.Reconcile(t.Context(), plan.Broker)
			require.NoError(t, err)
			require.Empty(t, outcome.Breaks)
			require.Greater(t, outcome.Compared, 500)
		})
	}
}

// TestBulkMemory holds what a trade takes in memory against bounds that leave room: what is kept of
// a statement of many trades once it is read, and once it is planned.
func TestBulkMemory(t *testing.T) {
	const trades = 20_000
	for form := range bulkForms {
		t.Run(form, func(t *testing.T) {
			var file bytes.Buffer
			require.NoError(t, (&bulk{trades: trades}).write(&file, form))
			in := bytes.NewReader(file.Bytes())
			before := liveHeap()
			all, err := ReadAll(in)
			require.NoError(t, err)
			read := (liveHeap() - before) / trades
			plan, err := NewPlan(all[0], Held{})
			require.NoError(t, err)
			planned := (liveHeap() - before) / trades
			t.Logf("bytes for each trade: %d read, %d planned", read, planned)
			require.Less(t, read, int64(200), "bytes that the statement keeps of each trade")
			require.Less(t, planned, int64(900), "bytes that the statement and its plan keep of each trade")
			runtime.KeepAlive(all)
			runtime.KeepAlive(plan)
			runtime.KeepAlive(file)
		})
	}
}

// liveHeap returns how many bytes are in use.
func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// sink is a store that keeps no entries: what is measured is the import, and not what a journal
// takes.
type sink struct {
	accounts.Store
	entries int
}

func (s *sink) Append(_ context.Context, b accounts.Batch) error {
	s.entries += len(b.Entries)
	return nil
}

// BenchmarkImport reads and imports statements of many trades. make bench-import runs each in a
// process of its own, for the peak of its memory.
func BenchmarkImport(b *testing.B) {
	for _, form := range []string{"xml", "csv", "activity"} {
		for _, trades := range []int{10_000, 100_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/%d", form, trades), func(b *testing.B) { benchmarkImport(b, form, trades) })
		}
	}
}

func benchmarkImport(b *testing.B, form string, trades int) {
	name := filepath.Join(b.TempDir(), "statement")
	file, err := os.Create(name)
	require.NoError(b, err)
	require.NoError(b, (&bulk{trades: trades}).write(file, form))
	info, err := file.Stat()
	require.NoError(b, err)
	require.NoError(b, file.Close())
	b.SetBytes(info.Size())
	var reading time.Duration
	for b.Loop() {
		file, err := os.Open(name)
		require.NoError(b, err)
		begun := time.Now()
		all, err := ReadAll(file)
		reading += time.Since(begun)
		require.NoError(b, err)
		p := freshIn(b, &sink{Store: memstore.New()}, "U1234567", "USD")
		_, added, err := Import(b.Context(), p, all[0])
		require.NoError(b, err)
		require.Equal(b, trades, added)
		require.NoError(b, file.Close())
	}
	b.ReportMetric(reading.Seconds()/float64(b.N), "s-reading/op")
	if peak := peakMemory(); peak > 0 {
		b.ReportMetric(float64(peak)/(1<<20), "MiB-peak")
	}
}

// peakMemory returns the most memory that the process has had, in bytes; zero where the system does
// not tell.
func peakMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return 0
	}
	kib, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}

// TestMaxRows: a file may have as many rows as may be in memory, and one more is refused.
func TestMaxRows(t *testing.T) {
	for form := range bulkForms {
		t.Run(form, func(t *testing.T) {
			var file bytes.Buffer
			require.NoError(t, (&bulk{trades: 1003}).write(&file, form))
			all, err := ReadAll(bytes.NewReader(file.Bytes()), WithMaxRows(0), WithMaxRows(-1))
			require.NoError(t, err)
			rows := 1003 + len(all[0].Positions)
			_, err = ReadAll(bytes.NewReader(file.Bytes()), WithMaxRows(rows))
			require.NoError(t, err)
			_, err = ReadAll(bytes.NewReader(file.Bytes()), WithMaxRows(rows-1))
			require.ErrorIs(t, err, ErrFormat)
			require.ErrorContains(t, err, fmt.Sprintf("more than %d rows", rows-1))
		})
	}
}

// TestMaxRowsOfWhatStays: rows that are left out count nothing, whenever that is known, and those of a
// statement that the reader has returned neither.
func TestMaxRowsOfWhatStays(t *testing.T) {
	order, early, slashed := `levelOfDetail="ORDER"`, `tradeID="8"`, `tradeID="9" dateTime="30/01/2025"`
	for name, rows := range map[string][]string{
		"orders":           {order, order, order},
		"orders first":     {order, order, order, early, slashed, ""},
		"executions first": {early, slashed, "", order, order, order},
		"parts":            {`levelOfDetail="CLOSED_LOT"`, early, slashed, ""},
	} {
		var all []string
		for _, attrs := range rows {
			all = append(all, trade(attrs))
		}
		file := trades(all...)
		st, err := ReadAll(strings.NewReader(file), WithMaxRows(3))
		require.NoError(t, err, name)
		require.Equal(t, 3, st[0].Trades.Len(), name)
		_, err = ReadAll(strings.NewReader(file), WithMaxRows(2))
		require.ErrorContains(t, err, "more than 2 rows", name)

		inner := file[strings.Index(file, "<FlexStatement "):strings.Index(file, "</FlexStatements>")]
		three := strings.Replace(file, inner, inner+inner+inner, 1)
		_, err = ReadAll(strings.NewReader(three), WithMaxRows(8))
		require.ErrorContains(t, err, "more than 8 rows", name+": all statements are in memory")
		for _, err := range NewReader(strings.NewReader(three), WithMaxRows(3)).All() {
			require.NoError(t, err, name+": one statement is in memory")
		}
	}
}

// TestMaxRowsBesideRows: names and issues are as many as rows at most, and cost little.
func TestMaxRowsBesideRows(t *testing.T) {
	many := func(format string) string {
		var b strings.Builder
		for i := range 500 {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, file := range map[string]string{
		"contracts of an activity statement":  activity(activityTrades, activityContracts+"Financial Instrument Information,Data,Stocks,\""+many("A%d,")+"\",AAA INC,102,US102,1\n"),
		"sections of an activity statement":   activity(activityTrades, many("Section %d,Header,Column\n")),
		"values of an activity statement":     activity(activityTrades, "Statement,Header,Field Name,Field Value\n", many("Statement,Data,Name %d,Value\n")),
		"rates of an activity statement":      activity(activityTrades, "Base Currency Exchange Rate,Header,Currency,Rate\n", many("Base Currency Exchange Rate,Data,%d,1.5\n")),
		"currencies of an activity statement": activity(activityTrades, "Cash Report,Header,Currency Summary,Currency,Total\n", many("Cash Report,Data,Ending Cash,%d,1\n")),
		"sections in XML":                     doc(many(`<Section%d a="1"/>`)),
		"elements in XML":                     trades(many(`<Element%d a="1"/>`)),
		"levels in XML":                       trades(many(`<Trade levelOfDetail="%d"/>`)),
		"sections in CSV":                     many("HEADER,S%[1]d,ClientAccountID,Column\nDATA,S%[1]d,U1,1\n"),
	} {
		_, err := ReadAll(strings.NewReader(file), WithMaxRows(600))
		require.NoError(t, err, name)
		_, err = ReadAll(strings.NewReader(file), WithMaxRows(400))
		require.ErrorIs(t, err, ErrFormat, name)
		require.ErrorContains(t, err, "more than 400 names and notes", name)
	}
}

// TestOneRowOfManyNames: what a row tells of a contract is kept once for all of its names.
func TestOneRowOfManyNames(t *testing.T) {
	names := strings.Repeat("A,B,C,D,E,F,G,H,I,J,", 10_000)
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, "%d,", i)
	}
	names += b.String()
	file := activity(activityTrades, activityContracts+"Financial Instrument Information,Data,Stocks,\""+names+"\",AAA INC,102,US102,1\n")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := ReadAll(strings.NewReader(file))
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Less(t, (after.TotalAlloc-before.TotalAlloc)/20_000, uint64(1000), "bytes for each name")
}
