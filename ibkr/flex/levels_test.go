package flex

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

// Of the levels of detail of a section the finest counts, in whatever order they come.
func TestOneLevelCounts(t *testing.T) {
	level := func(name, quantity string) string {
		ids := ` tradeID="" `
		if name == "EXECUTION" {
			ids = ` tradeID="` + quantity + `" `
		}
		return trade(`levelOfDetail="` + name + `"` + ids + `quantity="` + quantity + `"`)
	}
	for name, c := range map[string]struct {
		file    string
		want    []string // quantities
		skipped map[string]int
	}{
		"executions after orders":                       {trades(level("ORDER", "30"), level("EXECUTION", "10"), level("EXECUTION", "20")), []string{"10", "20"}, map[string]int{"ORDER": 1}},
		"executions before orders":                      {trades(level("EXECUTION", "10"), level("ORDER", "30"), level("SYMBOL_SUMMARY", "40")), []string{"10"}, map[string]int{"ORDER": 1, "SYMBOL_SUMMARY": 1}},
		"orders alone":                                  {trades(level("ORDER", "30"), level("ORDER", "5")), []string{"30", "5"}, nil},
		"orders beside symbols":                         {trades(level("SYMBOL_SUMMARY", "35"), level("ORDER", "30"), level("ORDER", "5")), []string{"30", "5"}, map[string]int{"SYMBOL_SUMMARY": 1}},
		"symbols alone":                                 {trades(level("SYMBOL_SUMMARY", "35"), level("ASSET_SUMMARY", "35")), []string{"35"}, map[string]int{"ASSET_SUMMARY": 1}},
		"orders with slashed dates":                     {trades(trade(`levelOfDetail="ORDER" tradeID="" dateTime="01/31/2025"`)), []string{"10"}, nil},
		"orders that cannot be read, beside executions": {trades(trade(`levelOfDetail="ORDER" quantity="x"`), level("EXECUTION", "10")), []string{"10"}, map[string]int{"ORDER": 1}},
		"orders that tell the day":                      {trades(trade(`levelOfDetail="ORDER" tradeID="" dateTime="" reportDate="20250107"`)), []string{"10"}, nil},
		"symbols without a date, beside orders":         {trades(trade(`levelOfDetail="SYMBOL_SUMMARY" tradeID="" dateTime=""`), level("ORDER", "30")), []string{"30"}, map[string]int{"SYMBOL_SUMMARY": 1}},
		"elements of their own":                         {trades(`<Order currency="USD" symbol="NU" dateTime="20250107" quantity="10" tradePrice="1"/>`), []string{"10"}, nil},
	} {
		st := read(t, c.file)
		var got []string
		for _, tr := range st.Trades.All() {
			got = append(got, tr.Quantity.String())
		}
		require.Equal(t, c.want, got, name)
		require.Equal(t, c.skipped, st.SkippedRows, name)
		for _, i := range st.Issues {
			require.False(t, i.Unread, "%s: %s", name, i.Text)
		}
	}
}

// Orders of which the section has no executions, beside executions of others, are said to be left out.
func TestOrdersWithoutExecutions(t *testing.T) {
	order := func(attrs string) string { return trade(`levelOfDetail="ORDER" tradeID="" ` + attrs) }
	for name, c := range map[string]struct {
		file string
		rows int
	}{
		"of the same contract and day": {trades(order(`quantity="30"`), trade(`tradeID="1"`), trade(`tradeID="2" dateTime="20250107;150000"`)), 0},
		"of another day":               {trades(order(`dateTime="20250106;100000"`), order(`dateTime="20250106;110000"`), order(``), trade(``)), 2},
		"of another contract":          {trades(trade(``), order(`symbol="XY" conid="2"`)), 1},
		"orders alone":                 {trades(order(``), order(`symbol="XY" conid="2"`)), 0},
	} {
		require.Equal(t, c.rows, Unread(read(t, c.file).Issues)["trade"], name)
	}
}

// Where no level can be booked, that is said.
func TestNoLevelCounts(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		rows int
	}{
		"closed lots alone":      {trades(`<Lot symbol="NU"/>`, trade(`levelOfDetail="CLOSED_LOT"`), trade(`levelOfDetail="WASH_SALE"`)), 3},
		"assets alone":           {trades(`<AssetSummary/>`), 1},
		"neither date nor id":    {trades(trade(`levelOfDetail="" tradeID="" dateTime=""`), trade(`levelOfDetail="" tradeID="" dateTime=""`)), 2},
		"symbols without a date": {trades(trade(`levelOfDetail="SYMBOL_SUMMARY" tradeID="" dateTime=""`)), 1},
	} {
		st := read(t, c.file)
		require.Zero(t, st.Trades.Len(), name)
		require.Len(t, st.Issues, 1, name)
		require.True(t, st.Issues[0].Unread, "%s: nobody must take this for a statement without trades", name)
		require.Equal(t, c.rows, st.Issues[0].Rows, name)
		require.Contains(t, st.Issues[0].Text, "executions", name)
	}
}

func TestOneLevelOfOtherSections(t *testing.T) {
	cash := func(level, amount string) string {
		return `<CashTransaction accountId="-" currency="USD" dateTime="20250110" amount="` + amount + `" type="Dividends" levelOfDetail="` + level + `"/>`
	}
	action := func(level string) string {
		return `<CorporateAction currency="USD" assetCategory="STK" symbol="NU" conid="1" dateTime="20250114;202500" quantity="10" type="FS" ` +
			`actionDescription="NU(US1) SPLIT 2 FOR 1 (NU, NU CO, US1)" levelOfDetail="` + level + `"/>`
	}
	st := read(t, doc(`<CashTransactions>`+cash("SUMMARY", "3")+cash("DETAIL", "1")+cash("DETAIL", "2")+`</CashTransactions>`+
		`<CorporateActions>`+action("SUMMARY")+action("DETAIL")+action("SUMMARY")+`</CorporateActions>`))
	require.Empty(t, st.Issues)
	require.Len(t, st.Cash, 2)
	require.Equal(t, dec("1"), st.Cash[0].Amount)
	require.Len(t, st.CorporateActions, 1)
	require.Equal(t, map[string]int{"SUMMARY": 3}, st.SkippedRows)

	st = read(t, doc(`<CorporateActions>`+action("SUMMARY")+`</CorporateActions><CashTransactions>`+cash("SUMMARY", "3")+`</CashTransactions>`))
	require.Len(t, st.CorporateActions, 1, "summaries are all there is")

	charge := func(level string) string {
		return `<CFDCharge currency="USD" date="20250110" total="-2" levelOfDetail="` + level + `"/>`
	}
	require.Len(t, read(t, doc(`<CFDCharges>`+charge("SUMMARY")+charge("DETAIL")+charge("TRANSACTION")+`</CFDCharges>`)).Cash, 2, "a level of its own name counts")
	st = read(t, doc(`<CashTransactions>`+cash("SUMMARY", "3")+`</CashTransactions>`))
	require.Equal(t, []ledger.Decimal{dec("3")}, []ledger.Decimal{st.Cash[0].Amount})
}
