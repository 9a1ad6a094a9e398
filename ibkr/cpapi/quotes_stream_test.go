package cpapi_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ibkr/cpapi"
	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/ledger"
)

// Quotes of a gateway that streams are those of its market, whatever becomes of messages on their way, and few are
// asked for.
func TestQuotesOfAStream(t *testing.T) {
	market, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{})
	require.NoError(t, err)
	abc, err := market.Stock("ABC", dec("100"))
	require.NoError(t, err)
	g, err := gatewaysim.New(gatewaysim.Config{Market: market, Pacing: gatewaysim.Pacing{Off: true}, Accounts: []gatewaysim.Account{{ID: "DU1000001"}}})
	require.NoError(t, err)
	require.NoError(t, g.Start())
	defer func() { require.NoError(t, g.Close()) }()
	limits := quick
	limits.Quotes = time.Millisecond
	c, err := cpapi.Open(t.Context(), cpapi.Config{URL: g.URL(), Fingerprint: g.Fingerprint(), Limits: limits, Breaker: cpapi.NewBreaker()})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	events, err := c.Watch(t.Context())
	require.NoError(t, err)
	instrument := []ledger.Instrument{ledger.NewStock("ABC", "USD")}
	ask := func() broker.Quote {
		t.Helper()
		quotes, err := c.Quotes(t.Context(), instrument)
		require.NoError(t, err)
		require.Len(t, quotes, 1)
		return quotes[0]
	}
	ask()
	require.NoError(t, g.Await(t.Context(), func() bool { return len(g.Streamed()) == 1 }))
	ask()
	const moves = 200
	guard, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for n := range moves {
		switch n % 40 {
		case 10:
			_, err = g.Inject(gatewaysim.Fault{Kind: gatewaysim.SocketDuplicates})
		case 20:
			_, err = g.Inject(gatewaysim.Fault{Kind: gatewaysim.SocketDrops})
		case 30:
			g.KillSession()
		}
		require.NoError(t, err)
		price := dec("100").Add(ledger.MustDecimal([]string{"0.5", "1", "1.5", "2"}[n%4]))
		market.Advance(time.Second)
		require.NoError(t, market.SetQuote(abc.ConID, gatewaysim.Quote{Bid: price, Ask: price.Add(dec("0.5")), Last: price}))
		if n%40 == 20 || n%40 == 30 {
			for !c.Status().Usable() || len(g.Streamed()) == 0 {
				_, _ = c.Quotes(t.Context(), instrument) // which finds out that the session is gone
				select {
				case <-events:
				case <-time.After(time.Millisecond):
				}
			}
			continue
		}
		for ask().Bid != price { // the message is on its way
			select {
			case <-events:
			case <-time.After(time.Millisecond):
			}
			require.NoError(t, guard.Err(), "move %d never came", n)
		}
	}
	require.Less(t, g.Counts()[gatewaysim.RouteSnapshot], moves/2, "snapshots of %d moves", moves)
}
