package exposure

import (
	"slices"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// uncovered is what short options on one underlying lack in cover, if everything works out for the worst.
type uncovered struct {
	calls      ledger.Decimal // shares that short calls would have to deliver
	puts       ledger.Decimal // shares that short puts would have to buy
	obligation ledger.Decimal // base currency that they would have to pay
	unrated    bool           // of which something is in a currency without a conversion rate
}

// uncovered works that out, with key's stake taken for changed, unless that is nil. It is the
// condition of a matching: for each expiry, the short ones that expire then or later are no more
// than what covers them for as long.
func (g *group) uncovered(key ledger.InstrumentKey, i *ledger.Instrument, changed *stake, units ledger.Decimal) uncovered {
	var legs []leg
	var shares, sold ledger.Decimal
	add := func(i *ledger.Instrument, s *stake, units ledger.Decimal) {
		long, short := s.sure()
		switch {
		case i.IsOption():
			legs = append(legs, leg{i, long, short, units})
		case i.SecType == ledger.Stock:
			shares = shares.Add(long)
			sold = sold.Add(num.Max(s.held.Add(s.buys).Neg(), ledger.Decimal{}))
		}
	}
	seen := false
	if g != nil {
		for _, c := range g.contracts {
			s := &c.stake
			if changed != nil && c.key == key {
				s, seen = changed, true
			}
			add(c.instrument, s, c.terms.units)
		}
	}
	if changed != nil && !seen {
		add(i, changed, units)
	}
	var u uncovered
	u.calls, _ = missing(legs, ledger.Call, shares)
	u.puts, u.obligation = missing(legs, ledger.Put, sold)
	u.unrated = u.puts.IsPos() && slices.ContainsFunc(legs, func(l leg) bool {
		return l.instrument.Right == ledger.Put && l.short.IsPos() && l.units.IsZero()
	})
	return u
}

// sure is what is long even if every sale fills, and what is short if every sale does.
func (s *stake) sure() (long, short ledger.Decimal) {
	rest := s.held.Sub(s.sells)
	if rest.IsNeg() {
		return ledger.Decimal{}, rest.Neg()
	}
	return rest, ledger.Decimal{}
}

// leg is one option of a group.
type leg struct {
	instrument  *ledger.Instrument
	long, short ledger.Decimal // contracts
	units       ledger.Decimal
}

// missing returns how many shares' worth of options of the right are short beyond their cover, and what those come
// to at their highest strike, in base currency.
func missing(legs []leg, right ledger.Right, cover ledger.Decimal) (shares, worth ledger.Decimal) {
	for _, at := range legs {
		if at.instrument.Right != right || at.short.IsZero() {
			continue
		}
		over, strike := cover.Neg(), ledger.Decimal{}
		for _, l := range legs {
			if l.instrument.Right != right || l.instrument.Expiry < at.instrument.Expiry {
				continue
			}
			over = over.Add(num.Convert(l.short.Sub(l.long), l.instrument.Multiplier))
			if !l.short.IsZero() {
				strike = num.Max(strike, num.Convert(l.instrument.Strike, num.Share(l.units, num.One, l.instrument.Multiplier)))
			}
		}
		shares = num.Max(shares, over)
		worth = num.Max(worth, num.Convert(over, strike))
	}
	return shares, worth
}

// writes reports whether any option of the group is short, or would be.
func (g *group) writes() bool {
	return g != nil && slices.ContainsFunc(g.contracts, func(c *contract) bool { return c.writes })
}

// cover is about short options: what covers them, and the cash that short puts without other cover need, which nothing
// that is working, nor this order, may spend.
func (c *Judge) cover() {
	limits, i := &c.exposure.policy.limits, &c.order.Instrument
	sells := c.order.Quantity.IsNeg()
	if limits.UncoveredOptions && limits.Account != risk.CashAccount || c.exposure.written == 0 && !(sells && i.IsOption()) {
		return
	}
	key, with, g := ledger.InstrumentKey(c.key), c.after, c.exposure.groups[c.underlying()]
	with.work(c.order.Quantity, c.order.Price, c.terms.mark)
	before, after := g.uncovered(key, i, nil, ledger.Decimal{}), g.uncovered(key, i, &with, c.terms.units)
	symbol := c.underlying().Symbol
	if after.calls.GreaterThan(before.calls) {
		c.refuse(risk.Violation{Rule: risk.RuleUncovered, Subject: symbol, Actual: after.calls, Reason: "shares that short calls lack"})
	}
	var spent ledger.Decimal
	spends := !sells && !c.decision.Reduces && i.SettlesNotional() && limits.Account != risk.CashAccount // there it is for the buying power
	if spends {
		spent = num.Convert(num.Convert(c.order.Quantity, num.Max(c.order.Price, c.terms.mark)), c.terms.units)
	}
	if spends || after.puts.GreaterThan(before.puts) || after.obligation.GreaterThan(before.obligation) {
		c.secured(g, &after, spent)
	}
}

// secured refuses an order after which the cash is not enough for all short puts.
func (c *Judge) secured(g *group, after *uncovered, spent ledger.Decimal) {
	e, puts, owed, unrated := c.exposure, after.puts, after.obligation, after.unrated || c.exposure.unrated
	for _, other := range e.groups {
		if other != g && other.writes() {
			u := other.uncovered("", nil, nil, ledger.Decimal{})
			puts, owed, unrated = puts.Add(u.puts), owed.Add(u.obligation), unrated || u.unrated
		}
	}
	free := e.balance.Sub(e.unsettled)
	if e.policy.limits.Account != risk.CashAccount {
		free = free.Sub(e.spending).Sub(spent)
	}
	switch symbol := c.underlying().Symbol; {
	case puts.IsZero():
	case unrated:
		c.refuse(risk.Violation{Rule: risk.RuleUncovered, Subject: symbol, Actual: puts, Reason: "what short puts need, or the cash for it, has no conversion rate"})
	case owed.GreaterThan(free):
		c.refuse(risk.Violation{Rule: risk.RuleUncovered, Subject: symbol, Limit: free, Actual: owed, Reason: "cash that short puts need"})
	}
}
