package page

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// errNoOrder says that an account never had an order.
var errNoOrder = errors.New("there is no such order")

// story is what became of an order, as the journal has it.
type story struct {
	Order     risk.Order
	Held      *risk.WorkingOrder // nil unless it works
	Accepted  bool
	Sent      *risk.Dispatch
	Released  *risk.Release
	Refused   *risk.Refusal // the last one
	Filled    ledger.Decimal
	Questions bool // it is not known what the broker has made of it
}

// storyOf reads what became of an order. Errors: errNoOrder for an id that was never decided.
func (c *call) storyOf(a *account, id ledger.OrderID) (*story, error) {
	p, err := c.page.Manager.Portfolio(c.ctx, a.ID)
	if err != nil {
		return nil, err
	}
	s := &story{}
	if l, linked := c.link(a.ID); linked && l.Works {
		s.Questions = slices.Contains(l.Questions, id)
	}
	if w, works := heldNow(p, id); works {
		s.Order, s.Held, s.Accepted, s.Filled = w.Order, &w, true, w.Filled
		return s, nil
	}
	if err := s.read(c, p, id); err != nil {
		return nil, err
	}
	if !s.Accepted && s.Refused == nil {
		return nil, errNoOrder
	}
	return s, nil
}

// read reads the journal from its end back to the decision about the order.
func (s *story) read(c *call, p *accounts.Portfolio, id ledger.OrderID) error {
	decided := false
	want := func(e entry) bool {
		decided = decided || s.take(e, id) // once it was found, what is behind it ends the walk
		return decided
	}
	for before := int64(0); ; {
		_, next, err := c.walkBack(p, before, walk{most: 1, want: want})
		if err != nil {
			return err
		}
		if before = next; next == 0 || decided {
			break
		}
	}
	if s.Sent == nil {
		return nil
	}
	filter := accounts.TradeFilter{Instruments: []ledger.InstrumentKey{s.Order.Instrument.Key()}, From: s.Sent.Time.Add(-clockSkew)}
	for t, err := range p.Trades(c.ctx, filter) {
		if err != nil {
			return err
		}
		if t.Value.OrderID == id {
			s.Filled = s.Filled.Add(t.Value.Quantity)
		}
	}
	return nil
}

// clockSkew is how much earlier than here the broker's clock may be.
const clockSkew = time.Hour

// take takes over what an entry says of an order, and reports whether it is the decision about the
// order.
func (s *story) take(e entry, id ledger.OrderID) bool {
	switch v := e.value.(type) {
	case *risk.Hold:
		if v.Order.ID == id {
			s.Accepted, s.Order = true, v.Order
			return true
		}
	case *risk.Dispatch:
		if v.OrderID == id {
			s.Sent = v
		}
	case *risk.Release:
		if v.OrderID == id {
			s.Released = v
		}
	case *risk.Refusal:
		if v.Order.ID == id {
			s.Refused, s.Order = v, v.Order
			return true
		}
	}
	return false
}

// state returns how an order stands.
func (s *story) state() badge {
	switch {
	case s.Questions:
		return badge{"warn", "warn", "Not known"}
	case s.Held != nil && s.Held.SentAt.IsZero():
		return badge{"ok", "ok", "Held, not sent"}
	case s.Held != nil:
		return badge{"ok", "ok", "Working"}
	case !s.Accepted:
		return badge{"no", "no", "Refused"}
	case s.Released != nil:
		return badge{"", "", "Let go"}
	}
	return badge{"ok", "ok", "Filled"}
}

// words says what became of an order, in one or two sentences.
func (s *story) words(sends bool) string {
	switch {
	case s.Questions:
		return "We do not know whether it was placed. Look at the broker before trying again; the same ticket is never placed twice."
	case s.Held != nil && s.Held.SentAt.IsZero() && sends:
		return "Its exposure is held. It was not sent to the broker yet."
	case s.Held != nil && s.Held.SentAt.IsZero():
		return "Its exposure is held. No connection works this account, so nothing was sent: place it at the broker yourself."
	case s.Held != nil:
		return "It was sent to the broker, and works until it is filled, cancelled or expired."
	case !s.Accepted && s.Refused.Undecided:
		return "Nothing was sent. It is refused for what is not known, and may be placed again once that is known."
	case !s.Accepted:
		return "Nothing was sent. The refusal is in the journal."
	case s.Released != nil && s.Sent == nil:
		return "It was let go before it was sent: " + s.Released.Reason + "."
	case s.Released != nil:
		return "It ended before it was filled whole: " + s.Released.Reason + "."
	}
	return "It was filled whole."
}

// orderView is the page of one order.
type orderView struct {
	Account   account
	ID        ledger.OrderID
	Words     string
	State     badge
	Then      string
	Terms     string
	Decided   moment
	Sent      moment
	Filled    string
	Rules     []words
	Works     bool
	CanTrade  bool
	CanCheck  bool
	NewTicket string // the path of a ticket filled in with the same order
	Settle    *form  // says that the broker does not have the order; nil where nobody may say so
}

// Cancel returns the fields of the forms that cancel or settle the order.
func (v orderView) Cancel() []pairOf {
	return []pairOf{{"profile", string(v.Account.ID)}, {"order", string(v.ID)}}
}

// showOrder shows one order.
func showOrder(c *call) error {
	a, err := c.readable()
	if err != nil {
		return err
	}
	return c.renderOrder(http.StatusOK, a, ledger.OrderID(c.r.PathValue("order")), newForm("s"))
}

// renderOrder answers with the page of one order, and with the form that settles it if a person
// may.
func (c *call) renderOrder(status int, a account, id ledger.OrderID, settle *form) error {
	if !nameable(string(id)) {
		return errNoOrder
	}
	s, err := c.storyOf(&a, id)
	if err != nil {
		return err
	}
	view := orderView{Account: a, ID: id, Words: sideOf(s.Order.Quantity, s.Order.Instrument), State: s.state(), Then: s.words(c.page.Engine(a.ID) != nil),
		Terms: "At the market", Works: s.Held != nil, CanTrade: c.caller.Rights.Has(httpapi.Trade), CanCheck: c.caller.Rights.Has(httpapi.Check)}
	if !s.Order.Price.IsZero() {
		view.Terms = "At " + price(s.Order.Price).String()
	}
	if h := s.Held; h != nil {
		view.Terms, view.Decided = termsText(h.Terms, h.Quantity, view.Terms), c.stamp(h.HeldAt)
		if !h.SentAt.IsZero() {
			view.Sent = c.stamp(h.SentAt)
		}
	}
	if s.Sent != nil {
		view.Terms, view.Sent = termsText(s.Sent.Terms, s.Order.Quantity, view.Terms), c.stamp(s.Sent.Time)
	}
	if s.Refused != nil && !s.Accepted {
		view.Rules, view.Decided = wordsOf(s.Refused.Violations, c.refusalOf(&a)), c.stamp(s.Refused.Time)
	}
	if s.Accepted {
		view.Filled = quantity(s.Filled.Abs()) + " of " + quantity(s.Order.Quantity.Abs())
	}
	view.NewTicket = a.Path("ticket") + "?" + encoded(ticketFrom(&s.Order))
	if s.asks() && c.caller.Rights.Has(httpapi.Resume) {
		view.Settle = settle
	}
	return c.renderAs(status, "order", "Order", view)
}

// asks reports whether a person may say that the broker does not have the order: it was sent, and
// the engine that works the account does not know what has become of it.
func (s *story) asks() bool { return s.Held != nil && !s.Held.SentAt.IsZero() && s.Questions }

// settle ends the hold of an order by a person's word.
func settle(c *call) error {
	a, err := c.readable()
	if err != nil {
		return err
	}
	f, err := c.form("s", "profile", "order", "reason")
	if err != nil {
		return err
	}
	if err := c.mine(&a, f); err != nil {
		return err
	}
	id := ledger.OrderID(f.Value("order"))
	if !nameable(string(id)) {
		return errNoOrder
	}
	s, err := c.storyOf(&a, id)
	engine := c.page.Engine(a.ID)
	switch {
	case err != nil:
		return err
	case engine == nil, !s.asks(): // it has ended, or it is known how it stands
		return c.redirect(a.Path("order", string(id)))
	}
	if f.reason(); !f.ok() {
		return c.renderOrder(http.StatusUnprocessableEntity, a, id, f)
	}
	if err := engine.Settle(c.ctx, a.ID, id, f.Value("reason")); err != nil {
		return err
	}
	return c.redirect(a.Path("order", string(id)))
}

// termsText returns the terms of an order that was sent in words.
func termsText(text string, q ledger.Decimal, otherwise string) string {
	if t, err := broker.ParseTerms(text); err == nil {
		return capital(termsIn(t, q.IsNeg()))
	}
	if text != "" {
		return capital(text)
	}
	return otherwise
}

// ticketFrom returns the fields of a ticket for the same order.
func ticketFrom(o *risk.Order) []pairOf {
	side := "buy"
	if o.Quantity.IsNeg() {
		side = "sell"
	}
	out := []pairOf{{"instrument", string(o.Instrument.Key())}, {"side", side}, {"quantity", o.Quantity.Abs().String()}}
	if !o.Price.IsZero() {
		out = append(out, pairOf{"limit", o.Price.String()})
	} else {
		out = append(out, pairOf{"type", string(broker.MarketOrder)})
	}
	for _, p := range []pairOf{{"strategy", o.Strategy}, {"sector", o.Sector}} {
		if p.Value != "" {
			out = append(out, p)
		}
	}
	return out
}
