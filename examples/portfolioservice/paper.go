package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/broker/paper"
	"github.com/ai-ots/accounts/ledger"
)

// presets are the paper accounts of a service that begins. Their ids are fixed, so that two
// processes that begin at once make the same four.
var presets = []struct {
	id      accounts.ProfileID
	account string
	preset  func(string) accounts.AccountProfile
}{
	{"paper-25k", "DU2000025", accounts.Aggressive25K}, {"paper-50k", "DU2000050", accounts.Balanced50K},
	{"paper-100k", "DU2000100", accounts.Optimal100K}, {"paper-250k", "DU2000250", accounts.Conservative250K},
}

// What trading costs at the paper broker, in USD and as a fraction of the price.
var (
	commission = ledger.MustDecimal("1")
	spread     = ledger.MustDecimal("0.0004")
)

// paperLogin is a login at a paper broker in this process. The books are the truth of its accounts:
// each session begins with what the books hold.
type paperLogin struct {
	manager  *accounts.MultiAccountManager
	market   *market
	profiles func(context.Context) ([]accounts.AccountProfile, error) // those of the login

	mu     sync.Mutex
	broker *paper.Broker // of the newest session; nil before the first
	opened map[accounts.ProfileID]bool
}

// create makes the presets that are not there yet.
func (l *paperLogin) create(ctx context.Context, login accounts.LoginID) error {
	for _, known := range presets {
		p := known.preset(known.account)
		p.ID, p.Login = known.id, login
		_, err := l.manager.CreateProfile(ctx, p)
		if err != nil && !errors.Is(err, accounts.ErrProfileExists) {
			return fmt.Errorf("create %s: %w", p.Name, err)
		}
	}
	return nil
}

// connect implements login: the session has an account for every profile of the login's.
func (l *paperLogin) connect(ctx context.Context) (broker.Broker, error) {
	profiles, err := l.profiles(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broker = paper.New(paper.Options{Spread: spread, Commission: func(*ledger.Trade) ledger.Decimal { return commission }})
	l.opened = map[accounts.ProfileID]bool{}
	for i := range profiles {
		if err := l.open(ctx, &profiles[i]); err != nil {
			return nil, errors.Join(err, l.broker.Close())
		}
	}
	return l.broker, l.price(time.Now())
}

// admit implements login.
func (l *paperLogin) admit(ctx context.Context, p *accounts.AccountProfile) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broker == nil || l.opened[p.ID] {
		return nil
	}
	return l.open(ctx, p)
}

// open opens the account of a profile with what its book holds or, if the book has no fact yet,
// with the capital of its level.
func (l *paperLogin) open(ctx context.Context, p *accounts.AccountProfile) error {
	portfolio, err := l.manager.Portfolio(ctx, p.ID)
	if err == nil {
		err = portfolio.CatchUp(ctx)
	}
	if err != nil {
		return fmt.Errorf("open the paper account of %s: %w", p.ID, err)
	}
	cash := []broker.Balance{{Currency: p.BaseCurrency, Cash: p.CapitalLevel.Amount()}}
	for _, err := range portfolio.Facts(ctx, accounts.Page{Limit: 1}) {
		if err != nil {
			return fmt.Errorf("open the paper account of %s: %w", p.ID, err)
		}
		cash = nil
	}
	book := portfolio.Snapshot()
	if cash == nil {
		for currency, balance := range book.Cash {
			cash = append(cash, broker.Balance{Currency: currency, Cash: balance.Balance()})
		}
	}
	id := broker.AccountID(p.IBKRAccountID)
	if err := l.broker.Open(broker.Account{ID: id, Mode: p.Mode, Currency: p.BaseCurrency, Tradable: true}, cash...); err != nil {
		return err
	}
	l.opened[p.ID] = true
	for i := range book.Open {
		// What cannot be delivered, such as a future, is a break of the account, and the engine
		// tells of it.
		err := l.broker.Deliver(id, book.Open[i].Instrument, book.Open[i].Quantity)
		if err != nil && !errors.Is(err, broker.ErrInvalid) {
			return err
		}
	}
	return nil
}

// price sets the prices of a time.
func (l *paperLogin) price(at time.Time) error {
	for i := range l.market.stocks {
		s := &l.market.stocks[i]
		if err := l.broker.Price(s.Instrument, s.price(at)); err != nil {
			return err
		}
	}
	return nil
}

// show marks the market's stocks in every book until the context ends: a service that does not work
// the broker shows what its accounts are worth, too. What fails is tried again with the next
// prices.
func (l *paperLogin) show(ctx context.Context, every time.Duration, log *slog.Logger) {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		if err := l.mark(ctx, time.Now()); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "books are not marked", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// mark marks the market's stocks in every book with the prices of a time.
func (l *paperLogin) mark(ctx context.Context, at time.Time) error {
	marks := make([]ledger.Mark, len(l.market.stocks))
	for i := range l.market.stocks {
		s := &l.market.stocks[i]
		marks[i] = ledger.Mark{Instrument: s.Instrument, Price: s.price(at), Time: at}
	}
	profiles, err := l.profiles(ctx)
	if err != nil {
		return err
	}
	for i := range profiles {
		portfolio, err := l.manager.Portfolio(ctx, profiles[i].ID)
		if err == nil {
			err = portfolio.Mark(marks...)
		}
		if err != nil {
			return fmt.Errorf("mark %s: %w", profiles[i].ID, err)
		}
	}
	return nil
}

// move sets new prices every so often until the context ends.
func (l *paperLogin) move(ctx context.Context, every time.Duration) error {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case at := <-ticks.C:
			if err := l.tick(at); err != nil {
				return err
			}
		}
	}
}

// tick sets the prices of a time, if there is a session.
func (l *paperLogin) tick(at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broker == nil {
		return nil
	}
	return l.price(at)
}

// tend implements login. An order that the session does not know was sent to a paper broker that is
// gone: it is let go. Where a book holds something else than its account, something was recorded
// that the broker had no part in, such as a statement: another session begins with what the books
// hold.
func (l *paperLogin) tend(ctx context.Context, e *broker.Engine) error {
	status := e.Status()
	if !status.Works {
		return nil
	}
	broken := false
	for _, a := range status.Accounts {
		for _, id := range a.Questions {
			err := e.Settle(ctx, a.Profile, id, "the paper broker that had the order is gone")
			if err != nil && !errors.Is(err, accounts.ErrOrderNotFound) {
				return err
			}
		}
		broken = broken || len(a.Breaks) > 0
	}
	if broken {
		return l.end(ctx, e)
	}
	return nil
}

// end ends the session, once all that has filled is booked.
func (l *paperLogin) end(ctx context.Context, e *broker.Engine) error {
	l.mu.Lock()
	current := l.broker
	l.mu.Unlock()
	if current == nil || !e.Status().Works {
		return nil
	}
	current.CloseMarket()
	if err := e.Sync(ctx); err != nil {
		current.OpenMarket()
		return err
	}
	return current.Close()
}
