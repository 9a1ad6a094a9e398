package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/exposure"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Preview says what Route would make of a signal now: each profile's order, sized, and what
// [Portfolio.Check] says of it. Preview holds nothing and writes nothing, and another order that
// comes in between may change the outcome. An allocation is Held where the order would be accepted,
// and a repeat where the order is working already. Of an order that is done or was refused Preview
// does not know, as Check does not. AllOrNone and OnAllocation are of no effect.
//
// Errors are those of Route.
func (m *MultiAccountManager) Preview(ctx context.Context, signal Signal, opts ...RouteOption) ([]Allocation, error) {
	r := &route{m: m, signal: signal}
	if err := r.prepare(ctx, opts); err != nil {
		return nil, fmt.Errorf("preview: %w", err)
	}
	out := make([]Allocation, len(r.ids))
	spread(len(out), func(i int) { out[i] = r.preview(ctx, r.ids[i]) })
	return out, nil
}

// preview judges the order of one profile.
func (r *route) preview(ctx context.Context, id ProfileID) Allocation {
	if r.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.timeout)
		defer cancel()
	}
	t := &routing{signal: &r.signal, sizer: r.sizer, key: r.key}
	t.hold.Order = r.signal.order(id, ledger.Decimal{})
	p, err := r.m.portfolio(ctx, r.scope, id)
	if err != nil {
		return Allocation{ProfileID: id, Order: t.hold.Order, Decision: risk.Decision{OrderID: t.hold.Order.ID},
			Err: fmt.Errorf("preview in profile %q: %w", id, err)}
	}
	t.preview(p)
	return t.allocation(id)
}

// preview sizes the order and judges it on the live book.
func (t *routing) preview(p *Portfolio) {
	at, now, held := t.look(p)
	if held != nil {
		t.decided, t.other = held, !t.matches(held)
		t.decision = p.Check(*held)
		return
	}
	if v := t.expired(now); v.Rule != "" {
		t.decision = risk.Decision{OrderID: t.hold.Order.ID, Violations: []risk.Violation{v}}
		return
	}
	quantity, v := t.size(p.id, at)
	if v.Rule != "" {
		t.decision = risk.Decision{OrderID: t.hold.Order.ID, Violations: []risk.Violation{v}}
		return
	}
	t.hold.Order.Quantity = quantity
	t.decision = p.Check(t.hold.Order)
}

// look measures the live book for the order, and returns the order that is working already, if it
// is.
func (t *routing) look(p *Portfolio) (at exposure.Measure, now time.Time, held *risk.Order) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now = p.clock()
	if o := p.live.Order(t.hold.Order.ID); o != nil {
		working := *o
		held = &working
	}
	at = p.checking.Measure(p.live.Account, p.market(p.live.Account, now), &t.hold.Order, t.signal.Action == SignalSell)
	return at, now, held
}
