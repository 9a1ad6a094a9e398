package credentials

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
	"slices"

	"github.com/ai-ots/accounts/invalid"
)

// Secret is a value that must not be seen: it prints as [redacted] under every fmt verb, in slog, in
// JSON, XML and gob, and cannot be read back from them. Only Reveal gives the bytes. The zero value is
// an empty secret.
type Secret struct {
	// The bytes are held by a function, where nothing that walks values by reflection comes: neither fmt,
	// which prints unexported fields without asking, nor a debugging printer. It also makes secrets
	// incomparable with ==; see Equal.
	with func(use func(kept []byte))
}

// NewSecret makes a secret from a copy of b. The caller may wipe b afterwards.
func NewSecret(b []byte) Secret {
	kept := slices.Clone(b)
	return Secret{func(use func([]byte)) { use(kept) }}
}

// Reveal returns a copy of the secret's bytes.
func (s Secret) Reveal() (revealed []byte) {
	s.use(func(kept []byte) { revealed = append(revealed, kept...) })
	return revealed
}

// Len returns how many bytes the secret has.
func (s Secret) Len() (n int) {
	s.use(func(kept []byte) { n = len(kept) })
	return n
}

// Equal compares two secrets in time that depends on their lengths alone.
func (s Secret) Equal(o Secret) (equal bool) {
	var mine, theirs []byte
	s.use(func(kept []byte) { mine = kept })
	o.use(func(kept []byte) { theirs = kept })
	return subtle.ConstantTimeCompare(mine, theirs) == 1
}

// Clone returns a secret with bytes of its own.
func (s Secret) Clone() (c Secret) {
	s.use(func(kept []byte) { c = NewSecret(kept) })
	return c
}

// Wipe overwrites the secret's bytes, and with them those of every copy of it that Clone did not make,
// with zeros. Nobody may use it meanwhile. What the runtime has copied before is out of reach.
func (s Secret) Wipe() { s.use(func(kept []byte) { clear(kept) }) }

// Format writes [redacted] whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String returns [redacted].
func (s Secret) String() string { return redacted }

// GoString returns [redacted].
func (s Secret) GoString() string { return redacted }

// LogValue returns [redacted].
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns [redacted]; it serves encoding/json and encoding/xml alike.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// GobEncode returns [redacted].
func (s Secret) GobEncode() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText returns ErrInvalid.
func (s *Secret) UnmarshalText([]byte) error { return errNotReadBack }

// GobDecode returns ErrInvalid.
func (s *Secret) GobDecode([]byte) error { return errNotReadBack }

func (s Secret) use(f func(kept []byte)) {
	if s.with != nil {
		s.with(f)
	}
}

const redacted = "[redacted]"

// errNotReadBack keeps "[redacted]" from becoming somebody's password.
var errNotReadBack = fmt.Errorf("%w: a secret cannot be read back", invalid.Err)
