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

var abc = ledger.NewStock("ABC", "USD")

// simulated returns a client of a gateway with one account, in which ABC is at 100.
func simulated(t *testing.T) (*cpapi.Client, *gatewaysim.Gateway) {
	market, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{Realtime: true, AlwaysOpen: true})
	require.NoError(t, err)
	_, err = market.Stock("ABC", dec("100"))
	require.NoError(t, err)
	g, err := gatewaysim.New(gatewaysim.Config{Market: market, Pacing: gatewaysim.Pacing{Off: true}, Accounts: []gatewaysim.Account{{ID: "DU1000001", Cash: dec("100000")}}})
	require.NoError(t, err)
	require.NoError(t, g.Start())
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	c, err := cpapi.Open(t.Context(), cpapi.Config{URL: g.URL(), Fingerprint: g.Fingerprint(), Limits: quick, Breaker: cpapi.NewBreaker()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c, g
}

// Public sources: nautilus#4970, nautilus#3949: a fill that came before the answer to its order was not known.
// The execution names the order by its reference, whatever the answer will be.
func TestReport10FillBeforeTheAnswer(t *testing.T) {
	c, g := simulated(t)
	held, err := g.Inject(gatewaysim.Fault{Kind: gatewaysim.HoldAnswer, Route: gatewaysim.RoutePlace})
	require.NoError(t, err)
	placed := make(chan error, 1)
	go func() {
		_, err := c.Place(t.Context(), "DU1000001", ticket("r", abc, "1", "101"))
		placed <- err
	}()
	<-held.Reached()
	executions, err := c.Executions(t.Context(), "DU1000001", time.Now().Add(-time.Minute))
	require.NoError(t, err)
	require.Len(t, executions.List, 1)
	require.Equal(t, broker.Ref("r"), executions.List[0].Ref)
	held.Release()
	require.NoError(t, <-placed)
}

// Public source: nautilus#4564: what was sent during an outage was sent again, and two orders worked. After an
// outage an order of unknown outcome is looked up by its reference, and cannot be placed a second time.
func TestReport11NoOrderTwice(t *testing.T) {
	for _, kind := range []gatewaysim.FaultKind{gatewaysim.DropRequest, gatewaysim.DropAnswer} {
		c, g := simulated(t)
		_, err := g.Inject(gatewaysim.Fault{Kind: kind, Route: gatewaysim.RoutePlace})
		require.NoError(t, err)
		_, err = c.Place(t.Context(), "DU1000001", ticket("r", abc, "1", "90"))
		require.ErrorIs(t, err, broker.ErrOutcomeUnknown, kind)
		_, err = c.Place(t.Context(), "DU1000001", ticket("r", abc, "1", "90"))
		require.ErrorIs(t, err, broker.ErrDuplicateRef, kind)
		orders, err := c.Orders(t.Context(), "DU1000001")
		require.NoError(t, err)
		require.True(t, orders.Complete)
		truth, err := g.Truth("DU1000001")
		require.NoError(t, err)
		require.Equal(t, map[gatewaysim.FaultKind]int{gatewaysim.DropRequest: 0, gatewaysim.DropAnswer: 1}[kind], len(orders.List))
		require.Equal(t, len(orders.List), truth.Placed["r"])
		if len(orders.List) == 1 {
			require.NoError(t, c.Cancel(t.Context(), "DU1000001", "r"), "by the reference alone: the answer never came")
		}
	}
}
