package ledger

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/invalid"
)

// Prices are the marks and conversion rates that are known now. They are not safe for concurrent
// use.
type Prices struct {
	Base  Currency               `json:"base"` // what everything is converted to
	Marks map[InstrumentKey]Mark `json:"marks"`
	Rates map[Currency]FXRate    `json:"rates"`
}

// NewPrices returns prices without any mark or rate.
func NewPrices(base Currency) *Prices {
	return &Prices{Base: base, Marks: map[InstrumentKey]Mark{}, Rates: map[Currency]FXRate{}}
}

// Rate returns the worth of one unit of the currency in base currency, and since when that rate
// holds. The base currency has rate 1 and the zero time. ok is false if no rate is known.
func (p *Prices) Rate(c Currency) (rate Decimal, at time.Time, ok bool) {
	if c == p.Base {
		return num.One, time.Time{}, true
	}
	r, ok := p.Rates[c]
	return r.Rate, r.Time, ok
}

// SetMark takes a normalized mark of the contract, unless a newer one is known. A mark that tells
// no price (see [Mark]) takes the known one away. It reports whether it took the mark.
func (p *Prices) SetMark(key InstrumentKey, m Mark) bool {
	if old, ok := p.Marks[key]; ok && m.Time.Before(old.Time) {
		return false
	}
	if m.tells() {
		p.Marks[key] = m
	} else {
		delete(p.Marks, key)
	}
	return true
}

// SetRate takes a normalized conversion rate, unless a newer one of the currency is known. It
// reports whether it took the rate.
func (p *Prices) SetRate(r FXRate) bool {
	if old, ok := p.Rates[r.Currency]; ok && r.Time.Before(old.Time) {
		return false
	}
	p.Rates[r.Currency] = r
	return true
}

// convert returns an amount in base currency, and lowers oldest to the time of the rate. Without a
// rate it adds the currency to lacks and returns zero.
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

// Mark is the price of one contract at one time. Zero is a price of options, warrants and futures
// alone: of anything else, zero says that the price is not known. A security without any worth is
// marked at the least price that there is.
type Mark struct {
	Instrument Instrument `json:"instrument"`
	Price      Decimal    `json:"price"` // per unit, in the instrument's currency; negative for futures alone
	Time       time.Time  `json:"time"`  // when the price held
}

// tells reports whether the mark tells a price.
func (m *Mark) tells() bool {
	return !m.Price.IsZero() || m.Instrument.IsOption() || m.Instrument.SecType == Future
}

// Normalize fills in the instrument's defaults, cuts the time to microseconds in UTC, and checks
// every field. Its error is an [invalid.Error] (invalid.Err).
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

// FXRate is the worth of one unit of a currency in the base currency.
type FXRate struct {
	Currency Currency  `json:"currency"`
	Rate     Decimal   `json:"rate"` // positive
	Time     time.Time `json:"time"`
}

// Normalize trims the rate, cuts the time to microseconds in UTC, and checks every field. Its error
// is an [invalid.Error] (invalid.Err), or ErrCurrencyMismatch for a rate of the base currency other
// than 1.
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
