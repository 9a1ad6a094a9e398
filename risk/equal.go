package risk

import "github.com/ai-ots/accounts/internal/wire"

// Equal reports whether two limits allow the same. Decimals are compared as numbers, lists in their
// order, and an empty time zone equals America/New_York.
func (l Limits) Equal(o Limits) bool { return wire.Same(l.canonical(), o.canonical()) }

// canonical returns the limits in the form that all equal limits share.
func (l Limits) canonical() any {
	if l.TimeZone == "" {
		l.TimeZone = defaultTimeZone
	}
	if len(l.SecTypes) == 0 {
		l.SecTypes = nil // the other lists are left out where they are empty
	}
	type plain Limits // as it is stored
	return plain(l)
}
