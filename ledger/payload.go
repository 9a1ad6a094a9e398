package ledger

import (
	"time"

	"github.com/ai-ots/accounts/internal/wire"
)

// Payload is the content of an entry about facts: a pointer to a [Trade], [CashMovement], [Split],
// [Opening], [Transfer], [EquityPoint], [Amendment] or [Restatement]. The set is closed. A pointer
// to a [Cancellation] is a payload too, until [Book.Cancel] has made an amendment of it.
type Payload interface {
	kind() EntryKind
	entryKey() string
	when() time.Time
	appendFields(b []byte) []byte
}

// Decode reads the JSON of a payload of the kind. It returns nil and no error for a kind that does
// not belong to this package. It returns an error for an unknown version, an unknown field, and
// contents that no book could fold.
func Decode(kind EntryKind, data []byte) (Payload, error) {
	switch kind {
	case KindTrade:
		t := &Trade{}
		if !t.scan(data) {
			var err error
			if t, err = wire.Decode[Trade](data); err != nil {
				return nil, err
			}
		}
		t.derive()
		return t, nil
	case KindCash:
		return orError(wire.Decode[CashMovement](data))
	case KindSplit:
		return orError(wire.Decode[Split](data))
	case KindOpening:
		return orError(wire.Decode[Opening](data))
	case KindTransfer:
		return orError(wire.Decode[Transfer](data))
	case KindEquity:
		if p := (&EquityPoint{}); p.scan(data) {
			return p, nil
		}
		return orError(wire.Decode[EquityPoint](data))
	case KindAmendment:
		a, err := wire.Decode[Amendment](data)
		if err == nil {
			err = a.check()
		}
		return orError(a, err)
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

// KindOf returns the kind of the payload's entry.
func KindOf(p Payload) EntryKind { return p.kind() }

// KeyOf returns the key that makes the payload's entry idempotent within its journal; empty for a
// payload that needs none.
func KeyOf(p Payload) string { return p.entryKey() }

// TimeOf returns the time at which the payload's fact happened; zero for a [Restatement].
func TimeOf(p Payload) time.Time { return p.when() }

// IsCapital reports whether a payload is capital that comes or goes, in cash or in kind. One that
// completes the rate of such capital is not.
func IsCapital(p Payload) bool {
	switch f := p.(type) {
	case *CashMovement:
		return f.Kind.IsCapital()
	case *Opening, *Transfer:
		return true
	case *Amendment:
		return f.Completes == Completion{} && (f.Opening != nil || f.Transfer != nil)
	}
	return false
}

// AppendFields appends the payload's JSON fields, each after a comma.
func AppendFields(b []byte, p Payload) []byte { return p.appendFields(b) }

// EntryKind names the kind of payload that an entry holds.
type EntryKind string

// The kinds of entry about facts. Journals are read for ever: a kind is never taken away.
const (
	KindTrade       EntryKind = "trade"       // a Trade
	KindCash        EntryKind = "cash"        // a CashMovement
	KindSplit       EntryKind = "split"       // a Split
	KindOpening     EntryKind = "opening"     // an Opening
	KindTransfer    EntryKind = "transfer"    // a Transfer
	KindEquity      EntryKind = "equity"      // an EquityPoint
	KindAmendment   EntryKind = "amendment"   // an Amendment; takes effect with the restatement behind it
	KindRestatement EntryKind = "restatement" // a Restatement: what the book became by amendments
)
