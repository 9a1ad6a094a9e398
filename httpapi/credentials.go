package httpapi

import (
	"reflect"
	"slices"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
)

var (
	kindParam = param{name: "kind", in: "path", needed: true, text: "The kind of connection that they are for.",
		schema: schema{Type: types{"string"}, Enum: enums[reflect.TypeFor[credentials.Kind]()]}}
	credentialCodes = []Code{CodeNoCredStore}
)

var credentialRoutes = []route{
	{method: "GET", path: "/profiles/{id}/credentials", id: "listCredentials", tag: "credentials", right: Read,
		text:   "List of which kinds there are credentials, and since when. No secret is ever read.",
		params: []param{profileParam}, action: just(listCredentials), codes: credentialCodes},
	{method: "PUT", path: "/profiles/{id}/credentials/{kind}", id: "setCredentials", tag: "credentials", right: Administer,
		text:   "Store the credentials of a kind, in place of earlier ones.",
		params: []param{profileParam, kindParam}, action: with(setCredentials), codes: append([]Code{CodeNotActive}, credentialCodes...),
		sample: `{"username":"trader","password":"correct horse battery staple","mode":"paper"}`},
	{method: "DELETE", path: "/profiles/{id}/credentials/{kind}", id: "deleteCredentials", tag: "credentials", right: Administer,
		text:   "Delete the credentials of a kind. That there are none is no error.",
		params: []param{profileParam, kindParam}, action: just(deleteCredentials), codes: append([]Code{CodeLoginShared}, credentialCodes...)},
}

// secretText is a secret on its way in.
type secretText string

func (secretText) describe(*reflector) *schema {
	return &schema{Type: types{"string"}, Format: "password", WriteOnly: true, MinLength: 1, MaxLength: 20000}
}

// credentialsRequest is the credentials of one kind: the fields of its kind, and no others.
// gateway_session has none.
type credentialsRequest struct {
	Username secretText           `json:"username,omitempty" doc:"gateway_login"`
	Password secretText           `json:"password,omitempty" doc:"gateway_login"`
	Mode     accounts.TradingMode `json:"mode,omitempty" doc:"gateway_login"`

	Token   secretText `json:"flex_token,omitempty" doc:"flex"`
	QueryID string     `json:"flex_query_id,omitempty" doc:"flex"`

	ConsumerKey       secretText `json:"consumer_key,omitempty" doc:"oauth_1.0a"`
	AccessToken       secretText `json:"access_token,omitempty" doc:"oauth_1.0a"`
	AccessTokenSecret secretText `json:"access_token_secret,omitempty" doc:"oauth_1.0a"`
	SignatureKey      secretText `json:"signature_key,omitempty" doc:"oauth_1.0a: a private RSA key in PEM."`
	EncryptionKey     secretText `json:"encryption_key,omitempty" doc:"oauth_1.0a: a private RSA key in PEM."`
	DHPrime           secretText `json:"dh_prime,omitempty" doc:"oauth_1.0a: a prime, in hexadecimal."`
}

// secret makes a secret of a text.
func (s secretText) secret() credentials.Secret { return credentials.NewSecret([]byte(s)) }

// set returns the credentials of a kind. What belongs to another kind is a wrong field.
func (s *credentialsRequest) set(kind credentials.Kind) (credentials.Set, error) {
	var rest credentialsRequest
	var set credentials.Set
	var err error
	switch kind {
	case credentials.GatewaySession:
		set = credentials.NewGatewaySession()
	case credentials.GatewayLogin:
		rest = credentialsRequest{Username: s.Username, Password: s.Password, Mode: s.Mode}
		set, err = credentials.NewGatewayLogin(s.Username.secret(), s.Password.secret(), string(s.Mode))
	case credentials.FlexToken:
		rest = credentialsRequest{Token: s.Token, QueryID: s.QueryID}
		set, err = credentials.NewFlexToken(s.Token.secret(), s.QueryID)
	case credentials.OAuth1a:
		rest = credentialsRequest{ConsumerKey: s.ConsumerKey, AccessToken: s.AccessToken, AccessTokenSecret: s.AccessTokenSecret,
			SignatureKey: s.SignatureKey, EncryptionKey: s.EncryptionKey, DHPrime: s.DHPrime}
		set, err = credentials.NewOAuth1(credentials.OAuth1{ConsumerKey: s.ConsumerKey.secret(), AccessToken: s.AccessToken.secret(),
			AccessTokenSecret: s.AccessTokenSecret.secret(), SignatureKey: s.SignatureKey.secret(), EncryptionKey: s.EncryptionKey.secret(), DHPrime: s.DHPrime.secret()})
	}
	if err == nil && *s != rest {
		return nil, invalidFields(s.foreign(&rest, kind)...)
	}
	return set, err
}

// foreign lists the fields that do not belong to a kind.
func (s *credentialsRequest) foreign(own *credentialsRequest, kind credentials.Kind) (wrong []FieldError) {
	all, mine := reflect.ValueOf(*s), reflect.ValueOf(*own)
	for i := range all.NumField() {
		if all.Field(i).String() != mine.Field(i).String() {
			wrong = append(wrong, FieldError{jsonName(all.Type(), all.Type().Field(i).Name), codeUnknown, "does not belong to " + string(kind)})
		}
	}
	return wrong
}

// credentialState says that there are credentials of a kind.
type credentialState struct {
	Kind credentials.Kind `json:"kind"`
	Set  time.Time        `json:"set,omitzero" doc:"When they were stored by way of this profile; absent if another profile of the login did."`
}

type credentialList struct {
	Credentials []credentialState `json:"credentials"`
}

func listCredentials(c *call) (*credentialList, error) {
	kinds, err := c.api.Manager.CredentialKinds(c.ctx, c.profileID())
	if err != nil {
		return nil, err
	}
	p, err := c.portfolio()
	if err != nil {
		return nil, err
	}
	set := map[credentials.Kind]time.Time{}
	for a, err := range p.CredentialAccesses(c.ctx, accounts.Page{}) {
		if err != nil {
			return nil, err
		}
		if a.Value.Action == "set" && a.Value.Outcome == "ok" {
			set[a.Value.Kind] = a.Value.Time
		}
	}
	out := &credentialList{Credentials: []credentialState{}}
	for _, kind := range kinds {
		if slices.Contains(enums[reflect.TypeFor[credentials.Kind]()], string(kind)) {
			out.Credentials = append(out.Credentials, credentialState{kind, set[kind]})
		}
	}
	return out, nil
}

func setCredentials(c *call, in *credentialsRequest) (nothing, error) {
	if _, err := c.profile(); err != nil { // before anything is said of the secrets
		return nothing{}, err
	}
	set, err := in.set(credentials.Kind(c.query("kind")))
	if err != nil {
		return nothing{}, err
	}
	defer set.Wipe()
	return nothing{}, c.api.Manager.SetCredentials(c.ctx, c.profileID(), set)
}

func deleteCredentials(c *call) (nothing, error) {
	return nothing{}, c.api.Manager.DeleteCredentials(c.ctx, c.profileID(), credentials.Kind(c.query("kind")))
}
