package credentials

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"math/big"
	"slices"

	"github.com/ai-ots/accounts/invalid"
)

// Kind is the kind of connection that credentials are for.
type Kind string

// The kinds of connection. Credentials without a kind may have any names.
const (
	// GatewaySession is a gateway that a person logs in to by hand. It needs no secret.
	GatewaySession Kind = "gateway_session"
	GatewayLogin   Kind = "gateway_login" // a gateway that the system logs in to
	FlexToken      Kind = "flex"          // the Flex web service, which can only read
	OAuth1a        Kind = "oauth_1.0a"    // the web API with OAuth 1.0a
)

// Valid reports whether the kind is one of the constants, or empty: of credentials without a kind.
func (k Kind) Valid() bool {
	_, known := rules[k]
	return known || k == ""
}

// The names of credentials, by kind.
const (
	fieldKind = "kind" // of all kinds; not secret

	fieldUsername = "username" // GatewayLogin
	fieldPassword = "password"
	fieldMode     = "mode" // paper or live

	fieldFlexToken = "flex_token" // FlexToken
	fieldFlexQuery = "flex_query_id"

	fieldConsumerKey       = "consumer_key" // OAuth1a
	fieldAccessToken       = "access_token"
	fieldAccessTokenSecret = "access_token_secret"
	fieldSignatureKey      = "signature_key"  // a private RSA key in PEM
	fieldEncryptionKey     = "encryption_key" // a private RSA key in PEM
	fieldDHPrime           = "dh_prime"       // hexadecimal
)

// NewGatewaySession returns the credentials of a gateway that a person logs in to by hand: the kind
// alone. They let a profile that uses such a gateway be switched to where a credential store is
// configured.
func NewGatewaySession() Set {
	return Set{fieldKind: NewSecret([]byte(GatewaySession))}
}

// NewGatewayLogin returns the credentials of a gateway that the system logs in to, with copies of
// the secrets. It returns invalid.Err, which names the field and never its value, for
//
//   - a username that is not 1 to 100 printable characters of ASCII without spaces;
//   - a password that is empty or longer than 200 bytes;
//   - a mode other than "paper" and "live".
func NewGatewayLogin(username, password Secret, mode string) (Set, error) {
	return valid(Set{
		fieldKind: NewSecret([]byte(GatewayLogin)), fieldUsername: username.Clone(), fieldPassword: password.Clone(),
		fieldMode: NewSecret([]byte(mode)),
	})
}

// NewFlexToken returns the credentials of the Flex web service, with a copy of the token. It
// returns invalid.Err, which names the field and never its value, for a token or a query number
// that is not 1 to 50 digits.
func NewFlexToken(token Secret, queryID string) (Set, error) {
	return valid(Set{
		fieldKind: NewSecret([]byte(FlexToken)), fieldFlexToken: token.Clone(),
		fieldFlexQuery: NewSecret([]byte(queryID)),
	})
}

// OAuth1 holds what the web API needs with OAuth 1.0a.
type OAuth1 struct {
	ConsumerKey       Secret
	AccessToken       Secret
	AccessTokenSecret Secret
	SignatureKey      Secret // a private RSA key in PEM, PKCS #1 or #8
	EncryptionKey     Secret // likewise
	DHPrime           Secret // a prime of 512 bits or more, in hexadecimal
}

// NewOAuth1 returns the credentials of the web API, with copies of the secrets. It returns
// invalid.Err, which names the field and never its value, for
//
//   - a consumer key, token or token secret that is not 1 to 1000 printable characters of ASCII
//     without spaces;
//   - a private key that is no RSA key, cannot be read, has more than 16 KiB, or has something
//     behind it;
//   - a DHPrime that is not prime, has fewer than 512 or more than 8192 bits, or has anything but
//     hexadecimal digits in it.
func NewOAuth1(o OAuth1) (Set, error) {
	return valid(Set{
		fieldKind: NewSecret([]byte(OAuth1a)), fieldConsumerKey: o.ConsumerKey.Clone(),
		fieldAccessToken:       o.AccessToken.Clone(),
		fieldAccessTokenSecret: o.AccessTokenSecret.Clone(), fieldSignatureKey: o.SignatureKey.Clone(),
		fieldEncryptionKey: o.EncryptionKey.Clone(), fieldDHPrime: o.DHPrime.Clone(),
	})
}

// valid returns the credentials if they are valid; if not, it wipes them.
func valid(c Set) (Set, error) {
	if err := c.Validate(); err != nil {
		c.Wipe()
		return nil, err
	}
	return c, nil
}

// rules has a check for each field of each kind.
var rules = map[Kind]map[string]func([]byte) bool{
	GatewaySession: {},
	GatewayLogin: {
		fieldUsername: graphic(100),
		fieldPassword: func(b []byte) bool { return len(b) > 0 && len(b) <= 200 },
		fieldMode:     func(b []byte) bool { return string(b) == "paper" || string(b) == "live" },
	},
	FlexToken: {fieldFlexToken: numeric, fieldFlexQuery: numeric},
	OAuth1a: {
		fieldConsumerKey: graphic(1000), fieldAccessToken: graphic(1000), fieldAccessTokenSecret: graphic(1000),
		fieldSignatureKey: rsaKey, fieldEncryptionKey: rsaKey, fieldDHPrime: prime,
	},
}

// validateKind notes fields that the kind lacks, needs in another form, or does not know.
func (c Set) validateKind(v *invalid.Error, kind Kind) {
	rules, known := rules[kind]
	if !known {
		v.Add(fieldKind, "is unknown")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		value := c[name].Reveal()
		v.Check(rules[name](value), name, "is missing or not what a %s needs", kind)
		clear(value)
	}
	for _, name := range slices.Sorted(maps.Keys(c)) {
		_, expected := rules[name]
		v.Check(expected || name == fieldKind, name, "is nothing that a %s has", kind)
	}
}

// graphic returns a check for 1 to most characters of printable ASCII without spaces.
func graphic(most int) func([]byte) bool {
	return func(b []byte) bool {
		return len(b) > 0 && len(b) <= most && !slices.ContainsFunc(b, func(c byte) bool { return c <= ' ' || c > '~' })
	}
}

// numeric checks for 1 to 50 digits.
func numeric(b []byte) bool {
	return len(b) > 0 && len(b) <= 50 && !slices.ContainsFunc(b, func(c byte) bool { return c < '0' || c > '9' })
}

// maxKey is far beyond the bytes of a key in PEM, and keeps what is parsed small.
const maxKey = 16 << 10

// rsaKey checks for one private RSA key in PEM, PKCS #1 or #8, and nothing behind it.
func rsaKey(b []byte) bool {
	if len(b) > maxKey {
		return false
	}
	block, rest := pem.Decode(b)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return false
	}
	defer clear(block.Bytes)
	if _, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return true
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	_, ok := key.(*rsa.PrivateKey) // and neither ECDSA nor Ed25519
	return err == nil && ok
}

// prime checks for a prime number of 512 to 8192 bits in hexadecimal digits alone.
func prime(b []byte) bool {
	digit := func(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }
	if slices.ContainsFunc(b, func(c byte) bool { return !digit(c) }) {
		return false // SetString takes a sign
	}
	n, ok := new(big.Int).SetString(string(b), 16)
	return ok && n.BitLen() >= 512 && n.BitLen() <= 8192 && n.ProbablyPrime(20)
}
