package page

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// askSignal asks before the orders of a signal are placed. Nothing is held by that. Without a
// signal it shows the page of a new one.
func askSignal(c *call) error {
	if c.r.URL.RawQuery == "" {
		return showSignal(c)
	}
	f, err := c.query("g", signalFields...)
	if err != nil {
		return err
	}
	s, list, err := c.signalOf(f)
	if err != nil {
		return err
	}
	if f.Value("seen") != seenOf(s.to) {
		return c.signalAgain(http.StatusOK, f, s, list)
	}
	r, err := c.preview(f, s)
	if err != nil {
		return err
	}
	if r == nil || r.Allowed == 0 || f.Is("all", "yes") && r.Allowed < len(r.Rows) {
		return c.showSignalCheck(http.StatusOK, f, s, list, nil)
	}
	back := f.Hidden(slices.DeleteFunc(namesWithoutMany(signalFields), func(name string) bool { return name == "once" || name == "seen" })...)
	return c.render("signalplace", "Place", signalPlaceView{r, "/signal?" + encoded(back)})
}

// signalPlaceView is the page that asks before the orders of a signal are placed.
type signalPlaceView struct {
	Checked *routed
	Stay    string
}

// signalAgain shows a check of a signal once more, because accounts are not what they were.
func (c *call) signalAgain(status int, f *form, s aSignal, list []account) error {
	return c.showSignalCheck(status, f, s, list, &notice{Class: "caution", Icon: "warn", Heading: "Accounts were changed since this was checked",
		Then: "Nothing was sent. It was checked again: read it, and place it then."})
}

// placeSignal makes the orders of a signal, once, and shows what became of them. Each account sizes
// and checks its order again.
func placeSignal(c *call) error {
	f, err := c.form("g", append(slices.Clone(signalFields), confirmField)...)
	if err != nil {
		return err
	}
	s, list, err := c.signalOf(f)
	if err != nil {
		return err
	}
	if !f.ok() {
		return c.renderSignal(http.StatusUnprocessableEntity, f, list, nil, nil)
	}
	if f.Value("seen") != seenOf(s.to) && !s.routed() {
		return c.signalAgain(http.StatusConflict, f, s, list)
	}
	if slices.ContainsFunc(s.to, account.Live) && f.Value(confirmField) != confirmed {
		return c.redirect("/signal/place?" + encoded(f.Hidden(namesWithoutMany(signalFields)...)))
	}
	rows, err := c.page.Manager.Route(c.ctx, s.Signal, s.options...)
	if f.blame(err, signalNames) {
		return c.renderSignal(http.StatusUnprocessableEntity, f, list, nil, nil)
	}
	if err != nil {
		return err
	}
	to := url.Values{}
	for _, row := range rows {
		if errors.Is(row.Err, accounts.ErrIDReused) {
			return tell(http.StatusConflict, "This signal was placed already. Nothing more was sent.", "A page places one signal. Another one needs another page.", act{Path: "/signal", Words: "New signal"})
		}
		to.Add("to", string(row.ProfileID))
		if row.Err != nil && !errors.Is(row.Err, accounts.ErrRefused) {
			c.page.Logger.WarnContext(c.ctx, "an account did not take a signal", "profile", string(row.ProfileID), "err", row.Err)
		}
		if row.Held() {
			c.send(&row, s)
		}
	}
	return c.redirect("/signal/" + url.PathEscape(f.Value("once")) + "?" + to.Encode())
}

// routed reports whether an order of the signal works already.
func (s *aSignal) routed() bool {
	return slices.ContainsFunc(s.to, func(a account) bool {
		_, works := workingOrder(&a.Snapshot, signalOrder(string(s.ID), a.ID))
		return works
	})
}

// send sends the order of an allocation, if an engine works the account. An order that is held
// since before is sent too, unless it was sent then. What the broker makes of the order is on the
// order's page.
func (c *call) send(row *accounts.Allocation, s aSignal) {
	engine := c.page.Engine(row.ProfileID)
	if engine == nil {
		return
	}
	if _, err := engine.Submit(c.ctx, row.ProfileID, row.Order, s.terms); err != nil && !errors.Is(err, accounts.ErrDispatched) {
		c.page.Logger.WarnContext(c.ctx, "the order of a signal was not sent", "profile", string(row.ProfileID), "order", string(row.Order.ID), "err", err)
	}
}

// signalOrder returns the id of the order that a signal makes in a profile.
func signalOrder(signal string, id accounts.ProfileID) ledger.OrderID {
	return ledger.OrderID(signal + "@" + string(id))
}

// routedView is the page of a signal that was placed.
type routedView struct {
	Words string
	Rows  []outcomeRow
}

// outcomeRow is what became of a signal in one account.
type outcomeRow struct {
	account
	Path   string // of the order; empty for none
	Words  string
	Stands badge
	Then   string
	Rules  []words
}

// showRouted shows what became of a signal in each account. Those to which it was sent are in the
// address.
func showRouted(c *call) error {
	once := c.r.PathValue("signal")
	if !oncePattern.MatchString(once) {
		return errNoPage
	}
	f, err := c.query("g", "to"+many)
	if err != nil {
		return err
	}
	known, err := c.accounts()
	if err != nil {
		return err
	}
	to, err := chosenOf(f, known)
	if err != nil {
		return err
	}
	view := routedView{Words: "Signal"}
	for i := range to {
		row, words, err := c.outcome(&to[i], signalOrder("page."+once, to[i].ID))
		if err != nil {
			return err
		}
		if words != "" {
			view.Words = "Signal: " + words
		}
		view.Rows = append(view.Rows, row)
	}
	return c.render("routed", "Signal", view)
}

// outcome returns what became of a signal in one account, and the contract's name.
func (c *call) outcome(a *account, id ledger.OrderID) (outcomeRow, string, error) {
	row := outcomeRow{account: *a, Stands: badge{"warn", "warn", "No order"},
		Then: "The account did not take the signal, and its journal has no order of it. Look at Orders before trying again."}
	if a.Trouble != nil {
		return row, "", nil
	}
	s, err := c.storyOf(a, id)
	if errors.Is(err, errNoOrder) {
		return row, "", nil
	}
	if err != nil {
		return row, "", err
	}
	row.Path, row.Stands, row.Then = a.Path("order", string(id)), s.state(), s.words(c.page.Engine(a.ID) != nil)
	row.Words = nameOf(s.Order.Instrument)
	if !s.Order.Quantity.IsZero() {
		row.Words = sideOf(s.Order.Quantity, s.Order.Instrument)
	}
	if s.Refused != nil && !s.Accepted {
		row.Rules = wordsOf(s.Refused.Violations, c.refusalOf(a))
	}
	return row, nameOf(s.Order.Instrument), nil
}
