package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// strategyName is the tag of the strategy's orders.
const strategyName = "sample"

// strategy is a sample: every so often it looks at the next contract, buys it if no account holds
// it, and closes it if some do. It is no advice. It knows nothing of accounts, sizes and halts: the
// library sizes its signals to each profile, and refuses what a profile's limits or state forbid.
//
// A signal is named by its time. Of several processes the one that works the login sends it; where
// two send the signal of one time, after a takeover, there is one order all the same.
type strategy struct {
	manager   *accounts.MultiAccountManager
	engine    *broker.Engine
	contracts []ledger.Instrument
	every     time.Duration
	bound     time.Duration // on the work on a signal, which is not broken off
	log       *slog.Logger

	signal accounts.Signal // the newest; a signal that is sent again stays what it was
}

// run sends a signal for every span of time, until the context ends. A signal that cannot be sent
// whole yet is sent again a little later, and when wake tells that an account has come into step.
func (s *strategy) run(ctx context.Context, wake <-chan struct{}) {
	var done time.Time
	for ctx.Err() == nil {
		slot := time.Now().UTC().Truncate(s.every)
		wait := time.Until(slot.Add(s.every))
		if slot.After(done) && s.engine.Status().Works {
			whole, err := s.send(ctx, slot)
			if err != nil {
				s.log.WarnContext(ctx, "a signal was not sent whole", "signal", string(s.signal.ID), "err", err)
			}
			if whole {
				done = slot
			} else {
				wait = min(wait, time.Second)
			}
		}
		next := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-wake:
		case <-next.C:
		}
		next.Stop()
	}
}

// send sends the signal of a time to every profile whose account is in step, and reports whether
// each has decided.
func (s *strategy) send(ctx context.Context, slot time.Time) (whole bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.bound)
	defer cancel()
	ready, err := s.ready(ctx)
	if err != nil || len(ready) == 0 {
		return false, err
	}
	held, err := s.decide(ctx, slot, ready)
	if err != nil {
		return false, err
	}
	if s.signal.Action == accounts.SignalClose {
		ready = held
	}
	if len(ready) == 0 { // all of it is closed
		return true, nil
	}
	list, err := s.manager.Route(ctx, s.signal, accounts.ToProfiles(ready...))
	if err != nil {
		return false, err
	}
	whole = true
	var problems []error
	for _, a := range list {
		switch {
		case a.ToSend():
			_, err := s.engine.Send(ctx, a.ProfileID, a.Order.ID, broker.Terms{Type: broker.MarketOrder, TIF: broker.Day})
			problems = append(problems, err)
		case errors.Is(a.Err, accounts.ErrUndecided): // a mark is on its way
			whole = false
		case a.Err != nil && !errors.Is(a.Err, accounts.ErrRefused):
			problems = append(problems, fmt.Errorf("profile %s: %w", a.ProfileID, a.Err))
		}
	}
	return whole, errors.Join(problems...)
}

// ready returns the profiles whose accounts are in step. Those that are not have a moment to come
// into step; at a gateway that takes longer, and an account has the next signal then.
func (s *strategy) ready(ctx context.Context) (ready []accounts.ProfileID, err error) {
	var late []accounts.ProfileID
	for _, a := range s.engine.Status().Accounts {
		if err := s.engine.Follow(a.Profile, s.contracts...); err != nil {
			return nil, err
		}
		if !a.Ready {
			late = append(late, a.Profile)
		}
	}
	if len(late) > 0 {
		moment, cancel := context.WithTimeout(ctx, min(time.Second, s.bound/2))
		defer cancel()
		_ = s.engine.Sync(moment, late...) // the status tells who has come into step
	}
	for _, a := range s.engine.Status().Accounts {
		if a.Ready {
			ready = append(ready, a.Profile)
		}
	}
	return ready, nil
}

// decide makes the signal of a time, once: the next contract is closed if some of the profiles hold
// it, and bought if not. It returns those that hold the contract. What is held of orders of earlier
// signals that were never sent, by a process that died or an account that fell out of step, is let
// go.
func (s *strategy) decide(ctx context.Context, slot time.Time, ready []accounts.ProfileID) (held []accounts.ProfileID, err error) {
	n := int(slot.UnixMilli() / s.every.Milliseconds() % int64(len(s.contracts)))
	next := accounts.Signal{ID: risk.SignalID("sample-" + slot.Format("20060102T150405.000Z")), Action: accounts.SignalBuy,
		Instrument: s.contracts[n], Strategy: strategyName, Expires: slot.Add(s.every)}
	again := next.ID == s.signal.ID
	for _, id := range ready {
		p, err := s.manager.Portfolio(ctx, id)
		if err == nil && !again {
			err = letGo(ctx, p)
		}
		if err != nil {
			return nil, err
		}
		if position, known := p.Position(next.Instrument.Key()); known && !position.Quantity.IsZero() {
			held = append(held, id)
		}
	}
	if !again {
		if len(held) > 0 {
			next.Action = accounts.SignalClose
		}
		s.signal = next
	}
	return held, nil
}

// letGo lets go of the strategy's orders that were not sent.
func letGo(ctx context.Context, p *accounts.Portfolio) error {
	var problems []error
	for _, o := range p.Snapshot().Risk.Orders {
		if o.Strategy != strategyName || o.Ref != "" {
			continue
		}
		if err := p.Withdraw(ctx, o.ID, "the signal is over"); !errors.Is(err, accounts.ErrDispatched) && !errors.Is(err, accounts.ErrOrderNotFound) {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}
