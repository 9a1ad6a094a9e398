package page

import (
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

var orderRoutes = []route{
	{method: "GET", path: "/orders", right: httpapi.Read, at: "orders", run: showOrders},
	{method: "GET", path: "/p/{id}/orders", right: httpapi.Read, at: "orders", run: showOrders},
}

// working is an order whose exposure is held.
type working struct {
	Account   account
	ID        ledger.OrderID
	Words     string
	Reduces   bool
	Terms     string
	Since     moment
	Filled    string
	Part      string // that is filled, of a drawing's width
	Open      money  // what is still to be filled, at the order's price
	OpenWords string
	State     string // what is not usual about it
}

// workingOf returns an order that works.
func (c *call) workingOf(a account, w risk.WorkingOrder) working {
	out := working{Account: a, ID: w.ID, Words: sideOf(w.Quantity, w.Instrument), Terms: w.Terms, Since: c.near(w.HeldAt),
		Filled: quantity(w.Filled.Abs()) + " of " + quantity(w.Quantity.Abs()) + " filled",
		Part:   along(w.Filled.InexactFloat64() / w.Quantity.InexactFloat64()), Reduces: reduces(&a.Snapshot, w)}
	if w.Terms == "" {
		out.Terms = "at the market"
		if !w.Price.IsZero() {
			out.Terms = "at " + price(w.Price).String()
		}
	}
	if w.SentAt.IsZero() {
		out.State = "held, not sent"
	}
	out.OpenWords = string(w.Instrument.Currency) + " to fill"
	if at := cmpOr(w.Price, markOf(&a.Snapshot, w.Instrument.Key())); !at.IsZero() {
		out.Open = cents(w.Remaining().Abs().Mul(at).Mul(w.Instrument.Multiplier))
	}
	return out
}

// cmpOr returns the first figure that is not zero.
func cmpOr(figures ...ledger.Decimal) ledger.Decimal {
	for _, f := range figures {
		if !f.IsZero() {
			return f
		}
	}
	return ledger.Decimal{}
}

// markOf returns the mark of a contract that is held; zero if it is not known.
func markOf(s *accounts.Snapshot, key ledger.InstrumentKey) ledger.Decimal {
	for _, v := range s.Open {
		if v.Instrument.Key() == key {
			return v.Mark.Price
		}
	}
	return ledger.Decimal{}
}

// reduces reports whether what is left of an order makes a position smaller.
func reduces(s *accounts.Snapshot, w risk.WorkingOrder) bool {
	for _, v := range s.Open {
		if v.Instrument.Key() == w.Instrument.Key() {
			return v.Quantity.IsNeg() != w.Quantity.IsNeg() && !w.Remaining().Abs().GreaterThan(v.Quantity.Abs())
		}
	}
	return false
}

// refusal is an order that was refused.
type refusal struct {
	Account account
	Words   string
	When    moment
	Rules   []words
	Again   bool // it passes once more is known
	at      time.Time
}

// finished is an order that was filled or let go, or a trade.
type finished struct {
	Account account
	Words   string
	Rest    string
	When    moment
	at      time.Time
}

// external is an order at the broker that was not placed here.
type external struct {
	Account      account
	Words, Terms string
	BrokerID     string
}

// ordersView is the screen of orders: of one account, or of all.
type ordersView struct {
	Accounts []chip
	Working  []working
	Refused  []refusal
	Done     []finished
	Unknown  []working // it is not known what the broker has made of them
	External []external
	Refusals string // the path of all refusals
	CanTrade bool
}

func showOrders(c *call) error {
	chosen, err := c.chosen()
	if err != nil {
		return err
	}
	view := ordersView{CanTrade: c.caller.Rights.Has(httpapi.Trade), Refusals: c.below("activity") + "?kind=refusals"}
	if view.Accounts, err = c.accountChips("orders"); err != nil {
		return err
	}
	for _, a := range chosen {
		if a.Trouble != nil {
			continue // the page of all accounts says so
		}
		if err := c.addOrders(&view, a); err != nil {
			return err
		}
	}
	slices.SortStableFunc(view.Refused, func(a, b refusal) int { return b.at.Compare(a.at) })
	slices.SortStableFunc(view.Done, func(a, b finished) int { return b.at.Compare(a.at) })
	return c.render("orders", "Orders", view)
}

// chosen returns the account of the path, whose book must be readable; all accounts in use on a
// page of all.
func (c *call) chosen() ([]account, error) {
	if c.profileID() != "" {
		a, err := c.readable()
		return []account{a}, err
	}
	known, err := c.accounts()
	return slices.DeleteFunc(slices.Clone(known), account.Archived), err
}

// below returns the path of a page of the path's account, or of the page of that name of all.
func (c *call) below(part string) string {
	if id := c.profileID(); id != "" {
		return pathOf(id, part)
	}
	return "/" + part
}

// accountChips choose an account on a page that both one and all accounts have.
func (c *call) accountChips(part string) ([]chip, error) {
	known, err := c.accounts()
	out := []chip{{Path: "/" + part, Word: "All", Current: c.profileID() == ""}}
	for i := range known {
		if a := &known[i]; !a.Archived() {
			out = append(out, chip{a.Path(part), string(a.Profile.CapitalLevel), c.profileID() == a.ID, a})
		}
	}
	return out, err
}

// addOrders adds the orders of an account.
func (c *call) addOrders(view *ordersView, a account) error {
	l, _ := c.link(a.ID)
	for _, w := range a.Snapshot.Risk.Orders {
		order := c.workingOf(a, w)
		if slices.Contains(l.Questions, w.ID) {
			view.Unknown = append(view.Unknown, order)
			continue
		}
		view.Working = append(view.Working, order)
	}
	for _, o := range l.External {
		view.External = append(view.External, external{a, sideOf(o.Quantity, o.Instrument), o.Terms.String(), o.BrokerID})
	}
	p, err := c.page.Manager.Portfolio(c.ctx, a.ID)
	if err != nil {
		return err
	}
	begin := c.tradingDay(&a)
	items, _, err := c.walkBack(p, 0, walk{most: maxToday, since: begin, want: func(e entry) bool { return true }})
	if err != nil {
		return err
	}
	seen := map[ledger.ExecID]bool{} // an execution that was corrected or completed counts as it is now
	for _, e := range items {
		if t, ok := fact[ledger.Trade](e.value); ok {
			if seen[t.ExecID] || t.Time.Before(begin) {
				continue
			}
			seen[t.ExecID] = true
		}
		c.addToday(view, a, e)
	}
	return nil
}

// maxToday is how many entries of a day's the page of orders has of an account at most.
const maxToday = 500

// addToday adds what happened today.
func (c *call) addToday(view *ordersView, a account, e entry) {
	switch v := e.value.(type) {
	case *risk.Refusal:
		view.Refused = append(view.Refused, refusal{a, orderWords(v.Order), c.near(e.at), wordsOf(v.Violations, c.refusalOf(&a)), v.Undecided, e.at})
	case *risk.Release:
		view.Done = append(view.Done, finished{a, "Let go: " + v.Reason, string(v.OrderID), c.near(e.at), e.at})
	default:
		if t, ok := fact[ledger.Trade](v); ok {
			view.Done = append(view.Done, finished{a, done(t.Quantity) + " " + quantity(t.Quantity.Abs()) + " " + nameOf(t.Instrument),
				"at " + price(t.Price).String(), c.near(t.Time), t.Time})
		}
	}
}

// orderWords returns an order in words: "Buy 10 MSFT at 480.50, by signal s-1".
func orderWords(o risk.Order) string {
	parts := []string{sideOf(o.Quantity, o.Instrument)}
	if !o.Price.IsZero() {
		parts[0] += " at " + price(o.Price).String()
	}
	if o.Signal != "" {
		parts = append(parts, "by signal "+string(o.Signal))
	}
	return strings.Join(parts, ", ")
}
