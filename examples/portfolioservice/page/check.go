package page

import (
	"strconv"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/risk"
)

// checked is what a check of an order came to.
type checked struct {
	Allowed, Reduces bool
	At               moment
	Words            string // the order
	Cost             string // the label of Worth: what it costs at most, or brings
	Worth            money
	Share            string // of equity
	After            string // what is held afterwards
	Broken, Near     []words
	By               string // whose limits they are
	Largest          string // the quantity that would pass; empty without
	Place            []pairOf
	Ask              string // the page that asks before the order is placed; empty for paper money
	again            *form
}

// Again returns the fields of the same order with the largest quantity that would pass.
func (k *checked) Again() []pairOf { return k.again.Hidden(ticketFields...) }

// check asks whether an order would be accepted now.
func (c *call) check(a *account, f *form, o risk.Order, terms broker.Terms) (*checked, error) {
	p, err := c.page.Manager.Portfolio(c.ctx, a.ID)
	if err != nil {
		return nil, err
	}
	d := p.Check(o)
	g := c.refusalOf(a)
	g.largest = d.Largest.Abs()
	out := &checked{Allowed: d.Allowed, Reduces: d.Reduces, At: c.clock(c.now), Words: c.orderIn(o, terms),
		Broken: wordsOf(d.Violations, g), Near: warnedOf(d.Warnings, g),
		By: "By the limits of version " + itoa64(a.Profile.Version) + " of " + a.Name + ", changed " + c.near(a.Profile.UpdatedAt).Text + "."}
	c.weigh(out, a, &o)
	placed := newForm(f.ID)
	for name, values := range f.values {
		placed.set(name, values...)
	}
	placed.fix(o.Instrument)
	out.Place = placed.Hidden(ticketFields...)
	if a.Live() {
		out.Ask = a.Path("place") + "?" + encoded(out.Place)
	}
	if !d.Largest.IsZero() {
		out.Largest = quantity(d.Largest.Abs())
		placed.set("quantity", d.Largest.Abs().String())
		out.again = placed
	}
	return out, nil
}

// weigh says what an order costs, and what is held afterwards.
func (c *call) weigh(out *checked, a *account, o *risk.Order) {
	held := heldOf(&a.Snapshot, o.Instrument.Key())
	out.After = nameOf(o.Instrument) + ": " + quantity(held.Quantity.Add(o.Quantity))
	at := o.Price
	if at.IsZero() {
		at = held.Mark.Price
	}
	if at.IsZero() {
		return
	}
	worth := at.Mul(o.Quantity.Abs()).Mul(o.Instrument.Multiplier)
	out.Worth = cents(worth).in(o.Instrument.Currency)
	switch {
	case o.Price.IsZero():
		out.Cost = "At the mark"
	case o.Quantity.IsNeg():
		out.Cost = "It brings at its price"
	default:
		out.Cost = "Most it can cost, without commission"
	}
	if o.Instrument.Currency == a.Currency() && a.Snapshot.Missing == nil && a.Snapshot.Equity.IsPos() {
		out.Share = percent(worth.InexactFloat64()/a.Snapshot.Equity.InexactFloat64(), 2)
	}
}

// orderIn returns an order in words: "Buy 28 NVDA at 148.50 or less, today".
func (c *call) orderIn(o risk.Order, t broker.Terms) string {
	return sideOf(o.Quantity, o.Instrument) + " " + termsIn(t, o.Quantity.IsNeg())
}

// termsIn returns the terms of an order in words.
func termsIn(t broker.Terms, sells bool) string {
	better, reached := "or less", "rises to"
	if sells {
		better, reached = "or more", "falls to"
	}
	out := ""
	switch t.Type {
	case broker.LimitOrder:
		out = "at " + price(t.Limit).String() + " " + better
	case broker.MarketOrder:
		out = "at the market"
	case broker.StopOrder:
		out = "at the market once the price " + reached + " " + price(t.Stop).String()
	case broker.StopLimitOrder:
		out = "at " + price(t.Limit).String() + " " + better + " once the price " + reached + " " + price(t.Stop).String()
	default:
		out = string(t.Type)
	}
	if t.TIF == broker.GoodTillCanceled {
		out += ", until cancelled"
	} else {
		out += ", today"
	}
	if t.OutsideHours {
		out += ", outside hours too"
	}
	return out
}

func itoa64(n int64) string { return strconv.FormatInt(n, 10) }
