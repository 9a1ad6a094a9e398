package ledger

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
)

// Holding is a position as the book keeps it. Its lots are a queue. The consumed front of the queue
// is kept for reuse, so that steady trading does not allocate.
type Holding struct {
	Position // its Lots are always nil
	key      InstrumentKey
	// inBase is true if the contract's currency is the base currency. RealizedBase is not kept
	// then.
	inBase bool
	// cash is the book's balance in the contract's currency.
	cash  *CashBalance
	queue []Lot
	head  int
}

// Worth returns the amount that the position adds to equity, in base currency, at a price per unit
// and a conversion rate: its value, or its unrealized P&L for futures and CFDs.
func (h *Holding) Worth(price, rate Decimal) Decimal {
	value, unrealized := h.value(price)
	if !h.Instrument.SettlesNotional() {
		return num.Convert(unrealized, rate)
	}
	return num.Convert(value, rate)
}

// value returns the position's value at a price per unit and its unrealized P&L, both in the
// contract's currency.
func (h *Holding) value(price Decimal) (value, unrealized Decimal) {
	value = num.Convert(num.Convert(h.Quantity, h.Instrument.Multiplier), price)
	return value, value.Sub(h.Basis)
}

// lots returns the lots that are not consumed.
func (h *Holding) lots() []Lot { return h.queue[h.head:] }

// realizedBase returns the realized P&L in base currency, without closings that had no rate.
func (h *Holding) realizedBase() Decimal {
	if h.inBase {
		return h.Realized
	}
	return h.RealizedBase
}

// position returns a copy that shares nothing with the book.
func (h *Holding) position(withLots bool) Position {
	p := h.Position
	p.RealizedBase = h.realizedBase()
	if lots := h.lots(); withLots && len(lots) > 0 {
		p.Lots = slices.Clone(lots)
	}
	return p
}

// match sets a lot against the position. A lot in the other direction closes lots, first in, first
// out; the rest of it is queued. If a lot both closes and opens, the parts share its basis by
// quantity. Realized is the proceeds of the closing part less the basis it consumed. match may
// change l.
func (h *Holding) match(l *Lot, at time.Time) (c Closed) {
	if h.Quantity.IsZero() || h.Quantity.IsNeg() == l.Quantity.IsNeg() {
		h.add(l)
		return c
	}
	size, held := l.Quantity.Abs(), h.Quantity.Abs()
	cost := l.Basis
	c.Quantity = l.Quantity
	flips := size.GreaterThan(held)
	if flips {
		cost = num.Share(l.Basis, held, size)
		c.Quantity = num.WithSign(held, l.Quantity)
	}
	if at.After(h.LastClose) {
		h.LastClose = at
	}
	c.Basis, c.Inferred = h.consume(c.Quantity.Abs())
	c.Realized, c.Ended = cost.Neg().Sub(c.Basis), h.Quantity.IsZero()
	if flips {
		l.Quantity, l.Basis = l.Quantity.Sub(c.Quantity), l.Basis.Sub(cost)
		h.add(l)
	}
	return c
}

// add queues a lot behind all lots that were not opened later.
func (h *Holding) add(l *Lot) {
	h.queue = append(h.queue, *l)
	for i := len(h.queue) - 1; i > h.head && l.OpenedAt.Before(h.queue[i-1].OpenedAt); i-- {
		h.queue[i], h.queue[i-1] = h.queue[i-1], *l
	}
	h.Quantity = h.Quantity.Add(l.Quantity)
	h.Basis = h.Basis.Add(l.Basis)
}

// consume takes n units off the front lots and returns their basis. n is positive and not above the
// position. A lot consumed in part gives up its basis in proportion.
func (h *Holding) consume(n Decimal) (basis Decimal, inferred bool) {
	taken := n
	for !n.IsZero() {
		l := &h.queue[h.head]
		inferred = inferred || l.Inferred
		size := l.Quantity.Abs()
		if size.GreaterThan(n) {
			part := num.Share(l.Basis, n, size)
			l.Basis = l.Basis.Sub(part)
			l.Quantity = num.WithSign(size.Sub(n), l.Quantity)
			basis = basis.Add(part)
			break
		}
		basis = basis.Add(l.Basis)
		n = n.Sub(size)
		h.head++
	}
	h.compact()
	h.Quantity = h.Quantity.Sub(num.WithSign(taken, h.Quantity))
	h.Basis = h.Basis.Sub(basis)
	return basis, inferred
}

// compact moves the lots to the front of the queue once more than half of it is consumed.
func (h *Holding) compact() {
	if h.head == len(h.queue) || h.head > 16 && h.head > len(h.queue)/2 {
		n := copy(h.queue, h.queue[h.head:])
		h.queue, h.head = h.queue[:n], 0
	}
}
