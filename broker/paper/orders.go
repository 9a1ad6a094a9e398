package paper

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// order is an order with what its execution needs.
type order struct {
	broker.Order
	triggered bool // the stop was reached
}

// execution is an execution, whose commission may not have been told yet.
type execution struct {
	broker.Execution
	commission ledger.Decimal
	replaced   bool // by a correction
}

// Place implements [broker.Broker].
func (b *Broker) Place(ctx context.Context, id broker.AccountID, t broker.Ticket) (broker.Ack, error) {
	a, f, err := b.begin(ctx, OpPlace, id)
	defer b.mu.Unlock()
	if err == nil {
		err = t.Validate()
	}
	if err != nil {
		return broker.Ack{}, err
	}
	if f.what == LostRequest {
		return broker.Ack{}, fmt.Errorf("place order %q: %w", t.Ref, broker.ErrOutcomeUnknown)
	}
	if b.refs[t.Ref] != nil {
		return broker.Ack{}, fmt.Errorf("place order %q: %w", t.Ref, broker.ErrDuplicateRef)
	}
	switch {
	case f.what == Rejected:
		return broker.Ack{}, &broker.RejectionError{Ref: t.Ref, Reason: f.reason}
	case !a.Tradable:
		return broker.Ack{}, &broker.RejectionError{Ref: t.Ref, Reason: "the login may not trade in this account"}
	}
	o := b.take(a, t)
	b.refs[t.Ref] = o
	ack := broker.Ack{BrokerID: o.BrokerID, Status: o.Status}
	b.match(o.Instrument.Key())
	if f.what == LostAnswer {
		return broker.Ack{}, fmt.Errorf("place order %q: %w", t.Ref, broker.ErrOutcomeUnknown)
	}
	return ack, nil
}

// PlaceByHand places an order that is not the library's: it has no Ref, as an order that a person enters in
// the broker's own program. It returns the broker's id of the order. Errors: ErrForeignAccount, ErrInvalid.
func (b *Broker) PlaceByHand(id broker.AccountID, t broker.Ticket) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.accounts[id]
	if a == nil {
		return "", fmt.Errorf("account %.60q: %w", id, broker.ErrForeignAccount)
	}
	t.Ref = "by-hand"
	if err := t.Validate(); err != nil {
		return "", err
	}
	t.Ref = ""
	o := b.take(a, t)
	b.match(o.Instrument.Key())
	return o.BrokerID, nil
}

// take makes an order of a ticket.
func (b *Broker) take(a *account, t broker.Ticket) *order {
	held := t.Order
	_ = held.Normalize() // the ticket is valid
	o := &order{Order: broker.Order{
		Ref: t.Ref, BrokerID: fmt.Sprint(b.count()), Account: a.ID, Instrument: held.Instrument, Quantity: held.Quantity,
		Terms: t.Terms, Status: broker.OrderWorking, Time: b.now(),
	}}
	a.orders, a.working = append(a.orders, o), append(a.working, o)
	b.hint(broker.EventOrders, a.ID)
	return o
}

func (b *Broker) count() int64 {
	b.number++
	return b.number
}

// Cancel implements [broker.Broker].
func (b *Broker) Cancel(ctx context.Context, id broker.AccountID, ref broker.Ref) error {
	a, f, err := b.begin(ctx, OpCancel, id)
	defer b.mu.Unlock()
	if err != nil {
		return err
	}
	if f.what == LostRequest {
		return fmt.Errorf("cancel order %q: %w", ref, broker.ErrOutcomeUnknown)
	}
	o := b.refs[ref]
	if o == nil || o.Account != a.ID || o.Status.Terminal() {
		return fmt.Errorf("cancel order %.60q: %w", ref, broker.ErrOrderNotFound)
	}
	o.end(broker.OrderCancelled, "cancelled as asked", b.now())
	a.forget()
	b.hint(broker.EventOrders, a.ID)
	if f.what == LostAnswer {
		return fmt.Errorf("cancel order %q: %w", ref, broker.ErrOutcomeUnknown)
	}
	return nil
}

// EndDay lets every order for the day that works expire, in all accounts.
func (b *Broker) EndDay() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.accounts {
		for _, o := range a.working {
			if o.Terms.TIF == broker.Day {
				o.end(broker.OrderExpired, "the day is over", b.now())
				b.hint(broker.EventOrders, a.ID)
			}
		}
		a.forget()
	}
}

// end ends an order in a terminal status.
func (o *order) end(s broker.OrderStatus, reason string, at time.Time) {
	o.Status, o.Reason, o.Time = s, reason, at
}

// forget takes the orders that have ended out of those that work.
func (a *account) forget() {
	a.working = slices.DeleteFunc(a.working, func(o *order) bool { return o.Status.Terminal() })
}

// Orders implements [broker.Broker]. It returns every order that there ever was.
func (b *Broker) Orders(ctx context.Context, id broker.AccountID) (out broker.Answer[broker.Order], err error) {
	a, f, err := b.begin(ctx, OpOrders, id)
	defer b.mu.Unlock()
	if err != nil {
		return out, err
	}
	var list []broker.Order
	for _, o := range a.orders {
		list = append(list, o.Order)
	}
	return answer(b, f, list), nil
}

// Executions implements [broker.Broker]. It goes back to the beginning.
func (b *Broker) Executions(ctx context.Context, id broker.AccountID, since time.Time) (out broker.Executions, err error) {
	a, f, err := b.begin(ctx, OpExecutions, id)
	defer b.mu.Unlock()
	if err != nil {
		return out, err
	}
	var list []broker.Execution
	for _, e := range a.executions {
		if !e.replaced && !e.Trade.Time.Before(since) {
			list = append(list, e.Execution)
		}
	}
	return broker.Executions{Answer: answer(b, f, list), From: since}, nil
}

// TellCommissions tells the commission of every execution of which it was pending.
func (b *Broker) TellCommissions() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, a := range b.accounts {
		told := false
		for _, e := range a.executions {
			if e.Trade.CommissionPending && !e.replaced {
				e.tell(a)
				told = true
			}
		}
		if told {
			b.hint(broker.EventExecutions, id)
		}
	}
}

// tell tells and charges the commission.
func (e *execution) tell(a *account) {
	e.Trade.CommissionPending, e.Trade.Commission = false, e.commission
	a.pay(e.Trade.Instrument.Currency, e.commission.Neg())
}

// Correct replaces the price and quantity of an execution of a security, as a broker does that has reported
// it wrongly: the execution comes under an id whose last part is higher. Quantity has the sign of the
// execution's. It returns the new id, and ErrInvalid for an execution that there is not, that is corrected
// already, or in a future or CFD.
func (b *Broker) Correct(id broker.AccountID, exec ledger.ExecID, quantity, price ledger.Decimal) (ledger.ExecID, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.accounts[id]
	if a == nil {
		return "", fmt.Errorf("account %.60q: %w", id, broker.ErrForeignAccount)
	}
	for n, e := range a.executions {
		t := &e.Trade
		if t.ExecID != exec || e.replaced || !t.Instrument.SettlesNotional() || quantity.IsNeg() != t.Quantity.IsNeg() || quantity.IsZero() {
			continue
		}
		root, version := exec.Correction()
		again := *e
		again.Trade.ExecID = ledger.ExecID(fmt.Sprintf("%s.%02d", root, version+1))
		again.Trade.Quantity, again.Trade.Price = quantity, price
		a.book(t, -1)
		a.book(&again.Trade, 1)
		if o := b.refs[e.Ref]; o != nil {
			o.Filled = o.Filled.Sub(t.Quantity).Add(quantity)
		}
		e.replaced, a.executions[n] = true, &again
		b.hint(broker.EventExecutions, id)
		return again.Trade.ExecID, nil
	}
	return "", fmt.Errorf("%w: execution %.60q cannot be corrected to %s at %s", broker.ErrInvalid, exec, quantity, price)
}
