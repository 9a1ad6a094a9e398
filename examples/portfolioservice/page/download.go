package page

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ibkr/flex"
)

var downloadRoutes = []route{
	{method: "POST", path: "/p/{id}/statement/download", right: httpapi.Record, at: "statements", run: beginDownload},
	{method: "GET", path: "/p/{id}/statement/download/{download}", right: httpapi.Record, at: "statements", run: showDownload},
}

// fetchView is what the page of statements has of downloads.
type fetchView struct {
	Form   *form
	Stored bool   // the profile has a token
	Keeps  bool   // the caller may store one
	Login  string // whose token it is, if others share it
	List   []downloadView
}

// downloadView is a download on the page.
type downloadView struct {
	Path    string
	Query   string
	Begun   moment
	Running bool
	Heading string // why there is no statement; empty if there is one
	Then    string
}

// fetchable returns what the page of statements has of downloads; nil where the caller cannot
// download. f is the form as it was typed, or nil.
func (c *call) fetchable(a *account, f *form) (*fetchView, error) {
	if c.page.Download == nil || !c.caller.Rights.Has(httpapi.Record) || a.Archived() {
		return nil, nil
	}
	view := &fetchView{Form: f, Login: string(a.Profile.Login)}
	kinds, err := c.page.Manager.CredentialKinds(c.ctx, a.ID)
	switch {
	case errors.Is(err, accounts.ErrNoCredentialStore):
	case err != nil:
		return nil, err
	default:
		view.Stored = slices.Contains(kinds, credentials.FlexToken)
		view.Keeps = c.caller.Rights.Has(httpapi.Administer)
	}
	if f == nil {
		view.Form = newForm("d")
		if view.Keeps && !view.Stored {
			view.Form.set("keep", "yes")
		}
	}
	view.Form.set("once", newOnce())
	view.Form.set("profile", string(a.ID))
	for _, d := range c.page.downloads.list(a.ID, c.now) {
		view.List = append(view.List, c.viewDownload(a, d.key, &d.download))
	}
	return view, nil
}

// viewDownload returns a download in words.
func (c *call) viewDownload(a *account, key string, d *download) downloadView {
	v := downloadView{Path: a.Path("statement", "download", key), Query: d.query, Begun: c.near(d.begun), Running: d.running()}
	if d.err != nil {
		v.Heading, v.Then = downloadWords(d.err)
	}
	return v
}

// beginDownload asks the broker for a statement, once for each page that asked. It does not wait
// for it.
func beginDownload(c *call) error {
	a, err := c.readable()
	if err != nil {
		return err
	}
	f, err := c.form("d", "once", "profile", "query", "token", "keep")
	if err != nil {
		return err
	}
	if err := c.mine(&a, f); err != nil {
		return err
	}
	key, err := f.once()
	if err != nil {
		return err
	}
	if c.page.Download == nil || a.Archived() || f.Value("keep") != "" && !f.Is("keep", "yes") {
		return errForm
	}
	if f.Is("keep", "yes") && !c.caller.Rights.Has(httpapi.Administer) {
		return errForbidden
	}
	page := a.Path("statement", "download", key)
	if _, found := c.page.downloads.find(key, a.ID, c.now); found {
		return c.redirect(page)
	}
	if err := c.checkFetch(&a, f); err != nil {
		return err
	}
	if !f.ok() {
		delete(f.values, "token")
		return c.renderStatement(http.StatusUnprocessableEntity, &a, f)
	}
	if err := c.begin(key, &a, f); err != nil {
		return err
	}
	return c.redirect(page)
}

// begin starts a download where there is a place for it, once for each key. It gives the place back
// if the download does not start, after a panic too.
func (c *call) begin(key string, a *account, f *form) error {
	one := &download{profile: a.ID, caller: string(c.caller.Owner) + "\x00" + c.caller.Name, begun: c.now}
	begun, err := c.page.downloads.reserve(key, one)
	if err != nil {
		return tell(http.StatusTooManyRequests, "Enough downloads are under way.", "Nothing more was asked for. Wait until one has ended.",
			act{Path: a.Path("statement"), Words: "Statements of " + a.Name})
	}
	if !begun {
		return nil
	}
	started := false
	defer func() {
		if !started {
			c.page.downloads.drop(key)
		}
	}()
	login, err := c.flexLogin(a, f)
	if err != nil {
		return err
	}
	c.page.start(one, login)
	started = true
	return nil
}

// digits are what tokens and the numbers of queries have.
var digits = regexp.MustCompile(`^[0-9]{1,50}$`)

// checkFetch notes what is wrong with the form of a download. It reads no secret.
func (c *call) checkFetch(a *account, f *form) error {
	if f.Value("token") == "" || f.Value("query") == "" {
		kinds, err := c.page.Manager.CredentialKinds(c.ctx, a.ID)
		if err != nil && !errors.Is(err, accounts.ErrNoCredentialStore) {
			return err
		}
		if !slices.Contains(kinds, credentials.FlexToken) {
			f.needed("token", "query")
		}
	}
	if v := f.Value("query"); v != "" && !digits.MatchString(v) {
		f.fail("query", "Write its number, such as 123456.")
	}
	if v := f.Value("token"); v != "" && !digits.MatchString(v) {
		f.fail("token", "A token has digits alone.")
	}
	return nil
}

// flexLogin returns the login of a download: the token and the query that were typed. The stored
// token or query takes the place of one that was not typed. flexLogin stores the login if the form
// says so.
func (c *call) flexLogin(a *account, f *form) (login credentials.Set, err error) {
	token, query := credentials.NewSecret([]byte(f.Value("token"))), f.Value("query")
	defer func() { token.Wipe() }()
	if token.Len() == 0 || query == "" {
		stored, err := c.page.Manager.Credentials(c.ctx, a.ID, credentials.FlexToken)
		if err != nil {
			return nil, c.noCredentials(a, err)
		}
		defer stored.Wipe()
		its, number, _ := stored.Flex()
		defer its.Wipe()
		if token.Len() == 0 {
			token = its
		}
		query = cmp.Or(query, number)
	}
	if login, err = credentials.NewFlexToken(token, query); err != nil {
		return nil, err
	}
	if f.Is("keep", "yes") {
		if err := c.page.Manager.SetCredentials(c.ctx, a.ID, login); err != nil {
			login.Wipe()
			return nil, c.noCredentials(a, err)
		}
	}
	return login, nil
}

// downloadPage is the page of one download.
type downloadPage struct {
	Account account
	downloadView
}

// showDownload shows how a download stands, and the statement once there is one.
func showDownload(c *call) error {
	a, err := c.readable()
	if err != nil {
		return err
	}
	key := c.r.PathValue("download")
	d, found := c.page.downloads.find(key, a.ID, c.now)
	switch {
	case !found:
		return tell(http.StatusNotFound, "The download is not here any more.",
			"Downloads are kept for a quarter of an hour, and no longer than the service runs. Importing a statement again changes nothing.",
			act{Path: a.Path("statement"), Words: "Statements of " + a.Name})
	case d.file != "":
		return c.redirect(a.Path("statement", d.file))
	}
	return c.render("download", "Statement", downloadPage{a, c.viewDownload(&a, key, &d)})
}

// inPortal is where a person sets up what the Flex Web Service needs.
const inPortal = "in the broker’s Client Portal, under Performance & Reports, Flex Queries"

// codeWords are the words for the broker's codes, by code. Source: IBKR, Flex Web Service Version
// 3, "Error Codes".
var codeWords = map[string]pairOf{
	"1003": {"There is no statement of this query.", "Its period may have nothing yet: a day’s statement comes after the day. Look at the query " + inPortal + "."},
	"1010": {"The query is of an old kind.", "Make an Activity Flex Query or a Trade Confirmation Flex Query of it, " + inPortal + "."},
	"1011": {"The Flex Web Service is switched off for this account.", "Switch it on " + inPortal + "."},
	"1012": {"The token has expired.", "Make another one " + inPortal + "."},
	"1013": {"The token is for other addresses.", "It is bound to addresses on the internet, and the service’s is none of them. Change that " + inPortal + "."},
	"1014": {"The query is none of this token’s.", "Look at its number " + inPortal + "."},
	"1015": {"The token is wrong.", "Look at it " + inPortal + "."},
	"1016": {"The query is of an account that is none of this token’s.", "Look at the accounts of the query " + inPortal + "."},
	"1018": {"The broker was asked too often.", "Try again in some minutes: a token may ask ten times a minute."},
	"1020": {"The broker refuses the request.", "Look at the number of the query and at the token."},
}

// downloadWords says in words why there is no statement.
func downloadWords(err error) (heading, then string) {
	var refusal *flex.ResponseError
	switch {
	case errors.As(err, &refusal):
		words, known := codeWords[refusal.Code]
		switch {
		case known:
		case errors.Is(err, flex.ErrNotReady):
			words = pairOf{"The statement is not ready yet.", "The broker still makes it, or is busy. Try again later."}
		default:
			words = pairOf{"The broker refuses the request.", "What its code means is not known here."}
		}
		if code := refusal.Code; nameable(code) {
			words.Value += " The broker’s code is " + code[:min(len(code), 20)] + "."
		}
		return words.Name, words.Value
	case errors.Is(err, flex.ErrNotReady):
		return "The statement is not ready yet.", "The broker did not say why. Try again later."
	case errors.Is(err, errTooLarge):
		return "The statement is too large for this page.", "It has more than 16 MB. Ask for a shorter period."
	case errors.Is(err, flex.ErrFormat):
		return "What came is no statement.", "The broker’s answer cannot be read. Try again later."
	case errors.Is(err, context.Canceled):
		return "The service is stopping.", "Nothing was taken in. Ask again in a moment."
	}
	return "The broker cannot be reached.", "Nothing was taken in. Try again in a moment."
}
