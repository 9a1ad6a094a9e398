package credentials

import (
	"maps"
	"slices"

	"github.com/ai-ots/accounts/invalid"
)

// Set are the named secrets of one profile. Make them with the function for the kind of
// connection, or by hand with names of your own and no FieldKind.
type Set map[string]Secret

// Clone returns credentials that share nothing with c.
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

// Kind returns what the credentials are for; empty when they do not say.
func (c Set) Kind() Kind { return Kind(c[fieldKind].Reveal()) }

// Validate returns ErrInvalid, with the names and never the values, unless there is at least one
// credential, every name is 1 to MaxCredentialName bytes of printable ASCII, all values together have
// no more than MaxCredentialSize bytes, and those of a kind have exactly its fields, each as the
// kind's function demands.
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

// What a credential store takes at most.
const (
	MaxName = 50       // bytes of a name
	MaxSize = 64 << 10 // bytes of all values together
)
