package ledger

import (
	"time"

	"github.com/ai-ots/accounts/internal/wire"
)

// Payload is what an entry about facts holds: a pointer to a Trade, CashMovement, Split, Opening, EquityPoint,
// Amendment or Restatement. The set is closed. A pointer to a Cancellation is one until the entry that it cancels
// is known, and goes into the journal as an Amendment.
type Payload interface {
	kind() EntryKind
	entryKey() string
	when() time.Time
	appendFields(b []byte) []byte
}

// Decode reads a payload of the kind; nil without an error for a kind that is none of the ledger's.
func Decode(kind EntryKind, data []byte) (Payload, error) {
	switch kind {
	case KindTrade:
		t, err := wire.Decode[Trade](data)
		if err != nil {
			return nil, err
		}
		t.derive()
		return t, nil
	case KindCash:
		return orError(wire.Decode[CashMovement](data))
	case KindSplit:
		return orError(wire.Decode[Split](data))
	case KindOpening:
		return orError(wire.Decode[Opening](data))
	case KindEquity:
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

// orError keeps a nil pointer from becoming a payload that is not nil.
func orError[P Payload](p P, err error) (Payload, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

// KindOf returns the kind of a payload's entry.
func KindOf(p Payload) EntryKind { return p.kind() }

// KeyOf returns the key that makes a payload's entry idempotent within its journal; empty for one that need not
// be.
func KeyOf(p Payload) string { return p.entryKey() }

// TimeOf returns when it happened; zero for a Restatement.
func TimeOf(p Payload) time.Time { return p.when() }

// AppendFields appends the payload's JSON fields, each behind a comma.
func AppendFields(b []byte, p Payload) []byte { return p.appendFields(b) }

// EntryKind says what an entry's payload is.
type EntryKind string

// The kinds of entry about facts. A kind once released is read for ever.
const (
	KindTrade       EntryKind = "trade"       // a Trade
	KindCash        EntryKind = "cash"        // a CashMovement
	KindSplit       EntryKind = "split"       // a Split
	KindOpening     EntryKind = "opening"     // an Opening
	KindEquity      EntryKind = "equity"      // an EquityPoint
	KindAmendment   EntryKind = "amendment"   // an Amendment; takes effect with the restatement behind it
	KindRestatement EntryKind = "restatement" // a Restatement: what the book became by amendments
)
