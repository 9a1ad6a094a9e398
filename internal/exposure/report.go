package exposure

import (
	"cmp"
	"maps"
	"slices"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Report returns where the account stands against its limits at the market.
func (a *Account) Report(m *Market) risk.Report {
	e := a.weigh(m)
	r := risk.Report{
		Status: m.Policy.status, State: a.memory.tradingState(), Cause: a.memory.state.Cause,
		Reason: a.memory.state.Reason, Since: a.memory.state.Time, Limits: m.Policy.limits.Clone(),
		Breaches: slices.Clone(a.memory.refused),
	}
	for _, w := range a.memory.orders {
		r.Orders = append(r.Orders, w.public())
	}
	slices.SortFunc(r.Orders, func(x, y risk.WorkingOrder) int { return cmp.Compare(x.ID, y.ID) })
	r.Gross, r.Net = e.total.worst, e.total.high
	if e.total.low.Abs().GreaterThan(r.Net.Abs()) {
		r.Net = e.total.low
	}
	r.Margin = e.needed(m, &e.total, e.bounds.equity)
	if !e.bounds.known || !m.Policy.sound {
		return r
	}
	r.Severity, r.Drawdown, r.DayLoss = e.bounds.severity, e.bounds.drawdown(), e.bounds.lost
	r.Usage = e.usage(&r, a)
	return r
}

// usage returns the use of every limit that is set.
func (e *exposure) usage(r *risk.Report, a *Account) []risk.Usage {
	bounds, limits := &e.bounds, &e.policy.limits
	var out []risk.Usage
	use := func(rule risk.Rule, subject string, used ledger.Decimal, limit *bound) {
		if limit.set {
			out = append(out, risk.Usage{Rule: rule, Subject: subject, Used: used, Limit: limit.at,
				Warning: used.IsPos() && used.GreaterThanOrEqual(limit.warn)})
		}
	}
	count := func(rule risk.Rule, used, limit int) {
		limited := newBound(num.Int(int64(limit)), limits.WarnAt, limit > 0)
		use(rule, "", num.Int(int64(used)), &limited)
	}
	use(risk.RuleBuyingPower, "", r.Margin, &bounds.available)
	use(risk.RuleGross, "", r.Gross, &bounds.gross)
	use(risk.RuleNet, "", r.Net.Abs(), &bounds.net)
	use(risk.RuleLeverage, "", r.Gross, &bounds.leverage)
	use(risk.RuleDailyLoss, "", num.Max(r.DayLoss, ledger.Decimal{}), &bounds.loss)
	drawdown := newBound(limits.Drawdown.Severe, limits.WarnAt, true)
	use(risk.RuleDrawdown, r.Severity.String(), r.Drawdown, &drawdown)
	count(risk.RulePositions, len(e.list), limits.OpenPositions)
	orders, trades := 0, 0
	if a.memory.day.Date >= e.today {
		orders, trades = a.memory.day.Orders, a.memory.day.Trades
	}
	count(risk.RuleOrders, orders, limits.OrdersPerDay)
	count(risk.RuleTrades, trades, limits.TradesPerDay)
	for _, key := range slices.Sorted(maps.Keys(e.contracts)) {
		use(risk.RulePosition, string(key), e.contracts[key].figures.worst, &bounds.position)
	}
	groups := make([]*group, 0, len(e.groups))
	for _, g := range e.groups {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(x, y *group) int { return x.key.compare(y.key) })
	for _, g := range groups {
		use(risk.RuleUnderlying, g.key.Symbol, g.worst, &bounds.underlying)
	}
	for _, s := range slices.Sorted(maps.Keys(e.strategies)) {
		use(risk.RuleStrategy, s, e.strategies[s], &bounds.strategy)
	}
	for _, s := range slices.Sorted(maps.Keys(e.sectors)) {
		use(risk.RuleSector, s, e.sectors[s], &bounds.sector)
	}
	return out
}
