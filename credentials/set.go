package credentials

import (
	"maps"
	"slices"

	"github.com/ai-ots/accounts/invalid"
)

// Set is the named secrets of one profile. Make one with the function for its kind of connection,
// or by hand with any names but "kind".
type Set map[string]Secret

// Clone returns a copy that shares nothing with c.
func (c Set) Clone() Set {
	out := make(Set, len(c))
	for name, s := range c {
		out[name] = s.Clone()
	}
	return out
}

// Wipe overwrites every value with zeros; see Secret.Wipe.
func (c Set) Wipe() {
	for _, s := range c {
		s.Wipe()
	}
}

// Kind returns the kind of connection that the credentials are for; empty if they have none.
func (c Set) Kind() Kind { return Kind(c[fieldKind].Reveal()) }

// Validate checks the credentials. It returns invalid.Err, which names fields and never values,
// unless
//
//   - there is at least one credential;
//   - every name is 1 to [MaxName] bytes of printable ASCII without spaces;
//   - all values together have at most [MaxSize] bytes;
//   - credentials of a kind have exactly the kind's fields, each in the form that the function for
//     the kind demands.
func (c Set) Validate() error {
	v := &invalid.Error{What: "credentials"}
	v.Check(len(c) > 0, "Credentials", "are empty")
	size := 0
	for _, name := range slices.Sorted(maps.Keys(c)) {
		v.Check(graphic(MaxName)([]byte(name)), "name",
			"%.60q is not 1 to %d bytes of printable ASCII", name, MaxName)
		size += c[name].Len()
	}
	v.Check(size <= MaxSize, "Credentials", "have %d bytes, more than %d", size, MaxSize)
	if kind, said := c[fieldKind]; said {
		c.validateKind(v, Kind(kind.Reveal()))
	}
	return v.Err()
}

// The limits of a credential store.
const (
	MaxName = 50       // bytes of a name
	MaxSize = 64 << 10 // bytes of all values together
)
