package ledger

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/invalid"
)

// Split is a corporate action that turns every Denominator units of From into Numerator units of
// To, and leaves the cost basis as it is: a stock split (4 for 1), a reverse split (1 for 25), a
// stock dividend (21 for 20), a change of name or contract (1 for 1).
//
// With Whole set it is a spin-off: From keeps its units, and for every Denominator of them come
// Numerator units of To. Part of every Whole of each lot's basis goes with them, the rest stays.
// The new lots have the opening times of the old ones. Nothing is realized.
type Split struct {
	ID          string     `json:"id"` // required; makes it idempotent
	From        Instrument `json:"from"`
	To          Instrument `json:"to"` // the same as From unless the contract changes
	Numerator   Decimal    `json:"numerator"`
	Denominator Decimal    `json:"denominator"`
	// Part and Whole say what of the basis goes to To in a spin-off, such as 10 of every 40 paid.
	// Part is not negative and not above Whole. Both are zero for what is no spin-off.
	Part  Decimal `json:"part,omitzero"`
	Whole Decimal `json:"whole,omitzero"`
	// Rate converts the basis that moves: units of To's currency per unit of From's. It is zero
	// where the two are one currency, and required where they are not.
	Rate Decimal   `json:"rate,omitzero"`
	Time time.Time `json:"time"`
}

// SpinsOff reports whether From keeps its units, and To is beside it.
func (s *Split) SpinsOff() bool { return !s.Whole.IsZero() }

// normalize checks every field, trims the decimals and cuts the time to microseconds in UTC.
func (s *Split) normalize() error {
	v := &invalid.Error{What: "split"}
	checkID(v, s.ID)
	v.Check(s.Numerator.IsPos() && s.Numerator.LessThan(num.MaxInput), "Numerator",
		"%s is not positive and below 1e15", s.Numerator)
	v.Check(s.Denominator.IsPos() && s.Denominator.LessThan(num.MaxInput), "Denominator",
		"%s is not positive and below 1e15", s.Denominator)
	v.Check(!s.Whole.IsNeg() && s.Whole.LessThan(num.MaxInput), "Whole", "%s is negative, or 1e15 or more", s.Whole)
	v.Check(!s.Part.IsNeg() && !s.Part.GreaterThan(s.Whole), "Part", "%s is not from zero to Whole, %s", s.Part, s.Whole)
	num.CheckRate(v, "Rate", s.Rate)
	checkTime(v, "Time", s.Time)
	err := v.Err()
	if err == nil {
		err = s.From.Normalize()
	}
	if err == nil {
		err = s.To.Normalize()
	}
	if err == nil && (s.From.SecType == Forex || s.To.SecType == Forex) {
		err = fmt.Errorf("%w: a currency pair cannot split", invalid.Err)
	}
	if err == nil && (s.From.Currency != s.To.Currency) == s.Rate.IsZero() {
		err = fmt.Errorf("%w: from %s to %s at a rate of %s", ErrCurrencyMismatch, s.From.Currency, s.To.Currency, s.Rate)
	}
	if err == nil && s.SpinsOff() && s.From.Key() == s.To.Key() {
		err = fmt.Errorf("%w: %s spins itself off", invalid.Err, s.From)
	}
	if err != nil {
		return fmt.Errorf("split %.60q: %w", s.ID, err)
	}
	s.Numerator, s.Denominator = num.Trim(s.Numerator), num.Trim(s.Denominator)
	s.Part, s.Whole, s.Rate = num.Trim(s.Part), num.Trim(s.Whole), num.Trim(s.Rate)
	s.Time = wire.Time(s.Time)
	return nil
}

// Scale returns a quantity scaled by the split's ratio. Where the ratio does not divide
// evenly, the result is rounded to 12 places.
func (s *Split) Scale(q Decimal) Decimal {
	return num.Trim(num.Share(q, s.Numerator, s.Denominator))
}

// Moves returns what of a basis goes to To, in From's currency.
func (s *Split) Moves(basis Decimal) Decimal {
	if !s.SpinsOff() {
		return basis
	}
	return num.Share(basis, s.Part, s.Whole)
}

// Converted returns a basis in To's currency.
func (s *Split) Converted(basis Decimal) Decimal {
	if s.Rate.IsZero() {
		return basis
	}
	return num.Convert(basis, s.Rate)
}

func (s *Split) appendFields(b []byte) []byte { return wire.AppendFields(b, s) }
func (Split) fact()                           {}
func (s *Split) kind() EntryKind              { return KindSplit }
func (s *Split) when() time.Time              { return s.Time }
func (s *Split) entryKey() string             { return "s:" + s.ID }
