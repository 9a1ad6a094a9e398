package page

import (
	"errors"
	"net/http"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/httpapi"
)

var attachRoutes = []route{
	{method: "GET", path: "/p/{id}/link", right: httpapi.Administer, at: "limits", run: askAttach},
	{method: "POST", path: "/p/{id}/link", right: httpapi.Administer, at: "limits", run: attach},
}

// candidateView is an account of the login.
type candidateView struct {
	ID      string
	Masked  string
	Env     string // live or paper; empty where the broker's sources contradict each other
	About   string
	Verdict string // why it cannot be taken, or whose it is; empty for one that can
	Profile *account
	Current bool
}

// attachView is the page that says which account at the broker a profile is.
type attachView struct {
	Account account
	Form    *form
	Linked  bool
	State   string
	List    []candidateView
	Trouble string // why the login's accounts are not known
	Free    bool   // there is one to choose
}

// verdicts say why an account cannot be taken.
var verdicts = map[broker.Verdict]string{
	broker.ViewOnly: "the login may only look", broker.NotWhole: "a segment or a group, not an account", broker.ModeUnclear: "not clear whether live or paper",
	broker.CurrencyGone: "the broker does not say its base currency",
}

func askAttach(c *call) error {
	a, err := c.editable()
	if err != nil {
		return err
	}
	f := newForm("k")
	f.set("profile", string(a.ID))
	f.set("version", itoa64(a.Profile.Version))
	return c.renderAttach(http.StatusOK, &a, f)
}

// candidates returns the login's accounts, but those of other owners' profiles.
func (c *call) candidates(a *account) ([]candidateView, error) {
	engine := c.page.Engine(a.ID)
	if engine == nil {
		return nil, broker.ErrNotLinked
	}
	list, err := engine.Discover(c.ctx)
	if err != nil {
		return nil, err
	}
	known, err := c.accounts()
	if err != nil {
		return nil, err
	}
	var out []candidateView
	for _, one := range list {
		v := candidateView{ID: string(one.Account.ID), Masked: masked(string(one.Account.ID)), Env: string(one.Account.Mode), About: string(one.Account.Currency), Verdict: verdicts[one.Verdict]}
		for i := range known {
			if known[i].ID == one.Profile || one.Profile == "" && !known[i].Archived() && known[i].Profile.IBKRAccountID == v.ID {
				v.Profile = &known[i]
			}
		}
		if one.Profile != "" && v.Profile == nil {
			continue // another owner's
		}
		v.Current = v.ID == a.Profile.IBKRAccountID
		out = append(out, v)
	}
	return out, nil
}

// renderAttach answers with the page that says which account a profile is.
func (c *call) renderAttach(status int, a *account, f *form) error {
	view := attachView{Account: *a, Form: f}
	if l, linked := c.link(a.ID); linked {
		view.Linked, view.State = true, checkedWords(c, l.AccountStatus)
	}
	list, err := c.candidates(a)
	switch {
	case errors.Is(err, broker.ErrNotLinked):
		view.Trouble = "No connection works this account. Whoever runs the service sets one up; the account’s id can be changed under Edit."
	case err != nil:
		view.Trouble = "The broker does not tell its accounts at the moment. Look again later."
		c.page.Logger.WarnContext(c.ctx, "accounts cannot be listed", "profile", string(a.ID), "err", err)
	}
	view.List = list
	for _, v := range list {
		view.Free = view.Free || v.Verdict == "" && v.Profile == nil
	}
	return c.renderAs(status, "attach", "Broker", view)
}

// attach makes a profile that of an account of the login. Only one that nobody has can be taken.
func attach(c *call) error {
	a, err := c.editable()
	if err != nil {
		return err
	}
	f, err := c.form("k", "profile", "version", "account")
	if err != nil {
		return err
	}
	if err := c.mine(&a, f); err != nil {
		return err
	}
	if f.Value("version") != itoa64(a.Profile.Version) {
		f.set("version", itoa64(a.Profile.Version))
		f.fail("", "Somebody changed this while you wrote. Nothing was changed: look again.")
		return c.renderAttach(http.StatusConflict, &a, f)
	}
	list, err := c.candidates(&a)
	if err != nil {
		return c.renderAttach(http.StatusConflict, &a, f)
	}
	free := false
	for _, v := range list {
		free = free || v.ID == f.Value("account") && v.Verdict == "" && v.Profile == nil
	}
	if !free {
		f.fail("", "Choose an account that no profile has.")
		return c.renderAttach(http.StatusUnprocessableEntity, &a, f)
	}
	p := a.Profile.Clone()
	p.IBKRAccountID, p.Mode = f.Value("account"), ""
	p.Mode = p.WithDefaults().Mode
	switch _, err := c.page.Manager.UpdateProfile(c.ctx, p); {
	case errors.Is(err, accounts.ErrAccountTaken):
		f.fail("", "Another active profile has this account.")
		return c.renderAttach(http.StatusConflict, &a, f)
	case err != nil:
		return err
	}
	return c.redirect(a.Path("link"))
}
