package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Mark takes prices of contracts, all or none. It ignores a mark that is older than the present one
// of its contract. A price of zero takes the present mark away, but of options, warrants and
// futures. A mark whose time is ahead of the clock counts as of now, so that it hides no later one.
// Contracts need not be held. Marks live in memory: after a restart a portfolio has none. It does
// no I/O.
//
// Errors:
//   - ErrInvalid for an invalid mark;
//   - ErrFutureTime for a mark more than five minutes ahead of the clock.
func (p *Portfolio) Mark(marks ...ledger.Mark) error {
	taken, err := normalizeMarks(marks, p.clock())
	if err != nil {
		return fmt.Errorf("mark in profile %q: %w", p.id, err)
	}
	p.mark(taken)
	return nil
}

// MarkFX takes conversion rates to the base currency, all or none. It ignores a rate that is older
// than the present one of its currency, and takes one from ahead of the clock as Mark does. Rates
// live in memory, as marks do. It does no I/O.
//
// Errors:
//   - ErrInvalid for an invalid rate;
//   - ErrCurrencyMismatch for a rate of the base currency other than 1;
//   - ErrFutureTime for a rate more than five minutes ahead of the clock.
func (p *Portfolio) MarkFX(rates ...ledger.FXRate) error {
	taken, err := normalizeRates(rates, p.base, p.clock())
	if err != nil {
		return fmt.Errorf("mark in profile %q: %w", p.id, err)
	}
	p.markFX(taken)
	return nil
}

// Mark takes prices of contracts for every profile that ctx sees, all or none: for open portfolios
// now, for others when this manager opens them. Owners do not see each other's marks. Marks live in
// memory. Errors are those of [Portfolio.Mark].
func (m *MultiAccountManager) Mark(ctx context.Context, marks ...ledger.Mark) error {
	s, err := m.enter(ctx)
	var taken []keyedMark
	if err == nil {
		taken, err = normalizeMarks(marks, m.clock())
	}
	if err != nil {
		return fmt.Errorf("mark: %w", err)
	}
	m.mu.Lock()
	m.board(s).mark(taken)
	open := m.seen(s)
	m.mu.Unlock()
	for _, p := range open {
		p.mark(taken)
	}
	return nil
}

// MarkFX takes conversion rates to a base currency for every profile that ctx sees and whose base
// currency it is; otherwise it is like Mark. Errors are those of [Portfolio.MarkFX], and ErrInvalid
// for a base currency that is not three capital letters.
func (m *MultiAccountManager) MarkFX(ctx context.Context, base ledger.Currency, rates ...ledger.FXRate) error {
	s, err := m.enter(ctx)
	if err == nil && !base.Valid() {
		err = fmt.Errorf("%w: base currency %.20q is not three capital letters", ErrInvalid, base)
	}
	var taken []ledger.FXRate
	if err == nil {
		taken, err = normalizeRates(rates, base, m.clock())
	}
	if err != nil {
		return fmt.Errorf("mark: %w", err)
	}
	m.mu.Lock()
	m.board(s).markFX(base, taken)
	open := m.seen(s)
	m.mu.Unlock()
	for _, p := range open {
		if p.base == base {
			p.markFX(taken)
		}
	}
	return nil
}

// seen returns the open portfolios that the scope sees. m.mu is held. They are told of prices
// without m.mu: one that is busy keeps nobody from the others. One that is opened meanwhile takes
// its prices from the boards.
func (m *MultiAccountManager) seen(s scope) (list []*Portfolio) {
	for _, slot := range m.portfolios {
		if slot.p != nil && s.sees(slot.owner) {
			list = append(list, slot.p)
		}
	}
	return list
}

// keyedMark is a normalized mark with its contract's key.
type keyedMark struct {
	key  ledger.InstrumentKey
	mark ledger.Mark
}

// normalizeMarks returns normalized copies of the marks with their keys.
func normalizeMarks(marks []ledger.Mark, now time.Time) ([]keyedMark, error) {
	taken, latest := make([]keyedMark, len(marks)), now.Add(clockSkew)
	for i, m := range marks {
		err := m.Normalize()
		if err == nil && m.Time.After(latest) {
			err = ErrFutureTime
		}
		key := m.Instrument.Key()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		m.Time = notAfter(m.Time, now)
		taken[i] = keyedMark{key, m}
	}
	return taken, nil
}

// normalizeRates returns normalized copies of the rates.
func normalizeRates(rates []ledger.FXRate, base ledger.Currency, now time.Time) ([]ledger.FXRate, error) {
	taken, latest := make([]ledger.FXRate, len(rates)), now.Add(clockSkew)
	for i, r := range rates {
		err := r.Normalize(base)
		if err == nil && r.Time.After(latest) {
			err = ErrFutureTime
		}
		if err != nil {
			return nil, fmt.Errorf("rate of %s: %w", r.Currency, err)
		}
		r.Time = notAfter(r.Time, now)
		taken[i] = r
	}
	return taken, nil
}

// notAfter returns the time, or the present where the time is ahead.
func notAfter(t, now time.Time) time.Time {
	if t.After(now) {
		return now.UTC().Truncate(time.Microsecond)
	}
	return t
}

// mark takes normalized marks.
func (p *Portfolio) mark(marks []keyedMark) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range marks {
		if key := marks[i].key; p.prices.SetMark(key, marks[i].mark) {
			p.live.Touch(key)
			p.marked.Touch(key)
		}
	}
}

// markFX takes normalized rates.
func (p *Portfolio) markFX(rates []ledger.FXRate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range rates {
		if p.prices.SetRate(r) {
			p.live.TouchAll()
			p.marked.TouchAll()
		}
	}
}

// board holds the prices that a scope was told, for portfolios that are opened later. It grows with
// the number of contracts that are marked. The manager's mu guards it.
type board struct {
	marks map[ledger.InstrumentKey]ledger.Mark
	// rates holds prices by base currency, of which only Rates are used.
	rates map[ledger.Currency]*ledger.Prices
}

// board returns the scope's board. m.mu is held.
func (m *MultiAccountManager) board(s scope) *board {
	b := m.boards[s]
	if b == nil {
		b = &board{map[ledger.InstrumentKey]ledger.Mark{}, map[ledger.Currency]*ledger.Prices{}}
		m.boards[s] = b
	}
	return b
}

// mark takes normalized marks.
func (b *board) mark(marks []keyedMark) {
	prices := ledger.Prices{Marks: b.marks}
	for i := range marks {
		prices.SetMark(marks[i].key, marks[i].mark)
	}
}

// markFX takes normalized rates to a base currency.
func (b *board) markFX(base ledger.Currency, rates []ledger.FXRate) {
	prices := b.rates[base]
	if prices == nil {
		prices = ledger.NewPrices(base)
		b.rates[base] = prices
	}
	for _, r := range rates {
		prices.SetRate(r)
	}
}

// price tells a newly opened portfolio the prices on the boards that see it. m.mu is held.
func (m *MultiAccountManager) price(p *Portfolio) {
	for _, s := range []scope{{all: true}, {owner: p.owner}} {
		b := m.boards[s]
		if b == nil {
			continue
		}
		marks := make([]keyedMark, 0, len(b.marks))
		for key, mark := range b.marks {
			marks = append(marks, keyedMark{key, mark})
		}
		p.mark(marks)
		if prices := b.rates[p.base]; prices != nil {
			rates := make([]ledger.FXRate, 0, len(prices.Rates))
			for _, r := range prices.Rates {
				rates = append(rates, r)
			}
			p.markFX(rates)
		}
	}
}
