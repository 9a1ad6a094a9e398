package risk

import (
	"cmp"

	"github.com/ai-ots/accounts/internal/wire"
)

// Equal reports whether two limits allow the same. Decimals are compared as numbers, lists in their
// order, and an empty time zone equals America/New_York.
func (l Limits) Equal(o Limits) bool { return wire.Same(l.canonical(), o.canonical()) }

// SameDays reports whether two limits name the same time zone, in which trading days are counted.
// An empty one equals America/New_York. Other names of one zone differ.
func (l Limits) SameDays(o Limits) bool {
	return cmp.Or(l.TimeZone, defaultTimeZone) == cmp.Or(o.TimeZone, defaultTimeZone)
}

// canonical returns the limits in the form that all equal limits share.
func (l Limits) canonical() any {
	l.TimeZone = cmp.Or(l.TimeZone, defaultTimeZone)
	if len(l.SecTypes) == 0 {
		l.SecTypes = nil // the other lists are left out where they are empty
	}
	type plain Limits // as it is stored
	return plain(l)
}
