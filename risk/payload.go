package risk

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
)

// Payload is what an entry about orders and trading holds: a pointer to a Hold, Release, Refusal, Breach,
// StateChange or PolicyChange. The set is closed.
type Payload interface {
	kind() ledger.EntryKind
	entryKey() string
	when() time.Time
	appendFields(b []byte) []byte
}

// Decode reads a payload of the kind; nil without an error for a kind that is none of orders and trading.
func Decode(kind ledger.EntryKind, data []byte) (Payload, error) {
	switch kind {
	case KindHold:
		h, err := wire.Decode[Hold](data)
		if err != nil {
			return nil, err
		}
		h.derive()
		return h, nil
	case KindRelease:
		return orError(wire.Decode[Release](data))
	case KindRefusal:
		return orError(wire.Decode[Refusal](data))
	case KindBreach:
		return orError(wire.Decode[Breach](data))
	case KindState:
		return orError(wire.Decode[StateChange](data))
	case KindPolicy:
		s, err := wire.Decode[storedPolicy](data)
		if err != nil {
			return nil, err
		}
		c := s.change()
		if _, err = c.Limits.Location(); err != nil {
			err = fmt.Errorf("time zone %w", err)
		}
		return orError(c, err)
	}
	return nil, nil
}

// orError keeps a nil pointer from becoming a payload that is not nil.
func orError[P Payload](p P, err error) (Payload, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

// The kinds of entry about orders and trading. A kind once released is read for ever.
const (
	KindHold    ledger.EntryKind = "hold"    // a Hold: an order was accepted
	KindRelease ledger.EntryKind = "release" // a Release: what was left of one was let go
	KindRefusal ledger.EntryKind = "refusal" // a Refusal: an order was not accepted
	KindBreach  ledger.EntryKind = "breach"  // a Breach: a loss or drawdown came to another level
	KindState   ledger.EntryKind = "state"   // a StateChange: halted, reducing, resumed
	KindPolicy  ledger.EntryKind = "policy"  // a PolicyChange: other limits, another status
)

// KindOf returns the kind of a payload's entry.
func KindOf(p Payload) ledger.EntryKind { return p.kind() }

// KeyOf returns the key that makes a payload's entry idempotent within its journal; empty for one that need not be.
func KeyOf(p Payload) string { return p.entryKey() }

// AppendFields appends the payload's JSON fields, each behind a comma.
func AppendFields(b []byte, p Payload) []byte { return p.appendFields(b) }
