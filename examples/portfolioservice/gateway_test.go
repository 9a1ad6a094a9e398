package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ibkr/cpapi"
	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/ledger"
)

// wide are limits for a gateway that takes every request.
var wide = cpapi.Limits{
	Session: cpapi.Rate{Requests: 10_000, Per: time.Second, Burst: 1000}, Slow: cpapi.Rate{Requests: 10_000, Per: time.Second, Burst: 1000},
	Warm: 5 * time.Millisecond, Retry: 10 * time.Millisecond, RetryMax: 100 * time.Millisecond,
}

// newGateway starts a gateway in whose market prices move and never close.
func newGateway(t *testing.T, live bool, list ...gatewaysim.Account) *gatewaysim.Gateway {
	t.Helper()
	market, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{Realtime: true, AlwaysOpen: true, Liquidity: ledger.MustDecimal("40")})
	require.NoError(t, err)
	var ids []int64
	for _, s := range newMarket(1).stocks {
		c, err := market.Stock(s.Symbol, s.price(time.Unix(0, 0)))
		require.NoError(t, err)
		ids = append(ids, c.ConID)
	}
	require.NoError(t, market.Walk(gatewaysim.Walk{Seed: 1, Every: 50 * time.Millisecond, Volatility: 0.0001}, ids...))
	g, err := gatewaysim.New(gatewaysim.Config{Market: market, Pacing: gatewaysim.Pacing{Off: true}, Live: live, Accounts: list})
	require.NoError(t, err)
	require.NoError(t, g.Start())
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	return g
}

// atGateway launches a service at a gateway that takes every request.
func atGateway(t *testing.T, g *gatewaysim.Gateway, more ...string) *instance {
	t.Helper()
	return await(t, func(ctx context.Context, stdout, stderr io.Writer) error {
		o, err := parse(quick(append([]string{"-gateway", g.URL(), "-fingerprint", g.Fingerprint()}, more...)...), stdout)
		if err != nil {
			return err
		}
		o.gateway.Limits = wide
		return serve(ctx, o, stdout, stderr)
	})
}

func dollars(id, cash string) gatewaysim.Account {
	return gatewaysim.Account{ID: id, Cash: ledger.MustDecimal(cash)}
}

// named returns the profiles by their accounts.
func (i *instance) named() map[string]accounts.AccountProfile {
	i.t.Helper()
	out := map[string]accounts.AccountProfile{}
	for _, p := range read[struct{ Profiles []accounts.AccountProfile }](i.t, i.call(200, "GET", "/api/v1/profiles", "")).Profiles {
		out[p.IBKRAccountID] = p
	}
	return out
}

// ready reports whether a profile's account is in step.
func (i *instance) ready(p accounts.AccountProfile) bool {
	return p.ID != "" && strings.Contains(i.call(200, "GET", "/api/v1/profiles/"+string(p.ID)+"/link", ""), `"ready":true`)
}

// At a gateway each account gets a profile with limits after what the account is worth. The strategy trades nothing
// there, and orders of clients fill.
func TestGateway(t *testing.T) {
	g := newGateway(t, false, dollars("DU1000001", "60000"), dollars("DU1000002", "9000"))
	s := atGateway(t, g)
	s.eventually("the accounts are in step", func() bool {
		list := s.named()
		return s.ready(list["DU1000001"]) && s.ready(list["DU1000002"])
	})
	list := s.named()
	require.Len(t, list, 2, "there are no paper accounts of the service's own")
	require.Equal(t, accounts.CapitalLevel("50K"), list["DU1000001"].CapitalLevel)
	require.Equal(t, accounts.CapitalLevel("25K"), list["DU1000002"].CapitalLevel)
	order := `{"instrument":{"sec_type":"STK","symbol":"AAPL","currency":"USD"},"quantity":"2","type":"market"}`
	id := string(list["DU1000001"].ID)
	s.call(201, "POST", "/api/v1/profiles/"+id+"/orders", order, "Idempotency-Key", "one")
	s.until("the order is booked", func() bool {
		return strings.Contains(s.call(200, "GET", "/api/v1/profiles/"+id+"/trades", ""), `"api.one"`)
	})
	s.stop()
	for _, account := range []string{"DU1000001", "DU1000002"} {
		truth, err := g.Truth(account)
		require.NoError(t, err)
		require.LessOrEqual(t, len(truth.Orders), 1, "somebody traded account %s", account)
	}
}

// With -trade the strategy trades at the gateway.
func TestGatewayTrades(t *testing.T) {
	g := newGateway(t, false, dollars("DU1000001", "60000"))
	s := atGateway(t, g, "-trade")
	s.until("the strategy's orders are booked", func() bool {
		p := s.named()["DU1000001"]
		return p.ID != "" && len(s.trades(p.ID)) > 2
	})
}

// Live accounts are left alone, but with -live.
func TestLiveAccounts(t *testing.T) {
	g := newGateway(t, true, dollars("U1000001", "60000"))
	s := atGateway(t, g)
	s.eventually("somebody looks at the accounts", func() bool { return strings.Contains(s.log.String(), "left alone without -live") })
	require.Empty(t, s.named())
	s.stop()
	s = atGateway(t, g, "-live")
	s.eventually("the account is in step", func() bool { return s.ready(s.named()["U1000001"]) })
}
