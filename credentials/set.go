package credentials

import (
	"maps"
	"slices"

	"github.com/ai-ots/accounts/invalid"
)

// Set is the named secrets of one login, for one kind of connection. Make one with the function for
// its kind of connection, or by hand with any names but "kind".
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
//   - there is at least one credential, and at most [MaxNames];
//   - every name is 1 to [MaxName] bytes of printable ASCII without spaces;
//   - all values together have at most [MaxSize] bytes;
//   - credentials of a kind have exactly the kind's fields, each in the form that the function for
//     the kind demands.
//
// What is too large is refused for its size alone, without a look at what it holds.
func (c Set) Validate() error {
	v := &invalid.Error{What: "credentials"}
	v.Check(len(c) > 0, "Credentials", "are empty")
	v.Check(len(c) <= MaxNames, "Credentials", "are %d, more than %d", len(c), MaxNames)
	size := 0
	for _, s := range c {
		size += s.Len()
	}
	v.Check(size <= MaxSize, "Credentials", "have %d bytes, more than %d", size, MaxSize)
	if err := v.Err(); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c)) {
		v.Check(graphic(MaxName)([]byte(name)), "name",
			"%.60q is not 1 to %d bytes of printable ASCII", name, MaxName)
	}
	if kind, said := c[fieldKind]; said {
		c.validateKind(v, Kind(kind.Reveal()))
	}
	return v.Err()
}

// The limits of a set, and so of a credential store.
const (
	MaxNames = 50       // credentials of a set
	MaxName  = 50       // bytes of a name
	MaxSize  = 64 << 10 // bytes of all values together
)
