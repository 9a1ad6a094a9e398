package sizing

import (
	"fmt"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

// FixedFraction puts the same fraction of equity at risk with every signal.
type FixedFraction struct {
	// Fraction is 0 to 100. Zero stands for the profile's limit OrderNotional, which by default
	// depends on its capital level.
	Fraction ledger.Decimal
}

// Notional implements [Sizer]. It returns invalid.Err for a fraction below 0 or above 100, and for
// a zero fraction without a limit OrderNotional.
func (f FixedFraction) Notional(s Sizing) (ledger.Decimal, error) {
	if f.Fraction.IsZero() {
		amount, set := s.Limits.OrderNotional.Of(s.Equity)
		if !set {
			return ledger.Decimal{}, fmt.Errorf("%w: no fraction, and no limit to an order's notional", invalid.Err)
		}
		return amount, nil
	}
	return fractionOf(s.Equity, f.Fraction)
}

// fractionOf returns a fraction of equity, or invalid.Err for a fraction below 0 or above 100.
func fractionOf(equity, fraction ledger.Decimal) (ledger.Decimal, error) {
	if fraction.IsNeg() || fraction.GreaterThan(num.MaxFraction) {
		return ledger.Decimal{}, fmt.Errorf("%w: fraction %s is not 0 to %s", invalid.Err, fraction, num.MaxFraction)
	}
	return num.Convert(equity, fraction), nil
}

// FixedNotional puts the same amount at risk with every signal, whatever the equity.
type FixedNotional struct {
	Amount ledger.Decimal // in the profile's base currency, above 0 and below 1e15
}

// Notional implements [Sizer]. It returns invalid.Err for an amount that is not positive and below
// 1e15.
func (f FixedNotional) Notional(Sizing) (ledger.Decimal, error) {
	if !f.Amount.IsPos() || f.Amount.GreaterThanOrEqual(num.MaxInput) {
		return ledger.Decimal{}, fmt.Errorf("%w: amount %s is not positive and below 1e15", invalid.Err, f.Amount)
	}
	return f.Amount, nil
}

// ConfidenceWeighted puts the fraction of FixedFraction times the signal's confidence at risk.
type ConfidenceWeighted struct {
	Fraction ledger.Decimal // at full confidence; as for FixedFraction
}

// Notional implements [Sizer]. It returns invalid.Err for a signal without confidence, and as
// FixedFraction does.
func (c ConfidenceWeighted) Notional(s Sizing) (ledger.Decimal, error) {
	if s.Confidence.IsZero() {
		return ledger.Decimal{}, fmt.Errorf("%w: the signal states no confidence", invalid.Err)
	}
	full, err := FixedFraction(c).Notional(s)
	return num.Convert(full, s.Confidence), err
}

// VolatilityTarget puts so much at risk that the position alone would give equity the target
// volatility: equity × target ÷ the contract's volatility (Moreira and Muir, "Volatility-Managed
// Portfolios", Journal of Finance 72, 2017).
type VolatilityTarget struct {
	Target ledger.Decimal // annualized, of equity: 0.02 for 2 %; above 0, at most 100
	Max    ledger.Decimal // fraction of equity at most; as for FixedFraction
}

// Notional implements [Sizer]. It returns invalid.Err for a signal without volatility, for a target
// out of range, and as FixedFraction does for Max.
func (v VolatilityTarget) Notional(s Sizing) (ledger.Decimal, error) {
	if !s.Volatility.IsPos() {
		return ledger.Decimal{}, fmt.Errorf("%w: the signal states no volatility", invalid.Err)
	}
	if !v.Target.IsPos() || v.Target.GreaterThan(num.MaxFraction) {
		return ledger.Decimal{}, fmt.Errorf("%w: target %s is not above 0 and at most %s", invalid.Err,
			v.Target, num.MaxFraction)
	}
	most, err := FixedFraction{v.Max}.Notional(s)
	return num.Min(num.Share(s.Equity, v.Target, s.Volatility), most), err
}

// FractionalKelly puts a part of the Kelly fraction at risk: p − (1 − p) ÷ b of equity, where p is
// the probability of a win, and b the gain of a win per unit that a loss costs (J. L. Kelly, "A New
// Interpretation of Information Rate", Bell System Technical Journal 35, 1956). The signal's
// Confidence is p, its Payoff b. Where the fraction is not positive, there is no order.
type FractionalKelly struct {
	Part ledger.Decimal // of the Kelly fraction, above 0 and at most 1: 0.5 for half Kelly
	Max  ledger.Decimal // fraction of equity at most; as for FixedFraction
}

// Notional implements [Sizer]. It returns invalid.Err for a signal without confidence or payoff,
// for a part out of range, and as FixedFraction does for Max.
func (k FractionalKelly) Notional(s Sizing) (ledger.Decimal, error) {
	p, b := s.Confidence, s.Payoff
	if p.IsZero() || !b.IsPos() {
		return ledger.Decimal{}, fmt.Errorf("%w: the signal states no confidence or no payoff", invalid.Err)
	}
	if !k.Part.IsPos() || k.Part.GreaterThan(num.One) {
		return ledger.Decimal{}, fmt.Errorf("%w: part %s is not above 0 and at most 1", invalid.Err, k.Part)
	}
	most, err := FixedFraction{k.Max}.Notional(s)
	fraction := num.Convert(p.Sub(num.Share(num.One.Sub(p), num.One, b)), k.Part)
	if !fraction.IsPos() {
		return ledger.Decimal{}, err
	}
	return num.Min(num.Convert(s.Equity, fraction), most), err
}
