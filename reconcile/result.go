package reconcile

import (
	"fmt"

	"github.com/ai-ots/accounts/ledger"
)

// Result is the outcome of comparing a book with a broker's statement.
type Result struct {
	Compared int     `json:"compared"` // figures that were compared
	Breaks   []Break `json:"breaks"`
	// Unchecked lists what the statement gives but the book cannot be held against, and why.
	Unchecked []string `json:"unchecked"`
}

// Break is a difference beyond the tolerance between the book and the broker.
type Break struct {
	Contract   ledger.InstrumentKey `json:"contract,omitempty"`
	ExecID     ledger.ExecID        `json:"exec_id,omitempty"`  // of a closing
	Currency   ledger.Currency      `json:"currency,omitempty"` // of what is compared
	Field      string               `json:"field"`              // "realized", "quantity", "cost_basis" or "cash"
	Ours       ledger.Decimal       `json:"ours"`
	Theirs     ledger.Decimal       `json:"theirs"`
	Difference ledger.Decimal       `json:"difference"` // ours − theirs
}

// String names everything in one line.
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
