package exposure

import (
	"fmt"
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// trading holds the order against the trading state and the profile's status.
func (j *Judge) trading() {
	state, reason := j.account.memory.tradingState(), j.account.memory.state.Reason
	if state == risk.TradingActive && j.told && j.exposure.bounds.restricts {
		for _, p := range j.account.losses(j.exposure, j.market.Now) { // they are written before an order is decided
			if s, stops := p.(*risk.StateChange); stops {
				state, reason = s.State, s.Reason
			}
		}
	}
	if state == risk.TradingHalted || state == risk.TradingReducing && !j.decision.Reduces {
		j.refuse(risk.Violation{Rule: risk.RuleState, Reason: fmt.Sprintf("trading is %s: %s", state, reason)})
	}
	status := j.exposure.policy.status
	if status == risk.StatusArchived || status != risk.StatusActive && !j.decision.Reduces {
		j.refuse(risk.Violation{Rule: risk.RuleStatus, Reason: fmt.Sprintf("the profile is %s", status)})
	}
}

// permitted holds the order against the limits on kinds of contract, symbols and short selling.
func (j *Judge) permitted() {
	limits, i := &j.exposure.policy.limits, &j.order.Instrument
	if !slices.Contains(limits.SecTypes, i.SecType) {
		j.refuse(risk.Violation{Rule: risk.RuleInstrument, Subject: string(i.SecType), Reason: "not permitted"})
	}
	if i.Expiry != 0 && i.Expiry < j.exposure.today {
		j.refuse(risk.Violation{Rule: risk.RuleInstrument, Subject: string(j.key),
			Reason: "expired on " + i.Expiry.String()})
	}
	j.symbols()
	mayShort := limits.ShortSelling && limits.Account != risk.CashAccount
	// A currency pair is exchanged, and a future is as easily sold as bought.
	exempt := i.IsOption() || i.SecType == ledger.Future || i.SecType == ledger.Forex
	if j.order.Quantity.IsNeg() && !mayShort && !exempt {
		if short := j.after.sells.Sub(j.after.held).Sub(j.order.Quantity); short.IsPos() {
			j.refuse(risk.Violation{Rule: risk.RuleShort, Subject: string(j.key), Actual: short,
				Reason: "would be sold short"})
		}
	}
	if i.SecType == ledger.Forex && limits.Account == risk.CashAccount {
		j.borrows()
	}
}

// borrows refuses an order that sells more of a currency than a cash account has, once all orders
// have filled that sell the currency.
func (j *Judge) borrows() {
	currency := ledger.Currency(j.order.Instrument.Symbol)
	left := j.account.CashIn(currency).Balance().Add(j.order.Quantity)
	for _, c := range j.exposure.list {
		if c.instrument.SecType == ledger.Forex && ledger.Currency(c.instrument.Symbol) == currency {
			left = left.Sub(c.stake.sells)
		}
	}
	if j.order.Quantity.IsNeg() && left.IsNeg() {
		j.refuse(risk.Violation{Rule: risk.RuleShort, Subject: string(j.key), Actual: left.Neg(),
			Reason: "more of the currency than the cash account has"})
	}
}

// symbols holds the order against the lists of symbols. An option has two names, its own root and
// its underlying, and the caller chooses the second: both must be allowed, and neither may be
// restricted. The underlying of an option on a future is a name of the future, not of what it is
// on; that is the symbol itself.
func (j *Judge) symbols() {
	limits, i := &j.exposure.policy.limits, &j.order.Instrument
	underlying := j.underlying().Symbol
	stated := underlying
	if i.SecType == ledger.Option || i.SecType == ledger.Warrant {
		stated = i.Underlying
	}
	if allowed := limits.AllowedSymbols; len(allowed) > 0 {
		if name, other := outside(allowed, underlying, i.Symbol, stated); other {
			j.refuse(risk.Violation{Rule: risk.RuleSymbol, Subject: name, Reason: "not among the allowed symbols"})
		}
	}
	for _, name := range limits.RestrictedSymbols {
		root := i.SecType == ledger.Option && delivers(unadjusted(i.Symbol), name)
		if name == underlying || name == i.Symbol || name == i.Underlying || root {
			j.refuse(risk.Violation{Rule: risk.RuleRestricted, Subject: name, Reason: "restricted"})
			break
		}
	}
}

// outside returns the first of three names of a contract that is not among the allowed symbols, if
// there is one.
func outside(allowed []string, underlying, symbol, stated string) (string, bool) {
	switch {
	case !slices.Contains(allowed, underlying):
		return underlying, true
	case symbol != underlying && !slices.Contains(allowed, symbol):
		return symbol, true
	case stated != underlying && !slices.Contains(allowed, stated):
		return stated, true
	}
	return "", false
}

// sending holds the order against the limits on duplicates, on its quantity, and on the number of
// orders and trades.
func (j *Judge) sending() {
	policy, r, now := j.exposure.policy, &j.account.memory, j.market.Now
	window := policy.limits.DuplicateWindow
	// Several processes write these times, each by its own clock: they need not be in order.
	recent := r.recent.list()
	for i := len(recent) - 1; i >= 0 && window > 0; i-- {
		s := &recent[i]
		if string(s.Key) == string(j.key) && now.Sub(s.Time) < window &&
			s.Quantity.Equal(j.order.Quantity) && s.Price.Equal(j.order.Price) {
			j.refuse(risk.Violation{Rule: risk.RuleDuplicate, Subject: string(j.key),
				Reason: fmt.Sprintf("the same order was accepted %s ago", max(now.Sub(s.Time), 0))})
			break
		}
	}
	if n := &policy.perMinute; n.at > 0 && len(recent)+1 >= n.warn {
		aMinuteAgo, sent := now.Add(-time.Minute), 1
		for i := range recent {
			if recent[i].Time.After(aMinuteAgo) {
				sent++
			}
		}
		j.number(risk.RuleOrderRate, sent, n)
	}
	orders, trades := 0, 0
	if r.day.Date >= j.exposure.today {
		orders, trades = r.day.Orders, r.day.Trades
	}
	if most, size := policy.limits.OrderQuantity, j.order.Quantity.Abs(); !most.IsZero() && size.GreaterThan(most) {
		j.refuse(risk.Violation{Rule: risk.RuleQuantity, Limit: most, Actual: size})
	}
	j.number(risk.RuleOrders, orders+1, &policy.perDay)
	j.number(risk.RuleTrades, trades+1, &policy.trades)
}

// priced reports whether all marks and rates that the order's figures and the account's equity need
// are known and recent, and equity is positive. It adds a violation for each that is not.
func (j *Judge) priced() bool {
	limits, n := &j.exposure.policy.limits, len(j.decision.Violations)
	now, e := j.market.Now, j.exposure
	switch {
	case j.markedAt.IsZero():
		j.refuse(risk.Violation{Rule: risk.RuleNoMark, Subject: string(j.key), Reason: "no mark"})
	case j.terms.mark.IsZero():
		j.refuse(risk.Violation{Rule: risk.RuleNoMark, Subject: string(j.key), Reason: "the mark is zero"})
	case now.Sub(j.markedAt) > limits.MarkAge:
		j.refuse(risk.Violation{Rule: risk.RuleStaleMark, Subject: string(j.key),
			Reason: fmt.Sprintf("the mark is %s old", now.Sub(j.markedAt))})
	}
	if j.order.Quantity.IsNeg() {
		j.based()
	}
	if j.terms.units.IsZero() {
		j.refuse(risk.Violation{Rule: risk.RuleNoFX, Subject: string(j.order.Instrument.Currency),
			Reason: "no conversion rate"})
	} else if currency := j.order.Instrument.Currency; currency != j.market.Base &&
		now.Sub(j.market.Rates[currency].Time) > limits.RateAge {
		j.refuse(risk.Violation{Rule: risk.RuleStaleFX, Subject: string(currency),
			Reason: fmt.Sprintf("the rate is %s old", now.Sub(j.market.Rates[currency].Time))})
	}
	if j.told {
		if !e.bounds.equity.IsPos() {
			j.refuse(risk.Violation{Rule: risk.RuleEquity, Actual: e.bounds.equity, Reason: "equity is not positive"})
		}
	} else {
		j.refuse(e.untold(now))
	}
	return len(j.decision.Violations) == n
}

// told reports whether the present equity is known: no mark or rate that it needs is missing or
// old.
func (e *exposure) told(now time.Time) bool {
	return e.bounds.known && (e.freshUntil.IsZero() || !now.After(e.freshUntil))
}

// untold says why the present equity is not known.
func (e *exposure) untold(now time.Time) risk.Violation {
	limits := &e.policy.limits
	v := risk.Violation{Rule: risk.RuleEquity}
	switch {
	case !e.bounds.known:
		v.Subject, v.Reason = e.lacking(), "no mark or conversion rate"
	case !e.oldest.IsZero() && now.Sub(e.oldest) > limits.MarkAge:
		v.Subject, v.Reason = e.oldestMark(), fmt.Sprintf("its mark is %s old", now.Sub(e.oldest))
	case !e.rates.IsZero() && now.Sub(e.rates) > limits.RateAge:
		v.Reason = fmt.Sprintf("a conversion rate is %s old", now.Sub(e.rates))
	default:
		v.Subject, v.Reason = "cash", fmt.Sprintf("its conversion rate is %s old", now.Sub(e.cashRates))
	}
	return v
}

// based adds a violation where the margin of a sale depends on what is not known or not recent: on
// the underlying of a short option, or on the dollar for a security sold short.
func (j *Judge) based() {
	limits, i, now := &j.exposure.policy.limits, &j.order.Instrument, j.market.Now
	age := now.Sub(j.terms.underlyingAt)
	switch margined := limits.Account == risk.MarginAccount; {
	case j.terms.underlying.IsPos() && age > limits.MarkAge:
		j.refuse(risk.Violation{Rule: risk.RuleStaleMark, Subject: j.underlying().Symbol,
			Reason: fmt.Sprintf("the mark is %s old", age)})
	case margined && i.SecType == ledger.Option && i.Right == ledger.Call && !j.terms.underlying.IsPos():
		j.refuse(risk.Violation{Rule: risk.RuleNoMark, Subject: j.underlying().Symbol,
			Reason: "no mark of what the call would deliver"})
	case margined && j.sellsShort():
		if _, _, ok := j.market.Rate("USD"); !ok {
			j.refuse(risk.Violation{Rule: risk.RuleNoFX, Subject: "USD",
				Reason: "no conversion rate for the margin of what is sold short"})
		}
	}
}

// sellsShort reports whether the order sells a security of which more is sold than held once all
// working sales fill. Futures, options on futures, CFDs, currencies and coins are no securities.
func (j *Judge) sellsShort() bool {
	switch j.order.Instrument.SecType {
	case ledger.Stock, ledger.Option, ledger.Warrant, ledger.Bond, ledger.Fund:
		return j.order.Quantity.IsNeg() && j.after.sells.Sub(j.order.Quantity).GreaterThan(j.after.held)
	}
	return false
}

// sizes holds the order itself against the limits on notional and price. It reports
// whether holdings must be looked at: an order whose notional is within the room of tightest breaks
// no limit there, and comes to no warning level.
func (j *Judge) sizes() bool {
	o, bounds := &j.order, &j.exposure.bounds
	if !o.Price.IsZero() {
		j.collar()
	}
	price := num.Max(o.Price.Abs(), j.terms.mark.Abs())
	writes := o.Quantity.IsNeg() && o.Instrument.IsOption()
	if writes {
		price = o.Instrument.Strike
	}
	notional := num.Convert(num.Convert(o.Quantity.Abs(), price), j.terms.units)
	j.bound(risk.RuleNotional, "", notional, &bounds.notional)
	flips := j.contract != nil && !j.contract.stake.held.IsZero() && j.contract.stake.held.IsNeg() != o.Quantity.IsNeg()
	cheap := o.Quantity.IsNeg() && j.terms.cheap()
	if j.full || writes || flips || cheap || bounds.sector.set && j.moves() ||
		notional.GreaterThanOrEqual(j.exposure.tightest(&j.market)) {
		return true
	}
	return j.contract != nil && bounds.position.set && j.before.worst.Add(notional).GreaterThanOrEqual(bounds.position.warn)
}

// moves reports whether the order moves its underlying to another sector.
func (j *Judge) moves() bool {
	if j.order.Sector == "" {
		return false
	}
	g := j.group
	return g != nil && g.sector != j.order.Sector
}

// collar refuses a price that is further from the mark than the collar allows, to the order's own
// disadvantage.
func (j *Judge) collar() {
	collar := j.exposure.policy.limits.PriceCollar
	if j.order.Instrument.IsOption() {
		collar = j.exposure.policy.limits.OptionCollar
	}
	room := num.Convert(j.terms.mark.Abs(), collar)
	limit := j.terms.mark.Add(room)
	if j.order.Quantity.IsNeg() {
		limit = j.terms.mark.Sub(room)
		if !j.order.Price.LessThan(limit) {
			return
		}
	} else if !j.order.Price.GreaterThan(limit) {
		return
	}
	j.refuse(risk.Violation{Rule: risk.RuleCollar, Subject: string(j.key), Limit: limit, Actual: j.order.Price})
}
