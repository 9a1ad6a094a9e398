package broker

import (
	"context"
	"fmt"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
	"github.com/ai-ots/accounts/risk"
)

// compare holds positions against the book, and takes marks and rates from the broker's answers. A
// difference counts where it is there twice in a row: between two questions something may have filled.
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
	w.checkedAt = w.engine.config.Clock()
	found := differences(w.portfolio.Positions(), positions.List)
	confirmed := map[ledger.InstrumentKey]reconcile.Break{}
	for key, d := range found {
		if was, suspected := w.suspected[key]; suspected && was.Difference.Equal(d.Difference) {
			confirmed[key] = d
		} else {
			w.checkedAt = w.checkedAt.Add(-w.engine.config.CheckEvery) // look again soon
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
	w.breaks = confirmed
	w.mu.Unlock()
	var problem error
	for key, d := range confirmed {
		if old, known := was[key]; known && old.Difference.Equal(d.Difference) {
			continue
		}
		w.notify(Notice{Kind: NoticeBreak, Reason: d.String()})
		if w.engine.config.ReduceOnBreak && w.portfolio.Snapshot().Risk.State == risk.TradingActive {
			problem = w.portfolio.Reduce(ctx, printable("positions differ from the broker's: "+d.String()))
		}
	}
	for key, d := range was {
		if _, still := confirmed[key]; !still {
			w.notify(Notice{Kind: NoticeBreakGone, Reason: string(d.Contract)})
		}
	}
	return problem
}
