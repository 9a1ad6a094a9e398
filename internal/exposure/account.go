package exposure

import (
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Account is a book together with its working orders, the memory of orders and losses that limits
// need, and the exposure that all of these make. It is not safe for concurrent use.
type Account struct {
	*ledger.Book
	memory memory
	// exposure is nil until weigh is first called.
	exposure *exposure
	// stale notes the changes that exposure does not contain yet.
	stale Stale
}

// NewAccount returns the account of an empty journal.
func NewAccount(base ledger.Currency) *Account {
	return &Account{Book: ledger.NewBook(base), memory: newMemory(), stale: Stale{all: true, cash: true}}
}

// Apply folds one decoded payload in as entry seq: into the book first, then into the memory of
// orders and losses. It returns the part of a position that a trade closed; zero for all other
// payloads.
func (a *Account) Apply(p any, seq int64) ledger.Closed {
	var c ledger.Closed
	switch f := p.(type) {
	case *ledger.Trade:
		var h *ledger.Holding
		h, c = a.Book.ApplyTrade(f, seq)
		a.memory.loss.Exact = false
		a.fill(f, h, c, false)
	case ledger.Payload:
		c = a.Book.Apply(f, seq)
		a.counted(f, seq)
	default:
		a.memory.loss.Exact = false
		a.decided(p, seq)
	}
	return c
}

// counted folds the fact of entry seq, or at that place of the journal, into the memory of orders
// and losses. The book has the fact already. The fact is no trade, for which there is fill.
func (a *Account) counted(fact ledger.Payload, seq int64) {
	a.memory.loss.Exact = a.memory.loss.Exact && ledger.IsCapital(fact)
	switch f := fact.(type) {
	case *ledger.CashMovement:
		a.moved(f)
		a.stale.touchCash()
	case *ledger.Split:
		from, to := f.From.Key(), f.To.Key()
		a.memory.split(f, from, to, a.Holding(to).Quantity)
		a.stale.Touch(from)
		a.stale.Touch(to)
	case *ledger.Opening:
		a.movedInKind(f, &f.Instrument, f.Time)
		a.transferred(&f.Instrument, quantityOf(f.Lots))
	case *ledger.Transfer:
		a.movedInKind(f, &f.Instrument, f.Time)
		a.transferred(&f.Instrument, f.Quantity)
	case *ledger.EquityPoint:
		late := a.MovedSince(f)
		if f.Derived { // it tells of capital without a rate, at the rates of its time
			late = ledger.Decimal{}
		}
		a.memory.loss.point(f, seq, a.memory.dateOf(f.Time), a.capital(), late)
		a.stale.touchCash()
	case *ledger.Amendment:
		switch {
		case f.Trade != nil && f.Place == seq: // late, but new
			h := a.Holding(f.Trade.Contract())
			if h == nil && f.Trade.Instrument.SecType != ledger.Forex {
				h = &ledger.Holding{}
			}
			a.fill(f.Trade, h, ledger.Closed{}, true)
		case f.Completes.Order:
			key := f.Trade.Contract()
			a.memory.assign(f.Trade, a.Holding(key))
			a.stale.Touch(key)
		case f.Trade == nil && f.Completes.Rate:
			a.told(f)
		case f.Opening != nil:
			a.movedInKind(f.Opening, &f.Opening.Instrument, f.Opening.Time)
		case f.Transfer != nil:
			a.movedInKind(f.Transfer, &f.Transfer.Instrument, f.Transfer.Time)
		}
	case *ledger.Restatement:
		a.restated(f)
	}
}

// decided folds in entry seq, which is about orders or trading.
func (a *Account) decided(p any, seq int64) {
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
	case *risk.Dispatch:
		a.memory.send(f)
	case *risk.Refusal:
		a.memory.refuse(f)
	case *risk.Breach:
		a.memory.breach(f)
	case *risk.StateChange:
		a.memory.change(f, seq, a.capital())
		a.stale.touchCash()
	case *risk.PolicyChange:
		a.memory.setPolicy(f)
	case *risk.Restatement:
		for _, key := range a.memory.restate(f) {
			a.stale.Touch(key)
		}
		a.stale.touchCash()
	}
}

// moved adjusts the high-water mark for capital that was deposited or withdrawn.
func (a *Account) moved(m *ledger.CashMovement) {
	if m.Kind.IsCapital() {
		amount, rated := m.InBase(a.Base())
		a.memory.loss.moved(amount, rated, m.Time)
	}
}

// movedInKind adjusts the high-water mark for capital in kind in a contract.
func (a *Account) movedInKind(f interface {
	InBase(base ledger.Currency) (ledger.Decimal, bool)
}, i *ledger.Instrument, at time.Time) {
	worth, rated := f.InBase(a.Base())
	a.memory.loss.moved(worth, rated, at)
	a.stale.Touch(i.Key())
	a.stale.touchCash()
}

// told folds in a rate that was told later of capital, which counted at the rate of the newest
// point where that was derived. A point without a rate of the currency is of capital that came and
// went to the same amount: the first rate that is told is that of the point, at which the rest of
// that capital counts. Journals of before points told their rates tell it where all capital without
// a rate is in one currency.
func (a *Account) told(f *ledger.Amendment) {
	currency, amount, rate, capital := f.Capital()
	l := &a.memory.loss
	if !capital || !l.Derived || l.Entry <= f.Place {
		return
	}
	is := num.Convert(amount, rate)
	if l.Rates != nil || l.Unrated.IsZero() {
		l.told(f.Place, num.Convert(amount, l.rate(currency, rate)), is)
		return
	}
	sums := a.UnratedCapital()
	sum := sums[currency]
	if f.Cash == nil { // the book counts it with its rate already
		sum = sum.Add(amount)
	}
	delete(sums, currency)
	if len(sums) == 0 && !sum.IsZero() && sum.IsNeg() == amount.IsNeg() {
		l.told(f.Place, num.Share(l.Unrated, amount, sum), is)
	}
}

// Pending reports whether capital came or went that the high-water mark is not adjusted for yet:
// its worth or the equity was not known then. An equity point adjusts it.
func (a *Account) Pending() bool {
	return a.memory.loss.Points && a.memory.loss.Waits
}

// capital returns the capital of the book that has rates.
func (a *Account) capital() capital { return capital{cash: a.Capital(), kind: a.InKind()} }

// capitalAt is capital with what the rest is worth now.
func (a *Account) capitalAt(e *exposure) capital {
	c := a.capital()
	c.unrated = e.capital.Sub(c.cash).Sub(c.kind)
	return c
}

// closes reports whether an order, together with all working orders on its side, does no more than
// close the position. Such an order was not held against the limit on sectors, and so does not move
// its underlying to another sector.
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

// fill folds a trade into the memory of orders, after the book has it. h is the position then, nil
// for a currency trade. A late trade changes positions only with the restatement that follows, so
// late keeps the strategies' parts from being clipped.
func (a *Account) fill(t *ledger.Trade, h *ledger.Holding, c ledger.Closed, late bool) {
	a.memory.fill(t, h, c, late)
	a.stale.Touch(t.Contract())
	a.stale.touchCash()
}

// transferred folds in that a quantity of a contract came or went otherwise than by a trade.
func (a *Account) transferred(i *ledger.Instrument, quantity ledger.Decimal) {
	key := i.Key()
	a.memory.transferred(key, quantity, a.Holding(key).Quantity)
}

// quantityOf returns the quantity of lots.
func quantityOf(lots []ledger.Lot) (sum ledger.Decimal) {
	for i := range lots {
		sum = sum.Add(lots[i].Quantity)
	}
	return sum
}

// restated clips the strategies' parts to the positions that a restatement left, and shifts what
// was counted from equity points.
func (a *Account) restated(r *ledger.Restatement) {
	for _, s := range r.Shifts {
		a.memory.loss.shift(s)
	}
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

// tagged moves an order's underlying, with all contracts on it, to the order's sector. It does so
// at once, because the order may be released before the exposure is measured again, as the order's
// contract is to be: the room that is left is worked out anew then.
func (a *Account) tagged(o *risk.Order) {
	if a.exposure == nil || o.Sector == "" {
		return
	}
	if g := a.exposure.groups[underlyingOf(&o.Instrument)]; g != nil {
		a.exposure.setSector(g, o.Sector)
	}
}

// Clone returns a copy that shares nothing that changes. The copy measures its exposure anew.
func (a *Account) Clone() *Account {
	return &Account{Book: a.Book.Clone(), memory: a.memory.clone(), stale: Stale{all: true, cash: true}}
}

// Size returns the number of things in the account to which the size of a checkpoint is in
// proportion.
func (a *Account) Size() int {
	return a.Book.Size() + len(a.memory.orders) + len(a.memory.recent.list()) + len(a.memory.tags) + len(a.memory.opened)
}

// Undo makes the account equal to another again, of which it is a copy that has since folded the
// payloads in, as entries first and up. It costs what the payloads touched, and the working orders.
// It reports false, and does nothing, for payloads that change history: they may touch everything.
func (a *Account) Undo(to *Account, payloads []any, first int64) bool {
	if len(payloads) == 0 {
		return true
	}
	touched := make([]ledger.InstrumentKey, 0, 8)
	sectors := false
	for _, p := range payloads {
		switch f := p.(type) {
		case *ledger.Amendment, *ledger.Restatement, *risk.Restatement:
			return false
		case *ledger.Trade:
			touched = append(touched, f.Contract())
		case *ledger.Split:
			touched = append(touched, f.From.Key(), f.To.Key())
		case *ledger.Opening:
			touched = append(touched, f.Instrument.Key())
		case *ledger.Transfer:
			touched = append(touched, f.Instrument.Key())
		case *risk.Hold:
			touched = append(touched, f.Contract())
			sectors = sectors || f.Order.Sector != ""
		case *risk.Release:
			if w := to.memory.orders[f.OrderID]; w != nil {
				touched = append(touched, w.key)
			}
		}
	}
	a.Book.Undo(to.Book, touched, first, first+int64(len(payloads)))
	a.memory = to.memory.clone()
	for _, key := range touched {
		a.stale.Touch(key)
	}
	a.stale.touchCash()
	if sectors {
		a.stale.TouchAll()
	}
	return true
}

// Equal reports whether two accounts would be saved as the same checkpoint.
func (a *Account) Equal(b *Account) bool { return wire.Same(a.Record(), b.Record()) }

// Order returns a working order by its id; nil if no order works under the id. The caller must not
// change it.
func (a *Account) Order(id ledger.OrderID) *risk.Order {
	if w := a.memory.orders[id]; w != nil {
		return w.Order
	}
	return nil
}

// Working returns a working order as reports show it; false if no order of the id works.
func (a *Account) Working(id ledger.OrderID) (risk.WorkingOrder, bool) {
	w := a.memory.orders[id]
	if w == nil {
		return risk.WorkingOrder{}, false
	}
	return w.public(), true
}

// Fence returns the highest number of the lease under which an order was sent.
func (a *Account) Fence(lease string) int64 { return a.memory.fences[lease] }

// State returns the trading state in force.
func (a *Account) State() risk.TradingState { return a.memory.tradingState() }

// Zone returns the time zone of the trading day.
func (a *Account) Zone() *time.Location { return a.memory.zone() }

// PolicyFor returns the policy in force: the journal's, or own where its version is newer.
func (a *Account) PolicyFor(own *Policy) *Policy {
	if a.Lacks(own) {
		return own
	}
	return a.memory.policy
}

// Lacks reports whether own is newer than the journal's policy, or the journal has no policy.
func (a *Account) Lacks(own *Policy) bool {
	return a.memory.policy == nil || own.version > a.memory.policy.version
}

// HighWater returns the high-water mark in base currency: the highest equity of an equity point
// since the journal began or a resumption began a new count (see [risk.StateChange]). Deposits and
// withdrawals adjust the mark in proportion. Zero where the journal has no equity point.
func (a *Account) HighWater() ledger.Decimal { return a.memory.loss.High }

// HasPoints reports whether the journal has an equity point to count losses from.
func (a *Account) HasPoints() bool { return a.memory.loss.Points }

// CountsDays reports whether the journal has an order, a trade or an equity point, which are
// counted in trading days.
func (a *Account) CountsDays() bool {
	r := &a.memory
	return r.loss.Points || r.day.Date != 0 || a.Trades() > 0
}

// Touch notes that a contract or its mark changed.
func (a *Account) Touch(key ledger.InstrumentKey) { a.stale.Touch(key) }

// TouchAll notes that anything may have changed, such as a conversion rate.
func (a *Account) TouchAll() { a.stale.TouchAll() }

// Hear takes over the changes noted in s, and clears s.
func (a *Account) Hear(s *Stale) { a.stale.take(s) }
