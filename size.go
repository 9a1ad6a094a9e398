package accounts

// measure is what an order is sized by.
type measure struct {
	limits  RiskLimits // in force; shared
	equity  Decimal
	known   bool    // equity is
	lacking string  // a contract without a mark or rate, if equity is not known
	unit    Decimal // what one unit of the contract puts at risk, in base currency; zero if not known
	left    Decimal // the order that closes what is held, less what is working to that end; zero for none
}

// measure says what an order can be sized by in an account at a market. Of the order the contract and the price are
// what counts, and whether it sells to open.
func (c *check) measure(a *account, m market, o *Order, sells bool) measure {
	c.order = *o
	c.locate(a, m)
	out := measure{limits: m.policy.limits, equity: c.exposure.bounds.equity, known: c.exposure.bounds.known, left: c.after.left()}
	if !out.known {
		out.lacking = c.exposure.lacking()
	}
	price := maxDecimal(c.order.Price.Abs(), c.terms.mark.Abs())
	if sells && c.terms.instrument.deliverable() {
		price = c.terms.instrument.Strike
	}
	out.unit = convert(price, c.terms.units)
	return out
}

// left is the quantity of an order that closes what nothing working closes yet.
func (s *stake) left() Decimal {
	left := s.held.Abs().Sub(s.sells)
	if s.held.IsNeg() {
		left = s.held.Abs().Sub(s.buys)
	}
	if !left.IsPos() {
		return Decimal{}
	}
	return withSign(left, s.held).Neg()
}
