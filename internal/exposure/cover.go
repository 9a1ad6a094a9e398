package exposure

import (
	"slices"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// uncovered is the cover that short options on one underlying lack if all working orders fill in
// the worst way.
type uncovered struct {
	// calls is the number of shares that short calls would have to deliver.
	calls ledger.Decimal
	// puts is the number of shares that short puts would have to buy.
	puts ledger.Decimal
	// obligation is the money that short puts would have to pay, in base currency.
	obligation ledger.Decimal
	// unrated is true if a part of the obligation is in a currency without a conversion rate.
	unrated bool
}

// uncovered returns the cover that the group's short options lack. If changed is not nil, it takes
// the place of the stake in the contract key, whose instrument and units i and units are.
//
// Cover is a matching by expiry. For each expiry, the short options that expire then or later are
// covered by shares (short shares for puts) and by long options that expire then or later. The
// greatest excess over all expiries is what lacks cover.
func (g *group) uncovered(
	key ledger.InstrumentKey, i *ledger.Instrument, changed *stake, units ledger.Decimal,
) uncovered {
	var legs []leg
	var shares, sold ledger.Decimal
	add := func(i *ledger.Instrument, s *stake, units ledger.Decimal) {
		long, short := s.certain()
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

// leg is one option of a group.
type leg struct {
	instrument  *ledger.Instrument
	long, short ledger.Decimal // in contracts
	units       ledger.Decimal // base currency per point; zero without a conversion rate
}

// missing returns by how many shares the short options of a right exceed their cover, and the price
// of these shares at the highest strike among them, in base currency.
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
				strike = num.Max(strike, num.Convert(l.instrument.Strike,
					num.Share(l.units, num.One, l.instrument.Multiplier)))
			}
		}
		shares = num.Max(shares, over)
		worth = num.Max(worth, num.Convert(over, strike))
	}
	return shares, worth
}

// writes reports whether an option of the group is short, or would be if all working sales filled.
func (g *group) writes() bool {
	return g != nil && slices.ContainsFunc(g.contracts, func(c *contract) bool { return c.writes })
}

// cover holds the order against RuleUncovered. The order must not leave more short options without
// cover than there were. Short puts may be covered by cash, which neither working orders nor this
// order may then spend.
func (j *Judge) cover() {
	limits, i := &j.exposure.policy.limits, &j.order.Instrument
	sells := j.order.Quantity.IsNeg()
	if limits.UncoveredOptions && limits.Account != risk.CashAccount {
		return
	}
	if j.exposure.written == 0 && !(sells && i.IsOption()) {
		return
	}
	key, with, g := ledger.InstrumentKey(j.key), j.after, j.exposure.groups[j.underlying()]
	with.work(j.order.Quantity, j.order.Price, j.terms.mark)
	before, after := g.uncovered(key, i, nil, ledger.Decimal{}), g.uncovered(key, i, &with, j.terms.units)
	symbol := j.underlying().Symbol
	if after.calls.GreaterThan(before.calls) {
		j.refuse(risk.Violation{Rule: risk.RuleUncovered, Subject: symbol, Actual: after.calls,
			Reason: "shares that short calls lack"})
	}
	var spent ledger.Decimal
	// In a cash account the buying power counts what orders spend.
	spends := !sells && !j.decision.Reduces && i.SettlesNotional() &&
		limits.Account != risk.CashAccount
	if spends {
		spent = num.Convert(num.Convert(j.order.Quantity, num.Max(j.order.Price, j.terms.mark)), j.terms.units)
	}
	if spends || after.puts.GreaterThan(before.puts) || after.obligation.GreaterThan(before.obligation) {
		j.secured(g, &after, spent)
	}
}

// secured refuses an order after which the cash does not cover all short puts that lack other
// cover. spent is the cash that the order itself takes.
func (j *Judge) secured(g *group, after *uncovered, spent ledger.Decimal) {
	e, puts, owed, unrated := j.exposure, after.puts, after.obligation, after.unrated || j.exposure.unrated
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
	switch symbol := j.underlying().Symbol; {
	case puts.IsZero():
	case unrated:
		j.refuse(risk.Violation{Rule: risk.RuleUncovered, Subject: symbol, Actual: puts,
			Reason: "what short puts need, or the cash for it, has no conversion rate"})
	case owed.GreaterThan(free):
		j.refuse(risk.Violation{Rule: risk.RuleUncovered, Subject: symbol, Limit: free, Actual: owed,
			Reason: "cash that short puts need"})
	}
}
