package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/exposure"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// setProfile takes a newer version of the profile.
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

// market is what the account is judged by at a time. The caller holds the lock.
func (p *Portfolio) market(a *exposure.Account, now time.Time) exposure.Market {
	return exposure.Market{Prices: p.prices, Policy: a.PolicyFor(p.policy.Load()), Now: now}
}

// Check says whether an order would be accepted now, without holding anything, and without I/O. It
// takes time in proportion to nothing that is held. The order's ID may be empty. An order that is
// working already is allowed.
func (p *Portfolio) Check(o risk.Order) risk.Decision {
	if o.ID == "" {
		o.ID = "check"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.market(p.live.Account, p.clock())
	return p.checking.Check(p.live.Account, m, &o)
}

// Reserve decides about an order and, if it breaks no rule, holds its exposure, durably: from then on
// it counts in full against every limit, in every process, until fills that name its ID have made it real or
// Release lets it go. Send an order to the broker only after Reserve has returned nil.
//
// A refused order is a *RefusalError (ErrRefused) with every rule that it breaks; that is durable too. An
// ID is decided once: the same order again gets the same decision, without its warnings, whatever holds by then, or is
// refused by RuleDone once it is filled or released; ErrIDReused for another order with the ID. ErrInvalid, ErrInexact or ErrCurrencyMismatch for an order that is none. Other errors are those of
// Record; after one the order must not be sent, and may be reserved again.
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
	decided  *risk.Order // the order that the id was decided for earlier
}

// refused returns the error of a refused order.
func (r *reservation) refused(id ProfileID) error {
	if r.decision.Allowed {
		return nil
	}
	return &RefusalError{ProfileID: id, Decision: r.decision}
}

func (r *reservation) run(ctx context.Context, p *Portfolio, known map[string]int64) error {
	if done, err := r.recall(ctx, p, known); done || err != nil {
		return err
	}
	if err := p.writePreconditions(); err != nil {
		return err
	}
	return p.decideOrder(r)
}

// recall takes over the decision about an order that was made before.
func (r *reservation) recall(ctx context.Context, p *Portfolio, known map[string]int64) (bool, error) {
	r.decided, r.decision = nil, risk.Decision{}
	if held := p.draft.fold.Order(r.hold.Order.ID); held != nil {
		if err := p.current(ctx); err != nil { // another process may have released it
			return false, err
		}
		r.decided, r.decision = held, risk.Decision{OrderID: held.ID, Allowed: true}
		return true, nil
	}
	if len(known) == 0 && len(p.draft.keys) == 0 {
		return false, nil
	}
	seq, dup := p.seen(risk.OrderKey(r.hold.Order.ID), known)
	if !dup {
		return false, nil
	}
	payload, err := p.payloadAt(ctx, seq)
	if err != nil {
		return false, err
	}
	switch f := payload.(type) {
	case *risk.Hold:
		done := risk.Violation{Rule: risk.RuleDone, Reason: "it was filled or released"}
		r.decided, r.decision = &f.Order, risk.Decision{OrderID: f.Order.ID, Violations: []risk.Violation{done}}
	case *risk.Refusal:
		r.decided, r.decision = &f.Order, risk.Decision{OrderID: f.Order.ID, Violations: f.Violations}
	default:
		return false, &CorruptError{ProfileID: p.id, Seq: seq, Reason: "holds no order under an order's key"}
	}
	return true, nil
}

// writePreconditions writes what must be in the journal before an order is decided: the policy it is decided
// by, an equity point to count losses from, and what was lost.
func (p *Portfolio) writePreconditions() error {
	d := p.draft
	if err := p.writePolicy(); err != nil {
		return err
	}
	if !d.fold.HasPoints() {
		p.mu.RLock()
		t := d.fold.Totals(p.prices)
		p.mu.RUnlock()
		if point := t.Point(d.now); t.Complete() {
			if err := d.add(&point); err != nil {
				return err
			}
		}
	}
	return p.writeLosses()
}

// writePolicy writes what the profile permits, if the journal does not say so yet.
func (p *Portfolio) writePolicy() error {
	d := p.draft
	if own := p.policy.Load(); d.fold.Lacks(own) {
		return d.add(own.Change(d.now))
	}
	return nil
}

// draftMarket is market for the draft, whose exposure hears of new prices first. The caller holds the lock and leads.
func (p *Portfolio) draftMarket() exposure.Market {
	p.draft.fold.Hear(&p.marked)
	return p.market(p.draft.fold.Account, p.draft.now)
}

// decideOrder holds the order against the draft and writes what came of it.
func (p *Portfolio) decideOrder(r *reservation) error {
	d := p.draft
	p.mu.Lock()
	r.decision = p.checking.Decide(d.fold.Account, p.draftMarket(), &r.hold.Order, true)
	p.mu.Unlock()
	if r.decision.Allowed {
		r.hold.Warnings, r.hold.Time = r.decision.Warnings, d.now
		return d.add(&r.hold)
	}
	return d.add(&risk.Refusal{Order: r.hold.Order, Violations: r.decision.Violations, Time: d.now})
}

// writeLosses writes to the draft what the day's loss and the drawdown have come to, if that is another level than
// what was written last, and lets trading only reduce where it is too much.
func (p *Portfolio) writeLosses() error {
	d := p.draft
	p.mu.Lock()
	m := p.draftMarket()
	entries := d.fold.Losses(&m)
	p.mu.Unlock()
	for _, e := range entries {
		if err := d.add(e); err != nil {
			return err
		}
	}
	return nil
}

// Release lets go of what is left of a working order: it was cancelled, rejected, or has expired. What was
// filled stays. An order that does not work any longer is no error. ErrOrderNotFound for an order
// that was never held; ErrInvalid for a reason of more than 500 bytes or none; other errors are those of Record.
func (p *Portfolio) Release(ctx context.Context, id ledger.OrderID, reason string) error {
	err := risk.CheckReason(reason)
	if err == nil {
		err = p.submit(ctx, &command{task: &releasing{id, reason}})
	}
	if err != nil {
		return fmt.Errorf("release order %.60q of profile %q: %w", id, p.id, err)
	}
	return nil
}

type releasing struct {
	id     ledger.OrderID
	reason string
}

func (r *releasing) run(ctx context.Context, p *Portfolio, known map[string]int64) error {
	d := p.draft
	if d.fold.Order(r.id) != nil {
		return d.add(&risk.Release{OrderID: r.id, Reason: r.reason, Time: d.now})
	}
	key := risk.OrderKey(r.id)
	seq, seen := p.seen(key, known)
	if !seen {
		found, err := p.find(ctx, key)
		if err != nil {
			return err
		}
		if seq, seen = found[key]; !seen {
			return ErrOrderNotFound
		}
	}
	payload, err := p.payloadAt(ctx, seq)
	if err != nil {
		return err
	}
	if _, held := payload.(*risk.Hold); !held {
		return fmt.Errorf("%w: it was refused", ErrOrderNotFound)
	}
	return nil
}

// current returns errBehind if the journal has more than the live book: what the book says without writing anything might be
// over by now.
func (p *Portfolio) current(ctx context.Context) error {
	for _, err := range p.store.Entries(ctx, p.id, p.live.seq) {
		if err != nil {
			return err
		}
		return errBehind
	}
	return nil
}

// Halt makes the profile accept no order at all, not even one that reduces: the kill switch. It lasts, restarts included,
// until Reduce or Resume. Halting again changes nothing. ErrInvalid for a reason of more
// than 500 bytes or none; other errors are those of Record.
func (p *Portfolio) Halt(ctx context.Context, reason string) error {
	return p.setState(ctx, "halt", risk.TradingHalted, reason)
}

// Reduce makes the profile accept only orders that make positions smaller, from a halt, too. It lasts until Halt
// or Resume. Errors are those of Halt.
func (p *Portfolio) Reduce(ctx context.Context, reason string) error {
	return p.setState(ctx, "reduce", risk.TradingReducing, reason)
}

// Resume makes the profile accept orders again. Where the day's loss is beyond its limit, or the drawdown
// moderate or worse, that is counted anew from the present equity: whoever resumes has seen it. So
// the present equity must be known: ErrNoMark (a *MissingError) if it is not. Other errors are those of Halt.
func (p *Portfolio) Resume(ctx context.Context, reason string) error {
	return p.setState(ctx, "resume", risk.TradingActive, reason)
}

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

func (c *changing) run(ctx context.Context, p *Portfolio, _ map[string]int64) error {
	d := p.draft
	s := &risk.StateChange{State: c.state, Reason: c.reason, Time: d.now}
	if c.state == risk.TradingActive {
		if err := p.recount(s); err != nil {
			return err
		}
	}
	if d.fold.State() == c.state && len(s.Recount) == 0 {
		return p.current(ctx) // it is so already, unless another process changed it
	}
	return d.add(s)
}

// recount notes which losses count anew from here; a *MissingError if the present equity is not known.
func (p *Portfolio) recount(s *risk.StateChange) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.draftMarket()
	if p.draft.fold.Recount(&m, s) {
		return nil
	}
	t := p.draft.fold.Totals(p.prices)
	return &MissingError{ProfileID: p.id, Marks: t.NoMark, Rates: t.Lacking()}
}

// applyPolicy writes to the journal what the profile permits now, so that whoever trades it decides by that.
func (p *Portfolio) applyPolicy(ctx context.Context, profile AccountProfile) error {
	p.setProfile(profile)
	return p.submit(ctx, &command{task: policing{}})
}

type policing struct{}

func (policing) run(_ context.Context, p *Portfolio, _ map[string]int64) error {
	return p.writePolicy()
}

// announceEntry tells subscribers of an entry about orders, trading or credentials that became durable.
func (p *Portfolio) announceEntry(payload any, seq int64) {
	e := Event{ProfileID: p.id, Owner: p.owner, Seq: seq}
	switch f := payload.(type) {
	case *risk.Hold:
		if len(f.Warnings) == 0 {
			return
		}
		e.Kind, e.Time, e.Rule = EventWarning, f.Time, f.Warnings[0].Rule
	case *risk.Refusal:
		e.Kind, e.Time = EventRefused, f.Time
		if len(f.Violations) > 0 {
			e.Rule = f.Violations[0].Rule
		}
	case *risk.Breach:
		e.Kind, e.Time, e.Rule = EventBreach, f.Time, f.Rule
	case *risk.StateChange:
		e.Kind, e.Time, e.Rule = EventState, f.Time, f.Cause
	case *CredentialAccess:
		e.Kind, e.Time = EventCredentials, f.Time
	default:
		return
	}
	p.emit(e)
}
