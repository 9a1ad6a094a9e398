package accounts

// measure is what an order is sized by.
type measure struct {
	equity  Decimal
	known   bool    // equity is
	lacking string  // a contract without a mark or rate, if equity is not known
	unit    Decimal // what one unit of the contract puts at risk, in base currency; zero if not known
	left    Decimal // the order that closes what is held, less what is working to that end; zero for none
}

// measure says what the check's order can be sized by in an account, if it buys, or if it sells to open.
func (c *check) measure(a *account, sells bool) measure {
	c.locate(a)
	m := measure{equity: c.exposure.bounds.equity, known: c.exposure.bounds.known, left: c.after.left()}
	if !m.known {
		m.lacking = c.exposure.lacking()
	}
	price := maxDecimal(c.order.Price.Abs(), c.terms.mark.Abs())
	if sells && c.terms.instrument.deliverable() {
		price = c.terms.instrument.Strike
	}
	m.unit = convert(price, c.terms.units)
	return m
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
