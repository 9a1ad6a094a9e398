package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ibkr/cpapi"
	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/sizing"
	"github.com/ai-ots/accounts/store/memstore"
)

// The day: the gateway's clock moves in steps, and every few steps there is a signal.
const (
	steps    = 26 // of a quarter of an hour: from 9:30 to 16:00 in New York
	step     = 15 * time.Minute
	every    = 3
	lostAt   = 6  // the step with the order whose answer is lost
	brokenAt = 13 // the step at which the session breaks
)

// levels are the accounts, each with its preset.
var levels = []struct {
	account, cash string
	preset        func(string) accounts.AccountProfile
}{
	{"DU1000025", "25000", accounts.Aggressive25K}, {"DU1000050", "50000", accounts.Balanced50K},
	{"DU1000100", "100000", accounts.Optimal100K}, {"DU1000250", "250000", accounts.Conservative250K},
}

// day is a simulated day: a gateway, and an engine that works its login.
type day struct {
	market    *gatewaysim.Market
	gateway   *gatewaysim.Gateway
	contracts []gatewaysim.Contract
	manager   *accounts.MultiAccountManager
	engine    *broker.Engine
	profiles  []accounts.AccountProfile
	lost      atomic.Int32 // orders whose answer was lost
	broken    atomic.Int32 // times that an account fell out of step
	signals   int
	orders    int
}

// trade runs the day and prints what became of it.
func trade(ctx context.Context, seed uint64, out io.Writer) (err error) {
	d := &day{}
	if err := d.open(seed); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.gateway.Close()) }()
	store := memstore.New()
	defer func() { err = errors.Join(err, store.Close()) }()
	if d.manager, err = accounts.New(store, accounts.WithClock(d.market.Now)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.manager.Close()) }()
	if err := d.link(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.engine.Close()) }()
	for n := range steps {
		if err := d.step(ctx, n); err != nil {
			return fmt.Errorf("step %d: %w", n, err)
		}
	}
	report, err := d.engine.Halt(ctx, "the end of the day")
	if err != nil {
		return err
	}
	for _, h := range report {
		if h.Problem != nil || len(h.Working) > 0 {
			return fmt.Errorf("profile %s: %d orders work after the kill switch: %w", h.Profile, len(h.Working), h.Problem)
		}
	}
	return d.print(out)
}

// open starts the gateway with its accounts and prices.
func (d *day) open(seed uint64) (err error) {
	zone, err := risk.NewYork()
	if err != nil {
		return err
	}
	d.market, err = gatewaysim.NewMarket(gatewaysim.MarketConfig{
		Start: time.Date(2026, 6, 1, 9, 30, 0, 0, zone), Liquidity: ledger.MustDecimal("20"), CommissionDelay: time.Minute,
	})
	if err != nil {
		return err
	}
	var ids []int64
	for _, s := range []struct{ symbol, price string }{{"SPY", "600"}, {"QQQ", "520"}, {"AAPL", "230"}, {"MSFT", "430"}} {
		c, err := d.market.Stock(s.symbol, ledger.MustDecimal(s.price))
		if err != nil {
			return err
		}
		d.contracts, ids = append(d.contracts, c), append(ids, c.ConID)
	}
	if err := d.market.Walk(gatewaysim.Walk{Seed: seed, Every: 30 * time.Second}, ids...); err != nil {
		return err
	}
	c := gatewaysim.Config{Market: d.market, Questions: gatewaysim.Precautions(),
		Pacing: gatewaysim.Pacing{Off: true}} // a day passes in seconds here
	for _, l := range levels {
		c.Accounts = append(c.Accounts, gatewaysim.Account{ID: l.account, Cash: ledger.MustDecimal(l.cash)})
	}
	if d.gateway, err = gatewaysim.New(c); err != nil {
		return err
	}
	return d.gateway.Start()
}

// link makes a profile for each account, and starts the engine that works the login for them.
func (d *day) link(ctx context.Context) error {
	c := broker.Config{Login: "simulated", Manager: d.manager, Clock: d.market.Now, Connect: d.connect, Notify: d.notice, Adopt: true, Poll: -1, CheckEvery: time.Nanosecond}
	for _, l := range levels {
		p, err := d.manager.CreateProfile(ctx, l.preset(l.account))
		if err != nil {
			return err
		}
		d.profiles, c.Profiles = append(d.profiles, p), append(c.Profiles, p.ID)
	}
	var err error
	if d.engine, err = broker.Start(ctx, c); err != nil {
		return err
	}
	return d.sync(ctx)
}

// connect opens the one session of the login. Its limits are wide: the simulated gateway's pacing
// is off.
func (d *day) connect(ctx context.Context) (broker.Broker, error) {
	wide := cpapi.Rate{Requests: 10_000, Per: time.Second, Burst: 1000}
	return cpapi.Open(ctx, cpapi.Config{URL: d.gateway.URL(), Fingerprint: d.gateway.Fingerprint(), Clock: d.market.Now, Breaker: cpapi.NewBreaker(),
		Limits: cpapi.Limits{Session: wide, Slow: wide, Warm: 5 * time.Millisecond, Retry: 20 * time.Millisecond, RetryMax: 200 * time.Millisecond}})
}

// notice counts what the day is to show.
func (d *day) notice(n broker.Notice) {
	switch n.Kind {
	case broker.NoticeUnknown:
		d.lost.Add(1)
	case broker.NoticeNotReady:
		d.broken.Add(1)
	}
}

// sync waits until every book is in step with the gateway.
func (d *day) sync(ctx context.Context) error {
	return d.retry(ctx, func() error { return d.engine.Sync(ctx) })
}

// retry tries until it succeeds or the context ends: a session that broke comes back by itself.
func (d *day) retry(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// step lets a quarter of an hour pass, and trades.
func (d *day) step(ctx context.Context, n int) error {
	d.market.Advance(step)
	if n == brokenAt {
		d.gateway.KillSession()
	}
	if err := d.sync(ctx); err != nil {
		return err
	}
	if n%every != 0 {
		return nil
	}
	if n == lostAt {
		if _, err := d.gateway.Inject(gatewaysim.Fault{Kind: gatewaysim.DropAnswer, Route: gatewaysim.RouteReply}); err != nil {
			return err
		}
	}
	return d.signal(ctx, d.contracts[n/every%len(d.contracts)], n)
}

// signal buys a contract in the morning, and sells in the afternoon, in every account.
func (d *day) signal(ctx context.Context, c gatewaysim.Contract, n int) error {
	q, known := d.market.QuoteOf(c.ConID)
	if !known {
		return fmt.Errorf("no quote of %s", c.Symbol)
	}
	s := accounts.Signal{ID: risk.SignalID(fmt.Sprint("signal-", n)), Instrument: ledger.NewStock(c.Symbol, "USD"), Action: accounts.SignalBuy,
		Price: q.Ask, Strategy: "day", Expires: d.market.Now().Add(time.Minute)}
	if n > steps/2 {
		s.Action, s.Price = accounts.SignalSell, q.Bid
	}
	for _, p := range d.profiles {
		if err := d.engine.Follow(p.ID, s.Instrument); err != nil {
			return err
		}
	}
	if err := d.sync(ctx); err != nil {
		return err
	}
	d.signals++
	list, err := d.manager.Route(ctx, s, accounts.WithSizer(sizing.FixedFraction{Fraction: ledger.MustDecimal("0.04")}))
	if err != nil {
		return err
	}
	for _, a := range list {
		if !a.ToSend() {
			continue
		}
		d.orders++
		terms := broker.Terms{Type: broker.LimitOrder, Limit: a.Order.Price, TIF: broker.Day}
		if _, err := d.engine.Send(ctx, a.ProfileID, a.Order.ID, terms); err != nil && !errors.Is(err, broker.ErrOutcomeUnknown) {
			return err
		}
	}
	return nil
}
