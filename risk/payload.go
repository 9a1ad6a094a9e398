package risk

import (
	"fmt"

	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
)

// Payload is the content of an entry about orders and trading: a pointer to a [Hold], [Release],
// [Refusal], [Breach], [StateChange], [PolicyChange], [Restatement] or [Dispatch]. The set is
// closed.
type Payload interface {
	kind() ledger.EntryKind
	entryKey() string
	appendFields(b []byte) []byte
}

// Decode reads the JSON of a payload of the kind. It returns nil and no error for a kind that does
// not belong to this package. It returns an error for an unknown version, an unknown field, and
// limits whose time zone cannot be loaded.
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
	case KindDispatch:
		return orError(wire.Decode[Dispatch](data))
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
	case KindRestatement:
		r, err := wire.Decode[Restatement](data)
		if err == nil {
			err = r.check()
		}
		return orError(r, err)
	}
	return nil, nil
}

// orError keeps a nil pointer from becoming an interface value that is not nil.
func orError[P Payload](p P, err error) (Payload, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

// The kinds of entry about orders and trading. Journals are read for ever: a kind is never taken
// away.
const (
	KindHold     ledger.EntryKind = "hold"     // a Hold: an order was accepted
	KindRelease  ledger.EntryKind = "release"  // a Release: the hold on a working order ended
	KindDispatch ledger.EntryKind = "dispatch" // a Dispatch: a held order is about to be sent to the broker
	KindRefusal  ledger.EntryKind = "refusal"  // a Refusal: an order was not accepted
	KindBreach   ledger.EntryKind = "breach"   // a Breach: a loss or drawdown came to another level
	KindState    ledger.EntryKind = "state"    // a StateChange: trading was halted, reduced or resumed
	KindPolicy   ledger.EntryKind = "policy"   // a PolicyChange: other limits, another status
	// KindRestatement is the kind of a Restatement: amendments changed what limits count.
	KindRestatement ledger.EntryKind = "recount"
)

// KindOf returns the kind of the payload's entry.
func KindOf(p Payload) ledger.EntryKind { return p.kind() }

// KeyOf returns the key that makes the payload's entry idempotent within its journal; empty for a
// payload that needs none.
func KeyOf(p Payload) string { return p.entryKey() }

// AppendFields appends the payload's JSON fields, each after a comma.
func AppendFields(b []byte, p Payload) []byte { return p.appendFields(b) }
