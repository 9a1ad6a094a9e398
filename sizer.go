package accounts

import "fmt"

// Sizing is what an order is sized by. What Limits point to is shared: a sizer must not change it.
type Sizing struct {
	Profile    string     `json:"profile"` // the id of the profile that is sized for
	Signal     SignalID   `json:"signal"`
	Instrument Instrument `json:"instrument"`
	Sells      bool       `json:"sells"`          // the order would sell to open
	Price      Decimal    `json:"price,omitzero"` // the limit per unit in the instrument's currency; zero for an order at the market
	Strategy   string     `json:"strategy,omitempty"`
	Sector     string     `json:"sector,omitempty"`

	// What the signal says of its odds; zero if not known.

	Confidence Decimal `json:"confidence,omitzero"` // that the trade wins, 0 to 1
	Volatility Decimal `json:"volatility,omitzero"` // of the contract, annualized, 0.2 for 20 %
	Payoff     Decimal `json:"payoff,omitzero"`     // average win ÷ average loss

	Limits RiskLimits `json:"limits"` // in force
	Equity Decimal    `json:"equity"` // of the profile, in its base currency
	Unit   Decimal    `json:"unit"`   // what one unit puts at risk, in base currency: see RiskLimits
}

// Sizer says how much a signal puts at risk in a profile. It must be safe for concurrent use, and
// must not call the profile's portfolio.
type Sizer interface {
	// Notional returns the amount in base currency; the order is for as many whole units as it is
	// enough for. Zero or less makes no order. An error, of which 200 bytes are kept, is the reason of a
	// refusal, and so is a panic.
	Notional(Sizing) (Decimal, error)
}

// SizerFunc is a function as a Sizer.
type SizerFunc func(Sizing) (Decimal, error)

// Notional calls f.
func (f SizerFunc) Notional(s Sizing) (Decimal, error) { return f(s) }

// FixedFraction puts the same fraction of equity at risk with every signal.
type FixedFraction struct {
	Fraction Decimal // zero for what the profile's limits allow an order, which by default depends on its capital level
}

// Notional implements Sizer. ErrInvalid for a fraction that is negative or above 100, and if neither it nor a limit says how much.
func (f FixedFraction) Notional(s Sizing) (Decimal, error) {
	if f.Fraction.IsZero() {
		amount, set := s.Limits.OrderNotional.Of(s.Equity)
		if !set {
			return Decimal{}, fmt.Errorf("%w: no fraction, and no limit to an order's notional", ErrInvalid)
		}
		return amount, nil
	}
	return fractionOf(s.Equity, f.Fraction)
}

func fractionOf(equity, fraction Decimal) (Decimal, error) {
	if fraction.IsNeg() || fraction.GreaterThan(maxFraction) {
		return Decimal{}, fmt.Errorf("%w: fraction %s is not 0 to %s", ErrInvalid, fraction, maxFraction)
	}
	return convert(equity, fraction), nil
}

// FixedNotional puts the same amount at risk with every signal, whatever the profile is worth.
type FixedNotional struct {
	Amount Decimal // in the profile's base currency
}

// Notional implements Sizer. ErrInvalid for an amount that is not positive and below 1e15.
func (f FixedNotional) Notional(Sizing) (Decimal, error) {
	if !f.Amount.IsPos() || f.Amount.GreaterThanOrEqual(maxInput) {
		return Decimal{}, fmt.Errorf("%w: amount %s is not positive and below 1e15", ErrInvalid, f.Amount)
	}
	return f.Amount, nil
}

// ConfidenceWeighted is FixedFraction times the signal's confidence.
type ConfidenceWeighted struct {
	Fraction Decimal // at full confidence; zero as for FixedFraction
}

// Notional implements Sizer. ErrInvalid for a signal without confidence, and as for FixedFraction.
func (c ConfidenceWeighted) Notional(s Sizing) (Decimal, error) {
	if s.Confidence.IsZero() {
		return Decimal{}, fmt.Errorf("%w: the signal states no confidence", ErrInvalid)
	}
	full, err := FixedFraction(c).Notional(s)
	return convert(full, s.Confidence), err
}

// VolatilityTarget puts so much at risk that the position alone would make equity as volatile as the target: target ÷
// volatility of equity (Moreira and Muir, "Volatility-Managed Portfolios", Journal of Finance 72, 2017).
type VolatilityTarget struct {
	Target Decimal // annualized, of equity: 0.02 for 2 %
	Max    Decimal // fraction of equity at most; zero as for FixedFraction
}

// Notional implements Sizer. ErrInvalid for a signal without volatility, for a target that is not above 0 and at most 100, and as for FixedFraction.
func (v VolatilityTarget) Notional(s Sizing) (Decimal, error) {
	if !s.Volatility.IsPos() {
		return Decimal{}, fmt.Errorf("%w: the signal states no volatility", ErrInvalid)
	}
	if !v.Target.IsPos() || v.Target.GreaterThan(maxFraction) {
		return Decimal{}, fmt.Errorf("%w: target %s is not above 0 and at most %s", ErrInvalid, v.Target, maxFraction)
	}
	most, err := FixedFraction{v.Max}.Notional(s)
	return minDecimal(share(s.Equity, v.Target, s.Volatility), most), err
}

// FractionalKelly puts a part of the Kelly fraction at risk: p − (1 − p) ÷ b of equity, where p is the probability
// to win and b what a win brings for each unit that a loss costs (J. L. Kelly, "A New Interpretation of Information Rate",
// Bell System Technical Journal 35, 1956). The signal's Confidence is taken for p, its Payoff for b.
// Where the odds are against it, there is no order.
type FractionalKelly struct {
	Part Decimal // of the Kelly fraction, above 0 and at most 1: 0.5 for half Kelly
	Max  Decimal // fraction of equity at most; zero as for FixedFraction
}

// Notional implements Sizer. ErrInvalid for a signal without confidence or payoff, for a part out of range, and as for FixedFraction.
func (k FractionalKelly) Notional(s Sizing) (Decimal, error) {
	p, b := s.Confidence, s.Payoff
	if p.IsZero() || !b.IsPos() {
		return Decimal{}, fmt.Errorf("%w: the signal states no confidence or no payoff", ErrInvalid)
	}
	if !k.Part.IsPos() || k.Part.GreaterThan(one) {
		return Decimal{}, fmt.Errorf("%w: part %s is not above 0 and at most 1", ErrInvalid, k.Part)
	}
	most, err := FixedFraction{k.Max}.Notional(s)
	fraction := convert(p.Sub(share(one.Sub(p), one, b)), k.Part)
	if !fraction.IsPos() {
		return Decimal{}, err
	}
	return minDecimal(convert(s.Equity, fraction), most), err
}
