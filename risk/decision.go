package risk

import (
	"fmt"
	"strings"

	"github.com/ai-ots/accounts/ledger"
)

// Decision says whether an order may be sent and, if not, lists every rule that the order breaks.
type Decision struct {
	OrderID ledger.OrderID `json:"order_id"`
	Allowed bool           `json:"allowed"`
	// Reduces is true for an order that makes a position smaller without passing through zero, all
	// working orders on the same side included. Limits never bar such an order; see [Rule].
	Reduces    bool        `json:"reduces,omitempty"`
	Violations []Violation `json:"violations"` // the rules broken; empty if allowed
	// Repeat is true where the ID was decided before, and this is that decision. An allowed order
	// may have been sent then: ask the broker before sending it again.
	Repeat bool `json:"repeat,omitempty"`
	// Warnings are the limits that are at their warning level, or above it, once the order is
	// accepted: of RuleNotional, RuleOrderRate, RuleOrders, RuleTrades, RuleDailyLoss, and all
	// rules on positions and exposure; and RuleDrawdown from SeverityWarning on. An order that only
	// reduces brings none.
	Warnings []Violation `json:"warnings"`
	// Largest is set where the order is refused for its size alone: the largest quantity with which
	// it would pass at that moment, with the order's sign and as many places as its quantity has.
	// Zero where no smaller order would pass, and for every other decision, an earlier one that is
	// repeated included.
	Largest ledger.Decimal `json:"largest,omitzero"`
}

// String returns the decision as one sentence, in English.
func (d Decision) String() string {
	if d.Allowed {
		if len(d.Warnings) > 0 {
			return fmt.Sprintf("order %q allowed, with a warning: %s", d.OrderID, joinViolations(d.Warnings))
		}
		return fmt.Sprintf("order %q allowed", d.OrderID)
	}
	return fmt.Sprintf("order %q refused: %s", d.OrderID, joinViolations(d.Violations))
}

// Broken reports whether the rule is among the violations.
func (d Decision) Broken(r Rule) bool {
	for _, v := range d.Violations {
		if v.Rule == r {
			return true
		}
	}
	return false
}

// Undecided reports whether the order is refused for nothing but what is not known (see
// [Rule.Unknown]). Such a refusal is not final: the same order may be decided again.
func (d Decision) Undecided() bool {
	for _, v := range d.Violations {
		if !v.Rule.Unknown() {
			return false
		}
	}
	return len(d.Violations) > 0
}

// Violation is a rule that an order breaks, or a limit that it brings to its warning level.
type Violation struct {
	Rule Rule `json:"rule"`
	// Subject names the contract, underlying, strategy, sector or currency concerned, if there is
	// one.
	Subject string `json:"subject,omitempty"`
	// Limit is the value allowed, in the terms of the rule: money in base currency, units, a count,
	// or a fraction. Actual is the value that the order would lead to.
	Limit  ledger.Decimal `json:"limit,omitzero"`
	Actual ledger.Decimal `json:"actual,omitzero"`
	// Reason explains what Limit and Actual do not show.
	Reason string `json:"reason,omitempty"`
}

// String returns the violation as a part of a sentence, in English.
func (v Violation) String() string {
	var b strings.Builder
	b.WriteString(string(v.Rule))
	if v.Subject != "" {
		b.WriteString(" of " + v.Subject)
	}
	if v.Reason != "" {
		b.WriteString(": " + v.Reason)
		if v.Limit.IsZero() && v.Actual.IsZero() {
			return b.String()
		}
	}
	fmt.Fprintf(&b, " (%s, limit %s)", v.Actual, v.Limit)
	return b.String()
}

// joinViolations returns the violations as a text, separated by semicolons.
func joinViolations(list []Violation) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = v.String()
	}
	return strings.Join(texts, "; ")
}
