package exposure

import (
	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// losses is about what was lost already.
func (c *Judge) losses() {
	bounds := &c.exposure.bounds
	if !bounds.known {
		return // priced refuses
	}
	if bounds.loss.set {
		c.bound(risk.RuleDailyLoss, "", bounds.lost, &bounds.loss)
	}
	fresh := c.contract == nil || c.contract.stake.held.IsZero()
	d := &c.exposure.policy.limits.Drawdown
	switch {
	case bounds.severity >= risk.SeveritySevere:
		c.drawdown(d.Severe, "")
	case bounds.severity == risk.SeverityModerate && fresh:
		c.drawdown(d.Moderate, "nothing new is opened")
	case bounds.severity >= risk.SeverityWarning && c.warn:
		c.decision.Warnings = append(c.decision.Warnings, risk.Violation{Rule: risk.RuleDrawdown, Subject: bounds.severity.String(), Limit: d.Severe, Actual: bounds.drawdown()})
	}
}

func (c *Judge) drawdown(limit ledger.Decimal, reason string) {
	bounds := &c.exposure.bounds
	c.refuse(risk.Violation{Rule: risk.RuleDrawdown, Subject: bounds.severity.String(), Limit: limit, Actual: bounds.drawdown(), Reason: reason})
}

// holdings is about what would be held.
func (c *Judge) holdings() {
	e, bounds := c.exposure, &c.exposure.bounds
	c.after.work(c.order.Quantity, c.order.Price, c.terms.mark)
	c.with = c.terms.figures(&c.after)
	added, total := c.with.worst.Sub(c.before.worst), e.total
	total.worst = total.worst.Add(added)
	total.initial = total.initial.Sub(c.before.initial).Add(c.with.initial)
	c.concentration(added)
	c.bound(risk.RuleGross, "", total.worst, &bounds.gross)
	c.bound(risk.RuleLeverage, "", total.worst, &bounds.leverage)
	if bounds.net.set {
		high := total.high.Sub(c.before.high).Add(c.with.high)
		low := total.low.Sub(c.before.low).Add(c.with.low)
		c.bound(risk.RuleNet, "", num.Max(high.Abs(), low.Abs()), &bounds.net)
	}
	c.bound(risk.RuleBuyingPower, "", e.needed(&c.market, &total, bounds.equity), &bounds.available)
	if !e.intraday() {
		return
	}
	if kept := total.maintenance.Sub(c.before.maintenance).Add(c.with.maintenance); kept.GreaterThan(bounds.equity) {
		c.refuse(risk.Violation{Rule: risk.RuleDayTrades, Limit: bounds.equity, Actual: kept, Reason: "maintenance margin would exceed equity"})
	}
}

// concentration is about the contract, its underlying, its sector and the order's strategy.
func (c *Judge) concentration(added ledger.Decimal) {
	e, bounds := c.exposure, &c.exposure.bounds
	var g *group
	if c.contract != nil {
		g = c.contract.group
		c.bound(risk.RulePosition, string(c.contract.key), c.with.worst, &bounds.position)
	} else {
		g = e.groups[underlyingOf(&c.order.Instrument)]
		c.boundKey(risk.RulePosition, c.with.worst, &bounds.position)
	}
	whole, sector := added, c.order.Sector
	if g != nil {
		whole = whole.Add(g.worst)
		if sector == "" {
			sector = g.sector
		}
	} else if sector == "" {
		sector = c.account.memory.sectors[underlyingOf(&c.order.Instrument)]
	}
	c.bound(risk.RuleUnderlying, c.underlying().Symbol, whole, &bounds.underlying)
	if sector != "" && bounds.sector.set {
		in := e.sectors[sector]
		if g == nil || g.sector == sector {
			in = in.Add(added)
		} else { // the underlying moves to the order's sector with all that is held of it
			in = in.Add(whole)
		}
		c.bound(risk.RuleSector, sector, in, &bounds.sector)
	}
	if c.order.Strategy != "" && bounds.strategy.set {
		c.strategy()
	}
}

// strategy is about what the order's strategy would have.
func (c *Judge) strategy() {
	var own stake
	var was ledger.Decimal
	if c.contract != nil {
		var held ledger.Decimal
		if s := c.contract.share(c.order.Strategy); s != nil {
			held, was = s.held, s.worst
		}
		own = c.contract.stakeOf(c.order.Strategy, held, c.account.memory.working[c.contract.key], c.terms.mark)
	}
	own.work(c.order.Quantity, c.order.Price, c.terms.mark)
	added := c.terms.figures(&own).worst.Sub(was)
	c.bound(risk.RuleStrategy, c.order.Strategy, c.exposure.strategies[c.order.Strategy].Add(added), &c.exposure.bounds.strategy)
}

// counts is about positions and day trades.
func (c *Judge) counts() {
	limits := &c.exposure.policy.limits
	open := len(c.exposure.list)
	if c.contract == nil {
		open++
	}
	c.number(risk.RulePositions, open, limits.OpenPositions)
	if limits.Account != risk.MarginAccount || limits.DayTrades(c.exposure.today) != risk.PatternDayTrader {
		return
	}
	made := c.account.memory.dayTradesSince(c.exposure.window)
	if made < 3 {
		return
	}
	if least, ok := c.market.usd(leastDayTrader); !ok || c.exposure.bounds.equity.LessThan(least) {
		c.refuse(risk.Violation{Rule: risk.RuleDayTrades, Limit: num.Int(3), Actual: num.Int(int64(made)), Reason: "day trades within five business days"})
	}
}
