package accounts

import (
	"context"
	"crypto/subtle"
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a value that must not be seen: it prints as [redacted] under every fmt verb, in slog
// and in JSON. Only Reveal gives the bytes. The zero value is an empty secret.
type Secret struct {
	_ [0]func() // not comparable with ==, which would compare addresses; see Equal
	// fmt cannot call Format on a secret in an unexported field of another type, and prints what it
	// finds there: bytes, and bytes behind one pointer. Behind two it prints an address.
	b **[]byte
}

// NewSecret makes a secret from a copy of b. The caller may wipe b afterwards.
func NewSecret(b []byte) Secret {
	kept := append([]byte(nil), b...)
	p := &kept
	return Secret{b: &p}
}

// Reveal returns a copy of the secret's bytes.
func (s Secret) Reveal() []byte { return append([]byte(nil), s.bytes()...) }

// Equal compares two secrets in time that depends on their lengths alone.
func (s Secret) Equal(o Secret) bool { return subtle.ConstantTimeCompare(s.bytes(), o.bytes()) == 1 }

// Clone returns a secret with bytes of its own.
func (s Secret) Clone() Secret { return NewSecret(s.bytes()) }

func (s Secret) bytes() []byte {
	if s.b == nil {
		return nil
	}
	return **s.b
}

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

// Credentials are the named secrets of one profile, such as "username", "password" or
// "flex_token". Which names a kind of connection needs is the caller's business.
type Credentials map[string]Secret

// Clone returns credentials that share nothing with c.
func (c Credentials) Clone() Credentials {
	out := make(Credentials, len(c))
	for name, s := range c {
		out[name] = s.Clone()
	}
	return out
}

// CredentialStore keeps each profile's credentials apart from the profile itself, so that secrets
// rotate without touching anything else.
//
// What holds for every method: safe for concurrent use; a context that is already done is refused
// with its error; values never alias; no error, log or event ever carries a secret; after Close
// every method returns ErrClosed.
type CredentialStore interface {
	// Put stores c as the whole of the profile's credentials, in place of what was there.
	Put(ctx context.Context, id ProfileID, c Credentials) error

	// Get returns the profile's credentials. ErrCredentialsNotFound on a miss.
	Get(ctx context.Context, id ProfileID) (Credentials, error)

	// Delete removes the profile's credentials. A miss is not an error.
	Delete(ctx context.Context, id ProfileID) error

	// List returns the ids that have credentials, in ascending order.
	List(ctx context.Context) ([]ProfileID, error)

	// Close releases what the store itself opened. A second Close is not an error.
	Close() error
}
