package oauth1

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ai-ots/accounts/invalid"
)

// ErrKey is returned for a key or secret that cannot be read or does not fit the others.
var ErrKey = errors.New("the OAuth key or secret cannot be used")

// Config is what IBKR's self-service page gives for one login, and the keys that were uploaded
// there. New copies what it needs.
type Config struct {
	ConsumerKey string
	AccessToken string `json:"-"`
	// AccessTokenSecret is the secret as the page shows it: encrypted, in base64.
	AccessTokenSecret []byte `json:"-"`
	// SignatureKey and EncryptionKey are RSA private keys in PEM, of PKCS #1 or PKCS #8.
	SignatureKey, EncryptionKey []byte `json:"-"`
	// Prime is the prime of Diffie and Hellman: hexadecimal digits, or DH parameters in PEM.
	Prime []byte
	// Realm is limited_poa if empty; test_realm for the consumer key TESTCONS.
	Realm string
}

// String returns no secret.
func (c Config) String() string {
	return fmt.Sprintf("OAuth configuration of consumer %.4s…", c.ConsumerKey)
}

// GoString returns no secret.
func (c Config) GoString() string { return c.String() }

// Signer signs the requests of one login. It is safe for concurrent use.
type Signer struct {
	consumer, accessToken, realm string
	secret                       []byte // decrypted
	signature                    *rsa.PrivateKey
	prime                        *big.Int
	random                       func(n int) []byte // returns n random bytes
}

var generator = big.NewInt(2)

// New returns a signer. Errors: invalid.Err for a field that is missing, ErrKey.
func New(c Config) (*Signer, error) {
	v := &invalid.Error{What: "OAuth configuration"}
	for _, f := range []struct {
		name    string
		missing bool
	}{
		{"ConsumerKey", c.ConsumerKey == ""}, {"AccessToken", c.AccessToken == ""},
		{"AccessTokenSecret", len(c.AccessTokenSecret) == 0}, {"SignatureKey", len(c.SignatureKey) == 0},
		{"EncryptionKey", len(c.EncryptionKey) == 0}, {"Prime", len(c.Prime) == 0},
	} {
		v.Check(!f.missing, f.name, "is missing")
	}
	for _, f := range []struct{ name, value string }{{"ConsumerKey", c.ConsumerKey}, {"AccessToken", c.AccessToken}, {"Realm", c.Realm}} {
		v.Check(!strings.ContainsAny(f.value, "\"\r\n, "), f.name, "has a character that a header cannot have")
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	s := &Signer{consumer: c.ConsumerKey, accessToken: c.AccessToken, realm: c.Realm, random: randomBytes}
	if s.realm == "" {
		s.realm = "limited_poa"
	}
	encryption, err := parseKey(c.EncryptionKey)
	if err != nil {
		return nil, fmt.Errorf("%w: the encryption key", ErrKey)
	}
	if s.signature, err = parseKey(c.SignatureKey); err != nil {
		return nil, fmt.Errorf("%w: the signature key", ErrKey)
	}
	if s.prime, err = parsePrime(c.Prime); err != nil {
		return nil, err
	}
	ciphertext, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(c.AccessTokenSecret)))
	if err != nil {
		return nil, fmt.Errorf("%w: the access token's secret is not base64", ErrKey)
	}
	if s.secret, err = rsa.DecryptPKCS1v15(nil, encryption, ciphertext); err != nil || len(s.secret) == 0 {
		return nil, fmt.Errorf("%w: the access token's secret was encrypted for another key", ErrKey)
	}
	return s, nil
}

// String returns no secret.
func (s *Signer) String() string { return fmt.Sprintf("OAuth signer of consumer %.4s…", s.consumer) }

// GoString returns no secret.
func (s *Signer) GoString() string { return s.String() }

// AccessToken returns the access token, which the websocket's address wants: do not log such an
// address.
func (s *Signer) AccessToken() string { return s.accessToken }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, by its documentation
	return b
}

var errKeyForm = errors.New("no RSA private key")

func parseKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errKeyForm
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errKeyForm
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errKeyForm
	}
	return private, nil
}

// Authorize returns the Authorization header of a request to an address without its query. query is
// what the address has besides. It returns ErrToken for a token that is missing or has ended.
func (s *Signer) Authorize(t Token, method, address string, query url.Values, now time.Time) (string, error) {
	if !t.Valid() || !now.Before(t.Expires) {
		return "", ErrToken
	}
	params := s.params("HMAC-SHA256", now)
	signed := map[string]string{}
	for k, v := range params {
		signed[k] = v
	}
	for k, v := range query {
		if len(v) != 1 {
			return "", fmt.Errorf("%w: parameter %.40q has %d values", invalid.Err, k, len(v))
		}
		signed[k] = v[0]
	}
	params["oauth_signature"] = url.QueryEscape(t.sign(baseString(method, address, signed)))
	return s.header(params), nil
}

// params returns the parameters of every request.
func (s *Signer) params(method string, now time.Time) map[string]string {
	return map[string]string{
		"oauth_consumer_key": s.consumer, "oauth_nonce": s.nonce(), "oauth_signature_method": method,
		"oauth_timestamp": strconv.FormatInt(now.Unix(), 10), "oauth_token": s.accessToken,
	}
}

// nonce returns 16 random letters and digits.
func (s *Signer) nonce() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz234567" // 58: no bias that matters
	out := s.random(16)
	for i, b := range out {
		out[i] = letters[int(b)%len(letters)]
	}
	return string(out)
}

// header writes an Authorization header.
func (s *Signer) header(params map[string]string) string {
	parts := make([]string, 0, len(params))
	for k, v := range params {
		parts = append(parts, fmt.Sprintf("%s=%q", k, v))
	}
	slices.Sort(parts)
	return fmt.Sprintf("OAuth realm=%q, %s", s.realm, strings.Join(parts, ", "))
}

// baseString returns the text that is signed. Parameters are joined as they are, and escaped
// together.
func baseString(method, address string, params map[string]string) string {
	parts := make([]string, 0, len(params))
	for k, v := range params {
		parts = append(parts, k+"="+v)
	}
	slices.SortFunc(parts, func(a, b string) int {
		x, _, _ := strings.Cut(a, "=")
		y, _, _ := strings.Cut(b, "=")
		return strings.Compare(x, y)
	})
	return method + "&" + url.QueryEscape(address) + "&" + url.QueryEscape(strings.Join(parts, "&"))
}
