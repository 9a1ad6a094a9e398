package broker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// settledAfter is how long after a close an order for the day has surely ended: by then the hours
// after the session, and those of futures, are over. abroad is that for contracts in other
// currencies than USD: the session of their exchange may have begun at that close.
const (
	settledAfter = 6 * time.Hour
	abroad       = 24*time.Hour + settledAfter
)

// absences is how many complete answers in a row have to lack an order before it counts as absent.
const absences = 2

// resolve holds the orders that were sent, as they were before the broker was asked, against the
// broker's list. The executions that the broker had by then are booked.
func (w *worker) resolve(ctx context.Context, s *session, sent []risk.WorkingOrder, orders Answer[Order], seen map[string]bool) error {
	rows := map[Ref][]*Order{}
	for i := range orders.List {
		o := &orders.List[i]
		if o.Account == w.account {
			rows[o.Ref] = append(rows[o.Ref], o)
		} else {
			w.foreign(seen, 1)
		}
	}
	w.forgetEnded()
	works := map[ledger.OrderID]risk.WorkingOrder{}
	for _, o := range w.portfolio.Snapshot().Risk.Orders {
		works[o.ID] = o
	}
	var problem error
	for _, o := range sent {
		list := rows[Ref(o.Ref)]
		now, held := works[o.ID]
		if held || len(list) == 1 { // of two orders under the reference, the second may work
			delete(rows, Ref(o.Ref))
		}
		if !held { // its executions filled it whole
			w.settled(o.ID)
			continue
		}
		err := w.judge(ctx, s, &now, list, orders.Complete, seen)
		problem = cmp.Or(problem, err)
	}
	return cmp.Or(problem, w.tellOthers(ctx, rows, works, seen))
}

// judge decides what has become of one order that was sent.
func (w *worker) judge(ctx context.Context, s *session, o *risk.WorkingOrder, rows []*Order, complete bool, seen map[string]bool) error {
	w.mu.Lock()
	not, unsent := w.unsent[o.ID]
	unsent = unsent && (not.in == nil || not.in == s)
	absent := w.missing[o.ID]
	switch {
	case len(rows) > 0:
		delete(w.missing, o.ID)
	case complete:
		w.missing[o.ID]++
	}
	w.mu.Unlock()
	switch {
	case len(rows) == 0 && unsent:
		return w.release(ctx, o.ID, not.reason)
	case len(rows) == 0:
		return w.absent(ctx, o, complete)
	case absent > 0:
		w.notify(Notice{Kind: NoticeFound, OrderID: o.ID, BrokerID: rows[0].BrokerID, Reason: string(rows[0].Status)})
	}
	return w.present(ctx, o, rows, seen)
}

// absent decides about an order that the broker's list lacks: it stays a question. One for the day
// is settled once its session is long over, and the broker has told of all executions since it was
// sent.
func (w *worker) absent(ctx context.Context, o *risk.WorkingOrder, complete bool) error {
	w.mu.Lock()
	missing := w.missing[o.ID]
	w.mu.Unlock()
	if missing == absences && complete {
		w.notify(Notice{Kind: NoticeUnknown, OrderID: o.ID, Reason: "the broker does not list the order"})
	}
	f := &w.fills
	over := w.engine.config.Closes(o.SentAt).Add(settledAfter)
	if o.Instrument.Currency != "USD" {
		over = over.Add(abroad - settledAfter)
	}
	terms, _ := ParseTerms(o.Terms) // terms that cannot be read are not those of an order for the day
	settled := complete && missing >= absences && terms.TIF == Day && w.engine.config.Clock().After(over) &&
		f.asOf.After(over) && !f.from.After(o.SentAt)
	if !settled {
		return nil
	}
	return w.end(ctx, o.ID, "not at the broker after its session")
}

// present decides about an order that the broker lists, once or more often.
func (w *worker) present(ctx context.Context, o *risk.WorkingOrder, rows []*Order, seen map[string]bool) error {
	own := sentOrderOf(&o.Order)
	ended, filled, words := true, ledger.Decimal{}, ""
	for _, r := range rows {
		if !own.fits(&r.Instrument, r.Quantity) {
			w.once(seen, Notice{Kind: NoticeMismatch, OrderID: o.ID, BrokerID: r.BrokerID,
				Reason: fmt.Sprintf("the broker has the order for %s of %s", r.Quantity, r.Instrument.Key())})
			ended = false
		}
		ended = ended && r.Status.Terminal()
		filled = filled.Add(r.filled())
		words = string(r.Status) + " " + r.Reason
	}
	if len(rows) > 1 {
		w.once(seen, Notice{Kind: NoticeTwice, OrderID: o.ID, BrokerID: rows[1].BrokerID, Reason: "two orders have the order's reference"})
	}
	switch {
	case !ended:
		return nil
	case o.Filled.Abs().LessThan(filled.Abs()):
		w.once(seen, Notice{Kind: NoticeOverdue, OrderID: o.ID, BrokerID: rows[0].BrokerID,
			Reason: fmt.Sprintf("%s are filled, and %s booked", filled, o.Filled)})
		return nil
	}
	return w.end(ctx, o.ID, words)
}

// filled returns what the broker says that the order has filled. A list that says filled and tells
// no quantity means all of it.
func (o *Order) filled() ledger.Decimal {
	if o.Status == OrderFilled && o.Filled.IsZero() {
		return o.Quantity
	}
	return o.Filled
}

// end lets go of what is left of an order that has ended.
func (w *worker) end(ctx context.Context, id ledger.OrderID, reason string) error {
	if err := w.release(ctx, id, reason); err != nil {
		return err
	}
	w.notify(Notice{Kind: NoticeEnded, OrderID: id, Reason: reason})
	return nil
}

// release ends the hold on an order.
func (w *worker) release(ctx context.Context, id ledger.OrderID, reason string) error {
	if err := w.portfolio.Release(ctx, id, printable(reason)); err != nil {
		return err
	}
	w.settled(id)
	return nil
}

// forgetEnded forgets the questions about orders whose holds have ended: an execution may have
// filled an order whole while it was on its way. An order is held before there is a question about
// it.
func (w *worker) forgetEnded() {
	var asked []ledger.OrderID
	w.mu.Lock()
	for id := range w.missing {
		asked = append(asked, id)
	}
	for id := range w.unsent {
		asked = append(asked, id)
	}
	w.mu.Unlock()
	for _, id := range asked {
		if _, held := w.held(id); !held {
			w.settled(id)
		}
	}
}

// settled forgets the questions about an order.
func (w *worker) settled(id ledger.OrderID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.missing, id)
	delete(w.unsent, id)
}

// printable returns a reason that a journal takes: the broker's words may be anything.
func printable(reason string) string {
	clean := make([]byte, 0, len(reason))
	for i := range len(reason) {
		if c := reason[i]; c >= ' ' && c <= '~' && len(clean) < risk.MaxReason {
			clean = append(clean, c)
		}
	}
	if len(clean) == 0 {
		return "no reason given"
	}
	return string(clean)
}

// tellOthers tells of the orders at the broker that are not among those that work: of others, and
// of the library's whose holds have ended.
func (w *worker) tellOthers(ctx context.Context, rows map[Ref][]*Order, works map[ledger.OrderID]risk.WorkingOrder, seen map[string]bool) error {
	var external []Order
	var orphans []ledger.OrderID
	for ref, list := range rows {
		var of sentOrder
		if ref != "" {
			var err error
			if of, _, err = w.orderOf(ctx, ref); err != nil {
				return err
			}
		}
		if _, held := works[of.id]; held { // it was sent while the broker was asked
			continue
		}
		for _, o := range list {
			switch {
			case o.Status.Terminal():
			case of.id != "":
				w.once(seen, Notice{Kind: NoticeOrphan, OrderID: of.id, BrokerID: o.BrokerID, Reason: string(o.Status)})
				external, orphans = append(external, *o), append(orphans, of.id)
			default:
				w.once(seen, Notice{Kind: NoticeExternal, BrokerID: o.BrokerID, Reason: fmt.Sprintf("%s of %s", o.Quantity, o.Instrument.Key())})
				external = append(external, *o)
			}
		}
	}
	slices.SortFunc(external, func(a, b Order) int { return cmp.Compare(a.BrokerID, b.BrokerID) })
	w.mu.Lock()
	w.external, w.orphans = external, orphans
	w.mu.Unlock()
	return nil
}
