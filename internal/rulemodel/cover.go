package rulemodel

import (
	"github.com/ai-ots/accounts/ledger"
)

// group is what short options of one right on one thing, and their cover, have in common: a long
// option covers short ones of the same kind, root and multiplier alone.
type group struct {
	secType    ledger.SecType
	root       string
	currency   ledger.Currency
	multiplier string
	right      ledger.Right
}

// stake is what options sold short have, or what covers them, in units of the underlying.
type stake struct {
	units  rat
	strike rat // nil for shares and for cash
	expiry ledger.Date
	cash   bool // the strike in cash
	none   bool // nothing: the option stays uncovered
}

// cover says what short options lack: how many units of the underlying nothing covers, and how much
// cash the others need in base currency. shares says whether shares are cover too.
func (j *judge) cover(all map[ledger.InstrumentKey]*contract, shares bool) (naked, cash rat) {
	naked, cash = new0(), new0()
	seen := map[group]bool{}
	for _, c := range all {
		i := c.instrument
		if !isOption(i.SecType) {
			continue
		}
		g := groupOf(i)
		if seen[g] {
			continue
		}
		seen[g] = true
		n, need := match(shortsOf(all, g), coversOf(all, g, shares), g)
		naked = add(naked, n)
		switch {
		case need.Sign() == 0 || cash == nil:
		case c.rate == nil:
			cash = nil
		default:
			cash = add(cash, mul(need, c.rate))
		}
	}
	return naked, cash
}

func groupOf(i ledger.Instrument) group {
	return group{i.SecType, i.Symbol, i.Currency, i.Multiplier.String(), i.Right}
}

// shortsOf returns what is or may be sold short of the group.
func shortsOf(all map[ledger.InstrumentKey]*contract, g group) (list []stake) {
	for _, c := range all {
		short := sub(total(c.sells), c.held)
		if groupOf(c.instrument) == g && short.Sign() > 0 {
			list = append(list, stake{units: mul(short, unit(c.instrument)), strike: exact(c.instrument.Strike), expiry: c.instrument.Expiry})
		}
	}
	return list
}

// coversOf returns what surely stays to cover them, whatever is filled. Nothing covers the rest,
// but of puts the strike in cash.
func coversOf(all map[ledger.InstrumentKey]*contract, g group, shares bool) (list []stake) {
	for _, c := range all {
		i := c.instrument
		left := sub(c.held, total(c.sells))
		switch {
		case groupOf(i) == g && left.Sign() > 0:
			list = append(list, stake{units: mul(left, unit(i)), strike: exact(i.Strike), expiry: i.Expiry})
		case shares && g.secType == ledger.Option && i.SecType == ledger.Stock && i.Symbol == g.root && i.Currency == g.currency:
			if g.right == ledger.Put { // a short call needs long shares, a short put short ones
				left = neg(add(c.held, total(c.buys)))
			}
			if left.Sign() > 0 {
				list = append(list, stake{units: left})
			}
		}
	}
	return append(list, stake{units: whole(1_000_000_000), cash: g.right == ledger.Put, none: g.right == ledger.Call})
}

// match gives what is sold short its cover, so that as little as possible is left without, and of
// cash as little as possible is needed: a transportation problem. It ships along the cheapest way,
// which may take back what was shipped before, until everything is shipped.
func match(shorts, covers []stake, g group) (naked, cash rat) {
	shipped := make([][]rat, len(shorts))
	for s := range shorts {
		for range covers {
			shipped[s] = append(shipped[s], new0())
		}
	}
	for s := range shorts {
		for shorts[s].units.Sign() > 0 {
			ship(shorts, covers, shipped, s, g)
		}
	}
	naked, cash = new0(), new0()
	for s := range shorts {
		for c := range covers {
			if covers[c].none {
				naked = add(naked, shipped[s][c])
				continue
			}
			cash = add(cash, mul(shipped[s][c], price(shorts[s], covers[c], g)))
		}
	}
	return naked, cash
}

// ship covers a part of one short option along the cheapest way from it to a cover with units left,
// found as Bellman and Ford do.
func ship(shorts, covers []stake, shipped [][]rat, from int, g group) {
	toShort, toCover := make([]rat, len(shorts)), make([]rat, len(covers))
	viaShort, viaCover := make([]int, len(shorts)), make([]int, len(covers)) // where the way comes from
	toShort[from] = new0()
	for changed := true; changed; {
		changed = false
		for s := range shorts {
			for c := range covers {
				if !fits(shorts[s], covers[c], g) {
					continue
				}
				cost := price(shorts[s], covers[c], g)
				if toShort[s] != nil {
					if d := add(toShort[s], cost); toCover[c] == nil || less(d, toCover[c]) {
						toCover[c], viaCover[c], changed = d, s, true
					}
				}
				if toCover[c] != nil && shipped[s][c].Sign() > 0 {
					if d := sub(toCover[c], cost); toShort[s] == nil || less(d, toShort[s]) {
						toShort[s], viaShort[s], changed = d, c, true
					}
				}
			}
		}
	}
	to := -1
	for c := range covers {
		if toCover[c] != nil && covers[c].units.Sign() > 0 && (to < 0 || less(toCover[c], toCover[to])) {
			to = c
		}
	}
	amount := least(shorts[from].units, covers[to].units)
	for s, c := viaCover[to], to; s != from; s = viaCover[c] {
		c = viaShort[s]
		amount = least(amount, shipped[s][c])
	}
	for s, c := viaCover[to], to; ; s = viaCover[c] {
		shipped[s][c] = add(shipped[s][c], amount)
		if s == from {
			break
		}
		c = viaShort[s]
		shipped[s][c] = sub(shipped[s][c], amount)
	}
	shorts[from].units, covers[to].units = sub(shorts[from].units, amount), sub(covers[to].units, amount)
}

// fits reports whether c can cover s: shares and cash always, a long option that expires no
// earlier, and of options on futures one that expires on the same day.
func fits(s, c stake, g group) bool {
	return c.strike == nil || c.expiry == s.expiry || g.secType != ledger.FutureOption && c.expiry > s.expiry
}

// price is the cash that a cover leaves to be there, per unit of the underlying: the difference of
// strikes of a long call above the short one and a long put below it, or the strike. No cover at
// all is dearer than anything.
func price(s, c stake, g group) rat {
	switch {
	case c.none:
		return whole(1_000_000_000)
	case c.cash:
		return s.strike
	case c.strike == nil:
		return new0()
	case g.right == ledger.Call:
		return most(sub(c.strike, s.strike), new0())
	}
	return most(sub(s.strike, c.strike), new0())
}

// purchases is the cash that working purchases take, in base currency: the whole price, of what is
// paid in full. One whose price nothing tells takes at least nothing, and so does one without a
// rate.
func purchases(all map[ledger.InstrumentKey]*contract) rat {
	sum := new0()
	for _, c := range all {
		if !settlesNotional(c.instrument) {
			continue
		}
		for _, p := range c.buys {
			if p.unpriced || c.rate == nil {
				continue
			}
			sum = add(sum, mul(p.quantity, p.price, unit(c.instrument), c.rate))
		}
	}
	return sum
}
