package ledger

import (
	"time"

	"github.com/ai-ots/accounts/internal/num"
)

// Holding is a position as the book keeps it: its lots are a queue whose consumed front is kept
// for reuse, so that steady trading does not allocate.
type Holding struct {
	Position // Lots is always nil here
	key      InstrumentKey
	inBase   bool         // its currency is the book's base currency: RealizedBase is not kept
	cash     *CashBalance // the book's, of its currency
	queue    []Lot
	head     int
}

// Worth is what a position adds to equity at a price per unit and a conversion rate, in base currency: its value, or,
// where only differences are ever paid, what is unrealized.
func (h *Holding) Worth(price, rate Decimal) Decimal {
	value, unrealized := h.value(price)
	if !h.Instrument.SettlesNotional() {
		return num.Convert(unrealized, rate)
	}
	return num.Convert(value, rate)
}

func (h *Holding) lots() []Lot { return h.queue[h.head:] }

// realizedBase is what was realized in base currency, as far as that is known.
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
	if withLots {
		p.Lots = append([]Lot(nil), h.lots()...)
	}
	return p
}

// add queues a lot behind all that were opened no later.
func (h *Holding) add(l Lot) {
	h.queue = append(h.queue, l)
	for i := len(h.queue) - 1; i > h.head && l.OpenedAt.Before(h.queue[i-1].OpenedAt); i-- {
		h.queue[i], h.queue[i-1] = h.queue[i-1], l
	}
	h.Quantity = h.Quantity.Add(l.Quantity)
	h.Basis = h.Basis.Add(l.Basis)
}

// match sets a lot against the position: what runs against it closes lots, first in, first out, and
// the rest is queued. Of a lot that does both, the two parts share the basis by quantity. The gain is what the
// closing part brought less the basis it consumed.
func (h *Holding) match(l Lot, at time.Time) (c Closed, gain Decimal) {
	if h.Quantity.IsZero() || h.Quantity.IsNeg() == l.Quantity.IsNeg() {
		h.add(l)
		return Closed{}, Decimal{}
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
	gain = cost.Neg().Sub(c.Basis)
	c.Realized = gain
	if flips {
		l.Quantity, l.Basis = l.Quantity.Sub(c.Quantity), l.Basis.Sub(cost)
		h.add(l)
	}
	return c, gain
}

// consume takes n units, a positive number no larger than the position, off the front lots and
// returns their basis. A lot consumed in part gives up its basis pro rata.
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

// compact moves the lots to the front once more than half of the queue is consumed.
func (h *Holding) compact() {
	if h.head == len(h.queue) || h.head > 16 && h.head > len(h.queue)/2 {
		n := copy(h.queue, h.queue[h.head:])
		h.queue, h.head = h.queue[:n], 0
	}
}

// value is what a position is worth at a price per unit, in the instrument's currency, and what of that is
// unrealized.
func (h *Holding) value(price Decimal) (value, unrealized Decimal) {
	value = num.Convert(num.Convert(h.Quantity, h.Instrument.Multiplier), price)
	return value, value.Sub(h.Basis)
}
