package rulemodel

import (
	"slices"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// piece is a quantity that is held or may come, and the price per unit at which it counts.
type piece struct {
	quantity rat // never negative
	price    rat
	unpriced bool // at the market, and there is no mark
}

// contract is what is held of a contract and what is working in it.
type contract struct {
	instrument ledger.Instrument
	held       rat // signed
	mark       rat // nil if there is none
	rate       rat // nil if there is none
	buys       []piece
	sells      []piece
}

// contracts returns everything that is held or working, together with an order that is asked about,
// if there is one. unpriced reports whether something cannot be valued.
func (j *judge) contracts(o *risk.Order) (all map[ledger.InstrumentKey]*contract, unpriced bool) {
	all = map[ledger.InstrumentKey]*contract{}
	for _, h := range j.positions() {
		c := j.contract(all, h.instrument)
		c.held = h.quantity
		unpriced = unpriced || c.mark == nil
	}
	for _, w := range j.working() {
		if o == nil || w.order.ID != o.ID {
			j.work(all, w.order, w.left)
		}
	}
	if o != nil {
		j.work(all, *o, exact(o.Quantity))
	}
	for _, c := range all {
		unpriced = unpriced || c.rate == nil
		for _, p := range append(slices.Clone(c.buys), c.sells...) {
			unpriced = unpriced || p.unpriced
		}
	}
	return all, unpriced
}

// contract returns that of the instrument, with its mark and rate.
func (j *judge) contract(all map[ledger.InstrumentKey]*contract, i ledger.Instrument) *contract {
	key := i.Key()
	if all[key] == nil {
		c := &contract{instrument: i, held: new0()}
		c.mark, _ = j.price(key)
		c.rate, _ = j.rate(i.Currency)
		all[key] = c
	}
	return all[key]
}

// work adds what is left of an order. It counts at its price, or at the mark where that is higher
// or the order is at the market.
func (j *judge) work(all map[ledger.InstrumentKey]*contract, o risk.Order, left rat) {
	c := j.contract(all, o.Instrument)
	p := piece{quantity: size(left), price: exact(o.Price)}
	if o.Price.IsZero() || c.mark != nil && less(p.price, c.mark) {
		p.price = c.mark
	}
	if p.price == nil {
		p.unpriced, p.price = true, new0()
	}
	if left.Sign() > 0 {
		c.buys = append(c.buys, p)
	} else {
		c.sells = append(c.sells, p)
	}
}

func isOption(s ledger.SecType) bool {
	return s == ledger.Option || s == ledger.FutureOption || s == ledger.Warrant
}

func total(list []piece) rat {
	sum := new0()
	for _, p := range list {
		sum = add(sum, p.quantity)
	}
	return sum
}

// long is what is held long once all working purchases are filled: what is held at the mark, and
// each order at its price. What is left of purchases that close a short position first counts at
// the price of the dearest.
func (c *contract) long() []piece { return after(c.held, c.mark, c.buys) }

// short is the same of what is sold short once all working sales are filled.
func (c *contract) short() []piece { return after(neg(c.held), c.mark, c.sells) }

func after(held, mark rat, orders []piece) []piece {
	if held.Sign() > 0 {
		return append([]piece{{quantity: held, price: mark}}, orders...)
	}
	if held.Sign() == 0 {
		return orders
	}
	rest := add(held, total(orders))
	if rest.Sign() <= 0 {
		return nil
	}
	dearest := new0()
	for _, p := range orders {
		dearest = most(dearest, p.price)
	}
	return []piece{{quantity: rest, price: dearest}}
}

// exposureOf is the money that pieces put at risk in base currency: quantity × price × multiplier,
// of options sold short the strike × multiplier.
func (c *contract) exposureOf(pieces []piece, short bool) rat {
	sum := new0()
	for _, p := range pieces {
		price := size(p.price)
		if short && isOption(c.instrument.SecType) {
			price = exact(c.instrument.Strike)
		}
		sum = add(sum, mul(p.quantity, price, unit(c.instrument), c.rate))
	}
	return sum
}

// worst is the exposure in the worst combination of fills.
func (c *contract) worst() rat {
	return most(c.exposureOf(c.long(), false), c.exposureOf(c.short(), true))
}

// extremes are the exposures, long less short, between which fills can bring the contract. A put
// counts the other way around.
func (c *contract) extremes() (low, high rat) {
	high, low = c.exposureOf(c.long(), false), neg(c.exposureOf(c.short(), true))
	if high.Sign() == 0 { // whatever is bought, it stays short
		high = neg(c.stillShort())
	}
	if low.Sign() == 0 {
		low = c.stillLong()
	}
	if c.instrument.Right == ledger.Put {
		return neg(high), neg(low)
	}
	return low, high
}

// stillShort is the least exposure that is left short when all purchases are filled.
func (c *contract) stillShort() rat {
	left := sub(neg(c.held), total(c.buys))
	if left.Sign() <= 0 {
		return new0()
	}
	return c.exposureOf([]piece{{quantity: left, price: c.mark}}, true)
}

// stillLong is the least exposure that is left long when all sales are filled.
func (c *contract) stillLong() rat {
	left := sub(c.held, total(c.sells))
	if left.Sign() <= 0 {
		return new0()
	}
	return c.exposureOf([]piece{{quantity: left, price: c.mark}}, false)
}

// underlying is the name under which exposure in one underlying is added up.
func underlying(i ledger.Instrument) string {
	if i.SecType == ledger.Option || i.SecType == ledger.Warrant {
		return i.Underlying
	}
	return i.Symbol
}
