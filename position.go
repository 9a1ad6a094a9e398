package accounts

import "time"

// Lot is what one opening trade left: a quantity and what it cost.
type Lot struct {
	ExecID   ExecID    `json:"exec_id,omitempty"` // the trade that opened it; empty for an opening balance
	Quantity Decimal   `json:"quantity"`          // negative for a short lot; never zero
	Basis    Decimal   `json:"basis"`             // cost with commission and taxes, in the instrument's currency; negative for a short lot
	OpenedAt time.Time `json:"opened_at"`
	Inferred bool      `json:"inferred,omitempty"` // the opening was not seen; quantity and basis come from a statement
}

// Position is what a profile holds, or once held, of one contract. Money is in the instrument's
// currency.
type Position struct {
	Instrument Instrument `json:"instrument"`
	Quantity   Decimal    `json:"quantity"` // negative for short, zero for flat
	Basis      Decimal    `json:"basis"`    // the sum of the lots'
	Realized   Decimal    `json:"realized"` // P&L of all closings, after commissions and taxes of both sides
	// RealizedBase is Realized in the profile's base currency, each closing at its own trade's
	// FXRate; what closings without one realized is left out of it and summed up in Unconverted.
	RealizedBase Decimal   `json:"realized_base"`
	Unconverted  Decimal   `json:"unconverted,omitzero"`
	Commissions  Decimal   `json:"commissions"` // of all trades, costs positive
	Taxes        Decimal   `json:"taxes,omitzero"`
	LastTrade    time.Time `json:"last_trade,omitzero"` // of the newest trade, split or opening by its own time
	LastClose    time.Time `json:"last_close,omitzero"` // of the newest trade or split that reduced or changed lots
	// Lots are in the order in which they will be consumed: by opening time. Batches leave them out.
	Lots []Lot `json:"lots,omitempty"`
}

// CashBalance is the cash of one currency by where it came from. Costs are negative.
type CashBalance struct {
	Capital   Decimal `json:"capital"`            // deposits, withdrawals and opening balances
	Traded    Decimal `json:"traded"`             // proceeds after commission and taxes; for futures and CFDs realized P&L
	Exchanged Decimal `json:"exchanged,omitzero"` // bought or sold for another currency
	Dividends Decimal `json:"dividends,omitzero"` // payments in lieu included
	Interest  Decimal `json:"interest,omitzero"`
	Fees      Decimal `json:"fees,omitzero"`  // and commissions of currency trades
	Taxes     Decimal `json:"taxes,omitzero"` // other than on trades
	Other     Decimal `json:"other,omitzero"`

	// CapitalBase is Capital in the profile's base currency, each movement at its own FXRate; that
	// of movements without one is left out of it and summed up in Unconverted.
	CapitalBase Decimal `json:"capital_base"`
	Unconverted Decimal `json:"unconverted,omitzero"`
}

// Balance returns the sum of all that came and went.
func (c CashBalance) Balance() Decimal {
	return c.Capital.Add(c.Traded).Add(c.Exchanged).Add(c.Dividends).Add(c.Interest).Add(c.Fees).Add(c.Taxes).Add(c.Other)
}

// PendingPremium is the premium of an exercised or assigned option that waits for its underlying's
// trade, into whose proceeds it moves. One that stays is a sign of a missing trade.
type PendingPremium struct {
	Option     InstrumentKey `json:"option"`
	Underlying string        `json:"underlying"`
	Currency   Currency      `json:"currency"`
	Strike     Decimal       `json:"strike"`
	Quantity   Decimal       `json:"quantity"` // of the underlying that is still to trade, signed
	Amount     Decimal       `json:"amount"`   // positive when received
	Time       time.Time     `json:"time"`
}

// Closing is a trade, or the part of one, that reduced a position, and what that realized.
type Closing struct {
	Trade Trade `json:"trade"`
	Closed
}

// holding is a position as the book keeps it: its lots are a queue whose consumed front is kept
// for reuse, so that steady trading does not allocate.
type holding struct {
	Position // Lots is always nil here
	key      InstrumentKey
	inBase   bool         // its currency is the book's base currency: RealizedBase is not kept
	cash     *CashBalance // the book's, of its currency
	queue    []Lot
	head     int
}

func (h *holding) lots() []Lot { return h.queue[h.head:] }

// realizedBase is what was realized in base currency, as far as that is known.
func (h *holding) realizedBase() Decimal {
	if h.inBase {
		return h.Realized
	}
	return h.RealizedBase
}

// position returns a copy that shares nothing with the book.
func (h *holding) position(withLots bool) Position {
	p := h.Position
	p.RealizedBase = h.realizedBase()
	if withLots {
		p.Lots = append([]Lot(nil), h.lots()...)
	}
	return p
}

// add queues a lot behind all that were opened no later.
func (h *holding) add(l Lot) {
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
func (h *holding) match(l Lot, at time.Time) (c Closed, gain Decimal) {
	if h.Quantity.IsZero() || h.Quantity.IsNeg() == l.Quantity.IsNeg() {
		h.add(l)
		return Closed{}, Decimal{}
	}
	size, held := l.Quantity.Abs(), h.Quantity.Abs()
	cost := l.Basis
	c.Quantity = l.Quantity
	flips := size.GreaterThan(held)
	if flips {
		cost = share(l.Basis, held, size)
		c.Quantity = withSign(held, l.Quantity)
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
func (h *holding) consume(n Decimal) (basis Decimal, inferred bool) {
	taken := n
	for !n.IsZero() {
		l := &h.queue[h.head]
		inferred = inferred || l.Inferred
		size := l.Quantity.Abs()
		if size.GreaterThan(n) {
			part := share(l.Basis, n, size)
			l.Basis = l.Basis.Sub(part)
			l.Quantity = withSign(size.Sub(n), l.Quantity)
			basis = basis.Add(part)
			break
		}
		basis = basis.Add(l.Basis)
		n = n.Sub(size)
		h.head++
	}
	h.compact()
	h.Quantity = h.Quantity.Sub(withSign(taken, h.Quantity))
	h.Basis = h.Basis.Sub(basis)
	return basis, inferred
}

// compact moves the lots to the front once more than half of the queue is consumed.
func (h *holding) compact() {
	if h.head == len(h.queue) || h.head > 16 && h.head > len(h.queue)/2 {
		n := copy(h.queue, h.queue[h.head:])
		h.queue, h.head = h.queue[:n], 0
	}
}

// withSign gives the magnitude d the sign of s.
func withSign(d, s Decimal) Decimal {
	if s.IsNeg() {
		return d.Neg()
	}
	return d
}
