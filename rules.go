package accounts

import (
	"fmt"
	"slices"
	"time"
)

// check holds one order against a book. A portfolio has one, which is used again and again: on the
// stack it would not stay.
type check struct {
	account  *account
	exposure *exposure
	market   market
	order    Order  // with the instrument's defaults
	key      []byte // its instrument's, in buffer
	buffer   [160]byte

	contract     *contract // what is held and working of the order's contract; nil for nothing
	terms        terms     // of the order's contract
	markedAt     time.Time // the mark's time
	after        stake     // with the order
	before, with figures   // the contract's without and with the order
	warn         bool      // collect warnings
	decision     Decision
}

// check says whether an order would be accepted in an account at a market. The order need not be normalized. One that
// is working already is allowed. It allocates nothing for an order that is allowed.
func (c *check) check(a *account, m market, o *Order) Decision {
	c.order = *o
	if err := c.order.examine(); err != nil {
		return Decision{OrderID: o.ID, Violations: []Violation{{Rule: RuleInvalid, Reason: err.Error()}}}
	}
	if held := a.order(o.ID); held != nil && held.same(&c.order) {
		return Decision{OrderID: o.ID, Allowed: true}
	}
	return c.decide(a, m, false)
}

// judge decides about a normalized order in an account at a market, with warnings or without.
func (c *check) judge(a *account, m market, o *Order, warn bool) Decision {
	c.order = *o
	return c.decide(a, m, warn)
}

func (c *check) decide(a *account, m market, warn bool) Decision {
	c.locate(a, m)
	c.warn = warn
	c.setReduces()
	c.trading()
	c.cover()
	switch {
	case c.decision.Reduces:
	case !c.exposure.policy.sound:
		c.refuse(Violation{Rule: RuleNoLimits, Reason: "the profile's limits are not valid"})
	default:
		c.permitted()
		c.sending()
		c.losses()
		if c.priced() {
			c.counts()
			if c.sizes() {
				c.holdings()
			}
		}
	}
	c.decision.Allowed = len(c.decision.Violations) == 0
	return c.decision
}

// locate finds what the order in c.order meets in a book.
func (c *check) locate(a *account, m market) {
	c.market = m
	c.account, c.exposure = a, a.weigh(&c.market)
	c.key = c.order.Instrument.appendKey(c.buffer[:0])
	c.decision = Decision{OrderID: c.order.ID}
	c.contract, c.after, c.before = c.exposure.contracts[InstrumentKey(c.key)], stake{}, figures{}
	if c.contract != nil {
		c.terms, c.markedAt, c.after, c.before = c.contract.terms, c.contract.at, c.contract.stake, c.contract.figures
		return
	}
	mark := c.market.Marks[InstrumentKey(c.key)]
	c.terms, c.markedAt = termsOf(&c.market, c.exposure.policy, &c.order.Instrument, mark.Price, c.exposure.today), mark.Time
}

// underlying is that of the contract as it is held or working: an order may leave it out.
func (c *check) underlying() underlyingKey {
	if c.contract != nil {
		return c.contract.group.key
	}
	return underlyingOf(&c.order.Instrument)
}

func (c *check) refuse(v Violation) { c.decision.Violations = append(c.decision.Violations, v) }

// bound holds an actual value against a limit: at the limit it is allowed.
func (c *check) bound(rule Rule, subject string, actual Decimal, limit *bound) {
	switch {
	case !limit.set:
	case actual.GreaterThan(limit.at):
		c.refuse(Violation{Rule: rule, Subject: subject, Limit: limit.at, Actual: actual})
	case c.warn && actual.GreaterThanOrEqual(limit.warn) && actual.IsPos():
		c.decision.Warnings = append(c.decision.Warnings, Violation{Rule: rule, Subject: subject, Limit: limit.at, Actual: actual})
	}
}

// number is bound for a count.
func (c *check) number(rule Rule, actual, limit int) {
	if limit > 0 && (actual > limit || c.warn) {
		c.bound(rule, "", decimalOf(int64(actual)), &bound{at: decimalOf(int64(limit)),
			warn: convert(decimalOf(int64(limit)), c.exposure.policy.limits.WarnAt), set: true})
	}
}

// setReduces tells whether the order only reduces.
func (c *check) setReduces() {
	held := c.after.held
	same := c.after.buys
	if c.order.Quantity.IsNeg() {
		same = c.after.sells
	}
	c.decision.Reduces = !held.IsZero() && held.IsNeg() != c.order.Quantity.IsNeg() &&
		!same.Add(c.order.Quantity.Abs()).GreaterThan(held.Abs())
}

// trading is about the profile as a whole.
func (c *check) trading() {
	state := c.account.risk.tradingState()
	if state == TradingHalted || state == TradingReducing && !c.decision.Reduces {
		c.refuse(Violation{Rule: RuleState, Reason: fmt.Sprintf("trading is %s: %s", state, c.account.risk.state.Reason)})
	}
	status := c.exposure.policy.status
	if status == StatusArchived || status != StatusActive && !c.decision.Reduces {
		c.refuse(Violation{Rule: RuleStatus, Reason: fmt.Sprintf("the profile is %s", status)})
	}
}

// permitted is about what may be traded at all.
func (c *check) permitted() {
	limits, i := &c.exposure.policy.limits, &c.order.Instrument
	if !slices.Contains(limits.SecTypes, i.SecType) {
		c.refuse(Violation{Rule: RuleInstrument, Subject: string(i.SecType), Reason: "not permitted"})
	}
	if i.Expiry != 0 && i.Expiry < c.exposure.today {
		c.refuse(Violation{Rule: RuleInstrument, Subject: string(c.key), Reason: "expired on " + i.Expiry.String()})
	}
	symbol := c.underlying().Symbol
	if len(limits.AllowedSymbols) > 0 && !slices.Contains(limits.AllowedSymbols, symbol) {
		c.refuse(Violation{Rule: RuleSymbol, Subject: symbol, Reason: "not among the allowed symbols"})
	}
	if slices.Contains(limits.RestrictedSymbols, symbol) {
		c.refuse(Violation{Rule: RuleRestricted, Subject: symbol, Reason: "restricted"})
	}
	// A currency pair is exchanged, and a future is as easily sold as bought.
	if c.order.Quantity.IsNeg() && (!limits.ShortSelling || limits.Account == CashAccount) && !i.deliverable() && i.SecType != Future && i.SecType != Forex {
		if short := c.after.sells.Sub(c.after.held).Sub(c.order.Quantity); short.IsPos() {
			c.refuse(Violation{Rule: RuleShort, Subject: string(c.key), Actual: short, Reason: "would be sold short"})
		}
	}
}

// sending is about how often orders leave.
func (c *check) sending() {
	limits, r, now := &c.exposure.policy.limits, &c.account.risk, c.market.now
	for i := len(r.recent) - 1; i >= 0 && now.Sub(r.recent[i].Time) < limits.DuplicateWindow; i-- {
		s := &r.recent[i]
		if string(s.Key) == string(c.key) && s.Quantity.Equal(c.order.Quantity) && s.Price.Equal(c.order.Price) {
			c.refuse(Violation{Rule: RuleDuplicate, Subject: string(c.key),
				Reason: fmt.Sprintf("the same order was accepted %s ago", now.Sub(s.Time))})
			break
		}
	}
	if n := limits.OrdersPerMinute; n > 0 && (len(r.recent) >= n || c.warn) {
		aMinuteAgo := now.Add(-time.Minute)
		old, _ := slices.BinarySearchFunc(r.recent, aMinuteAgo, func(s sent, t time.Time) int {
			if s.Time.After(t) {
				return 1
			}
			return -1
		})
		c.number(RuleRate, len(r.recent)-old+1, n)
	}
	orders, trades := 0, 0
	if r.day.Date >= c.exposure.today {
		orders, trades = r.day.Orders, r.day.Trades
	}
	c.number(RuleOrders, orders+1, limits.OrdersPerDay)
	c.number(RuleTrades, trades+1, limits.TradesPerDay)
}

// losses is about what was lost already.
func (c *check) losses() {
	bounds := &c.exposure.bounds
	if !bounds.known {
		return // priced refuses
	}
	if bounds.loss.set {
		c.bound(RuleDailyLoss, "", bounds.lost, &bounds.loss)
	}
	fresh := c.contract == nil || c.contract.stake.held.IsZero()
	d := &c.exposure.policy.limits.Drawdown
	switch {
	case bounds.severity >= SeveritySevere:
		c.drawdown(d.Severe, "")
	case bounds.severity == SeverityModerate && fresh:
		c.drawdown(d.Moderate, "nothing new is opened")
	case bounds.severity >= SeverityWarning && c.warn:
		c.decision.Warnings = append(c.decision.Warnings, Violation{Rule: RuleDrawdown, Subject: bounds.severity.String(), Limit: d.Severe, Actual: bounds.drawdown()})
	}
}

func (c *check) drawdown(limit Decimal, reason string) {
	bounds := &c.exposure.bounds
	c.refuse(Violation{Rule: RuleDrawdown, Subject: bounds.severity.String(), Limit: limit, Actual: bounds.drawdown(), Reason: reason})
}

// drawdown is the fraction lost from the high-water mark.
func (b *bounds) drawdown() Decimal {
	if !b.high.IsPos() || !b.high.GreaterThan(b.equity) {
		return Decimal{}
	}
	return share(b.high.Sub(b.equity), one, b.high).RoundBank(6)
}

// priced reports whether everything that figures are made of is known and recent.
func (c *check) priced() bool {
	limits, n := &c.exposure.policy.limits, len(c.decision.Violations)
	now, e := c.market.now, c.exposure
	switch {
	case c.markedAt.IsZero():
		c.refuse(Violation{Rule: RuleNoMark, Subject: string(c.key), Reason: "no mark"})
	case c.terms.mark.IsZero():
		c.refuse(Violation{Rule: RuleNoMark, Subject: string(c.key), Reason: "the mark is zero"})
	case now.Sub(c.markedAt) > limits.MarkAge:
		c.refuse(Violation{Rule: RuleStaleMark, Subject: string(c.key), Reason: fmt.Sprintf("the mark is %s old", now.Sub(c.markedAt))})
	case c.order.Quantity.IsNeg() && c.terms.instrument.deliverable() && c.terms.underlying.IsPos() && now.Sub(c.terms.underlyingAt) > limits.MarkAge:
		c.refuse(Violation{Rule: RuleStaleMark, Subject: c.underlying().Symbol, Reason: fmt.Sprintf("the mark is %s old", now.Sub(c.terms.underlyingAt))})
	}
	if c.terms.units.IsZero() {
		c.refuse(Violation{Rule: RuleNoRate, Subject: string(c.order.Instrument.Currency), Reason: "no conversion rate"})
	} else if currency := c.order.Instrument.Currency; currency != c.market.Base && now.Sub(c.market.Rates[currency].Time) > limits.RateAge {
		c.refuse(Violation{Rule: RuleStaleRate, Subject: string(currency), Reason: fmt.Sprintf("the rate is %s old", now.Sub(c.market.Rates[currency].Time))})
	}
	switch {
	case !e.bounds.known:
		c.refuse(Violation{Rule: RuleEquity, Subject: e.lacking(), Reason: "no mark or conversion rate"})
	case !e.oldest.IsZero() && now.Sub(e.oldest) > limits.MarkAge:
		c.refuse(Violation{Rule: RuleEquity, Subject: e.oldestMark(), Reason: fmt.Sprintf("its mark is %s old", now.Sub(e.oldest))})
	case !e.rates.IsZero() && now.Sub(e.rates) > limits.RateAge:
		c.refuse(Violation{Rule: RuleEquity, Reason: fmt.Sprintf("a conversion rate is %s old", now.Sub(e.rates))})
	case !e.cashRates.IsZero() && now.Sub(e.cashRates) > limits.RateAge:
		c.refuse(Violation{Rule: RuleEquity, Subject: "cash", Reason: fmt.Sprintf("its conversion rate is %s old", now.Sub(e.cashRates))})
	case !e.bounds.equity.IsPos():
		c.refuse(Violation{Rule: RuleEquity, Actual: e.bounds.equity, Reason: "equity is not positive"})
	}
	return len(c.decision.Violations) == n
}

// lacking names a contract without a mark or a rate; empty if it is the cash that cannot be converted.
func (e *exposure) lacking() string {
	var keys []InstrumentKey
	for _, c := range e.list {
		if !c.known {
			keys = append(keys, c.key)
		}
	}
	if len(keys) == 0 {
		return "cash"
	}
	return string(slices.Min(keys))
}

func (e *exposure) oldestMark() string {
	for _, c := range e.list {
		if c.known && c.at.Equal(e.oldest) {
			return string(c.key)
		}
		if c.known && c.margined() && c.terms.underlyingAt.Equal(e.oldest) {
			return c.instrument.Underlying
		}
	}
	return ""
}

// sizes is about the order itself. It reports whether it takes a closer look to tell what the order does to the
// limits on what is held: one that is smaller than what the tightest of them leaves is within all.
func (c *check) sizes() bool {
	limits, o, bounds := &c.exposure.policy.limits, &c.order, &c.exposure.bounds
	size := o.Quantity.Abs()
	if !limits.OrderQuantity.IsZero() && size.GreaterThan(limits.OrderQuantity) {
		c.refuse(Violation{Rule: RuleQuantity, Limit: limits.OrderQuantity, Actual: size})
	}
	if !o.Price.IsZero() {
		c.collar()
	}
	price := maxDecimal(o.Price.Abs(), c.terms.mark.Abs())
	writes := o.Quantity.IsNeg() && o.Instrument.deliverable()
	if writes {
		price = o.Instrument.Strike
	}
	notional := convert(convert(size, price), c.terms.units)
	c.bound(RuleNotional, "", notional, &bounds.notional)
	flips := c.contract != nil && !c.contract.stake.held.IsZero() && c.contract.stake.held.IsNeg() != o.Quantity.IsNeg()
	if c.warn || writes || flips || bounds.sector.set && c.moves() || notional.GreaterThan(c.exposure.tightest(&c.market)) {
		return true
	}
	return c.contract != nil && bounds.position.set && c.before.worst.Add(notional).GreaterThan(bounds.position.at)
}

// moves reports whether the order takes its underlying, with all that is held of it, to another sector.
func (c *check) moves() bool {
	if c.order.Sector == "" {
		return false
	}
	g := c.exposure.groups[c.underlying()]
	return g != nil && g.sector != c.order.Sector
}

// collar refuses a price that is far from the mark to the order's own disadvantage.
func (c *check) collar() {
	collar := c.exposure.policy.limits.PriceCollar
	if c.order.Instrument.deliverable() {
		collar = c.exposure.policy.limits.OptionCollar
	}
	room := convert(c.terms.mark.Abs(), collar)
	limit := c.terms.mark.Add(room)
	if c.order.Quantity.IsNeg() {
		limit = c.terms.mark.Sub(room)
		if !c.order.Price.LessThan(limit) {
			return
		}
	} else if !c.order.Price.GreaterThan(limit) {
		return
	}
	c.refuse(Violation{Rule: RuleCollar, Subject: string(c.key), Limit: limit, Actual: c.order.Price})
}

// holdings is about what would be held.
func (c *check) holdings() {
	e, bounds := c.exposure, &c.exposure.bounds
	c.after.work(c.order.Quantity, c.order.Price, c.terms.mark)
	c.with = c.terms.figures(&c.after)
	added, total := c.with.worst.Sub(c.before.worst), e.total
	total.worst = total.worst.Add(added)
	total.initial = total.initial.Sub(c.before.initial).Add(c.with.initial)
	c.concentration(added)
	c.bound(RuleGross, "", total.worst, &bounds.gross)
	c.bound(RuleLeverage, "", total.worst, &bounds.leverage)
	if bounds.net.set {
		high := total.high.Sub(c.before.high).Add(c.with.high)
		low := total.low.Sub(c.before.low).Add(c.with.low)
		c.bound(RuleNet, "", maxDecimal(high.Abs(), low.Abs()), &bounds.net)
	}
	c.bound(RuleBuyingPower, "", e.needed(&c.market, &total, bounds.equity), &bounds.available)
	if !e.intraday() {
		return
	}
	if kept := total.maintenance.Sub(c.before.maintenance).Add(c.with.maintenance); kept.GreaterThan(bounds.equity) {
		c.refuse(Violation{Rule: RuleDayTrades, Limit: bounds.equity, Actual: kept, Reason: "maintenance margin would exceed equity"})
	}
}

// concentration is about the contract, its underlying, its sector and the order's strategy.
func (c *check) concentration(added Decimal) {
	e, bounds := c.exposure, &c.exposure.bounds
	var g *group
	if c.contract != nil {
		g = c.contract.group
		c.bound(RulePosition, string(c.contract.key), c.with.worst, &bounds.position)
	} else {
		g = e.groups[underlyingOf(&c.order.Instrument)]
		c.boundKey(RulePosition, c.with.worst, &bounds.position)
	}
	whole, sector := added, c.order.Sector
	if g != nil {
		whole = whole.Add(g.worst)
		if sector == "" {
			sector = g.sector
		}
	} else if sector == "" {
		sector = c.account.risk.sectors[underlyingOf(&c.order.Instrument)]
	}
	c.bound(RuleUnderlying, c.underlying().Symbol, whole, &bounds.underlying)
	if sector != "" && bounds.sector.set {
		in := e.sectors[sector]
		if g == nil || g.sector == sector {
			in = in.Add(added)
		} else { // the underlying moves to the order's sector with all that is held of it
			in = in.Add(whole)
		}
		c.bound(RuleSector, sector, in, &bounds.sector)
	}
	if c.order.Strategy != "" && bounds.strategy.set {
		c.strategy()
	}
}

// boundKey is bound with the order's contract as its subject.
func (c *check) boundKey(rule Rule, actual Decimal, limit *bound) {
	if limit.set && (actual.GreaterThan(limit.at) || c.warn) {
		c.bound(rule, string(c.key), actual, limit)
	}
}

// strategy is about what the order's strategy would have.
func (c *check) strategy() {
	var own stake
	var was Decimal
	if c.contract != nil {
		var held Decimal
		if s := c.contract.share(c.order.Strategy); s != nil {
			held, was = s.held, s.worst
		}
		own = c.contract.stakeOf(c.order.Strategy, held, c.account.risk.working[c.contract.key], c.terms.mark)
	}
	own.work(c.order.Quantity, c.order.Price, c.terms.mark)
	added := c.terms.figures(&own).worst.Sub(was)
	c.bound(RuleStrategy, c.order.Strategy, c.exposure.strategies[c.order.Strategy].Add(added), &c.exposure.bounds.strategy)
}

// usd returns an amount of dollars in base currency; false if there is no rate.
func (m *market) usd(amount Decimal) (Decimal, bool) {
	rate, _, ok := m.Rate("USD")
	return convert(amount, rate), ok
}

var (
	leastMargin    = decimalOf(2_000)  // equity below which nothing is lent (FINRA rule 4210(b)), USD
	leastDayTrader = decimalOf(25_000) // equity from which on day trades are free, USD
)

// needed is the buying power that positions and working orders take.
func (e *exposure) needed(m *market, total *figures, equity Decimal) Decimal {
	if e.policy.limits.Account == CashAccount {
		return total.initial
	}
	least, ok := m.usd(leastMargin)
	if !ok || equity.LessThan(least) {
		return maxDecimal(total.initial, total.worst)
	}
	return total.initial
}

// intraday reports whether maintenance margin counts at any time of the day.
func (e *exposure) intraday() bool {
	return e.policy.limits.Account == MarginAccount && e.policy.limits.dayTrades(e.today) == IntradayMargin
}

// counts is about positions and day trades.
func (c *check) counts() {
	limits := &c.exposure.policy.limits
	open := len(c.exposure.list)
	if c.contract == nil {
		open++
	}
	c.number(RulePositions, open, limits.OpenPositions)
	if limits.Account != MarginAccount || limits.dayTrades(c.exposure.today) != PatternDayTrader {
		return
	}
	made := c.account.risk.dayTradesSince(c.exposure.window)
	if made < 3 {
		return
	}
	if least, ok := c.market.usd(leastDayTrader); !ok || c.exposure.bounds.equity.LessThan(least) {
		c.refuse(Violation{Rule: RuleDayTrades, Limit: decimalOf(3), Actual: decimalOf(int64(made)), Reason: "day trades within five business days"})
	}
}

// cover is about short options: what covers them, and the cash that short puts without other cover need, which nothing
// that is working, nor this order, may spend.
func (c *check) cover() {
	limits, i := &c.exposure.policy.limits, &c.order.Instrument
	sells := c.order.Quantity.IsNeg()
	if limits.UncoveredOptions && limits.Account != CashAccount || c.exposure.written == 0 && !(sells && i.deliverable()) {
		return
	}
	key, with, g := InstrumentKey(c.key), c.after, c.exposure.groups[c.underlying()]
	with.work(c.order.Quantity, c.order.Price, c.terms.mark)
	before, after := g.uncovered(key, i, nil, Decimal{}), g.uncovered(key, i, &with, c.terms.units)
	symbol := c.underlying().Symbol
	if after.calls.GreaterThan(before.calls) {
		c.refuse(Violation{Rule: RuleUncovered, Subject: symbol, Actual: after.calls, Reason: "shares that short calls lack"})
	}
	var spent Decimal
	spends := !sells && !c.decision.Reduces && i.settlesNotional() && limits.Account != CashAccount // there it is for the buying power
	if spends {
		spent = convert(convert(c.order.Quantity, maxDecimal(c.order.Price, c.terms.mark)), c.terms.units)
	}
	if spends || after.puts.GreaterThan(before.puts) || after.obligation.GreaterThan(before.obligation) {
		c.secured(g, &after, spent)
	}
}

// secured refuses an order after which the cash is not enough for all short puts.
func (c *check) secured(g *group, after *uncovered, spent Decimal) {
	e, puts, owed, unrated := c.exposure, after.puts, after.obligation, after.unrated || c.exposure.unrated
	for _, other := range e.groups {
		if other != g && other.writes() {
			u := other.uncovered("", nil, nil, Decimal{})
			puts, owed, unrated = puts.Add(u.puts), owed.Add(u.obligation), unrated || u.unrated
		}
	}
	free := e.balance.Sub(e.unsettled)
	if e.policy.limits.Account != CashAccount {
		free = free.Sub(e.spending).Sub(spent)
	}
	switch symbol := c.underlying().Symbol; {
	case puts.IsZero():
	case unrated:
		c.refuse(Violation{Rule: RuleUncovered, Subject: symbol, Actual: puts, Reason: "what short puts need, or the cash for it, has no conversion rate"})
	case owed.GreaterThan(free):
		c.refuse(Violation{Rule: RuleUncovered, Subject: symbol, Limit: free, Actual: owed, Reason: "cash that short puts need"})
	}
}
