package accounts_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/gob"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"github.com/davecgh/go-spew/spew"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
)

func secretOf(s string) credentials.Secret { return credentials.NewSecret([]byte(s)) }

// Printers that walk values by reflection, unexported fields and pointers too, do not come to the bytes.
func TestReflectionDoesNotReachASecret(t *testing.T) {
	s := secretOf(secretText)
	hidden := struct {
		s credentials.Secret
		p *credentials.Secret
		c credentials.Set
	}{s, &s, credentials.Set{"password": s}}
	raw := spew.ConfigState{DisableMethods: true, DisablePointerMethods: true, Indent: " "}
	for how, text := range map[string]string{"spew": spew.Sdump(hidden, &hidden), "spew without methods": raw.Sdump(hidden, &hidden)} {
		for _, leak := range leaks {
			require.NotContains(t, text, leak, "%s shows a secret", how)
		}
	}
	var failed recorder
	require.Equal(&failed, hidden.c, credentials.Set{"password": secretOf("other")})
	for _, leak := range leaks {
		require.NotContains(t, failed.text, leak, "a failed assertion shows a secret")
	}
}

// recorder is a test that fails on purpose.
type recorder struct{ text string }

func (r *recorder) Errorf(format string, args ...any) { r.text += fmt.Sprintf(format, args...) }
func (r *recorder) FailNow()                          {}

func TestSecretCannotBeEncodedNorReadBack(t *testing.T) {
	type holder struct {
		S credentials.Secret
		A credentials.Secret `xml:",attr"`
	}
	v := holder{secretOf(secretText), secretOf(secretText)}
	var asGob bytes.Buffer
	require.NoError(t, gob.NewEncoder(&asGob).Encode(v))
	require.NotContains(t, asGob.String(), secretText, "gob shows a secret")
	asXML, err := xml.Marshal(v)
	require.NoError(t, err)
	requireNoLeak(t, "XML", string(asXML))
	asJSON, err := json.Marshal(v)
	require.NoError(t, err)
	requireNoLeak(t, "JSON", string(asJSON))
	var back holder
	require.ErrorIs(t, gob.NewDecoder(&asGob).Decode(&back), accounts.ErrInvalid, "gob made a secret of nothing")
	require.ErrorIs(t, json.Unmarshal(asJSON, &back), accounts.ErrInvalid, "JSON made a secret of nothing")
	require.ErrorIs(t, xml.Unmarshal(asXML, &back), accounts.ErrInvalid, "XML made a secret of nothing")
}

func TestWipe(t *testing.T) {
	s := secretOf(secretText)
	shared, own := s, s.Clone()
	s.Wipe()
	require.Equal(t, make([]byte, len(secretText)), shared.Reveal(), "a copy kept what was wiped")
	require.Equal(t, secretText, string(own.Reveal()), "a clone was wiped too")
	credentials.Secret{}.Wipe()
	require.Zero(t, credentials.Secret{}.Len())
}

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
			require.ErrorIs(t, err, accounts.ErrInvalid, "%s was accepted", field)
			require.ErrorContains(t, err, field, "the error does not name the field")
			require.NotContains(t, err.Error(), secretText, "the error shows a secret")
		}
	}
}
