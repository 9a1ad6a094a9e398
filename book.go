package accounts

import (
	"fmt"
	"slices"
	"time"
)

// Book is the fold of one profile's journal: positions with their first-in first-out lots, cash
// by currency, realized P&L, the high-water mark. It does no I/O and has no clock: whoever applies
// the same entries gets the same book. It is not safe for concurrent use; a Portfolio is.
//
// P&L is the broker's own arithmetic. An opening trade makes a lot whose basis is −(proceeds −
// commission − taxes). A closing trade realizes proceeds − commission − taxes − basis consumed;
// lots are consumed first in, first out by the time they were opened, in part pro rata.
type Book struct {
	profile ProfileID
	base    Currency
	seq     int64
	hash    Hash
	trades  int64

	positions map[InstrumentKey]*holding
	cash      map[Currency]*CashBalance
	pending   []PendingPremium
	changes   map[int64]Amendment // what history got wrong, by place
	equity    EquityPoint
	closed    closed // by the trade folded in last
	risk      riskState
	exposure  *exposure // what is held and working at marks; nil until somebody asks
}

// NewBook returns the book of an empty journal. base is the profile's base currency.
func NewBook(id ProfileID, base Currency) *Book {
	return &Book{
		profile:   id,
		base:      base,
		positions: map[InstrumentKey]*holding{},
		cash:      map[Currency]*CashBalance{},
		changes:   map[int64]Amendment{},
		risk:      newRiskState(),
	}
}

// Apply folds the next entry in, after checking that it continues the chain. An entry at or below
// Seq changes nothing. A *CorruptError (ErrCorrupt) leaves the book as it was, and so does ErrInvalid,
// returned when the time zone America/New_York cannot be loaded.
func (b *Book) Apply(e Entry) error {
	if e.Seq <= b.seq {
		return nil
	}
	if _, err := newYork(); err != nil {
		return fmt.Errorf("%w: apply entry %d: time zone %w", ErrInvalid, e.Seq, err)
	}
	if err := e.chain(b.profile, b.seq, b.hash, nil); err != nil {
		return err
	}
	payload, err := e.Decode()
	if err != nil {
		return err
	}
	b.apply(payload, e.Seq)
	b.hash = e.Hash
	return nil
}

// apply folds one decoded payload in as entry seq. It cannot fail: whatever could was refused
// before it reached the journal.
func (b *Book) apply(p any, seq int64) {
	b.seq = seq
	switch f := p.(type) {
	case *Trade:
		if h := b.positions[f.instrumentKey()]; h != nil && f.Time.Before(h.LastTrade) {
			b.changes[seq] = Amendment{Place: seq, Trade: f.clone()}
		}
		b.closed = b.trade(f)
		b.fill(f, b.closed, false)
	case *CashMovement:
		b.moveCash(f)
		b.exposure.touchCash()
	case *Split:
		b.split(f)
	case *Opening:
		b.open(f)
		b.exposure.touch(f.Instrument.Key())
	case *EquityPoint:
		b.markEquity(f)
		b.exposure.touchCash()
	case *Amendment:
		b.changes[f.Place] = *f
		if f.Trade != nil && f.Place == seq { // late, but new
			b.fill(f.Trade, closed{}, true)
		}
	case *Restatement:
		b.restate(f)
	default:
		b.applyRisk(p)
	}
}

// applyRisk folds in what was decided about orders and trading.
func (b *Book) applyRisk(p any) {
	switch f := p.(type) {
	case *Hold:
		exit := b.closes(f)
		b.risk.hold(f, exit)
		b.exposure.touch(f.key)
		if !exit {
			b.exposure.tagged(&f.Order)
		}
	case *Release:
		if w := b.risk.orders[f.OrderID]; w != nil {
			b.risk.drop(w)
			b.exposure.touch(w.key)
		}
	case *Refusal:
		b.risk.refuse(f)
	case *Breach:
		b.risk.breach(f)
	case *StateChange:
		b.risk.change(f)
		b.exposure.touchCash()
	case *PolicyChange:
		b.risk.setPolicy(f)
	}
}

// closes reports whether an order, with all that works on its side, does no more than close what is held: it was
// held against no limit on sectors, and so cannot move its underlying to another.
func (b *Book) closes(f *Hold) bool {
	h := b.positions[f.key]
	if h == nil || h.Quantity.IsZero() || h.Quantity.IsNeg() == f.Order.Quantity.IsNeg() {
		return false
	}
	closing := f.Order.Quantity
	for _, w := range b.risk.working[f.key] {
		if left := w.remaining(); left.IsNeg() == closing.IsNeg() {
			closing = closing.Add(left)
		}
	}
	return !closing.Abs().GreaterThan(h.Quantity.Abs())
}

// fill tells of a trade what else there is to it. A late one gets into the positions only with the
// restatement behind it.
func (b *Book) fill(t *Trade, c closed, late bool) {
	key := t.instrumentKey()
	h := b.positions[key]
	if h == nil && late && t.Instrument.SecType != Forex {
		h = &holding{}
	}
	b.risk.fill(t, h, c, late)
	b.exposure.touch(key)
	b.exposure.touchCash()
}

// closed is what a trade closed and realized.
type closed struct {
	quantity, basis, realized Decimal
	inferred                  bool
}

// trade folds a trade in.
func (b *Book) trade(t *Trade) closed {
	b.trades++
	proceeds := t.amount()
	if t.Instrument.SecType == Forex {
		b.exchange(t, proceeds)
		return closed{}
	}
	net := proceeds.Sub(t.Commission)
	if !t.Taxes.IsZero() {
		net = net.Sub(t.Taxes)
	}
	h := b.holding(&t.Instrument, t.instrumentKey())
	settles := t.Instrument.settlesNotional()
	if settles {
		h.cash.Traded = h.cash.Traded.Add(net)
	}
	if t.delivers() {
		premium := b.takePremium(t)
		net = net.Add(premium)
		if !settles {
			// It was paid with the option and will be again when the future's P&L is realized.
			h.cash.Traded = h.cash.Traded.Sub(premium)
		}
	}
	h.Commissions = h.Commissions.Add(t.Commission)
	if !t.Taxes.IsZero() {
		h.Taxes = h.Taxes.Add(t.Taxes)
	}
	if t.Time.After(h.LastTrade) {
		h.LastTrade = t.Time
	}
	lot := Lot{ExecID: t.ExecID, Quantity: t.Quantity, Basis: net.Neg(), OpenedAt: t.Time}
	c, gain := h.match(lot, t.Time)
	switch {
	case c.quantity.IsZero():
	case t.exercised():
		c.realized = Decimal{}
		b.deferPremium(t, c.quantity, gain)
	default:
		b.realize(h, gain, t.FXRate)
	}
	return c
}

// realize books a gain, in base currency too if the rate is known.
func (b *Book) realize(h *holding, gain, rate Decimal) {
	h.Realized = h.Realized.Add(gain)
	if !h.Instrument.settlesNotional() {
		h.cash.Traded = h.cash.Traded.Add(gain)
	}
	switch {
	case h.inBase: // RealizedBase is Realized; see position
	case rate.IsZero():
		h.Unconverted = h.Unconverted.Add(gain)
	default:
		h.RealizedBase = h.RealizedBase.Add(convert(gain, rate))
	}
}

// exchange folds a currency trade in: it has no lots, it turns one cash balance into another.
func (b *Book) exchange(t *Trade, proceeds Decimal) {
	bought, paid := b.balance(Currency(t.Instrument.Symbol)), b.balance(t.Instrument.Currency)
	bought.Exchanged = bought.Exchanged.Add(t.Quantity)
	paid.Exchanged = paid.Exchanged.Add(proceeds)
	paid.Taxes = paid.Taxes.Add(t.Taxes.Neg())
	fee := paid
	if t.CommissionCurrency != "" {
		fee = b.balance(t.CommissionCurrency)
	}
	fee.Fees = fee.Fees.Add(t.Commission.Neg())
}

// exercised reports whether the trade is the option's side of an exercise or assignment that
// delivers the underlying. One that settles in cash has proceeds and is an ordinary closing.
func (t *Trade) exercised() bool {
	return (t.Kind == Assignment || t.Kind == Exercise) && t.Instrument.deliverable() && t.amount().IsZero()
}

// delivers reports whether the trade is the underlying's side of an exercise or assignment.
func (t *Trade) delivers() bool {
	return (t.Kind == Assignment || t.Kind == Exercise) && !t.Instrument.deliverable()
}

// deferPremium sets an exercised option's gain aside for the underlying's trade. A short call
// that is bought back by assignment sells the underlying, a short put buys it.
func (b *Book) deferPremium(t *Trade, closed, gain Decimal) {
	quantity := closed // one future for each option on it
	if t.Instrument.SecType != FutureOption {
		quantity = closed.Mul(t.Instrument.Multiplier)
	}
	if t.Instrument.Right == Call {
		quantity = quantity.Neg()
	}
	b.pending = append(b.pending, PendingPremium{
		Option: t.instrumentKey(), Underlying: t.Instrument.Underlying, Currency: t.Instrument.Currency,
		Strike: t.Instrument.Strike, Quantity: quantity, Amount: gain, Time: t.Time,
	})
}

// takePremium moves to the underlying's trade the premium of the options that delivered it: same
// underlying, time and direction, strike equal to price.
func (b *Book) takePremium(t *Trade) Decimal {
	var premium Decimal
	left := t.Quantity.Abs()
	for i := 0; i < len(b.pending) && !left.IsZero(); i++ {
		p := &b.pending[i]
		if !p.fits(t) {
			continue
		}
		wanted := p.Quantity.Abs()
		n := left
		if wanted.LessThan(left) {
			n = wanted
		}
		part := share(p.Amount, n, wanted)
		premium = premium.Add(part)
		p.Amount = p.Amount.Sub(part)
		p.Quantity = withSign(wanted.Sub(n), p.Quantity)
		left = left.Sub(n)
	}
	b.pending = slices.DeleteFunc(b.pending, func(p PendingPremium) bool { return p.Quantity.IsZero() })
	return premium
}

func (p *PendingPremium) fits(t *Trade) bool {
	return p.Time.Equal(t.Time) && p.Currency == t.Instrument.Currency && p.Strike.Equal(t.Price) &&
		p.Quantity.IsNeg() == t.Quantity.IsNeg() &&
		(p.Underlying == t.Instrument.Symbol || p.Underlying == t.Instrument.LocalSymbol)
}

// moveCash folds a cash movement in.
func (b *Book) moveCash(m *CashMovement) {
	c := b.balance(m.Currency)
	switch m.Kind {
	case Deposit, Withdrawal, OpeningCash:
		c.Capital = c.Capital.Add(m.Amount)
		switch {
		case m.Currency == b.base:
			c.CapitalBase = c.CapitalBase.Add(m.Amount)
			b.risk.loss.moved(m.Amount)
		case m.FXRate.IsZero():
			c.Unconverted = c.Unconverted.Add(m.Amount)
		default:
			amount := convert(m.Amount, m.FXRate)
			c.CapitalBase = c.CapitalBase.Add(amount)
			b.risk.loss.moved(amount)
		}
	case Dividend, PaymentInLieu:
		c.Dividends = c.Dividends.Add(m.Amount)
	case Interest:
		c.Interest = c.Interest.Add(m.Amount)
	case Fee:
		c.Fees = c.Fees.Add(m.Amount)
	case Tax:
		c.Taxes = c.Taxes.Add(m.Amount)
	default:
		c.Other = c.Other.Add(m.Amount)
	}
}

// split folds a split in: every lot keeps its basis and opening time. Moving to another contract
// joins the lots that are there.
func (b *Book) split(s *Split) {
	from := b.holding(&s.From, s.From.Key())
	to := from
	if key := s.To.Key(); key != from.key {
		to = b.holding(&s.To, key)
	}
	lots := append([]Lot(nil), from.lots()...)
	from.queue, from.head, from.Quantity, from.Basis = from.queue[:0], 0, Decimal{}, Decimal{}
	// Quantities are scaled as running sums, so that rounding cannot add up; what of a lot rounds to
	// nothing leaves its basis to the next.
	var before, after, basis Decimal
	for _, l := range lots {
		before = before.Add(l.Quantity)
		scaled := splitQuantity(before, s)
		l.Quantity, after = trimZeros(scaled.Sub(after)), scaled
		if basis = basis.Add(l.Basis); l.Quantity.IsZero() {
			continue
		}
		l.Basis, basis = basis, Decimal{}
		if c, gain := to.match(l, s.Time); !c.quantity.IsZero() {
			b.realize(to, gain, Decimal{})
		}
	}
	if !basis.IsZero() {
		b.realize(from, basis.Neg(), Decimal{})
	}
	b.risk.split(s, from, to)
	for _, h := range []*holding{from, to} {
		b.exposure.touch(h.key)
		if s.Time.After(h.LastTrade) {
			h.LastTrade = s.Time
		}
		if s.Time.After(h.LastClose) {
			h.LastClose = s.Time
		}
	}
}

// splitQuantity scales a quantity by the split's ratio; a ratio that does not divide evenly is
// rounded at moneyPlaces.
func splitQuantity(q Decimal, s *Split) Decimal {
	return trimZeros(share(q, s.Numerator, s.Denominator))
}

// open folds an opening balance in.
func (b *Book) open(o *Opening) {
	h := b.holding(&o.Instrument, o.Instrument.Key())
	if o.Time.After(h.LastTrade) {
		h.LastTrade = o.Time
	}
	for _, l := range o.Lots {
		if c, gain := h.match(l, o.Time); !c.quantity.IsZero() {
			b.realize(h, gain, o.FXRate) // history was changed, and what opened it now closes something
		}
	}
}

func (b *Book) markEquity(p *EquityPoint) {
	b.equity = *p
	b.risk.loss.point(p, b.risk.dateOf(p.Time), b.movedSince(p))
}

// movedSince is the capital that came or, below zero, went since an equity point was taken; zero where that is not
// known in base currency.
func (b *Book) movedSince(p *EquityPoint) Decimal {
	var capital Decimal
	for _, c := range b.cash {
		if !c.Unconverted.IsZero() {
			return Decimal{}
		}
		capital = capital.Add(c.CapitalBase)
	}
	return capital.Sub(p.Capital)
}

// restate replaces what amendments changed.
func (b *Book) restate(r *Restatement) {
	for _, p := range r.Positions {
		b.set(p)
		key := p.Instrument.Key()
		if list := b.risk.tags[key]; len(list) > 0 {
			b.risk.tags[key] = clipTags(list, p.Quantity)
		}
		b.exposure.touch(key)
	}
	b.exposure.touchCash()
	for currency, c := range r.Cash {
		*b.balance(currency) = c
	}
	b.pending = append(b.pending[:0], r.Pending...)
	b.trades = r.Trades
}

// set puts a position in place of the one of the same contract; one of which nothing is left in
// force goes without a trace.
func (b *Book) set(p Position) {
	if p.LastTrade.IsZero() && len(p.Lots) == 0 {
		delete(b.positions, p.Instrument.Key())
		return
	}
	h := &holding{Position: p, key: p.Instrument.Key(), inBase: p.Instrument.Currency == b.base,
		cash: b.balance(p.Instrument.Currency), queue: append([]Lot(nil), p.Lots...)}
	h.Lots = nil
	b.positions[h.key] = h
}

// holding returns the contract's holding. One that is flat takes over the broker's names for the
// contract, which may have been another of the same terms.
func (b *Book) holding(i *Instrument, key InstrumentKey) *holding {
	h := b.positions[key]
	switch {
	case h == nil:
		h = &holding{Position: Position{Instrument: *i}, key: key, inBase: i.Currency == b.base, cash: b.balance(i.Currency)}
		b.positions[key] = h
	case h.Quantity.IsZero() && h.Instrument.ConID != i.ConID:
		h.Instrument = *i
	}
	return h
}

func (b *Book) balance(c Currency) *CashBalance {
	cash := b.cash[c]
	if cash == nil {
		cash = &CashBalance{}
		b.cash[c] = cash
	}
	return cash
}

// ProfileID returns the profile whose journal the book folds.
func (b *Book) ProfileID() ProfileID { return b.profile }

// Seq returns the number of the last entry folded in, 0 for none.
func (b *Book) Seq() int64 { return b.seq }

// Hash returns the hash of the last entry folded in.
func (b *Book) Hash() Hash { return b.hash }

// Trades returns the number of trades in force: neither cancelled nor replaced.
func (b *Book) Trades() int64 { return b.trades }

// HighWater returns the high-water mark in base currency: the highest equity recorded by an equity
// point since the journal began or a drawdown was counted anew (see Portfolio.Resume), adjusted in
// proportion for capital that came or went since; zero if none.
func (b *Book) HighWater() Decimal { return b.risk.loss.High }

// LastEquity returns the equity point recorded last; the zero point if none.
func (b *Book) LastEquity() EquityPoint { return b.equity }

// Positions returns a copy of every position ever held, flat ones included, ordered by key.
func (b *Book) Positions() []Position {
	out := make([]Position, 0, len(b.positions))
	for _, key := range sortedKeys(b.positions) {
		out = append(out, b.positions[key].position(true))
	}
	return out
}

// Position returns a copy of the position in one contract, false if it was never held.
func (b *Book) Position(key InstrumentKey) (Position, bool) {
	h := b.positions[key]
	if h == nil {
		return Position{}, false
	}
	return h.position(true), true
}

// Cash returns a copy of every currency's balance.
func (b *Book) Cash() map[Currency]CashBalance {
	out := make(map[Currency]CashBalance, len(b.cash))
	for currency, c := range b.cash {
		out[currency] = *c
	}
	return out
}

// PendingPremiums returns a copy of the premiums that wait for their underlying's trade.
func (b *Book) PendingPremiums() []PendingPremium { return slices.Clone(b.pending) }

// clone returns a book that shares nothing that changes.
func (b *Book) clone() *Book {
	c := *b
	c.cash = make(map[Currency]*CashBalance, len(b.cash))
	for currency, cash := range b.cash {
		n := *cash
		c.cash[currency] = &n
	}
	c.positions = make(map[InstrumentKey]*holding, len(b.positions))
	for key, h := range b.positions {
		n := *h
		n.queue, n.head = slices.Clone(h.lots()), 0
		n.cash = c.balance(n.Instrument.Currency)
		c.positions[key] = &n
	}
	c.changes = make(map[int64]Amendment, len(b.changes))
	for place, a := range b.changes {
		c.changes[place] = a
	}
	c.pending = slices.Clone(b.pending)
	c.risk, c.exposure = b.risk.clone(), nil
	return &c
}

// late reports whether a fact about the contract at the time would change what later facts, in
// the journal already, made of it. An opening that joins a position which was not reduced since
// is late only in name: its lot takes its place by time.
func (b *Book) late(key InstrumentKey, quantity Decimal, at time.Time) bool {
	h := b.positions[key]
	if h == nil || !at.Before(h.LastTrade) {
		return false
	}
	joins := !quantity.IsZero() && !h.Quantity.IsZero() && h.Quantity.IsNeg() == quantity.IsNeg()
	return !joins || at.Before(h.LastClose)
}

// lateExercise reports whether the underlying that the option delivers has traded already, at
// the same time or later.
func (b *Book) lateExercise(t *Trade) bool {
	if !t.exercised() {
		return false
	}
	for _, h := range b.positions {
		i := h.Instrument
		if !i.deliverable() && (i.Symbol == t.Instrument.Underlying || i.LocalSymbol == t.Instrument.Underlying) && !h.LastTrade.Before(t.Time) {
			return true
		}
	}
	return false
}

// checkOpening refuses lots that contradict the position they would join.
func (b *Book) checkOpening(o *Opening) error {
	h := b.positions[o.Instrument.Key()]
	if h != nil && !h.Quantity.IsZero() && h.Quantity.IsNeg() != o.Lots[0].Quantity.IsNeg() {
		return fmt.Errorf("%w: opening balance of %s in %s against a position of %s", ErrInvalid,
			o.Lots[0].Quantity, o.Instrument, h.Quantity)
	}
	return nil
}

// size is the number of positions, lots and changes, which is what a checkpoint's cost depends on.
func (b *Book) size() int {
	n := len(b.positions) + len(b.changes)
	for _, h := range b.positions {
		n += len(h.lots())
	}
	return n
}
