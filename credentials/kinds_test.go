package credentials_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
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
		"signature_key": {change(func(o *credentials.OAuth1) { o.SignatureKey = secretOf(secretText) }), change(func(o *credentials.OAuth1) {
			o.SignatureKey = secretOf("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
		})},
		"encryption_key": {change(func(o *credentials.OAuth1) { o.EncryptionKey = credentials.Secret{} })},
		"dh_prime":       {change(func(o *credentials.OAuth1) { o.DHPrime = secretOf(prime.Text(16) + "0") }), change(func(o *credentials.OAuth1) { o.DHPrime = secretOf(secretText) }), change(func(o *credentials.OAuth1) { o.DHPrime = secretOf("7") })},
		"username":       {user("", secretText, "paper"), user("a b", secretText, "paper"), user(strings.Repeat("a", 101), secretText, "paper")},
		"password":       {user("anna", "", "paper"), user("anna", strings.Repeat(secretText, 100), "paper")},
		"mode":           {user("anna", secretText, ""), user("anna", secretText, "both")},
		"flex_token":     {token("", "1"), token(secretText, "1")},
		"flex_query_id":  {token("1", ""), token("1", "one")},
		"more":           {extra.Validate()},
		"kind":           {credentials.Set{"kind": secretOf(secretText)}.Validate()},
	} {
		for _, err := range errs {
			require.ErrorIs(t, err, invalid.Err, "%s was accepted", field)
			require.ErrorContains(t, err, field, "the error does not name the field")
			require.NotContains(t, err.Error(), secretText, "the error shows a secret")
		}
	}
}
