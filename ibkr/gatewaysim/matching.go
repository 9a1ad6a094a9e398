package gatewaysim

import (
	"fmt"
	"slices"

	"github.com/ai-ots/accounts/ledger"
)

// match fills the orders in a contract as far as its quote goes, in the order in which they came.
func (m *Market) match(conid int64) {
	q := m.quotes[conid]
	if q == nil || q.Halted || m.config.Manual {
		return
	}
	for _, o := range slices.Clone(m.working[conid]) {
		m.fill(o, q)
	}
}

// fill fills an order at a quote if its terms and the hours let it.
func (m *Market) fill(o *order, q *quote) {
	price := q.price(o.buys())
	if price.IsZero() || o.status == Inactive || o.status == PendingSubmit || o.status == WarnState || !m.open(o.outside) || !o.fillsAt(price) {
		return
	}
	quantity := o.left()
	if most := m.config.Liquidity; most.IsPos() {
		most = most.Sub(q.filled)
		if !most.IsPos() {
			return
		}
		if most.LessThan(quantity.Abs()) {
			quantity = signed(most, quantity)
		}
	}
	q.filled = q.filled.Add(quantity.Abs())
	o.execute(quantity, price)
}

// signed returns an amount with the sign of another.
func signed(amount, sign ledger.Decimal) ledger.Decimal {
	if sign.IsNeg() {
		return amount.Neg()
	}
	return amount
}

// fillsAt reports whether the terms let the order fill at a price, which may reach its stop.
func (o *order) fillsAt(price ledger.Decimal) bool {
	beyond := func(bound ledger.Decimal) bool { // worse for the order than the bound
		if o.buys() {
			return price.GreaterThan(bound)
		}
		return price.LessThan(bound)
	}
	if !o.stop.IsZero() && !o.triggered {
		if !beyond(o.stop) && !price.Equal(o.stop) {
			return false
		}
		o.triggered = true
	}
	o.turn(Submitted, "") // a stop that was reached, or an order that waited for the opening
	return o.limit.IsZero() || !beyond(o.limit)
}

// execute fills a part of the order, which is signed, at a price.
func (o *order) execute(quantity, price ledger.Decimal) *execution {
	a, m := o.account, o.account.g.market
	e := &execution{
		root: fmt.Sprintf("%08x.%08x.01", m.now.Unix(), m.next()), version: 1, order: o, quantity: quantity, price: price, at: m.now,
		fee: m.config.Commission(*o.contract, quantity, price),
	}
	o.filled, o.paid = o.filled.Add(quantity), o.paid.Add(quantity.Mul(price))
	a.book(o.contract, quantity, price)
	a.executions = append(a.executions, e)
	switch {
	case a.g.unpaid(e):
	case m.config.CommissionDelay > 0:
		m.after(m.config.CommissionDelay, func() { e.tellCommission(true) })
	default:
		e.tellCommission(false)
	}
	if o.filled.Equal(o.quantity) {
		o.end(Filled, "")
	} else {
		o.touch()
	}
	a.g.tellExecution(e)
	return e
}

// Fill fills a part of an order at a price, whatever the market shows, and returns the execution's
// id. The quantity has no sign. It returns ErrUnknown for an order that is not there, and an error
// for one that has ended and for more than is left of it.
func (g *Gateway) Fill(id int64, quantity, price ledger.Decimal) (string, error) {
	g.market.lock()
	defer g.market.mu.Unlock()
	o := g.order(id)
	switch {
	case o == nil:
		return "", fmt.Errorf("fill order %d: %w", id, ErrUnknown)
	case o.status.Terminal() || !quantity.IsPos() || quantity.GreaterThan(o.left().Abs()):
		return "", fmt.Errorf("fill %s of order %d: %s are left, and it is %s", quantity, id, o.left().Abs(), o.status)
	}
	return o.execute(signed(quantity, o.quantity), price).id(), nil
}
