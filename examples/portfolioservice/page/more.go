package page

import (
	"net/http"
	"strings"

	"github.com/ai-ots/accounts/httpapi"
)

var moreRoutes = []route{
	{method: "GET", path: "/more", right: httpapi.Read, at: "more", run: showMore},
	{method: "GET", path: "/p/{id}/more", right: httpapi.Read, at: "more", run: showMore},
	{method: "GET", path: "/preferences", right: httpapi.Read, at: "more", run: showPreferences},
	{method: "POST", path: "/preferences", right: httpapi.Read, at: "more", run: setPreferences},
}

// moreView is the screen of everything else.
type moreView struct {
	Account          *account
	Orders, Activity string // paths
	Statements       string
	Working          string
	Name, Rights     string
	Can              can
}

func showMore(c *call) error {
	view := moreView{Orders: c.below("orders"), Activity: c.below("activity"), Statements: "/statements", Name: c.caller.Name,
		Rights: strings.ReplaceAll(c.caller.Rights.String(), ",", ", "), Can: canOf(c.caller.Rights)}
	chosen, err := c.chosen()
	if err != nil {
		return err
	}
	working := 0
	for i := range chosen {
		working += len(chosen[i].Snapshot.Risk.Orders)
	}
	if c.profileID() != "" {
		view.Account, view.Statements = &chosen[0], c.below("statement")
	}
	view.Working = itoa(working) + " working"
	return c.render("more", "More", view)
}

// preferencesView is the screen of what a reader chooses for this browser.
type preferencesView struct {
	Keys, Saved bool
	Zone        string
}

func showPreferences(c *call) error {
	view := preferencesView{Zone: c.page.Location.String(), Saved: c.r.URL.Query().Get("saved") != ""}
	if cookie, err := c.r.Cookie(keysCookie); err == nil {
		view.Keys = cookie.Value == "on"
	}
	return c.render("preferences", "Preferences", view)
}

// setPreferences keeps the choice in the browser: it is of this device.
func setPreferences(c *call) error {
	if err := c.r.ParseForm(); err != nil {
		return err
	}
	cookie := &http.Cookie{Name: keysCookie, Value: "on", Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: c.r.TLS != nil, MaxAge: 365 * 24 * 3600}
	if c.r.PostForm.Get("keys") != "on" {
		cookie.Value, cookie.MaxAge = "", -1
	}
	http.SetCookie(c.w, cookie)
	return c.redirect("/preferences?saved=1")
}
