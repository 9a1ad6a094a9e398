package ledger

import (
	"fmt"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/internal/num"
)

// Decimal is an exact decimal number with up to 19 places after the point. Addition never rounds;
// multiplication is exact as long as the places of both factors add up to 19 at most, which
// validation makes sure of. The zero value is 0. Decimals are immutable and safe to share.
type Decimal = udecimal.Decimal

// ParseDecimal reads a plain decimal number such as "-12.50": an optional sign, digits, and at
// most 19 places after the point. Exponents, NaN, infinities, separators and magnitudes of 1e15
// or more are refused with ErrInvalidDecimal, never rounded.
func ParseDecimal(s string) (Decimal, error) {
	d, err := udecimal.Parse(s)
	if err != nil {
		return Decimal{}, fmt.Errorf("%w: %.40q", ErrInvalidDecimal, s)
	}
	if d.Abs().GreaterThanOrEqual(num.MaxInput) {
		return Decimal{}, fmt.Errorf("%w: %.40q is 1e15 or more", ErrInvalidDecimal, s)
	}
	return num.Trim(d), nil
}

// MustDecimal is ParseDecimal for numbers that a program spells out, such as MustDecimal("41.25"). It panics where
// ParseDecimal returns an error: input goes through ParseDecimal.
func MustDecimal(s string) Decimal {
	d, err := ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return d
}
