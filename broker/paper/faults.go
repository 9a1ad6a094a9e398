package paper

import (
	"slices"

	"github.com/ai-ots/accounts/broker"
)

// Op is a call of a broker's that can fail.
type Op string

// The calls.
const (
	OpAccounts   Op = "accounts"
	OpPositions  Op = "positions"
	OpCash       Op = "cash"
	OpOrders     Op = "orders"
	OpExecutions Op = "executions"
	OpPlace      Op = "place"
	OpCancel     Op = "cancel" // Cancel and CancelByID
	OpQuotes     Op = "quotes"
)

// ofAccount reports whether the call names an account.
func (o Op) ofAccount() bool { return o != OpAccounts && o != OpQuotes }

// Fault says how a call fails.
type Fault string

// The faults.
const (
	Paced        Fault = "paced"        // ErrPaced; nothing was done
	Disconnected Fault = "disconnected" // ErrNotConnected; nothing was done
	LostRequest  Fault = "lost_request" // of OpPlace and OpCancel: ErrOutcomeUnknown; nothing was done
	LostAnswer   Fault = "lost_answer"  // of OpPlace and OpCancel: ErrOutcomeUnknown; all was done
	Rejected     Fault = "rejected"     // of Place: ErrRejected
	Incomplete   Fault = "incomplete"   // of lists: an empty answer that is not complete
)

// fault is a fault that is to come.
type fault struct {
	op      Op
	account broker.AccountID // empty for any
	what    Fault
	reason  string
	left    int
}

// Fail lets the next n calls of the kind fail, in one account or, for an empty id, in any. reason
// is what a rejection says. Faults of one kind of call come in the order in which they were asked
// for. A fault that does not fit the call does nothing, and is used up.
func (b *Broker) Fail(op Op, id broker.AccountID, what Fault, reason string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > 0 {
		b.faults = append(b.faults, fault{op, id, what, reason, n})
	}
}

// next returns the fault of a call, and uses it up; the zero fault for none.
func (b *Broker) next(op Op, id broker.AccountID) fault {
	for n := range b.faults {
		f := &b.faults[n]
		if f.op != op || f.account != "" && f.account != id {
			continue
		}
		f.left--
		found := *f
		if f.left == 0 {
			b.faults = slices.Delete(b.faults, n, n+1)
		}
		return found
	}
	return fault{}
}
