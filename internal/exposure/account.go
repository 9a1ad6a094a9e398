package exposure

import (
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Account is a book with what works on it and what both put at risk.
type Account struct {
	*ledger.Book
	memory   memory
	exposure *exposure // what is held and working at marks; nil until somebody asks
	stale    Stale     // what the exposure has not heard of
}

// NewAccount returns the account of an empty journal.
func NewAccount(base ledger.Currency) *Account {
	return &Account{Book: ledger.NewBook(base), memory: newMemory(), stale: Stale{all: true, cash: true}}
}

// Clone returns an account that shares nothing that changes.
func (a *Account) Clone() *Account {
	return &Account{Book: a.Book.Clone(), memory: a.memory.clone(), stale: Stale{all: true, cash: true}}
}

// Apply folds one decoded payload in as entry seq: into the book first, then into what is remembered of orders and
// losses. It returns what a trade closed.
func (a *Account) Apply(p any, seq int64) ledger.Closed {
	c := a.Book.Apply(p, seq)
	switch f := p.(type) {
	case *ledger.Trade:
		a.fill(f, c, false)
	case *ledger.CashMovement:
		a.moved(f)
		a.stale.touchCash()
	case *ledger.Split:
		from, to := f.From.Key(), f.To.Key()
		a.memory.split(f, from, to, a.Holding(to).Quantity)
		a.stale.Touch(from)
		a.stale.Touch(to)
	case *ledger.Opening:
		a.stale.Touch(f.Instrument.Key())
	case *ledger.EquityPoint:
		a.memory.loss.point(f, a.memory.dateOf(f.Time), a.MovedSince(f))
		a.stale.touchCash()
	case *ledger.Amendment:
		if f.Trade != nil && f.Place == seq { // late, but new
			a.fill(f.Trade, ledger.Closed{}, true)
		}
	case *ledger.Restatement:
		a.restated(f)
	default:
		a.decided(p)
	}
	return c
}

// decided folds in what was decided about orders and trading.
func (a *Account) decided(p any) {
	switch f := p.(type) {
	case *risk.Hold:
		key := f.Contract()
		exit := a.closes(f, key)
		a.memory.hold(f, key, exit)
		a.stale.Touch(key)
		if !exit {
			a.tagged(&f.Order)
		}
	case *risk.Release:
		if w := a.memory.orders[f.OrderID]; w != nil {
			a.memory.drop(w)
			a.stale.Touch(w.key)
		}
	case *risk.Refusal:
		a.memory.refuse(f)
	case *risk.Breach:
		a.memory.breach(f)
	case *risk.StateChange:
		a.memory.change(f)
		a.stale.touchCash()
	case *risk.PolicyChange:
		a.memory.setPolicy(f)
	}
}

// moved adjusts the high-water mark for capital that came or went, where that is known in base currency.
func (a *Account) moved(m *ledger.CashMovement) {
	switch {
	case !m.Kind.IsCapital():
	case m.Currency == a.Base():
		a.memory.loss.moved(m.Amount)
	case !m.FXRate.IsZero():
		a.memory.loss.moved(num.Convert(m.Amount, m.FXRate))
	}
}

// closes reports whether an order, with all that works on its side, does no more than close what is held: it was
// held against no limit on sectors, and so cannot move its underlying to another.
func (a *Account) closes(f *risk.Hold, key ledger.InstrumentKey) bool {
	h := a.Holding(key)
	if h == nil || h.Quantity.IsZero() || h.Quantity.IsNeg() == f.Order.Quantity.IsNeg() {
		return false
	}
	closing := f.Order.Quantity
	for _, w := range a.memory.working[key] {
		if left := w.remaining(); left.IsNeg() == closing.IsNeg() {
			closing = closing.Add(left)
		}
	}
	return !closing.Abs().GreaterThan(h.Quantity.Abs())
}

// fill tells of a trade what else there is to it. A late one gets into the positions only with the
// restatement behind it.
func (a *Account) fill(t *ledger.Trade, c ledger.Closed, late bool) {
	key := t.Contract()
	h := a.Holding(key)
	if h == nil && late && t.Instrument.SecType != ledger.Forex {
		h = &ledger.Holding{}
	}
	a.memory.fill(t, h, c, late)
	a.stale.Touch(key)
	a.stale.touchCash()
}

// restated leaves to the strategies no more than what a restatement made of the positions.
func (a *Account) restated(r *ledger.Restatement) {
	for i := range r.Positions {
		p := &r.Positions[i]
		key := p.Instrument.Key()
		if list := a.memory.tags[key]; len(list) > 0 {
			a.memory.tags[key] = clipTags(list, p.Quantity)
		}
		a.stale.Touch(key)
	}
	a.stale.touchCash()
}

// Order returns a working order by its id, nil if none is working under it. It must not be changed.
func (a *Account) Order(id ledger.OrderID) *risk.Order {
	if w := a.memory.orders[id]; w != nil {
		return w.Order
	}
	return nil
}

// PolicyFor returns what holds: what the journal says, unless own is newer.
func (a *Account) PolicyFor(own *Policy) *Policy {
	if a.Lacks(own) {
		return own
	}
	return a.memory.policy
}

// Lacks reports whether a policy is newer than what the journal says.
func (a *Account) Lacks(own *Policy) bool {
	return a.memory.policy == nil || own.version > a.memory.policy.version
}

// HighWater returns the high-water mark in base currency: the highest equity recorded by an equity
// point since the journal began or a drawdown was counted anew (see StateChange), adjusted in
// proportion for capital that came or went since; zero if none.
func (a *Account) HighWater() ledger.Decimal { return a.memory.loss.High }

// Zone returns that of the trading day.
func (a *Account) Zone() *time.Location { return a.memory.zone() }

// HasPoints reports whether the journal has an equity point to count losses from.
func (a *Account) HasPoints() bool { return a.memory.loss.Points }

// State returns the trading state in force.
func (a *Account) State() risk.TradingState { return a.memory.tradingState() }

// Equal reports whether two accounts are the fold of the same journal, as far as checkpoints tell.
func (a *Account) Equal(b *Account) bool { return wire.Same(a.Record(), b.Record()) }

// Touch notes that something about a contract changed, such as its mark.
func (a *Account) Touch(key ledger.InstrumentKey) { a.stale.Touch(key) }

// TouchAll notes that anything may have changed, such as a conversion rate.
func (a *Account) TouchAll() { a.stale.TouchAll() }

// Hear takes over what somebody else noted as changed, who has nothing noted from then on.
func (a *Account) Hear(s *Stale) { a.stale.take(s) }
