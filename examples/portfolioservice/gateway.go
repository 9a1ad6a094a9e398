package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ibkr/cpapi"
	"github.com/ai-ots/accounts/ledger"
)

// gatewayLogin is a login at IBKR's Client Portal. Its accounts that have no profile get one.
type gatewayLogin struct {
	manager *accounts.MultiAccountManager
	config  cpapi.Config
	name    accounts.LoginID
	live    bool
	log     *slog.Logger

	mu     sync.Mutex
	client *cpapi.Client // of the newest session; nil before the first
	known  time.Time     // the beginning of the session whose accounts are known
}

// connect implements login.
func (l *gatewayLogin) connect(ctx context.Context) (broker.Broker, error) {
	client, err := cpapi.Open(ctx, l.config)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.client, l.known = client, time.Time{}
	return client, nil
}

// admit implements login: the gateway has the account.
func (l *gatewayLogin) admit(context.Context, *accounts.AccountProfile) error { return nil }

// end implements login: the gateway keeps what has filled.
func (l *gatewayLogin) end(context.Context, *broker.Engine) error { return nil }

// tend implements login: once in a session it makes profiles of the accounts that have none.
func (l *gatewayLogin) tend(ctx context.Context, e *broker.Engine) error {
	l.mu.Lock()
	client, known := l.client, l.known
	l.mu.Unlock()
	status := e.Status()
	if !status.Works || !status.Session.Usable() || client == nil || status.Session.Since.Equal(known) {
		return nil
	}
	candidates, err := e.Discover(ctx)
	if err != nil {
		return err
	}
	var problems []error // of one account: the others get their profiles all the same
	for i := range candidates {
		c := &candidates[i]
		switch {
		case c.Verdict == broker.Linked:
			continue
		case c.Verdict != broker.Free:
			l.log.InfoContext(ctx, "an account is left alone", "verdict", string(c.Verdict))
			continue
		case c.Account.Mode != accounts.ModePaper && !l.live:
			l.log.InfoContext(ctx, "an account is left alone without -live")
			continue
		}
		if err := l.create(ctx, client, &c.Account); err != nil {
			problems = append(problems, err)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client == client {
		l.known = status.Session.Since
	}
	return nil
}

// create makes a profile of an account, with the limits of the preset that fits what the account is
// worth. An account whose profile is not active keeps that one, and one that cannot be valued gets
// none.
func (l *gatewayLogin) create(ctx context.Context, client *cpapi.Client, a *broker.Account) error {
	worth, err := worthOf(ctx, client, a.ID)
	if err != nil {
		// A log has no account numbers.
		return fmt.Errorf("value an account: %s", strings.ReplaceAll(err.Error(), string(a.ID), "…"))
	}
	p := presetOf(worth)(string(a.ID))
	p.Name, p.Mode, p.BaseCurrency, p.Login = p.Name+" "+string(a.ID), a.Mode, a.Currency, l.name
	_, err = l.manager.CreateProfile(ctx, p)
	if errors.Is(err, accounts.ErrAccountTaken) || errors.Is(err, accounts.ErrNameTaken) {
		return nil
	}
	return err
}

// errWorth is returned for an account of which something cannot be valued.
var errWorth = errors.New("the broker does not tell all of what the account is worth")

// worthOf returns what an account holds, in its base currency: cash, and positions at the broker's
// marks. What settles its gains in cash, such as a future, is worth nothing besides. It returns
// errWorth where the broker does not tell all.
func worthOf(ctx context.Context, client *cpapi.Client, id broker.AccountID) (worth ledger.Decimal, err error) {
	cash, err := client.Cash(ctx, id)
	if err != nil {
		return worth, err
	}
	positions, err := client.Positions(ctx, id)
	if err != nil {
		return worth, err
	}
	if !cash.Complete || !positions.Complete {
		return worth, errWorth
	}
	rates := map[ledger.Currency]ledger.Decimal{}
	for _, b := range cash.List {
		if b.Rate.IsZero() && !b.Cash.IsZero() {
			return worth, errWorth
		}
		rates[b.Currency] = b.Rate
		worth = worth.Add(b.Cash.Mul(b.Rate))
	}
	for i := range positions.List {
		p := &positions.List[i]
		if !p.Instrument.SettlesNotional() {
			continue
		}
		if p.Mark.Time.IsZero() || rates[p.Instrument.Currency].IsZero() {
			return worth, errWorth
		}
		worth = worth.Add(p.Quantity.Mul(p.Mark.Price).Mul(p.Instrument.Multiplier).Mul(rates[p.Instrument.Currency]))
	}
	return worth, nil
}

// presetOf returns the preset of the level that is nearest below what an account is worth: of the
// smallest where none is below.
func presetOf(worth ledger.Decimal) func(string) accounts.AccountProfile {
	preset := presets[0].preset
	for _, p := range presets[1:] {
		if level := p.preset("DU1").CapitalLevel.Amount(); !worth.LessThan(level) {
			preset = p.preset
		}
	}
	return preset
}
