package page

import (
	"errors"
	"net/http"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
)

// signInPath is where a browser goes whose caller is not known.
const signInPath = "/signin"

// readBy is the header of pages that the module reads again by itself: a page that is left open is
// not used.
const readBy = "X-Read-By"

// authenticate finds out who calls, checks the right, and gives the context the caller's owner. It
// is the one place that does. Errors: httpapi.ErrUnauthenticated, which becomes a way to the
// sign-in page, errForbidden, and whatever keeps the authenticator from telling.
func (c *call) authenticate() error {
	caller, err := c.identify(!c.route.stream && c.r.Header.Get(readBy) == "")
	if err != nil {
		return err
	}
	c.caller = caller
	switch {
	case caller.System:
		c.ctx = accounts.AsSystem(c.ctx)
	case caller.Owner != "":
		c.ctx = accounts.WithOwner(c.ctx, caller.Owner)
	}
	if !caller.Rights.Has(c.route.right) {
		return errForbidden
	}
	return nil
}

// identify returns the caller of the request: of the browser's session if there is one, and else by
// what the request carries. touch says that a person uses the session.
func (c *call) identify(touch bool) (httpapi.Caller, error) {
	for _, value := range c.cookies() {
		if c.session = c.page.sessions.find(value.Value, c.page.Clock(), touch); c.session != nil {
			return c.page.Auth.Authenticate(bearing(c.r, c.session.token))
		}
	}
	return c.page.Auth.Authenticate(c.r)
}

// cookies returns what may name the browser's session. Another port or a sibling of the host can
// set a cookie of the same name, which then comes first: it must not keep a person out.
func (c *call) cookies() []*http.Cookie {
	list := c.r.CookiesNamed(cookieName(c.r))
	return list[:min(len(list), 10)]
}

// same reports whether two callers see the same.
func same(a, b httpapi.Caller) bool {
	return a.Name == b.Name && a.Owner == b.Owner && a.System == b.System && b.Rights.Has(httpapi.Read)
}

// errForbidden says that the caller lacks the route's right.
var errForbidden = errors.New("caller lacks the right")
