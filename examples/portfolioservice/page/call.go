package page

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
)

// call is one request on its way through its route.
type call struct {
	page    *Page
	route   *route
	w       http.ResponseWriter
	r       *http.Request
	ctx     context.Context // the caller's, bounded by the timeout
	caller  httpapi.Caller
	session *session  // of the browser; nil where none has signed in
	now     time.Time // of the whole answer, in the pages' time zone

	known   []account // see accounts
	missing error     // why known is not
	asked   bool
	links   links // see link
}

// newCall returns the call of a request.
func (p *Page) newCall(w http.ResponseWriter, r *http.Request, found *route) *call {
	return &call{page: p, route: found, w: w, r: r, ctx: r.Context(), now: p.Clock().In(p.Location)}
}

// do finds out who calls, and runs the route.
func (c *call) do() error {
	if c.route.right != 0 {
		if err := c.authenticate(); err != nil {
			return err
		}
	}
	if !c.route.stream {
		var cancel context.CancelFunc
		c.ctx, cancel = context.WithTimeout(c.ctx, timeout)
		defer cancel()
	}
	if c.r.Method == http.MethodPost {
		most := int64(maxForm)
		switch {
		case c.route.upload:
			most = maxUpload
		case c.route.right == 0:
			most = maxStranger
		}
		c.r.Body = http.MaxBytesReader(c.w, c.r.Body, most)
	}
	return c.route.run(c)
}

// profileID returns the profile of the path; "" on the pages of all accounts.
func (c *call) profileID() accounts.ProfileID { return accounts.ProfileID(c.r.PathValue("id")) }

// profile returns the profile of the path. Errors: accounts.ErrProfileNotFound for one that the
// caller does not see, and those of the store.
func (c *call) profile() (accounts.AccountProfile, error) {
	id := c.profileID()
	if !nameable(string(id)) {
		return accounts.AccountProfile{}, accounts.ErrProfileNotFound
	}
	return c.page.Manager.Profile(c.ctx, id)
}

// portfolio returns the portfolio of the path's profile, with the errors of profile.
func (c *call) portfolio() (*accounts.Portfolio, error) {
	p, err := c.profile()
	if err != nil {
		return nil, err
	}
	return c.page.Manager.Portfolio(c.ctx, p.ID)
}

// nameable reports whether a part of a path can be the name of anything: 1 to 200 printable
// characters.
func nameable(s string) bool {
	if s == "" || len(s) > 200 || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// accounts returns the caller's accounts in the order in which they were made, archived ones
// included. The first call reads them. An account whose book cannot be read is there all the same;
// see account.Trouble.
func (c *call) accounts() ([]account, error) {
	if !c.asked {
		c.asked = true
		c.known, c.missing = c.readAccounts()
	}
	return c.known, c.missing
}

// account returns the account of the path, with the errors of profile.
func (c *call) account() (account, error) {
	profile, err := c.profile()
	if err != nil {
		return account{}, err
	}
	list, err := c.accounts()
	if err != nil {
		return account{}, err
	}
	for _, a := range list {
		if a.ID == profile.ID {
			return a, nil
		}
	}
	return account{}, accounts.ErrProfileNotFound
}

// readable is account, with the error that keeps the account's book from being read.
func (c *call) readable() (account, error) {
	a, err := c.account()
	if err == nil {
		err = a.Trouble
	}
	return a, err
}

// link returns how an account stands at the broker. ok is false if no engine works the account.
func (c *call) link(id accounts.ProfileID) (linked, bool) {
	engine := c.page.Engine(id)
	if engine == nil {
		return linked{}, false
	}
	return c.links.of(engine, id)
}

// redirect sends the browser to a path, to be read with GET.
func (c *call) redirect(to string) error {
	http.Redirect(c.w, c.r, to, http.StatusSeeOther)
	return nil
}

// render answers with a screen: the template of that name in the layout. title is what the page is
// about, without the account, which the layout adds.
func (c *call) render(screen, title string, view any) error {
	return c.renderAs(http.StatusOK, screen, title, view)
}

// renderAs is render with a status.
func (c *call) renderAs(status int, screen, title string, view any) error {
	t, found := c.page.screens[screen]
	if !found {
		return fmt.Errorf("there is no screen %q", screen)
	}
	layout := c.layout(title)
	layout.View = view
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout", layout); err != nil {
		return fmt.Errorf("render %s: %w", screen, err)
	}
	write(c.w, c.r, status, "text/html; charset=utf-8", b.Bytes(), func() []byte { return zip(b.Bytes()) })
	return nil
}

// pathOf returns the path of a page of a profile: its portfolio, or what the parts name below it.
func pathOf(id accounts.ProfileID, parts ...string) string {
	out := "/p/" + url.PathEscape(string(id))
	for _, part := range parts {
		out += "/" + url.PathEscape(part)
	}
	return out
}

// positionPath returns the path of the page of a position.
func positionPath(id accounts.ProfileID, key ledger.InstrumentKey) string {
	return pathOf(id, "position", string(key))
}

// errorIsAny reports whether the error is any of the others.
func errorIsAny(err error, others ...error) bool {
	for _, other := range others {
		if errors.Is(err, other) {
			return true
		}
	}
	return false
}

// queryEscape writes a text as the value of a parameter.
func queryEscape(s string) string { return url.QueryEscape(s) }

// keysCookie says that the reader has switched keys on.
const keysCookie = "keys"
