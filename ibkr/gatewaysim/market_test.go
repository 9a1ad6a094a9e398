package gatewaysim_test

import (
	"context"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ibkr/gatewaysim"
)

// Prices walk by the seed and the clock alone.
func TestWalk(t *testing.T) {
	walk := func(seed uint64) (list []gatewaysim.Quote) {
		m, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{})
		require.NoError(t, err)
		c, err := m.Stock("SPY", dec("100"))
		require.NoError(t, err)
		require.NoError(t, m.Walk(gatewaysim.Walk{Seed: seed, Volatility: 0.01}, c.ConID))
		for range 100 {
			m.Advance(time.Second)
			q, found := m.QuoteOf(c.ConID)
			require.True(t, found)
			require.True(t, q.Bid.IsPos() && q.Bid.LessThan(q.Ask), "%s, %s", q.Bid, q.Ask)
			list = append(list, q)
		}
		return list
	}
	require.Equal(t, walk(1), walk(1))
	require.NotEqual(t, walk(1), walk(2))
	m, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{})
	require.NoError(t, err)
	require.ErrorIs(t, m.Walk(gatewaysim.Walk{}, 1), gatewaysim.ErrUnknown)
	require.Error(t, m.Walk(gatewaysim.Walk{Every: -1}))
	_, found := m.QuoteOf(1)
	require.False(t, found)
}

// The clock goes by itself only where it is told to, and is off by as much as it is told.
func TestClocks(t *testing.T) {
	still, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{})
	require.NoError(t, err)
	begin := still.Now()
	require.True(t, still.Open())
	still.Advance(-time.Hour)
	require.Equal(t, begin, still.Now())
	still.Advance(time.Hour)
	require.Equal(t, begin.Add(time.Hour), still.Now())

	goes, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{Realtime: true, AlwaysOpen: true, Skew: -72 * time.Hour})
	require.NoError(t, err)
	require.InDelta(t, -72, time.Until(goes.Now()).Hours(), 1)
	require.True(t, goes.Open())
	goes.Advance(144 * time.Hour)
	require.InDelta(t, 72, time.Until(goes.Now()).Hours(), 1)
}

// A clock can go faster than the real one.
func TestSpeed(t *testing.T) {
	begin := time.Date(2026, 6, 1, 14, 0, 0, 0, time.UTC)
	m, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{Realtime: true, Speed: 1_000_000, Start: begin})
	require.NoError(t, err)
	b := open(t, func(c *gatewaysim.Config) { c.Market = m })
	require.Eventually(t, func() bool { return m.Now().After(begin.Add(24 * time.Hour)) }, patience, time.Millisecond)
	status, _ := b.try("GET", "/iserver/auth/status", "")
	require.Equal(t, 401, status, "the login of yesterday")
}

// Await looks after everything that happens.
func TestAwait(t *testing.T) {
	b := open(t, nil).ready()
	placed := make(chan error, 1)
	go func() {
		placed <- b.Await(t.Context(), func() bool { o, found := b.OrderOf(first, "a"); return found && o.Status == gatewaysim.Filled })
	}()
	b.place(first, "b", "BUY", "1", "101")
	b.place(first, "a", "BUY", "1", "90")
	require.NoError(t, b.Market().SetPrice(b.spy, dec("90")))
	require.NoError(t, <-placed)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.ErrorIs(t, b.Await(ctx, func() bool { return false }), context.Canceled)
	_, found := b.OrderOf(first, "c")
	require.False(t, found)
	_, found = b.OrderOf("U1", "a")
	require.False(t, found)
}

// The beat of a real-time market does what is due without a request.
func TestBeat(t *testing.T) {
	m, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{Realtime: true, AlwaysOpen: true, CommissionDelay: 1})
	require.NoError(t, err)
	b := open(t, func(c *gatewaysim.Config) { c.Market = m }).ready()
	s := b.stream()
	s.send("str")
	s.settle()
	b.place(first, "a", "BUY", "1", "100")
	for row := map[string]any{}; row["commission"] == nil; {
		row = rows(s.until("str")["args"], "")[0]
	}
	b.place(first, "day", "BUY", "1", "90")
	m.EndDay()
	require.Equal(t, "Cancelled", b.live(first)["day"])
}

// Two logins trade in one market, each with its own accounts.
func TestTwoLogins(t *testing.T) {
	m, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{})
	require.NoError(t, err)
	a := open(t, func(c *gatewaysim.Config) { c.Market = m }).ready()
	b := open(t, func(c *gatewaysim.Config) {
		c.Market, c.Username, c.Accounts = m, "simuser2", []gatewaysim.Account{{ID: "DU2000001", Cash: dec("1000")}}
	})
	b.get("/iserver/accounts")
	answer := a.place(first, "a", "BUY", "1", "90")
	b.ask("POST", "/iserver/account/DU2000001/orders", a.order("DU2000001", "a", "BUY", "1", "90"))
	require.NoError(t, m.SetPrice(a.spy, dec("90")))
	require.Len(t, a.truth(first).Executions, 1)
	require.Len(t, b.truth("DU2000001").Executions, 1)
	require.NotEqual(t, answer["order_id"], b.truth("DU2000001").Orders[0].ID)
	_, err = b.Truth(first)
	require.ErrorIs(t, err, gatewaysim.ErrUnknown)
	status, _ := b.try("POST", "/iserver/account/"+first+"/orders", a.order(first, "b", "BUY", "1", "90"))
	require.Equal(t, 400, status)
}

func TestWrongConfigurations(t *testing.T) {
	for _, c := range []gatewaysim.MarketConfig{{Speed: -1}, {Speed: 1_000_001}, {CommissionDelay: -1}} {
		_, err := gatewaysim.NewMarket(c)
		require.Error(t, err, "%+v", c)
	}
	for name, list := range map[string][]gatewaysim.Account{"none": nil, "no id": {{}}, "twice": {{ID: "U1"}, {ID: "U1"}}, "no word": {{ID: "U 1"}},
		"a currency": {{ID: "U1", Currency: "usd"}}} {
		_, err := gatewaysim.New(gatewaysim.Config{Accounts: list})
		require.Error(t, err, name)
	}
	g, err := gatewaysim.New(gatewaysim.Config{Accounts: []gatewaysim.Account{{ID: "U1"}}, Listen: "nowhere:x"})
	require.NoError(t, err)
	require.Error(t, g.Start())
	require.Empty(t, g.Fingerprint())
	require.Nil(t, g.TLSConfig())
	require.NoError(t, g.Close())
}

// The log is bounded.
func TestLog(t *testing.T) {
	b := open(t, func(c *gatewaysim.Config) { c.LogSize = 10 })
	for range 25 {
		b.get("/iserver/auth/status?secret=1")
	}
	log := b.Requests()
	require.LessOrEqual(t, len(log), 10)
	require.Equal(t, "/iserver/auth/status", log[len(log)-1].Path, "a log without queries")
	require.Equal(t, 25, b.Counts()[gatewaysim.RouteStatus])
}
