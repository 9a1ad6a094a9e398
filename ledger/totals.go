package ledger

import (
	"maps"
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
)

// Totals are the sums of a book in base currency at given prices. If the lists are not empty, the
// sums lack the listed positions and currencies.
type Totals struct {
	Cash       Decimal `json:"cash"`   // all balances
	Equity     Decimal `json:"equity"` // cash plus what is held, at marks
	Unrealized Decimal `json:"unrealized"`
	Realized   Decimal `json:"realized"` // since the journal began
	Capital    Decimal `json:"capital"`  // deposits, withdrawals and opening balances of cash since the journal began
	// InKind is what positions were worth that came, or below zero went, otherwise than by trades
	// since then.
	InKind Decimal `json:"in_kind"`
	// Notional is what is held, by notional.
	Notional Notional `json:"notional"`

	NoMark  []InstrumentKey `json:"no_mark"` // open positions without a mark, in ascending order
	NoRate  []Currency      `json:"no_rate"` // currencies of what is held that could not be converted, in ascending order
	Unrated []Currency      `json:"unrated"` // currencies of what was realized or moved that could not be, in ascending order
}

// Known reports whether equity is known: no mark or rate of a position or a balance is missing.
func (t *Totals) Known() bool { return len(t.NoMark) == 0 && len(t.NoRate) == 0 }

// Complete reports whether all sums are known, realized P&L and capital included.
func (t *Totals) Complete() bool { return t.Known() && len(t.Unrated) == 0 }

// Lacking returns all currencies without a needed conversion rate, in ascending order.
func (t *Totals) Lacking() []Currency {
	all := slices.Concat(t.NoRate, t.Unrated)
	slices.Sort(all)
	return slices.Compact(all)
}

// Point returns the book's totals as an equity point, and the totals.
func (b *Book) Point(p *Prices, at time.Time) (EquityPoint, Totals) {
	t := b.Totals(p)
	return EquityPoint{Time: at, Equity: t.Equity, Cash: t.Cash, Realized: t.Realized, Unrealized: t.Unrealized,
		Capital: t.Capital, InKind: t.InKind, Rates: b.rates(p), Unrated: t.Unrated, Notional: &Notional{t.Notional.Long, t.Notional.Short}, Derived: true}, t
}

// rates returns the rates of the foreign currencies of cash and of capital in kind; nil for none.
func (b *Book) rates(p *Prices) map[Currency]Decimal {
	var rates map[Currency]Decimal
	add := func(c Currency) {
		if rate, _, known := p.Rate(c); known && c != p.Base {
			if rates == nil {
				rates = map[Currency]Decimal{}
			}
			rates[c] = rate
		}
	}
	for c := range b.cash {
		add(c)
	}
	for c := range b.kind {
		add(c)
	}
	return rates
}

// PositionValue is a position valued at its mark.
type PositionValue struct {
	Position
	// Mark is zero if there is none. Value and Unrealized are zero then, and mean nothing.
	Mark       Mark    `json:"mark,omitzero"`
	Value      Decimal `json:"value"`      // Quantity × price × multiplier, in the instrument's currency
	Unrealized Decimal `json:"unrealized"` // Value − Basis
}

// Marked reports whether there is a mark.
func (v PositionValue) Marked() bool { return !v.Mark.Time.IsZero() }

// Value returns the position in one contract at its mark, flat positions too; false if the contract
// was never held.
func (b *Book) Value(key InstrumentKey, p *Prices) (PositionValue, bool) {
	h := b.positions[key]
	if h == nil {
		return PositionValue{}, false
	}
	v := PositionValue{Position: h.position(true)}
	if m, ok := p.Marks[key]; ok && !h.Quantity.IsZero() {
		v.Mark = m
		v.Value, v.Unrealized = h.value(m.Price)
	}
	return v, true
}

// CashTotals are the cash balances and the capital in base currency.
type CashTotals struct {
	Balance Decimal   `json:"balance"`
	Capital Decimal   `json:"capital"`         // deposits, withdrawals and opening balances of cash
	InKind  Decimal   `json:"in_kind"`         // as in [Totals]
	Oldest  time.Time `json:"oldest,omitzero"` // the time of the oldest conversion rate in use; zero for none

	noRate  map[Currency]bool // currencies of balances without a rate
	unrated map[Currency]bool // currencies of capital without a rate
}

// BalanceKnown reports whether all balances could be converted.
func (t *CashTotals) BalanceKnown() bool { return len(t.noRate) == 0 }

// Known reports whether all balances and all capital could be converted.
func (t *CashTotals) Known() bool { return len(t.noRate) == 0 && len(t.unrated) == 0 }

// CashTotals adds up the cash balances and the capital. Capital that was recorded without a rate is
// converted at the present one.
func (b *Book) CashTotals(p *Prices) (t CashTotals) {
	for currency, c := range b.cash {
		if currency == p.Base { // on the path of every order: no rate to be looked up
			t.Balance, t.Capital = t.Balance.Add(c.Balance()), t.Capital.Add(c.CapitalBase).Add(c.Unconverted)
			continue
		}
		t.Balance = t.Balance.Add(p.convert(c.Balance(), currency, &t.noRate, &t.Oldest))
		t.Capital = t.Capital.Add(c.CapitalBase).Add(p.convert(c.Unconverted, currency, &t.unrated, &t.Oldest))
	}
	for currency, k := range b.kind {
		t.InKind = t.InKind.Add(k.Base).Add(p.convert(k.Unrated, currency, &t.unrated, &t.Oldest))
	}
	return t
}

// Totals values the whole book at prices. Realized P&L and capital that were recorded without a
// rate are converted at the present one.
func (b *Book) Totals(p *Prices) Totals {
	cash := b.CashTotals(p)
	t := Totals{Cash: cash.Balance, Equity: cash.Balance, Capital: cash.Capital, InKind: cash.InKind}
	noRate, unrated, oldest := cash.noRate, cash.unrated, cash.Oldest
	for key, h := range b.positions {
		t.Realized = t.Realized.Add(h.realizedBase()).Add(p.convert(h.Unconverted, h.Instrument.Currency,
			&unrated, &oldest))
		if h.Quantity.IsZero() {
			continue
		}
		m, marked := p.Marks[key]
		if !marked {
			t.NoMark = append(t.NoMark, key)
			continue
		}
		rate, _, rated := p.Rate(h.Instrument.Currency)
		if !rated {
			if noRate == nil {
				noRate = map[Currency]bool{}
			}
			noRate[h.Instrument.Currency] = true
			continue
		}
		value, unrealized := h.value(m.Price)
		t.Notional.add(h.Quantity, num.Convert(value, rate))
		t.Equity = t.Equity.Add(h.Worth(m.Price, rate))
		t.Unrealized = t.Unrealized.Add(num.Convert(unrealized, rate))
	}
	slices.Sort(t.NoMark)
	t.NoRate, t.Unrated = slices.Sorted(maps.Keys(noRate)), slices.Sorted(maps.Keys(unrated))
	return t
}
