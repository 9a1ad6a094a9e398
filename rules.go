package accounts

import (
	"fmt"
	"slices"
	"sort"
	"time"
)

// check holds one order against a book. A portfolio has one, which is used again and again: on the
// stack it would not stay.
type check struct {
	b      *Book
	e      *exposure
	m      market
	o      Order  // with the instrument's defaults
	key    []byte // its instrument's, in buffer
	buffer [160]byte

	c            *contract // what is held and working of it; nil for nothing
	t            terms
	at           time.Time // the mark's
	after        stake     // with the order
	before, with figures   // the contract's without and with it
	warn         bool      // collect warnings
	d            Decision
}

// judge decides about the order in x.o at the market in x.m, with warnings or without. It allocates
// nothing for an order that is allowed without a warning.
func (x *check) judge(b *Book, e *exposure, warn bool) Decision {
	x.meet(b, e)
	x.warn = warn
	x.look()
	x.trading()
	x.cover()
	switch {
	case x.d.Reduces:
	case !x.e.policy.sound:
		x.refuse(Violation{Rule: RuleNoLimits, Reason: "the profile's limits are not valid"})
	default:
		x.permitted()
		x.sending()
		x.losses()
		if x.priced() {
			x.counts()
			if x.sizes() {
				x.holdings()
			}
		}
	}
	x.d.Allowed = len(x.d.Violations) == 0
	return x.d
}

// meet finds what the order in x.o meets in a book.
func (x *check) meet(b *Book, e *exposure) {
	x.b, x.e = b, e
	x.key = x.o.Instrument.appendKey(x.buffer[:0])
	x.d = Decision{OrderID: x.o.ID}
	x.c, x.after, x.before = x.e.contracts[InstrumentKey(x.key)], stake{}, figures{}
	if x.c != nil {
		x.t, x.at, x.after, x.before = x.c.terms, x.c.at, x.c.stake, x.c.figures
		return
	}
	mark := x.m.marks[InstrumentKey(x.key)]
	x.t, x.at = termsOf(&x.m, x.e.policy, &x.o.Instrument, mark.Price, x.e.today), mark.Time
}

// underlying is that of the contract as it is held or working: an order may leave it out.
func (x *check) underlying() underlyingKey {
	if x.c != nil {
		return x.c.group.key
	}
	return underlyingOf(&x.o.Instrument)
}

func (x *check) refuse(v Violation) { x.d.Violations = append(x.d.Violations, v) }

// bound holds an actual value against a limit: at the limit it is allowed.
func (x *check) bound(rule Rule, subject string, actual Decimal, limit *bound) {
	switch {
	case !limit.set:
	case actual.GreaterThan(limit.at):
		x.refuse(Violation{Rule: rule, Subject: subject, Limit: limit.at, Actual: actual})
	case x.warn && actual.GreaterThanOrEqual(limit.warn) && actual.IsPos():
		x.d.Warnings = append(x.d.Warnings, Violation{Rule: rule, Subject: subject, Limit: limit.at, Actual: actual})
	}
}

// number is bound for a count.
func (x *check) number(rule Rule, actual, limit int) {
	if limit > 0 && (actual > limit || x.warn) {
		x.bound(rule, "", decimalOf(int64(actual)), &bound{at: decimalOf(int64(limit)),
			warn: convert(decimalOf(int64(limit)), x.e.policy.limits.WarnAt), set: true})
	}
}

// look tells whether the order only reduces.
func (x *check) look() {
	held := x.after.held
	same := x.after.buys
	if x.o.Quantity.IsNeg() {
		same = x.after.sells
	}
	x.d.Reduces = !held.IsZero() && held.IsNeg() != x.o.Quantity.IsNeg() &&
		!same.Add(x.o.Quantity.Abs()).GreaterThan(held.Abs())
}

// trading is about the profile as a whole.
func (x *check) trading() {
	state := x.b.risk.tradingState()
	if state == TradingHalted || state == TradingReducing && !x.d.Reduces {
		x.refuse(Violation{Rule: RuleState, Reason: fmt.Sprintf("trading is %s: %s", state, x.b.risk.state.Reason)})
	}
	status := x.e.policy.status
	if status == StatusArchived || status != StatusActive && !x.d.Reduces {
		x.refuse(Violation{Rule: RuleStatus, Reason: fmt.Sprintf("the profile is %s", status)})
	}
}

// permitted is about what may be traded at all.
func (x *check) permitted() {
	l, i := &x.e.policy.limits, &x.o.Instrument
	if !contains(l.SecTypes, i.SecType) {
		x.refuse(Violation{Rule: RuleInstrument, Subject: string(i.SecType), Reason: "not permitted"})
	}
	if i.Expiry != 0 && i.Expiry < x.e.today {
		x.refuse(Violation{Rule: RuleInstrument, Subject: string(x.key), Reason: "expired on " + i.Expiry.String()})
	}
	symbol := x.underlying().Symbol
	if len(l.AllowedSymbols) > 0 && !contains(l.AllowedSymbols, symbol) {
		x.refuse(Violation{Rule: RuleSymbol, Subject: symbol, Reason: "not among the allowed symbols"})
	}
	if contains(l.RestrictedSymbols, symbol) {
		x.refuse(Violation{Rule: RuleRestricted, Subject: symbol, Reason: "restricted"})
	}
	// A currency pair is exchanged, and a future is as easily sold as bought.
	if x.o.Quantity.IsNeg() && (!l.ShortSelling || l.Account == CashAccount) && !i.deliverable() && i.SecType != Future && i.SecType != Forex {
		if short := x.after.sells.Sub(x.after.held).Sub(x.o.Quantity); short.IsPos() {
			x.refuse(Violation{Rule: RuleShort, Subject: string(x.key), Actual: short, Reason: "would be sold short"})
		}
	}
}

// sending is about how often orders leave.
func (x *check) sending() {
	l, r, now := &x.e.policy.limits, &x.b.risk, x.m.now
	for i := len(r.recent) - 1; i >= 0 && now.Sub(r.recent[i].Time) < l.DuplicateWindow; i-- {
		s := &r.recent[i]
		if string(s.Key) == string(x.key) && s.Quantity.Equal(x.o.Quantity) && s.Price.Equal(x.o.Price) {
			x.refuse(Violation{Rule: RuleDuplicate, Subject: string(x.key),
				Reason: fmt.Sprintf("the same order was accepted %s ago", now.Sub(s.Time))})
			break
		}
	}
	if n := l.OrdersPerMinute; n > 0 && (len(r.recent) >= n || x.warn) {
		old := sort.Search(len(r.recent), func(i int) bool { return now.Sub(r.recent[i].Time) < time.Minute })
		x.number(RuleRate, len(r.recent)-old+1, n)
	}
	orders, trades := 0, 0
	if r.day.Date >= x.e.today {
		orders, trades = r.day.Orders, r.day.Trades
	}
	x.number(RuleOrders, orders+1, l.OrdersPerDay)
	x.number(RuleTrades, trades+1, l.TradesPerDay)
}

// losses is about what was lost already.
func (x *check) losses() {
	k := &x.e.bounds
	if !k.known {
		return // priced refuses
	}
	if k.loss.set {
		x.bound(RuleDailyLoss, "", k.lost, &k.loss)
	}
	fresh := x.c == nil || x.c.stake.held.IsZero()
	d := &x.e.policy.limits.Drawdown
	switch {
	case k.severity >= SeveritySevere:
		x.drawdown(d.Severe, "")
	case k.severity == SeverityModerate && fresh:
		x.drawdown(d.Moderate, "nothing new is opened")
	case k.severity >= SeverityWarning && x.warn:
		x.d.Warnings = append(x.d.Warnings, Violation{Rule: RuleDrawdown, Subject: k.severity.String(), Limit: d.Severe, Actual: k.drawdown()})
	}
}

func (x *check) drawdown(limit Decimal, reason string) {
	k := &x.e.bounds
	x.refuse(Violation{Rule: RuleDrawdown, Subject: k.severity.String(), Limit: limit, Actual: k.drawdown(), Reason: reason})
}

// drawdown is the fraction lost from the high-water mark.
func (k *bounds) drawdown() Decimal {
	if !k.high.IsPos() || !k.high.GreaterThan(k.equity) {
		return Decimal{}
	}
	return share(k.high.Sub(k.equity), one, k.high).RoundBank(6)
}

// priced reports whether everything that figures are made of is known and recent.
func (x *check) priced() bool {
	l, n := &x.e.policy.limits, len(x.d.Violations)
	now, e := x.m.now, x.e
	switch {
	case x.at.IsZero():
		x.refuse(Violation{Rule: RuleNoMark, Subject: string(x.key), Reason: "no mark"})
	case x.t.mark.IsZero():
		x.refuse(Violation{Rule: RuleNoMark, Subject: string(x.key), Reason: "the mark is zero"})
	case now.Sub(x.at) > l.MarkAge:
		x.refuse(Violation{Rule: RuleStaleMark, Subject: string(x.key), Reason: fmt.Sprintf("the mark is %s old", now.Sub(x.at))})
	case x.o.Quantity.IsNeg() && x.t.instrument.deliverable() && x.t.underlying.IsPos() && now.Sub(x.t.underlyingAt) > l.MarkAge:
		x.refuse(Violation{Rule: RuleStaleMark, Subject: x.underlying().Symbol, Reason: fmt.Sprintf("the mark is %s old", now.Sub(x.t.underlyingAt))})
	}
	if x.t.units.IsZero() {
		x.refuse(Violation{Rule: RuleNoRate, Subject: string(x.o.Instrument.Currency), Reason: "no conversion rate"})
	} else if c := x.o.Instrument.Currency; c != x.m.base && now.Sub(x.m.fx[c].Time) > l.RateAge {
		x.refuse(Violation{Rule: RuleStaleRate, Subject: string(c), Reason: fmt.Sprintf("the rate is %s old", now.Sub(x.m.fx[c].Time))})
	}
	switch {
	case !e.bounds.known:
		x.refuse(Violation{Rule: RuleEquity, Subject: e.lacking(), Reason: "no mark or conversion rate"})
	case !e.oldest.IsZero() && now.Sub(e.oldest) > l.MarkAge:
		x.refuse(Violation{Rule: RuleEquity, Subject: e.oldestMark(), Reason: fmt.Sprintf("its mark is %s old", now.Sub(e.oldest))})
	case !e.rates.IsZero() && now.Sub(e.rates) > l.RateAge:
		x.refuse(Violation{Rule: RuleEquity, Reason: fmt.Sprintf("a conversion rate is %s old", now.Sub(e.rates))})
	case !e.cashRates.IsZero() && now.Sub(e.cashRates) > l.RateAge:
		x.refuse(Violation{Rule: RuleEquity, Subject: "cash", Reason: fmt.Sprintf("its conversion rate is %s old", now.Sub(e.cashRates))})
	case !e.bounds.equity.IsPos():
		x.refuse(Violation{Rule: RuleEquity, Actual: e.bounds.equity, Reason: "equity is not positive"})
	}
	return len(x.d.Violations) == n
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
func (x *check) sizes() bool {
	l, o, k := &x.e.policy.limits, &x.o, &x.e.bounds
	size := o.Quantity.Abs()
	if !l.OrderQuantity.IsZero() && size.GreaterThan(l.OrderQuantity) {
		x.refuse(Violation{Rule: RuleQuantity, Limit: l.OrderQuantity, Actual: size})
	}
	if !o.Price.IsZero() {
		x.collar()
	}
	price := maxDecimal(o.Price.Abs(), x.t.mark.Abs())
	writes := o.Quantity.IsNeg() && o.Instrument.deliverable()
	if writes {
		price = o.Instrument.Strike
	}
	notional := convert(convert(size, price), x.t.units)
	x.bound(RuleNotional, "", notional, &k.notional)
	flips := x.c != nil && !x.c.stake.held.IsZero() && x.c.stake.held.IsNeg() != o.Quantity.IsNeg()
	if x.warn || writes || flips || k.sector.set && x.moves() || notional.GreaterThan(x.e.tightest(&x.m)) {
		return true
	}
	return x.c != nil && k.position.set && x.before.worst.Add(notional).GreaterThan(k.position.at)
}

// moves reports whether the order takes its underlying, with all that is held of it, to another sector.
func (x *check) moves() bool {
	if x.o.Sector == "" {
		return false
	}
	g := x.e.groups[x.underlying()]
	return g != nil && g.sector != x.o.Sector
}

// collar refuses a price that is far from the mark to the order's own disadvantage.
func (x *check) collar() {
	collar := x.e.policy.limits.PriceCollar
	if x.o.Instrument.deliverable() {
		collar = x.e.policy.limits.OptionCollar
	}
	room := convert(x.t.mark.Abs(), collar)
	limit := x.t.mark.Add(room)
	if x.o.Quantity.IsNeg() {
		limit = x.t.mark.Sub(room)
		if !x.o.Price.LessThan(limit) {
			return
		}
	} else if !x.o.Price.GreaterThan(limit) {
		return
	}
	x.refuse(Violation{Rule: RuleCollar, Subject: string(x.key), Limit: limit, Actual: x.o.Price})
}

// holdings is about what would be held.
func (x *check) holdings() {
	e, k := x.e, &x.e.bounds
	x.after.work(x.o.Quantity, x.o.Price, x.t.mark)
	x.with = x.t.figures(&x.after)
	added, total := x.with.worst.Sub(x.before.worst), e.total
	total.worst = total.worst.Add(added)
	total.initial = total.initial.Sub(x.before.initial).Add(x.with.initial)
	x.limits(added)
	x.bound(RuleGross, "", total.worst, &k.gross)
	x.bound(RuleLeverage, "", total.worst, &k.leverage)
	if k.net.set {
		high := total.high.Sub(x.before.high).Add(x.with.high)
		low := total.low.Sub(x.before.low).Add(x.with.low)
		x.bound(RuleNet, "", maxDecimal(high.Abs(), low.Abs()), &k.net)
	}
	x.bound(RuleBuyingPower, "", e.needed(&x.m, &total, k.equity), &k.available)
	if !e.intraday() {
		return
	}
	if kept := total.maintenance.Sub(x.before.maintenance).Add(x.with.maintenance); kept.GreaterThan(k.equity) {
		x.refuse(Violation{Rule: RuleDayTrades, Limit: k.equity, Actual: kept, Reason: "maintenance margin would exceed equity"})
	}
}

// limits is about the contract, its underlying, its sector and the order's strategy.
func (x *check) limits(added Decimal) {
	e, k := x.e, &x.e.bounds
	var g *group
	if x.c != nil {
		g = x.c.group
		x.bound(RulePosition, string(x.c.key), x.with.worst, &k.position)
	} else {
		g = e.groups[underlyingOf(&x.o.Instrument)]
		x.boundKey(RulePosition, x.with.worst, &k.position)
	}
	whole, sector := added, x.o.Sector
	if g != nil {
		whole = whole.Add(g.worst)
		if sector == "" {
			sector = g.sector
		}
	} else if sector == "" {
		sector = x.b.risk.sectors[underlyingOf(&x.o.Instrument)]
	}
	x.bound(RuleUnderlying, x.underlying().Symbol, whole, &k.underlying)
	if sector != "" && k.sector.set {
		in := e.sectors[sector]
		if g == nil || g.sector == sector {
			in = in.Add(added)
		} else { // the underlying moves to the order's sector with all that is held of it
			in = in.Add(whole)
		}
		x.bound(RuleSector, sector, in, &k.sector)
	}
	if x.o.Strategy != "" && k.strategy.set {
		x.strategy()
	}
}

// boundKey is bound with the order's contract as its subject.
func (x *check) boundKey(rule Rule, actual Decimal, limit *bound) {
	if limit.set && (actual.GreaterThan(limit.at) || x.warn) {
		x.bound(rule, string(x.key), actual, limit)
	}
}

// strategy is about what the order's strategy would have.
func (x *check) strategy() {
	var own stake
	var was Decimal
	if x.c != nil {
		var held Decimal
		if s := x.c.share(x.o.Strategy); s != nil {
			held, was = s.held, s.worst
		}
		own = x.c.stakeOf(x.o.Strategy, held, x.b.risk.working[x.c.key], x.t.mark)
	}
	own.work(x.o.Quantity, x.o.Price, x.t.mark)
	added := x.t.figures(&own).worst.Sub(was)
	x.bound(RuleStrategy, x.o.Strategy, x.e.strategies[x.o.Strategy].Add(added), &x.e.bounds.strategy)
}

// usd returns an amount of dollars in base currency; false if there is no rate.
func (m *market) usd(amount Decimal) (Decimal, bool) {
	rate, _, ok := m.rate("USD")
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
func (x *check) counts() {
	l := &x.e.policy.limits
	open := len(x.e.list)
	if x.c == nil {
		open++
	}
	x.number(RulePositions, open, l.OpenPositions)
	if l.Account != MarginAccount || l.dayTrades(x.e.today) != PatternDayTrader {
		return
	}
	made := x.b.risk.dayTradesSince(x.e.window)
	if made < 3 {
		return
	}
	if least, ok := x.m.usd(leastDayTrader); !ok || x.e.bounds.equity.LessThan(least) {
		x.refuse(Violation{Rule: RuleDayTrades, Limit: decimalOf(3), Actual: decimalOf(int64(made)), Reason: "day trades within five business days"})
	}
}

// cover is about short options: what covers them, and the cash that short puts without other cover need, which nothing
// that is working, nor this order, may spend.
func (x *check) cover() {
	l, i := &x.e.policy.limits, &x.o.Instrument
	sells := x.o.Quantity.IsNeg()
	if l.UncoveredOptions && l.Account != CashAccount || x.e.written == 0 && !(sells && i.deliverable()) {
		return
	}
	key, with, g := InstrumentKey(x.key), x.after, x.e.groups[x.underlying()]
	with.work(x.o.Quantity, x.o.Price, x.t.mark)
	before, after := g.uncovered(key, i, nil, Decimal{}), g.uncovered(key, i, &with, x.t.units)
	symbol := x.underlying().Symbol
	if after.calls.GreaterThan(before.calls) {
		x.refuse(Violation{Rule: RuleUncovered, Subject: symbol, Actual: after.calls, Reason: "shares that short calls lack"})
	}
	var spent Decimal
	spends := !sells && !x.d.Reduces && i.settlesNotional() && l.Account != CashAccount // there it is for the buying power
	if spends {
		spent = convert(convert(x.o.Quantity, maxDecimal(x.o.Price, x.t.mark)), x.t.units)
	}
	if spends || after.puts.GreaterThan(before.puts) || after.obligation.GreaterThan(before.obligation) {
		x.secured(g, &after, spent)
	}
}

// secured refuses an order after which the cash is not enough for all short puts.
func (x *check) secured(g *group, after *uncovered, spent Decimal) {
	e, puts, owed, unrated := x.e, after.puts, after.obligation, after.unrated || x.e.unrated
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
	switch symbol := x.underlying().Symbol; {
	case puts.IsZero():
	case unrated:
		x.refuse(Violation{Rule: RuleUncovered, Subject: symbol, Actual: puts, Reason: "what short puts need, or the cash for it, has no conversion rate"})
	case owed.GreaterThan(free):
		x.refuse(Violation{Rule: RuleUncovered, Subject: symbol, Limit: free, Actual: owed, Reason: "cash that short puts need"})
	}
}
