package oauth1

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// minPrimeBits is the length of the shortest prime that is taken.
const minPrimeBits = 1024

// parsePrime reads a prime: hexadecimal digits, or the first number of DH parameters in PEM. A
// prime that a server would read as a negative number is refused: IBKR answers 401 for ever after.
func parsePrime(text []byte) (*big.Int, error) {
	p := new(big.Int)
	if block, _ := pem.Decode(text); block != nil {
		var params struct {
			P, G *big.Int
			Rest []asn1.RawValue `asn1:"optional"`
		}
		if rest, err := asn1.Unmarshal(block.Bytes, &params); err != nil || len(rest) > 0 {
			return nil, fmt.Errorf("%w: the DH parameters", ErrKey)
		}
		p = params.P
		if params.G.Cmp(generator) != 0 {
			return nil, fmt.Errorf("%w: the generator of the DH parameters is not 2", ErrKey)
		}
	} else if digits := strings.Join(strings.Fields(strings.ReplaceAll(string(text), ":", "")), ""); !fill(p, digits) {
		return nil, fmt.Errorf("%w: the DH prime is not hexadecimal", ErrKey)
	}
	if p.Sign() <= 0 || p.BitLen() < minPrimeBits || !p.ProbablyPrime(8) {
		return nil, fmt.Errorf("%w: the DH prime is no prime of %d bits or more", ErrKey, minPrimeBits)
	}
	return p, nil
}

// fill reads hexadecimal digits without a sign or a prefix.
func fill(n *big.Int, digits string) bool {
	if strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
		return false
	}
	_, ok := n.SetString(digits, 16)
	return ok
}

// Exchange is a request for a live session token. It is used once.
type Exchange struct {
	header string
	signer *Signer
	secret *big.Int // our exponent
}

// Header returns the Authorization header of the request, which has no body.
func (x *Exchange) Header() string { return x.header }

// String returns no secret.
func (x *Exchange) String() string { return "OAuth exchange" }

// GoString returns no secret.
func (x *Exchange) GoString() string { return x.String() }

// secretBytes is the length of our exponent of Diffie and Hellman.
const secretBytes = 32

// Begin makes a challenge for a live session token, which is asked for with POST at the address.
func (s *Signer) Begin(address string, now time.Time) (*Exchange, error) {
	x := &Exchange{signer: s, secret: new(big.Int).SetBytes(s.random(secretBytes))}
	if x.secret.BitLen() < 8*secretBytes/2 {
		return nil, fmt.Errorf("%w: the random number is too small", ErrKey)
	}
	params := s.params("RSA-SHA256", now)
	params["diffie_hellman_challenge"] = new(big.Int).Exp(generator, x.secret, s.prime).Text(16)
	text := hex.EncodeToString(s.secret) + baseString(http.MethodPost, address, params)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, s.signature, crypto.SHA256, sum[:])
	if err != nil {
		return nil, fmt.Errorf("%w: the signature key cannot sign", ErrKey)
	}
	params["oauth_signature"] = url.QueryEscape(base64.StdEncoding.EncodeToString(signature))
	x.header = s.header(params)
	return x, nil
}

// Finish derives the token from the answer: the server's number and its signature of the token,
// both in hexadecimal digits, and when the token ends. It returns ErrToken if the signature is not
// of the token: the answer is not IBKR's, or a key does not fit.
func (x *Exchange) Finish(response, signature string, expires time.Time) (Token, error) {
	theirs := new(big.Int)
	last := new(big.Int).Sub(x.signer.prime, big.NewInt(1))
	if !fill(theirs, response) || theirs.Cmp(big.NewInt(1)) <= 0 || theirs.Cmp(last) >= 0 {
		return Token{}, fmt.Errorf("%w: the server's number is out of range", ErrToken)
	}
	mac := hmac.New(sha1.New, positive(theirs.Exp(theirs, x.secret, x.signer.prime)))
	mac.Write(x.signer.secret)
	t := Token{key: mac.Sum(nil), Expires: expires}
	mac = hmac.New(sha1.New, t.key)
	mac.Write([]byte(x.signer.consumer))
	claimed, err := hex.DecodeString(signature)
	if err != nil || subtle.ConstantTimeCompare(mac.Sum(nil), claimed) != 1 {
		return Token{}, fmt.Errorf("%w: the server's signature is not of the token", ErrToken)
	}
	return t, nil
}

// positive returns the bytes of a number as Java writes them: with a zero first where the first bit
// is set, which would mean a negative number.
func positive(n *big.Int) []byte {
	b := n.Bytes()
	if n.BitLen()%8 == 0 {
		return append([]byte{0}, b...)
	}
	return bytes.Clone(b)
}
