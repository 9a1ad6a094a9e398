package accounts

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/ai-ots/accounts/internal/exposure"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// setProfile takes the profile, unless a newer version is known.
func (p *Portfolio) setProfile(profile AccountProfile) {
	p.mu.Lock() // so that of two the newer stays
	defer p.mu.Unlock()
	if old := p.profile.Load(); old != nil && old.Version > profile.Version {
		return
	}
	profile = profile.Clone()
	p.policy.Store(exposure.NewPolicy(profile.Version, profile.Status, profile.EffectiveLimits()))
	p.profile.Store(&profile)
}

// market returns the market at which an account is judged at a time. The caller holds the lock.
func (p *Portfolio) market(a *exposure.Account, now time.Time) exposure.Market {
	return exposure.Market{Prices: p.prices, Policy: a.PolicyFor(p.policy.Load()), Now: now}
}

// Check says whether an order would be accepted now, as Reserve would: with the same violations,
// warnings and largest quantity that would pass. It holds nothing and does no I/O, and its cost
// does not grow with the number of positions. The order's ID may be empty. An order that is working
// already is a repeat, as for Reserve, and another one with its ID is refused by RuleIDReused. Of
// an ID that is done or was refused Check does not know: that takes I/O. Calls of Check wait for
// each other: they share memory to judge in.
func (p *Portfolio) Check(o risk.Order) risk.Decision {
	if o.ID == "" {
		o.ID = "check"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.market(p.live.Account, p.clock())
	return p.checking.Check(p.live.Account, m, &o)
}

// Reserve decides about an order. If the order breaks no rule, its exposure is held, durably: it
// counts in full against every limit, in every process, until fills that name the order's ID make
// it real or Release ends the hold. Send an order to the broker only after Reserve has returned
// nil.
//
// An ID is decided once. The same order again gets the same decision, without its warnings and with
// Repeat set, even if limits have changed since: it may have been sent, so ask the broker before
// sending it again. Once it is filled or released, it is refused by RuleDone. While trading is
// halted, and while the state or the profile's status bars the order, a repeat is refused by
// RuleState or RuleStatus; the order stays held.
//
// What could not be told is not decided: an order that is refused for nothing but missing or old
// marks, rates or equity may be reserved again under its ID, in any process, and is decided anew.
//
// Before an order is decided, losses are looked at, where marks and rates are fresh. The first
// equity point of all is written then, and a breach that stops trading. Such an order breaks
// RuleState besides, of which Check, which writes nothing, does not tell before.
//
// Errors:
//   - a *RefusalError (ErrRefused) for a refused order, with every rule that it breaks; the refusal
//     is durable too. It is ErrUndecided as well where the order may be decided again;
//   - ErrIDReused for another order with the ID: the contract, quantity, price, strategy, sector or
//     signal differs;
//   - ErrInvalid, ErrInexact or ErrCurrencyMismatch for an invalid order;
//   - those that [Portfolio] lists for every command. After one of them the order must not be sent;
//     it may be reserved again.
func (p *Portfolio) Reserve(ctx context.Context, o risk.Order) (risk.Decision, error) {
	r := &reservation{}
	r.hold.Order = o
	if err := r.hold.Normalize(); err != nil {
		return risk.Decision{OrderID: o.ID}, fmt.Errorf("reserve in profile %q: %w", p.id, err)
	}
	if err := p.submit(ctx, &command{task: r}); err != nil {
		return risk.Decision{OrderID: o.ID}, fmt.Errorf("reserve in profile %q: %w", p.id, err)
	}
	if r.decided != nil && !r.decided.Same(&r.hold.Order) {
		return risk.Decision{OrderID: o.ID}, fmt.Errorf("reserve in profile %q: order %q: %w", p.id, o.ID, ErrIDReused)
	}
	return r.decision, r.refused(p.id)
}

// reservation is the task of deciding about one order.
type reservation struct {
	hold     risk.Hold // its order is normalized
	decision risk.Decision
	decided  *risk.Order // the order for which the id was decided earlier
	held     bool        // decided is working
}

// refused returns the error of a refused order.
func (r *reservation) refused(id ProfileID) error {
	if r.decision.Allowed {
		return nil
	}
	return &RefusalError{ProfileID: id, Decision: r.decision}
}

// run takes over an earlier decision, or decides.
func (r *reservation) run(p *Portfolio, cmd *command) error {
	if done, err := r.recall(p, cmd); done || err != nil {
		return err
	}
	if err := p.writePreconditions(cmd); err != nil {
		return err
	}
	return p.decideOrder(r, cmd)
}

// recall takes over the decision about the order's id, if there is one.
func (r *reservation) recall(p *Portfolio, cmd *command) (bool, error) {
	r.decided, r.decision = nil, risk.Decision{}
	r.held = false
	if held := p.draft.fold.Order(r.hold.Order.ID); held != nil {
		r.decided, r.decision, r.held = held, p.judgeAgain(held), true
		return true, nil
	}
	if len(p.draft.known) == 0 && len(p.draft.keys) == 0 && cmd.studies == nil {
		return false, nil // the common case, spared the key
	}
	seq, dup := p.seen(cmd, risk.OrderKey(r.hold.Order.ID))
	if !dup {
		return false, nil
	}
	payload, err := p.payloadAt(cmd, seq)
	if err != nil {
		return false, err
	}
	switch f := payload.(type) {
	case *risk.Hold:
		done, err := p.doneBy(cmd, f)
		if err != nil {
			return false, err
		}
		r.decided, r.decision = &f.Order, risk.Decision{OrderID: f.Order.ID, Repeat: true, Violations: []risk.Violation{done}}
	case *risk.Refusal:
		r.decided, r.decision = &f.Order, risk.Decision{OrderID: f.Order.ID, Repeat: true, Violations: f.Violations}
	default:
		return false, &CorruptError{ProfileID: p.id, Seq: seq, Reason: "holds no order under an order's key"}
	}
	return true, nil
}

// doneBy returns why an order that was accepted is not working any longer. An order that was let go
// because another profile did not take its signal was never to be sent.
func (p *Portfolio) doneBy(cmd *command, h *risk.Hold) (risk.Violation, error) {
	done := risk.Violation{Rule: risk.RuleDone, Reason: "it was filled or released"}
	if h.Order.Signal == "" {
		return done, nil
	}
	release := risk.KeyOf(&risk.Release{OrderID: h.Order.ID})
	seq, released := p.seen(cmd, release)
	if !released {
		return done, cmd.lookUp(release)
	}
	payload, err := p.payloadAt(cmd, seq)
	if r, ok := payload.(*risk.Release); ok && r.Cause == risk.RuleAllOrNone {
		return risk.Violation{Rule: risk.RuleAllOrNone, Reason: r.Reason}, nil
	}
	return done, err
}

// writePreconditions writes the entries that a decision needs: the policy by which it is decided,
// an equity point to count losses from, and the losses.
func (p *Portfolio) writePreconditions(cmd *command) error {
	d := p.draft
	if err := p.writePolicy(); err != nil {
		return err
	}
	if p.draftLacksPoint() {
		// Equity and capital are known. What was realized without a rate changes neither: losses
		// count all the same.
		point, t := p.draftPoint()
		if _, dup := p.seen(cmd, ledger.KeyOf(&point)); !dup && t.Known() {
			if err := d.add(&point); err != nil {
				return err
			}
		}
	}
	return p.writeLosses()
}

// draftLacksPoint reports whether losses cannot be counted well before there is another equity
// point, and one can be taken: there is none yet, or capital waits for one.
func (p *Portfolio) draftLacksPoint() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.draftMarket()
	f := p.draft.fold
	return (!f.HasPoints() || f.Pending()) && f.Told(&m)
}

// writePolicy writes the profile's policy, if the journal does not have it yet.
func (p *Portfolio) writePolicy() error {
	d := p.draft
	if own := p.policy.Load(); d.fold.Lacks(own) {
		return d.add(own.Change(d.now))
	}
	return nil
}

// draftMarket is market for the draft. It first tells the draft's account which prices changed. The
// caller holds the lock and leads.
func (p *Portfolio) draftMarket() exposure.Market {
	p.draft.fold.Hear(&p.marked)
	return p.market(p.draft.fold.Account, p.draft.now)
}

// decideOrder judges the order on the draft, and writes the decision.
func (p *Portfolio) decideOrder(r *reservation, cmd *command) error {
	d := p.draft
	r.decision = p.judgeDraft(&r.hold.Order)
	if r.decision.Allowed {
		r.hold.Warnings, r.hold.Time = r.decision.Warnings, d.now
		return d.add(&r.hold)
	}
	return p.writeRefusal(r, cmd)
}

// writeRefusal writes that the order is refused. An entry that decides nothing has no key by which
// the store could find an earlier decision: that is looked up first.
func (p *Portfolio) writeRefusal(r *reservation, cmd *command) error {
	undecided := r.decision.Undecided()
	if undecided {
		if err := cmd.lookUp(risk.OrderKey(r.hold.Order.ID)); err != nil {
			return err
		}
	}
	return p.draft.add(&risk.Refusal{Order: r.hold.Order, Violations: r.decision.Violations, Undecided: undecided, Time: p.draft.now})
}

// judgeAgain decides about an order that works on the draft.
func (p *Portfolio) judgeAgain(o *risk.Order) risk.Decision {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.checking.Again(p.draft.fold.Account, p.draftMarket(), o)
}

// judgeDraft decides about an order on the draft.
func (p *Portfolio) judgeDraft(o *risk.Order) risk.Decision {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.checking.Decide(p.draft.fold.Account, p.draftMarket(), o)
}

// writeLosses writes the day's loss and the drawdown to the draft, if they are at another level
// than the one last written, and a change to TradingReducing where they are severe.
func (p *Portfolio) writeLosses() error {
	for _, e := range p.draftLosses() {
		if err := p.draft.add(e); err != nil {
			return err
		}
	}
	return nil
}

// Release ends the hold on a working order: the order was cancelled, was rejected, or has expired.
// Its fills stay. An order that was filled or released before is no error.
//
// Errors:
//   - ErrOrderNotFound for an order that was never held;
//   - ErrInvalid for a reason that is not 1 to 500 printable bytes;
//   - those that [Portfolio] lists for every command.
func (p *Portfolio) Release(ctx context.Context, id ledger.OrderID, reason string) error {
	return p.release(ctx, &releasing{id: id, reason: reason})
}

// Withdraw is Release of an order that was not dispatched: whoever dispatches it meanwhile, in
// whatever process, either comes first or finds no order any more. Errors are those of Release, and
// ErrDispatched for an order that was dispatched; it stays held.
func (p *Portfolio) Withdraw(ctx context.Context, id ledger.OrderID, reason string) error {
	return p.release(ctx, &releasing{id: id, reason: reason, unsent: true})
}

func (p *Portfolio) release(ctx context.Context, r *releasing) error {
	err := risk.CheckReason(r.reason)
	if err == nil {
		err = p.submit(ctx, &command{task: r})
	}
	if err != nil {
		return fmt.Errorf("release order %.60q of profile %q: %w", r.id, p.id, err)
	}
	return nil
}

// releasing is the task of releasing an order.
type releasing struct {
	id     ledger.OrderID
	cause  risk.Rule // see [risk.Release]
	reason string
	unsent bool // only if the order was not dispatched
}

// run writes the release of a working order.
func (r *releasing) run(p *Portfolio, cmd *command) error {
	d := p.draft
	if w, works := d.fold.Working(r.id); works {
		if r.unsent && w.Ref != "" {
			return ErrDispatched
		}
		return d.add(&risk.Release{OrderID: r.id, Cause: r.cause, Reason: r.reason, Time: d.now})
	}
	key := risk.OrderKey(r.id)
	seq, seen := p.seen(cmd, key)
	if !seen {
		if err := cmd.lookUp(key); err != nil {
			return err
		}
		return ErrOrderNotFound
	}
	payload, err := p.payloadAt(cmd, seq)
	if err != nil {
		return err
	}
	if _, held := payload.(*risk.Hold); !held {
		return fmt.Errorf("%w: it was refused", ErrOrderNotFound)
	}
	return nil
}

// Halt makes the profile accept no order at all, not even one that reduces a position: the kill
// switch. It lasts until Reduce or Resume, restarts included. Halting again changes nothing.
//
// Errors:
//   - ErrInvalid for a reason that is not 1 to 500 printable bytes;
//   - those that [Portfolio] lists for every command.
func (p *Portfolio) Halt(ctx context.Context, reason string) error {
	return p.setState(ctx, "halt", risk.TradingHalted, reason)
}

// Reduce makes the profile accept only orders that make positions smaller, after a halt too. It
// lasts until Halt or Resume. Errors are those of Halt.
func (p *Portfolio) Reduce(ctx context.Context, reason string) error {
	return p.setState(ctx, "reduce", risk.TradingReducing, reason)
}

// Resume makes the profile accept orders again. If the day's loss is beyond its limit, or was
// today, or the drawdown is moderate or worse, or was when it was last written, these are counted
// anew from the present equity: the person who resumes has seen them. Errors are those of Halt, and
// ErrNoMark (a *MissingError) if the present equity is not known, or a conversion rate is missing
// of capital that came or went: without it nothing tells how much of the equity is a loss.
func (p *Portfolio) Resume(ctx context.Context, reason string) error {
	return p.setState(ctx, "resume", risk.TradingActive, reason)
}

// setState changes the trading state; what names the change in errors.
func (p *Portfolio) setState(ctx context.Context, what string, s risk.TradingState, reason string) error {
	err := risk.CheckReason(reason)
	if err == nil {
		err = p.submit(ctx, &command{task: &changing{s, reason}})
	}
	if err != nil {
		return fmt.Errorf("%s profile %q: %w", what, p.id, err)
	}
	return nil
}

// changing is the task of changing the trading state.
type changing struct {
	state  risk.TradingState
	reason string
}

// run writes the change of state, unless the state is the same and no loss is counted anew.
func (c *changing) run(p *Portfolio, _ *command) error {
	d := p.draft
	s := &risk.StateChange{State: c.state, Reason: c.reason, Time: d.now}
	if c.state == risk.TradingActive {
		if err := p.recount(s); err != nil {
			return err
		}
	}
	if d.fold.State() == c.state && len(s.Recount) == 0 && !p.underWay {
		return nil // it is so already
	}
	return d.add(s)
}

// draftLosses returns the entries about losses that the draft lacks.
func (p *Portfolio) draftLosses() []risk.Payload {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.draftMarket()
	return p.draft.fold.Losses(&m)
}

// draftTold reports whether the draft's present equity is known.
func (p *Portfolio) draftTold() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.draftMarket()
	return p.draft.fold.Told(&m)
}

// recount notes which losses count anew from here. It returns a *MissingError if the present equity
// is not known.
func (p *Portfolio) recount(s *risk.StateChange) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.draftMarket()
	if p.draft.fold.Recount(&m, s) {
		return nil
	}
	marks, rates := p.draft.fold.Lacking(&m)
	return &MissingError{ProfileID: p.id, Marks: marks, Rates: rates}
}

// applyPolicy takes a changed profile, and writes its policy to the journal for other processes.
func (p *Portfolio) applyPolicy(ctx context.Context, profile AccountProfile) error {
	p.setProfile(profile)
	return p.submit(ctx, &command{task: policing{}})
}

// policing is the task of writing the profile's policy.
type policing struct{}

// run writes the policy.
func (policing) run(p *Portfolio, _ *command) error {
	return p.writePolicy()
}

// checkDays refuses another time zone where days are counted in the one before: the day that runs
// would end, or begin again, and with it what may be lost and ordered in a day. An order that is
// decided at the same moment may be the first: it counts on its day in the old zone.
func (m *MultiAccountManager) checkDays(ctx context.Context, s scope, before, after AccountProfile) error {
	was, is := before.EffectiveLimits(), after.EffectiveLimits()
	if is.SameDays(was) {
		return nil
	}
	p, err := m.portfolio(ctx, s, after.ID)
	if err == nil {
		err = p.refresh(ctx, math.MaxInt64)
	}
	if err != nil {
		return err
	}
	v := &ValidationError{What: "profile"}
	v.Check(!p.countsDays(), "Limits.TimeZone", "%.60q differs from %.60q, in which days are counted already",
		is.TimeZone, was.TimeZone)
	return v.Err()
}

// countsDays reports whether the live book counts anything in trading days.
func (p *Portfolio) countsDays() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.live.CountsDays()
}
