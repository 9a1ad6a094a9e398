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
func bench(t *testing.T, m gatewaysim.MarketConfig, gc gatewaysim.Config) *brokertest.Bench {
	m.Realtime, m.AlwaysOpen = true, true
	market, err := gatewaysim.NewMarket(m)
	require.NoError(t, err)
	abc, err := market.Stock("ABC", dec("100"))
	require.NoError(t, err)
	_, err = market.Stock("XYZ", dec("50"))
	require.NoError(t, err)
	gc.Market, gc.Pacing, gc.Groups = market, gatewaysim.Pacing{Off: true}, []string{"All"}
	gc.Accounts = []gatewaysim.Account{{ID: "DU1000001", Cash: dec("100000"), Segment: true}, {ID: "DU1000002", Cash: dec("100000")}}
	g, err := gatewaysim.New(gc)
	require.NoError(t, err)
	require.NoError(t, g.Start())
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	c, err := cpapi.Open(t.Context(), cpapi.Config{URL: g.URL(), Fingerprint: g.Fingerprint(), Limits: quick, Breaker: cpapi.NewBreaker(),
		Answers: append(cpapi.DefaultAnswers(), "o163")})
	require.NoError(t, err)
	return &brokertest.Bench{
		Broker: c, Account: "DU1000001", Other: "DU1000002", Contract: ledger.NewStock("ABC", "USD"), Second: ledger.NewStock("XYZ", "USD"),
		Price: func(price ledger.Decimal) error { return market.SetPrice(abc.ConID, price) },
	}
}

func TestBroker(t *testing.T) {
	for name, c := range map[string]struct {
		market  gatewaysim.MarketConfig
		gateway gatewaysim.Config
	}{
		"a plain gateway": {},
		"one that asks":   {gateway: gatewaysim.Config{Questions: gatewaysim.Precautions()}},
		"late commissions": {gatewaysim.MarketConfig{CommissionDelay: 200 * time.Millisecond},
			gatewaysim.Config{PendingCommission: gatewaysim.PendingMinusOne}},
		"one account at a time": {gateway: gatewaysim.Config{SelectedOnly: true}},
	} {
		t.Run(name, func(t *testing.T) {
			brokertest.TestBroker(t, func(t *testing.T) *brokertest.Bench { return bench(t, c.market, c.gateway) })
		})
	}
}
