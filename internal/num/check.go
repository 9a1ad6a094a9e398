package num

import (
	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/invalid"
)

// CheckPositive notes a number that is not positive and below MaxInput.
func CheckPositive(v *invalid.Error, field string, d udecimal.Decimal) {
	if !d.IsPos() || reaches(d, MaxInput, maxInput) {
		v.Add(field, "%s is not positive and below 1e15", d)
	}
}

// CheckMagnitude notes a limit that is negative, not below the bound, or of more than MoneyPlaces.
func CheckMagnitude(v *invalid.Error, field string, d, bound udecimal.Decimal) {
	v.Check(!d.IsNeg() && d.LessThan(bound) && d.Prec() <= MoneyPlaces, field,
		"%.40s is negative, %s or more, or of more than %d places", d, bound, MoneyPlaces)
}

// CheckAmount notes an amount whose magnitude is not below MaxInput.
func CheckAmount(v *invalid.Error, field string, d udecimal.Decimal) {
	if reaches(d, MaxInput, maxInput) {
		v.Add(field, "%s is 1e15 or more", d)
	}
}

// CheckRate notes a rate that is negative or not below MaxInput. Zero stands for an unknown rate.
func CheckRate(v *invalid.Error, field string, d udecimal.Decimal) {
	if d.IsNeg() || reaches(d, MaxInput, maxInput) {
		v.Add(field, "%s is negative, or 1e15 or more", d)
	}
}
