package credentials

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
	"slices"

	"github.com/ai-ots/accounts/invalid"
)

// Secret is a value that must not be seen. It prints as [redacted] under every fmt verb, in slog,
// in JSON, XML and gob, and cannot be read back from them. Reveal alone gives the bytes. The zero
// value is an empty secret. A secret is safe for concurrent use, except with Wipe.
type Secret struct {
	// with holds the bytes in a closure, which nothing that walks values by reflection enters: not
	// fmt, which prints unexported fields, and no debugging printer. It also makes secrets
	// incomparable with ==; see Equal.
	with func(use func(kept []byte))
}

// NewSecret makes a secret of a copy of b. The caller may wipe b afterwards.
func NewSecret(b []byte) Secret {
	kept := slices.Clone(b)
	return Secret{func(use func([]byte)) { use(kept) }}
}

// Reveal returns a copy of the secret's bytes. The caller should clear it after use.
func (s Secret) Reveal() (revealed []byte) {
	s.use(func(kept []byte) { revealed = append(revealed, kept...) })
	return revealed
}

// Len returns the number of bytes.
func (s Secret) Len() (n int) {
	s.use(func(kept []byte) { n = len(kept) })
	return n
}

// Equal reports whether two secrets have the same bytes, in a time that depends on their lengths
// alone.
func (s Secret) Equal(o Secret) (equal bool) {
	var mine, theirs []byte
	s.use(func(kept []byte) { mine = kept })
	o.use(func(kept []byte) { theirs = kept })
	return subtle.ConstantTimeCompare(mine, theirs) == 1
}

// Clone returns a secret with a copy of the bytes.
func (s Secret) Clone() (c Secret) {
	s.use(func(kept []byte) { c = NewSecret(kept) })
	return c
}

// Wipe overwrites the bytes with zeros: of the secret and of every copy of the Secret value, but
// not of clones. The secret must not be used at the same time. Copies that the runtime made before
// are out of reach.
func (s Secret) Wipe() { s.use(func(kept []byte) { clear(kept) }) }

// Format writes [redacted], whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String returns [redacted].
func (s Secret) String() string { return redacted }

// GoString returns [redacted].
func (s Secret) GoString() string { return redacted }

// LogValue returns [redacted].
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns [redacted], for encoding/json and encoding/xml alike.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// GobEncode returns [redacted].
func (s Secret) GobEncode() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText returns invalid.Err.
func (s *Secret) UnmarshalText([]byte) error { return errNotReadBack }

// GobDecode returns invalid.Err.
func (s *Secret) GobDecode([]byte) error { return errNotReadBack }

// use calls f with the bytes, unless the secret is the zero value.
func (s Secret) use(f func(kept []byte)) {
	if s.with != nil {
		s.with(f)
	}
}

const redacted = "[redacted]"

// errNotReadBack keeps "[redacted]" from becoming a password.
var errNotReadBack = fmt.Errorf("%w: a secret cannot be read back", invalid.Err)
