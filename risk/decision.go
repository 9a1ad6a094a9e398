package risk

import (
	"fmt"
	"strings"

	"github.com/ai-ots/accounts/ledger"
)

// Decision says whether an order may leave, and if not, every rule that it breaks.
type Decision struct {
	OrderID ledger.OrderID `json:"order_id"`
	Allowed bool           `json:"allowed"`
	// Reduces is true for an order that makes a position smaller without passing through zero, all
	// working orders on the same side counted: the way out is never barred by limits.
	Reduces    bool        `json:"reduces,omitempty"`
	Violations []Violation `json:"violations"` // why not; empty if allowed
	Warnings   []Violation `json:"warnings"`   // limits it brings to their warning level; by Reserve alone
}

// String returns the decision as one sentence.
func (d Decision) String() string {
	if d.Allowed {
		if len(d.Warnings) > 0 {
			return fmt.Sprintf("order %q allowed, with a warning: %s", d.OrderID, joinViolations(d.Warnings))
		}
		return fmt.Sprintf("order %q allowed", d.OrderID)
	}
	return fmt.Sprintf("order %q refused: %s", d.OrderID, joinViolations(d.Violations))
}

// Broken reports whether the order was refused by the rule.
func (d Decision) Broken(r Rule) bool {
	for _, v := range d.Violations {
		if v.Rule == r {
			return true
		}
	}
	return false
}

// Violation is one rule that an order breaks, or brings to its warning level.
type Violation struct {
	Rule    Rule           `json:"rule"`
	Subject string         `json:"subject,omitempty"` // which contract, underlying, strategy, sector or currency
	Limit   ledger.Decimal `json:"limit,omitzero"`    // what is allowed, in the rule's own terms: money in base currency, units, a count, a fraction
	Actual  ledger.Decimal `json:"actual,omitzero"`   // what there would be
	Reason  string         `json:"reason,omitempty"`  // where figures do not say it
}

// String returns the violation as part of a sentence.
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

func joinViolations(list []Violation) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = v.String()
	}
	return strings.Join(texts, "; ")
}
