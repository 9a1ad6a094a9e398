package gatewaysim_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ibkr/gatewaysim"
)

// Options on one underlying differ in their trading class, which only their definition tells; strikes are
// empty until the session has searched the underlying.
func TestOptions(t *testing.T) {
	b := open(t, nil).ready()
	m := b.Market()
	spx, err := m.Add(gatewaysim.Contract{SecType: "IND", Symbol: "SPX", Exchange: "CBOE", Name: "S&P 500"})
	require.NoError(t, err)
	monthly, err := m.Chain(spx.ConID, "SPX", 20261217, dec("6000"), dec("6100"))
	require.NoError(t, err)
	weekly, err := m.Chain(spx.ConID, "SPXW", 20261218, dec("6000"), dec("6050.5"))
	require.NoError(t, err)
	_, err = m.Chain(1, "X", 20261218, dec("1"))
	require.ErrorIs(t, err, gatewaysim.ErrUnknown)
	_, err = m.Add(gatewaysim.Contract{SecType: "OPT", Symbol: "X", Underlying: spx.ConID, Expiry: 20261218, Right: "X", Strike: dec("1")})
	require.Error(t, err)
	_, err = m.Add(gatewaysim.Contract{ConID: b.spy, SecType: "STK", Symbol: "X"})
	require.Error(t, err, "an id that another contract has")
	require.NoError(t, m.SetQuote(weekly[0].ConID, gatewaysim.Quote{Bid: dec("10"), Ask: dec("10.2"), Last: dec("10.1")}))

	strikes := fmt.Sprintf("/iserver/secdef/strikes?conid=%d&sectype=OPT&month=DEC26", spx.ConID)
	snapshot := fmt.Sprintf("/iserver/marketdata/snapshot?fields=84,86&conids=%d", weekly[0].ConID)
	info := fmt.Sprintf("/iserver/secdef/info?conid=%d&sectype=OPT&month=DEC26&strike=6000&right=C", spx.ConID)
	require.Empty(t, b.get(strikes).(map[string]any)["call"])
	status, _ := b.try("GET", info, "")
	require.Equal(t, 400, status)
	b.get(snapshot)
	require.NotContains(t, rows(b.get(snapshot), "")[0], "84", "the underlying was not searched")

	found := rows(b.get("/iserver/secdef/search?symbol=SPX"), "")[0]
	require.Equal(t, "DEC26", rows(found["sections"], "")[1]["months"])
	require.Equal(t, []any{6000.0, 6050.5, 6100.0}, b.get(strikes).(map[string]any)["call"])
	var classes []any
	for _, row := range rows(b.get(info), "") {
		classes = append(classes, row["tradingClass"], row["maturityDate"], row["multiplier"])
	}
	require.Equal(t, []any{"SPX", "20261217", "100", "SPXW", "20261218", "100"}, classes)
	require.Equal(t, "10", rows(b.get(snapshot), "")[0]["84"])

	one := b.get(fmt.Sprintf("/iserver/contract/%d/info", weekly[3].ConID)).(map[string]any)
	require.Equal(t, []any{"SPXW", "SPX", "20261218", "100", "P", "6050.5", "SPXW  261218P06050500"}, []any{one["trading_class"], one["symbol"],
		one["maturity_date"], one["multiplier"], one["right"], one["strike"], one["local_symbol"]})
	require.NoError(t, b.SetPosition(first, monthly[0].ConID, dec("-2"), dec("11.5")))
	require.Equal(t, "OPT:SPXW:20261218:P:6050.5:100:USD", string(weekly[3].Instrument().Key()))
	same, found2 := m.Contract(weekly[3].ConID)
	require.Equal(t, []any{weekly[3], true}, []any{same, found2})
	row := rows(b.get("/portfolio/"+first+"/positions/0"), "")[0]
	require.Equal(t, []any{"OPT", 6000.0, "C", "20261217", 100.0, 11.5, 1150.0}, []any{row["assetClass"], row["strike"], row["putOrCall"], row["expiry"],
		row["multiplier"], row["avgPrice"], row["avgCost"]})
	require.NotContains(t, row, "tradingClass")
}

func TestSearchByName(t *testing.T) {
	b := open(t, nil).ready()
	_, err := b.Market().Chain(b.spy, "SPY", 20261218, dec("100"))
	require.NoError(t, err)
	b.ask("POST", "/iserver/secdef/search", `{"symbol":"SPY","name":true}`)
	require.Empty(t, b.get(fmt.Sprintf("/iserver/secdef/strikes?conid=%d&sectype=OPT&month=DEC26", b.spy)).(map[string]any)["call"])
	require.Contains(t, b.get("/iserver/secdef/search?symbol=NONE"), "error")
}

// A symbol has listings in several countries.
func TestListings(t *testing.T) {
	b := open(t, nil).ready()
	require.NoError(t, b.Market().SetRate("MXN", dec("0.05")))
	for _, c := range []gatewaysim.Contract{{SecType: "STK", Symbol: "SPY", Name: "SPY INC", Currency: "MXN", Exchange: "MEXI", Abroad: true},
		{SecType: "STK", Symbol: "SPY", Name: "OTHER", Exchange: "TSE", Abroad: true}} {
		_, err := b.Market().Add(c)
		require.NoError(t, err)
	}
	found := rows(b.get("/trsrv/stocks?symbols=SPY,NONE"), "SPY")
	require.Len(t, found, 2, "companies")
	listings := rows(found[0]["contracts"], "")
	require.Equal(t, []any{true, false}, []any{listings[0]["isUS"], listings[1]["isUS"]})
}

func TestSnapshots(t *testing.T) {
	b := open(t, nil).ready()
	path := fmt.Sprintf("/iserver/marketdata/snapshot?fields=31,84&conids=%d,1", b.spy)
	firstRow := rows(b.get(path), "")
	require.Len(t, firstRow, 1)
	require.Equal(t, map[string]any{"conid": float64(b.spy), "conidEx": fmt.Sprint(b.spy)}, firstRow[0], "the first answer has no prices")
	last := func() any { return rows(b.get(path), "")[0]["31"] }
	require.Equal(t, "100", last())
	for want, q := range map[string]gatewaysim.Quote{"H7": {Last: dec("7"), Halted: true}, "C7": {Last: dec("7"), Closed: true}} {
		require.NoError(t, b.Market().SetQuote(b.spy, q))
		require.Equal(t, want, last())
	}
	require.NoError(t, b.Market().SetQuote(b.spy, gatewaysim.Quote{Bid: dec("1"), Ask: dec("2"), Delayed: true}))
	row := rows(b.get(path), "")[0]
	require.Equal(t, "DpB", row["6509"])
	require.NotContains(t, row, "31")
	require.Error(t, b.Market().SetQuote(b.spy, gatewaysim.Quote{Bid: dec("2"), Ask: dec("1")}))
	require.ErrorIs(t, b.Market().SetPrice(1, dec("1")), gatewaysim.ErrUnknown)
	b.get("/iserver/marketdata/unsubscribeall")
	require.NotContains(t, rows(b.get(path), "")[0], "84")
	status, _ := b.try("GET", "/iserver/marketdata/snapshot?fields=31", "")
	require.Equal(t, 400, status)
}
