package rulemodel

import (
	"math/big"

	"github.com/ai-ots/accounts/ledger"
)

// rat is an exact fraction. The functions below never change what they are given.
type rat = *big.Rat

func whole(n int64) rat { return big.NewRat(n, 1) }

func part(a, b int64) rat { return big.NewRat(a, b) }

// exact returns a decimal as a fraction.
func exact(d ledger.Decimal) rat {
	r, ok := new(big.Rat).SetString(d.String())
	if !ok {
		panic("a decimal prints as " + d.String())
	}
	return r
}

func add(list ...rat) rat {
	sum := new(big.Rat)
	for _, r := range list {
		sum.Add(sum, r)
	}
	return sum
}

func sub(a, b rat) rat { return new(big.Rat).Sub(a, b) }

func mul(list ...rat) rat {
	product := whole(1)
	for _, r := range list {
		product.Mul(product, r)
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
