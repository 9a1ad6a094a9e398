package credentials

import (
	"crypto/x509"
	"encoding/pem"
	"maps"
	"math/big"
	"slices"

	"github.com/ai-ots/accounts/invalid"
)

// Kind is the kind of connection that credentials are for.
type Kind string

// The kinds of connection. Credentials without a kind hold whatever names a caller likes.
const (
	// GatewaySession is a gateway that somebody logs in to by hand: nothing is secret about it.
	GatewaySession Kind = "gateway_session"
	GatewayLogin   Kind = "gateway_login" // a gateway that the system logs in to
	FlexToken      Kind = "flex"          // the Flex web service; it can only read
	OAuth1a        Kind = "oauth_1.0a"    // the web API by OAuth 1.0a
)

// Names of credentials, by kind.
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

// NewGatewaySession returns the credentials of a gateway that somebody logs in to by hand: none but
// the kind. A profile that trades through one can be switched to where others need their secrets.
func NewGatewaySession() Set {
	return Set{fieldKind: NewSecret([]byte(GatewaySession))}
}

// NewGatewayLogin returns the credentials of a gateway that the system logs in to. ErrInvalid, with the
// field and never its value, when the username is not 1 to 100 printable characters of ASCII without
// spaces, the password is empty or has more than 200 bytes, or mode is neither paper nor live.
func NewGatewayLogin(username, password Secret, mode string) (Set, error) {
	return valid(Set{
		fieldKind: NewSecret([]byte(GatewayLogin)), fieldUsername: username.Clone(), fieldPassword: password.Clone(),
		fieldMode: NewSecret([]byte(mode)),
	})
}

// NewFlexToken returns the credentials of the Flex web service. ErrInvalid, with the field and never its
// value, when the token or the number of the query is not 1 to 50 digits.
func NewFlexToken(token Secret, queryID string) (Set, error) {
	return valid(Set{
		fieldKind: NewSecret([]byte(FlexToken)), fieldFlexToken: token.Clone(), fieldFlexQuery: NewSecret([]byte(queryID)),
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
func NewOAuth1(o OAuth1) (Set, error) {
	return valid(Set{
		fieldKind: NewSecret([]byte(OAuth1a)), fieldConsumerKey: o.ConsumerKey.Clone(), fieldAccessToken: o.AccessToken.Clone(),
		fieldAccessTokenSecret: o.AccessTokenSecret.Clone(), fieldSignatureKey: o.SignatureKey.Clone(),
		fieldEncryptionKey: o.EncryptionKey.Clone(), fieldDHPrime: o.DHPrime.Clone(),
	})
}

func valid(c Set) (Set, error) {
	if err := c.Validate(); err != nil {
		c.Wipe()
		return nil, err
	}
	return c, nil
}

// rules are what the fields of each kind must be, by name.
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
