package exposure

import (
	"fmt"
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// trading is about the profile as a whole.
func (c *Judge) trading() {
	state := c.account.memory.tradingState()
	if state == risk.TradingHalted || state == risk.TradingReducing && !c.decision.Reduces {
		c.refuse(risk.Violation{Rule: risk.RuleState, Reason: fmt.Sprintf("trading is %s: %s", state, c.account.memory.state.Reason)})
	}
	status := c.exposure.policy.status
	if status == risk.StatusArchived || status != risk.StatusActive && !c.decision.Reduces {
		c.refuse(risk.Violation{Rule: risk.RuleStatus, Reason: fmt.Sprintf("the profile is %s", status)})
	}
}

// permitted is about what may be traded at all.
func (c *Judge) permitted() {
	limits, i := &c.exposure.policy.limits, &c.order.Instrument
	if !slices.Contains(limits.SecTypes, i.SecType) {
		c.refuse(risk.Violation{Rule: risk.RuleInstrument, Subject: string(i.SecType), Reason: "not permitted"})
	}
	if i.Expiry != 0 && i.Expiry < c.exposure.today {
		c.refuse(risk.Violation{Rule: risk.RuleInstrument, Subject: string(c.key), Reason: "expired on " + i.Expiry.String()})
	}
	symbol := c.underlying().Symbol
	if len(limits.AllowedSymbols) > 0 && !slices.Contains(limits.AllowedSymbols, symbol) {
		c.refuse(risk.Violation{Rule: risk.RuleSymbol, Subject: symbol, Reason: "not among the allowed symbols"})
	}
	if slices.Contains(limits.RestrictedSymbols, symbol) {
		c.refuse(risk.Violation{Rule: risk.RuleRestricted, Subject: symbol, Reason: "restricted"})
	}
	// A currency pair is exchanged, and a future is as easily sold as bought.
	if c.order.Quantity.IsNeg() && (!limits.ShortSelling || limits.Account == risk.CashAccount) && !i.IsOption() && i.SecType != ledger.Future && i.SecType != ledger.Forex {
		if short := c.after.sells.Sub(c.after.held).Sub(c.order.Quantity); short.IsPos() {
			c.refuse(risk.Violation{Rule: risk.RuleShort, Subject: string(c.key), Actual: short, Reason: "would be sold short"})
		}
	}
}

// sending is about how often orders leave.
func (c *Judge) sending() {
	limits, r, now := &c.exposure.policy.limits, &c.account.memory, c.market.Now
	for i := len(r.recent) - 1; i >= 0 && now.Sub(r.recent[i].Time) < limits.DuplicateWindow; i-- {
		s := &r.recent[i]
		if string(s.Key) == string(c.key) && s.Quantity.Equal(c.order.Quantity) && s.Price.Equal(c.order.Price) {
			c.refuse(risk.Violation{Rule: risk.RuleDuplicate, Subject: string(c.key),
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
		c.number(risk.RuleOrderRate, len(r.recent)-old+1, n)
	}
	orders, trades := 0, 0
	if r.day.Date >= c.exposure.today {
		orders, trades = r.day.Orders, r.day.Trades
	}
	c.number(risk.RuleOrders, orders+1, limits.OrdersPerDay)
	c.number(risk.RuleTrades, trades+1, limits.TradesPerDay)
}

// priced reports whether everything that figures are made of is known and recent.
func (c *Judge) priced() bool {
	limits, n := &c.exposure.policy.limits, len(c.decision.Violations)
	now, e := c.market.Now, c.exposure
	switch {
	case c.markedAt.IsZero():
		c.refuse(risk.Violation{Rule: risk.RuleNoMark, Subject: string(c.key), Reason: "no mark"})
	case c.terms.mark.IsZero():
		c.refuse(risk.Violation{Rule: risk.RuleNoMark, Subject: string(c.key), Reason: "the mark is zero"})
	case now.Sub(c.markedAt) > limits.MarkAge:
		c.refuse(risk.Violation{Rule: risk.RuleStaleMark, Subject: string(c.key), Reason: fmt.Sprintf("the mark is %s old", now.Sub(c.markedAt))})
	case c.order.Quantity.IsNeg() && c.terms.instrument.IsOption() && c.terms.underlying.IsPos() && now.Sub(c.terms.underlyingAt) > limits.MarkAge:
		c.refuse(risk.Violation{Rule: risk.RuleStaleMark, Subject: c.underlying().Symbol, Reason: fmt.Sprintf("the mark is %s old", now.Sub(c.terms.underlyingAt))})
	}
	if c.terms.units.IsZero() {
		c.refuse(risk.Violation{Rule: risk.RuleNoFX, Subject: string(c.order.Instrument.Currency), Reason: "no conversion rate"})
	} else if currency := c.order.Instrument.Currency; currency != c.market.Base && now.Sub(c.market.Rates[currency].Time) > limits.RateAge {
		c.refuse(risk.Violation{Rule: risk.RuleStaleFX, Subject: string(currency), Reason: fmt.Sprintf("the rate is %s old", now.Sub(c.market.Rates[currency].Time))})
	}
	switch {
	case !e.bounds.known:
		c.refuse(risk.Violation{Rule: risk.RuleEquity, Subject: e.lacking(), Reason: "no mark or conversion rate"})
	case !e.oldest.IsZero() && now.Sub(e.oldest) > limits.MarkAge:
		c.refuse(risk.Violation{Rule: risk.RuleEquity, Subject: e.oldestMark(), Reason: fmt.Sprintf("its mark is %s old", now.Sub(e.oldest))})
	case !e.rates.IsZero() && now.Sub(e.rates) > limits.RateAge:
		c.refuse(risk.Violation{Rule: risk.RuleEquity, Reason: fmt.Sprintf("a conversion rate is %s old", now.Sub(e.rates))})
	case !e.cashRates.IsZero() && now.Sub(e.cashRates) > limits.RateAge:
		c.refuse(risk.Violation{Rule: risk.RuleEquity, Subject: "cash", Reason: fmt.Sprintf("its conversion rate is %s old", now.Sub(e.cashRates))})
	case !e.bounds.equity.IsPos():
		c.refuse(risk.Violation{Rule: risk.RuleEquity, Actual: e.bounds.equity, Reason: "equity is not positive"})
	}
	return len(c.decision.Violations) == n
}

// sizes is about the order itself. It reports whether it takes a closer look to tell what the order does to the
// limits on what is held: one that is smaller than what the tightest of them leaves is within all.
func (c *Judge) sizes() bool {
	limits, o, bounds := &c.exposure.policy.limits, &c.order, &c.exposure.bounds
	size := o.Quantity.Abs()
	if !limits.OrderQuantity.IsZero() && size.GreaterThan(limits.OrderQuantity) {
		c.refuse(risk.Violation{Rule: risk.RuleQuantity, Limit: limits.OrderQuantity, Actual: size})
	}
	if !o.Price.IsZero() {
		c.collar()
	}
	price := num.Max(o.Price.Abs(), c.terms.mark.Abs())
	writes := o.Quantity.IsNeg() && o.Instrument.IsOption()
	if writes {
		price = o.Instrument.Strike
	}
	notional := num.Convert(num.Convert(size, price), c.terms.units)
	c.bound(risk.RuleNotional, "", notional, &bounds.notional)
	flips := c.contract != nil && !c.contract.stake.held.IsZero() && c.contract.stake.held.IsNeg() != o.Quantity.IsNeg()
	if c.warn || writes || flips || bounds.sector.set && c.moves() || notional.GreaterThan(c.exposure.tightest(&c.market)) {
		return true
	}
	return c.contract != nil && bounds.position.set && c.before.worst.Add(notional).GreaterThan(bounds.position.at)
}

// moves reports whether the order takes its underlying, with all that is held of it, to another sector.
func (c *Judge) moves() bool {
	if c.order.Sector == "" {
		return false
	}
	g := c.exposure.groups[c.underlying()]
	return g != nil && g.sector != c.order.Sector
}

// collar refuses a price that is far from the mark to the order's own disadvantage.
func (c *Judge) collar() {
	collar := c.exposure.policy.limits.PriceCollar
	if c.order.Instrument.IsOption() {
		collar = c.exposure.policy.limits.OptionCollar
	}
	room := num.Convert(c.terms.mark.Abs(), collar)
	limit := c.terms.mark.Add(room)
	if c.order.Quantity.IsNeg() {
		limit = c.terms.mark.Sub(room)
		if !c.order.Price.LessThan(limit) {
			return
		}
	} else if !c.order.Price.GreaterThan(limit) {
		return
	}
	c.refuse(risk.Violation{Rule: risk.RuleCollar, Subject: string(c.key), Limit: limit, Actual: c.order.Price})
}
