package ledger

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/wire"
)

// Amendment changes history. It corrects, completes or cancels an execution, or brings in a trade,
// split or opening that happened before others of its contracts which the journal has already. Exactly one
// of Trade, Split, Opening and Cancellation is set. [Book.Place], [Book.Correct] and [Book.Cancel]
// make amendments. An amendment takes effect with the [Restatement] behind it.
type Amendment struct {
	// Place is the number of the entry whose place the fact takes among facts of the same time:
	// that of the execution it corrects, completes or cancels, or else its own.
	Place        int64         `json:"place"`
	Trade        *Trade        `json:"trade,omitempty"`
	Split        *Split        `json:"split,omitempty"`
	Opening      *Opening      `json:"opening,omitempty"`
	Cancellation *Cancellation `json:"cancellation,omitempty"`
	// Completes says what Trade adds to the execution at Place, of which it is the same version; zero
	// for an amendment that completes nothing.
	Completes Completion `json:"completes,omitzero"`

	// corrects is true if Trade corrects an execution. It is set only while the amendment is
	// recorded, and is not in the journal.
	corrects bool
	// was is the version of the execution that was in force before; nil for none. As corrects, it is
	// not in the journal.
	was *Trade
}

// check returns an error for an amendment that a fold cannot take.
func (a *Amendment) check() error {
	n := 0
	for _, is := range []bool{a.Trade != nil, a.Split != nil, a.Opening != nil, a.Cancellation != nil} {
		if is {
			n++
		}
	}
	if n != 1 || a.Place < 1 {
		return fmt.Errorf("amendment of %d facts at place %d", n, a.Place)
	}
	if a.Trade == nil && a.Completes != (Completion{}) {
		return fmt.Errorf("amendment at place %d completes no trade", a.Place)
	}
	return nil
}

func (a *Amendment) appendFields(b []byte) []byte { return wire.AppendFields(b, a) }
func (a *Amendment) kind() EntryKind              { return KindAmendment }

func (a *Amendment) when() time.Time {
	switch {
	case a.Trade != nil:
		return a.Trade.Time
	case a.Split != nil:
		return a.Split.Time
	case a.Opening != nil:
		return a.Opening.Time
	case a.Cancellation != nil:
		return a.Cancellation.Time
	}
	return time.Time{}
}

func (a *Amendment) entryKey() string {
	switch {
	case a.Cancellation != nil:
		return a.Cancellation.entryKey()
	case a.Split != nil:
		return a.Split.entryKey()
	case a.Opening != nil:
		return a.Opening.entryKey()
	case a.Trade != nil && a.Completes != (Completion{}):
		return a.Completes.key(a.Trade.ExecID)
	case a.Trade != nil && a.corrects:
		return "v:" + string(a.Trade.ExecID)
	case a.Trade != nil:
		return a.Trade.entryKey()
	}
	return ""
}
