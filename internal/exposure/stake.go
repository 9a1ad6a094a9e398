package exposure

import (
	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

// stake is the position and the working orders in one contract: quantities, and their value in
// points (quantity × price, before the multiplier). An order counts at its own price, or at the
// mark if that is higher.
type stake struct {
	// held is the position with its sign; worth is its value, not negative.
	held, worth ledger.Decimal
	// buys and sells are the quantities still to be filled, not negative.
	buys, sells ledger.Decimal
	// buyWorth and sellWorth are the values of these quantities.
	buyWorth, sellWorth ledger.Decimal
	// buyHigh and sellHigh are the highest prices among them.
	buyHigh, sellHigh ledger.Decimal
}

// hold sets the position.
func (s *stake) hold(quantity, mark ledger.Decimal) {
	s.held, s.worth = quantity, num.Convert(quantity, mark).Abs()
}

// work adds a working order of the quantity that remains to be filled.
func (s *stake) work(quantity, price, mark ledger.Decimal) {
	price = num.Max(price.Abs(), mark.Abs())
	if quantity.IsNeg() {
		quantity = quantity.Neg()
		s.sells, s.sellWorth, s.sellHigh = s.sells.Add(quantity), s.sellWorth.Add(num.Convert(quantity,
			price)), num.Max(s.sellHigh, price)
		return
	}
	s.buys, s.buyWorth, s.buyHigh = s.buys.Add(quantity), s.buyWorth.Add(num.Convert(quantity,
		price)), num.Max(s.buyHigh, price)
}

// long returns the quantity held if all buys fill and no sale does, and its value in points; zero
// if the position is short even then.
func (s *stake) long() (quantity, worth ledger.Decimal) {
	if !s.held.IsNeg() {
		return s.held.Add(s.buys), s.worth.Add(s.buyWorth)
	}
	if quantity = s.held.Add(s.buys); quantity.IsPos() {
		return quantity, num.Convert(quantity, s.buyHigh)
	}
	return ledger.Decimal{}, ledger.Decimal{}
}

// short returns the quantity that is short if all sales fill and no buy does, and its value in
// points, both not negative; zero if the position is long even then.
func (s *stake) short() (quantity, worth ledger.Decimal) {
	if !s.held.IsPos() {
		return s.sells.Sub(s.held), s.worth.Add(s.sellWorth)
	}
	if quantity = s.sells.Sub(s.held); quantity.IsPos() {
		return quantity, num.Convert(quantity, s.sellHigh)
	}
	return ledger.Decimal{}, ledger.Decimal{}
}

// certain returns the quantity that is long even if every sale fills, and the quantity that is
// short if every sale fills. One of them is zero.
func (s *stake) certain() (long, short ledger.Decimal) {
	rest := s.held.Sub(s.sells)
	if rest.IsNeg() {
		return ledger.Decimal{}, rest.Neg()
	}
	return rest, ledger.Decimal{}
}

// left returns the quantity of the order that would close what no working order closes yet; zero if
// working orders close everything.
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

// figures measure what contracts put at risk, in base currency.
type figures struct {
	// worst is the exposure in the worse of two cases: all working buys fill, or all working sales
	// do.
	worst ledger.Decimal
	// high and low are the exposures in these cases with their signs, long positive. Puts count the
	// other way around.
	high, low ledger.Decimal
	// initial is the buying power needed.
	initial ledger.Decimal
	// maintenance is the margin that equity must cover at any time, under IntradayMargin.
	maintenance ledger.Decimal
}

// add adds the figures of g.
func (f *figures) add(g *figures) {
	f.worst, f.high, f.low = f.worst.Add(g.worst), f.high.Add(g.high), f.low.Add(g.low)
	f.initial, f.maintenance = f.initial.Add(g.initial), f.maintenance.Add(g.maintenance)
}

// sub subtracts the figures of g.
func (f *figures) sub(g *figures) {
	f.worst, f.high, f.low = f.worst.Sub(g.worst), f.high.Sub(g.high), f.low.Sub(g.low)
	f.initial, f.maintenance = f.initial.Sub(g.initial), f.maintenance.Sub(g.maintenance)
}
