package broker

import (
	"encoding/json"
	"time"

	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
)

// Execution is a fill as the broker tells of it.
type Execution struct {
	Account AccountID `json:"account"`
	Ref     Ref       `json:"ref,omitempty"` // of the order that was filled; empty for one placed without
	// Trade is the fill, without an OrderID: that is the library's. CommissionPending is true while
	// the broker has not told the commission. A correction has the execution's id with a higher
	// last part.
	Trade ledger.Trade `json:"trade"`
}

// Executions are the executions of a span of time.
type Executions struct {
	Answer[Execution]
	// From is since when the list has every execution, up to AsOf, if the answer is complete. It is
	// later than what was asked for where the broker does not go back so far: what lies between is
	// not known.
	From time.Time `json:"from"`
}

// MarshalJSON writes an empty list as [].
func (e Executions) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		List     []Execution `json:"list"`
		AsOf     time.Time   `json:"as_of"`
		Complete bool        `json:"complete"`
		Foreign  int         `json:"foreign,omitempty"`
		From     time.Time   `json:"from"`
	}{wire.List(e.List), e.AsOf, e.Complete, e.Foreign, e.From})
}
