package exposure

import (
	"slices"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// sized are the rules that a smaller order may pass. None of them bars an order that a larger one
// passes.
var sized = []risk.Rule{
	risk.RuleQuantity, risk.RuleNotional, risk.RuleShort, risk.RuleUncovered, risk.RulePosition, risk.RuleUnderlying,
	risk.RuleGross, risk.RuleNet, risk.RuleLeverage, risk.RuleStrategy, risk.RuleSector, risk.RuleBuyingPower,
	risk.RuleDayTrades,
}

// bySize reports whether all of the rules broken are such as a smaller order may pass.
func bySize(broken []risk.Violation) bool {
	return !slices.ContainsFunc(broken, func(v risk.Violation) bool { return !slices.Contains(sized, v.Rule) })
}

// largest returns the largest quantity with which the order in j.order would pass, with the order's
// sign and as many places as its quantity has; zero if there is none. It halves what is left in
// question each time: some 110 times at most, for quantities are below 1e15 and have 19 places at
// most. The order and the decision stay as they are.
func (j *Judge) largest() ledger.Decimal {
	order, decision := j.order, j.decision
	places := num.Trim(order.Quantity).PrecUint()
	step := num.Step(places)
	low, high := ledger.Decimal{}, order.Quantity.Abs() // low passes, high does not
	for high.Sub(low).GreaterThan(step) {
		middle := num.Half(low.Add(high)).Trunc(places)
		j.order.Quantity = num.WithSign(middle, order.Quantity)
		j.relocate()
		if j.rules(); j.decision.Allowed {
			low = middle
		} else {
			high = middle
		}
	}
	j.order, j.decision = order, decision
	return num.WithSign(low, order.Quantity)
}

// relocate begins a decision about the same order with another quantity.
func (j *Judge) relocate() {
	j.decision = risk.Decision{OrderID: j.order.ID}
	j.after = stake{}
	if j.contract != nil {
		j.after = j.contract.stake
	}
}
