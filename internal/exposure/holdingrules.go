package exposure

import (
	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// losses holds the order against the day's loss and the drawdown.
func (j *Judge) losses() {
	bounds := &j.exposure.bounds
	if !j.told || !bounds.equity.IsPos() {
		return // priced refuses: what is not known is no loss
	}
	if bounds.loss.set {
		j.bound(risk.RuleDailyLoss, "", bounds.lost, &bounds.loss)
	}
	fresh := j.contract == nil || j.contract.stake.held.IsZero()
	d := &j.exposure.policy.limits.Drawdown
	switch {
	case bounds.severity >= risk.SeveritySevere:
		j.drawdown(d.Severe, "")
	case bounds.severity == risk.SeverityModerate && fresh:
		j.drawdown(d.Moderate, "nothing new is opened")
	case bounds.severity >= risk.SeverityWarning:
		j.decision.Warnings = append(j.decision.Warnings, risk.Violation{Rule: risk.RuleDrawdown,
			Subject: bounds.severity.String(), Limit: d.Severe, Actual: bounds.drawdown()})
	}
}

// drawdown refuses the order because of the drawdown.
func (j *Judge) drawdown(limit ledger.Decimal, reason string) {
	bounds := &j.exposure.bounds
	j.refuse(risk.Violation{Rule: risk.RuleDrawdown, Subject: bounds.severity.String(), Limit: limit,
		Actual: bounds.drawdown(), Reason: reason})
}

// positions holds the number of positions against its limit.
func (j *Judge) positions() {
	open := len(j.exposure.list)
	if j.contract == nil {
		open++
	}
	j.number(risk.RulePositions, open, &j.exposure.policy.positions)
}

// dayTrades holds the number of day trades against its limit.
func (j *Judge) dayTrades() {
	limits := &j.exposure.policy.limits
	if limits.Account != risk.MarginAccount || limits.DayTrades(j.exposure.today) != risk.PatternDayTrader {
		return
	}
	made := j.account.memory.dayTradesSince(j.exposure.window)
	if made < 3 {
		return
	}
	if least, ok := j.market.usd(leastDayTrader); !ok || j.exposure.bounds.equity.LessThan(least) {
		j.refuse(risk.Violation{Rule: risk.RuleDayTrades, Limit: num.Int(3), Actual: num.Int(int64(made)),
			Reason: "day trades within five business days"})
	}
}

// holdings holds the positions that the order would lead to against the limits on exposure and
// margin. A security is not sold short with less than 2,000 USD of equity: FINRA rule 4210(b)(4)
// takes less for the price of a purchase alone.
func (j *Judge) holdings() {
	e, bounds := j.exposure, &j.exposure.bounds
	short := j.sellsShort()
	j.after.work(j.order.Quantity, j.order.Price, j.terms.mark)
	j.with = j.terms.figures(&j.after)
	added, total := j.with.worst.Sub(j.before.worst), e.total
	total.worst = total.worst.Add(added)
	total.initial = total.initial.Sub(j.before.initial).Add(j.with.initial)
	j.concentration(added)
	j.bound(risk.RuleGross, "", total.worst, &bounds.gross)
	j.bound(risk.RuleLeverage, "", total.worst, &bounds.leverage)
	if bounds.net.set {
		high := total.high.Sub(j.before.high).Add(j.with.high)
		low := total.low.Sub(j.before.low).Add(j.with.low)
		j.bound(risk.RuleNet, "", num.Max(high.Abs(), low.Abs()), &bounds.net)
	}
	needed := e.needed(&j.market, &total, bounds.equity).Add(j.owes())
	if short {
		if least, poor := e.poor(&j.market, bounds.equity); poor {
			needed = num.Max(needed, least)
		}
	}
	j.bound(risk.RuleBuyingPower, "", needed, &bounds.available)
	if !e.intraday() {
		return
	}
	if kept := total.maintenance.Sub(j.before.maintenance).Add(j.with.maintenance); kept.GreaterThan(bounds.equity) {
		j.refuse(risk.Violation{Rule: risk.RuleDayTrades, Limit: bounds.equity, Actual: kept,
			Reason: "maintenance margin would exceed equity"})
	}
}

// concentration holds the contract, its underlying, its sector and the order's strategy against
// their limits. added is the exposure that the order adds.
func (j *Judge) concentration(added ledger.Decimal) {
	e, bounds := j.exposure, &j.exposure.bounds
	g := j.group
	if j.contract != nil {
		j.bound(risk.RulePosition, string(j.contract.key), j.with.worst, &bounds.position)
	} else {
		j.boundKey(risk.RulePosition, j.with.worst, &bounds.position)
	}
	whole, sector := added, j.order.Sector
	if g != nil {
		whole = whole.Add(g.worst)
		if sector == "" {
			sector = g.sector
		}
	} else if sector == "" {
		sector = j.account.memory.sectors[underlyingOf(&j.order.Instrument)]
	}
	j.bound(risk.RuleUnderlying, j.underlying().Symbol, whole, &bounds.underlying)
	if sector != "" && bounds.sector.set {
		in := e.sectors[sector]
		if g == nil || g.sector == sector {
			in = in.Add(added)
		} else { // the underlying moves to the order's sector with all that is held of it
			in = in.Add(whole)
		}
		j.bound(risk.RuleSector, sector, in, &bounds.sector)
	}
	if j.order.Strategy != "" && bounds.strategy.set {
		j.strategy()
	}
}

// strategy holds the exposure that the order's strategy would have against its limit.
func (j *Judge) strategy() {
	var own stake
	var was ledger.Decimal
	if j.contract != nil {
		var held ledger.Decimal
		if s := j.contract.share(j.order.Strategy); s != nil {
			held, was = s.held, s.worst
		}
		own = j.contract.stakeOf(j.order.Strategy, held, j.account.memory.working[j.contract.key], j.terms.mark)
	}
	own.work(j.order.Quantity, j.order.Price, j.terms.mark)
	added := j.terms.figures(&own).worst.Sub(was)
	j.bound(risk.RuleStrategy, j.order.Strategy, j.exposure.strategies[j.order.Strategy].Add(added),
		&j.exposure.bounds.strategy)
}
