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

// strategy is a sample: every so often it looks at the next contract, buys it if no account holds it, and closes it
// if some do. It is no advice. It knows nothing of accounts, sizes and halts: the library sizes its signals to each
// profile, and refuses what a profile's limits or state forbid.
//
// A signal is named by its time. Of several processes the one that works the login sends it; where two send the
// signal of one time, after a takeover, there is one order all the same.
type strategy struct {
	manager   *accounts.MultiAccountManager
	engine    *broker.Engine
	contracts []ledger.Instrument
	every     time.Duration
	bound     time.Duration // on the work on a signal, which is not broken off
	log       *slog.Logger
}

// run sends a signal for every span of time, until the context ends. A signal that cannot be sent yet is sent
// when wake tells that an account has come into step.
func (s *strategy) run(ctx context.Context, wake <-chan struct{}) {
	var done time.Time
	for ctx.Err() == nil {
		now := time.Now()
		slot := now.UTC().Truncate(s.every)
		if slot.After(done) {
			sent, err := s.send(ctx, slot)
			if err != nil {
				s.log.WarnContext(ctx, "a signal was not sent whole", "signal", string(s.signal(slot).ID), "err", err)
			}
			if sent {
				done = slot
			}
		}
		next := time.NewTimer(time.Until(slot.Add(s.every)))
		select {
		case <-ctx.Done():
		case <-wake:
		case <-next.C:
		}
		next.Stop()
	}
}

// signal returns the signal of a time, which buys.
func (s *strategy) signal(slot time.Time) accounts.Signal {
	n := int(slot.UnixMilli() / s.every.Milliseconds() % int64(len(s.contracts)))
	return accounts.Signal{ID: risk.SignalID("sample-" + slot.Format("20060102T150405.000Z")), Action: accounts.SignalBuy,
		Instrument: s.contracts[n], Strategy: strategyName, Expires: slot.Add(s.every)}
}

// send sends the signal of a time to every profile whose account is in step. It reports whether there was one.
func (s *strategy) send(ctx context.Context, slot time.Time) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.bound)
	defer cancel()
	signal := s.signal(slot)
	ready, problem := s.prepare(ctx, &signal)
	if len(ready) == 0 {
		return false, problem
	}
	held, err := s.holding(ctx, signal.Instrument.Key(), ready)
	if err != nil {
		return false, err
	}
	if len(held) > 0 {
		signal.Action, ready = accounts.SignalClose, held
	}
	list, err := s.manager.Route(ctx, signal, accounts.ToProfiles(ready...))
	if err != nil {
		return false, errors.Join(problem, err)
	}
	problems := []error{problem}
	for _, a := range list {
		switch {
		case a.ToSend():
			_, err := s.engine.Send(ctx, a.ProfileID, a.Order.ID, broker.Terms{Type: broker.MarketOrder, TIF: broker.Day})
			problems = append(problems, err)
		case a.Err != nil && !errors.Is(a.Err, accounts.ErrRefused):
			problems = append(problems, fmt.Errorf("profile %s: %w", a.ProfileID, a.Err))
		}
	}
	return true, errors.Join(problems...)
}

// prepare returns the profiles whose accounts are in step, with a mark of the signal's contract. What the strategy
// holds of orders that were never sent, by a process that died or an account that fell out of step, is let go.
func (s *strategy) prepare(ctx context.Context, signal *accounts.Signal) (ready []accounts.ProfileID, err error) {
	status := s.engine.Status()
	if !status.Works {
		return nil, nil
	}
	for _, a := range status.Accounts {
		if err := s.engine.Follow(a.Profile, signal.Instrument); err != nil {
			return nil, err
		}
	}
	problems := []error{s.engine.Sync(ctx)}
	for _, a := range s.engine.Status().Accounts {
		if !a.Ready {
			continue
		}
		ready = append(ready, a.Profile)
		problems = append(problems, s.letGo(ctx, a.Profile, signal.ID))
	}
	return ready, errors.Join(problems...)
}

// holding returns those of the profiles that hold a contract.
func (s *strategy) holding(ctx context.Context, key ledger.InstrumentKey, of []accounts.ProfileID) (list []accounts.ProfileID, err error) {
	for _, id := range of {
		p, err := s.manager.Portfolio(ctx, id)
		if err != nil {
			return nil, err
		}
		if held, known := p.Position(key); known && !held.Quantity.IsZero() {
			list = append(list, id)
		}
	}
	return list, nil
}

// letGo lets go of the strategy's orders of other signals that were not sent.
func (s *strategy) letGo(ctx context.Context, id accounts.ProfileID, but risk.SignalID) error {
	p, err := s.manager.Portfolio(ctx, id)
	if err != nil {
		return err
	}
	var problems []error
	for _, o := range p.Snapshot().Risk.Orders {
		if o.Strategy != strategyName || o.Ref != "" || o.Signal == but {
			continue
		}
		if err := p.Withdraw(ctx, o.ID, "the signal is over"); !errors.Is(err, accounts.ErrDispatched) && !errors.Is(err, accounts.ErrOrderNotFound) {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}
