package accounts

import (
	"fmt"
	"math/big"

	"github.com/quagmt/udecimal"
)

// Decimal is an exact decimal number with up to 19 places after the point. Addition never rounds;
// multiplication is exact as long as the places of both factors add up to 19 at most, which
// validation makes sure of. The zero value is 0. Decimals are immutable and safe to share.
type Decimal = udecimal.Decimal

const (
	// maxPlaces is where udecimal's Mul and Div start to cut places off without a word.
	maxPlaces = 19
	// moneyPlaces is the precision at which an amount is shared out. Brokers state commissions to 9
	// or more places and P&L to 6; 12 leaves room for a conversion rate of 7 places.
	moneyPlaces = 12
)

var (
	one = udecimal.MustFromInt64(1, 0)
	// maxInput bounds every quantity, price and amount that comes in, and maxNotional their
	// products: below them 19 places still fit the 128 bits that need no allocation.
	maxInput    = udecimal.MustParse("1000000000000000")
	maxNotional = udecimal.MustParse("1000000000000000000")
)

// ParseDecimal reads a plain decimal number such as "-12.50": an optional sign, digits, and at
// most 19 places after the point. Exponents, NaN, infinities, separators and magnitudes of 1e15
// or more are refused with ErrInvalidDecimal, never rounded.
func ParseDecimal(s string) (Decimal, error) {
	d, err := udecimal.Parse(s)
	if err != nil {
		return Decimal{}, fmt.Errorf("%w: %.40q", ErrInvalidDecimal, s)
	}
	if d.Abs().GreaterThanOrEqual(maxInput) {
		return Decimal{}, fmt.Errorf("%w: %.40q is 1e15 or more", ErrInvalidDecimal, s)
	}
	return trimZeros(d), nil
}

// trimZeros removes trailing zeros after the point, so that 1.500 takes one place, not three.
func trimZeros(d Decimal) Decimal {
	for d.PrecUint() > 0 {
		t := d.Trunc(d.PrecUint() - 1)
		if !t.Equal(d) {
			break
		}
		d = t
	}
	return d
}

// mulExact returns a × b, or ErrInexact when their places add up to more than 19, or the product
// reaches 1e18.
func mulExact(a, b Decimal) (Decimal, error) {
	if a.Prec()+b.Prec() > maxPlaces {
		return Decimal{}, fmt.Errorf("%w: %s × %s has more than %d places", ErrInexact, a, b, maxPlaces)
	}
	product := a.Mul(b)
	if product.Abs().GreaterThanOrEqual(maxNotional) {
		return Decimal{}, fmt.Errorf("%w: %s × %s is 1e18 or more", ErrInexact, a, b)
	}
	return product, nil
}

// convert multiplies an amount by a conversion rate or price. That is a valuation, not a ledger
// fact: where the product would pass 19 places, it is rounded to the nearest at moneyPlaces.
func convert(amount, rate Decimal) Decimal {
	if rate == one { // in the form that all have; any other is multiplied by, to the same end
		return amount
	}
	if amount.Prec()+rate.Prec() > maxPlaces {
		if amount, rate = trimZeros(amount), trimZeros(rate); amount.Prec()+rate.Prec() > maxPlaces {
			return wide(amount, rate, one)
		}
	}
	return amount.Mul(rate)
}

// share returns the part of total that belongs to part of whole, rounded to the nearest at
// moneyPlaces. The caller gives the rest, total minus the share, to the other side, so that the
// parts always add up. whole must not be zero; the signs of part and whole must agree.
func share(total, part, whole Decimal) Decimal {
	if part.Equal(whole) {
		return total
	}
	if total.Prec()+part.Prec() > maxPlaces {
		// Trim first: which way it goes must depend on the values alone, never on zeros behind them. A
		// book in memory and one folded from what was written have different ones.
		if total, part = trimZeros(total), trimZeros(part); total.Prec()+part.Prec() > maxPlaces {
			return wide(total, part, whole)
		}
	}
	q, err := total.Mul(part).Div(whole)
	if err != nil { // whole is zero: nothing to share
		return total
	}
	return q.RoundBank(moneyPlaces)
}

// wide is a × b ÷ c, rounded to the nearest at moneyPlaces, where a × b would pass 19 places: rare,
// and slow. It is a if c is zero.
func wide(a, b, c Decimal) Decimal {
	x, okA := new(big.Rat).SetString(a.String())
	y, okB := new(big.Rat).SetString(b.String())
	z, okC := new(big.Rat).SetString(c.String())
	if !okA || !okB || !okC || z.Sign() == 0 {
		return a
	}
	q, err := udecimal.Parse(x.Mul(x, y).Quo(x, z).FloatString(moneyPlaces))
	if err != nil { // more than 200 digits: nothing that passed validation gets there
		return a
	}
	return q
}
