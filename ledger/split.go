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
type Split struct {
	ID          string     `json:"id"` // required; makes it idempotent
	From        Instrument `json:"from"`
	To          Instrument `json:"to"` // the same as From unless the contract changes
	Numerator   Decimal    `json:"numerator"`
	Denominator Decimal    `json:"denominator"`
	Time        time.Time  `json:"time"`
}

// normalize checks every field, trims the decimals and cuts the time to microseconds in UTC.
func (s *Split) normalize() error {
	v := &invalid.Error{What: "split"}
	checkID(v, s.ID)
	v.Check(s.Numerator.IsPos() && s.Numerator.LessThan(num.MaxInput), "Numerator",
		"%s is not positive and below 1e15", s.Numerator)
	v.Check(s.Denominator.IsPos() && s.Denominator.LessThan(num.MaxInput), "Denominator",
		"%s is not positive and below 1e15", s.Denominator)
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
	if err == nil && s.From.Currency != s.To.Currency {
		err = fmt.Errorf("%w: from %s to %s", ErrCurrencyMismatch, s.From.Currency, s.To.Currency)
	}
	if err != nil {
		return fmt.Errorf("split %.60q: %w", s.ID, err)
	}
	s.Numerator, s.Denominator = num.Trim(s.Numerator), num.Trim(s.Denominator)
	s.Time = wire.Time(s.Time)
	return nil
}

// Scale returns a quantity scaled by the split's ratio. Where the ratio does not divide
// evenly, the result is rounded to 12 places.
func (s *Split) Scale(q Decimal) Decimal {
	return num.Trim(num.Share(q, s.Numerator, s.Denominator))
}

func (s *Split) appendFields(b []byte) []byte { return wire.AppendFields(b, s) }
func (Split) fact()                           {}
func (s *Split) kind() EntryKind              { return KindSplit }
func (s *Split) when() time.Time              { return s.Time }
func (s *Split) entryKey() string             { return "s:" + s.ID }
