package exposure

import (
	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

// figures are what contracts put at risk, in base currency.
type figures struct {
	worst       ledger.Decimal // exposure in the worse of the two ways in which working orders could fill
	high, low   ledger.Decimal // the same with a sign, up and down: puts count the other way around
	initial     ledger.Decimal // what buying power is needed
	maintenance ledger.Decimal // margin to be kept, where the day-trade policy asks for it
}

func (f *figures) add(g *figures) {
	f.worst, f.high, f.low = f.worst.Add(g.worst), f.high.Add(g.high), f.low.Add(g.low)
	f.initial, f.maintenance = f.initial.Add(g.initial), f.maintenance.Add(g.maintenance)
}

func (f *figures) sub(g *figures) {
	f.worst, f.high, f.low = f.worst.Sub(g.worst), f.high.Sub(g.high), f.low.Sub(g.low)
	f.initial, f.maintenance = f.initial.Sub(g.initial), f.maintenance.Sub(g.maintenance)
}

// stake is what is held of a contract and what is working: quantities and, at each order's own
// price or the mark if that is higher, their value in points.
type stake struct {
	held, worth         ledger.Decimal // worth without its sign
	buys, sells         ledger.Decimal // still to be filled, without their signs
	buyWorth, sellWorth ledger.Decimal
	buyHigh, sellHigh   ledger.Decimal // the highest price
}

func (s *stake) hold(quantity, mark ledger.Decimal) {
	s.held, s.worth = quantity, num.Convert(quantity, mark).Abs()
}

// work adds an order, or what is left of it.
func (s *stake) work(quantity, price, mark ledger.Decimal) {
	price = num.Max(price.Abs(), mark.Abs())
	if quantity.IsNeg() {
		quantity = quantity.Neg()
		s.sells, s.sellWorth, s.sellHigh = s.sells.Add(quantity), s.sellWorth.Add(num.Convert(quantity, price)), num.Max(s.sellHigh, price)
		return
	}
	s.buys, s.buyWorth, s.buyHigh = s.buys.Add(quantity), s.buyWorth.Add(num.Convert(quantity, price)), num.Max(s.buyHigh, price)
}

// long is the quantity held if all buys fill and no sale does, and its value in points; zero if it is short even then.
func (s *stake) long() (quantity, worth ledger.Decimal) {
	if !s.held.IsNeg() {
		return s.held.Add(s.buys), s.worth.Add(s.buyWorth)
	}
	if quantity = s.held.Add(s.buys); quantity.IsPos() {
		return quantity, num.Convert(quantity, s.buyHigh)
	}
	return ledger.Decimal{}, ledger.Decimal{}
}

// short is the same for sales, without a sign.
func (s *stake) short() (quantity, worth ledger.Decimal) {
	if !s.held.IsPos() {
		return s.sells.Sub(s.held), s.worth.Add(s.sellWorth)
	}
	if quantity = s.sells.Sub(s.held); quantity.IsPos() {
		return quantity, num.Convert(quantity, s.sellHigh)
	}
	return ledger.Decimal{}, ledger.Decimal{}
}
