package accounts

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"
)

// TradeFilter selects trades. Zero fields select everything.
type TradeFilter struct {
	From, To    time.Time       // executed at From or later, and before To
	Instruments []InstrumentKey // only in these contracts
	ExecIDs     map[ExecID]bool // only these executions
}

func (f TradeFilter) matches(t *Trade) bool {
	return (f.From.IsZero() || !t.Time.Before(f.From)) &&
		(f.To.IsZero() || t.Time.Before(f.To)) &&
		(len(f.Instruments) == 0 || slices.Contains(f.Instruments, t.instrumentKey())) &&
		(f.ExecIDs == nil || f.ExecIDs[t.ExecID])
}

// Trades yields the trades in force, as the book stands at the call, in the order in which they
// were recorded: a cancelled one is left out, a corrected one is in its original's place. It reads the
// journal from the beginning, an entry at a time. An error is yielded once, as the last pair.
// Breaking out early is allowed.
func (p *Portfolio) Trades(ctx context.Context, filter TradeFilter) iter.Seq2[Trade, error] {
	return func(yield func(Trade, error) bool) {
		upTo, changes := p.history()
		for e, err := range p.store.Entries(ctx, p.id, 0) {
			if err != nil {
				yield(Trade{}, fmt.Errorf("trades of profile %q: %w", p.id, err))
				return
			}
			if e.Seq > upTo {
				return
			}
			t, err := inForceAt(e, changes)
			if err != nil {
				yield(Trade{}, err)
				return
			}
			if t == nil || !filter.matches(t) {
				continue
			}
			if !yield(t.public(), nil) {
				return
			}
		}
	}
}

// Facts yields every fact of the journal, as the book stands at the call, in the order in which
// they were recorded, those included that were cancelled or corrected since; corrections,
// cancellations and late facts come where they were recorded. It is what an importer needs to know
// about what is there already. It reads the journal from the beginning, an entry at a time. An
// error is yielded once, as the last pair. Breaking out early is allowed.
func (p *Portfolio) Facts(ctx context.Context) iter.Seq2[Fact, error] {
	return func(yield func(Fact, error) bool) {
		upTo, _ := p.history()
		for e, err := range p.store.Entries(ctx, p.id, 0) {
			if err != nil {
				yield(nil, fmt.Errorf("facts of profile %q: %w", p.id, err))
				return
			}
			if e.Seq > upTo {
				return
			}
			payload, err := e.Decode()
			if err != nil {
				yield(nil, err)
				return
			}
			if f := factOf(payload); f != nil && !yield(f, nil) {
				return
			}
		}
	}
}

// factOf returns the fact that a payload brought; nil if it only says what came of others.
func factOf(payload any) Fact {
	switch f := payload.(type) {
	case *Trade:
		return f.public()
	case *CashMovement:
		return *f
	case *Split:
		return *f
	case *Opening:
		return *f
	case *EquityPoint:
		return *f
	case *Amendment:
		switch {
		case f.Trade != nil:
			return f.Trade.public()
		case f.Split != nil:
			return *f.Split
		case f.Opening != nil:
			return *f.Opening
		case f.Cancellation != nil:
			return *f.Cancellation
		}
	}
	return nil
}

// public is the trade without what is cached in it.
func (t *Trade) public() Trade {
	out := *t
	out.derived = derived{}
	return out
}

// inForceAt returns the trade that has the entry's place, nil if there is none.
func inForceAt(e Entry, changes map[int64]Amendment) (*Trade, error) {
	if a, changed := changes[e.Seq]; changed {
		return a.Trade, nil
	}
	if e.Kind != KindTrade {
		return nil, nil
	}
	payload, err := e.Decode()
	if err != nil {
		return nil, err
	}
	return payload.(*Trade), nil
}

// history returns the book's last sequence number and a copy of what changed before it.
func (p *Portfolio) history() (int64, map[int64]Amendment) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.live.seq, p.live.Amendments()
}

// Closings returns every closing in force, as the book stands at the call, with what it realized,
// in the order in which the lots were matched. A flip through zero counts with the part that
// closed. It folds the whole journal.
func (p *Portfolio) Closings(ctx context.Context, filter TradeFilter) ([]Closing, error) {
	var out []Closing
	err := p.replay(ctx, func(t *Trade, c Closed) {
		if !c.Quantity.IsZero() && filter.matches(t) {
			out = append(out, Closing{t.public(), c})
		}
	})
	return out, err
}

func (p *Portfolio) replay(ctx context.Context, each func(*Trade, Closed)) error {
	upTo, changes := p.history()
	r := newRefold(p.base, changes, each)
	if _, err := refoldEntries(r, p.id, p.store.Entries(ctx, p.id, 0), upTo, nil); err != nil {
		return fmt.Errorf("fold journal of profile %q: %w", p.id, err)
	}
	return nil
}

// Verify reads the whole journal and checks everything that can be checked: the numbering and the
// hash chain, that it still ends where the book does or later, that folding it gives the
// book, and that folding it in its effective order gives the same positions and cash, which proves
// every restatement in it. A *CorruptError (ErrCorrupt) tells what is wrong and from where on.
func (p *Portfolio) Verify(ctx context.Context) error {
	p.mu.RLock()
	live := p.live.clone()
	p.mu.RUnlock()
	folded := newFold(p.id, p.base)
	again := newRefold(p.base, live.Amendments(), nil)
	_, _, err := verifyEntries(p.id, p.store.Entries(ctx, p.id, 0), func(e Entry) error {
		if e.Seq > live.seq {
			return nil
		}
		payload, err := decodePayload(e.Kind, e.Payload)
		if err != nil {
			return &CorruptError{ProfileID: p.id, Seq: e.Seq, Reason: err.Error()}
		}
		folded.apply(payload, e.Seq)
		folded.hash = e.Hash
		again.entry(e.Seq, payload)
		return nil
	})
	corrupt := func(reason string) error {
		return &CorruptError{ProfileID: p.id, Seq: folded.seq, Reason: reason}
	}
	switch {
	case err != nil:
		return err
	case folded.seq != live.seq:
		return corrupt(fmt.Sprintf("the journal ends here, the book at %d", live.seq))
	case folded.hash != live.hash:
		return corrupt("is another entry than the one in the book")
	case !folded.equal(live.account):
		return corrupt("the book is not the fold of the journal")
	}
	if r := restatement(folded.Book, again.finish()); len(r.Positions) > 0 || len(r.Cash) > 0 || r.Trades != folded.Trades() {
		return corrupt("a restatement is not what the journal gives")
	}
	return nil
}

// Reconcile compares the book, as it stands at the call, with the broker's figures; see Statement. A difference is a
// Break in the result, not an error. It folds the whole journal. Errors are the store's, ErrCorrupt, and
// ErrInvalid for a negative tolerance.
func (p *Portfolio) Reconcile(ctx context.Context, s BrokerStatement) (Reconciliation, error) {
	wanted := make(map[ExecID]bool, len(s.Closings))
	for _, c := range s.Closings {
		wanted[c.ExecID] = true
	}
	p.mu.RLock()
	live := p.live.clone()
	p.mu.RUnlock()
	closings := map[ExecID]Closed{}
	r := newRefold(p.base, live.Amendments(), func(t *Trade, c Closed) {
		if wanted[t.ExecID] {
			closings[t.ExecID] = c
		}
	})
	_, err := refoldEntries(r, p.id, p.store.Entries(ctx, p.id, 0), live.seq, nil)
	var out Reconciliation
	if err == nil {
		out, err = compareBook(live.Book, closings, s)
	}
	if err != nil {
		return Reconciliation{}, fmt.Errorf("reconcile profile %q: %w", p.id, err)
	}
	return out, nil
}

// Performance works out how the profile did in the window, corrections and late trades in their places. The first call
// reads the whole journal; later ones do no I/O unless history was restated. ErrInvalid for a window that ends
// before it begins; other errors are the store's and ErrCorrupt.
func (p *Portfolio) Performance(ctx context.Context, w Window) (Performance, error) {
	err := w.validate()
	var h chronicle
	if err == nil {
		h, err = p.chronicle(ctx)
	}
	var out Performance
	if err == nil {
		out, err = h.report(w)
	}
	if err != nil {
		return Performance{}, fmt.Errorf("performance of profile %q: %w", p.id, err)
	}
	return out, nil
}

// chronicle returns the portfolio's, reading the journal if nobody has since it began or was restated.
func (p *Portfolio) chronicle(ctx context.Context) (chronicle, error) {
	for {
		p.mu.RLock()
		if p.past != nil {
			h := *p.past
			p.mu.RUnlock()
			return h, nil
		}
		zone := p.live.zone()
		p.mu.RUnlock()
		upTo, changes := p.history()
		h, err := p.readChronicle(ctx, upTo, changes, zone)
		if err != nil {
			return chronicle{}, err
		}
		p.mu.Lock()
		if p.live.seq == upTo {
			p.past = h
			p.mu.Unlock()
			return *h, nil
		}
		p.mu.Unlock()
		if err := ctx.Err(); err != nil {
			return chronicle{}, err
		}
	}
}

// readChronicle reads the whole journal: what moves lots in its effective order, and everything else as it comes.
func (p *Portfolio) readChronicle(ctx context.Context, upTo int64, changes map[int64]Amendment, zone *time.Location) (*chronicle, error) {
	h := newChronicle(p.base, zone)
	r := newRefold(p.base, changes, h.trade)
	var other []payload
	_, err := refoldEntries(r, p.id, func(yield func(Entry, error) bool) {
		for e, err := range p.store.Entries(ctx, p.id, 0) {
			if err == nil && e.Seq <= upTo && (e.Kind == KindEquity || e.Kind == KindCash) {
				var f payload
				if f, err = e.Decode(); err == nil {
					other = append(other, f)
				}
			}
			if !yield(e, err) {
				return
			}
		}
	}, upTo, nil)
	if err != nil {
		return nil, err
	}
	for _, f := range other {
		h.fact(f)
	}
	return h, nil
}
