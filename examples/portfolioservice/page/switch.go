package page

import (
	"errors"
	"net/http"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
)

var switchRoutes = []route{
	{method: "GET", path: "/p/{id}/switch", right: httpapi.Trade, at: "portfolio", run: askSwitch},
	{method: "POST", path: "/p/{id}/switch", right: httpapi.Trade, at: "portfolio", run: switchTo},
}

// switchView is the page that asks before the preferred account is changed.
type switchView struct {
	From *account // nil where none was shown before
	To   account
	Stay string
}

// from returns the account that was shown before; nil if it is none of the caller's, or the same.
func (c *call) from(id string, to *account) (*account, error) {
	list, err := c.accounts()
	for i := range list {
		if string(list[i].ID) == id && list[i].ID != to.ID {
			return &list[i], err
		}
	}
	return nil, err
}

func askSwitch(c *call) error {
	to, err := c.account()
	if err != nil {
		return err
	}
	f, err := c.query("s", "from")
	if err != nil {
		return err
	}
	v := switchView{To: to, Stay: "/"}
	if v.From, err = c.from(f.Value("from"), &to); err != nil {
		return err
	}
	if v.From != nil {
		v.Stay = v.From.Path()
	}
	return c.render("switch", "Switch", v)
}

// switchTo makes the account the one that its owner prefers. That is all: every page goes on being
// of the account in its address, on this device and on others. A live account is asked for first.
func switchTo(c *call) error {
	to, err := c.account()
	if err != nil {
		return err
	}
	f, err := c.form("s", "from", confirmField)
	if err != nil {
		return err
	}
	if to.Live() && f.Value(confirmField) != confirmed {
		query := ""
		if from := f.Value("from"); from != "" {
			query = "?from=" + queryEscape(from)
		}
		return c.redirect(to.Path("switch") + query)
	}
	_, err = c.page.Manager.SwitchProfile(c.ctx, to.ID)
	if err == nil {
		return c.redirect(to.Path())
	}
	look := []act{{Path: to.Path(), Words: "Look at " + to.Name}}
	was := "The account that was preferred before still is. Looking at " + to.Name + " needs no switch."
	switch {
	case errors.Is(err, accounts.ErrCredentialsNotFound):
		if c.caller.Rights.Has(httpapi.Administer) {
			look = append(look, act{Path: to.Path("credentials"), Words: "Credentials of " + to.Name})
		}
		return &told{failure{err, http.StatusConflict, to.Name + " has no login at the broker yet.", was, false}, look}
	case errors.Is(err, accounts.ErrProfileNotActive):
		return &told{failure{err, http.StatusConflict, to.Name + " is not active.", was, false}, look}
	case errorIsAny(err, accounts.ErrOutcomeUnknown, accounts.ErrProfileNotFound, accounts.ErrUnavailable, accounts.ErrClosed) || c.ctx.Err() != nil:
		return err
	}
	return &told{failure{err, http.StatusBadGateway, "The gateway of " + to.Name + " could not be connected.", was, false}, look}
}
