package page

import (
	"errors"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
)

// signInPath is where a browser goes whose caller is not known.
const signInPath = "/signin"

// authenticate finds out who calls, checks the right, and gives the context the caller's owner. It is the
// one place that does. Errors: httpapi.ErrUnauthenticated, which becomes a way to the sign-in page,
// errForbidden, and whatever keeps the authenticator from telling.
func (c *call) authenticate() error {
	caller, err := c.identify(true)
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

// identify returns the caller of the request: of the browser's session if there is one, and else by what the
// request carries. touch says that a person uses the session.
func (c *call) identify(touch bool) (httpapi.Caller, error) {
	if value, err := c.r.Cookie(cookieName(c.r)); err == nil {
		if c.session = c.page.sessions.find(value.Value, c.page.Clock(), touch); c.session != nil {
			return c.page.Auth.Authenticate(bearing(c.r, c.session.token))
		}
	}
	return c.page.Auth.Authenticate(c.r)
}

// same reports whether two callers see the same.
func same(a, b httpapi.Caller) bool {
	return a.Name == b.Name && a.Owner == b.Owner && a.System == b.System && b.Rights.Has(httpapi.Read)
}

// errForbidden says that the caller lacks the route's right.
var errForbidden = errors.New("caller lacks the right")
