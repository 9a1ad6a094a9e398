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
)

// pointWithin is how late after a close its equity point may still be taken.
const pointWithin = 10 * time.Minute

// value takes marks and rates from what the broker says of positions and cash.
func (w *worker) value(positions Answer[Position], cash Answer[Balance]) error {
	var marks []ledger.Mark
	for i := range positions.List {
		if p := &positions.List[i]; !p.Quantity.IsZero() && !p.Mark.Time.IsZero() {
			marks = append(marks, p.Mark)
		}
	}
	var rates []ledger.FXRate
	for _, b := range cash.List {
		if b.Currency != w.portfolio.BaseCurrency() && b.Rate.IsPos() {
			rates = append(rates, ledger.FXRate{Currency: b.Currency, Rate: b.Rate, Time: cash.AsOf})
		}
	}
	if err := takeEach(rates, w.portfolio.MarkFX); err != nil {
		return fmt.Errorf("rates: %w", err)
	}
	return w.mark(marks)
}

// mark takes marks.
func (w *worker) mark(marks []ledger.Mark) error { return takeEach(marks, w.portfolio.Mark) }

// takeEach takes marks or rates. A wrong one is left out: its contract or currency has none of now
// then.
func takeEach[T any](list []T, take func(...T) error) error {
	err := take(list...)
	if !aboutFacts(err) {
		return err
	}
	for _, one := range list {
		if err := take(one); err != nil && !aboutFacts(err) {
			return err
		}
	}
	return nil
}

// followFor is how long a contract is followed after it was asked for.
const followFor = 24 * time.Hour

// follow is a contract that is followed, and until when.
type follow struct {
	ledger.Instrument
	until time.Time
}

// Follow makes the engine keep the marks of contracts fresh in a profile that are not held yet: an
// order in a contract needs one. A contract is followed for a day; those that are held, or have a
// working order, are followed anyway. Each costs a line of market data. Errors: ErrNotLinked,
// ErrInvalid for a wrong contract.
func (e *Engine) Follow(profile accounts.ProfileID, contracts ...ledger.Instrument) error {
	w, err := e.attached(profile)
	if err != nil {
		return err
	}
	for i := range contracts {
		if err := contracts[i].Normalize(); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	until := e.config.Clock().Add(followFor)
	for _, i := range contracts {
		w.followed[i.Key()] = follow{i, until}
	}
	notify(w.ticks)
	return nil
}

// repriceEvery is how long quotes are left alone after they were taken on a hint: hints come with
// every tick.
const repriceEvery = time.Second

// repriceWithin is how long quotes are waited for that were hinted at: a look waits as long, with
// others behind it, and takes quotes itself.
const repriceWithin = 5 * time.Second

// reprice takes new quotes as marks, and leaves all else of the account alone. Where quotes cannot
// be had, the next look says so.
func (w *worker) reprice(ctx context.Context, s *session) {
	ctx, cancel := context.WithTimeout(ctx, w.engine.config.Timeout)
	defer cancel()
	if w.begin(ctx, s) != nil {
		return
	}
	defer func() { <-w.looking }()
	if now := w.engine.config.Clock(); now.Sub(w.pricedAt) >= repriceEvery || now.Before(w.pricedAt) {
		w.pricedAt = now
		asking, cancel := context.WithTimeout(ctx, repriceWithin)
		defer cancel()
		_ = w.price(asking, s.broker)
	}
}

// price asks for quotes of what is held, works or is followed, and takes them as marks. A contract
// without a price of now keeps its mark, which grows old.
func (w *worker) price(ctx context.Context, b Broker) error {
	contracts := map[ledger.InstrumentKey]ledger.Instrument{}
	snapshot := w.portfolio.Snapshot()
	add := func(i *ledger.Instrument) {
		for _, n := range needed(i) {
			contracts[n.Key()] = n
		}
	}
	for n := range snapshot.Open {
		add(&snapshot.Open[n].Instrument)
	}
	for n := range snapshot.Risk.Orders {
		add(&snapshot.Risk.Orders[n].Instrument)
	}
	now := w.engine.config.Clock()
	w.mu.Lock()
	for key, f := range w.followed {
		if now.After(f.until) {
			delete(w.followed, key)
			continue
		}
		contracts[key] = f.Instrument
	}
	w.mu.Unlock()
	var list []ledger.Instrument
	for _, i := range contracts {
		list = append(list, i)
	}
	return w.quote(ctx, b, list)
}

// needed returns the contracts whose marks an order in a contract needs: its own and, of an option,
// that of the stock.
func needed(i *ledger.Instrument) []ledger.Instrument {
	list := []ledger.Instrument{*i}
	if i.SecType == ledger.Option {
		list = append(list, ledger.NewStock(cmp.Or(i.Underlying, i.Symbol), i.Currency))
	}
	return list
}

// quote takes quotes of contracts as marks.
func (w *worker) quote(ctx context.Context, b Broker, contracts []ledger.Instrument) error {
	for some := range slices.Chunk(contracts, 100) {
		quotes, err := b.Quotes(ctx, some)
		if err != nil {
			return fmt.Errorf("quotes: %w", err)
		}
		var marks []ledger.Mark
		for i := range quotes {
			if m, ok := quotes[i].Mark(); ok {
				marks = append(marks, m)
			}
		}
		if err := w.mark(marks); err != nil {
			return err
		}
	}
	return nil
}

// point takes an equity point at a close of the exchange that has just passed. Where marks are
// missing there is none: equity is not known.
func (w *worker) point(ctx context.Context) error {
	now := w.engine.config.Clock()
	last := w.engine.config.Closes(now.Add(-pointWithin))
	if last.After(now) || last.Equal(w.closedAt) {
		return nil
	}
	switch err := w.portfolio.RecordEquity(ctx, last); {
	case err == nil:
		w.closedAt = last
	case !errors.Is(err, accounts.ErrNoMark):
		return fmt.Errorf("equity point: %w", err)
	}
	return nil
}
