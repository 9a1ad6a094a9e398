package accounts

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Mark is the price of one contract at one time.
type Mark struct {
	Instrument Instrument `json:"instrument"`
	Price      Decimal    `json:"price"` // per unit, in the instrument's currency; negative for futures alone
	Time       time.Time  `json:"time"`  // when the price held
}

// normalize fills in the instrument's defaults and checks every field.
func (m *Mark) normalize() error {
	v := &ValidationError{What: "mark"}
	v.check(!m.Price.IsNeg() || m.Instrument.SecType == Future, "Price", "%s is negative", m.Price)
	checkAmount(v, "Price", m.Price)
	checkTime(v, "Time", m.Time)
	if err := v.err(); err != nil {
		return err
	}
	m.Time = normalTime(m.Time)
	return m.Instrument.normalize()
}

// FXRate is what one unit of a currency is worth in the base currency.
type FXRate struct {
	Currency Currency  `json:"currency"`
	Rate     Decimal   `json:"rate"` // positive
	Time     time.Time `json:"time"`
}

// normalize trims the rate and checks every field. ErrCurrencyMismatch for a rate of the base currency other than 1.
func (r *FXRate) normalize(base Currency) error {
	v := &ValidationError{What: "rate"}
	v.check(r.Currency.Valid(), "Currency", "%.20q is not three capital letters", r.Currency)
	v.check(r.Rate.IsPos() && r.Rate.LessThan(maxInput), "Rate", "%s is not positive and below 1e15", r.Rate)
	checkTime(v, "Time", r.Time)
	if err := v.err(); err != nil {
		return err
	}
	if r.Currency == base && !r.Rate.Equal(one) {
		return fmt.Errorf("%w: %s is the base currency", ErrCurrencyMismatch, r.Currency)
	}
	r.Rate, r.Time = trimZeros(r.Rate), normalTime(r.Time)
	return nil
}

// Prices are marks and conversion rates as they are known now. They are not safe for concurrent use.
type Prices struct {
	Base  Currency // what everything is converted to
	Marks map[InstrumentKey]Mark
	Rates map[Currency]FXRate
}

// NewPrices returns prices of which none is known yet.
func NewPrices(base Currency) *Prices {
	return &Prices{Base: base, Marks: map[InstrumentKey]Mark{}, Rates: map[Currency]FXRate{}}
}

// Rate returns what a unit of the currency is worth in base currency, and since when. That of the base currency is 1,
// with the zero time. ok is false where no rate is known.
func (p *Prices) Rate(c Currency) (rate Decimal, at time.Time, ok bool) {
	if c == p.Base {
		return one, time.Time{}, true
	}
	r, ok := p.Rates[c]
	return r.Rate, r.Time, ok
}

// SetMark takes a price that is normalized, unless there is a newer one of the contract. It reports whether it did.
func (p *Prices) SetMark(key InstrumentKey, m Mark) bool {
	if old, ok := p.Marks[key]; ok && m.Time.Before(old.Time) {
		return false
	}
	p.Marks[key] = m
	return true
}

// SetRate takes a conversion rate that is normalized, unless there is a newer one of the currency. It reports whether
// it did.
func (p *Prices) SetRate(r FXRate) bool {
	if old, ok := p.Rates[r.Currency]; ok && r.Time.Before(old.Time) {
		return false
	}
	p.Rates[r.Currency] = r
	return true
}

// PositionValue is a position at its mark.
type PositionValue struct {
	Position
	Mark       Mark    `json:"mark,omitzero"` // the zero Mark if there is none: then Value and Unrealized are zero and mean nothing
	Value      Decimal `json:"value"`         // Quantity × price × multiplier, in the instrument's currency
	Unrealized Decimal `json:"unrealized"`    // Value − Basis
}

// Marked reports whether there is a mark.
func (v PositionValue) Marked() bool { return !v.Mark.Time.IsZero() }

// value is what a position is worth at a price per unit, in the instrument's currency, and what of that is
// unrealized.
func (h *holding) value(price Decimal) (value, unrealized Decimal) {
	value = convert(convert(h.Quantity, h.Instrument.Multiplier), price)
	return value, value.Sub(h.Basis)
}

// worth is what a position adds to equity at a price per unit and a conversion rate, in base currency: its value, or,
// where only differences are ever paid, what is unrealized.
func (h *holding) worth(price, rate Decimal) Decimal {
	value, unrealized := h.value(price)
	if !h.Instrument.settlesNotional() {
		return convert(unrealized, rate)
	}
	return convert(value, rate)
}

// Value returns the position in one contract at its mark, flat ones too; false if it was never held.
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
	Balance Decimal
	Capital Decimal   // deposits, withdrawals and opening balances
	Oldest  time.Time // of the conversion rates in use the oldest; zero for none

	noRate  map[Currency]bool // balances that could not be converted
	unrated map[Currency]bool // capital that could not be
}

// Known reports whether everything could be converted.
func (t *CashTotals) Known() bool { return len(t.noRate) == 0 && len(t.unrated) == 0 }

// CashTotals adds up what the book has in cash. Capital that was recorded without a rate is taken at the live one.
func (b *Book) CashTotals(p *Prices) (t CashTotals) {
	for currency, c := range b.cash {
		if currency == p.Base { // on the path of every order: no rate to be looked up
			t.Balance, t.Capital = t.Balance.Add(c.Balance()), t.Capital.Add(c.CapitalBase).Add(c.Unconverted)
			continue
		}
		t.Balance = t.Balance.Add(p.convert(c.Balance(), currency, &t.noRate, &t.Oldest))
		t.Capital = t.Capital.Add(c.CapitalBase).Add(p.convert(c.Unconverted, currency, &t.unrated, &t.Oldest))
	}
	return t
}

// convert returns an amount in base currency. Where there is no rate it notes the currency, and the
// result is zero.
func (p *Prices) convert(amount Decimal, c Currency, lacks *map[Currency]bool, oldest *time.Time) Decimal {
	if amount.IsZero() {
		return amount
	}
	rate, at, ok := p.Rate(c)
	if !ok {
		if *lacks == nil {
			*lacks = map[Currency]bool{}
		}
		(*lacks)[c] = true
		return Decimal{}
	}
	if c != p.Base && (oldest.IsZero() || at.Before(*oldest)) {
		*oldest = at
	}
	return convert(amount, rate)
}

// Totals are what a book comes to in base currency, and what could not be told. The sums lack what is listed.
type Totals struct {
	Cash       Decimal // all balances
	Equity     Decimal // cash plus what is held, at marks
	Unrealized Decimal
	Realized   Decimal // since the journal began
	Capital    Decimal // deposits, withdrawals and opening balances since the journal began

	NoMark  []InstrumentKey // open positions without a mark, in ascending order
	NoRate  []Currency      // currencies of what is held that could not be converted, in ascending order
	Unrated []Currency      // currencies of what was realized or moved that could not be, in ascending order
}

// Known reports whether equity could be told.
func (t *Totals) Known() bool { return len(t.NoMark) == 0 && len(t.NoRate) == 0 }

// Complete reports whether everything could be told.
func (t *Totals) Complete() bool { return t.Known() && len(t.Unrated) == 0 }

// Lacking returns every currency that something could not be converted from, in ascending order.
func (t *Totals) Lacking() []Currency {
	all := slices.Concat(t.NoRate, t.Unrated)
	slices.Sort(all)
	return slices.Compact(all)
}

// Point returns the totals as an equity point.
func (t *Totals) Point(at time.Time) EquityPoint {
	return EquityPoint{Time: at, Equity: t.Equity, Cash: t.Cash, Realized: t.Realized, Unrealized: t.Unrealized, Capital: t.Capital}
}

// Totals adds everything up at prices.
func (b *Book) Totals(p *Prices) Totals {
	cash := b.CashTotals(p)
	t := Totals{Cash: cash.Balance, Equity: cash.Balance, Capital: cash.Capital}
	noRate, unrated, oldest := cash.noRate, cash.unrated, cash.Oldest
	for key, h := range b.positions {
		t.Realized = t.Realized.Add(h.realizedBase()).Add(p.convert(h.Unconverted, h.Instrument.Currency, &unrated, &oldest))
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
		_, unrealized := h.value(m.Price)
		t.Equity = t.Equity.Add(h.worth(m.Price, rate))
		t.Unrealized = t.Unrealized.Add(convert(unrealized, rate))
	}
	slices.Sort(t.NoMark)
	t.NoRate, t.Unrated = slices.Sorted(maps.Keys(noRate)), slices.Sorted(maps.Keys(unrated))
	return t
}
