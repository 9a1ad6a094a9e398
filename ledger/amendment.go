package ledger

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/wire"
)

// Amendment changes history. It corrects, completes or cancels an execution, completes the rate of
// another fact, or brings in a trade, split, opening or transfer that happened before others of its
// contracts which the journal has already. Exactly one of Trade, Cash, Split, Opening, Transfer and
// Cancellation is set. [Book.Place], [Book.Correct], [Book.Complete] and [Book.Cancel] make
// amendments. An amendment takes effect with the [Restatement] behind it; the worth of capital in
// kind that it completes, by itself.
type Amendment struct {
	// Place is the number of the entry whose place the fact takes among facts of the same time:
	// that of the fact it corrects, completes or cancels, or else its own.
	Place        int64         `json:"place"`
	Trade        *Trade        `json:"trade,omitempty"`
	Cash         *CashMovement `json:"cash,omitempty"` // always completes the one at Place
	Split        *Split        `json:"split,omitempty"`
	Opening      *Opening      `json:"opening,omitempty"`
	Transfer     *Transfer     `json:"transfer,omitempty"`
	Cancellation *Cancellation `json:"cancellation,omitempty"`
	// Completes says what the fact adds to the one at Place, with which it is the same otherwise;
	// zero for an amendment that completes nothing. What is no trade completes its rate alone.
	Completes Completion `json:"completes,omitzero"`

	// corrects is true if Trade corrects an execution. It is set only while the amendment is
	// recorded, and is not in the journal.
	corrects bool
	// was is the version of the execution that was in force before; nil for none. As corrects, it
	// is not in the journal.
	was *Trade
}

// check returns an error for an amendment that a fold cannot take.
func (a *Amendment) check() error {
	n := 0
	for _, is := range []bool{a.Trade != nil, a.Cash != nil, a.Split != nil, a.Opening != nil, a.Transfer != nil,
		a.Cancellation != nil} {
		if is {
			n++
		}
	}
	if n != 1 || a.Place < 1 {
		return fmt.Errorf("amendment of %d facts at place %d", n, a.Place)
	}
	rate := a.Completes == (Completion{Rate: true})
	if a.Trade == nil && a.Completes != (Completion{}) && !(rate && a.Split == nil && a.Cancellation == nil) ||
		a.Cash != nil && !rate {
		return fmt.Errorf("amendment at place %d completes what no fact of its kind lacks", a.Place)
	}
	return nil
}

// Fact returns the fact that the amendment records, which it shares; nil for none.
func (a *Amendment) Fact() Payload {
	switch {
	case a.Cancellation != nil:
		return a.Cancellation
	case a.Cash != nil:
		return a.Cash
	}
	return a.change()
}

func (a *Amendment) appendFields(b []byte) []byte { return wire.AppendFields(b, a) }
func (a *Amendment) kind() EntryKind              { return KindAmendment }

func (a *Amendment) when() time.Time {
	if f := a.Fact(); f != nil {
		return f.when()
	}
	return time.Time{}
}

func (a *Amendment) entryKey() string {
	switch f := a.Fact(); {
	case a.Trade != nil && a.Completes != (Completion{}):
		return a.Completes.key(a.Trade.ExecID)
	case a.Completes != (Completion{}):
		return "r" + f.entryKey() // no execution's key: there, a colon stands behind the r
	case a.Trade != nil && a.corrects:
		return "v:" + string(a.Trade.ExecID)
	case f != nil:
		return f.entryKey()
	}
	return ""
}
