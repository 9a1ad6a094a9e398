package page

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/httpapi"
)

var credentialRoutes = []route{
	{method: "GET", path: "/p/{id}/credentials", right: httpapi.Administer, at: "limits", run: askCredentials},
	{method: "POST", path: "/p/{id}/credentials", right: httpapi.Administer, at: "limits", run: setCredentials},
}

// secretField is a field of credentials.
type secretField struct {
	Name, Label, Hint string
	library           string // the field's name in errors of the library
	Secret            bool   // it is never shown
	Long              bool   // it has several lines
	Options           []option
}

// secretKind is a kind of credentials.
type secretKind struct {
	Kind        credentials.Kind
	Name, Means string
	Fields      []secretField
	set         func(f *form) (credentials.Set, error)
}

// secret returns a field as a secret, as it was typed.
func (f *form) secret(name string) credentials.Secret {
	return credentials.NewSecret([]byte(f.typed.Get(name)))
}

var secretKinds = []secretKind{
	{credentials.GatewaySession, "Gateway with a session of its own", "A person logs in at the gateway: nothing secret is kept here.", nil,
		func(*form) (credentials.Set, error) { return credentials.NewGatewaySession(), nil }},
	{credentials.GatewayLogin, "Gateway that the service logs in to", "The user name and the password at the broker.", []secretField{
		{Name: "username", Label: "User name", library: "username", Secret: true},
		{Name: "password", Label: "Password", library: "password", Secret: true},
		{Name: "mode", Label: "Money", library: "mode", Options: options("paper", "Paper", "live", "Live")},
	}, func(f *form) (credentials.Set, error) {
		return credentials.NewGatewayLogin(f.secret("username"), f.secret("password"), f.Value("mode"))
	}},
	{credentials.FlexToken, "Flex statements", "The token of the Flex web service, which can only read.", []secretField{
		{Name: "flextoken", Label: "Token", library: "flex_token", Secret: true},
		{Name: "flexquery", Label: "Query number", library: "flex_query_id"},
	}, func(f *form) (credentials.Set, error) {
		return credentials.NewFlexToken(f.secret("flextoken"), f.Value("flexquery"))
	}},
	{credentials.OAuth1a, "Web API with OAuth 1.0a", "What the broker gave for the web API.", []secretField{
		{Name: "consumerkey", Label: "Consumer key", library: "consumer_key", Secret: true},
		{Name: "accesstoken", Label: "Access token", library: "access_token", Secret: true},
		{Name: "tokensecret", Label: "Access token secret", library: "access_token_secret", Secret: true},
		{Name: "signaturekey", Label: "Signature key, PEM", library: "signature_key", Secret: true, Long: true},
		{Name: "encryptionkey", Label: "Encryption key, PEM", library: "encryption_key", Secret: true, Long: true},
		{Name: "dhprime", Label: "Prime, hexadecimal", library: "dh_prime", Secret: true, Long: true},
	}, func(f *form) (credentials.Set, error) {
		return credentials.NewOAuth1(credentials.OAuth1{ConsumerKey: f.secret("consumerkey"), AccessToken: f.secret("accesstoken"), AccessTokenSecret: f.secret("tokensecret"),
			SignatureKey: f.secret("signaturekey"), EncryptionKey: f.secret("encryptionkey"), DHPrime: f.secret("dhprime")})
	}},
}

// kindView is a kind of credentials on the page.
type kindView struct {
	secretKind
	Form  *form
	There bool   // there are some
	Since string // when they were set by way of this profile; empty if it is not known
	Open  bool
}

// credentialsView is the page of credentials. It reads no secret.
type credentialsView struct {
	Account account
	Kinds   []kindView
	Login   string // the login that others share; empty for one of its own
	Delete  *kindView
	None    bool // the service keeps no credentials
}

func askCredentials(c *call) error {
	a, err := c.editable()
	if err != nil {
		return err
	}
	return c.renderCredentials(http.StatusOK, &a, "", nil)
}

// renderCredentials answers with the page of credentials. f is the form of a kind that was wrong.
func (c *call) renderCredentials(status int, a *account, kind credentials.Kind, f *form) error {
	view := credentialsView{Account: *a, Login: string(a.Profile.Login)}
	there, err := c.page.Manager.CredentialKinds(c.ctx, a.ID)
	if errors.Is(err, accounts.ErrNoCredentialStore) {
		view.None = true
		return c.renderAs(status, "credentials", "Credentials", view)
	}
	if err != nil {
		return err
	}
	since, err := c.setSince(a.ID)
	if err != nil {
		return err
	}
	for _, k := range secretKinds {
		v := kindView{secretKind: k, Form: newForm(string(k.Kind[:2])), There: slices.Contains(there, k.Kind)}
		if at := since[k.Kind]; v.There && !at.IsZero() {
			v.Since = age(c.now.Sub(at)) + " ago"
		}
		if k.Kind == kind && f != nil {
			f.ID = v.Form.ID
			v.Form, v.Open = f, true
		}
		view.Kinds = append(view.Kinds, v)
		if v.There && c.r.Method == http.MethodGet && c.r.URL.Query().Get("delete") == string(k.Kind) {
			view.Delete = &v
		}
	}
	return c.renderAs(status, "credentials", "Credentials", view)
}

// setSince returns when credentials were last set by way of a profile.
func (c *call) setSince(id accounts.ProfileID) (map[credentials.Kind]time.Time, error) {
	p, err := c.page.Manager.Portfolio(c.ctx, id)
	if err != nil {
		return nil, err
	}
	out := map[credentials.Kind]time.Time{}
	for a, err := range p.CredentialAccesses(c.ctx, accounts.Page{}) {
		if err != nil {
			return nil, err
		}
		if a.Value.Action == "set" && a.Value.Outcome == "ok" {
			out[a.Value.Kind] = a.Value.Time
		}
	}
	return out, nil
}

// setCredentials stores the credentials of a kind, or deletes them. What was typed is never sent
// back.
func setCredentials(c *call) error {
	a, err := c.editable()
	if err != nil {
		return err
	}
	names := []string{"profile", "kind", "act"}
	for _, k := range secretKinds {
		for _, field := range k.Fields {
			names = append(names, field.Name)
		}
	}
	f, err := c.form("c", names...)
	if err != nil {
		return err
	}
	if err := c.mine(&a, f); err != nil {
		return err
	}
	i := slices.IndexFunc(secretKinds, func(k secretKind) bool { return string(k.Kind) == f.Value("kind") })
	if i < 0 || f.foreignTo(secretKinds[i]) {
		return errForm
	}
	kind := secretKinds[i]
	switch f.Value("act") {
	case "delete":
		if err := c.page.Manager.DeleteCredentials(c.ctx, a.ID, kind.Kind); err != nil {
			return c.noCredentials(&a, err)
		}
	case "set":
		set, err := kind.set(f)
		if err != nil {
			names := map[string]string{}
			for _, field := range kind.Fields {
				names[field.library] = field.Name
			}
			if !f.blame(err, names) {
				return err
			}
			f.forget(kind)
			return c.renderCredentials(http.StatusUnprocessableEntity, &a, kind.Kind, f)
		}
		defer set.Wipe()
		if err := c.page.Manager.SetCredentials(c.ctx, a.ID, set); err != nil {
			return c.noCredentials(&a, err)
		}
	default:
		return errForm
	}
	return c.redirect(a.Path("credentials"))
}

// foreignTo reports whether a form has fields of another kind of credentials.
func (f *form) foreignTo(kind secretKind) bool {
	for name := range f.values {
		if !slices.Contains([]string{"profile", "kind", "act"}, name) && !slices.ContainsFunc(kind.Fields, func(s secretField) bool { return s.Name == name }) {
			return true
		}
	}
	return false
}

// forget takes the secrets out of a form.
func (f *form) forget(kind secretKind) {
	for _, field := range kind.Fields {
		if field.Secret {
			delete(f.values, field.Name)
			delete(f.typed, field.Name)
		}
	}
}

// noCredentials says why credentials were neither set, deleted nor used.
func (c *call) noCredentials(a *account, err error) error {
	back := []act{{Path: a.Path("credentials"), Words: "Credentials of " + a.Name}}
	switch {
	case errors.Is(err, accounts.ErrLoginShared):
		return &told{failure{err, http.StatusConflict, "Other profiles use this login.", "Nothing was deleted. Give the others another login first.", false}, back}
	case errors.Is(err, accounts.ErrCredentialsNotFound):
		return &told{failure{err, http.StatusConflict, "There are no such credentials any more.", "Somebody deleted them. Nothing was done.", false}, back}
	case errors.Is(err, accounts.ErrNoCredentialStore):
		return &told{failure{err, http.StatusConflict, "The service keeps no credentials.", "Nothing was stored.", false}, back}
	}
	return err
}
