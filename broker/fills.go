package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// backfill is how far executions are asked for with every new session: as far back as IBKR's Client
// Portal goes. overlap is how far they are asked for again while a session lasts: the list may lag,
// and a correction, which may come hours later, keeps the time of its execution. A session lasts
// for a day at most.
const (
	backfill = 7 * 24 * time.Hour
	overlap  = 24 * time.Hour
)

// reach is how far back a broker surely tells of executions, IBKR's Client Portal by whole days,
// less what a look may wait for its answer. What was executed before is no gap that a process could
// close when it starts, unless an order worked then.
const reach = 6*24*time.Hour - time.Hour

// fills is what a worker knows of executions.
type fills struct {
	from    time.Time                    // since when every execution is booked, up to asOf; zero before the first answer
	asOf    time.Time                    // of the last complete answer
	booked  map[ledger.ExecID]bool       // executions that are booked; true if nothing is pending any more
	times   map[ledger.ExecID]time.Time  // of the executions in booked
	orders  map[Ref]sentOrder            // orders that were sent, by their references
	held    map[ledger.OrderID]sentOrder // orders of the journal up to scanned that are held and not sent
	scanned int64                        // up to which entry the journal was read for orders
}

func newFills() fills {
	return fills{booked: map[ledger.ExecID]bool{}, times: map[ledger.ExecID]time.Time{},
		orders: map[Ref]sentOrder{}, held: map[ledger.OrderID]sentOrder{}}
}

// sentOrder is an order to which executions are attributed.
type sentOrder struct {
	id  ledger.OrderID
	key ledger.InstrumentKey
	buy bool
}

func sentOrderOf(o *risk.Order) sentOrder {
	return sentOrder{o.ID, o.Instrument.Key(), o.Quantity.IsPos()}
}

// fits reports whether a fill or an order in a contract, with a quantity, can be the order's.
func (s *sentOrder) fits(i *ledger.Instrument, quantity ledger.Decimal) bool {
	return s.key == i.Key() && s.buy == quantity.IsPos()
}

// bringIn books the executions that the book does not have. It returns an error unless the book has
// all that the broker tells. It calls asked when the broker has answered.
func (w *worker) bringIn(ctx context.Context, b Broker, fresh bool, seen map[string]bool, asked func()) error {
	f := &w.fills
	since := w.engine.config.Clock().Add(-backfill)
	if !fresh && !f.asOf.IsZero() {
		since = f.since(f.asOf.Add(-overlap))
	}
	answer, err := b.Executions(ctx, w.account, since)
	asked()
	if err != nil {
		return err
	}
	w.foreign(seen, answer.Foreign)
	if err := w.book(ctx, answer.List, seen); err != nil {
		return err
	}
	if !answer.Complete {
		return fmt.Errorf("%w: the list is not complete", ErrNotReady)
	}
	known := f.asOf
	if known.IsZero() {
		known = w.oldestSent(w.engine.config.Clock().Add(-reach))
	}
	if answer.From.After(known) {
		w.notify(Notice{Kind: NoticeGap, Reason: fmt.Sprintf("executions before %s cannot be had", answer.From.UTC().Format(time.RFC3339))})
		f.from = answer.From
	}
	if f.from.IsZero() {
		f.from = answer.From
	}
	f.asOf = answer.AsOf
	f.forget(w.engine.config.Clock().Add(-backfill - 24*time.Hour))
	return nil
}

// oldestSent returns when the oldest order was sent that works, or the time given if that is
// earlier: what that order filled before the broker's executions begin was booked by an earlier
// process, or is not known.
func (w *worker) oldestSent(t time.Time) time.Time {
	for _, o := range w.portfolio.Snapshot().Risk.Orders {
		if o.Ref != "" && o.SentAt.Before(t) {
			t = o.SentAt
		}
	}
	return t
}

// since returns the time since which to ask for executions: the given one, or that of the oldest
// execution with a pending commission.
func (f *fills) since(t time.Time) time.Time {
	for id, done := range f.booked {
		if at := f.times[id]; !done && at.Before(t) {
			t = at
		}
	}
	return t
}

// forget forgets executions of before a time: the broker tells of them no longer.
func (f *fills) forget(before time.Time) {
	for id, at := range f.times {
		if at.Before(before) {
			delete(f.times, id)
			delete(f.booked, id)
		}
	}
}

// book records the executions that are not booked yet, at once or, where one of them cannot be
// booked, one by one.
func (w *worker) book(ctx context.Context, list []Execution, seen map[string]bool) error {
	var facts []ledger.Fact
	var trades []*ledger.Trade
	for i := range list {
		x := &list[i]
		if x.Account != w.account {
			w.foreign(seen, 1)
			continue
		}
		if !x.Trade.Time.After(w.began) { // the book began with what it made
			continue
		}
		done, known := w.fills.booked[x.Trade.ExecID]
		if known && (done || x.Trade.CommissionPending) {
			continue
		}
		t, err := w.attribute(ctx, x, seen)
		if err != nil {
			return err
		}
		facts, trades = append(facts, *t), append(trades, t)
	}
	if len(facts) == 0 {
		return nil
	}
	_, err := w.portfolio.Record(ctx, facts...)
	switch {
	case err == nil:
		for _, t := range trades {
			w.booked(t)
		}
		return nil
	case !aboutFacts(err):
		return err
	}
	return w.bookEach(ctx, trades, seen)
}

// bookEach records executions one by one, and tells of those that cannot be booked. One that the
// book has in other terms is booked: by a statement, or by a person who has put right what could
// not be booked.
func (w *worker) bookEach(ctx context.Context, trades []*ledger.Trade, seen map[string]bool) error {
	var unbooked error
	var has map[ledger.ExecID]bool
	for _, t := range trades {
		_, err := w.portfolio.Record(ctx, *t)
		if err == nil {
			w.booked(t)
			continue
		}
		if !aboutFacts(err) {
			return err
		}
		if has == nil {
			var problem error
			if has, problem = w.executions(ctx, t.Time.Add(-overlap)); problem != nil {
				return problem
			}
		}
		switch {
		case has[t.ExecID]:
			w.notify(Notice{Kind: NoticeMismatch, OrderID: t.OrderID, ExecID: t.ExecID, Reason: err.Error()})
			w.fills.booked[t.ExecID], w.fills.times[t.ExecID] = true, t.Time
		default:
			w.once(seen, Notice{Kind: NoticeUnbooked, OrderID: t.OrderID, ExecID: t.ExecID, Reason: err.Error()})
			unbooked = fmt.Errorf("%w: execution %.40q cannot be booked: %w", ErrNotReady, t.ExecID, err)
		}
	}
	return unbooked
}

// executions returns the ids of the executions that the book has since a time, in whatever terms.
func (w *worker) executions(ctx context.Context, since time.Time) (map[ledger.ExecID]bool, error) {
	ids := map[ledger.ExecID]bool{}
	for r, err := range w.portfolio.Trades(ctx, accounts.TradeFilter{From: since}) {
		if err != nil {
			return nil, err
		}
		ids[r.Value.ExecID] = true
	}
	return ids, nil
}

// booked notes that an execution is in the book.
func (w *worker) booked(t *ledger.Trade) {
	_, known := w.fills.booked[t.ExecID]
	w.fills.booked[t.ExecID], w.fills.times[t.ExecID] = !t.CommissionPending, t.Time
	if t.OrderID == "" && !known {
		w.notify(Notice{Kind: NoticeForeignFill, ExecID: t.ExecID, Reason: fmt.Sprintf("%s of %s", t.Quantity, t.Instrument.Key())})
	}
}

// aboutFacts reports whether an error of Record says that a fact is wrong, and not that it could
// not be recorded now.
func aboutFacts(err error) bool {
	for _, is := range []error{accounts.ErrInvalid, accounts.ErrInexact, accounts.ErrCurrencyMismatch, accounts.ErrFutureTime,
		accounts.ErrIDReused, accounts.ErrExecutionMismatch, accounts.ErrExecutionNotFound, accounts.ErrPositionNotFound} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

// attribute returns the execution as a fact. It names the order whose reference the execution has,
// if the order is in the same contract and on the same side: ids of the broker's are used again,
// and references may be anybody's.
func (w *worker) attribute(ctx context.Context, x *Execution, seen map[string]bool) (*ledger.Trade, error) {
	t := x.Trade
	t.OrderID = ""
	if x.Ref == "" {
		return &t, nil
	}
	o, known, err := w.orderOf(ctx, x.Ref)
	switch {
	case err != nil:
		return nil, err
	case !known:
	case o.fits(&t.Instrument, t.Quantity):
		t.OrderID = o.id
	default:
		w.once(seen, Notice{Kind: NoticeMismatch, OrderID: o.id, ExecID: t.ExecID,
			Reason: fmt.Sprintf("an execution of %s of %s has the order's reference", t.Quantity, t.Instrument.Key())})
	}
	return &t, nil
}

// orderOf returns the order of a reference: of those that work, and of those that the journal has.
func (w *worker) orderOf(ctx context.Context, ref Ref) (sentOrder, bool, error) {
	f := &w.fills
	if o, known := f.orders[ref]; known {
		return o, true, nil
	}
	for _, o := range w.portfolio.Snapshot().Risk.Orders {
		if o.Ref != "" {
			f.orders[Ref(o.Ref)] = sentOrderOf(&o.Order)
		}
	}
	if o, known := f.orders[ref]; known {
		return o, true, nil
	}
	err := w.scan(ctx)
	o, known := f.orders[ref]
	return o, known, err
}

// scan reads the orders that were sent from the journal: what was written since the scan before.
func (w *worker) scan(ctx context.Context) error {
	f := &w.fills
	upTo := w.portfolio.Seq()
	if upTo == f.scanned {
		return nil
	}
	for r, err := range w.portfolio.Decisions(ctx, accounts.Page{After: f.scanned}) {
		if err != nil {
			return err
		}
		switch p := r.Value.(type) {
		case *risk.Hold:
			f.held[p.Order.ID] = sentOrderOf(&p.Order)
		case *risk.Release:
			delete(f.held, p.OrderID)
		case *risk.Dispatch:
			if o, held := f.held[p.OrderID]; held {
				f.orders[Ref(p.Ref)] = o
			}
			delete(f.held, p.OrderID)
		}
	}
	f.scanned = upTo
	return nil
}
