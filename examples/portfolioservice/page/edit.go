package page

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/risk"
)

var editRoutes = []route{
	{method: "GET", path: "/p/{id}/edit", right: httpapi.Administer, at: "limits", run: askEdit},
	{method: "POST", path: "/p/{id}/edit", right: httpapi.Administer, at: "limits", run: edit},
	{method: "GET", path: "/p/{id}/archive", right: httpapi.Administer, at: "limits", run: askArchive},
	{method: "POST", path: "/p/{id}/archive", right: httpapi.Administer, at: "limits", run: archive},
}

// editFields are the fields of a profile that can be changed, without its limits, and their labels.
var editFields = []pairOf{{"name", "Name"}, {"account", "Interactive Brokers account id"}, {"level", "Capital level"}, {"tolerance", "Risk tolerance"},
	{"status", "Status"}, {"login", "Login"}, {"host", "Gateway host"}, {"port", "Gateway port"}, {"client", "Gateway client"}}

// namesOf returns the names of labelled fields, behind others.
func namesOf(labelled []pairOf, others ...string) []string {
	for _, p := range labelled {
		others = append(others, p.Name)
	}
	return others
}

// editView is the page that changes a profile.
type editView struct {
	Account    account
	Form       *form
	Conflict   []clash
	Tolerances []option
	Statuses   []option
	Gateway    bool // there is something to see of it
}

// clash is a field of which two people wrote something else.
type clash struct{ Label, Mine, Theirs string }

// clashesOf returns the fields in which two forms differ.
func clashesOf(labelled []pairOf, mine, theirs *form) []clash {
	var out []clash
	for _, p := range labelled {
		a, b := strings.Join(mine.Values(p.Name), " "), strings.Join(theirs.Values(p.Name), " ")
		if a != b {
			out = append(out, clash{p.Value, a, b})
		}
	}
	return out
}

// profileForm returns a profile as a form.
func profileForm(p *accounts.AccountProfile) *form {
	f := newForm("e")
	f.set("profile", string(p.ID))
	f.set("version", itoa64(p.Version))
	f.set("name", p.Name)
	f.set("account", p.IBKRAccountID)
	f.set("level", string(p.CapitalLevel))
	f.set("tolerance", string(p.RiskTolerance))
	f.set("status", string(p.Status))
	f.set("login", string(p.Login))
	if g := p.Gateway; g != (accounts.Gateway{}) {
		f.set("host", g.Host)
		f.set("port", itoa(g.Port))
		f.set("client", itoa(g.ClientID))
	}
	return f
}

// editable returns the account of the path, unless it is archived.
func (c *call) editable() (account, error) {
	a, err := c.account()
	if err == nil && a.Archived() {
		err = tell(http.StatusConflict, a.Name+" is archived.", "An archived profile never changes again. Its journal is kept.", act{Path: a.Path(), Words: "See " + a.Name})
	}
	return a, err
}

func askEdit(c *call) error {
	a, err := c.editable()
	if err != nil {
		return err
	}
	return c.renderEdit(http.StatusOK, &a, profileForm(&a.Profile), nil)
}

// renderEdit answers with the page that changes a profile.
func (c *call) renderEdit(status int, a *account, f *form, conflict []clash) error {
	return c.renderAs(status, "edit", "Edit", editView{Account: *a, Form: f, Conflict: conflict, Tolerances: tolerances(), Gateway: f.Any("host", "port", "client", "login"),
		Statuses: options(string(risk.StatusActive), "Active", string(risk.StatusInactive), "Inactive", string(risk.StatusSuspended), "Suspended: it may only reduce")})
}

// edit changes a profile, unless it has changed since the page was read: then both versions are
// shown.
func edit(c *call) error {
	a, err := c.editable()
	if err != nil {
		return err
	}
	f, err := c.form("e", namesOf(editFields, "profile", "version")...)
	if err != nil {
		return err
	}
	if err := c.mine(&a, f); err != nil {
		return err
	}
	p := a.Profile.Clone()
	f.applyTo(&p)
	if f.ok() {
		f.blame(p.Validate(), profileNames)
	}
	if !f.ok() {
		return c.renderEdit(http.StatusUnprocessableEntity, &a, f, nil)
	}
	conflict := func(now *account) error {
		theirs := profileForm(&now.Profile)
		f.set("version", theirs.Value("version"))
		return c.renderEdit(http.StatusConflict, now, f, clashesOf(editFields, f, theirs))
	}
	if f.Value("version") != itoa64(a.Profile.Version) {
		return conflict(&a)
	}
	switch _, err := c.page.Manager.UpdateProfile(c.ctx, p); {
	case errors.Is(err, accounts.ErrNameTaken):
		f.fail("name", "You have a profile of this name. Choose another: archived profiles keep theirs.")
	case errors.Is(err, accounts.ErrAccountTaken):
		f.fail("account", "Another active profile has this account.")
	case errors.Is(err, accounts.ErrConflict):
		now, readErr := c.reread()
		if readErr != nil || now.Profile.Version == a.Profile.Version {
			return err
		}
		return conflict(&now)
	case err != nil:
		return err
	default:
		return c.redirect(a.Path("limits"))
	}
	return c.renderEdit(http.StatusConflict, &a, f, nil)
}

// reread reads the accounts once more, and returns that of the path.
func (c *call) reread() (account, error) {
	c.asked = false
	return c.account()
}

// applyTo puts the fields into a profile.
func (f *form) applyTo(p *accounts.AccountProfile) {
	p.Name, p.Status, p.Login = f.Value("name"), accounts.ProfileStatus(f.one("status", string(risk.StatusActive), string(risk.StatusInactive), string(risk.StatusSuspended))), accounts.LoginID(f.Value("login"))
	p.CapitalLevel, p.RiskTolerance = accounts.CapitalLevel(f.Value("level")), accounts.RiskTolerance(f.Value("tolerance"))
	if id := f.Value("account"); id != p.IBKRAccountID {
		p.IBKRAccountID, p.Mode = id, "" // the account's id tells the mode
		p.Mode = p.WithDefaults().Mode
	}
	p.Gateway = accounts.Gateway{Host: f.Value("host"), Port: f.count("port"), ClientID: f.count("client")}
}

// count reads a whole number; zero for an empty field.
func (f *form) count(name string) int {
	text := f.Value(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		f.fail(name, "Write a whole number.")
		return 0
	}
	return int(n)
}

// archiveView is the page that asks before a profile is archived.
type archiveView struct {
	Account account
	Form    *form
	Held    int // positions
	Working int
}

func askArchive(c *call) error {
	a, err := c.editable()
	if err != nil {
		return err
	}
	f := newForm("x")
	f.set("profile", string(a.ID))
	f.set("version", itoa64(a.Profile.Version))
	return c.renderArchive(http.StatusOK, &a, f)
}

// renderArchive answers with the page that asks before a profile is archived.
func (c *call) renderArchive(status int, a *account, f *form) error {
	return c.renderAs(status, "archive", "Archive", archiveView{*a, f, len(a.Snapshot.Open), len(a.Snapshot.Risk.Orders)})
}

// archive takes a profile out of use for ever, once its name was typed.
func archive(c *call) error {
	a, err := c.editable()
	if err != nil {
		return err
	}
	f, err := c.form("x", "profile", "version", "name")
	if err != nil {
		return err
	}
	if err := c.mine(&a, f); err != nil {
		return err
	}
	if f.Value("version") != itoa64(a.Profile.Version) {
		f.set("version", itoa64(a.Profile.Version))
		f.fail("", "Somebody changed the profile while you looked. Nothing was archived: look again.")
		return c.renderArchive(http.StatusConflict, &a, f)
	}
	if f.Value("name") != a.Name {
		f.fail("name", "Type the name as it is written above.")
		return c.renderArchive(http.StatusUnprocessableEntity, &a, f)
	}
	if err := c.page.Manager.ArchiveProfile(c.ctx, a.ID); err != nil {
		return err
	}
	return c.redirect(a.Path())
}
