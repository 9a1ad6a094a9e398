package accounts

import (
	"fmt"
	"time"
)

// account is a book with what works on it and what both put at risk.
type account struct {
	*Book
	risk     riskState
	exposure *exposure // what is held and working at marks; nil until somebody asks
	stale    stale     // what the exposure has not heard of
}

// newAccount returns the account of an empty journal.
func newAccount(base Currency) *account {
	return &account{Book: NewBook(base), risk: newRiskState(), stale: stale{all: true, cash: true}}
}

// clone returns an account that shares nothing that changes.
func (a *account) clone() *account {
	return &account{Book: a.Book.clone(), risk: a.risk.clone(), stale: stale{all: true, cash: true}}
}

// Apply folds one decoded payload in as entry seq: into the book first, then into what is remembered of orders and
// losses. It returns what a trade closed.
func (a *account) Apply(p any, seq int64) Closed {
	c := a.Book.Apply(p, seq)
	switch f := p.(type) {
	case *Trade:
		a.fill(f, c, false)
	case *CashMovement:
		a.moved(f)
		a.stale.touchCash()
	case *Split:
		from, to := f.From.Key(), f.To.Key()
		a.risk.split(f, from, to, a.Holding(to).Quantity)
		a.stale.touch(from)
		a.stale.touch(to)
	case *Opening:
		a.stale.touch(f.Instrument.Key())
	case *EquityPoint:
		a.risk.loss.point(f, a.risk.dateOf(f.Time), a.movedSince(f))
		a.stale.touchCash()
	case *Amendment:
		if f.Trade != nil && f.Place == seq { // late, but new
			a.fill(f.Trade, Closed{}, true)
		}
	case *Restatement:
		a.restated(f)
	default:
		a.decided(p)
	}
	return c
}

// decided folds in what was decided about orders and trading.
func (a *account) decided(p any) {
	switch f := p.(type) {
	case *Hold:
		key := f.Contract()
		exit := a.closes(f, key)
		a.risk.hold(f, key, exit)
		a.stale.touch(key)
		if !exit {
			a.tagged(&f.Order)
		}
	case *Release:
		if w := a.risk.orders[f.OrderID]; w != nil {
			a.risk.drop(w)
			a.stale.touch(w.key)
		}
	case *Refusal:
		a.risk.refuse(f)
	case *Breach:
		a.risk.breach(f)
	case *StateChange:
		a.risk.change(f)
		a.stale.touchCash()
	case *PolicyChange:
		a.risk.setPolicy(f)
	}
}

// moved adjusts the high-water mark for capital that came or went, where that is known in base currency.
func (a *account) moved(m *CashMovement) {
	switch {
	case !m.Kind.capital():
	case m.Currency == a.Base():
		a.risk.loss.moved(m.Amount)
	case !m.FXRate.IsZero():
		a.risk.loss.moved(convert(m.Amount, m.FXRate))
	}
}

// closes reports whether an order, with all that works on its side, does no more than close what is held: it was
// held against no limit on sectors, and so cannot move its underlying to another.
func (a *account) closes(f *Hold, key InstrumentKey) bool {
	h := a.Holding(key)
	if h == nil || h.Quantity.IsZero() || h.Quantity.IsNeg() == f.Order.Quantity.IsNeg() {
		return false
	}
	closing := f.Order.Quantity
	for _, w := range a.risk.working[key] {
		if left := w.remaining(); left.IsNeg() == closing.IsNeg() {
			closing = closing.Add(left)
		}
	}
	return !closing.Abs().GreaterThan(h.Quantity.Abs())
}

// fill tells of a trade what else there is to it. A late one gets into the positions only with the
// restatement behind it.
func (a *account) fill(t *Trade, c Closed, late bool) {
	key := t.instrumentKey()
	h := a.Holding(key)
	if h == nil && late && t.Instrument.SecType != Forex {
		h = &holding{}
	}
	a.risk.fill(t, h, c, late)
	a.stale.touch(key)
	a.stale.touchCash()
}

// restated leaves to the strategies no more than what a restatement made of the positions.
func (a *account) restated(r *Restatement) {
	for i := range r.Positions {
		p := &r.Positions[i]
		key := p.Instrument.Key()
		if list := a.risk.tags[key]; len(list) > 0 {
			a.risk.tags[key] = clipTags(list, p.Quantity)
		}
		a.stale.touch(key)
	}
	a.stale.touchCash()
}

// order returns a working order by its id, nil if none is working under it. It must not be changed.
func (a *account) order(id OrderID) *Order {
	if w := a.risk.orders[id]; w != nil {
		return w.Order
	}
	return nil
}

// policyFor returns what holds: what the journal says, unless own is newer.
func (a *account) policyFor(own *policy) *policy {
	if a.lacks(own) {
		return own
	}
	return a.risk.policy
}

// lacks reports whether a policy is newer than what the journal says.
func (a *account) lacks(own *policy) bool {
	return a.risk.policy == nil || own.version > a.risk.policy.version
}

// losses returns the entries that the present losses call for: a breach where the day's loss or the drawdown came to
// another level than what was written last, and behind it, where that is too much, that trading only reduces.
func (a *account) losses(m *market) []riskPayload {
	e := a.weigh(m)
	bounds := &e.bounds
	if !bounds.known || !e.policy.sound {
		return nil
	}
	var out []riskPayload
	state := a.risk.tradingState()
	breach := func(b *Breach, reason string) {
		out = append(out, b)
		if b.Severity >= SeveritySevere && state == TradingActive {
			out = append(out, &StateChange{State: TradingReducing, Cause: b.Rule, Reason: reason, Time: m.now})
			state = TradingReducing
		}
	}
	loss := &a.risk.loss
	if limits := &e.policy.limits.Drawdown; bounds.severity != loss.Severity {
		b := &Breach{Rule: RuleDrawdown, Severity: bounds.severity, Limit: limits.Severe, Actual: bounds.drawdown(), Time: m.now}
		if bounds.severity < loss.Severity {
			out = append(out, b)
		} else {
			breach(b, fmt.Sprintf("a drawdown of %s is %s", b.Actual, b.Severity))
		}
	}
	if !bounds.loss.set || !bounds.lost.IsPos() || loss.Lost == e.today {
		return out
	}
	b := &Breach{Rule: RuleDailyLoss, Severity: SeverityWarning, Limit: bounds.loss.at, Actual: bounds.lost, Time: m.now}
	switch {
	case bounds.lost.GreaterThan(bounds.loss.at):
		b.Severity = SeveritySevere
		breach(b, fmt.Sprintf("the day's loss of %s is more than %s", b.Actual, b.Limit))
	case bounds.lost.GreaterThanOrEqual(bounds.loss.warn) && loss.Warned != e.today:
		out = append(out, b)
	}
	return out
}

// recount notes in a resumption which losses count anew from here. It reports false, and notes nothing, where the
// present equity is not known.
func (a *account) recount(m *market, s *StateChange) bool {
	e := a.weigh(m)
	bounds, loss := &e.bounds, &a.risk.loss
	if !bounds.known {
		return false
	}
	if bounds.loss.set && bounds.lost.GreaterThan(bounds.loss.at) || loss.Lost == e.today {
		s.Recount = append(s.Recount, RuleDailyLoss)
	}
	if max(bounds.severity, loss.Severity) >= SeverityModerate {
		s.Recount = append(s.Recount, RuleDrawdown)
	}
	if len(s.Recount) > 0 {
		s.Equity, s.Capital = bounds.equity, trimZeros(e.capital)
	}
	return true
}

// HighWater returns the high-water mark in base currency: the highest equity recorded by an equity
// point since the journal began or a drawdown was counted anew (see StateChange), adjusted in
// proportion for capital that came or went since; zero if none.
func (a *account) HighWater() Decimal { return a.risk.loss.High }

// zone returns that of the trading day.
func (a *account) zone() *time.Location { return a.risk.zone() }

// hasPoints reports whether the journal has an equity point to count losses from.
func (a *account) hasPoints() bool { return a.risk.loss.Points }

// state returns the trading state in force.
func (a *account) state() TradingState { return a.risk.tradingState() }

// equal reports whether two accounts are the fold of the same journal, as far as checkpoints tell.
func (a *account) equal(b *account) bool { return sameJSON(a.record(), b.record()) }

// touch notes that something about a contract changed, such as its mark.
func (a *account) touch(key InstrumentKey) { a.stale.touch(key) }

// touchAll notes that anything may have changed, such as a conversion rate.
func (a *account) touchAll() { a.stale.touchAll() }

// hear takes over what somebody else noted as changed, who has nothing noted from then on.
func (a *account) hear(s *stale) { a.stale.take(s) }
