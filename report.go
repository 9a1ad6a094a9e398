package accounts

import (
	"cmp"
	"slices"
)

// report says where the live book stands. The caller holds the lock.
func (p *Portfolio) report() RiskReport {
	b := p.live
	m := market{base: p.base, marks: p.marks, fx: p.fx, policy: p.policyFor(b), now: p.clock()}
	e := p.weigh(b, &m)
	r := RiskReport{
		Status: m.policy.status, State: b.risk.tradingState(), Cause: b.risk.state.Cause, Reason: b.risk.state.Reason,
		Since: b.risk.state.Time, Limits: m.policy.limits.Clone(), Breaches: slices.Clone(b.risk.refused),
	}
	for _, w := range b.risk.orders {
		r.Orders = append(r.Orders, w.public())
	}
	slices.SortFunc(r.Orders, func(x, y WorkingOrder) int { return cmp.Compare(x.ID, y.ID) })
	r.Gross, r.Net = e.total.worst, e.total.high
	if e.total.low.Abs().GreaterThan(r.Net.Abs()) {
		r.Net = e.total.low
	}
	r.Margin = e.needed(&m, &e.total, e.bounds.equity)
	if !e.bounds.known || !m.policy.sound {
		return r
	}
	r.Severity, r.Drawdown, r.DayLoss = e.bounds.severity, e.bounds.drawdown(), e.bounds.lost
	r.Usage = e.usage(&r, b)
	return r
}

// usage lists the use of every limit that there is.
func (e *exposure) usage(r *RiskReport, b *Book) []Usage {
	k, l := &e.bounds, &e.policy.limits
	var out []Usage
	use := func(rule Rule, subject string, used Decimal, limit *bound) {
		if limit.set {
			out = append(out, Usage{Rule: rule, Subject: subject, Used: used, Limit: limit.at, Warning: used.IsPos() && used.GreaterThanOrEqual(limit.warn)})
		}
	}
	count := func(rule Rule, used, limit int) {
		limited := newBound(decimalOf(int64(limit)), l.WarnAt, limit > 0)
		use(rule, "", decimalOf(int64(used)), &limited)
	}
	use(RuleBuyingPower, "", r.Margin, &k.available)
	use(RuleGross, "", r.Gross, &k.gross)
	use(RuleNet, "", r.Net.Abs(), &k.net)
	use(RuleLeverage, "", r.Gross, &k.leverage)
	use(RuleDailyLoss, "", maxDecimal(r.DayLoss, Decimal{}), &k.loss)
	drawdown := newBound(l.Drawdown.Severe, l.WarnAt, true)
	use(RuleDrawdown, r.Severity.String(), r.Drawdown, &drawdown)
	count(RulePositions, len(e.list), l.OpenPositions)
	orders, trades := 0, 0
	if b.risk.day.Date >= e.today {
		orders, trades = b.risk.day.Orders, b.risk.day.Trades
	}
	count(RuleOrders, orders, l.OrdersPerDay)
	count(RuleTrades, trades, l.TradesPerDay)
	for _, key := range sortedKeys(e.contracts) {
		use(RulePosition, string(key), e.contracts[key].figures.worst, &k.position)
	}
	groups := make([]*group, 0, len(e.groups))
	for _, g := range e.groups {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(x, y *group) int { return x.key.compare(y.key) })
	for _, g := range groups {
		use(RuleUnderlying, g.key.Symbol, g.worst, &k.underlying)
	}
	for _, s := range sortedKeys(e.strategies) {
		use(RuleStrategy, s, e.strategies[s], &k.strategy)
	}
	for _, s := range sortedKeys(e.sectors) {
		use(RuleSector, s, e.sectors[s], &k.sector)
	}
	return out
}
