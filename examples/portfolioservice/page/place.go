package page

import (
	"errors"
	"net/http"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

var placeRoutes = []route{
	{method: "GET", path: "/p/{id}/place", right: httpapi.Trade, at: "trade", run: askPlace},
	{method: "POST", path: "/p/{id}/place", right: httpapi.Trade, at: "trade", run: place},
	{method: "GET", path: "/p/{id}/order/{order}", right: httpapi.Read, at: "orders", run: showOrder},
	{method: "POST", path: "/p/{id}/settle", right: httpapi.Resume, at: "orders", run: settle},
	{method: "POST", path: "/p/{id}/cancel", right: httpapi.Trade, at: "orders", run: cancel},
}

// confirmField has confirmed where a person was asked whether real money is meant.
const (
	confirmField = "confirm"
	confirmed    = "live"
)

// placeView is the page that asks before an order with real money is placed.
type placeView struct {
	Account account
	Checked *checked
	Stay    string // the path back to the ticket
}

// askPlace asks before an order is placed. Nothing is held by that. Without an order, or with one
// that would be refused now, it shows the ticket.
func askPlace(c *call) error {
	if c.r.URL.RawQuery == "" {
		return showTicket(c)
	}
	a, err := c.readable()
	if err != nil {
		return err
	}
	f, err := c.query("t", ticketFields...)
	if err != nil {
		return err
	}
	if err := c.mine(&a, f); err != nil {
		return err
	}
	if _, err := f.once(); err != nil {
		return err
	}
	o, terms := f.order(&a)
	if !f.ok() {
		return c.renderTicket(http.StatusUnprocessableEntity, &a, f, nil, nil)
	}
	ck, err := c.check(&a, f, o, terms)
	if err != nil {
		return err
	}
	if !ck.Allowed || f.Value("version") != itoa64(a.Profile.Version) {
		return c.again(http.StatusOK, &a, f, o, terms)
	}
	return c.render("place", "Place", placeView{a, ck, a.Path("ticket") + "?" + encoded(f.Hidden(ticketFields[3:]...))})
}

// place places the order of a ticket, once, and shows what became of it. Whatever happens the order
// is checked again: it is held before it is sent, and holding checks.
func place(c *call) error {
	a, f, once, err := c.ticketOf(confirmField)
	if err != nil {
		return err
	}
	o, terms := f.order(&a)
	if !f.ok() {
		return c.renderTicket(http.StatusUnprocessableEntity, &a, f, nil, nil)
	}
	o.ID = orderIDOf(once)
	_, works := workingOrder(&a.Snapshot, o.ID)
	if !works && f.Value("version") != itoa64(a.Profile.Version) {
		return c.again(http.StatusConflict, &a, f, o, terms)
	}
	if a.Live() && f.Value(confirmField) != confirmed {
		return c.redirect(a.Path("place") + "?" + encoded(f.Hidden(ticketFields...)))
	}
	if err := c.submit(&a, f, o, terms); err != nil {
		return err
	}
	return c.redirect(a.Path("order", string(o.ID)))
}

// again shows a check of an order once more, because its account is not what it was when it was
// checked.
func (c *call) again(status int, a *account, f *form, o risk.Order, terms broker.Terms) error {
	var n *notice
	if f.Value("version") != itoa64(a.Profile.Version) {
		n = &notice{Class: "caution", Icon: "warn", Heading: a.Name + " was changed since this was checked",
			Then: "Nothing was sent. It was checked again: read it, and place it then."}
	}
	f.set("version", itoa64(a.Profile.Version))
	o.ID = ""
	ck, err := c.check(a, f, o, terms)
	if err != nil {
		return err
	}
	f.spell(a.Currency(), knownContracts(*a))
	return c.renderTicket(status, a, f, ck, n)
}

// submit holds an order, and sends it where an engine works the account. An order that was placed
// before is no error, nor is one that was refused for good: its page says so.
func (c *call) submit(a *account, f *form, o risk.Order, terms broker.Terms) error {
	p, err := c.page.Manager.Portfolio(c.ctx, a.ID)
	if err != nil {
		return err
	}
	engine := c.page.Engine(a.ID)
	if engine == nil {
		_, err = p.Reserve(c.ctx, o)
	} else {
		_, err = engine.Submit(c.ctx, a.ID, o, terms)
	}
	held, works := heldNow(p, o.ID)
	switch {
	case err == nil:
		return nil
	case errorIsAny(err, accounts.ErrOutcomeUnknown, broker.ErrDuplicateRef):
		return c.unknown(a, o.ID, err)
	case errors.Is(err, accounts.ErrIDReused), works && (!held.Same(&o) || held.Terms != "" && held.Terms != terms.String()):
		return c.used(a, f.Value("once"))
	case works && !held.SentAt.IsZero(), errorIsAny(err, accounts.ErrRefused, broker.ErrRejected):
		return nil
	}
	return c.notSent(a, o.ID, works, err)
}

// unknown says that nobody knows what became of an order.
func (c *call) unknown(a *account, id ledger.OrderID, err error) error {
	return &told{failure{err, http.StatusBadGateway, "We do not know whether it was placed.",
		"Look at Orders before trying again; the same ticket is never placed twice.", false},
		[]act{{Path: a.Path("order", string(id)), Words: "See the order"}, {Path: a.Path("orders"), Words: "Orders"}}}
}

// unsent are the errors after which an order was surely not sent, and what a person is told of
// them.
var unsent = []failure{
	{broker.ErrNotLinked, http.StatusConflict, "No order was sent.", "No connection works this account.", false},
	{broker.ErrForeignAccount, http.StatusConflict, "No order was sent.", "The login at the broker does not have this account.", false},
	{broker.ErrStandby, http.StatusServiceUnavailable, "No order was sent.", "Another process works the login.", false},
	{broker.ErrCompeting, http.StatusServiceUnavailable, "No order was sent.", "The login is used by another session.", false},
	{broker.ErrLoginNeeded, http.StatusServiceUnavailable, "No order was sent.", "A person has to log in at the broker.", false},
	{broker.ErrPaced, http.StatusServiceUnavailable, "No order was sent.", "The broker takes no more requests at the moment.", false},
	{broker.ErrNotConnected, http.StatusServiceUnavailable, "No order was sent.", "There is no session with the broker.", false},
	{broker.ErrNotReady, http.StatusServiceUnavailable, "No order was sent.", "The account is not in step with the broker.", false},
	{broker.ErrClosed, http.StatusServiceUnavailable, "No order was sent.", "The connection to the broker was closed.", false},
	{accounts.ErrUnavailable, http.StatusServiceUnavailable, "No order was sent.", "The accounts cannot be written at the moment.", false},
	{accounts.ErrClosed, http.StatusServiceUnavailable, "No order was sent.", "The service is stopping.", false},
	{accounts.ErrCurrencyMismatch, http.StatusConflict, "No order was sent.", "The contract is in another currency than it must be.", false},
	{accounts.ErrInexact, http.StatusUnprocessableEntity, "No order was sent.", "Quantity times price would not be exact: use fewer places.", false},
	{accounts.ErrInvalid, http.StatusUnprocessableEntity, "No order was sent.", "It is not an order as it stands.", false},
}

// notSent says why an order was not sent. After an error that does not say so, nobody knows.
func (c *call) notSent(a *account, id ledger.OrderID, held bool, err error) error {
	for _, f := range unsent {
		if !errors.Is(err, f.is) {
			continue
		}
		t := &told{f, []act{{Path: a.Path("ticket"), Words: "New ticket for " + a.Name}}}
		t.is = err
		if held {
			t.then += " Its exposure is held until it is sent or cancelled."
			t.acts = []act{{Path: a.Path("order", string(id)), Words: "See the order"}}
		}
		return t
	}
	if errorIsAny(err, accounts.ErrProfileNotFound, accounts.ErrCorrupt) {
		return err
	}
	return c.unknown(a, id, err)
}

// cancel cancels an order of the account: one of ours, or one that was not placed here.
func cancel(c *call) error {
	a, err := c.readable()
	if err != nil {
		return err
	}
	f, err := c.form("c", "profile", "order", "external")
	if err != nil {
		return err
	}
	if f.Value("profile") != "" {
		if err := c.mine(&a, f); err != nil {
			return err
		}
	}
	switch own, external := f.Value("order"), f.Value("external"); {
	case (own == "") == (external == ""):
		return errForm
	case external != "":
		return c.cancelExternal(&a, external)
	case !nameable(own):
		return errNoOrder
	default:
		return c.cancelOwn(&a, ledger.OrderID(own))
	}
}

// cancelOwn lets an order go that was not sent, and else asks the broker to cancel it.
func (c *call) cancelOwn(a *account, id ledger.OrderID) error {
	p, err := c.page.Manager.Portfolio(c.ctx, a.ID)
	if err != nil {
		return err
	}
	reason := "cancelled by " + c.callerName()
	if engine := c.page.Engine(a.ID); engine != nil {
		err = engine.Cancel(c.ctx, a.ID, id)
	} else {
		err = p.Withdraw(c.ctx, id, reason)
	}
	if _, works := heldNow(p, id); err != nil && !works && errorIsAny(err, accounts.ErrOrderNotFound, broker.ErrOrderNotFound) {
		err = p.Withdraw(c.ctx, id, reason) // nil for one that was held once: its cancellation is done
	}
	if err != nil {
		return c.notCancelled(a, err)
	}
	return c.redirect(a.Path("order", string(id)))
}

// cancelExternal asks the broker to cancel an order that was not placed here.
func (c *call) cancelExternal(a *account, brokerID string) error {
	if !nameable(brokerID) {
		return errNoOrder
	}
	engine := c.page.Engine(a.ID)
	if engine == nil {
		return tell(http.StatusConflict, "Nothing was cancelled.", "No connection works this account.", act{Path: a.Path("orders"), Words: "Orders"})
	}
	if err := engine.CancelExternal(c.ctx, a.ID, brokerID); err != nil {
		return c.notCancelled(a, err)
	}
	return c.redirect(a.Path("orders"))
}

// notCancelled says why an order was not cancelled.
func (c *call) notCancelled(a *account, err error) error {
	orders := act{Path: a.Path("orders"), Words: "Orders"}
	switch {
	case errors.Is(err, accounts.ErrOutcomeUnknown):
		return &told{failure{err, http.StatusBadGateway, "We do not know whether it was cancelled.", "It may still fill. Look at Orders before trying again.", false}, []act{orders}}
	case errors.Is(err, accounts.ErrDispatched):
		return &told{failure{err, http.StatusConflict, "It was sent, and no connection works this account.", "Cancel it at the broker.", false}, []act{orders}}
	case errorIsAny(err, accounts.ErrOrderNotFound, broker.ErrOrderNotFound):
		return &told{failure{err, http.StatusNotFound, "No such order works.", "It has ended, or is on its way to the broker.", false}, []act{orders}}
	}
	for _, f := range unsent {
		if errors.Is(err, f.is) {
			return &told{failure{err, f.status, "It was not cancelled, and may still fill.", f.then, false}, []act{orders}}
		}
	}
	return err
}

// callerName returns the caller's name as a reason in the journal may have it.
func (c *call) callerName() string {
	if name := c.caller.Name; len(name) <= 100 && nameable(name) {
		return name
	}
	return "a caller"
}

// heldNow returns an order that works now.
func heldNow(p *accounts.Portfolio, id ledger.OrderID) (risk.WorkingOrder, bool) {
	s := p.Snapshot()
	return workingOrder(&s, id)
}
