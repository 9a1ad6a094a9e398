package exposure

import (
	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Measure is what an order is sized by.
type Measure struct {
	Limits  risk.Limits // in force; shared
	Equity  ledger.Decimal
	Known   bool           // equity is
	Lacking string         // a contract without a mark or rate, if equity is not known
	Unit    ledger.Decimal // what one unit of the contract puts at risk, in base currency; zero if not known
	Left    ledger.Decimal // the order that closes what is held, less what is working to that end; zero for none
}

// Measure says what an order can be sized by in an account at a market. Of the order the contract and the price are
// what counts, and whether it sells to open.
func (c *Judge) Measure(a *Account, m Market, o *risk.Order, sells bool) Measure {
	c.order = *o
	c.locate(a, m)
	out := Measure{Limits: m.Policy.limits, Equity: c.exposure.bounds.equity, Known: c.exposure.bounds.known, Left: c.after.left()}
	if !out.Known {
		out.Lacking = c.exposure.lacking()
	}
	price := num.Max(c.order.Price.Abs(), c.terms.mark.Abs())
	if sells && c.terms.instrument.IsOption() {
		price = c.terms.instrument.Strike
	}
	out.Unit = num.Convert(price, c.terms.units)
	return out
}

// left is the quantity of an order that closes what nothing working closes yet.
func (s *stake) left() ledger.Decimal {
	left := s.held.Abs().Sub(s.sells)
	if s.held.IsNeg() {
		left = s.held.Abs().Sub(s.buys)
	}
	if !left.IsPos() {
		return ledger.Decimal{}
	}
	return num.WithSign(left, s.held).Neg()
}
