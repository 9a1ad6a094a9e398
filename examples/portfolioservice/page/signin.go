package page

import (
	"errors"
	"net/http"

	"github.com/ai-ots/accounts/httpapi"
)

var signInRoutes = []route{
	{method: "GET", path: signInPath, run: showSignIn},
	{method: "POST", path: signInPath, run: signIn},
	{method: "POST", path: "/signout", run: signOut},
}

// known are the pages to which a browser may be sent after it has signed in, by their keys: an
// address is never taken from a request.
var knownPages = map[string]string{"orders": "/orders", "activity": "/activity", "statements": "/statements", "compare": "/compare", "signal": "/signal", "more": "/more", "new": "/new"}

// nextOf returns the key of a page; "" for one that has none.
func nextOf(path string) string {
	for key, known := range knownPages {
		if known == path {
			return key
		}
	}
	return ""
}

// signInView is the page to sign in.
type signInView struct {
	Next  string
	Wrong string
	Form  *form
}

const (
	wrongToken   = "The token does not match."
	tooManyTries = "Too many attempts. Wait a minute."
)

// tokens reports whether callers sign in with a token: everybody who can reach a loopback service
// is known.
func (p *Page) tokens() bool {
	_, loopback := p.Auth.(httpapi.Loopback)
	return !loopback
}

// errNotHere is told whom a service of one machine does not know.
var errNotHere = tell(http.StatusForbidden, "This service answers its own machine alone.", "Open it there, by the name localhost, and not by way of a proxy.")

// showSignIn shows the form, unless the caller is known.
func showSignIn(c *call) error {
	next := c.r.URL.Query().Get("next")
	if knownPages[next] == "" {
		next = ""
	}
	_, err := c.identify(true)
	switch {
	case err == nil:
		return c.redirect(pageOf(next))
	case !errors.Is(err, httpapi.ErrUnauthenticated):
		return err
	case !c.page.tokens():
		return errNotHere
	}
	return c.render("signin", "Sign in", signInView{Next: next})
}

// pageOf returns the path of the page of a key; of the first page if there is none.
func pageOf(next string) string {
	if path := knownPages[next]; path != "" {
		return path
	}
	return "/"
}

// signIn begins a session for whoever has a token that the authenticator knows. Whatever is wrong
// with a token, the work and the answer are the same.
func signIn(c *call) error {
	if !c.page.tokens() {
		return errNotHere
	}
	f, err := c.form("si", "token", "next")
	if err != nil {
		return err
	}
	view := signInView{Next: f.Value("next")}
	if knownPages[view.Next] == "" {
		view.Next = ""
	}
	from := addressOf(c.r)
	if !c.page.attempts.count(from, c.now) {
		view.Wrong = tooManyTries
		c.w.Header().Set("Retry-After", itoa(int(attemptWindow.Seconds())))
		return c.renderAs(http.StatusTooManyRequests, "signin", "Sign in", view)
	}
	token := f.Value("token")
	if _, err := c.page.Auth.Authenticate(bearing(c.r, token)); err != nil {
		if !errors.Is(err, httpapi.ErrUnauthenticated) {
			return err
		}
		view.Wrong = wrongToken
		return c.renderAs(http.StatusForbidden, "signin", "Sign in", view)
	}
	c.page.attempts.forget(from)
	for _, old := range c.cookies() {
		c.page.sessions.end(old.Value)
	}
	http.SetCookie(c.w, cookie(c.r, c.page.sessions.begin(token, c.now)))
	return c.redirect(pageOf(view.Next))
}

// bearing returns a request with a token, and nothing else that tells who calls.
func bearing(r *http.Request, token string) *http.Request {
	out := r.Clone(r.Context())
	out.Header = http.Header{"Authorization": {"Bearer " + token}}
	out.Body = http.NoBody
	return out
}

// signOut ends the browser's session, with its streams, and empties what the browser kept.
func signOut(c *call) error {
	for _, old := range c.cookies() {
		c.page.sessions.end(old.Value)
	}
	http.SetCookie(c.w, cookie(c.r, ""))
	c.w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	return c.redirect(signInPath)
}
