package accounts

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Mark takes prices, all or none. A mark older than the one held for its contract is ignored. Contracts
// need not be held. Marks live in memory: after a restart a portfolio has none. ErrInvalid for an invalid mark;
// ErrFutureTime for one more than five minutes ahead of the clock.
func (p *Portfolio) Mark(marks ...Mark) error {
	latest := p.clock().Add(clockSkew)
	taken := make([]Mark, len(marks))
	keys := make([]InstrumentKey, len(marks))
	for i, m := range marks {
		err := m.normalize()
		if err == nil && m.Time.After(latest) {
			err = ErrFutureTime
		}
		if keys[i] = m.Instrument.Key(); err != nil {
			return fmt.Errorf("mark %s in profile %q: %w", keys[i], p.id, err)
		}
		taken[i] = m
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, m := range taken {
		if p.prices.SetMark(keys[i], m) {
			p.live.touch(keys[i])
			p.marked.touch(keys[i])
		}
	}
	return nil
}

// MarkFX takes conversion rates, all or none. A rate older than the one held is ignored. ErrInvalid for an invalid
// rate; ErrCurrencyMismatch for a rate of the base currency other than 1; ErrFutureTime as for Mark.
func (p *Portfolio) MarkFX(rates ...FXRate) error {
	latest := p.clock().Add(clockSkew)
	taken := make([]FXRate, len(rates))
	for i, r := range rates {
		err := r.normalize(p.base)
		if err == nil && r.Time.After(latest) {
			err = ErrFutureTime
		}
		if err != nil {
			return fmt.Errorf("rate of %s in profile %q: %w", r.Currency, p.id, err)
		}
		taken[i] = r
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range taken {
		if p.prices.SetRate(r) {
			p.live.touchAll()
			p.marked.touchAll()
		}
	}
	return nil
}

// Snapshot is everything about one profile at one moment. Totals are in the base currency; they
// mean something only while Missing is nil.
type Snapshot struct {
	ProfileID    ProfileID
	BaseCurrency Currency
	Seq          int64           // the last entry in it
	Hash         Hash            // of that entry
	Trades       int64           // in force: neither cancelled nor replaced
	Open         []PositionValue // what is held, ordered by key
	Closed       []Position      // what was held, ordered by key
	Cash         map[Currency]CashBalance
	Pending      []PendingPremium

	CashBase   Decimal // all currencies at live rates
	Equity     Decimal // cash plus what is held, at marks
	Unrealized Decimal
	// Realized is that since the journal began, and Capital net deposits, withdrawals and opening
	// balances, each at its own FXRate; what was recorded without one is taken at the live rate.
	Realized, Capital Decimal
	HighWater         Decimal // see Book.HighWater
	// Missing lists what CashBase, Equity and Unrealized lack: marks of open positions, and live
	// rates. It is a reason not to trade on them.
	Missing *MissingError
	Risk    RiskReport
	// Unrated lists the currencies of which Realized and Capital lack something: it was recorded
	// without a rate, and there is no live one.
	Unrated []Currency
}

// Snapshot returns a consistent copy of the whole book with its valuation. It does no I/O.
func (p *Portfolio) Snapshot() Snapshot {
	p.mu.Lock() // for the exposure, which is brought up to date
	defer p.mu.Unlock()
	f := p.live
	t := f.Totals(p.prices)
	m := p.market(f.account, p.clock())
	s := Snapshot{
		ProfileID: p.id, BaseCurrency: p.base, Seq: f.seq, Hash: f.hash, Trades: f.Trades(),
		Cash: f.Cash(), Pending: f.PendingPremiums(), HighWater: f.HighWater(),
		CashBase: t.Cash, Equity: t.Equity, Unrealized: t.Unrealized, Realized: t.Realized, Capital: t.Capital,
		Missing: p.missing(&t), Unrated: t.Unrated, Risk: f.report(&m),
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
func (p *Portfolio) missing(t *Totals) *MissingError {
	if t.Known() {
		return nil
	}
	return &MissingError{ProfileID: p.id, Marks: t.NoMark, Rates: t.NoRate}
}

// Equity returns what the profile is worth in its base currency: all cash and everything held,
// at marks and live rates. A *MissingError (ErrNoMark) when one of those is missing. It does no I/O.
func (p *Portfolio) Equity() (Decimal, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	t := p.live.Totals(p.prices)
	if m := p.missing(&t); m != nil {
		return Decimal{}, m
	}
	return t.Equity, nil
}

// Positions returns a copy of what is held, ordered by key, without contracts that are flat.
func (p *Portfolio) Positions() []Position {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.DeleteFunc(p.live.Positions(), func(h Position) bool { return h.Quantity.IsZero() })
}

// Position returns a copy of the position in one contract, false if it was never held. A flat one
// still tells what it realized.
func (p *Portfolio) Position(key InstrumentKey) (Position, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.live.Position(key)
}

// Cash returns a copy of every currency's balance.
func (p *Portfolio) Cash() map[Currency]CashBalance {
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

// RecordEquity writes an equity point for the time to the journal: what the profile is worth at its present
// marks. One for a time that has a point already changes nothing. A *MissingError (ErrNoMark) when
// the worth cannot be told; other errors are those of Record.
func (p *Portfolio) RecordEquity(ctx context.Context, at time.Time) error {
	p.mu.RLock()
	t := p.live.Totals(p.prices)
	p.mu.RUnlock()
	if !t.Complete() {
		return fmt.Errorf("record equity: %w", &MissingError{ProfileID: p.id, Marks: t.NoMark, Rates: t.Lacking()})
	}
	point := t.Point(at)
	cmd := p.newCommand(0)
	cmd.judged = true
	f, err := normalizeFact(point)
	if err == nil {
		err = notAhead(f, p.clock().Add(clockSkew))
	}
	if err == nil {
		cmd.facts = append(cmd.facts, f)
		err = p.submit(ctx, cmd)
	}
	if err != nil {
		return fmt.Errorf("record equity of profile %q: %w", p.id, err)
	}
	p.commands.Put(cmd)
	return nil
}
