package rulemodel

import (
	"math"
	"math/big"

	"github.com/ai-ots/accounts/ledger"
)

// rat is an exact fraction. The functions below never change what they are given.
type rat = *big.Rat

func whole(n int64) rat { return big.NewRat(n, 1) }

func part(a, b int64) rat { return big.NewRat(a, b) }

// tenTo are the powers of ten by which the digits of a decimal are divided.
var tenTo = func() (list []rat) {
	for power := whole(1); len(list) <= 19; power = mul(power, whole(10)) {
		list = append(list, power)
	}
	return list
}()

// exact returns a decimal as a fraction.
func exact(d ledger.Decimal) rat {
	if negative, high, low, places, ok := d.ToHiLo(); ok && high == 0 && low <= math.MaxInt64 {
		r := new(big.Rat).SetInt64(int64(low))
		if places > 0 {
			r.Quo(r, tenTo[places])
		}
		if negative {
			r.Neg(r)
		}
		return r
	}
	r, ok := new(big.Rat).SetString(d.String())
	if !ok {
		panic("a decimal prints as " + d.String())
	}
	return r
}

func add(sum rat, list ...rat) rat {
	for _, r := range list {
		sum = new(big.Rat).Add(sum, r)
	}
	return sum
}

func sub(a, b rat) rat { return new(big.Rat).Sub(a, b) }

func mul(product rat, list ...rat) rat {
	for _, r := range list {
		product = new(big.Rat).Mul(product, r)
	}
	return product
}

func div(a, b rat) rat { return new(big.Rat).Quo(a, b) }

func neg(a rat) rat { return new(big.Rat).Neg(a) }

func size(a rat) rat { return new(big.Rat).Abs(a) }

func less(a, b rat) bool { return a.Cmp(b) < 0 }

func most(list ...rat) rat {
	top := list[0]
	for _, r := range list[1:] {
		if less(top, r) {
			top = r
		}
	}
	return top
}

func least(a, b rat) rat {
	if less(b, a) {
		return b
	}
	return a
}
