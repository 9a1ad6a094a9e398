package exposure

import (
	"slices"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// need returns what the group's short options need if all working orders fill in the worst way.
func (e *exposure) need(g *group) need {
	if !g.writes() {
		return need{}
	}
	if !g.needed {
		m := &e.matching
		m.clear()
		for _, c := range g.contracts {
			m.add(g.key, c.instrument, &c.stake)
		}
		g.need, g.needed = m.solve(), true
	}
	return g.need
}

// need is exposure.need for the group of the order once the order has filled. A sale that does not
// fill leaves more cover, and one purchase in part needs no more than none or all of it.
func (j *Judge) need(g *group) need {
	with := j.after
	if j.order.Quantity.IsNeg() {
		with.work(j.order.Quantity, j.order.Price, j.terms.mark)
	} else {
		with.held = with.held.Add(j.order.Quantity)
	}
	return j.needWith(g, &with)
}

// needWith is exposure.need for the group of the order with another stake in the order's contract.
func (j *Judge) needWith(g *group, with *stake) need {
	m := &j.exposure.matching
	m.clear()
	if g != nil {
		for _, c := range g.contracts {
			if c != j.contract {
				m.add(g.key, c.instrument, &c.stake)
			}
		}
	}
	m.add(j.underlying(), &j.order.Instrument, with)
	return m.solve()
}

// writes reports whether an option of the group is short, or would be if all working sales filled.
func (g *group) writes() bool {
	return g != nil && slices.ContainsFunc(g.contracts, func(c *contract) bool { return c.writes })
}

// cover holds the order against RuleUncovered. The order must not leave more short calls without
// cover than there were, and must not make cash fall short of what short options need.
func (j *Judge) cover() {
	limits, i := &j.exposure.policy.limits, &j.order.Instrument
	writes := j.order.Quantity.IsNeg() && i.IsOption()
	if limits.UncoveredOptions && limits.Account != risk.CashAccount || j.exposure.written == 0 && !writes {
		return
	}
	var before, after need
	g := j.group
	if writes || g.writes() {
		before, after = j.exposure.need(g), j.need(g)
	}
	if after.calls.GreaterThan(before.calls) {
		j.refuse(risk.Violation{Rule: risk.RuleUncovered, Subject: j.underlying().Symbol, Actual: after.calls,
			Reason: "shares that short calls lack"})
	}
	spent, known := j.spends()
	if !known || after.money.Add(spent).GreaterThan(before.money) {
		j.secured(g, &after, spent, known)
	}
}

// spends returns the cash that the order takes, in the currency of its contract; false if that is
// not known.
func (j *Judge) spends() (spent ledger.Decimal, known bool) {
	o := &j.order
	if o.Quantity.IsNeg() || !o.Instrument.SettlesNotional() {
		return spent, true
	}
	price := num.Max(o.Price, j.terms.mark)
	return num.Convert(num.Convert(o.Quantity, price), o.Instrument.Multiplier), price.IsPos()
}

// owed returns the cash that short options need in a cash account, in base currency: the strike of
// puts, and of spreads the difference of the strikes. Options on futures need their margin instead.
func (e *exposure) owed(m *Market) (sum ledger.Decimal) {
	if e.policy.limits.Account != risk.CashAccount || e.written == 0 {
		return sum
	}
	for _, g := range e.groups {
		if !g.key.Futures {
			rate, _, _ := m.Rate(g.key.Currency)
			sum = sum.Add(num.Convert(e.need(g).money, rate))
		}
	}
	return sum
}

// owes returns what the order, which j.after counts as working, adds to owed.
func (j *Judge) owes() (more ledger.Decimal) {
	g, writes := j.group, j.order.Quantity.IsNeg() && j.order.Instrument.IsOption()
	if j.exposure.policy.limits.Account != risk.CashAccount || !writes && !g.writes() || j.underlying().Futures {
		return more
	}
	return num.Convert(j.needWith(g, &j.after).money.Sub(j.exposure.need(g).money), j.terms.rate)
}

// secured refuses an order after which the cash is less than all short options need. spent is the
// cash that the order itself takes, in the currency of its contract.
func (j *Judge) secured(g *group, after *need, spent ledger.Decimal, known bool) {
	e := j.exposure
	needs, unrated := !after.money.IsZero(), e.unrated || e.unratedSales
	count := func(money ledger.Decimal, c ledger.Currency) ledger.Decimal {
		rate, _, ok := j.market.Rate(c)
		unrated = unrated || !ok && !money.IsZero()
		return num.Convert(money, rate)
	}
	owed := count(after.money, j.order.Instrument.Currency)
	for _, other := range e.groups {
		if other != g {
			n := e.need(other)
			needs, owed = needs || !n.money.IsZero(), owed.Add(count(n.money, other.key.Currency))
		}
	}
	free := e.settled().Sub(e.spending).Sub(e.margins).Sub(count(spent, j.order.Instrument.Currency))
	switch symbol := j.underlying().Symbol; {
	case !needs:
	case !known:
		if j.decision.Reduces { // of any other order priced says so
			j.refuse(risk.Violation{Rule: risk.RuleNoMark, Subject: string(j.key),
				Reason: "no mark to tell what the order takes of the cash that short options need"})
		}
	case e.unspent > 0:
		if j.decision.Reduces { // of any other order priced says so
			j.refuse(risk.Violation{Rule: risk.RuleNoMark, Subject: e.lacking(),
				Reason: "nothing tells what working orders and futures take of the cash that short options need"})
		}
	case unrated:
		if !j.decision.Reduces { // priced says so
			break
		}
		j.refuse(risk.Violation{Rule: risk.RuleNoFX, Subject: symbol,
			Reason: "what short options need, or the cash for it, has no conversion rate"})
	case owed.GreaterThan(free):
		j.refuse(risk.Violation{Rule: risk.RuleUncovered, Subject: symbol, Limit: free, Actual: owed,
			Reason: "cash that short options need"})
	}
}
