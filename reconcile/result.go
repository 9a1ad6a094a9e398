package reconcile

import (
	"fmt"

	"github.com/ai-ots/accounts/ledger"
)

// Result is the outcome of a comparison. A book that agrees with the statement has no breaks.
type Result struct {
	Compared int `json:"compared"` // figures that were compared
	// Tolerated is how many of the figures differ by no more than the tolerance allows, and Largest
	// the largest of these differences, without its sign and whatever its currency.
	Tolerated int            `json:"tolerated"`
	Largest   ledger.Decimal `json:"largest"`

	Breaks []Break `json:"breaks"`
	// Unchecked lists what the statement gives but the book cannot be held against, and why.
	Unchecked []string `json:"unchecked"`
}

// Break is a difference between the book and the broker beyond the tolerance.
type Break struct {
	Contract   ledger.InstrumentKey `json:"contract,omitempty"`
	ExecID     ledger.ExecID        `json:"exec_id,omitempty"`  // of a closing
	Currency   ledger.Currency      `json:"currency,omitempty"` // of what is compared
	Field      string               `json:"field"`              // "realized", "quantity", "cost_basis" or "cash"
	Ours       ledger.Decimal       `json:"ours"`
	Theirs     ledger.Decimal       `json:"theirs"`
	Difference ledger.Decimal       `json:"difference"` // ours − theirs
}

// String returns the break as one line, in English.
func (b Break) String() string {
	what := string(b.Contract)
	if b.ExecID != "" {
		what += " execution " + string(b.ExecID)
	}
	if what == "" {
		what = string(b.Currency)
	}
	return fmt.Sprintf("%s: %s is %s, the broker says %s (%s off)", what, b.Field, b.Ours, b.Theirs, b.Difference)
}
