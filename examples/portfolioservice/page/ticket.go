package page

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

var ticketRoutes = []route{
	{method: "GET", path: "/p/{id}/ticket", right: httpapi.Check, at: "trade", run: showTicket},
	{method: "POST", path: "/p/{id}/ticket", right: httpapi.Check, at: "trade", run: checkTicket},
}

// ticketFields are the fields of an order, and those that say for which account it is, as it was
// when the ticket was made, and by which key it is placed once.
var ticketFields = slices.Concat([]string{"profile", "version", "once"}, contractFields,
	[]string{"side", "quantity", "type", "limit", "stop", "tif", "outside", "strategy", "sector"})

// orderNames are the names of ticketFields by those of the library.
var orderNames = func() map[string]string {
	names := map[string]string{"Quantity": "quantity", "Type": "type", "TIF": "tif", "Limit": "limit", "Stop": "stop", "Strategy": "strategy", "Sector": "sector"}
	for library, name := range contractNames {
		names[library], names["Instrument."+library] = name, name
	}
	return names
}()

// newOnce returns the key of a ticket: 128 random bits, which nobody guesses.
func newOnce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

var oncePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)

// once returns the key of a form. Errors: errForm for what is none.
func (f *form) once() (string, error) {
	if key := f.Value("once"); oncePattern.MatchString(key) {
		return key, nil
	}
	return "", errForm
}

// orderIDOf returns the id of the order that is placed by a ticket.
func orderIDOf(once string) ledger.OrderID { return ledger.OrderID("page." + once) }

// ticketView is the ticket of one account, and what a check of it came to.
type ticketView struct {
	Account  account
	Form     *form
	Free     money // what is free to buy with
	Known    []string
	Kinds    []option
	Held     string // what is held of the contract
	Checked  *checked
	Notice   *notice
	Several  bool // accounts to trade in at once
	CanTrade bool
}

// ticketDefaults fills in what a ticket begins with.
func (f *form) ticketDefaults(a *account) {
	f.set("profile", string(a.ID))
	f.set("version", itoa64(a.Profile.Version))
	f.preset("side", "buy")
	f.preset("type", string(broker.LimitOrder))
	f.preset("tif", string(broker.Day))
}

// showTicket shows an empty ticket, or one that another page has filled in.
func showTicket(c *call) error {
	a, err := c.readable()
	if err != nil {
		return err
	}
	f, err := c.query("t", ticketFields...)
	if err != nil {
		return err
	}
	f.set("once", newOnce())
	known := knownContracts(a)
	f.spell(a.Currency(), known)
	f.wrong = map[string]string{}
	f.ticketDefaults(&a)
	return c.renderTicket(http.StatusOK, &a, f, nil, nil)
}

// renderTicket answers with a ticket.
func (c *call) renderTicket(status int, a *account, f *form, ck *checked, n *notice) error {
	view := ticketView{Account: *a, Form: f, Kinds: contractKinds(), Checked: ck, Notice: n, CanTrade: c.caller.Rights.Has(httpapi.Trade)}
	for _, u := range a.Snapshot.Risk.Usage {
		if u.Rule == risk.RuleBuyingPower && a.Snapshot.Missing == nil {
			view.Free = cents(u.Limit.Sub(u.Used)).in(a.Currency())
		}
	}
	known := knownContracts(*a)
	for _, i := range known {
		view.Known = append(view.Known, nameOf(i))
	}
	for _, v := range a.Snapshot.Open {
		if strings.EqualFold(nameOf(v.Instrument), f.Value("symbol")) {
			view.Held = c.heldWords(a, &v)
		}
	}
	list, err := c.accounts()
	if err != nil {
		return err
	}
	view.Several = len(list) > 1
	return c.renderAs(status, "ticket", "Order", view)
}

// heldWords says what is held of a contract, and its mark.
func (c *call) heldWords(a *account, v *ledger.PositionValue) string {
	words := kindOf(v.Instrument, a.Currency()) + ", " + string(v.Instrument.Currency)
	if v.Marked() {
		words += ". Mark " + price(v.Mark.Price).String() + ", " + age(c.now.Sub(v.Mark.Time)) + " old"
	}
	if v.Quantity.IsNeg() {
		return words + ". You are short " + quantity(v.Quantity.Abs()) + "."
	}
	return words + ". You hold " + quantity(v.Quantity) + "."
}

// mine returns an error unless a form is for the account of the path.
func (c *call) mine(a *account, f *form) error {
	id := accounts.ProfileID(f.Value("profile"))
	if id == a.ID {
		return nil
	}
	name := "another account"
	list, err := c.accounts()
	if err != nil {
		return err
	}
	for _, other := range list {
		if other.ID == id {
			name = other.Name
		}
	}
	return tell(http.StatusConflict, "This ticket is for "+name+". Nothing was sent.",
		"It was sent to "+a.Name+". Begin anew in the account that you mean.", act{Path: a.Path("ticket"), Words: "New ticket for " + a.Name})
}

// ticketOf reads a ticket that was posted to the account of the path.
func (c *call) ticketOf(more ...string) (account, *form, string, error) {
	a, err := c.readable()
	if err != nil {
		return a, nil, "", err
	}
	f, err := c.form("t", append(slices.Clone(ticketFields), more...)...)
	if err != nil {
		return a, nil, "", err
	}
	if err := c.mine(&a, f); err != nil {
		return a, nil, "", err
	}
	once, err := f.once()
	return a, f, once, err
}

// order reads the order of a ticket, and notes whatever is wrong with it.
func (f *form) order(a *account) (risk.Order, broker.Terms) {
	known := knownContracts(*a)
	i := f.contract(a.Currency(), known)
	side := f.one("side", "buy", "sell")
	f.needed("quantity")
	o := risk.Order{Instrument: i, Quantity: f.decimal("quantity"), Strategy: f.Value("strategy"), Sector: f.Value("sector")}
	if o.Quantity.IsNeg() || f.Value("quantity") != "" && f.Err("quantity") == "" && o.Quantity.IsZero() {
		f.fail("quantity", "Write how many; the side says in which direction.")
	}
	terms := f.terms()
	if side == "sell" {
		o.Quantity = o.Quantity.Neg()
	}
	o.Price = terms.Worst()
	if !f.ok() {
		return o, terms
	}
	o.ID = "check"
	err := o.Examine()
	var v *invalid.Error
	if errors.As(err, &v) {
		v.Fields = slices.DeleteFunc(v.Fields, func(f invalid.Field) bool { return f.Name == "Price" }) // limit or stop says so
	}
	if !f.blame(err, orderNames) && err != nil {
		f.fail("quantity", "Quantity times price would not be exact: use fewer places.")
	}
	f.blame(terms.Validate(&o.Instrument, o.Quantity), orderNames)
	if f.ok() {
		if err := o.Normalize(); err != nil {
			f.fail("quantity", "Quantity times price would not be exact: use fewer places.")
		}
	}
	o.ID = ""
	return o, terms
}

// terms reads the terms of an order.
func (f *form) terms() broker.Terms {
	t := broker.Terms{Limit: f.decimal("limit"), Stop: f.decimal("stop"), OutsideHours: f.Is("outside", "yes")}
	t.Type = broker.OrderType(f.one("type", string(broker.LimitOrder), string(broker.MarketOrder), string(broker.StopOrder), string(broker.StopLimitOrder)))
	t.TIF = broker.TimeInForce(f.one("tif", string(broker.Day), string(broker.GoodTillCanceled)))
	switch t.Type {
	case broker.LimitOrder:
		f.needed("limit")
		f.without("stop", "A limit order has no stop: leave it empty, or choose another type.")
	case broker.StopOrder:
		f.needed("stop")
		f.without("limit", "A stop order has no limit: leave it empty, or choose Stop limit.")
	case broker.StopLimitOrder:
		f.needed("limit", "stop")
	case broker.MarketOrder:
		f.without("limit", "An order at the market has no limit: leave it empty, or choose Limit.")
		f.without("stop", "An order at the market has no stop: leave it empty, or choose Stop.")
	}
	return t
}

// without notes a field that must be empty.
func (f *form) without(name, words string) {
	if f.Value(name) != "" {
		f.fail(name, "%s", words)
	}
}

// checkTicket says what would come of an order. Nothing is held, and nothing is written.
func checkTicket(c *call) error {
	a, f, once, err := c.ticketOf()
	if err != nil {
		return err
	}
	o, terms := f.order(&a)
	if !f.ok() {
		return c.renderTicket(http.StatusUnprocessableEntity, &a, f, nil, nil)
	}
	if _, works := workingOrder(&a.Snapshot, orderIDOf(once)); works {
		return c.used(&a, once)
	}
	f.set("version", itoa64(a.Profile.Version))
	return c.showCheck(http.StatusOK, &a, f, o, terms, nil)
}

// used says that a ticket was placed already.
func (c *call) used(a *account, once string) error {
	return tell(http.StatusConflict, "This ticket was placed already. Nothing more was sent.", "A ticket places one order. Another order needs another ticket.",
		act{Path: a.Path("order", string(orderIDOf(once))), Words: "See the order"}, act{Path: a.Path("ticket"), Words: "New ticket for " + a.Name})
}

// showCheck answers with a ticket and what a check of it comes to now.
func (c *call) showCheck(status int, a *account, f *form, o risk.Order, terms broker.Terms, n *notice) error {
	ck, err := c.check(a, f, o, terms)
	if err != nil {
		return err
	}
	return c.renderTicket(status, a, f, ck, n)
}

// workingOrder returns an order that works.
func workingOrder(s *accounts.Snapshot, id ledger.OrderID) (risk.WorkingOrder, bool) {
	for _, w := range s.Risk.Orders {
		if w.ID == id {
			return w, true
		}
	}
	return risk.WorkingOrder{}, false
}
