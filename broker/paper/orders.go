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
	account   *account
	triggered bool // the stop was reached
}

// execution is an execution, whose commission may not have been told yet.
type execution struct {
	broker.Execution
	order      *order
	commission ledger.Decimal
	split      bool // the security split since
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
	var ack broker.Ack
	if f.what != LostRequest {
		ack, err = b.decide(a, t, f)
	}
	if f.what == LostRequest || f.what == LostAnswer { // whatever the answer was
		return broker.Ack{}, fmt.Errorf("place order %q: %w", t.Ref, broker.ErrOutcomeUnknown)
	}
	return ack, err
}

// decide takes an order whose ticket is valid, or does not.
func (b *Broker) decide(a *account, t broker.Ticket, f fault) (broker.Ack, error) {
	switch {
	case b.refs[t.Ref] != nil:
		return broker.Ack{}, fmt.Errorf("place order %q: %w", t.Ref, broker.ErrDuplicateRef)
	case f.what == Rejected:
		return broker.Ack{}, &broker.RejectionError{Ref: t.Ref, Reason: f.reason}
	case !a.Tradable:
		return broker.Ack{}, &broker.RejectionError{Ref: t.Ref, Reason: "the login may not trade in this account"}
	}
	o := b.take(a, t)
	b.refs[t.Ref] = o
	ack := broker.Ack{BrokerID: o.BrokerID, Status: o.Status}
	b.match(o.Instrument.Key())
	return ack, nil
}

// PlaceByHand places an order that is not the library's: it has no Ref, as an order that a person
// enters in the broker's own program. It returns the broker's id of the order. Errors:
// ErrForeignAccount, ErrInvalid.
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
	o := &order{account: a, Order: broker.Order{
		Ref: t.Ref, BrokerID: fmt.Sprint(b.count()), Account: a.ID, Instrument: held.Instrument, Quantity: held.Quantity,
		Terms: t.Terms, Status: broker.OrderWorking, Time: b.now(),
	}}
	a.orders = append(a.orders, o)
	b.working[o.Instrument.Key()] = append(b.working[o.Instrument.Key()], o)
	b.hint(broker.EventOrders, a.ID)
	return o
}

func (b *Broker) count() int64 {
	b.number++
	return b.number
}

// Cancel implements [broker.Broker].
func (b *Broker) Cancel(ctx context.Context, id broker.AccountID, ref broker.Ref) error {
	return b.cancel(ctx, id, string(ref), func(o *order) bool { return o.Ref == ref && ref != "" })
}

// CancelByID implements [broker.Broker].
func (b *Broker) CancelByID(ctx context.Context, id broker.AccountID, brokerID string) error {
	return b.cancel(ctx, id, brokerID, func(o *order) bool { return o.BrokerID == brokerID })
}

// cancel cancels the order of the account that works and for which is holds.
func (b *Broker) cancel(ctx context.Context, id broker.AccountID, name string, is func(*order) bool) error {
	a, f, err := b.begin(ctx, OpCancel, id)
	defer b.mu.Unlock()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(a.orders, func(o *order) bool { return is(o) && !o.Status.Terminal() })
	if at >= 0 && f.what != LostRequest {
		b.turn(a.orders[at], broker.OrderCancelled, "cancelled as asked")
		b.forget(a.orders[at].Instrument.Key())
	}
	switch {
	case f.what == LostRequest || f.what == LostAnswer:
		return fmt.Errorf("cancel order %.60q: %w", name, broker.ErrOutcomeUnknown)
	case at < 0:
		return fmt.Errorf("cancel order %.60q: %w", name, broker.ErrOrderNotFound)
	}
	return nil
}

// EndDay lets every order for the day that works expire, in all accounts.
func (b *Broker) EndDay() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, orders := range b.working {
		for _, o := range orders {
			if o.Terms.TIF == broker.Day {
				b.turn(o, broker.OrderExpired, "the day is over")
			}
		}
		b.forget(key)
	}
}

// SetStatus puts an order that has not ended into a status, as a broker or an exchange does of its
// own: cancelled after it was taken, inactive for a while, working again. An order fills while it
// is working or cancelling. It returns ErrOrderNotFound for a broker's id of no order, and of one
// that has ended.
func (b *Broker) SetStatus(id broker.AccountID, brokerID string, s broker.OrderStatus, reason string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.accounts[id]
	if a == nil {
		return fmt.Errorf("account %.60q: %w", id, broker.ErrForeignAccount)
	}
	for _, o := range a.orders {
		if o.BrokerID == brokerID && !o.Status.Terminal() {
			b.turn(o, s, reason)
			b.forget(o.Instrument.Key())
			b.match(o.Instrument.Key())
			return nil
		}
	}
	return fmt.Errorf("order %.60q: %w", brokerID, broker.ErrOrderNotFound)
}

// turn gives an order another status.
func (b *Broker) turn(o *order, s broker.OrderStatus, reason string) {
	o.Status, o.Reason, o.Time = s, reason, b.now()
	b.hint(broker.EventOrders, o.account.ID)
}

// forget takes the orders in a contract that have ended out of those that work.
func (b *Broker) forget(key ledger.InstrumentKey) {
	b.working[key] = slices.DeleteFunc(b.working[key], func(o *order) bool { return o.Status.Terminal() })
	if len(b.working[key]) == 0 {
		delete(b.working, key)
	}
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
	since = since.UTC().Truncate(time.Microsecond) // as the times of executions are
	var list []broker.Execution
	for _, e := range a.executions {
		if !e.Trade.Time.Before(since) {
			list = append(list, e.Execution)
		}
	}
	slices.SortStableFunc(list, func(x, y broker.Execution) int { return x.Trade.Time.Compare(y.Trade.Time) }) // clocks go back
	return broker.Executions{Answer: answer(b, f, list), From: since}, nil
}

// TellCommissions tells the commission of every execution of which it was pending.
func (b *Broker) TellCommissions() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, a := range b.accounts {
		told := false
		for _, e := range a.executions {
			if e.Trade.CommissionPending {
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

// Correct replaces the price and quantity of an execution of a security, as a broker does that has
// reported it wrongly: the execution comes under an id whose last part is higher. Quantity has the
// sign of the execution's. It returns the new id. It returns ErrInvalid, and changes nothing, for
// an execution that there is not, that is corrected already, that is from before a split, or in a
// future or CFD; and for one that would fill more than was ordered, or cannot be booked to the
// cent.
func (b *Broker) Correct(id broker.AccountID, exec ledger.ExecID, quantity, price ledger.Decimal) (ledger.ExecID, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.accounts[id]
	if a == nil {
		return "", fmt.Errorf("account %.60q: %w", id, broker.ErrForeignAccount)
	}
	at := slices.IndexFunc(a.executions, func(e *execution) bool { return e.Trade.ExecID == exec })
	if at < 0 {
		return "", fmt.Errorf("%w: there is no execution %.60q", broker.ErrInvalid, exec)
	}
	again := *a.executions[at]
	again.Trade.Quantity, again.Trade.Price = quantity, price
	if err := again.correct(&a.executions[at].Trade); err != nil {
		return "", fmt.Errorf("correct execution %.60q to %s at %s: %w", exec, quantity, price, err)
	}
	a.book(&a.executions[at].Trade, -1)
	a.book(&again.Trade, 1)
	a.executions[at] = &again
	b.hint(broker.EventExecutions, id)
	if o := again.order; !o.Status.Terminal() && o.Filled.Equal(o.Quantity) {
		b.turn(o, broker.OrderFilled, "")
		b.forget(o.Instrument.Key())
	}
	return again.Trade.ExecID, nil
}

// correct gives an execution the id of a correction of another, and tells its order. After an error
// neither is changed.
func (e *execution) correct(of *ledger.Trade) error {
	o, t := e.order, &e.Trade
	root, version := of.ExecID.Correction()
	filled := o.Filled.Sub(of.Quantity).Add(t.Quantity)
	switch {
	case !t.Instrument.SettlesNotional() || e.split || version >= 99:
		return fmt.Errorf("%w: it cannot be corrected", broker.ErrInvalid)
	case t.Quantity.IsZero() || t.Quantity.IsNeg() != of.Quantity.IsNeg():
		return fmt.Errorf("%w: it was of %s", broker.ErrInvalid, of.Quantity)
	case filled.Abs().GreaterThan(o.Quantity.Abs()):
		return fmt.Errorf("%w: the order was of %s", broker.ErrInvalid, o.Quantity)
	}
	if err := bookable(*t); err != nil {
		return err
	}
	t.ExecID = ledger.ExecID(fmt.Sprintf("%s.%02d", root, version+1))
	o.Filled = filled
	return nil
}
