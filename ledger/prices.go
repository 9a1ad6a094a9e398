package ledger

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/invalid"
)

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
		return num.One, time.Time{}, true
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
	return num.Convert(amount, rate)
}

// Mark is the price of one contract at one time.
type Mark struct {
	Instrument Instrument `json:"instrument"`
	Price      Decimal    `json:"price"` // per unit, in the instrument's currency; negative for futures alone
	Time       time.Time  `json:"time"`  // when the price held
}

// Normalize fills in the instrument's defaults and checks every field.
func (m *Mark) Normalize() error {
	v := &invalid.Error{What: "mark"}
	v.Check(!m.Price.IsNeg() || m.Instrument.SecType == Future, "Price", "%s is negative", m.Price)
	num.CheckAmount(v, "Price", m.Price)
	checkTime(v, "Time", m.Time)
	if err := v.Err(); err != nil {
		return err
	}
	m.Time = wire.Time(m.Time)
	return m.Instrument.Normalize()
}

// FXRate is what one unit of a currency is worth in the base currency.
type FXRate struct {
	Currency Currency  `json:"currency"`
	Rate     Decimal   `json:"rate"` // positive
	Time     time.Time `json:"time"`
}

// Normalize trims the rate and checks every field. ErrCurrencyMismatch for a rate of the base currency other than 1.
func (r *FXRate) Normalize(base Currency) error {
	v := &invalid.Error{What: "rate"}
	v.Check(r.Currency.Valid(), "Currency", "%.20q is not three capital letters", r.Currency)
	v.Check(r.Rate.IsPos() && r.Rate.LessThan(num.MaxInput), "Rate", "%s is not positive and below 1e15", r.Rate)
	checkTime(v, "Time", r.Time)
	if err := v.Err(); err != nil {
		return err
	}
	if r.Currency == base && !r.Rate.Equal(num.One) {
		return fmt.Errorf("%w: %s is the base currency", ErrCurrencyMismatch, r.Currency)
	}
	r.Rate, r.Time = num.Trim(r.Rate), wire.Time(r.Time)
	return nil
}
