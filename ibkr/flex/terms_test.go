package flex

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

// Terms that have no field of their own are told by the description or the symbol.
func TestDescribedTerms(t *testing.T) {
	for name, c := range map[string]struct {
		attrs string
		key   ledger.InstrumentKey
	}{
		"right":        {`assetCategory="WAR" symbol="HG99ZZ" strike="2600" expiry="20260117" description="AZO 17JAN26 2600 C"`, "WAR:HG99ZZ:20260117:C:2600:1:USD"},
		"everything":   {`assetCategory="WAR" symbol="DNX WS" description="DNX 31DEC27 11.5 C"`, "WAR:DNX WS:20271231:C:11.5:1:USD"},
		"in words":     {`assetCategory="IOPT" symbol="NLW1" strike="12" expiry="20260117" description="DAX PUT OF SOME BANK"`, "WAR:NLW1:20260117:P:12:1:USD"},
		"option":       {`assetCategory="OPT" symbol="X" multiplier="100" description="NU 16MAY25 12 P"`, "OPT:X:20250516:P:12:100:USD"},
		"future's":     {`assetCategory="FOP" symbol="LOF9 P6000" strike="60" expiry="20181217" underlyingSymbol="CLF9" multiplier="1000"`, "FOP:CLF9:20181217:P:60:1000:USD"},
		"Eurex":        {`assetCategory="OPT" symbol="C ODAX DEC 18 12000" strike="12000" expiry="20181221" underlyingSymbol="DAX" multiplier="5"`, "OPT:DAX:20181221:C:12000:5:USD"},
		"own field":    {`assetCategory="WAR" symbol="Y" putCall="P" strike="1" expiry="20260117" description="AZO 17JAN27 2600 C"`, "WAR:Y:20260117:P:1:1:USD"},
		"with commas":  {`assetCategory="WAR" symbol="Z" description="NDX 17JAN26 12,600 CALL"`, "WAR:Z:20260117:C:12600:1:USD"},
		"no such date": {`assetCategory="WAR" symbol="Q" strike="2600" expiry="20260117" putCall="C" description="AZO 99JAN26 2600 C"`, "WAR:Q:20260117:C:2600:1:USD"},
	} {
		got := one(t, c.attrs)
		require.Equal(t, c.key, got.Key(), name)
	}
}

// A product that tells no terms anywhere is paid like a share, and said to be.
func TestProductWithoutTerms(t *testing.T) {
	position := `<OpenPositions><OpenPosition currency="USD" assetCategory="IOPT" symbol="CERT" conid="9" position="10" `
	product := trade(`assetCategory="IOPT" symbol="CERT" conid="9"`)
	st := read(t, doc(position+`/></OpenPositions><Trades>`+product+`</Trades>`))
	require.Equal(t, ledger.InstrumentKey("STK:CERT:USD"), st.Trades.At(0).Key())
	require.Equal(t, ledger.InstrumentKey("STK:CERT:USD"), st.Positions[0].Key())
	require.Len(t, st.Issues, 2)
	require.False(t, st.Issues[0].Unread)
	require.Contains(t, st.Issues[0].Text, "kept like a share")

	st = read(t, doc(position+`description="DAX 17JAN26 12 C"/></OpenPositions><Trades>`+product+`</Trades>`))
	require.Empty(t, st.Issues, "the position tells what the trade does not")
	require.Equal(t, st.Positions[0].Key(), st.Trades.At(0).Key())
}

// Of a trade whose contract nobody knows, the money is booked all the same.
func TestMoneyOfUnknownContracts(t *testing.T) {
	for name, c := range map[string]struct{ attrs, amount string }{
		"net cash":         {`assetCategory="SWP" proceeds="-125" netCash="-126.5"`, "-126.5"},
		"proceeds":         {`assetCategory="SWP" proceeds="-125" ibCommission="-1" taxes="-0.5"`, "-126.5"},
		"price":            {`assetCategory="SWP" ibCommission="-1"`, "-126"},
		"option":           {`assetCategory="OPT" symbol="X" proceeds="-1250" ibCommission="-1"`, "-1251"},
		"future":           {`assetCategory="FUT" symbol="X" proceeds="-1250" ibCommission="-1"`, "-1"},
		"other commission": {`assetCategory="SWP" proceeds="-125" ibCommission="-1" ibCommissionCurrency="EUR"`, "-125"},
	} {
		st := read(t, trades(trade(c.attrs)))
		require.Zero(t, st.Trades.Len(), name)
		require.Len(t, st.Issues, 1, name)
		require.True(t, st.Issues[0].Unread, name)
		require.NotEmpty(t, st.Cash, name)
		require.Equal(t, c.amount, st.Cash[0].Amount.String(), name)
		require.Equal(t, ledger.OtherCash, st.Cash[0].Kind, name)
		if name == "other commission" {
			require.Equal(t, ledger.Currency("EUR"), st.Cash[1].Currency)
			require.Equal(t, dec("-1"), st.Cash[1].Amount)
		}
	}
}
