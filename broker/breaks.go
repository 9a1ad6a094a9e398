package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
	"github.com/ai-ots/accounts/risk"
)

// suspicion is a difference that may be one of time, and when it was seen first, of this size and
// of any.
type suspicion struct {
	reconcile.Break
	since, first time.Time
}

// lag is how long a difference has to last, if it is looked at so often: brokers' answers about
// positions and executions are not of one moment. One whose size changes, as in an account that
// trades, has to last for longer.
const (
	lag         = 10 * time.Second
	changingLag = 6 * lag
)

// compare holds positions against the book, and takes marks and rates from the broker's answers. A
// difference counts where it is there twice in a row: between two questions something may have
// filled.
func (w *worker) compare(ctx context.Context, b Broker) error {
	positions, err := b.Positions(ctx, w.account)
	if err != nil {
		return fmt.Errorf("positions: %w", err)
	}
	cash, err := b.Cash(ctx, w.account)
	if err != nil {
		return fmt.Errorf("cash: %w", err)
	}
	if err := w.value(positions, cash); err != nil {
		return err
	}
	if !positions.Complete {
		return fmt.Errorf("%w: the list of positions is not complete", ErrNotReady)
	}
	now, every := w.engine.config.Clock(), w.engine.config.CheckEvery
	w.checkedAt = now
	found, confirmed := map[ledger.InstrumentKey]suspicion{}, map[ledger.InstrumentKey]reconcile.Break{}
	for key, d := range differences(w.portfolio.Positions(), positions.List) {
		was, suspected := w.suspected[key]
		if !suspected {
			was.first = now
		}
		if !suspected || !was.Difference.Equal(d.Difference) {
			was.since = now
		}
		found[key] = suspicion{d, was.since, was.first}
		if now.Sub(was.since) >= min(lag, every) || now.Sub(was.first) >= changingLag {
			confirmed[key] = d
		} else {
			w.checkedAt = now.Add(-every) // look again soon
		}
	}
	w.suspected = found
	return w.report(ctx, confirmed)
}

// differences returns by how much the book's quantities differ from the broker's, by contract.
func differences(ours []ledger.Position, theirs []Position) map[ledger.InstrumentKey]reconcile.Break {
	all := map[ledger.InstrumentKey]reconcile.Break{}
	for i := range ours {
		p := &ours[i]
		key := p.Instrument.Key()
		all[key] = reconcile.Break{Contract: key, Currency: p.Instrument.Currency, Field: "quantity", Ours: p.Quantity}
	}
	for i := range theirs {
		p := &theirs[i]
		key := p.Instrument.Key()
		d := all[key]
		d.Contract, d.Currency, d.Field, d.Theirs = key, p.Instrument.Currency, "quantity", d.Theirs.Add(p.Quantity)
		all[key] = d
	}
	for key, d := range all {
		if d.Difference = d.Ours.Sub(d.Theirs); d.Difference.IsZero() {
			delete(all, key)
			continue
		}
		all[key] = d
	}
	return all
}

// report tells of breaks that are new or gone, and makes the profile reduce if that is wanted.
func (w *worker) report(ctx context.Context, confirmed map[ledger.InstrumentKey]reconcile.Break) error {
	w.mu.Lock()
	was := w.breaks
	w.mu.Unlock()
	fresh := func(key ledger.InstrumentKey) bool {
		old, known := was[key]
		return !known || !old.Difference.Equal(confirmed[key].Difference)
	}
	for key, d := range confirmed {
		if w.engine.config.ReduceOnBreak && fresh(key) && w.portfolio.Snapshot().Risk.State == risk.TradingActive {
			if err := w.portfolio.Reduce(ctx, printable("positions differ from the broker's: "+d.String())); err != nil {
				return err // the break is a new one at the next look, too
			}
		}
	}
	w.mu.Lock()
	w.breaks = confirmed
	w.mu.Unlock()
	for key, d := range confirmed {
		if fresh(key) {
			w.notify(Notice{Kind: NoticeBreak, Reason: d.String()})
		}
	}
	for key, d := range was {
		if _, still := confirmed[key]; !still {
			w.notify(Notice{Kind: NoticeBreakGone, Reason: string(d.Contract)})
		}
	}
	return nil
}
