package ledger

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
)

// trade folds a trade in, and returns the part of the position that it closed. h is what held
// returns.
func (b *Book) trade(t *Trade, h *Holding) Closed {
	b.trades++
	if h == nil {
		b.exchange(t)
		return Closed{}
	}
	net := t.Net()
	settles := t.Instrument.SettlesNotional()
	if settles {
		h.cash.Traded = h.cash.Traded.Add(net)
	}
	if t.delivers() {
		premium := b.takePremium(t)
		net = net.Add(premium)
		if !settles {
			// The premium was paid with the option, and the future's P&L will contain it once more.
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
	c := h.match(&lot, t.Time)
	switch {
	case c.Quantity.IsZero():
	case t.Exercised():
		b.deferPremium(t, c.Quantity, c.Realized)
		c.Realized = Decimal{}
	default:
		b.realize(h, c.Realized, t.FXRate)
	}
	return c
}

// realize books a gain, in base currency too if the rate is known.
func (b *Book) realize(h *Holding, gain, rate Decimal) {
	h.Realized = h.Realized.Add(gain)
	if !h.Instrument.SettlesNotional() {
		h.cash.Traded = h.cash.Traded.Add(gain)
	}
	switch {
	case h.inBase: // RealizedBase equals Realized; see realizedBase
	case rate.IsZero():
		h.Unconverted = h.Unconverted.Add(gain)
	default:
		h.RealizedBase = h.RealizedBase.Add(num.Convert(gain, rate))
	}
}

// exchange folds a currency trade in. A currency trade makes no lots: it turns one cash balance
// into another.
func (b *Book) exchange(t *Trade) {
	bought, paid := b.balance(Currency(t.Instrument.Symbol)), b.balance(t.Instrument.Currency)
	bought.Exchanged = bought.Exchanged.Add(t.Quantity)
	paid.Exchanged = paid.Exchanged.Add(t.Amount())
	paid.Taxes = paid.Taxes.Add(t.Taxes.Neg())
	fee := paid
	if t.CommissionCurrency != "" {
		fee = b.balance(t.CommissionCurrency)
	}
	fee.Fees = fee.Fees.Add(t.Commission.Neg())
}

// moveCash folds a cash movement in.
func (b *Book) moveCash(m *CashMovement) {
	c := b.balance(m.Currency)
	switch m.Kind {
	case Deposit, Withdrawal, OpeningCash:
		c.Capital = c.Capital.Add(m.Amount)
		if amount, rated := m.InBase(b.base); rated {
			c.CapitalBase = c.CapitalBase.Add(amount)
		} else {
			c.Unconverted = c.Unconverted.Add(m.Amount)
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

// split folds a split in. Every lot keeps its basis and opening time, but for the part of the basis
// that a spin-off moves. Lots that move to another contract join the lots there.
func (b *Book) split(s *Split) {
	from := b.holding(&s.From, s.From.Key())
	to := from
	if key := s.To.Key(); key != from.key {
		to = b.holding(&s.To, key)
	}
	lots := slices.Clone(from.lots())
	if !s.SpinsOff() {
		from.queue, from.head, from.Quantity, from.Basis = from.queue[:0], 0, Decimal{}, Decimal{}
	}
	// Quantities and bases are scaled as running sums, so that rounding errors do not add up. A lot
	// that rounds to zero leaves its basis to the next.
	var before, after, paid, moved, basis Decimal
	for i, l := range lots {
		before, paid = before.Add(l.Quantity), paid.Add(l.Basis)
		scaled := s.Scale(before)
		l.Quantity, after = num.Trim(scaled.Sub(after)), scaled
		total := s.Moves(paid)
		part := num.Trim(total.Sub(moved))
		moved = total
		if s.SpinsOff() {
			left := &from.lots()[i]
			left.Basis = left.Basis.Sub(part)
		}
		if basis = basis.Add(s.Converted(part)); l.Quantity.IsZero() {
			continue
		}
		l.Basis, basis = basis, Decimal{}
		if c := to.match(&l, s.Time); !c.Quantity.IsZero() {
			b.realize(to, c.Realized, Decimal{})
		}
	}
	if s.SpinsOff() {
		from.Basis = from.Basis.Sub(moved)
	}
	if !basis.IsZero() {
		h := from
		if !s.Rate.IsZero() {
			h = to
		}
		b.realize(h, basis.Neg(), Decimal{})
	}
	for _, h := range []*Holding{from, to} {
		if s.Time.After(h.LastTrade) {
			h.LastTrade = s.Time
		}
		if s.Time.After(h.LastClose) {
			h.LastClose = s.Time
		}
	}
}

// inKind is a fact that is capital in kind: an opening or a transfer.
type inKind interface {
	Worth() Decimal
	InBase(base Currency) (Decimal, bool)
	currency() Currency
	// unrated returns the fact as it was before its FXRate was known.
	unrated() inKind
}

// contribute counts what a payload brings as capital in kind. Restatements leave that as it is.
func (b *Book) contribute(p Payload) {
	f, ok := factIn(p).(inKind)
	if !ok {
		return
	}
	k := b.kind[f.currency()]
	if a, amends := p.(*Amendment); amends && a.Completes.Rate {
		k = k.plus(f.unrated(), b.base, -1)
	}
	b.kind[f.currency()] = k.plus(f, b.base, 1)
}

// plus returns the sum with a fact, or for a sign of -1 the difference.
func (k capitalInKind) plus(f inKind, base Currency, sign int64) capitalInKind {
	if worth, rated := f.InBase(base); rated {
		k.Base = k.Base.Add(worth.Mul(num.Int(sign)))
	} else {
		k.Unrated = k.Unrated.Add(f.Worth().Mul(num.Int(sign)))
	}
	return k
}

// bring folds lots in that came at a time otherwise than by trades. Ended of what it returns is
// true if a position in the other direction ended with them.
func (b *Book) bring(i *Instrument, lots []Lot, at time.Time, rate Decimal) (out Closed) {
	h := b.holding(i, i.Key())
	if at.After(h.LastTrade) {
		h.LastTrade = at
	}
	for _, l := range lots {
		if c := h.match(&l, at); !c.Quantity.IsZero() {
			// After a change of history, the position may have the other direction.
			b.realize(h, c.Realized, rate)
			out.Ended = out.Ended || c.Ended
		}
	}
	return out
}

// restate puts the positions, balances and premiums of a restatement in place of the book's.
func (b *Book) restate(r *Restatement) {
	for _, p := range r.Positions {
		b.set(p)
	}
	for currency, c := range r.Cash {
		*b.balance(currency) = c
	}
	b.pending = append(b.pending[:0], r.Pending...)
	b.trades = r.Trades
}

// set puts a position in place of the one in the same contract. It removes a position that no
// trade, split or opening in force has touched.
func (b *Book) set(p Position) {
	if p.LastTrade.IsZero() && len(p.Lots) == 0 {
		delete(b.positions, p.Instrument.Key())
		return
	}
	h := &Holding{Position: p, key: p.Instrument.Key(), inBase: p.Instrument.Currency == b.base,
		cash: b.balance(p.Instrument.Currency), queue: slices.Clone(p.Lots)}
	h.Lots = nil
	b.positions[h.key] = h
}

// held returns the holding of the trade's contract, and makes one if there is none; nil for a
// currency trade.
func (b *Book) held(t *Trade) *Holding {
	if t.Instrument.SecType == Forex {
		return nil
	}
	return b.holding(&t.Instrument, t.Contract())
}

// holding returns the contract's holding, and makes one if there is none. A flat holding takes over
// the broker's names from i: they may have named another contract of the same terms before.
func (b *Book) holding(i *Instrument, key InstrumentKey) *Holding {
	h := b.positions[key]
	switch {
	case h == nil:
		h = &Holding{Position: Position{Instrument: *i}, key: key, inBase: i.Currency == b.base,
			cash: b.balance(i.Currency)}
		b.positions[key] = h
	case h.Quantity.IsZero() && h.Instrument.ConID != i.ConID:
		h.Instrument = *i
	}
	return h
}

// balance returns the currency's balance, and makes one if there is none.
func (b *Book) balance(c Currency) *CashBalance {
	cash := b.cash[c]
	if cash == nil {
		cash = &CashBalance{}
		b.cash[c] = cash
	}
	return cash
}
