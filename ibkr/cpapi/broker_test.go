package cpapi_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker/brokertest"
	"github.com/ai-ots/accounts/ibkr/cpapi"
	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/ledger"
)

var dec = ledger.MustDecimal

// quick are limits for a gateway that takes every request.
var quick = cpapi.Limits{
	Session: cpapi.Rate{Requests: 10_000, Per: time.Second, Burst: 1000}, Slow: cpapi.Rate{Requests: 10_000, Per: time.Second, Burst: 1000},
	Warm: 5 * time.Millisecond, Retry: 5 * time.Millisecond, RetryMax: 50 * time.Millisecond,
}

// bench is a client of a simulated gateway.
func bench(t *testing.T) *brokertest.Bench {
	market, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{Realtime: true, AlwaysOpen: true})
	require.NoError(t, err)
	abc, err := market.Stock("ABC", dec("100"))
	require.NoError(t, err)
	_, err = market.Stock("XYZ", dec("50"))
	require.NoError(t, err)
	g, err := gatewaysim.New(gatewaysim.Config{Market: market, Pacing: gatewaysim.Pacing{Off: true}, Groups: []string{"All"}, Accounts: []gatewaysim.Account{
		{ID: "DU1000001", Cash: dec("100000"), Segment: true}, {ID: "DU1000002", Cash: dec("100000")},
	}})
	require.NoError(t, err)
	require.NoError(t, g.Start())
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	c, err := cpapi.Open(t.Context(), cpapi.Config{URL: g.URL(), Fingerprint: g.Fingerprint(), Limits: quick, Breaker: cpapi.NewBreaker()})
	require.NoError(t, err)
	return &brokertest.Bench{
		Broker: c, Account: "DU1000001", Other: "DU1000002", Contract: ledger.NewStock("ABC", "USD"), Second: ledger.NewStock("XYZ", "USD"),
		Price: func(price ledger.Decimal) error { return market.SetPrice(abc.ConID, price) },
	}
}

func TestBroker(t *testing.T) { brokertest.TestBroker(t, bench) }
