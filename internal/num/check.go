package num

import (
	"github.com/ai-ots/accounts/invalid"
	"github.com/quagmt/udecimal"
)

func CheckPositive(v *invalid.Error, field string, d udecimal.Decimal) {
	if !d.IsPos() || d.GreaterThanOrEqual(MaxInput) {
		v.Add(field, "%s is not positive and below 1e15", d)
	}
}

// magnitude checks that a limit is not negative and not absurd.
func CheckMagnitude(v *invalid.Error, field string, d, bound udecimal.Decimal) {
	v.Check(!d.IsNeg() && d.LessThan(bound) && d.Prec() <= MoneyPlaces, field, "%.40s is negative, %s or more, or of more than %d places", d, bound, MoneyPlaces)
}

func CheckAmount(v *invalid.Error, field string, d udecimal.Decimal) {
	if !d.IsZero() && d.Abs().GreaterThanOrEqual(MaxInput) {
		v.Add(field, "%s is 1e15 or more", d)
	}
}

func CheckRate(v *invalid.Error, field string, d udecimal.Decimal) {
	if d.IsNeg() || d.GreaterThanOrEqual(MaxInput) {
		v.Add(field, "%s is negative, or 1e15 or more", d)
	}
}
