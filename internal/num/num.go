// Package num has the arithmetic of money: what package udecimal leaves open about places, rounding
// and bounds.
//
// No float64 comes near money, prices or quantities. Products are exact while their places add up
// to [MaxPlaces]; [MulExact] refuses others, [Convert] and [Share] round them at [MoneyPlaces], and
// a caller who shares out an amount gives the rest to the last part. The checks note numbers out of
// bounds in an [invalid.Error]. All functions are safe for concurrent use. Read num.go first, then
// check.go.
package num

import (
	"errors"
	"fmt"
	"math/big"
	"math/bits"

	"github.com/quagmt/udecimal"
)

const (
	// MaxPlaces is the number of places after the point at which udecimal's Mul and Div begin to
	// cut places off without an error.
	MaxPlaces = 19
	// MoneyPlaces is the number of places at which an amount is shared out. Brokers state
	// commissions to 9 or more places and P&L to 6; 12 leaves room for a conversion rate of 7
	// places.
	MoneyPlaces = 12

	maxInput = 1_000_000_000_000_000 // MaxInput as an integer
)

var (
	One = udecimal.MustFromInt64(1, 0)
	// MaxInput bounds every quantity, price and amount that comes in, and MaxNotional their
	// products, both exclusively. Below them, 19 places still fit the 128 bits that need no
	// allocation.
	MaxInput    = Int(maxInput)
	MaxNotional = udecimal.MustParse("1000000000000000000")
)

// MaxFraction bounds fractions of equity, and leverage. A value beyond it is a mistake.
var MaxFraction = Int(100)

var Hundred = udecimal.MustFromInt64(100, 0)

// Int returns n as a decimal.
func Int(n int64) udecimal.Decimal { return udecimal.MustFromInt64(n, 0) }

// Step returns the smallest positive number with so many places.
func Step(places uint8) udecimal.Decimal { return udecimal.MustFromInt64(1, places) }

// Half returns half of a number, cut to 19 places.
func Half(d udecimal.Decimal) udecimal.Decimal {
	half, _ := d.Div64(2) // which is not zero
	return half
}

// Percent returns d ÷ 100.
func Percent(d udecimal.Decimal) udecimal.Decimal { return Trim(Share(d, One, Hundred)) }

// Trim removes trailing zeros after the point: 1.500 becomes 1.5.
func Trim(d udecimal.Decimal) udecimal.Decimal {
	for d.PrecUint() > 0 {
		t := d.Trunc(d.PrecUint() - 1)
		if !t.Equal(d) {
			break
		}
		d = t
	}
	return d
}

// MulExact returns a × b. It returns ErrInexact if the places of both add up to more than 19, or
// the product reaches 1e18.
func MulExact(a, b udecimal.Decimal) (udecimal.Decimal, error) {
	if a.Prec()+b.Prec() > MaxPlaces {
		return udecimal.Decimal{}, fmt.Errorf("%w: %s × %s has more than %d places", ErrInexact, a, b, MaxPlaces)
	}
	product := a.Mul(b)
	if product.Abs().GreaterThanOrEqual(MaxNotional) {
		return udecimal.Decimal{}, fmt.Errorf("%w: %s × %s is 1e18 or more", ErrInexact, a, b)
	}
	return product, nil
}

// ErrInexact is returned for quantities, prices, multipliers or ratios whose product would not be
// exact.
var ErrInexact = errors.New("product is not exact")

// Convert multiplies an amount by a conversion rate or a price. The result is a valuation and no
// record: if the product would have more than 19 places, it is rounded to MoneyPlaces.
func Convert(amount, rate udecimal.Decimal) udecimal.Decimal {
	if rate == One { // a fast path for the canonical 1; others are multiplied with the same result
		return amount
	}
	if amount.Prec()+rate.Prec() > MaxPlaces {
		if amount, rate = Trim(amount), Trim(rate); amount.Prec()+rate.Prec() > MaxPlaces {
			return wide(amount, rate, One)
		}
	}
	return amount.Mul(rate)
}

// Share returns the part of total that belongs to part of whole, rounded to MoneyPlaces. Give the
// rest, total minus the share, to the other side, so that the parts add up. whole must not be zero,
// and the signs of part and whole must agree.
func Share(total, part, whole udecimal.Decimal) udecimal.Decimal {
	if part.Equal(whole) {
		return total
	}
	if d, ok := evenShare(total, part, whole); ok {
		return d
	}
	if total.Prec()+part.Prec() > MaxPlaces {
		// Trim first: the way of rounding must depend on the values alone, not on trailing zeros,
		// which differ between a book in memory and one folded from its journal.
		if total, part = Trim(total), Trim(part); total.Prec()+part.Prec() > MaxPlaces {
			return wide(total, part, whole)
		}
	}
	q, err := total.Mul(part).Div(whole)
	if err != nil { // whole is zero: nothing to share
		return total
	}
	return q.RoundBank(MoneyPlaces)
}

// evenShare is Share where the share comes out even at the places of total: nearly always, in a
// third of the time, and with few places, so that later sums are fast.
func evenShare(total, part, whole udecimal.Decimal) (udecimal.Decimal, bool) {
	neg, hiT, t, places, okT := total.ToHiLo()
	negP, hiP, p, placesP, okP := part.ToHiLo()
	negW, hiW, w, placesW, okW := whole.ToHiLo()
	if !okT || !okP || !okW || hiT|hiP|hiW != 0 || negP != negW || placesP != placesW || places > MoneyPlaces {
		return udecimal.Decimal{}, false
	}
	hi, lo := bits.Mul64(t, p)
	if hi >= w { // the quotient has more than 64 bits, or whole is zero
		return udecimal.Decimal{}, false
	}
	q, rest := bits.Div64(hi, lo, w)
	if rest != 0 {
		return udecimal.Decimal{}, false
	}
	d, err := udecimal.NewFromHiLo(neg, 0, q, places)
	return d, err == nil
}

// wide returns a × b ÷ c, rounded to MoneyPlaces, where a × b would have more than 19 places. That
// is rare, and slow. It returns a if c is zero.
func wide(a, b, c udecimal.Decimal) udecimal.Decimal {
	x, okA := new(big.Rat).SetString(a.String())
	y, okB := new(big.Rat).SetString(b.String())
	z, okC := new(big.Rat).SetString(c.String())
	if !okA || !okB || !okC || z.Sign() == 0 {
		return a
	}
	q, err := udecimal.Parse(x.Mul(x, y).Quo(x, z).FloatString(MoneyPlaces))
	if err != nil { // more than 200 digits, which validation rules out
		return a
	}
	return q
}

// Ordinary reports whether a magnitude is below one million, so that the product of three such
// numbers is below MaxNotional.
func Ordinary(d udecimal.Decimal) bool { return !reaches(d, million, 1_000_000) }

var million = Int(1_000_000)

// reaches reports whether a magnitude is bound or more, where small is the bound as an integer.
// Most numbers are below the bound by their digits alone, whatever their places: a comparison of
// integers tells, which takes a third of the time.
func reaches(d, bound udecimal.Decimal, small uint64) bool {
	if _, high, low, _, ok := d.ToHiLo(); ok && high == 0 && low < small {
		return false
	}
	return d.Abs().GreaterThanOrEqual(bound)
}

// WithSign returns the magnitude d with the sign of s.
func WithSign(d, s udecimal.Decimal) udecimal.Decimal {
	if s.IsNeg() {
		return d.Neg()
	}
	return d
}

// Min returns the smaller of a and b.
func Min(a, b udecimal.Decimal) udecimal.Decimal {
	if b.LessThan(a) {
		return b
	}
	return a
}

// Max returns the larger of a and b.
func Max(a, b udecimal.Decimal) udecimal.Decimal {
	if b.GreaterThan(a) {
		return b
	}
	return a
}
