package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// response is a file of statements, and statement one of them.
func response(statements string) string {
	return "<FlexQueryResponse queryName=\"made up\" type=\"AF\">\n<FlexStatements>\n" + statements + "</FlexStatements>\n</FlexQueryResponse>\n"
}

func statement(account, from, to, trades string) string {
	return fmt.Sprintf("<FlexStatement accountId=%q fromDate=%q toDate=%q>\n<Trades>\n%s</Trades>\n</FlexStatement>\n", account, from, to, trades)
}

// buy and sell trade 10 units of one stock without commission.
func buy(account, id, day, price string) string {
	return execution(account, id, day, "10", price, `openCloseIndicator="O" buySell="BUY"`)
}

func sell(account, id, day, price string) string {
	return execution(account, id, day, "-10", price, `openCloseIndicator="C" buySell="SELL"`)
}

func execution(account, id, day, quantity, price, more string) string {
	return fmt.Sprintf(`<Trade accountId=%q currency="USD" fxRateToBase="1" assetCategory="STK" symbol="ABC" conid="77" multiplier="1" `+
		`tradeID=%[2]q transactionID=%[2]q dateTime="%[3]s;100000" tradeDate=%[3]q quantity=%[4]q tradePrice=%[5]q `+
		`ibCommission="0" ibCommissionCurrency="USD" levelOfDetail="EXECUTION" %[6]s/>`+"\n",
		account, id, day, quantity, price, more)
}

func TestUnreadableInput(t *testing.T) {
	small, medium := sample(t, "small.xml"), sample(t, "medium.csv")
	row := strings.Index(small, `tradeID="500003"`)
	for name, c := range map[string]struct {
		content string
		says    []string
	}{
		"empty.xml":    {"", []string{"line 1", "empty"}},
		"empty.csv":    {"\n\n", []string{"line 1", "empty"}},
		"cut.xml":      {small[:row], []string{"line 16", "cut off"}},
		"cut.csv":      {medium[:strings.Index(medium, `"EOS","POST"`)], []string{"line 19", "cut off"}},
		"midrow.csv":   {medium[:strings.Index(medium, `"OPT","ABCD  250221P`)], []string{"line 24", "columns"}},
		"utf8.xml":     {edit(t, small, `queryName="sample"`, "queryName=\"s\xffmple\""), []string{"line 1", "UTF-8"}},
		"utf8.csv":     {edit(t, medium, `"120.3"`, "\"12\xff.3\""), []string{"line 19", "UTF-8"}},
		"utf16.csv":    {"\xff\xfe\"\x00B\x00O\x00F\x00", []string{"line 1", "UTF-16"}},
		"bomb.xml":     {"<?xml version=\"1.0\"?>\n<!DOCTYPE z [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]>\n" + small, []string{"line 2", "entity declarations"}},
		"column.csv":   {edit(t, medium, `"Exchange","Quantity","TradePrice"`, `"Exchange","Size","TradePrice"`), []string{"line 22", "trade", "Quantity", "add it to the query"}},
		"quantity.xml": {edit(t, small, ` quantity="50"`, ` quantity="5O"`), []string{"line 14", "trade", "quantity", "5O"}},
		"garbage.txt":  {"These are not the rows\nyou are looking for.\n", []string{"line 1", "not a flex statement"}},
		"garbage.bin":  {"\x7fELF\x02\x01\x01\x00\x00", []string{"line 1"}},
		"page.html":    {"<!doctype html>\n<html></html>", []string{"line 1"}},
		"object.json":  {`{"profiles":[]}`, []string{"line 1"}},
		"refused.xml":  {"<FlexStatementResponse><Status>Fail</Status><ErrorCode>1019</ErrorCode><ErrorMessage>Try again</ErrorMessage></FlexStatementResponse>", []string{"line 1", "1019", "Try again"}},
		"nobody.xml":   {response(statement("", "20250101", "20250131", buy("", "1", "20250106", "10"))), []string{"no account id"}},
		"alias.xml": {response(statement("Savings", "20250101", "20250131", "") + statement("Pension", "20250101", "20250131", "")),
			[]string{"Savings", "no IBKR account id"}},
		"future.xml": {response(statement("U5550001", "22000101", "22001231", buy("U5550001", "1", "22000106", "10"))), []string{"future", "2200-01-06"}},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, map[string]string{name: c.content, "good.xml": small})
			for _, form := range []string{"-json=false", "-json"} {
				got := statements(t, form, "good.xml", name)
				require.Equal(t, exitUnreadable, got.code, "stdout: %s", got.stdout)
				require.Empty(t, got.stdout, "half an answer is worse than none")
				requireOneLine(t, got.stderr, append(c.says, name)...)
			}
		})
	}
	t.Run("missing file", func(t *testing.T) {
		in(t, nil)
		got := statements(t, "nowhere.xml")
		require.Equal(t, exitUnreadable, got.code)
		require.Empty(t, got.stdout)
		requireOneLine(t, got.stderr, "nowhere.xml")
	})
	t.Run("directory", func(t *testing.T) {
		in(t, nil)
		got := statements(t, ".")
		require.Equal(t, exitUnreadable, got.code)
		require.Empty(t, got.stdout)
		requireOneLine(t, got.stderr, "is a directory")
	})
}

func TestBreaks(t *testing.T) {
	const cash = `currency="USD" levelOfDetail="Currency" fromDate="20250102" toDate="20250131" startingCash="25000" endingCash=`
	small := sample(t, "small.xml")
	held := `<OpenPositions><OpenPosition accountId="DU9000025" currency="USD" fxRateToBase="1" assetCategory="STK" symbol="ABC" conid="77" multiplier="1" position="6" /></OpenPositions>`
	for _, c := range []struct {
		name, content string
		want          wantBreak
		line          string
	}{
		{"realized", edit(t, small, `fifoPnlRealized="79.35"`, `fifoPnlRealized="99.35"`),
			wantBreak{Contract: "OPT:XYZ:20250117:C:45:100:USD", ExecID: "tx-100006", Field: "realized", Ours: "79.35", Theirs: "99.35", Difference: "-20"},
			"OPT:XYZ:20250117:C:45:100:USD execution tx-100006: realized is 79.35, the broker says 99.35 (-20 off)"},
		{"quantity", response(statement("DU9000025", "20250101", "20250131", buy("DU9000025", "1", "20250106", "10")) +
			edit(t, statement("DU9000025", "20250201", "20250228", ""), "</FlexStatement>", held+"</FlexStatement>")),
			wantBreak{Contract: "STK:ABC:USD", Field: "quantity", Ours: "10", Theirs: "6", Difference: "4"},
			"STK:ABC:USD: quantity is 10, the broker says 6 (4 off)"},
		{"cost basis", edit(t, small, `costBasisMoney="250.4"`, `costBasisMoney="250.36"`),
			wantBreak{Contract: "STK:IDXF:USD", Field: "cost_basis", Ours: "250.4", Theirs: "250.36", Difference: "0.04"},
			"STK:IDXF:USD: cost_basis is 250.4, the broker says 250.36 (0.04 off)"},
		{"cash", edit(t, small, cash+`"29194.43"`, cash+`"29194.45"`),
			wantBreak{Field: "cash", Ours: "29194.43", Theirs: "29194.45", Difference: "-0.02"},
			"USD: cash is 29194.43, the broker says 29194.45 (-0.02 off)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in(t, map[string]string{"wrong.xml": c.content, "good.csv": sample(t, "medium.csv")})
			c.want.ProfileID, c.want.Currency = "2-DU9000025", "USD"
			got := readDocument(t, exitBreaks, "good.csv", "wrong.xml")
			require.Empty(t, got[0].Breaks, "another account's profile has nothing to do with it")
			require.Equal(t, []wantBreak{c.want}, got[1].Breaks)

			tables := statements(t, "good.csv", "wrong.xml")
			require.Equal(t, exitBreaks, tables.code)
			require.Regexp(t, `\n1 break: \d+ figures compared(; \d+ differ.*)?\n`, tables.stdout)
			require.Contains(t, tables.stdout, "\n  profile 2-DU9000025: "+c.line+"\n")

			wide := statements(t, "-tolerance", "20", "wrong.xml")
			if c.name == "quantity" {
				require.Equal(t, exitBreaks, wide.code, "quantities must be equal whatever the tolerance")
			} else {
				require.Equal(t, exitReconciled, wide.code, "a wide tolerance must let it pass")
			}
		})
	}
}

func TestAccountsAndFiles(t *testing.T) {
	first := statement("U5550001", "20250101", "20250131", buy("U5550001", "1", "20250106", "10"))
	second := statement("U5550001", "20250201", "20250228", sell("U5550001", "2", "20250203", "12"))
	other := statement("U5550002", "20250101", "20250131", buy("U5550002", "1", "20250106", "20"))
	in(t, map[string]string{
		"two-accounts.xml": response(first + other), "again.xml": response(first), "two-periods.xml": response(second + other + first),
	})
	ids := func(profiles []wantProfile) (out []string) {
		for _, p := range profiles {
			out = append(out, p.ProfileID+" "+p.IBKRAccountID)
		}
		return out
	}
	require.Equal(t, []string{"1-U5550001 U5550001", "1-U5550002 U5550002"}, ids(readDocument(t, 0, "two-accounts.xml")),
		"each account of a file gets a profile")
	both := readDocument(t, 0, "again.xml", "again.xml")
	require.Equal(t, []string{"1-U5550001 U5550001", "2-U5550001 U5550001"}, ids(both), "an account gets a profile in each file")
	require.Equal(t, both[0].OpenPositions, both[1].OpenPositions, "what one file says must not reach another's profile")

	got := readDocument(t, 0, "two-periods.xml")
	require.Equal(t, []string{"1-U5550001 U5550001", "1-U5550002 U5550002"}, ids(got), "statements of one account share a profile")
	realized := "20"
	require.Equal(t, wantProfile{ProfileID: "1-U5550001", IBKRAccountID: "U5550001", Trades: 2, OpenPositions: []wantPosition{}, Breaks: []wantBreak{},
		Closings: []wantClosing{{ExecID: "tx-2", TransactionID: "2", ConID: "77", Symbol: "ABC", Quantity: "-10", Realized: realized}},
		Cash:     []wantMoney{{Currency: "USD", Amount: &realized}}, Unrealized: []wantMoney{}, Notes: []wantNote{}, Unread: map[string]int{}},
		got[0], "imported in the order of their periods, nothing has to be inferred")
}

func TestCancelledInALaterStatement(t *testing.T) {
	const account = "U5550001"
	in(t, map[string]string{"a.xml": response(
		statement(account, "20250101", "20250131", buy(account, "1", "20250106", "10")+buy(account, "2", "20250107", "11")) +
			statement(account, "20250201", "20250228",
				execution(account, "3", "20250203", "-10", "11", `transactionType="TradeCancel" origTransactionID="2" buySell="BUY (Ca.)"`)))})
	got := statements(t, "a.xml")
	require.Equal(t, exitReconciled, got.code, got.stderr)
	require.Contains(t, got.stdout, "ours       1", "a cancelled trade does not count")
	require.Contains(t, got.stdout, "broker       1", "nor does the broker count it")
}

// TestOverlap reads a statement twice: what it says is recorded once, and a break told once.
func TestOverlap(t *testing.T) {
	wrong := edit(t, sample(t, "small.xml"), `fifoPnlRealized="79.35"`, `fifoPnlRealized="99.35"`)
	from := strings.Index(wrong, "<FlexStatement ")
	to := strings.Index(wrong, "</FlexStatements>")
	in(t, map[string]string{"once.xml": wrong, "twice.xml": wrong[:to] + wrong[from:to] + wrong[to:]})
	require.Equal(t, readDocument(t, exitBreaks, "once.xml"), readDocument(t, exitBreaks, "twice.xml"))
}

func TestNotes(t *testing.T) {
	in(t, map[string]string{"a.xml": response(statement("U5550001", "20250101", "20250131",
		execution("U5550001", "1", "20250106", "-10", "12", `openCloseIndicator="C" buySell="SELL" cost="-100" fifoPnlRealized="20"`)))})
	got := readDocument(t, exitReconciled, "a.xml")
	broker := "20"
	require.Equal(t, []wantClosing{{ExecID: "tx-1", TransactionID: "1", ConID: "77", Symbol: "ABC", Quantity: "-10", Realized: "20",
		BrokerRealized: &broker, Inferred: true}}, got[0].Closings, "the lot was opened before the statement")
	require.Equal(t, "a.xml, U5550001: 1 lot inferred: opened before the statement\n", statements(t, "a.xml").stderr)
}
