package accounts

import (
	"context"
	"fmt"
	"time"
)

// Mark is the price of one contract at one time. Marks live in memory: after a restart a
// portfolio has none.
type Mark struct {
	Instrument Instrument
	Price      Decimal   // per unit, in the instrument's currency; negative for futures alone
	Time       time.Time // when the price held
}

// FXRate is what one unit of a currency is worth in the profile's base currency.
type FXRate struct {
	Currency Currency
	Rate     Decimal // positive
	Time     time.Time
}

// Mark takes prices, all or none. A mark older than the one held for its contract is ignored. Contracts
// need not be held. ErrInvalid for a mark that is none; ErrFutureTime for one more than five
// minutes ahead of the clock.
func (p *Portfolio) Mark(marks ...Mark) error {
	latest := p.clock().Add(clockSkew)
	keys := make([]InstrumentKey, len(marks))
	for i, m := range marks {
		v := &ValidationError{What: "mark"}
		v.check(!m.Price.IsNeg() || m.Instrument.SecType == Future, "Price", "%s is negative", m.Price)
		v.amount("Price", m.Price)
		v.time("Time", m.Time)
		err := v.err()
		if err == nil {
			err = m.Instrument.normalize()
		}
		if err == nil && m.Time.After(latest) {
			err = ErrFutureTime
		}
		if err != nil {
			return fmt.Errorf("mark %s in profile %q: %w", m.Instrument.Key(), p.id, err)
		}
		keys[i] = m.Instrument.Key()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, m := range marks {
		if old, ok := p.marks[keys[i]]; !ok || !m.Time.Before(old.Time) {
			m.Time = normalTime(m.Time)
			p.marks[keys[i]] = m
			p.live.exposure.touch(keys[i])
			p.marked.touch(keys[i])
		}
	}
	return nil
}

// MarkFX takes conversion rates, all or none. A rate older than the one held is ignored.
// ErrInvalid for a rate that is not positive; ErrCurrencyMismatch for a rate of the base
// currency other than 1; ErrFutureTime as for Mark.
func (p *Portfolio) MarkFX(rates ...FXRate) error {
	latest := p.clock().Add(clockSkew)
	for _, r := range rates {
		v := &ValidationError{What: "rate"}
		v.check(r.Currency.Valid(), "Currency", "%.20q is not three capital letters", r.Currency)
		v.check(r.Rate.IsPos() && r.Rate.LessThan(maxInput), "Rate", "%s is not positive and below 1e15", r.Rate)
		v.time("Time", r.Time)
		err := v.err()
		if err == nil && r.Currency == p.base && !r.Rate.Equal(one) {
			err = fmt.Errorf("%w: %s is the base currency", ErrCurrencyMismatch, r.Currency)
		}
		if err == nil && r.Time.After(latest) {
			err = ErrFutureTime
		}
		if err != nil {
			return fmt.Errorf("rate of %s in profile %q: %w", r.Currency, p.id, err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range rates {
		if old, ok := p.fx[r.Currency]; !ok || !r.Time.Before(old.Time) {
			r.Rate, r.Time = trimZeros(r.Rate), normalTime(r.Time)
			p.fx[r.Currency] = r
			p.live.exposure.touchAll()
			p.marked.touchAll()
		}
	}
	return nil
}

// PositionValue is a position at its mark.
type PositionValue struct {
	Position
	Mark       Mark    // the zero Mark if there is none: then Value and Unrealized are zero and mean nothing
	Value      Decimal // Quantity × price × multiplier, in the instrument's currency
	Unrealized Decimal // Value − Basis
}

// Marked reports whether there is a mark.
func (v PositionValue) Marked() bool { return !v.Mark.Time.IsZero() }

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
	b := p.live
	s := Snapshot{
		ProfileID: p.id, BaseCurrency: p.base, Seq: b.seq, Hash: b.hash, Trades: b.trades,
		Cash: b.Cash(), Pending: b.PendingPremiums(), HighWater: b.HighWater(),
	}
	for _, key := range sortedKeys(b.positions) {
		h := b.positions[key]
		if h.Quantity.IsZero() {
			s.Closed = append(s.Closed, h.position(true))
			continue
		}
		v, _ := p.value(h)
		v.Position = h.position(true)
		s.Open = append(s.Open, v)
	}
	t := p.totals(p.live)
	s.CashBase, s.Equity, s.Unrealized, s.Realized, s.Capital = t.cash, t.equity, t.unrealized, t.realized, t.capital
	s.Missing, s.Unrated = t.missing(), sortedKeys(t.unrated)
	s.Risk = p.report()
	return s
}

// Equity returns what the profile is worth in its base currency: all cash and everything held,
// at marks and live rates. A *MissingError (ErrNoMark) when one of those is missing. It does no I/O.
func (p *Portfolio) Equity() (Decimal, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	t := p.totals(p.live)
	if m := t.missing(); m != nil {
		return Decimal{}, m
	}
	return t.equity, nil
}

// totals are sums in base currency, and what they lack.
type totals struct {
	id                                          ProfileID
	cash, equity, unrealized, realized, capital Decimal
	noMark                                      []InstrumentKey
	noRate, unrated                             map[Currency]bool
}

func (t *totals) missing() *MissingError {
	if len(t.noMark) == 0 && len(t.noRate) == 0 {
		return nil
	}
	return &MissingError{ProfileID: t.id, Marks: t.noMark, Rates: sortedKeys(t.noRate)}
}

// totals adds everything up. The caller holds the lock.
func (p *Portfolio) totals(b *Book) totals {
	t := totals{id: p.id}
	for currency, c := range b.cash {
		if balance := c.Balance(); !balance.IsZero() {
			if rate, ok := p.needRate(&t, currency); ok {
				t.cash = t.cash.Add(convert(balance, rate))
			}
		}
		t.capital = t.capital.Add(c.CapitalBase).Add(p.convertLate(&t, currency, c.Unconverted))
	}
	t.equity = t.cash
	for _, key := range sortedKeys(b.positions) {
		h := b.positions[key]
		t.realized = t.realized.Add(h.position(false).RealizedBase).Add(p.convertLate(&t, h.Instrument.Currency, h.Unconverted))
		if h.Quantity.IsZero() {
			continue
		}
		v, marked := p.value(h)
		if !marked {
			t.noMark = append(t.noMark, key)
			continue
		}
		if rate, ok := p.needRate(&t, h.Instrument.Currency); ok {
			worth := v.Value
			if !h.Instrument.settlesNotional() {
				worth = v.Unrealized
			}
			t.equity = t.equity.Add(convert(worth, rate))
			t.unrealized = t.unrealized.Add(convert(v.Unrealized, rate))
		}
	}
	return t
}

// needRate returns the live rate of a currency, or notes that it is missing.
func (p *Portfolio) needRate(t *totals, c Currency) (Decimal, bool) {
	if c == p.base {
		return one, true
	}
	if r, ok := p.fx[c]; ok {
		return r.Rate, true
	}
	note(&t.noRate, c)
	return Decimal{}, false
}

// convertLate converts at the live rate what was recorded without one, and notes what cannot be.
func (p *Portfolio) convertLate(t *totals, c Currency, amount Decimal) Decimal {
	if amount.IsZero() {
		return amount
	}
	r, ok := p.fx[c]
	if !ok {
		note(&t.unrated, c)
		return Decimal{}
	}
	return convert(amount, r.Rate)
}

func note(set *map[Currency]bool, c Currency) {
	if *set == nil {
		*set = map[Currency]bool{}
	}
	(*set)[c] = true
}

// value returns an open position at its mark, without the position's own fields.
func (p *Portfolio) value(h *holding) (PositionValue, bool) {
	m, ok := p.marks[h.key]
	if !ok {
		return PositionValue{}, false
	}
	v := PositionValue{Mark: m}
	v.Value = convert(convert(h.Quantity, h.Instrument.Multiplier), m.Price)
	v.Unrealized = v.Value.Sub(h.Basis)
	return v, true
}

// Positions returns a copy of what is held, ordered by key, without contracts that are flat.
func (p *Portfolio) Positions() []Position {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var out []Position
	for _, key := range sortedKeys(p.live.positions) {
		if h := p.live.positions[key]; !h.Quantity.IsZero() {
			out = append(out, h.position(true))
		}
	}
	return out
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
	t := p.totals(p.live)
	p.mu.RUnlock()
	m := t.missing()
	if m == nil && len(t.unrated) > 0 {
		m = &MissingError{ProfileID: p.id, Rates: sortedKeys(t.unrated)}
	}
	if m != nil {
		return fmt.Errorf("record equity: %w", m)
	}
	point := t.point(at)
	_, err := p.recordAll(ctx, 1, true, func(*command, int) (payload, error) { return point.normalized() })
	return err
}

// point is the totals as an equity point.
func (t *totals) point(at time.Time) EquityPoint {
	return EquityPoint{Time: at, Equity: t.equity, Cash: t.cash, Realized: t.realized, Unrealized: t.unrealized, Capital: t.capital}
}
