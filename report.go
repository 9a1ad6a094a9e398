package accounts

import (
	"cmp"
	"maps"
	"slices"
)

// report says where the account stands.
func (a *account) report(m *market) RiskReport {
	e := a.weigh(m)
	r := RiskReport{
		Status: m.policy.status, State: a.risk.tradingState(), Cause: a.risk.state.Cause, Reason: a.risk.state.Reason,
		Since: a.risk.state.Time, Limits: m.policy.limits.Clone(), Breaches: slices.Clone(a.risk.refused),
	}
	for _, w := range a.risk.orders {
		r.Orders = append(r.Orders, w.public())
	}
	slices.SortFunc(r.Orders, func(x, y WorkingOrder) int { return cmp.Compare(x.ID, y.ID) })
	r.Gross, r.Net = e.total.worst, e.total.high
	if e.total.low.Abs().GreaterThan(r.Net.Abs()) {
		r.Net = e.total.low
	}
	r.Margin = e.needed(m, &e.total, e.bounds.equity)
	if !e.bounds.known || !m.policy.sound {
		return r
	}
	r.Severity, r.Drawdown, r.DayLoss = e.bounds.severity, e.bounds.drawdown(), e.bounds.lost
	r.Usage = e.usage(&r, a)
	return r
}

// usage lists the use of every limit that there is.
func (e *exposure) usage(r *RiskReport, a *account) []Usage {
	bounds, limits := &e.bounds, &e.policy.limits
	var out []Usage
	use := func(rule Rule, subject string, used Decimal, limit *bound) {
		if limit.set {
			out = append(out, Usage{Rule: rule, Subject: subject, Used: used, Limit: limit.at, Warning: used.IsPos() && used.GreaterThanOrEqual(limit.warn)})
		}
	}
	count := func(rule Rule, used, limit int) {
		limited := newBound(decimalOf(int64(limit)), limits.WarnAt, limit > 0)
		use(rule, "", decimalOf(int64(used)), &limited)
	}
	use(RuleBuyingPower, "", r.Margin, &bounds.available)
	use(RuleGross, "", r.Gross, &bounds.gross)
	use(RuleNet, "", r.Net.Abs(), &bounds.net)
	use(RuleLeverage, "", r.Gross, &bounds.leverage)
	use(RuleDailyLoss, "", maxDecimal(r.DayLoss, Decimal{}), &bounds.loss)
	drawdown := newBound(limits.Drawdown.Severe, limits.WarnAt, true)
	use(RuleDrawdown, r.Severity.String(), r.Drawdown, &drawdown)
	count(RulePositions, len(e.list), limits.OpenPositions)
	orders, trades := 0, 0
	if a.risk.day.Date >= e.today {
		orders, trades = a.risk.day.Orders, a.risk.day.Trades
	}
	count(RuleOrders, orders, limits.OrdersPerDay)
	count(RuleTrades, trades, limits.TradesPerDay)
	for _, key := range slices.Sorted(maps.Keys(e.contracts)) {
		use(RulePosition, string(key), e.contracts[key].figures.worst, &bounds.position)
	}
	groups := make([]*group, 0, len(e.groups))
	for _, g := range e.groups {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(x, y *group) int { return x.key.compare(y.key) })
	for _, g := range groups {
		use(RuleUnderlying, g.key.Symbol, g.worst, &bounds.underlying)
	}
	for _, s := range slices.Sorted(maps.Keys(e.strategies)) {
		use(RuleStrategy, s, e.strategies[s], &bounds.strategy)
	}
	for _, s := range slices.Sorted(maps.Keys(e.sectors)) {
		use(RuleSector, s, e.sectors[s], &bounds.sector)
	}
	return out
}
