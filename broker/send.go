package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Send sends an order that is held, once. It is dispatched first: after a crash at any moment it is
// known that the order was not sent, or that it may have been. The order's Price must be
// [Terms.Worst].
//
// Errors:
//   - ErrStandby, ErrClosed, ErrNotLinked, ErrNotReady: nothing was written and nothing sent; the order stays
//     held;
//   - ErrInvalid, ledger.ErrInexact for a wrong ticket, and those of [accounts.Portfolio.Dispatch], such as
//     ErrRefused after a halt and ErrDispatched for an order that was sent: nothing was sent by this call,
//     and the hold stays;
//   - those of [Broker.Place], and ErrNotConnected for a session that ended after the order was dispatched.
//     After ErrOutcomeUnknown and ErrDuplicateRef the order may be at the broker: its hold stays, and the
//     engine looks for it. After every other the broker does not have it, and its hold ends.
func (e *Engine) Send(ctx context.Context, profile accounts.ProfileID, id ledger.OrderID, terms Terms) (Ack, error) {
	ack, err := e.send(ctx, profile, id, terms)
	if err != nil {
		return Ack{}, fmt.Errorf("send order %.60q of profile %q: %w", id, profile, err)
	}
	return ack, nil
}

// Submit reserves an order and sends it. Where a mark is missing or old, the broker is asked for a
// quote, and once more for the order. The contract is followed from then on; see Follow. Errors are
// those of [accounts.Portfolio.Reserve], after which nothing is sent, and those of Send. An order
// that is held already is sent, if it was not sent before.
func (e *Engine) Submit(ctx context.Context, profile accounts.ProfileID, o risk.Order, terms Terms) (Ack, error) {
	w, s, err := e.open(ctx, profile)
	if err == nil {
		t := Ticket{Ref: RefOf(profile, o.ID), Order: o, Terms: terms}
		if err = w.usable(s); err == nil {
			err = t.Validate()
		}
	}
	if err != nil {
		return Ack{}, fmt.Errorf("submit order %.60q of profile %q: %w", o.ID, profile, err)
	}
	_, err = w.portfolio.Reserve(ctx, o)
	if errors.Is(err, accounts.ErrUndecided) {
		contracts := needed(&o.Instrument)
		if err := e.Follow(profile, contracts...); err != nil {
			return Ack{}, err
		}
		if err := w.quote(ctx, s.broker, contracts); err != nil {
			return Ack{}, fmt.Errorf("submit order %.60q of profile %q: %w", o.ID, profile, err)
		}
		_, err = w.portfolio.Reserve(ctx, o)
	}
	if err != nil {
		return Ack{}, err
	}
	return e.Send(ctx, profile, o.ID, terms)
}

// open returns the worker of a profile, and the session.
func (e *Engine) open(ctx context.Context, profile accounts.ProfileID) (*worker, *session, error) {
	w, err := e.worker(ctx, profile)
	if err != nil {
		return nil, nil, err
	}
	s, err := e.working()
	return w, s, err
}

// usable returns why no order can be sent now; nil if one can.
func (w *worker) usable(s *session) error {
	status := s.broker.Status()
	if err := status.Session.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	if err := w.linked(); err != nil {
		return err
	}
	if left := status.Reset.Sub(w.engine.config.Clock()); !status.Reset.IsZero() && left >= 0 && left < w.engine.config.BeforeReset {
		return fmt.Errorf("%w: the session ends in %s", ErrNotReady, left.Round(time.Second))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !w.ready:
		return fmt.Errorf("%w: %s", ErrNotReady, w.reason)
	case !status.Since.Equal(w.since): // the broker's hint was lost, or is on its way
		return fmt.Errorf("%w: the session is new", ErrNotReady)
	}
	return nil
}

// send dispatches and places.
func (e *Engine) send(ctx context.Context, profile accounts.ProfileID, id ledger.OrderID, terms Terms) (Ack, error) {
	w, s, err := e.open(ctx, profile)
	if err != nil {
		return Ack{}, err
	}
	if err := w.usable(s); err != nil {
		return Ack{}, err
	}
	if err := e.beginSend(s); err != nil {
		return Ack{}, err
	}
	defer s.sends.Done()
	o, held := w.held(id)
	if !held {
		return Ack{}, accounts.ErrOrderNotFound
	}
	t := Ticket{Ref: RefOf(profile, id), Order: o.Order, Terms: terms}
	if err := t.Validate(); err != nil {
		return Ack{}, err
	}
	sending, cancel := context.WithTimeout(ctx, e.config.Timeout)
	defer cancel()
	flight, recall := context.WithCancelCause(sending)
	defer recall(nil)
	if !w.takeOff(id, recall) {
		return Ack{}, accounts.ErrDispatched
	}
	defer w.hint()
	defer w.land(id)
	if err := w.dispatch(sending, s, &t); err != nil {
		return Ack{}, err
	}
	ack, err := w.place(flight, s, t)
	return ack, w.placed(ctx, id, ack, err)
}

// place asks the broker to place an order that is dispatched, unless ctx, which a halt ends with
// errRecalled, has ended. The dispatch itself is not called back: it says why a halted profile
// sends nothing.
func (w *worker) place(ctx context.Context, s *session, t Ticket) (ack Ack, err error) {
	now, gone := w.engine.working()
	switch { // the store may have taken its time
	case gone != nil || now != s:
		return ack, fmt.Errorf("%w: the session ended before the order was sent", ErrNotConnected)
	case ctx.Err() != nil:
		err = ctx.Err()
	default:
		ack, err = s.broker.Place(ctx, w.account, t)
	}
	if err != nil && errors.Is(context.Cause(ctx), errRecalled) {
		err = fmt.Errorf("%w: %w", errRecalled, err)
	}
	return ack, err
}

// beginSend notes that an order is being sent in the session, which is not closed before that has
// ended.
func (e *Engine) beginSend(s *session) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.session != s {
		return fmt.Errorf("%w: the session has ended", ErrNotReady)
	}
	s.sends.Add(1)
	return nil
}

// held returns an order that works.
func (w *worker) held(id ledger.OrderID) (risk.WorkingOrder, bool) {
	list := w.portfolio.Snapshot().Risk.Orders
	i := slices.IndexFunc(list, func(o risk.WorkingOrder) bool { return o.ID == id })
	if i < 0 {
		return risk.WorkingOrder{}, false
	}
	return list[i], true
}

// takeOff notes that an order is on its way, and what calls it back; false if it is on its way
// already.
func (w *worker) takeOff(id ledger.OrderID, recall context.CancelCauseFunc) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.flying[id] != nil {
		return false
	}
	w.flying[id] = recall
	return true
}

// land notes that an order is not on its way any longer.
func (w *worker) land(id ledger.OrderID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.flying, id)
}

// dispatch writes that the order is about to be sent. A dispatch of unknown outcome is not sent:
// what is held of the order is let go if the dispatch turns out to be written.
func (w *worker) dispatch(ctx context.Context, s *session, t *Ticket) error {
	err := w.portfolio.Dispatch(ctx, risk.Dispatch{OrderID: t.Order.ID, Ref: string(t.Ref), Terms: t.Terms.String(), Lease: s.lease, Fence: s.fence})
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil: // from here on the order may be at the broker, whatever became of an earlier try
		delete(w.unsent, t.Order.ID)
	case errors.Is(err, ErrOutcomeUnknown):
		w.unsent[t.Order.ID] = unsent{"not sent: the store did not answer", s}
	}
	return err
}

// placed takes what the broker said of an order.
func (w *worker) placed(ctx context.Context, id ledger.OrderID, ack Ack, err error) error {
	switch {
	case err == nil:
		w.notify(Notice{Kind: NoticeSent, OrderID: id, BrokerID: ack.BrokerID, Reason: string(ack.Status)})
		return nil
	case !surelyNot(err):
		w.mu.Lock()
		w.missing[id]++
		w.mu.Unlock()
		w.notify(Notice{Kind: NoticeUnknown, OrderID: id, Reason: err.Error()})
		return err
	}
	w.notify(Notice{Kind: NoticeNotSent, OrderID: id, Reason: err.Error()})
	w.mu.Lock()
	w.unsent[id] = unsent{reason: "not sent: " + err.Error()}
	w.mu.Unlock()
	releasing, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.engine.config.Timeout)
	defer cancel()
	if problem := w.release(releasing, id, "not sent: "+err.Error()); problem != nil { // the next look tries again
		return fmt.Errorf("%w; its hold stays until the next look: %w", err, problem)
	}
	return err
}

// surelyNot reports whether an error of Place says that the broker does not have the order. An
// error that is not known says nothing.
func surelyNot(err error) bool {
	if errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, ErrDuplicateRef) {
		return false
	}
	for _, is := range []error{ErrRejected, ErrInvalid, ledger.ErrInexact, ErrNotConnected, ErrCompeting, ErrLoginNeeded, ErrPaced,
		ErrForeignAccount, ErrClosed, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

// Cancel asks the broker to cancel an order that was sent. The order may still fill; its hold ends
// when the broker says that it has ended. An order that is held and was not sent is let go. Errors:
// ErrStandby, ErrNotLinked, accounts.ErrOrderNotFound for an order that is not held, those of
// [Broker.Cancel] and of [accounts.Portfolio.Withdraw]. ErrOrderNotFound is returned for an order
// that is on its way, too.
func (e *Engine) Cancel(ctx context.Context, profile accounts.ProfileID, id ledger.OrderID) error {
	w, s, err := e.open(ctx, profile)
	if err != nil {
		return err
	}
	o, held := w.held(id)
	switch {
	case !held:
		return fmt.Errorf("cancel order %.60q of profile %q: %w", id, profile, accounts.ErrOrderNotFound)
	case o.Ref == "":
		err := w.portfolio.Withdraw(ctx, id, "cancelled before it was sent")
		if !errors.Is(err, accounts.ErrDispatched) {
			return err
		}
	}
	defer w.hint()
	if err := s.broker.Cancel(ctx, w.account, RefOf(profile, id)); err != nil {
		return fmt.Errorf("cancel order %.60q of profile %q: %w", id, profile, err)
	}
	return nil
}

// Await waits until an order's hold has ended: the order was filled, or its end is known and its
// executions are booked. It returns the context's error if the context ends before. Errors besides:
// ErrStandby, ErrNotLinked, those of accounts.MultiAccountManager.Subscribe.
func (e *Engine) Await(ctx context.Context, profile accounts.ProfileID, id ledger.OrderID) error {
	w, _, err := e.open(ctx, profile)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes, err := e.config.Manager.Subscribe(ctx, accounts.EventRecorded)
	if err != nil {
		return err
	}
	for {
		if _, held := w.held(id); !held {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case _, open := <-changes:
			if !open {
				return cmp.Or(ctx.Err(), ErrClosed)
			}
		}
	}
}

// Replace cancels an order, waits until what it has filled is known, and submits another in its
// place. The new order has an id of its own: the caller makes its quantity what the old one leaves.
// size says what to order, from what was left of the old one; zero for nothing. Errors are those of
// Cancel, Await and Submit.
func (e *Engine) Replace(ctx context.Context, profile accounts.ProfileID, old ledger.OrderID, size func(left ledger.Decimal) (risk.Order, Terms)) (Ack, error) {
	w, _, err := e.open(ctx, profile)
	if err != nil {
		return Ack{}, err
	}
	o, held := w.held(old)
	if !held {
		return Ack{}, fmt.Errorf("replace order %.60q of profile %q: %w", old, profile, accounts.ErrOrderNotFound)
	}
	if err := e.Cancel(ctx, profile, old); err != nil && !errors.Is(err, ErrOrderNotFound) {
		return Ack{}, err
	}
	if err := e.Await(ctx, profile, old); err != nil {
		return Ack{}, err
	}
	left, err := w.left(ctx, &o)
	if err != nil || left.IsZero() {
		return Ack{}, err
	}
	next, terms := size(left)
	if next.Quantity.IsZero() {
		return Ack{}, nil
	}
	return e.Submit(ctx, profile, next, terms)
}

// left returns what an order that has ended did not fill.
func (w *worker) left(ctx context.Context, o *risk.WorkingOrder) (ledger.Decimal, error) {
	left := o.Quantity
	for r, err := range w.portfolio.Trades(ctx, accounts.TradeFilter{From: o.HeldAt.Add(-time.Hour), Instruments: []ledger.InstrumentKey{o.Instrument.Key()}}) {
		if err != nil {
			return left, err
		}
		if r.Value.OrderID == o.ID {
			left = left.Sub(r.Value.Quantity)
		}
	}
	return left, nil
}

// Settle ends the hold on an order by a person's word: of an order that the broker does not know,
// or of one that will not be sent. Executions that come later are booked all the same. Errors:
// ErrNotLinked, those of [accounts.Portfolio.Release].
func (e *Engine) Settle(ctx context.Context, profile accounts.ProfileID, id ledger.OrderID, reason string) error {
	w, err := e.worker(ctx, profile)
	if err != nil {
		return err
	}
	if err := w.portfolio.Release(ctx, id, reason); err != nil {
		return err
	}
	w.settled(id)
	return nil
}

// CancelExternal asks the broker to cancel an order that the library did not send, or whose hold
// has ended, by the broker's id in [AccountStatus]. Errors: ErrStandby, ErrNotLinked, those of
// [Broker.CancelByID].
func (e *Engine) CancelExternal(ctx context.Context, profile accounts.ProfileID, brokerID string) error {
	w, s, err := e.open(ctx, profile)
	if err != nil {
		return err
	}
	defer w.hint()
	return s.broker.CancelByID(ctx, w.account, brokerID)
}
