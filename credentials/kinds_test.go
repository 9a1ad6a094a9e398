package credentials_test

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/invalid"
)

func privateKey(t *testing.T, pkcs8 bool) credentials.Secret {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	if pkcs8 {
		block.Type = "PRIVATE KEY"
		block.Bytes, err = x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
	}
	return credentials.NewSecret(pem.EncodeToMemory(block))
}

// otherKey returns a private key that is none of RSA.
func otherKey(t *testing.T, key any) credentials.Secret {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return credentials.NewSecret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestKindsOfCredentials(t *testing.T) {
	prime, err := rand.Prime(rand.Reader, 512)
	require.NoError(t, err)
	o := credentials.OAuth1{ConsumerKey: secretOf("TESTCONS"), AccessToken: secretOf("token"), AccessTokenSecret: secretOf("c2VjcmV0"),
		SignatureKey: privateKey(t, false), EncryptionKey: privateKey(t, true), DHPrime: secretOf(prime.Text(16))}
	oauth, err := credentials.NewOAuth1(o)
	require.NoError(t, err)
	require.Equal(t, credentials.OAuth1a, oauth.Kind())
	flex, err := credentials.NewFlexToken(secretOf("123456789012345678901234"), "987654")
	require.NoError(t, err)
	require.Equal(t, "987654", string(flex["flex_query_id"].Reveal()))
	login, err := credentials.NewGatewayLogin(secretOf("anna1"), secretOf("pass word"), "live")
	require.NoError(t, err)
	require.Equal(t, credentials.GatewayLogin, login.Kind())
	require.NoError(t, credentials.NewGatewaySession().Validate())
	require.Empty(t, credentials.Set{"mine": secretOf("x")}.Kind())

	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	exchange, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	signWith := func(key credentials.Secret) func(*credentials.OAuth1) {
		return func(o *credentials.OAuth1) { o.SignatureKey = key }
	}
	encryptWith := func(key credentials.Secret) func(*credentials.OAuth1) {
		return func(o *credentials.OAuth1) { o.EncryptionKey = key }
	}
	two := append(o.SignatureKey.Reveal(), o.EncryptionKey.Reveal()...)
	primeOf := func(text string) func(*credentials.OAuth1) {
		return func(o *credentials.OAuth1) { o.DHPrime = secretOf(text) }
	}

	change := func(f func(o *credentials.OAuth1)) error {
		changed := o
		f(&changed)
		_, err := credentials.NewOAuth1(changed)
		return err
	}
	user := func(name, password, mode string) error {
		_, err := credentials.NewGatewayLogin(secretOf(name), secretOf(password), mode)
		return err
	}
	token := func(token, query string) error {
		_, err := credentials.NewFlexToken(secretOf(token), query)
		return err
	}
	extra := login.Clone()
	extra["more"] = secretOf(secretText)
	for field, errs := range map[string][]error{
		"consumer_key":        {change(func(o *credentials.OAuth1) { o.ConsumerKey = secretOf("") }), change(func(o *credentials.OAuth1) { o.ConsumerKey = secretOf("a " + secretText) })},
		"access_token":        {change(func(o *credentials.OAuth1) { o.AccessToken = secretOf(secretText + "\n") })},
		"access_token_secret": {change(func(o *credentials.OAuth1) { o.AccessTokenSecret = credentials.Secret{} })},
		"signature_key": {change(signWith(otherKey(t, edwards))), change(signWith(otherKey(t, curve))),
			change(signWith(otherKey(t, exchange))), change(signWith(credentials.NewSecret(two))),
			change(signWith(secretOf(strings.Repeat("#", 16<<10) + "\n" + string(o.SignatureKey.Reveal())))), change(func(o *credentials.OAuth1) { o.SignatureKey = secretOf(secretText) }), change(func(o *credentials.OAuth1) {
				o.SignatureKey = secretOf("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
			})},
		"encryption_key": {change(encryptWith(otherKey(t, edwards))), change(encryptWith(otherKey(t, curve))), change(func(o *credentials.OAuth1) { o.EncryptionKey = credentials.Secret{} })},
		"dh_prime": {change(primeOf("+" + prime.Text(16))), change(primeOf("-" + prime.Text(16))),
			change(primeOf("0x" + prime.Text(16))), change(primeOf(prime.Text(16) + "\n")), change(func(o *credentials.OAuth1) { o.DHPrime = secretOf(prime.Text(16) + "0") }), change(func(o *credentials.OAuth1) { o.DHPrime = secretOf(secretText) }), change(func(o *credentials.OAuth1) { o.DHPrime = secretOf("7") })},
		"username":      {user("", secretText, "paper"), user("a b", secretText, "paper"), user(strings.Repeat("a", 101), secretText, "paper")},
		"password":      {user("anna", "", "paper"), user("anna", strings.Repeat(secretText, 100), "paper")},
		"mode":          {user("anna", secretText, ""), user("anna", secretText, "both")},
		"flex_token":    {token("", "1"), token(secretText, "1")},
		"flex_query_id": {token("1", ""), token("1", "one")},
		"more":          {extra.Validate()},
		"kind":          {credentials.Set{"kind": secretOf(secretText)}.Validate()},
	} {
		for _, err := range errs {
			require.ErrorIs(t, err, invalid.Err, "%s was accepted", field)
			require.ErrorContains(t, err, field, "the error does not name the field")
			require.NotContains(t, err.Error(), secretText, "the error shows a secret")
		}
	}
}

func TestSetsAreBounded(t *testing.T) {
	named := func(n int) credentials.Set {
		c := credentials.Set{}
		for i := range n {
			c[fmt.Sprintf("%0*d", credentials.MaxName, i)] = credentials.Secret{}
		}
		return c
	}
	require.NoError(t, named(credentials.MaxNames).Validate())
	for _, n := range []int{credentials.MaxNames + 1, 200_000} {
		err := named(n).Validate()
		require.ErrorIs(t, err, invalid.Err, "%d names were accepted", n)
		require.Less(t, len(err.Error()), 200, "the error is as long as what was refused")
	}
	most := credentials.Set{"a": credentials.NewSecret(make([]byte, credentials.MaxSize-1)), "b": secretOf("x")}
	require.NoError(t, most.Validate())
	most["c"] = secretOf("x")
	require.ErrorIs(t, most.Validate(), invalid.Err, "a byte too much was accepted")
}
