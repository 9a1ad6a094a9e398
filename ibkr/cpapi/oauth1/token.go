package oauth1

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"
)

// ErrToken is returned for a live session token that is missing, has ended, or was not proven by
// the server.
var ErrToken = errors.New("there is no valid live session token")

// Token is a live session token: the key of every signature for a day. The zero value is none.
type Token struct {
	Expires time.Time
	key     []byte
}

// Valid reports whether there is a token; it may have ended.
func (t Token) Valid() bool { return len(t.key) > 0 }

// String returns no secret.
func (t Token) String() string { return "OAuth token until " + t.Expires.UTC().Format(time.RFC3339) }

// GoString returns no secret.
func (t Token) GoString() string { return t.String() }

// sign returns the signature of a text in base64.
func (t Token) sign(text string) string {
	mac := hmac.New(sha256.New, t.key)
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
