package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// presets are the four accounts. Their ids are set, so that the same input gives the same output to
// the byte.
func presets() []accounts.AccountProfile {
	list := []accounts.AccountProfile{
		accounts.Aggressive25K("DU1000025"), accounts.Balanced50K("DU1000050"),
		accounts.Optimal100K("DU1000100"), accounts.Conservative250K("DU1000250"),
	}
	for i, id := range []accounts.ProfileID{"aggressive-25k", "balanced-50k", "optimal-100k", "conservative-250k"} {
		list[i].ID = id
	}
	return list
}

// simulation trades the market day by day. Orders are decided at the close and filled at the next
// opening, so that nothing is known before it happened.
type simulation struct {
	market  *market
	manager *accounts.MultiAccountManager
	broker  venue
	clock   atomic.Int64 // simulated time: limits that count by the day or by age follow it
	trends  []*trend
	books   []*book // one for each profile
	signals int
	review  int               // trading days until a person resumes a profile that losses stopped; zero for never
	day     func(*simulation) // is told of every day that is over
	date    ledger.Date
}

// simulate trades the whole market in all profiles, for which the store must be empty, and calls
// day after each day.
func simulate(ctx context.Context, store accounts.Store, m *market, review int, day func(*simulation)) (_ *report, err error) {
	s := &simulation{market: m, review: review, day: day}
	s.at(m.opening(m.days[0]))
	s.manager, err = accounts.New(store, accounts.WithClock(s.now))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.manager.Close()) }()
	s.broker = newVenue(s.now)
	defer func() { err = errors.Join(err, s.broker.Close()) }()
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	for _, d := range m.days {
		if err := s.trade(ctx, d); err != nil {
			return nil, fmt.Errorf("%s: %w", d, err)
		}
		day(s)
	}
	return s.report(ctx)
}

func (s *simulation) at(t time.Time) { s.clock.Store(t.UnixMicro()) }
func (s *simulation) now() time.Time { return time.UnixMicro(s.clock.Load()) }
func (s *simulation) last() bool     { return s.date == s.market.days[len(s.market.days)-1] }

// begin makes the profiles, pays each its capital in, and shows the strategy what was before.
func (s *simulation) begin(ctx context.Context) error {
	for _, p := range presets() {
		p, err := s.manager.CreateProfile(ctx, p)
		if err != nil {
			return err
		}
		portfolio, err := s.manager.Portfolio(ctx, p.ID)
		if err != nil {
			return err
		}
		capital := p.CapitalLevel.Amount()
		b := newBook(p, portfolio, s.broker)
		err = s.broker.Open(broker.Account{ID: b.account(), Mode: p.Mode, Currency: currency, Tradable: true},
			broker.Balance{Currency: currency, Cash: capital})
		if err != nil {
			return err
		}
		s.books = append(s.books, b)
		_, err = portfolio.Record(ctx, ledger.CashMovement{ID: "capital", Kind: ledger.Deposit, Currency: currency, Amount: capital, Time: s.now()})
		if err == nil {
			err = portfolio.RecordEquity(ctx, s.now()) // what the first day's figures begin with
		}
		if err != nil {
			return err
		}
	}
	for _, x := range s.market.series {
		t := &trend{series: x}
		s.trends = append(s.trends, t)
		for _, b := range x.bars {
			if b.date >= s.market.days[0] {
				break
			}
			if err := t.see(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// trade is one day.
func (s *simulation) trade(ctx context.Context, d ledger.Date) error {
	s.date = d
	opens, closes := map[string]ledger.Decimal{}, map[string]ledger.Decimal{}
	for _, x := range s.market.series {
		if b, ok := x.on(d); ok {
			opens[x.symbol], closes[x.symbol] = b.open, b.close
		}
	}
	s.at(s.market.opening(d))
	if err := s.broker.open(s.market, d, opens); err != nil {
		return err
	}
	if err := s.each(func(b *book) error { return b.open(ctx, s.market, d, opens) }); err != nil {
		return err
	}
	s.at(s.market.closing(d))
	err := s.each(func(b *book) error {
		if err := b.close(ctx, s.now(), d, closes); err != nil {
			return err
		}
		return b.review(ctx, s.review, d)
	})
	if err != nil {
		return err
	}
	return s.route(ctx)
}

// each does something in every profile at the same time.
func (s *simulation) each(do func(*book) error) error {
	var wg sync.WaitGroup
	errs := make([]error, len(s.books))
	for i, b := range s.books {
		wg.Go(func() { errs[i] = do(b) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// route sends the day's signals to all profiles. On the last day there are none: nothing could fill
// them.
func (s *simulation) route(ctx context.Context) error {
	for _, t := range s.trends {
		b, traded := t.series.on(s.date)
		if !traded {
			continue
		}
		if err := t.see(b); err != nil {
			return err
		}
		// Brokers change or cancel the orders that are there when a stock splits, so the day before
		// sends none.
		next, more := t.series.after(s.date)
		if _, splits := t.series.splitOn(next.date); splits || !more || s.last() {
			continue
		}
		signal, ok := t.signal(s.date)
		if !ok {
			continue
		}
		s.signals++
		outcomes, err := s.manager.Route(ctx, signal)
		if err != nil {
			return err
		}
		for _, a := range outcomes {
			if err := s.book(a.ProfileID).take(ctx, a); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *simulation) book(id accounts.ProfileID) *book {
	for _, b := range s.books {
		if b.profile.ID == id {
			return b
		}
	}
	return nil
}
