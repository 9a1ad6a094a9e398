package exposure

import (
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Judge holds one order at a time against an account. A portfolio keeps one and uses it again, so
// that judging an order does not allocate.
type Judge struct {
	account  *Account
	exposure *exposure
	market   Market
	// order is the order to judge, with its instrument's defaults filled in.
	order risk.Order
	// key is the key of the order's contract, in buffer.
	key    []byte
	buffer [160]byte

	// contract is nil if the order's contract is neither held nor working.
	contract *contract
	// group has the contracts on the order's underlying; nil if there are none.
	group *group
	// terms are those of the order's contract.
	terms terms
	// markedAt is the time of the mark in terms; zero without a mark.
	markedAt time.Time
	// after is the contract's stake; holdings adds the order to it.
	after stake
	// before and with are the contract's figures without and with the order.
	before, with figures
	// told is true if the present equity is known.
	told bool
	// full asks for every rule to be looked at, where else a short cut may do.
	full     bool
	decision risk.Decision
}

// Check reports whether the account would accept the order at the market. The order need not be
// normalized. An order that is working already is judged as by Again. Check allocates nothing for
// an order that is allowed without a warning.
func (j *Judge) Check(a *Account, m Market, o *risk.Order) risk.Decision {
	j.order = *o
	if err := j.order.Examine(); err != nil {
		return risk.Decision{OrderID: o.ID, Violations: []risk.Violation{{Rule: risk.RuleInvalid, Reason: err.Error()}}}
	}
	if held := a.Order(o.ID); held != nil {
		if held.Same(&j.order) {
			return j.Again(a, m, &j.order)
		}
		return risk.Decision{OrderID: o.ID, Violations: []risk.Violation{{Rule: risk.RuleIDReused, Subject: string(o.ID),
			Reason: "another order that is working has the id"}}}
	}
	return j.decide(a, m, false)
}

// Again decides about a normalized order that is working already. The order stays allowed, and is
// refused while trading is halted or the profile's status bars the order: the caller must not send
// the order then.
func (j *Judge) Again(a *Account, m Market, o *risk.Order) risk.Decision {
	j.order = *o
	j.locate(a, m)
	j.setReduces(ledger.Decimal{})
	j.trading()
	j.decision.Repeat, j.decision.Allowed = true, len(j.decision.Violations) == 0
	return j.decision
}

// Decide decides about a normalized order in the account at the market. It looks closer than Check,
// and comes to the same decision.
func (j *Judge) Decide(a *Account, m Market, o *risk.Order) risk.Decision {
	j.order = *o
	return j.decide(a, m, true)
}

// decide decides about the order in j.order. Of an order that is refused for its size alone it says
// how much would pass.
func (j *Judge) decide(a *Account, m Market, full bool) risk.Decision {
	j.locate(a, m)
	j.full = full
	j.rules()
	if !j.decision.Allowed && bySize(j.decision.Violations) {
		j.decision.Largest = j.largest()
	}
	return j.decision
}

// rules runs the rules over the order in j.order, whose contract is located. An order that only
// reduces skips the limits.
func (j *Judge) rules() {
	j.setReduces(j.order.Quantity.Abs())
	j.trading()
	j.cover()
	switch {
	case j.decision.Reduces:
	case !j.exposure.policy.sound:
		j.refuse(risk.Violation{Rule: risk.RuleNoLimits, Reason: "the profile's limits are not valid"})
	default:
		j.permitted()
		j.sending()
		j.positions()
		j.losses()
		if j.priced() {
			j.dayTrades()
			if j.sizes() {
				j.holdings()
			}
		}
	}
	j.decision.Allowed = len(j.decision.Violations) == 0
}

// locate finds the contract of the order in j.order, and begins a decision.
func (j *Judge) locate(a *Account, m Market) {
	j.market = m
	j.account, j.exposure = a, a.weigh(&j.market)
	j.told = j.exposure.told(j.market.Now)
	j.key = j.order.Instrument.AppendKey(j.buffer[:0])
	j.decision = risk.Decision{OrderID: j.order.ID}
	j.contract, j.after, j.before = j.exposure.contracts[ledger.InstrumentKey(j.key)], stake{}, figures{}
	if j.contract != nil {
		j.terms, j.markedAt = j.contract.terms, j.contract.markedAt
		j.after, j.before = j.contract.stake, j.contract.figures
		j.group = j.contract.group
		return
	}
	j.group = j.exposure.groups[underlyingOf(&j.order.Instrument)]
	mark := j.market.Marks[ledger.InstrumentKey(j.key)]
	j.terms, j.markedAt = termsOf(&j.market, j.exposure.policy, &j.order.Instrument, mark.Price,
		j.exposure.today), mark.Time
}

// setReduces notes in the decision whether the order only reduces a position, which adds so many
// units to those that work on its side.
func (j *Judge) setReduces(more ledger.Decimal) {
	held := j.after.held
	same := j.after.buys
	if j.order.Quantity.IsNeg() {
		same = j.after.sells
	}
	j.decision.Reduces = !held.IsZero() && held.IsNeg() != j.order.Quantity.IsNeg() &&
		!same.Add(more).GreaterThan(held.Abs())
}

// underlying returns the underlying of the contract as it is held or working: the order may have
// left the underlying out.
func (j *Judge) underlying() underlyingKey {
	if j.contract != nil {
		return j.contract.group.key
	}
	return underlyingOf(&j.order.Instrument)
}

// refuse adds a violation to the decision.
func (j *Judge) refuse(v risk.Violation) { j.decision.Violations = append(j.decision.Violations, v) }

// bound holds a value against a limit. A value equal to the limit is allowed. A value at the
// warning level or above is a warning.
func (j *Judge) bound(rule risk.Rule, subject string, actual ledger.Decimal, limit *bound) {
	switch {
	case !limit.set || actual.LessThan(limit.warn):
	case actual.GreaterThan(limit.at):
		j.refuse(risk.Violation{Rule: rule, Subject: subject, Limit: limit.at, Actual: actual})
	case actual.IsPos():
		j.decision.Warnings = append(j.decision.Warnings,
			risk.Violation{Rule: rule, Subject: subject, Limit: limit.at, Actual: actual})
	}
}

// boundKey is bound with the order's contract as the subject. It makes a string of the key only
// where that is needed.
func (j *Judge) boundKey(rule risk.Rule, actual ledger.Decimal, limit *bound) {
	if limit.set && actual.GreaterThanOrEqual(limit.warn) {
		j.bound(rule, string(j.key), actual, limit)
	}
}

// number is bound for a count.
func (j *Judge) number(rule risk.Rule, actual int, limit *number) {
	if limit.at > 0 && actual >= limit.warn {
		j.bound(rule, "", num.Int(int64(actual)), &bound{at: num.Int(int64(limit.at)), warn: num.Int(int64(limit.warn)), set: true})
	}
}
