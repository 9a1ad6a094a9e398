package gatewaysim

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// execution is a fill.
type execution struct {
	root     string // the id without its last part
	version  int    // the last part
	order    *order
	quantity ledger.Decimal // signed
	price    ledger.Decimal
	at       time.Time
	fee      ledger.Decimal // the commission, above zero for a cost
	charged  bool           // it was taken from the cash
	told     bool           // it is in the rows
	replaced *execution     // the correction that came for it; nil if none did
}

func (e *execution) id() string { return fmt.Sprintf("%s.%02d", e.root, e.version) }

// charge takes the commission from the account's cash.
func (e *execution) charge() {
	if !e.charged {
		e.charged = true
		add(e.order.account.cash, e.order.contract.Currency, e.fee.Neg())
	}
}

// tellCommission charges the commission and shows it in the rows. Whoever listens hears of it again
// if it comes late.
func (e *execution) tellCommission(late bool) {
	if e.told || e.replaced != nil { // a correction has brought its own
		return
	}
	e.charge()
	e.told = true
	if late {
		e.order.account.g.tellExecution(e)
	}
}

// unpaid reports whether a fault keeps the execution's commission back. One that is never told is
// charged.
func (g *Gateway) unpaid(e *execution) bool {
	if g.strike(CommissionNever, e.order.account.ID) {
		e.charge()
		return true
	}
	return g.strike(CommissionLate, e.order.account.ID)
}

// TellCommissions tells the commissions that are late, those of [CommissionNever] apart, and
// returns how many.
func (g *Gateway) TellCommissions() (n int) {
	g.market.lock()
	defer g.market.mu.Unlock()
	for _, a := range g.listed {
		for _, e := range a.executions {
			if !e.told && !e.charged && e.replaced == nil {
				e.tellCommission(true)
				n++
			}
		}
	}
	return n
}

// execution returns the execution of an id; nil if there is none.
func (g *Gateway) execution(id string) *execution {
	for _, a := range g.listed {
		for _, e := range a.executions {
			if e.id() == id {
				return e
			}
		}
	}
	return nil
}

// Correct corrects an execution as the exchange does: another row has the same id with a higher
// last part, and the same time. The quantity has no sign. It returns the new id; ErrUnknown for an
// execution that is not there; and an error for one that was corrected before, for a quantity or
// price that is not above zero, and for more than the order's quantity. A quantity below the
// order's leaves the order's status as it is.
func (g *Gateway) Correct(id string, quantity, price, commission ledger.Decimal) (string, error) {
	g.market.lock()
	defer g.market.mu.Unlock()
	e := g.execution(id)
	if e == nil {
		return "", fmt.Errorf("correct execution %.60q: %w", id, ErrUnknown)
	}
	o, a, quantity := e.order, e.order.account, signed(quantity, e.quantity)
	filled := o.filled.Sub(e.quantity).Add(quantity)
	if e.replaced != nil || quantity.Sign() != e.quantity.Sign() || !price.IsPos() || filled.Abs().GreaterThan(o.quantity.Abs()) {
		return "", fmt.Errorf("correct execution %.60q: it was corrected, or %s at %s is wrong", id, quantity, price)
	}
	fixed := *e
	fixed.version, fixed.quantity, fixed.price, fixed.fee = e.version+1, quantity, price, commission
	e.replaced, fixed.told, fixed.charged = &fixed, true, true
	a.book(o.contract, e.quantity.Neg(), e.price)
	if e.charged {
		add(a.cash, o.contract.Currency, e.fee)
	}
	a.book(o.contract, quantity, price)
	add(a.cash, o.contract.Currency, commission.Neg())
	o.filled = filled
	o.paid = o.paid.Sub(e.quantity.Mul(e.price)).Add(quantity.Mul(price))
	a.executions = append(a.executions, &fixed)
	if o.filled.Equal(o.quantity) {
		o.end(Filled, "")
	}
	g.tellExecution(&fixed)
	return fixed.id(), nil
}
