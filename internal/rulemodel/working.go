package rulemodel

import (
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// working is an order that was accepted, and what is still to be filled of it.
type working struct {
	order    risk.Order
	heldAt   time.Time
	released bool
	left     rat // with the order's sign; zero once filled
}

// accepted returns every order that was ever accepted, in the order in which that was.
func (j *judge) accepted() []working {
	return j.orders.get(j.workOutOrders)
}

func (j *judge) workOutOrders() (list []working) {
	released := map[ledger.OrderID]bool{}
	filled := map[ledger.OrderID][]*ledger.Trade{}
	for _, e := range j.h.Events {
		if r, ok := e.What.(Released); ok {
			released[r.ID] = true
		}
	}
	for _, p := range j.inForce() {
		if p.trade != nil && p.trade.OrderID != "" {
			filled[p.trade.OrderID] = append(filled[p.trade.OrderID], p.trade)
		}
	}
	for _, e := range j.h.Events {
		h, ok := e.What.(Held)
		if !ok {
			continue
		}
		w := working{order: h.Order, heldAt: e.Time, released: released[h.Order.ID], left: exact(h.Order.Quantity)}
		w.order.Instrument.SetDefaults()
		for _, t := range filled[h.Order.ID] {
			if fills(t, &w.order) {
				w.left = sub(w.left, exact(t.Quantity))
			}
		}
		if w.left.Sign() != exact(h.Order.Quantity).Sign() {
			w.left = new0()
		}
		list = append(list, w)
	}
	return list
}

// fills reports whether a trade that names an order fills it: in the order's contract and on its
// side. Any other trade is nobody's order's, whatever it names.
func fills(t *ledger.Trade, o *risk.Order) bool {
	return t.Instrument.Key() == o.Instrument.Key() && exact(t.Quantity).Sign() == exact(o.Quantity).Sign()
}

// working returns the orders that can still be filled.
func (j *judge) working() (list []working) {
	for _, w := range j.accepted() {
		if !w.released && w.left.Sign() != 0 {
			list = append(list, w)
		}
	}
	return list
}

// onlyReduces reports whether what is left of an order makes a position smaller without passing
// through zero, all working orders on the same side included.
func (j *judge) onlyReduces(o risk.Order, side rat) bool {
	key := o.Instrument.Key()
	h := j.positions()[key]
	if h == nil || h.quantity.Sign() == side.Sign() {
		return false
	}
	all := side
	for _, w := range j.working() {
		if w.order.ID != o.ID && w.order.Instrument.Key() == key && w.left.Sign() == side.Sign() {
			all = add(all, w.left)
		}
	}
	return !less(size(h.quantity), size(all))
}
