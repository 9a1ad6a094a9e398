package cpapi

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ibkr/cpapi/oauth1"
)

// server is IBKR's side of OAuth: it makes tokens and checks signatures.
type server struct {
	prime *big.Int

	mu     sync.Mutex
	token  []byte
	issued int
}

// secretOfTests is the access token's secret in the vectors of package oauth1.
var secretOfTests, _ = hex.DecodeString("00ff10" + strings.Repeat("5a", 29))

var headerField = regexp.MustCompile(`(\w+)="([^"]*)"`)

func headerFields(c call) map[string]string {
	out := map[string]string{}
	for _, m := range headerField.FindAllStringSubmatch(c.r.Header.Get("Authorization"), -1) {
		out[m[1]] = m[2]
	}
	return out
}

// issue answers a request for a live session token.
func (s *server) issue(_ int, c call) (int, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	theirs, ok := new(big.Int).SetString(headerFields(c)["diffie_hellman_challenge"], 16)
	if !ok {
		return 401, "no challenge"
	}
	mine := big.NewInt(int64(123456789 + s.issued))
	shared := new(big.Int).Exp(theirs, mine, s.prime)
	key := make([]byte, shared.BitLen()/8+1)
	mac := hmac.New(sha1.New, shared.FillBytes(key))
	mac.Write(secretOfTests)
	s.token = mac.Sum(nil)
	s.issued++
	mac = hmac.New(sha1.New, s.token)
	mac.Write([]byte("TESTKEY01"))
	return 200, fmt.Sprintf(`{"diffie_hellman_response":%q,"live_session_token_signature":%q,"live_session_token_expiration":%d}`,
		new(big.Int).Exp(big.NewInt(2), mine, s.prime).Text(16), hex.EncodeToString(mac.Sum(nil)), time.Now().Add(24*time.Hour).UnixMilli())
}

// signed reports whether a request is signed with the token.
func (s *server) signed(c call) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	params := headerFields(c)
	signature, err := url.QueryUnescape(params["oauth_signature"])
	if err != nil {
		return false
	}
	delete(params, "oauth_signature")
	delete(params, "realm")
	query, _ := url.ParseQuery(c.Query)
	for k := range query {
		params[k] = query.Get(k)
	}
	var parts []string
	for k, v := range params {
		parts = append(parts, k+"="+v)
	}
	slices.Sort(parts)
	mac := hmac.New(sha256.New, s.token)
	mac.Write([]byte(c.Method + "&" + url.QueryEscape("https://"+c.r.Host+"/v1/api"+c.Path) + "&" + url.QueryEscape(strings.Join(parts, "&"))))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)) == signature
}

func oauthSigner(t *testing.T) (*oauth1.Signer, *server) {
	t.Helper()
	file := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("oauth1", "testdata", name))
		require.NoError(t, err)
		return b
	}
	var v struct {
		Prime  string
		Secret string `json:"access_token_secret"`
	}
	require.NoError(t, json.Unmarshal(file("vectors.json"), &v))
	s, err := oauth1.New(oauth1.Config{ConsumerKey: "TESTKEY01", AccessToken: "a1b2c3d4e5f6", AccessTokenSecret: []byte(v.Secret),
		SignatureKey: file("signature.pem"), EncryptionKey: file("encryption.pem"), Prime: []byte(v.Prime)})
	require.NoError(t, err)
	prime, _ := new(big.Int).SetString(v.Prime, 16)
	return s, &server{prime: prime}
}

// With OAuth there is no gateway: the client logs in, signs every request, and logs in again when its token is
// refused.
func TestOAuth(t *testing.T) {
	f := newFake(t)
	signer, s := oauthSigner(t)
	f.routes["POST "+tokenPath] = s.issue
	for route, answer := range f.routes {
		if route != "POST "+tokenPath {
			f.routes[route] = func(n int, c call) (int, string) {
				if !s.signed(c) {
					return 401, "wrong signature"
				}
				return answer(n, c)
			}
		}
	}
	f.build()
	config := f.config()
	config.OAuth = signer
	c := f.open(config)
	require.True(t, c.Status().Usable(), "%+v", c.Status())
	_, err := c.Orders(t.Context(), mine)
	require.NoError(t, err, "a request with a query")
	_, err = c.Place(t.Context(), mine, limit("r", "1", "90"))
	require.NoError(t, err)
	require.Zero(t, f.count("GET /sso/validate"), "a gateway's alone")
	conn := f.connection()
	defer func() { _ = conn.CloseNow() }()
	socket := f.asked(func(c call) bool { return c.Path == "/ws" })[0]
	require.Equal(t, "oauth_token=a1b2c3d4e5f6", socket.Query)
	require.Contains(t, socket.r.Header.Get("Cookie"), "api=abc123def456")

	s.mu.Lock()
	s.token = []byte("revoked")
	s.mu.Unlock()
	_, err = c.Cash(t.Context(), mine)
	require.ErrorIs(t, err, broker.ErrLoginNeeded)
	until(t, "a session with a new token", func() bool { return c.Status().Usable() })
	_, err = c.Cash(t.Context(), mine)
	require.NoError(t, err)
	require.Equal(t, 2, s.issued)
}

// A server that cannot prove that it knows the secret gets nothing signed.
func TestOAuthWithoutProof(t *testing.T) {
	f := newFake(t)
	signer, s := oauthSigner(t)
	f.on("POST "+tokenPath, func(n int, c call) (int, string) {
		status, body := s.issue(n, c)
		return status, strings.Replace(body, `"live_session_token_signature":"`, `"live_session_token_signature":"00`, 1)
	})
	config := f.config()
	config.OAuth = signer
	c := f.open(config)
	require.Equal(t, broker.SessionDisconnected, c.Status().Session)
	require.Zero(t, f.count("POST /tickle"))
}
