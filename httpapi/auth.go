package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/ai-ots/accounts/invalid"
)

// ErrUnauthenticated is returned by an [Authenticator] that does not know who calls.
var ErrUnauthenticated = errors.New("caller is not authenticated")

// Authenticator tells who makes a request. It is safe for concurrent use.
type Authenticator interface {
	// Authenticate returns the caller. It does not read the request's body. It is called again for
	// a stream of events, with the request that began the stream, every time the stream is kept
	// alive: a caller who is no longer known, or lost the right to read, loses the stream. Errors:
	// ErrUnauthenticated, which becomes status 401, and whatever else keeps it from telling, such
	// as accounts.ErrUnavailable.
	Authenticate(r *http.Request) (Caller, error)
}

// MinToken is the length of a token at least, in bytes.
const MinToken = 16

// BearerToken knows one caller by a token in the header Authorization. It keeps the SHA-256 of the
// token alone, and compares in a time that tells nothing of the token.
type BearerToken struct {
	sum    [sha256.Size]byte
	caller Caller
}

// NewBearerToken returns the authenticator of a caller with the token. It returns ErrInvalid for a
// token of fewer than MinToken bytes, of fewer than 8 different bytes, or with anything but
// printable ASCII without spaces: such a token could be guessed or not be sent. No error has the
// token.
func NewBearerToken(token string, caller Caller) (*BearerToken, error) {
	v := &invalid.Error{What: "token"}
	v.Check(len(token) >= MinToken, "Token", "has fewer than %d bytes", MinToken)
	different := map[byte]bool{}
	for i := range len(token) {
		different[token[i]] = true
		v.Check(token[i] > ' ' && token[i] < 0x7f || len(v.Fields) > 0, "Token", "is not printable ASCII without spaces")
	}
	v.Check(len(different) >= 8 || len(v.Fields) > 0, "Token", "has fewer than 8 different bytes")
	if err := v.Err(); err != nil {
		return nil, err
	}
	return &BearerToken{sha256.Sum256([]byte(token)), caller}, nil
}

// BearerTokenFromFile is NewBearerToken for the token in a file. Spaces and line ends around the
// token are left out. Errors are those of NewBearerToken and of reading the file.
func BearerTokenFromFile(path string, caller Caller) (*BearerToken, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the token: %w", err)
	}
	defer clear(text)
	return NewBearerToken(strings.TrimSpace(string(text)), caller)
}

// BearerTokenFromEnv is NewBearerToken for the token in an environment variable.
func BearerTokenFromEnv(name string, caller Caller) (*BearerToken, error) {
	return NewBearerToken(strings.TrimSpace(os.Getenv(name)), caller)
}

// Authenticate implements [Authenticator].
func (b *BearerToken) Authenticate(r *http.Request) (Caller, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return Caller{}, ErrUnauthenticated
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	sum := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(sum[:], b.sum[:]) != 1 || !strings.EqualFold(scheme, "Bearer") {
		return Caller{}, ErrUnauthenticated
	}
	return b.caller, nil
}

// Loopback takes every request of this machine for the caller's, without a token: for one person's
// own machine alone. The request must come from a loopback address, and must not have come by way
// of a proxy that says so in a header: behind a proxy on the same machine every request comes from
// loopback. Whoever can run a program on the machine, another user too, can call. A page of another
// site that the person looks at cannot: see [Config.Hosts], which is the names of loopback alone
// where it is empty, and the check of origins.
type Loopback struct{ Caller Caller }

// Authenticate implements [Authenticator].
func (l Loopback) Authenticate(r *http.Request) (Caller, error) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return Caller{}, ErrUnauthenticated
	}
	host, _, _ = strings.Cut(host, "%") // the zone of an IPv6 address
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return Caller{}, ErrUnauthenticated
	}
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(header) != "" {
			return Caller{}, ErrUnauthenticated
		}
	}
	return l.Caller, nil
}

// loopbackHosts are the names of this machine to itself.
var loopbackHosts = []string{"localhost", "127.0.0.1", "::1"}

// hostOf returns the host of a request without its port.
func hostOf(r *http.Request) string {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
}
