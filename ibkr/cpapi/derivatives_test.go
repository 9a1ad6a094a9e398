package cpapi_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ibkr/cpapi"
	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/ledger"
)

// Options and futures are found by their terms, trade, and come back under the same keys: an option of SPX under
// its trading class.
func TestDerivatives(t *testing.T) {
	market, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{Realtime: true, AlwaysOpen: true})
	require.NoError(t, err)
	spx, err := market.Add(gatewaysim.Contract{SecType: "IND", Symbol: "SPX", Currency: "USD"})
	require.NoError(t, err)
	expiry := ledger.Date(time.Now().Year()+1)*10000 + 618
	var chains []gatewaysim.Contract
	for _, class := range []string{"SPX", "SPXW"} {
		chain, err := market.Chain(spx.ConID, class, expiry, dec("5000"), dec("5100.5"))
		require.NoError(t, err)
		chains = append(chains, chain...)
	}
	oil, err := market.Add(gatewaysim.Contract{SecType: "FUT", Symbol: "SPX", Currency: "USD", Underlying: spx.ConID, Expiry: expiry, Multiplier: dec("50")})
	require.NoError(t, err)
	for _, c := range append(chains, oil) {
		require.NoError(t, market.SetPrice(c.ConID, dec("10.5")))
	}
	g, err := gatewaysim.New(gatewaysim.Config{Market: market, Pacing: gatewaysim.Pacing{Off: true}, Accounts: []gatewaysim.Account{{ID: "DU1000001", Cash: dec("1000000")}}})
	require.NoError(t, err)
	require.NoError(t, g.Start())
	defer func() { require.NoError(t, g.Close()) }()
	c, err := cpapi.Open(t.Context(), cpapi.Config{URL: g.URL(), Fingerprint: g.Fingerprint(), Limits: quick, Breaker: cpapi.NewBreaker(), Operator: "desk"})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()

	weekly := ledger.NewOption("SPXW", expiry, ledger.Put, dec("5100.5"), "USD")
	weekly.Underlying = "SPX"
	future := ledger.Instrument{SecType: ledger.Future, Symbol: "SPX", Currency: "USD", Expiry: expiry, Multiplier: dec("50")}
	quotes, err := c.Quotes(t.Context(), []ledger.Instrument{future, weekly})
	require.NoError(t, err)
	require.Len(t, quotes, 2)
	for n, i := range []ledger.Instrument{weekly, future} {
		require.Equal(t, i.Key(), quotes[1-n].Instrument.Key())
		order := ticket(broker.Ref([]string{"weekly", "future"}[n]), i, "2", "11")
		_, err := c.Place(t.Context(), "DU1000001", order)
		require.NoError(t, err)
	}
	keys := func(list []ledger.Instrument) map[ledger.InstrumentKey]bool {
		out := map[ledger.InstrumentKey]bool{}
		for _, i := range list {
			out[i.Key()] = true
		}
		return out
	}
	want := keys([]ledger.Instrument{weekly, future})
	var traded, held, ordered []ledger.Instrument
	executions, err := c.Executions(t.Context(), "DU1000001", time.Now().Add(-time.Minute))
	require.NoError(t, err)
	for _, e := range executions.List {
		traded = append(traded, e.Trade.Instrument)
	}
	positions, err := c.Positions(t.Context(), "DU1000001")
	require.NoError(t, err)
	for _, p := range positions.List {
		held = append(held, p.Instrument)
		require.Equal(t, "2", p.Quantity.String())
		require.Equal(t, "10.5", p.Mark.Price.String(), "%s", p.Instrument)
	}
	orders, err := c.Orders(t.Context(), "DU1000001")
	require.NoError(t, err)
	for _, o := range orders.List {
		ordered = append(ordered, o.Instrument)
	}
	for name, list := range map[string][]ledger.Instrument{"executions": traded, "positions": held, "orders": ordered} {
		require.Equal(t, want, keys(list), name)
	}

	// What the future gains is in the cash, at the market.
	cash := func() ledger.Decimal {
		list, err := c.Cash(t.Context(), "DU1000001")
		require.NoError(t, err)
		return list.List[0].Cash
	}
	before := cash()
	require.NoError(t, market.SetPrice(oil.ConID, dec("12")))
	require.Equal(t, "150", cash().Sub(before).String())

	// In a new session the underlying has to be searched for again before there are quotes of its derivatives.
	events, err := c.Watch(t.Context())
	require.NoError(t, err)
	for _, i := range []ledger.Instrument{weekly, future} {
		g.KillSession()
		_, err = c.Orders(t.Context(), "DU1000001")
		require.ErrorIs(t, err, broker.ErrNotConnected)
		for !c.Status().Usable() {
			<-events
		}
		quotes, err = c.Quotes(t.Context(), []ledger.Instrument{i})
		require.NoError(t, err)
		require.Len(t, quotes, 1, "%s", i.Key())
	}
}
