package exposure

import (
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Judge holds one order against a book. A portfolio has one, which is used again and again: on the
// stack it would not stay.
type Judge struct {
	account  *Account
	exposure *exposure
	market   Market
	order    risk.Order // with the instrument's defaults
	key      []byte     // its instrument's, in buffer
	buffer   [160]byte

	contract     *contract // what is held and working of the order's contract; nil for nothing
	terms        terms     // of the order's contract
	markedAt     time.Time // the mark's time
	after        stake     // with the order
	before, with figures   // the contract's without and with the order
	warn         bool      // collect warnings
	decision     risk.Decision
}

// Check says whether an order would be accepted in an account at a market. The order need not be normalized. One that
// is working already is allowed. It allocates nothing for an order that is allowed.
func (c *Judge) Check(a *Account, m Market, o *risk.Order) risk.Decision {
	c.order = *o
	if err := c.order.Examine(); err != nil {
		return risk.Decision{OrderID: o.ID, Violations: []risk.Violation{{Rule: risk.RuleInvalid, Reason: err.Error()}}}
	}
	if held := a.Order(o.ID); held != nil && held.Same(&c.order) {
		return risk.Decision{OrderID: o.ID, Allowed: true}
	}
	return c.decide(a, m, false)
}

// Decide decides about a normalized order in an account at a market, with warnings or without.
func (c *Judge) Decide(a *Account, m Market, o *risk.Order, warn bool) risk.Decision {
	c.order = *o
	return c.decide(a, m, warn)
}

func (c *Judge) decide(a *Account, m Market, warn bool) risk.Decision {
	c.locate(a, m)
	c.warn = warn
	c.setReduces()
	c.trading()
	c.cover()
	switch {
	case c.decision.Reduces:
	case !c.exposure.policy.sound:
		c.refuse(risk.Violation{Rule: risk.RuleNoLimits, Reason: "the profile's limits are not valid"})
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
func (c *Judge) locate(a *Account, m Market) {
	c.market = m
	c.account, c.exposure = a, a.weigh(&c.market)
	c.key = c.order.Instrument.AppendKey(c.buffer[:0])
	c.decision = risk.Decision{OrderID: c.order.ID}
	c.contract, c.after, c.before = c.exposure.contracts[ledger.InstrumentKey(c.key)], stake{}, figures{}
	if c.contract != nil {
		c.terms, c.markedAt, c.after, c.before = c.contract.terms, c.contract.at, c.contract.stake, c.contract.figures
		return
	}
	mark := c.market.Marks[ledger.InstrumentKey(c.key)]
	c.terms, c.markedAt = termsOf(&c.market, c.exposure.policy, &c.order.Instrument, mark.Price, c.exposure.today), mark.Time
}

// underlying is that of the contract as it is held or working: an order may leave it out.
func (c *Judge) underlying() underlyingKey {
	if c.contract != nil {
		return c.contract.group.key
	}
	return underlyingOf(&c.order.Instrument)
}

func (c *Judge) refuse(v risk.Violation) { c.decision.Violations = append(c.decision.Violations, v) }

// bound holds an actual value against a limit: at the limit it is allowed.
func (c *Judge) bound(rule risk.Rule, subject string, actual ledger.Decimal, limit *bound) {
	switch {
	case !limit.set:
	case actual.GreaterThan(limit.at):
		c.refuse(risk.Violation{Rule: rule, Subject: subject, Limit: limit.at, Actual: actual})
	case c.warn && actual.GreaterThanOrEqual(limit.warn) && actual.IsPos():
		c.decision.Warnings = append(c.decision.Warnings, risk.Violation{Rule: rule, Subject: subject, Limit: limit.at, Actual: actual})
	}
}

// number is bound for a count.
func (c *Judge) number(rule risk.Rule, actual, limit int) {
	if limit > 0 && (actual > limit || c.warn) {
		c.bound(rule, "", num.Int(int64(actual)), &bound{at: num.Int(int64(limit)),
			warn: num.Convert(num.Int(int64(limit)), c.exposure.policy.limits.WarnAt), set: true})
	}
}

// setReduces tells whether the order only reduces.
func (c *Judge) setReduces() {
	held := c.after.held
	same := c.after.buys
	if c.order.Quantity.IsNeg() {
		same = c.after.sells
	}
	c.decision.Reduces = !held.IsZero() && held.IsNeg() != c.order.Quantity.IsNeg() &&
		!same.Add(c.order.Quantity.Abs()).GreaterThan(held.Abs())
}

// boundKey is bound with the order's contract as its subject.
func (c *Judge) boundKey(rule risk.Rule, actual ledger.Decimal, limit *bound) {
	if limit.set && (actual.GreaterThan(limit.at) || c.warn) {
		c.bound(rule, string(c.key), actual, limit)
	}
}
