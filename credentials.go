package accounts

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"math/big"
	"slices"
)

// CredentialKind is the kind of connection that credentials are for.
type CredentialKind string

// The kinds of connection. Credentials without a kind hold whatever names a caller likes.
const (
	// GatewaySession is a gateway that somebody logs in to by hand: nothing is secret about it.
	GatewaySession CredentialKind = "gateway_session"
	GatewayLogin   CredentialKind = "gateway_login" // a gateway that the system logs in to
	FlexToken      CredentialKind = "flex"          // the Flex web service; it can only read
	OAuth1a        CredentialKind = "oauth_1.0a"    // the web API by OAuth 1.0a
)

// Names of credentials, by kind.
const (
	FieldKind = "kind" // of all kinds; not secret

	FieldUsername = "username" // GatewayLogin
	FieldPassword = "password"
	FieldMode     = "mode" // paper or live

	FieldFlexToken = "flex_token" // FlexToken
	FieldFlexQuery = "flex_query_id"

	FieldConsumerKey       = "consumer_key" // OAuth1a
	FieldAccessToken       = "access_token"
	FieldAccessTokenSecret = "access_token_secret"
	FieldSignatureKey      = "signature_key"  // a private RSA key in PEM
	FieldEncryptionKey     = "encryption_key" // a private RSA key in PEM
	FieldDHPrime           = "dh_prime"       // hexadecimal
)

// What a credential store takes at most.
const (
	MaxCredentialName = 50       // bytes of a name
	MaxCredentialSize = 64 << 10 // bytes of all values together
)

// Credentials are the named secrets of one profile. Make them with the function for the kind of
// connection, or by hand with names of your own and no FieldKind.
type Credentials map[string]Secret

// Clone returns credentials that share nothing with c.
func (c Credentials) Clone() Credentials {
	out := make(Credentials, len(c))
	for name, s := range c {
		out[name] = s.Clone()
	}
	return out
}

// Wipe overwrites every value with zeros; see Secret.Wipe.
func (c Credentials) Wipe() {
	for _, s := range c {
		s.Wipe()
	}
}

// Kind returns what the credentials are for; empty when they do not say.
func (c Credentials) Kind() CredentialKind { return CredentialKind(c[FieldKind].Reveal()) }

// NewGatewaySession returns the credentials of a gateway that somebody logs in to by hand: none but
// the kind. A profile that trades through one can be switched to where others need their secrets.
func NewGatewaySession() Credentials {
	return Credentials{FieldKind: NewSecret([]byte(GatewaySession))}
}

// NewGatewayLogin returns the credentials of a gateway that the system logs in to. ErrInvalid, with the
// field and never its value, when the username is not 1 to 100 printable characters of ASCII without
// spaces, the password is empty or has more than 200 bytes, or mode is neither paper nor live.
func NewGatewayLogin(username, password Secret, mode string) (Credentials, error) {
	return valid(Credentials{
		FieldKind: NewSecret([]byte(GatewayLogin)), FieldUsername: username.Clone(), FieldPassword: password.Clone(),
		FieldMode: NewSecret([]byte(mode)),
	})
}

// NewFlexToken returns the credentials of the Flex web service. ErrInvalid, with the field and never its
// value, when the token or the number of the query is not 1 to 50 digits.
func NewFlexToken(token Secret, queryID string) (Credentials, error) {
	return valid(Credentials{
		FieldKind: NewSecret([]byte(FlexToken)), FieldFlexToken: token.Clone(), FieldFlexQuery: NewSecret([]byte(queryID)),
	})
}

// OAuth1 is what the web API by OAuth 1.0a needs.
type OAuth1 struct {
	ConsumerKey       Secret
	AccessToken       Secret
	AccessTokenSecret Secret
	SignatureKey      Secret // a private RSA key in PEM, PKCS #1 or #8
	EncryptionKey     Secret // likewise
	DHPrime           Secret // a prime of 512 bits or more, in hexadecimal
}

// NewOAuth1 returns the credentials of the web API. ErrInvalid, with the field and never its value, for
// a key or token that is not 1 to 1000 printable characters of ASCII without spaces, a private key
// that cannot be read, and a number that is no prime.
func NewOAuth1(o OAuth1) (Credentials, error) {
	return valid(Credentials{
		FieldKind: NewSecret([]byte(OAuth1a)), FieldConsumerKey: o.ConsumerKey.Clone(), FieldAccessToken: o.AccessToken.Clone(),
		FieldAccessTokenSecret: o.AccessTokenSecret.Clone(), FieldSignatureKey: o.SignatureKey.Clone(),
		FieldEncryptionKey: o.EncryptionKey.Clone(), FieldDHPrime: o.DHPrime.Clone(),
	})
}

func valid(c Credentials) (Credentials, error) {
	if err := c.Validate(); err != nil {
		c.Wipe()
		return nil, err
	}
	return c, nil
}

// credentialRules are what the fields of each kind must be, by name.
var credentialRules = map[CredentialKind]map[string]func([]byte) bool{
	GatewaySession: {},
	GatewayLogin: {
		FieldUsername: graphic(100),
		FieldPassword: func(b []byte) bool { return len(b) > 0 && len(b) <= 200 },
		FieldMode:     func(b []byte) bool { return string(b) == "paper" || string(b) == "live" },
	},
	FlexToken: {FieldFlexToken: numeric, FieldFlexQuery: numeric},
	OAuth1a: {
		FieldConsumerKey: graphic(1000), FieldAccessToken: graphic(1000), FieldAccessTokenSecret: graphic(1000),
		FieldSignatureKey: rsaKey, FieldEncryptionKey: rsaKey, FieldDHPrime: prime,
	},
}

// Validate returns ErrInvalid, with the names and never the values, unless there is at least one
// credential, every name is 1 to MaxCredentialName bytes of printable ASCII, all values together have
// no more than MaxCredentialSize bytes, and those of a kind have exactly its fields, each as the
// kind's function demands.
func (c Credentials) Validate() error {
	v := &ValidationError{What: "credentials"}
	v.check(len(c) > 0, "Credentials", "are empty")
	size := 0
	for _, name := range slices.Sorted(maps.Keys(c)) {
		v.check(graphic(MaxCredentialName)([]byte(name)), "name",
			"%.60q is not 1 to %d bytes of printable ASCII", name, MaxCredentialName)
		size += c[name].Len()
	}
	v.check(size <= MaxCredentialSize, "Credentials", "have %d bytes, more than %d", size, MaxCredentialSize)
	if kind, said := c[FieldKind]; said {
		c.validateKind(v, CredentialKind(kind.Reveal()))
	}
	return v.err()
}

func (c Credentials) validateKind(v *ValidationError, kind CredentialKind) {
	rules, known := credentialRules[kind]
	if !known {
		v.add(FieldKind, "is unknown")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		value := c[name].Reveal()
		v.check(rules[name](value), name, "is missing or not what a %s needs", kind)
		clear(value)
	}
	for _, name := range slices.Sorted(maps.Keys(c)) {
		_, expected := rules[name]
		v.check(expected || name == FieldKind, name, "is nothing that a %s has", kind)
	}
}

// graphic returns a check for printable ASCII without spaces.
func graphic(most int) func([]byte) bool {
	return func(b []byte) bool {
		return len(b) > 0 && len(b) <= most && !slices.ContainsFunc(b, func(c byte) bool { return c <= ' ' || c > '~' })
	}
}

func numeric(b []byte) bool {
	return len(b) > 0 && len(b) <= 50 && !slices.ContainsFunc(b, func(c byte) bool { return c < '0' || c > '9' })
}

func rsaKey(b []byte) bool {
	block, _ := pem.Decode(b)
	if block == nil {
		return false
	}
	defer clear(block.Bytes)
	if _, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return true
	}
	_, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	return err == nil
}

func prime(b []byte) bool {
	n, ok := new(big.Int).SetString(string(b), 16)
	return ok && n.Sign() > 0 && n.BitLen() >= 512 && n.BitLen() <= 8192 && n.ProbablyPrime(20)
}

// CredentialStore keeps each profile's credentials apart from the profile itself, so that secrets
// rotate without touching anything else.
//
// What holds for every method: safe for concurrent use; a context that is already done is refused
// with its error; values never alias; no error, log or event ever carries a secret; after Close
// every method returns ErrClosed.
type CredentialStore interface {
	// Put stores c as the whole of the profile's credentials, in place of what was there: a reader finds
	// the old or the new ones, never some of both. ErrInvalid when c is not valid (see
	// Credentials.Validate), when the id is empty, or when it is more than the store can hold; then
	// what was there is still there.
	Put(ctx context.Context, id ProfileID, c Credentials) error

	// Get returns the profile's credentials. ErrCredentialsNotFound on a miss.
	Get(ctx context.Context, id ProfileID) (Credentials, error)

	// Delete removes the profile's credentials. A miss is not an error.
	Delete(ctx context.Context, id ProfileID) error

	// List returns the ids that have credentials, in ascending order.
	List(ctx context.Context) ([]ProfileID, error)

	// Ping returns nil when the store can be reached, and else why not. It changes nothing, reads no
	// secret, and asks nobody for permission.
	Ping(ctx context.Context) error

	// Close releases what the store itself opened. A second Close is not an error.
	Close() error
}
