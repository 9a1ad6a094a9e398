package accounts

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/reconcile"
	"github.com/ai-ots/accounts/risk"
)

// Page selects a part of a list that is in the order of a journal. The zero Page is all of it.
type Page struct {
	After int64 `json:"after,omitzero"` // only what comes behind the entry with this number: the Seq of the last one read
	Limit int   `json:"limit,omitzero"` // at most so many; zero for no limit
}

// validate returns ErrInvalid for a negative page.
func (p Page) validate() error {
	if p.After < 0 || p.Limit < 0 {
		return fmt.Errorf("%w: page after entry %d of %d", ErrInvalid, p.After, p.Limit)
	}
	return nil
}

// Recorded is something that a journal holds, with the entry that brought it.
type Recorded[T any] struct {
	Seq   int64            `json:"seq"`           // the entry's number; the cursor of a Page
	Kind  ledger.EntryKind `json:"kind"`          // the entry's kind
	Time  time.Time        `json:"time,omitzero"` // when it was recorded, UTC; zero for closings
	Value T                `json:"value"`
}

// TradeFilter selects trades. Zero fields select everything.
type TradeFilter struct {
	From        time.Time              `json:"from,omitzero"`     // executed at From or later
	To          time.Time              `json:"to,omitzero"`       // executed before To
	Instruments []ledger.InstrumentKey `json:"instruments"`       // only in these contracts
	ExecIDs     map[ledger.ExecID]bool `json:"exec_ids,omitzero"` // only these executions
	Page        Page                   `json:"page,omitzero"`
}

// matches reports whether a trade passes every field but Page.
func (f TradeFilter) matches(t *ledger.Trade) bool {
	return (f.From.IsZero() || !t.Time.Before(f.From)) &&
		(f.To.IsZero() || t.Time.Before(f.To)) &&
		(len(f.Instruments) == 0 || slices.Contains(f.Instruments, t.Contract())) &&
		(f.ExecIDs == nil || f.ExecIDs[t.ExecID])
}

// Trades yields the trades in force, as of the call, in the order in which they were recorded. A
// cancelled trade is left out; a corrected one has the place and the Seq of its original. Trades
// reads the journal from the page's beginning, entry by entry. Breaking out early is allowed.
//
// An error is yielded once, as the last pair:
//   - ErrInvalid for a negative page;
//   - a *CorruptError (ErrCorrupt) for an entry that cannot be read;
//   - the store's.
func (p *Portfolio) Trades(ctx context.Context, filter TradeFilter) iter.Seq2[Recorded[ledger.Trade], error] {
	upTo, changes := p.history()
	return recorded(ctx, p, "trades", upTo, filter.Page, func(e Entry) (t ledger.Trade, found bool, err error) {
		inForce, err := inForceAt(e, changes)
		if err != nil || inForce == nil || !filter.matches(inForce) {
			return t, false, err
		}
		return inForce.Bare(), true, nil
	})
}

// Facts yields every fact of the journal, as of the call, in the order in which they were recorded.
// Facts that were cancelled or corrected later are among them; corrections, cancellations and late
// facts come where they were recorded. Importers use it to learn what the journal has. It reads the
// journal as Trades does, with the same errors.
func (p *Portfolio) Facts(ctx context.Context, page Page) iter.Seq2[Recorded[ledger.Fact], error] {
	upTo, _ := p.history()
	return recorded(ctx, p, "facts", upTo, page, func(e Entry) (ledger.Fact, bool, error) {
		payload, err := e.Decode()
		if err != nil {
			return nil, false, err
		}
		f := ledger.FactOf(payload)
		return f, f != nil, nil
	})
}

// Decisions yields every decision about orders and trading, as of the call, in the order in which
// they were recorded: *risk.Hold, *risk.Dispatch, *risk.Refusal, *risk.Release, *risk.Breach,
// *risk.StateChange, *risk.PolicyChange and *risk.Restatement. It reads the journal as Trades does,
// with the same errors.
func (p *Portfolio) Decisions(ctx context.Context, page Page) iter.Seq2[Recorded[risk.Payload], error] {
	upTo, _ := p.history()
	return recorded(ctx, p, "decisions", upTo, page, func(e Entry) (risk.Payload, bool, error) {
		payload, err := e.Decode()
		d, found := payload.(risk.Payload)
		return d, found, err
	})
}

// CredentialAccesses yields every access to the profile's credentials, as of the call, oldest
// first. It reads the journal as Trades does, with the same errors.
func (p *Portfolio) CredentialAccesses(ctx context.Context, page Page) iter.Seq2[Recorded[CredentialAccess], error] {
	upTo, _ := p.history()
	return recorded(ctx, p, "credential accesses", upTo, page,
		func(e Entry) (a CredentialAccess, found bool, err error) {
			if e.Kind != KindAccess {
				return a, false, nil
			}
			payload, err := e.Decode()
			if err != nil {
				return a, false, err
			}
			return *payload.(*CredentialAccess), true, nil
		})
}

// recorded yields the values that pick finds in the entries of a page, up to and including entry
// upTo.
func recorded[T any](ctx context.Context, p *Portfolio, what string, upTo int64, page Page,
	pick func(Entry) (T, bool, error)) iter.Seq2[Recorded[T], error] {
	return func(yield func(Recorded[T], error) bool) {
		if err := page.validate(); err != nil {
			yield(Recorded[T]{}, fmt.Errorf("%s of profile %q: %w", what, p.id, err))
			return
		}
		left, last := page.Limit, page.After
		for e, err := range p.store.Entries(ctx, p.id, page.After) {
			if err == nil && e.Seq > upTo {
				return
			}
			last = e.Seq
			var value T
			var found bool
			if err == nil {
				value, found, err = pick(e)
			}
			if err != nil {
				yield(Recorded[T]{}, fmt.Errorf("%s of profile %q: %w", what, p.id, err))
				return
			}
			if !found {
				continue
			}
			if !yield(Recorded[T]{e.Seq, e.Kind, e.Time, value}, nil) {
				return
			}
			if left--; left == 0 {
				return
			}
		}
		if last < upTo { // a list that is short must not look like a whole one
			yield(Recorded[T]{}, fmt.Errorf("%s of profile %q: %w", what, p.id,
				&CorruptError{ProfileID: p.id, Seq: last + 1, Reason: fmt.Sprintf("missing: the book ends at %d", upTo)}))
		}
	}
}

// inForceAt returns the trade in force at the entry's place; nil if there is none.
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

// history returns the book's last sequence number, and a copy of the amendments before it.
func (p *Portfolio) history() (int64, map[int64]ledger.Amendment) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.live.seq, p.live.Amendments()
}

// Closings returns every closing in force with its realized P&L, as of the call, in the order in
// which lots were matched: by the times of the trades. A trade that flips a position counts with
// the part that closed. Seq is the place of the closing trade in the journal; with late trades it
// is not in ascending order. Closings reads the whole journal, whatever the page.
//
// Errors:
//   - ErrInvalid for a negative page, and for a page behind an entry that is no closing any longer;
//   - a *CorruptError (ErrCorrupt) for an entry that cannot be read;
//   - the store's.
func (p *Portfolio) Closings(ctx context.Context, filter TradeFilter) ([]Recorded[ledger.Closing], error) {
	out, err := p.closings(ctx, filter)
	if err != nil {
		return nil, fmt.Errorf("closings of profile %q: %w", p.id, err)
	}
	return out, nil
}

// closings is Closings without its name in errors.
func (p *Portfolio) closings(ctx context.Context, filter TradeFilter) ([]Recorded[ledger.Closing], error) {
	page := filter.Page
	if err := page.validate(); err != nil {
		return nil, err
	}
	out, begun := []Recorded[ledger.Closing]{}, page.After == 0
	upTo, changes := p.history()
	r := ledger.NewRefold(p.base, changes, func(place int64, f ledger.Payload, c ledger.Closed) {
		t, traded := f.(*ledger.Trade)
		switch {
		case !traded || c.Quantity.IsZero():
		case !begun:
			begun = place == page.After
		case filter.matches(t) && (page.Limit == 0 || len(out) < page.Limit):
			out = append(out, Recorded[ledger.Closing]{Seq: place, Kind: ledger.KindTrade,
				Value: ledger.Closing{Trade: t.Bare(), Closed: c}})
		}
	})
	if err := refoldEntries(r, p.id, 0, upTo, p.store.Entries(ctx, p.id, 0)); err != nil {
		return nil, err
	}
	r.Finish()
	if !begun {
		return nil, fmt.Errorf("%w: entry %d is no closing", ErrInvalid, page.After)
	}
	return out, nil
}

// Verify reads the whole journal and checks everything that can be checked: numbers and hashes;
// that the journal ends where the book does, or later; that folding it gives the book; and that
// folding it in its effective order gives the same positions and cash, which proves every
// restatement of facts. Its error is a *CorruptError (ErrCorrupt) with the first wrong entry and
// the reason, or the store's.
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
		return p.evidence(ctx, err)
	case folded.seq != live.seq:
		return p.evidence(ctx, corrupt(fmt.Sprintf("the journal ends here, the book at %d", live.seq)))
	case folded.hash != live.hash:
		return corrupt("is another entry than the one in the book")
	case !folded.Equal(live.Account):
		return corrupt("the book is not the fold of the journal")
	}
	r := ledger.Diff(folded.Book, again.Finish())
	if len(r.Positions) > 0 || len(r.Cash) > 0 || r.Trades != folded.Trades() || !samePremiums(r.Pending, folded.PendingPremiums()) {
		return corrupt("a restatement is not what the journal gives")
	}
	return nil
}

// samePremiums reports whether two lists have the same premiums, in whatever order.
func samePremiums(a, b []ledger.PendingPremium) bool {
	byTime := func(x, y ledger.PendingPremium) int {
		return cmp.Or(x.Time.Compare(y.Time), cmp.Compare(string(x.Option), string(y.Option)), x.Amount.Cmp(y.Amount), x.Quantity.Cmp(y.Quantity))
	}
	return slices.EqualFunc(slices.SortedFunc(slices.Values(a), byTime), slices.SortedFunc(slices.Values(b), byTime),
		func(x, y ledger.PendingPremium) bool { return wire.Same(x, y) })
}

// Reconcile compares the book, as of the call, with the broker's figures; see [reconcile.Compare].
// A difference is a Break in the result, not an error. It reads the whole journal.
//
// Errors:
//   - ErrInvalid for a negative tolerance;
//   - a *CorruptError (ErrCorrupt) for an entry that cannot be read;
//   - the store's.
func (p *Portfolio) Reconcile(ctx context.Context, s reconcile.Statement) (reconcile.Result, error) {
	wanted := make(map[ledger.ExecID]bool, len(s.Closings))
	for _, c := range s.Closings {
		wanted[c.ExecID] = true
	}
	p.mu.RLock()
	live := p.live.clone()
	p.mu.RUnlock()
	closings := map[ledger.ExecID]ledger.Closed{}
	r := ledger.NewRefold(p.base, live.Amendments(), func(_ int64, f ledger.Payload, c ledger.Closed) {
		if t, traded := f.(*ledger.Trade); traded && wanted[t.ExecID] {
			closings[t.ExecID] = c
		}
	})
	err := refoldEntries(r, p.id, 0, live.seq, p.store.Entries(ctx, p.id, 0))
	var out reconcile.Result
	if err == nil {
		r.Finish()
		out, err = reconcile.Compare(live.Book, closings, s)
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("reconcile profile %q: %w", p.id, err)
	}
	return out, nil
}

// Performance works out how the profile did in the window, with corrections and late trades in
// their places. The first call reads the whole journal. Later calls do no I/O unless history was
// restated since, or the time zone of the trading day changed, or entries were added while the
// journal was read.
//
// Errors:
//   - ErrInvalid for a window that ends before it begins;
//   - a *CorruptError (ErrCorrupt) for an entry that cannot be read;
//   - the store's.
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

// performanceHistory returns the history that performance is worked out from, as of the moment of
// the call. It reads the journal, once, if the portfolio does not keep a history of the trading
// day's present time zone. The portfolio keeps what was read unless entries were added meanwhile.
func (p *Portfolio) performanceHistory(ctx context.Context) (performance.History, error) {
	p.mu.RLock()
	zone := p.live.PolicyFor(p.policy.Load()).Zone()
	if p.past != nil && p.past.Zone().String() == zone.String() {
		h := *p.past
		p.mu.RUnlock()
		return h, nil
	}
	upTo, changes := p.live.seq, p.live.Amendments()
	p.mu.RUnlock()
	read := performance.NewHistory(p.base, zone)
	r := ledger.NewRefold(p.base, changes, func(place int64, f ledger.Payload, c ledger.Closed) { read.Follow(place, f, c) })
	if err := refoldEntries(r, p.id, 0, upTo, p.store.Entries(ctx, p.id, 0)); err != nil {
		return performance.History{}, err
	}
	r.Finish()
	h := *read // before others can add to it
	p.mu.Lock()
	if p.live.seq == upTo {
		p.past = read
	}
	p.mu.Unlock()
	return h, nil
}

// Snapshot is everything about one profile at one moment. Totals are in the base currency; they
// mean something only while Missing is nil.
type Snapshot struct {
	ProfileID    ProfileID                              `json:"profile_id"`
	BaseCurrency ledger.Currency                        `json:"base_currency"`
	Seq          int64                                  `json:"seq"`    // the last entry in it
	Hash         Hash                                   `json:"hash"`   // of that entry
	Trades       int64                                  `json:"trades"` // in force: neither cancelled nor replaced
	Open         []ledger.PositionValue                 `json:"open"`   // what is held, ordered by key
	Closed       []ledger.Position                      `json:"closed"` // what was held, ordered by key
	Cash         map[ledger.Currency]ledger.CashBalance `json:"cash"`
	Pending      []ledger.PendingPremium                `json:"pending"`

	CashBase   ledger.Decimal `json:"cash_base"` // all currencies at live rates
	Equity     ledger.Decimal `json:"equity"`    // cash plus what is held, at marks
	Unrealized ledger.Decimal `json:"unrealized"`
	// Realized is that since the journal began, and Capital net deposits, withdrawals and opening
	// balances, each at its own FXRate; what was recorded without one is taken at the live rate.
	Realized  ledger.Decimal `json:"realized"`
	Capital   ledger.Decimal `json:"capital"`
	InKind    ledger.Decimal `json:"in_kind"`    // what positions were worth that came, or below zero went, otherwise than by trades
	HighWater ledger.Decimal `json:"high_water"` // highest equity of an equity point, adjusted in proportion for capital that came or went; zero without one
	// Missing lists what CashBase, Equity and Unrealized lack: marks of open positions, and live
	// rates. It is a reason not to trade on them.
	Missing *MissingError `json:"missing,omitempty"`
	Risk    risk.Report   `json:"risk"`
	// Unrated lists the currencies of which Realized, Capital and InKind lack something: it was
	// recorded without a rate, and there is no live one.
	Unrated []ledger.Currency `json:"unrated"`
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
		CashBase: t.Cash, Equity: t.Equity, Unrealized: t.Unrealized, Realized: t.Realized, Capital: t.Capital, InKind: t.InKind,
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

// missing returns the marks and rates that equity lacks; nil if equity is known.
func (p *Portfolio) missing(t *ledger.Totals) *MissingError {
	if t.Known() {
		return nil
	}
	return &MissingError{ProfileID: p.id, Marks: t.NoMark, Rates: t.NoRate}
}

// Equity returns the worth of the profile in its base currency: all cash and all positions, at
// marks and present rates. It returns a *MissingError (ErrNoMark) if a mark or a rate is missing.
// It does no I/O.
func (p *Portfolio) Equity() (ledger.Decimal, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	t := p.live.Totals(p.prices)
	if m := p.missing(&t); m != nil {
		return ledger.Decimal{}, m
	}
	return t.Equity, nil
}

// Positions returns a copy of every position that is not flat, in ascending order of keys.
func (p *Portfolio) Positions() []ledger.Position {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.DeleteFunc(p.live.Positions(), func(h ledger.Position) bool { return h.Quantity.IsZero() })
}

// Position returns a copy of the position in one contract, flat ones too; false if it was never
// held.
func (p *Portfolio) Position(key ledger.InstrumentKey) (ledger.Position, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.live.Position(key)
}

// Cash returns a copy of the balances of all currencies.
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
