package rulemodel

import (
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// rule notes that the rule was examined, and whether it is broken.
func (j *question) rule(r risk.Rule, broken bool) {
	j.asked[r] = true
	if broken {
		j.broken[r] = true
	}
}

// limit examines a rule with a limit, nil for none: it is broken above the limit, and a warning
// from WarnAt of it on.
func (j *question) limit(r risk.Rule, used, limit rat) {
	if limit == nil {
		return
	}
	j.rule(r, less(limit, used))
	if !less(used, mul(limit, exact(j.limits.WarnAt))) {
		j.warned[r] = true
	}
}

// examine examines every rule.
func (j *question) examine(o risk.Order) {
	j.reduces = j.onlyReduces(o, exact(o.Quantity))
	j.permission(j.state)
	if j.reduces {
		j.uncovered(o)
		return
	}
	j.terms(o)
	j.counts(o)
	j.size(o)
	known := j.known(o)
	j.opening(o)
	j.uncovered(o)
	equity, _ := j.equity()
	if !j.broken[risk.RuleEquity] { // a loss is a loss, whether or not the order's own mark is known
		j.losses(o, equity)
	}
	if !known {
		return
	}
	j.exposures(o, equity)
	j.power(o, equity)
}

// permission: a halted profile accepts no order, a reducing one only orders that reduce; a profile
// that is not active only orders that reduce, an archived one none.
func (j *question) permission(state risk.TradingState) {
	j.rule(risk.RuleState, state == risk.TradingHalted || state == risk.TradingReducing && !j.reduces)
	j.rule(risk.RuleStatus, j.status == risk.StatusArchived || j.status != risk.StatusActive && !j.reduces)
}

// terms are the rules about what the contract is.
func (j *question) terms(o risk.Order) {
	i := o.Instrument
	expired := i.Expiry != 0 && i.Expiry < j.today()
	j.rule(risk.RuleInstrument, expired || !slices.Contains(j.limits.SecTypes, i.SecType))
	names := []string{i.Symbol}
	if isOption(i.SecType) && i.Underlying != i.Symbol {
		names = append(names, i.Underlying)
	}
	j.rule(risk.RuleSymbol, len(j.limits.AllowedSymbols) > 0 && slices.ContainsFunc(names, func(n string) bool {
		if i.SecType == ledger.FutureOption && n == i.Underlying {
			return false // which is the future's own name
		}
		return !slices.Contains(j.limits.AllowedSymbols, n)
	}))
	j.rule(risk.RuleRestricted, slices.ContainsFunc(names, func(n string) bool {
		plain := n
		if isOption(i.SecType) && n == i.Symbol {
			plain = strings.TrimRight(n, "0123456789")
		}
		return slices.Contains(j.limits.RestrictedSymbols, n) || slices.Contains(j.limits.RestrictedSymbols, plain)
	}))
}

// counts are the rules about how often.
func (j *question) counts(o risk.Order) {
	minute, day, twice := 0, 0, false
	for _, w := range j.accepted() {
		ago := j.now.Sub(w.heldAt)
		if ago < time.Minute {
			minute++
		}
		if j.dayOf(w.heldAt) == j.today() {
			day++
		}
		if ago < j.limits.DuplicateWindow && w.order.Instrument.Key() == o.Instrument.Key() &&
			w.order.Quantity.Equal(o.Quantity) && w.order.Price.Equal(o.Price) {
			twice = true
		}
	}
	trades := 0
	for _, p := range j.inForce() {
		if p.trade != nil && executed(p.trade) && j.dayOf(p.trade.Time) == j.today() {
			trades++
		}
	}
	j.rule(risk.RuleDuplicate, twice)
	count := func(r risk.Rule, n, limit int) {
		if limit > 0 {
			j.limit(r, whole(int64(n+1)), whole(int64(limit)))
		}
	}
	count(risk.RuleOrderRate, minute, j.limits.OrdersPerMinute)
	count(risk.RuleOrders, day, j.limits.OrdersPerDay)
	count(risk.RuleTrades, trades, j.limits.TradesPerDay)
}

// executed reports whether a trade was made on a market.
func executed(t *ledger.Trade) bool { return t.Kind == "" || t.Kind == ledger.Execution }

// size is the rule about the quantity of one order.
func (j *question) size(o risk.Order) {
	if !j.limits.OrderQuantity.IsZero() {
		j.rule(risk.RuleQuantity, less(exact(j.limits.OrderQuantity), size(exact(o.Quantity))))
	}
}

// known are the rules about what must be known. It reports whether it is.
func (j *question) known(o risk.Order) bool {
	price, young := j.price(o.Instrument.Key())
	j.rule(risk.RuleNoMark, price == nil || price.Sign() == 0)
	j.rule(risk.RuleStaleMark, price != nil && price.Sign() != 0 && !young)
	if o.Quantity.IsNeg() && o.Instrument.SecType == ledger.Option {
		spot, young := j.spot(o.Instrument)
		margin := j.limits.Account == risk.MarginAccount
		j.rule(risk.RuleNoMark, spot == nil && o.Instrument.Right == ledger.Call && margin)
		j.rule(risk.RuleStaleMark, spot != nil && !young)
	}
	rate, young := j.rate(o.Instrument.Currency)
	j.rule(risk.RuleNoFX, rate == nil)
	j.rule(risk.RuleStaleFX, rate != nil && !young)
	equity, fresh := j.equity()
	j.rule(risk.RuleEquity, equity == nil || !fresh || equity.Sign() <= 0 || j.oldSpot())
	return len(sortedUnknown(j.broken)) == 0
}

// oldSpot reports whether the underlying of an option that is or may be sold short has an old mark,
// on which the margin depends.
func (j *judge) oldSpot() bool { return j.old.get(j.workOutOld) }

func (j *judge) workOutOld() bool {
	all, _ := j.contracts(nil)
	for _, c := range all {
		if c.instrument.SecType == ledger.Option && less(c.held, total(c.sells)) {
			if spot, young := j.spot(c.instrument); spot != nil && !young {
				return true
			}
		}
	}
	return false
}

// sortedUnknown returns the rules among those broken that are broken by what is not known.
func sortedUnknown(broken map[risk.Rule]bool) (list []risk.Rule) {
	for _, r := range sorted(broken) {
		if unknown[r] {
			list = append(list, r)
		}
	}
	return list
}

// opening are the rules that need no valuation.
func (j *question) opening(o risk.Order) {
	all, _ := j.contracts(&o)
	c := all[o.Instrument.Key()]
	switch o.Instrument.SecType {
	case ledger.Option, ledger.FutureOption, ledger.Warrant, ledger.Future, ledger.Forex:
	default:
		allowed := j.limits.ShortSelling && j.limits.Account == risk.MarginAccount
		j.rule(risk.RuleShort, !allowed && o.Quantity.IsNeg() && less(c.held, total(c.sells)))
	}
	if j.limits.OpenPositions > 0 {
		j.limit(risk.RulePositions, whole(int64(len(all))), whole(int64(j.limits.OpenPositions)))
	}
}

// uncovered: short options must have cover. An order breaks the rule where it leaves more of them
// without cover than there were, or needs cash that is not there.
func (j *question) uncovered(o risk.Order) {
	if j.limits.UncoveredOptions && j.limits.Account == risk.MarginAccount {
		return
	}
	without, _ := j.contracts(nil)
	with, spent, told := j.filled(o)
	naked, need := j.cover(without, true)
	nakedThen, needThen := j.cover(with, true)
	j.rule(risk.RuleUncovered, less(naked, nakedThen))
	if needThen != nil && needThen.Sign() == 0 {
		return
	}
	settled := j.settled()
	taken := add(purchases(without), j.variationMargin(without))
	if !told {
		j.rule(risk.RuleNoMark, j.reduces)
		return
	}
	if unspent(without) {
		j.rule(risk.RuleNoMark, j.reduces && j.needsMore(without, with, spent))
		return
	}
	rate := with[o.Instrument.Key()].rate
	if settled == nil || rate == nil || need == nil || needThen == nil { // of an order that does not reduce, the equity says so
		j.rule(risk.RuleNoFX, j.reduces && j.needsMore(without, with, spent))
		return
	}
	cost := mul(spent, rate)
	lack := most(new0(), sub(add(need, taken), settled))
	lackThen := most(new0(), sub(add(needThen, taken, cost), settled))
	j.rule(risk.RuleUncovered, less(lack, lackThen))
}

// unspent reports whether nothing tells what a working purchase takes, or a future or CFD.
func unspent(all map[ledger.InstrumentKey]*contract) bool {
	for _, c := range all {
		unpriced := slices.ContainsFunc(c.buys, func(p piece) bool { return p.unpriced })
		switch {
		case !settlesNotional(c.instrument):
			unpriced = c.mark == nil || c.rate == nil
		case len(c.buys) > 0:
			unpriced = unpriced || c.rate == nil
		}
		if unpriced {
			return true
		}
	}
	return false
}

// variationMargin is the margin of futures and CFDs, of which all is known.
func (j *judge) variationMargin(all map[ledger.InstrumentKey]*contract) rat {
	sum := new0()
	for _, c := range all {
		if !settlesNotional(c.instrument) && c.mark != nil && c.rate != nil {
			sum = add(sum, j.initial(c))
		}
	}
	return sum
}

// needsMore reports whether short options and the order, which takes spent, need more cash with the
// order than without, whatever currencies are worth: the order changes nothing in others than its
// own.
func (j *judge) needsMore(without, with map[ledger.InstrumentKey]*contract, spent rat) bool {
	for _, all := range []map[ledger.InstrumentKey]*contract{without, with} {
		for _, c := range all {
			c.rate = whole(1)
		}
	}
	_, need := j.cover(without, true)
	_, needThen := j.cover(with, true)
	return less(need, add(needThen, spent))
}

// filled returns what is held and working once the order is filled, and the cash that it takes in
// the contract's currency. told reports whether a price tells that: the order's own, or a mark.
func (j *judge) filled(o risk.Order) (all map[ledger.InstrumentKey]*contract, cost rat, told bool) {
	all, _ = j.contracts(nil)
	j.work(all, o, exact(o.Quantity))
	c := all[o.Instrument.Key()]
	c.held = add(c.held, exact(o.Quantity))
	if o.Quantity.IsNeg() {
		c.sells = c.sells[:len(c.sells)-1]
		return all, new0(), true
	}
	last := c.buys[len(c.buys)-1]
	c.buys = c.buys[:len(c.buys)-1]
	switch {
	case !settlesNotional(o.Instrument):
		return all, new0(), true
	case last.unpriced || last.price.Sign() == 0: // a mark of zero is none against which an order can be held
		return all, nil, false
	}
	return all, mul(last.quantity, last.price, unit(c.instrument)), true
}

// losses: see risk.DrawdownLimits and Limits.DailyLoss.
func (j *question) losses(o risk.Order, equity rat) {
	severity := j.severity(equity)
	_, held := j.positions()[o.Instrument.Key()]
	j.rule(risk.RuleDrawdown, severity >= risk.SeveritySevere || severity == risk.SeverityModerate && !held)
	if severity >= risk.SeverityWarning {
		j.warned[risk.RuleDrawdown] = true
	}
	if lost, start, ok := j.dayLoss(equity); ok {
		j.limit(risk.RuleDailyLoss, lost, j.dayLimit(start))
	}
}

// exposures are the limits on what is held and working.
func (j *question) exposures(o risk.Order, equity rat) {
	all, _ := j.contracts(&o)
	c := all[o.Instrument.Key()]
	j.collar(o, c)
	j.limit(risk.RuleNotional, j.notional(o, c), bound(j.limits.OrderNotional, equity))
	j.limit(risk.RulePosition, c.worst(), bound(j.limits.PositionSize, equity))

	var sectors map[string]string
	if !j.limits.SectorExposure.IsZero() {
		sectors = j.sectors(&o)
	}
	gross, low, high := new0(), new0(), new0()
	same, sector := new0(), new0()
	mine := sectors[underlying(o.Instrument)]
	for _, c := range all {
		w := c.worst()
		gross = add(gross, w)
		l, h := c.extremes()
		low, high = add(low, l), add(high, h)
		if underlying(c.instrument) == underlying(o.Instrument) {
			same = add(same, w)
		}
		if mine != "" && sectors[underlying(c.instrument)] == mine {
			sector = add(sector, w)
		}
	}
	j.limit(risk.RuleUnderlying, same, bound(j.limits.UnderlyingSize, equity))
	j.limit(risk.RuleGross, gross, bound(j.limits.GrossExposure, equity))
	j.limit(risk.RuleNet, most(size(low), size(high)), bound(j.limits.NetExposure, equity))
	j.limit(risk.RuleLeverage, div(gross, equity), exact(j.limits.Leverage))
	if mine != "" {
		j.limit(risk.RuleSector, sector, bound(j.limits.SectorExposure, equity))
	}
	if o.Strategy != "" && !j.limits.StrategyExposure.IsZero() {
		j.limit(risk.RuleStrategy, j.strategy(o), bound(j.limits.StrategyExposure, equity))
	}
}

// collar: the distance of the order's price from the mark to the order's own disadvantage.
func (j *question) collar(o risk.Order, c *contract) {
	if o.Price.IsZero() {
		return
	}
	limit := exact(j.limits.PriceCollar)
	if isOption(o.Instrument.SecType) {
		limit = exact(j.limits.OptionCollar)
	}
	worse := sub(exact(o.Price), c.mark)
	if o.Quantity.IsNeg() {
		worse = neg(worse)
	}
	j.rule(risk.RuleCollar, less(mul(limit, size(c.mark)), worse))
}

// notional is the exposure of the order alone.
func (j *judge) notional(o risk.Order, c *contract) rat {
	p := piece{quantity: size(exact(o.Quantity)), price: exact(o.Price)}
	if o.Price.IsZero() || less(p.price, c.mark) {
		p.price = c.mark
	}
	return c.exposureOf([]piece{p}, o.Quantity.IsNeg())
}

// power: a cash account buys with settled cash, a margin account must cover margin with equity.
func (j *question) power(o risk.Order, equity rat) {
	all, _ := j.contracts(&o)
	if j.limits.Account == risk.CashAccount {
		need := new0()
		for key, c := range all {
			switch {
			case !settlesNotional(c.instrument):
				need = add(need, j.initial(c))
			case c.instrument.SecType == ledger.FutureOption: // not the strike, as other options
				taken := purchases(map[ledger.InstrumentKey]*contract{key: c})
				need = add(need, most(taken, j.shortNeed(c, nil)))
				delete(all, key)
			}
		}
		taken := purchases(all)
		_, cover := j.cover(all, true)
		need = add(need, taken, cover)
		j.limit(risk.RuleBuyingPower, need, j.settled())
		return
	}
	maintained := new0()
	for _, c := range all {
		maintained = add(maintained, j.maintenance(c))
	}
	need := j.margin(all)
	if usd, _ := j.rate("USD"); j.poor() && sellsShort(o, all[o.Instrument.Key()]) {
		need = most(need, mul(whole(2000), usd))
	}
	j.limit(risk.RuleBuyingPower, need, equity)
	switch j.policy() {
	case risk.PatternDayTrader:
		rate, _ := j.rate("USD")
		if rate == nil {
			rate = whole(1)
		}
		j.rule(risk.RuleDayTrades, less(equity, mul(whole(25000), rate)) && j.dayTrades() >= 3)
	case risk.IntradayMargin:
		j.rule(risk.RuleDayTrades, less(equity, maintained))
	}
}
