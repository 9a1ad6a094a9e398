package rulemodel

import (
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// margin is the initial margin of everything in base currency, in the worst combination of fills,
// by Regulation T (12 CFR 220.12) and FINRA rule 4210; see risk.MarginAccount.
func (j *judge) margin(all map[ledger.InstrumentKey]*contract) rat {
	need, exposed := new0(), new0()
	for _, c := range all {
		need, exposed = add(need, j.initial(c)), add(exposed, c.worst())
	}
	if j.poor() {
		return most(need, exposed)
	}
	return need
}

// initial is the initial margin of a contract.
func (j *judge) initial(c *contract) rat {
	return most(j.longNeed(c, part(1, 2)), j.shortNeed(c, part(1, 2)))
}

// maintenance is the maintenance margin: FINRA rule 4210(c) wants 25 % of long and 30 % of short
// stocks. All else is as for the initial margin.
func (j *judge) maintenance(c *contract) rat {
	return most(j.longNeed(c, part(1, 4)), j.shortNeed(c, part(3, 10)))
}

// sellsShort reports whether the order leaves a security short, in the worst combination of fills.
// With less than 2,000 USD of equity none is sold short.
func sellsShort(o risk.Order, c *contract) bool {
	switch o.Instrument.SecType {
	case ledger.Future, ledger.FutureOption, ledger.CFD, ledger.Forex, ledger.Crypto:
		return false
	}
	return o.Quantity.IsNeg() && less(c.held, total(c.sells))
}

func (j *judge) longNeed(c *contract, stock rat) rat {
	need := new0()
	for _, p := range c.long() {
		need = add(need, mul(p.quantity, j.longUnit(c, p.price, stock)))
	}
	return mul(need, c.rate)
}

func (j *judge) shortNeed(c *contract, stock rat) rat {
	need, sold, dearest := new0(), new0(), new0()
	for _, p := range c.short() {
		sold, dearest = add(sold, p.quantity), most(dearest, size(p.price))
		need = add(need, mul(p.quantity, j.shortUnit(c, p.price, stock)))
	}
	if c.instrument.SecType == ledger.Stock {
		need = most(need, mul(sold, j.floor(c, dearest), unit(c.instrument)))
	}
	return mul(need, c.rate)
}

// poor reports whether equity is below the 2,000 USD that 4210(b) asks of a margin account. Then
// everything needs the whole of its exposure.
func (j *judge) poor() bool {
	equity, _ := j.equity()
	usd, _ := j.rate("USD")
	return j.limits.Account == risk.MarginAccount && equity != nil && usd != nil && less(equity, mul(whole(2000), usd))
}

// longUnit is what one unit held long needs, in the contract's currency.
func (j *judge) longUnit(c *contract, price, stock rat) rat {
	price = size(price)
	value := mul(price, unit(c.instrument))
	switch c.instrument.SecType {
	case ledger.Stock:
		return mul(value, stock)
	case ledger.Future, ledger.CFD:
		return mul(value, exact(j.limits.FuturesMargin))
	}
	return value
}

// shortUnit is what one unit sold short needs, in the contract's currency.
func (j *judge) shortUnit(c *contract, price, stock rat) rat {
	i := c.instrument
	price = size(price)
	value := mul(price, unit(i))
	switch i.SecType {
	case ledger.Stock:
		return mul(value, stock) // and the floor besides
	case ledger.Future, ledger.CFD:
		return mul(value, exact(j.limits.FuturesMargin))
	case ledger.FutureOption:
		notional := exact(i.Strike)
		if i.Right == ledger.Call {
			notional = add(notional, price)
		}
		return mul(add(price, mul(notional, exact(j.limits.FuturesMargin))), unit(i))
	case ledger.Option, ledger.Warrant:
		return mul(j.shortOption(i, price), unit(i))
	}
	return value
}

// floor is what a share sold short needs at least: by 4210(c)(2) 2.50 USD, or all of its price,
// below 5 USD, and by 4210(c)(3) 5 USD from there on. All shares of a contract count at the dearest
// price.
func (j *judge) floor(c *contract, price rat) rat {
	five := j.dollars(c, 5)
	if less(price, five) {
		return most(j.dollars(c, 2.5), price)
	}
	return five
}

// shortOption is what a short option needs per unit of its underlying, by 4210(f)(2)(E): its price,
// and 20 % of what the underlying is worth less what the option is out of the money, but at least
// 10 % of the underlying, of a put 10 % of the strike. Without a mark of the underlying, a put
// needs its strike and 120 % of its price.
func (j *judge) shortOption(i ledger.Instrument, price rat) rat {
	strike := exact(i.Strike)
	spot, _ := j.spot(i)
	if spot == nil {
		return add(strike, mul(part(6, 5), price))
	}
	out, floor := sub(strike, spot), mul(part(1, 10), spot)
	if i.Right == ledger.Put {
		out, floor = neg(out), mul(part(1, 10), strike)
	}
	need := sub(mul(part(1, 5), spot), most(out, new0()))
	return add(price, most(need, floor))
}

// spot is the mark of what an option is on, and whether it is fresh; nil if there is none, and for
// a root that a corporate action adjusted: nothing tells what such an option delivers.
func (j *judge) spot(i ledger.Instrument) (rat, bool) {
	if i.Symbol != i.Underlying {
		return nil, false
	}
	return j.price(ledger.NewStock(i.Underlying, i.Currency).Key())
}

// dollars is an amount of dollars in the contract's currency. Only stocks sold short need it, and
// they are refused where there is no rate of the dollar.
func (j *judge) dollars(c *contract, amount float64) rat {
	usd := part(int64(amount*2), 2)
	if c.instrument.Currency == "USD" {
		return usd
	}
	rate, _ := j.rate("USD")
	if rate == nil {
		return usd
	}
	return div(mul(usd, rate), c.rate)
}
