package oauth1

import (
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/invalid"
)

// vectors were derived by testdata/derive.py, which shares no code with the package.
type vectors struct {
	Prime, Consumer string
	AccessToken     string `json:"access_token"`
	Secret          string `json:"access_token_secret"`
	Now             int64
	Begin           string
	Query           map[string]string
	Exchanges       []struct {
		High                                  bool
		Response, Token, Signature, Get, Post string
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return b
}

func load(t testing.TB) (v vectors, c Config) {
	t.Helper()
	require.NoError(t, json.Unmarshal(read(t, "vectors.json"), &v))
	require.Len(t, v.Exchanges, 2)
	return v, Config{ConsumerKey: v.Consumer, AccessToken: v.AccessToken, AccessTokenSecret: []byte(v.Secret),
		SignatureKey: read(t, "signature.pem"), EncryptionKey: read(t, "encryption.pem"), Prime: []byte(v.Prime)}
}

// counting returns bytes that count, from 1 for a number and from 0 for a nonce, as the vectors have them.
func counting(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i + n/32)
	}
	return b
}

const api = "https://api.ibkr.com/v1/api"

func TestVectors(t *testing.T) {
	v, c := load(t)
	s, err := New(c)
	require.NoError(t, err)
	s.random = counting
	now := time.Unix(v.Now, 0)
	x, err := s.Begin(api+"/oauth/live_session_token", now)
	require.NoError(t, err)
	require.Equal(t, v.Begin, x.Header())
	query := url.Values{}
	for k, value := range v.Query {
		query.Set(k, value)
	}
	seen := map[bool]bool{}
	for _, e := range v.Exchanges {
		seen[e.High] = true
		token, err := x.Finish(e.Response, e.Signature, now.Add(time.Hour))
		require.NoError(t, err)
		require.Equal(t, e.Token, hex.EncodeToString(token.key))
		get, err := s.Authorize(token, "GET", api+"/iserver/marketdata/snapshot", query, now)
		require.NoError(t, err)
		require.Equal(t, e.Get, get)
		post, err := s.Authorize(token, "POST", api+"/tickle", nil, now)
		require.NoError(t, err)
		require.Equal(t, e.Post, post)
	}
	require.Len(t, seen, 2, "a shared secret with its first bit set, and one without")
}

// What the server says is believed only with the proof that it has derived the same token.
func TestAnswersThatAreNotProven(t *testing.T) {
	v, c := load(t)
	s, err := New(c)
	require.NoError(t, err)
	s.random = counting
	x, err := s.Begin(api, time.Unix(v.Now, 0))
	require.NoError(t, err)
	good := v.Exchanges[0]
	last := new(big.Int).Sub(s.prime, big.NewInt(1)).Text(16)
	for name, a := range map[string][2]string{
		"another number": {v.Exchanges[1].Response, good.Signature}, "another signature": {good.Response, v.Exchanges[1].Signature},
		"no signature": {good.Response, ""}, "half a signature": {good.Response, good.Signature[:20]}, "no number": {"", good.Signature},
		"zero": {"0", good.Signature}, "one": {"1", good.Signature}, "minus one": {last, good.Signature}, "the prime": {v.Prime, good.Signature},
		"a sign": {"-" + good.Response, good.Signature}, "a prefix": {"0x" + good.Response, good.Signature}, "no digits": {"xyz", good.Signature},
	} {
		token, err := x.Finish(a[0], a[1], time.Now())
		require.ErrorIs(t, err, ErrToken, name)
		require.False(t, token.Valid(), name)
	}
}

func TestTokensEnd(t *testing.T) {
	_, c := load(t)
	s, err := New(c)
	require.NoError(t, err)
	now := time.Now()
	for name, token := range map[string]Token{"none": {Expires: now.Add(time.Hour)}, "ended": {Expires: now, key: []byte("k")}} {
		_, err := s.Authorize(token, "GET", api, nil, now)
		require.ErrorIs(t, err, ErrToken, name)
	}
	_, err = s.Authorize(Token{now.Add(1), []byte("k")}, "GET", api, url.Values{"a": {"1", "2"}}, now)
	require.ErrorIs(t, err, invalid.Err, "which of the two is signed is not known")
}

func TestWrongKeys(t *testing.T) {
	v, good := load(t)
	for name, c := range map[string]struct {
		change func(*Config)
		want   error
	}{
		"nothing":                 {func(c *Config) { *c = Config{} }, invalid.Err},
		"a header in a token":     {func(c *Config) { c.AccessToken = "a\"\r\nX: y" }, invalid.Err},
		"a signature key of text": {func(c *Config) { c.SignatureKey = []byte("s3cr3t") }, ErrKey},
		"an encryption key of text": {func(c *Config) {
			c.EncryptionKey = []byte("-----BEGIN PRIVATE KEY-----\nczNjcjN0\n-----END PRIVATE KEY-----")
		}, ErrKey},
		"keys the wrong way round": {func(c *Config) { c.EncryptionKey = c.SignatureKey }, ErrKey},
		"a secret of text":         {func(c *Config) { c.AccessTokenSecret = []byte("s3cr3t!") }, ErrKey},
		"a secret that is short":   {func(c *Config) { c.AccessTokenSecret = []byte("czNjcjN0") }, ErrKey},
		"a prime of text":          {func(c *Config) { c.Prime = []byte("s3cr3t") }, ErrKey},
		"a negative prime":         {func(c *Config) { c.Prime = []byte("-" + v.Prime) }, ErrKey},
		"a short prime":            {func(c *Config) { c.Prime = []byte("17") }, ErrKey},
		"no prime":                 {func(c *Config) { c.Prime = []byte(v.Prime[:len(v.Prime)-1] + "d") }, ErrKey},
	} {
		config := good
		c.change(&config)
		_, err := New(config)
		require.ErrorIs(t, err, c.want, name)
		require.NotContains(t, err.Error(), "s3cr3t", name)
	}
	pemOf := func(g int64) []byte {
		p, _ := new(big.Int).SetString(v.Prime, 16)
		der, err := asn1.Marshal(struct{ P, G *big.Int }{p, big.NewInt(g)})
		require.NoError(t, err)
		return pem.EncodeToMemory(&pem.Block{Type: "DH PARAMETERS", Bytes: der})
	}
	params := good
	params.Prime = pemOf(2)
	s, err := New(params)
	require.NoError(t, err)
	require.Equal(t, strings.ToLower(v.Prime), s.prime.Text(16))
	for _, wrong := range [][]byte{pemOf(5), pem.EncodeToMemory(&pem.Block{Type: "DH PARAMETERS", Bytes: []byte{1, 2}})} {
		params.Prime = wrong
		_, err = New(params)
		require.ErrorIs(t, err, ErrKey)
	}
	spaced := good
	spaced.Prime = []byte(strings.ToLower(v.Prime[:64]) + "\n " + v.Prime[64:])
	_, err = New(spaced)
	require.NoError(t, err)
}

// Nothing that is printed has a secret in it.
func TestNothingSecretIsPrinted(t *testing.T) {
	v, c := load(t)
	s, err := New(c)
	require.NoError(t, err)
	x, err := s.Begin(api, time.Now())
	require.NoError(t, err)
	token := Token{time.Now(), []byte("s3cr3t-key")}
	secrets := []string{string(s.secret), hex.EncodeToString(s.secret), s.signature.D.String(), x.secret.String(), "s3cr3t-key", hex.EncodeToString([]byte("s3cr3t-key")),
		v.AccessToken, v.Secret, fmt.Sprint(s.secret), fmt.Sprint([]byte("s3cr3t-key"))}
	for _, printed := range []any{s, x, token, c, &token, &c} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			for _, secret := range secrets {
				require.NotContains(t, fmt.Sprintf(format, printed), secret, "%T with %s", printed, format)
			}
		}
		text, err := json.Marshal(printed)
		require.NoError(t, err)
		for _, secret := range secrets {
			require.NotContains(t, string(text), secret, "%T", printed)
		}
	}
}

// A challenge and a nonce are new every time.
func TestRandomness(t *testing.T) {
	_, c := load(t)
	s, err := New(c)
	require.NoError(t, err)
	seen := map[string]bool{}
	for range 20 {
		x, err := s.Begin(api, time.Unix(1, 0))
		require.NoError(t, err)
		require.False(t, seen[x.Header()])
		seen[x.Header()] = true
	}
}
