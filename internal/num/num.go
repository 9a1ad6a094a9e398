package num

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/quagmt/udecimal"
)

const (
	// maxPlaces is where udecimal's Mul and Div start to cut places off without a word.
	MaxPlaces = 19
	// moneyPlaces is the precision at which an amount is shared out. Brokers state commissions to 9
	// or more places and P&L to 6; 12 leaves room for a conversion rate of 7 places.
	MoneyPlaces = 12
)

var (
	One = udecimal.MustFromInt64(1, 0)
	// maxInput bounds every quantity, price and amount that comes in, and maxNotional their
	// products: below them 19 places still fit the 128 bits that need no allocation.
	MaxInput    = udecimal.MustParse("1000000000000000")
	MaxNotional = udecimal.MustParse("1000000000000000000")
)

// Trim removes trailing zeros after the point, so that 1.500 takes one place, not three.
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

// MulExact returns a × b, or ErrInexact when their places add up to more than 19, or the product
// reaches 1e18.
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

// Convert multiplies an amount by a conversion rate or price. That is a valuation, not a ledger
// fact: where the product would pass 19 places, it is rounded to the nearest at moneyPlaces.
func Convert(amount, rate udecimal.Decimal) udecimal.Decimal {
	if rate == One { // in the form that all have; any other is multiplied by, to the same end
		return amount
	}
	if amount.Prec()+rate.Prec() > MaxPlaces {
		if amount, rate = Trim(amount), Trim(rate); amount.Prec()+rate.Prec() > MaxPlaces {
			return wide(amount, rate, One)
		}
	}
	return amount.Mul(rate)
}

// Share returns the part of total that belongs to part of whole, rounded to the nearest at
// moneyPlaces. The caller gives the rest, total minus the share, to the other side, so that the
// parts always add up. whole must not be zero; the signs of part and whole must agree.
func Share(total, part, whole udecimal.Decimal) udecimal.Decimal {
	if part.Equal(whole) {
		return total
	}
	if total.Prec()+part.Prec() > MaxPlaces {
		// Trim first: which way it goes must depend on the values alone, never on zeros behind them. A
		// book in memory and one folded from what was written have different ones.
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

// wide is a × b ÷ c, rounded to the nearest at moneyPlaces, where a × b would pass 19 places: rare,
// and slow. It is a if c is zero.
func wide(a, b, c udecimal.Decimal) udecimal.Decimal {
	x, okA := new(big.Rat).SetString(a.String())
	y, okB := new(big.Rat).SetString(b.String())
	z, okC := new(big.Rat).SetString(c.String())
	if !okA || !okB || !okC || z.Sign() == 0 {
		return a
	}
	q, err := udecimal.Parse(x.Mul(x, y).Quo(x, z).FloatString(MoneyPlaces))
	if err != nil { // more than 200 digits: nothing that passed validation gets there
		return a
	}
	return q
}

// ErrInexact is returned for quantities, prices, multipliers or ratios whose product would
// not be exact.
var ErrInexact = errors.New("product is not exact")

var Hundred = udecimal.MustFromInt64(100, 0)

func Int(n int64) udecimal.Decimal { return udecimal.MustFromInt64(n, 0) }

func Percent(d udecimal.Decimal) udecimal.Decimal { return Trim(Share(d, One, Hundred)) }

func Min(a, b udecimal.Decimal) udecimal.Decimal {
	if b.LessThan(a) {
		return b
	}
	return a
}

func Max(a, b udecimal.Decimal) udecimal.Decimal {
	if b.GreaterThan(a) {
		return b
	}
	return a
}

// MaxFraction bounds every fraction of equity, and leverage: what is beyond it is a mistake.
var MaxFraction = Int(100)

// Ordinary reports whether a number is so small that the product of three is below maxNotional.
func Ordinary(d udecimal.Decimal) bool { return d.Abs().LessThan(million) }

var million = Int(1_000_000)

// WithSign gives the magnitude d the sign of s.
func WithSign(d, s udecimal.Decimal) udecimal.Decimal {
	if s.IsNeg() {
		return d.Neg()
	}
	return d
}
