package accounts

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/reconcile"
	"github.com/ai-ots/accounts/risk"
)

// TradeFilter selects trades. Zero fields select everything.
type TradeFilter struct {
	From, To    time.Time              // executed at From or later, and before To
	Instruments []ledger.InstrumentKey // only in these contracts
	ExecIDs     map[ledger.ExecID]bool // only these executions
}

func (f TradeFilter) matches(t *ledger.Trade) bool {
	return (f.From.IsZero() || !t.Time.Before(f.From)) &&
		(f.To.IsZero() || t.Time.Before(f.To)) &&
		(len(f.Instruments) == 0 || slices.Contains(f.Instruments, t.Contract())) &&
		(f.ExecIDs == nil || f.ExecIDs[t.ExecID])
}

// Trades yields the trades in force, as the book stands at the call, in the order in which they
// were recorded: a cancelled one is left out, a corrected one is in its original's place. It reads the
// journal from the beginning, an entry at a time. An error is yielded once, as the last pair.
// Breaking out early is allowed.
func (p *Portfolio) Trades(ctx context.Context, filter TradeFilter) iter.Seq2[ledger.Trade, error] {
	return func(yield func(ledger.Trade, error) bool) {
		upTo, changes := p.history()
		for e, err := range p.store.Entries(ctx, p.id, 0) {
			if err != nil {
				yield(ledger.Trade{}, fmt.Errorf("trades of profile %q: %w", p.id, err))
				return
			}
			if e.Seq > upTo {
				return
			}
			t, err := inForceAt(e, changes)
			if err != nil {
				yield(ledger.Trade{}, err)
				return
			}
			if t == nil || !filter.matches(t) {
				continue
			}
			if !yield(t.Bare(), nil) {
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
func (p *Portfolio) Facts(ctx context.Context) iter.Seq2[ledger.Fact, error] {
	return func(yield func(ledger.Fact, error) bool) {
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
			if f := ledger.FactOf(payload); f != nil && !yield(f, nil) {
				return
			}
		}
	}
}

// inForceAt returns the trade that has the entry's place, nil if there is none.
func inForceAt(e Entry, changes map[int64]ledger.Amendment) (*ledger.Trade, error) {
	if a, changed := changes[e.Seq]; changed {
		return a.Trade, nil
	}
	if e.Kind != ledger.KindTrade {
		return nil, nil
	}
	payload, err := e.Decode()
	if err != nil {
		return nil, err
	}
	return payload.(*ledger.Trade), nil
}

// history returns the book's last sequence number and a copy of what changed before it.
func (p *Portfolio) history() (int64, map[int64]ledger.Amendment) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.live.seq, p.live.Amendments()
}

// Closings returns every closing in force, as the book stands at the call, with what it realized,
// in the order in which the lots were matched. A flip through zero counts with the part that
// closed. It folds the whole journal.
func (p *Portfolio) Closings(ctx context.Context, filter TradeFilter) ([]ledger.Closing, error) {
	var out []ledger.Closing
	err := p.replay(ctx, func(t *ledger.Trade, c ledger.Closed) {
		if !c.Quantity.IsZero() && filter.matches(t) {
			out = append(out, ledger.Closing{Trade: t.Bare(), Closed: c})
		}
	})
	return out, err
}

func (p *Portfolio) replay(ctx context.Context, each func(*ledger.Trade, ledger.Closed)) error {
	upTo, changes := p.history()
	r := ledger.NewRefold(p.base, changes, each)
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
	again := ledger.NewRefold(p.base, live.Amendments(), nil)
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
		again.Add(e.Seq, payload)
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
	case !folded.Equal(live.Account):
		return corrupt("the book is not the fold of the journal")
	}
	if r := ledger.Diff(folded.Book, again.Finish()); len(r.Positions) > 0 || len(r.Cash) > 0 || r.Trades != folded.Trades() {
		return corrupt("a restatement is not what the journal gives")
	}
	return nil
}

// Reconcile compares the book, as it stands at the call, with the broker's figures; see Statement. A difference is a
// Break in the result, not an error. It folds the whole journal. Errors are the store's, ErrCorrupt, and
// ErrInvalid for a negative tolerance.
func (p *Portfolio) Reconcile(ctx context.Context, s reconcile.Statement) (reconcile.Result, error) {
	wanted := make(map[ledger.ExecID]bool, len(s.Closings))
	for _, c := range s.Closings {
		wanted[c.ExecID] = true
	}
	p.mu.RLock()
	live := p.live.clone()
	p.mu.RUnlock()
	closings := map[ledger.ExecID]ledger.Closed{}
	r := ledger.NewRefold(p.base, live.Amendments(), func(t *ledger.Trade, c ledger.Closed) {
		if wanted[t.ExecID] {
			closings[t.ExecID] = c
		}
	})
	_, err := refoldEntries(r, p.id, p.store.Entries(ctx, p.id, 0), live.seq, nil)
	var out reconcile.Result
	if err == nil {
		out, err = reconcile.Compare(live.Book, closings, s)
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("reconcile profile %q: %w", p.id, err)
	}
	return out, nil
}

// Performance works out how the profile did in the window, corrections and late trades in their places. The first call
// reads the whole journal; later ones do no I/O unless history was restated. ErrInvalid for a window that ends
// before it begins; other errors are the store's and ErrCorrupt.
func (p *Portfolio) Performance(ctx context.Context, w performance.Window) (performance.Report, error) {
	err := w.Validate()
	var h performance.History
	if err == nil {
		h, err = p.performanceHistory(ctx)
	}
	var out performance.Report
	if err == nil {
		out, err = h.Report(w)
	}
	if err != nil {
		return performance.Report{}, fmt.Errorf("performance of profile %q: %w", p.id, err)
	}
	return out, nil
}

// performanceHistory returns the portfolio's, reading the journal if nobody has since it began or was restated.
func (p *Portfolio) performanceHistory(ctx context.Context) (performance.History, error) {
	for {
		p.mu.RLock()
		if p.past != nil {
			h := *p.past
			p.mu.RUnlock()
			return h, nil
		}
		zone := p.live.Zone()
		p.mu.RUnlock()
		upTo, changes := p.history()
		h, err := p.readPerformance(ctx, upTo, changes, zone)
		if err != nil {
			return performance.History{}, err
		}
		p.mu.Lock()
		if p.live.seq == upTo {
			p.past = h
			p.mu.Unlock()
			return *h, nil
		}
		p.mu.Unlock()
		if err := ctx.Err(); err != nil {
			return performance.History{}, err
		}
	}
}

// readPerformance reads the whole journal: what moves lots in its effective order, and everything else as it comes.
func (p *Portfolio) readPerformance(ctx context.Context, upTo int64, changes map[int64]ledger.Amendment, zone *time.Location) (*performance.History, error) {
	h := performance.NewHistory(p.base, zone)
	r := ledger.NewRefold(p.base, changes, h.Trade)
	var other []payload
	_, err := refoldEntries(r, p.id, func(yield func(Entry, error) bool) {
		for e, err := range p.store.Entries(ctx, p.id, 0) {
			if err == nil && e.Seq <= upTo && (e.Kind == ledger.KindEquity || e.Kind == ledger.KindCash) {
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
		h.Fact(f)
	}
	return h, nil
}

// Snapshot is everything about one profile at one moment. Totals are in the base currency; they
// mean something only while Missing is nil.
type Snapshot struct {
	ProfileID    ProfileID
	BaseCurrency ledger.Currency
	Seq          int64                  // the last entry in it
	Hash         Hash                   // of that entry
	Trades       int64                  // in force: neither cancelled nor replaced
	Open         []ledger.PositionValue // what is held, ordered by key
	Closed       []ledger.Position      // what was held, ordered by key
	Cash         map[ledger.Currency]ledger.CashBalance
	Pending      []ledger.PendingPremium

	CashBase   ledger.Decimal // all currencies at live rates
	Equity     ledger.Decimal // cash plus what is held, at marks
	Unrealized ledger.Decimal
	// Realized is that since the journal began, and Capital net deposits, withdrawals and opening
	// balances, each at its own FXRate; what was recorded without one is taken at the live rate.
	Realized, Capital ledger.Decimal
	HighWater         ledger.Decimal // see Book.HighWater
	// Missing lists what CashBase, Equity and Unrealized lack: marks of open positions, and live
	// rates. It is a reason not to trade on them.
	Missing *MissingError
	Risk    risk.Report
	// Unrated lists the currencies of which Realized and Capital lack something: it was recorded
	// without a rate, and there is no live one.
	Unrated []ledger.Currency
}

// Snapshot returns a consistent copy of the whole book with its valuation. It does no I/O.
func (p *Portfolio) Snapshot() Snapshot {
	p.mu.Lock() // for the exposure, which is brought up to date
	defer p.mu.Unlock()
	f := p.live
	t := f.Totals(p.prices)
	m := p.market(f.Account, p.clock())
	s := Snapshot{
		ProfileID: p.id, BaseCurrency: p.base, Seq: f.seq, Hash: f.hash, Trades: f.Trades(),
		Cash: f.Cash(), Pending: f.PendingPremiums(), HighWater: f.HighWater(),
		CashBase: t.Cash, Equity: t.Equity, Unrealized: t.Unrealized, Realized: t.Realized, Capital: t.Capital,
		Missing: p.missing(&t), Unrated: t.Unrated, Risk: f.Report(&m),
	}
	for _, key := range f.Contracts() {
		v, _ := f.Value(key, p.prices)
		if v.Quantity.IsZero() {
			s.Closed = append(s.Closed, v.Position)
		} else {
			s.Open = append(s.Open, v)
		}
	}
	return s
}

// missing returns what equity lacks, nil if it could be told.
func (p *Portfolio) missing(t *ledger.Totals) *MissingError {
	if t.Known() {
		return nil
	}
	return &MissingError{ProfileID: p.id, Marks: t.NoMark, Rates: t.NoRate}
}

// Equity returns what the profile is worth in its base currency: all cash and everything held,
// at marks and live rates. A *MissingError (ErrNoMark) when one of those is missing. It does no I/O.
func (p *Portfolio) Equity() (ledger.Decimal, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	t := p.live.Totals(p.prices)
	if m := p.missing(&t); m != nil {
		return ledger.Decimal{}, m
	}
	return t.Equity, nil
}

// Positions returns a copy of what is held, ordered by key, without contracts that are flat.
func (p *Portfolio) Positions() []ledger.Position {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.DeleteFunc(p.live.Positions(), func(h ledger.Position) bool { return h.Quantity.IsZero() })
}

// Position returns a copy of the position in one contract, false if it was never held. A flat one
// still tells what it realized.
func (p *Portfolio) Position(key ledger.InstrumentKey) (ledger.Position, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.live.Position(key)
}

// Cash returns a copy of every currency's balance.
func (p *Portfolio) Cash() map[ledger.Currency]ledger.CashBalance {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.live.Cash()
}

// Seq returns the number of the last entry in the book, 0 for none.
func (p *Portfolio) Seq() int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.live.seq
}
