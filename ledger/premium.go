package ledger

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
)

// PendingPremium is the premium of an exercised or assigned option that waits for the trade of its
// underlying, into whose proceeds it moves. A premium that stays is a sign of a missing trade.
type PendingPremium struct {
	Option     InstrumentKey `json:"option"`
	Underlying string        `json:"underlying"`
	Currency   Currency      `json:"currency"`
	Strike     Decimal       `json:"strike"`
	Quantity   Decimal       `json:"quantity"` // of the underlying that is still to trade, signed
	Amount     Decimal       `json:"amount"`   // positive when received
	Time       time.Time     `json:"time"`
}

// fits reports whether the trade is the delivery that the premium waits for: same underlying,
// currency, time and direction, and a price equal to the strike.
func (p *PendingPremium) fits(t *Trade) bool {
	return p.Time.Equal(t.Time) && p.Currency == t.Instrument.Currency && p.Strike.Equal(t.Price) &&
		p.Quantity.IsNeg() == t.Quantity.IsNeg() &&
		(p.Underlying == t.Instrument.Symbol || p.Underlying == t.Instrument.LocalSymbol)
}

// deferPremium sets an exercised option's gain aside for the trade of the underlying. Assignment of
// a short call sells the underlying; assignment of a short put buys it.
func (b *Book) deferPremium(t *Trade, closed, gain Decimal) {
	quantity := closed // one future for each option on it
	if t.Instrument.SecType != FutureOption {
		quantity = closed.Mul(t.Instrument.Multiplier)
	}
	if t.Instrument.Right == Call {
		quantity = quantity.Neg()
	}
	b.pending = append(b.pending, PendingPremium{
		Option: t.Contract(), Underlying: t.Instrument.Underlying, Currency: t.Instrument.Currency,
		Strike: t.Instrument.Strike, Quantity: quantity, Amount: gain, Time: t.Time,
	})
}

// takePremium returns the premium of the options that the trade delivers, and takes it off the
// pending ones.
func (b *Book) takePremium(t *Trade) Decimal {
	var premium Decimal
	left := t.Quantity.Abs()
	for i := 0; i < len(b.pending) && !left.IsZero(); i++ {
		p := &b.pending[i]
		if !p.fits(t) {
			continue
		}
		wanted := p.Quantity.Abs()
		n := left
		if wanted.LessThan(left) {
			n = wanted
		}
		part := num.Share(p.Amount, n, wanted)
		premium = premium.Add(part)
		p.Amount = p.Amount.Sub(part)
		p.Quantity = num.WithSign(wanted.Sub(n), p.Quantity)
		left = left.Sub(n)
	}
	b.pending = slices.DeleteFunc(b.pending, func(p PendingPremium) bool { return p.Quantity.IsZero() })
	return premium
}
