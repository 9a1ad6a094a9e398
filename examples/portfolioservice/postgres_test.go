package main

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/pgstore"
)

// works reports whether the instance works the login.
func (i *instance) works() bool {
	return strings.Contains(i.call(200, "GET", "/metrics", ""), `accounts_engine_works{login="paper"} 1`)
}

// Two instances on one database serve the same accounts. One works the broker; when it stops, the other goes on.
func TestTwoInstances(t *testing.T) {
	dsn := pgtest.Database(t)
	first, second := launch(t, quick("-dsn", dsn)...), launch(t, quick("-dsn", dsn)...)
	require.Equal(t, first.profiles(), second.profiles(), "the profiles of the two")
	first.until("an account is traded", first.all(1))
	if second.works() {
		first, second = second, first
	}
	require.True(t, first.works() && !second.works(), "one of them works the login")
	second.until("the other hears of fills", second.all(2))
	order := `{"instrument":{"sec_type":"STK","symbol":"AAPL","currency":"USD"},"quantity":"1","type":"limit","limit":"10"}`
	require.Contains(t, second.call(503, "POST", "/api/v1/profiles/paper-250k/orders", order, "Idempotency-Key", "resting"), "broker_not_ready")
	first.call(201, "POST", "/api/v1/profiles/paper-250k/orders", order, "Idempotency-Key", "resting")
	second.until("the other hears of the order", func() bool {
		return strings.Contains(second.call(200, "GET", "/api/v1/profiles/paper-250k/orders", ""), "api.resting")
	})

	first.stop()
	before := len(second.trades("paper-250k"))
	second.until("the other takes over and trades on", second.all(before+3))
	second.until("the order that the first one's broker had is let go", func() bool {
		return !strings.Contains(second.call(200, "GET", "/api/v1/profiles/paper-250k/orders", ""), "api.resting")
	})
	third := launch(t, quick("-dsn", dsn)...)
	third.call(200, "POST", "/api/v1/halt", `{"reason":"the end"}`)
	second.until("the halt is heard", func() bool {
		return strings.Count(second.call(200, "GET", "/metrics", ""), `state="halted"} 1`) == len(presets)
	})
	for _, p := range presets {
		requireSame(t, second, third, p.id)
	}
	second.stop()
	third.stop()
	requireWhole(t, dsn)
}

// requireSame wants the same book of two instances, with every execution in it once, and no difference to the
// broker.
func requireSame(t *testing.T, one, other *instance, id accounts.ProfileID) {
	t.Helper()
	trades := one.trades(id)
	require.Equal(t, trades, other.trades(id), "trades of %s", id)
	slices.Sort(trades)
	require.Len(t, slices.Compact(slices.Clone(trades)), len(trades), "profile %s has an execution twice", id)
	var held [2][]string
	for n, i := range []*instance{one, other} {
		for _, p := range read[struct{ Positions []ledger.PositionValue }](t, i.call(200, "GET", "/api/v1/profiles/"+string(id)+"/positions", "")).Positions {
			held[n] = append(held[n], p.Quantity.String()+" "+p.Instrument.Symbol)
		}
	}
	require.Equal(t, held[0], held[1], "positions of %s", id)
	require.Contains(t, one.call(200, "GET", "/api/v1/profiles/"+string(id)+"/link", ""), `"breaks":[]`, "the paper account of %s differs from its book", id)
}

// requireWhole verifies every journal.
func requireWhole(t *testing.T, dsn string) {
	t.Helper()
	store, err := pgstore.Open(t.Context(), dsn, pgstore.WithSchema("portfolioservice"))
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	for _, p := range presets {
		require.NoError(t, store.Verify(t.Context(), p.id), "the journal of %s", p.id)
	}
}

// A service that is started again goes on with what it held.
func TestRestart(t *testing.T) {
	dsn := pgtest.Database(t)
	s := launch(t, quick("-dsn", dsn)...)
	s.until("the strategy trades", s.all(1))
	s.stop()
	s = launch(t, quick("-dsn", dsn)...)
	before := s.trades("paper-50k")
	require.NotEmpty(t, before)
	s.until("the strategy goes on", s.all(len(before)+2))
	for _, p := range presets {
		require.Contains(t, s.call(200, "GET", "/api/v1/profiles/"+string(p.id)+"/link", ""), `"breaks":[]`)
	}
	require.Equal(t, before, s.trades("paper-50k")[:len(before)], "what was booked before")
	s.stop()
	requireWhole(t, dsn)
}

// What is recorded without the paper broker is in its account with the next session, which begins at once.
func TestRecordedElsewhere(t *testing.T) {
	o, err := parse(quick("-every", "1h"), io.Discard)
	require.NoError(t, err)
	o.check = time.Millisecond
	var log lines
	s, err := start(t.Context(), o, &log)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.stop()) }()
	i := &instance{t: t, url: "http://" + s.address, log: &log}
	i.until("the strategy's one signal has filled", i.all(1))
	p, err := s.manager.Portfolio(t.Context(), "paper-250k")
	require.NoError(t, err)
	abroad := ledger.NewStock("ELSE", "USD")
	_, err = p.Record(t.Context(), ledger.Trade{ExecID: "elsewhere", Instrument: abroad, Quantity: ledger.MustDecimal("3"),
		Price: ledger.MustDecimal("20"), Time: time.Now()})
	require.NoError(t, err)
	ctx, stop := timeout(t)
	defer stop()
	for !strings.Contains(log.String(), `"break"`) { // each look tells whether a difference is there still
		_ = s.engine.Sync(ctx) // a session that ends is no failure here
		require.NoError(t, ctx.Err(), "the break is not seen")
	}
	for {
		paper := s.login.(*paperLogin)
		paper.mu.Lock()
		statement, err := paper.broker.Statement(broker.AccountID(p.IBKRAccountID()))
		paper.mu.Unlock()
		require.NoError(t, err)
		if len(statement.Positions) == 2 && s.engine.Sync(ctx, "paper-250k") == nil {
			break
		}
		require.NoError(t, ctx.Err(), "the paper account does not get what the book holds: %+v", statement)
		pause(ctx, 10*time.Millisecond)
	}
	require.Empty(t, s.engine.Status().Accounts[1].Breaks)
}
