package ledger

import (
	"fmt"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/internal/num"
)

// Decimal is an exact decimal number with up to 19 places after the point. Addition never rounds.
// Multiplication is exact while the places of both factors add up to 19 at most; validation refuses
// facts whose products would not be. The zero value is 0. Decimals are immutable and safe to share.
type Decimal = udecimal.Decimal

// ParseDecimal reads a plain decimal number such as "-12.50": an optional sign, digits, and at most
// 19 places after the point. It never rounds. It returns ErrInvalidDecimal for exponents, NaN,
// infinities, separators, and magnitudes of 1e15 or more.
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

// MustDecimal is ParseDecimal for numbers in a program's source, such as MustDecimal("41.25"). It
// panics where ParseDecimal returns an error.
func MustDecimal(s string) Decimal {
	d, err := ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return d
}
