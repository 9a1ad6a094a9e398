package cpapi_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ibkr/cpapi"
	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// wire is a transport to a gateway without a network, for tests in which time is not real.
type wire struct{ g *gatewaysim.Gateway }

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	if strings.HasSuffix(r.URL.Path, "/ws") {
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody, Request: r}, nil
	}
	rec := httptest.NewRecorder()
	w.g.ServeHTTP(rec, r)
	res := rec.Result()
	res.Request = r
	return res, nil
}

func ticket(ref broker.Ref, contract ledger.Instrument, quantity, price string) broker.Ticket {
	return broker.Ticket{Ref: ref, Order: risk.Order{ID: ledger.OrderID(ref), Instrument: contract, Quantity: dec(quantity), Price: dec(price)},
		Terms: broker.Terms{Type: broker.LimitOrder, Limit: dec(price), TIF: broker.Day}}
}

// passing are the errors that a day has without anybody's fault: sessions end at night.
var passing = []error{broker.ErrNotConnected, broker.ErrCompeting, broker.ErrOutcomeUnknown, broker.ErrOrderNotFound, context.DeadlineExceeded}

// While two logins with six accounts trade through a night as fast as they may, IBKR's pacing is never exceeded,
// and the sessions that midnight ends come back.
func TestPacingIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(4*time.Hour + 50*time.Minute) // of the bubble's clock: it is 23:50 in New York
		market, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{Realtime: true})
		require.NoError(t, err)
		_, err = market.Stock("ABC", dec("100"))
		require.NoError(t, err)
		address, end := &gatewaysim.Address{}, time.Now().Add(20*time.Minute)
		var gateways []*gatewaysim.Gateway
		var all sync.WaitGroup
		for l := range 2 {
			var ids []broker.AccountID
			config := gatewaysim.Config{Market: market, Address: address, LogSize: 100}
			for a := range 3 {
				ids = append(ids, broker.AccountID(fmt.Sprintf("DU10000%d%d", l, a)))
				config.Accounts = append(config.Accounts, gatewaysim.Account{ID: string(ids[a]), Cash: dec("1000000")})
			}
			g, err := gatewaysim.New(config)
			require.NoError(t, err)
			gateways = append(gateways, g)
			c, err := cpapi.Open(t.Context(), cpapi.Config{URL: fmt.Sprintf("https://login%d/v1/api", l), Transport: wire{g}, Breaker: cpapi.NewBreaker()})
			require.NoError(t, err)
			defer func() { require.NoError(t, c.Close()) }()
			for n, id := range ids {
				all.Go(func() { trade(t, c, g, id, rand.New(rand.NewPCG(uint64(l), uint64(n))), end) })
			}
		}
		all.Wait()
		for _, g := range gateways {
			require.Zero(t, g.Excesses(), "requests that came too fast")
			require.Zero(t, g.WhileLocked())
			require.NoError(t, g.Close())
		}
	})
}

// trade trades in an account until a time, as fast as it may.
func trade(t *testing.T, c *cpapi.Client, g *gatewaysim.Gateway, id broker.AccountID, random *rand.Rand, end time.Time) {
	abc := ledger.NewStock("ABC", "USD")
	works, done := broker.Ref(""), map[string]int{}
	for n := 0; time.Now().Before(end); n++ {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		var err error
		what := []string{"orders", "executions", "positions", "cash", "quotes", "place", "cancel", "rest"}[random.IntN(8)]
		switch what {
		case "orders":
			_, err = c.Orders(ctx, id)
		case "executions":
			_, err = c.Executions(ctx, id, time.Now().Add(-time.Hour))
		case "positions":
			_, err = c.Positions(ctx, id)
		case "cash":
			_, err = c.Cash(ctx, id)
		case "quotes":
			_, err = c.Quotes(ctx, []ledger.Instrument{abc})
		case "place":
			works = broker.Ref(fmt.Sprintf("%s-%d", id, n))
			_, err = c.Place(ctx, id, ticket(works, abc, "1", []string{"101", "90"}[n%2]))
		case "cancel":
			err = c.Cancel(ctx, id, works)
		case "rest":
			time.Sleep(time.Duration(random.IntN(20)) * time.Second) // of the bubble's clock
		}
		cancel()
		if err == nil {
			done[what]++
			continue
		}
		known := false
		for _, p := range passing {
			known = known || errors.Is(err, p)
		}
		require.True(t, known, "%s of %s at %s: %v", what, id, time.Now(), err)
		time.Sleep(time.Second)
	}
	for _, what := range []string{"orders", "executions", "positions", "cash", "quotes", "place"} {
		require.Greater(t, done[what], 2, "%s of %s", what, id)
	}
}
