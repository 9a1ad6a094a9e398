package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"time"

	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// payload is what an entry holds: a ledgerPayload, a riskPayload or a *CredentialAccess.
type payload = any

// kindOf returns the kind of a payload's entry.
func kindOf(p payload) ledger.EntryKind {
	switch p := p.(type) {
	case ledger.Payload:
		return ledger.KindOf(p)
	case risk.Payload:
		return risk.KindOf(p)
	}
	return KindAccess
}

// keyOf returns the key that makes a payload's entry idempotent; empty for one that need not be.
func keyOf(p payload) string {
	switch p := p.(type) {
	case ledger.Payload:
		return ledger.KeyOf(p)
	case risk.Payload:
		return risk.KeyOf(p)
	}
	return ""
}

// encodePayload appends the payload as JSON. What it writes is what encoding/json would write, in
// a fraction of the time: recording is the hot path, reading back is not.
func encodePayload(b []byte, p payload) []byte {
	b = wire.AppendVersion(append(b, '{'))
	switch p := p.(type) {
	case ledger.Payload:
		b = ledger.AppendFields(b, p)
	case risk.Payload:
		b = risk.AppendFields(b, p)
	default:
		b = wire.AppendFields(b, p)
	}
	return append(b, '}')
}

// Decode returns the entry's payload: a *Trade, *CashMovement, *Split, *Opening, *EquityPoint,
// *Amendment, *Restatement, *Hold, *Release, *Refusal, *Breach, *StateChange, *PolicyChange or *CredentialAccess. An unknown kind or version and anything unreadable is a
// *CorruptError (ErrCorrupt).
func (e *Entry) Decode() (any, error) {
	p, err := decodePayload(e.Kind, e.Payload)
	if err != nil {
		return nil, &CorruptError{ProfileID: e.ProfileID, Seq: e.Seq, Reason: err.Error()}
	}
	return p, nil
}

func decodePayload(kind ledger.EntryKind, data []byte) (payload, error) {
	if p, err := ledger.Decode(kind, data); p != nil || err != nil {
		return p, err
	}
	if p, err := risk.Decode(kind, data); p != nil || err != nil {
		return p, err
	}
	if kind == KindAccess {
		return wire.Decode[CredentialAccess](data)
	}
	return nil, fmt.Errorf("unknown kind %.40q", kind)
}

// KindAccess is the kind of a CredentialAccess: somebody read or changed the credentials.
const KindAccess ledger.EntryKind = "access"

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// String returns 64 hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Entry is one thing that happened to a profile. Entries are numbered 1, 2, 3 … without gaps and
// each carries the hash of the one before, so that a change to any of them shows.
type Entry struct {
	ProfileID ProfileID        `json:"profile_id"`
	Seq       int64            `json:"seq"`
	Kind      ledger.EntryKind `json:"kind"`
	Key       string           `json:"key,omitempty"` // makes the entry idempotent: unique within the profile; empty for none
	Time      time.Time        `json:"time"`          // when it was recorded, not when it happened; UTC, microseconds
	Payload   []byte           `json:"payload"`       // JSON with its version in "v"; kept byte for byte
	Prev      Hash             `json:"prev"`          // the hash of the entry before; zero for the first
	Hash      Hash             `json:"hash"`          // SHA-256 over everything above; see Sum
}

// Sum returns the SHA-256 over the entry's fields but Hash: the previous hash, then sequence
// number and time in microseconds as 8 bytes each, then profile id, kind, key and payload, each
// behind its length in 4 bytes; numbers big-endian.
func (e *Entry) Sum() Hash { return e.sum(nil) }

// sum is Sum with a buffer for encoding, which spares an allocation if it is large enough.
func (e *Entry) sum(scratch []byte) Hash {
	b := append(scratch[:0], e.Prev[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Seq))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Time.UnixMicro()))
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(e.ProfileID))), e.ProfileID...)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(e.Kind))), e.Kind...)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(e.Key))), e.Key...)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(e.Payload))), e.Payload...)
	return sha256.Sum256(b)
}

// chain checks that entry follows the one with seq and hash.
func (e *Entry) chain(id ProfileID, seq int64, hash Hash, scratch []byte) error {
	corrupt := func(format string, args ...any) error {
		return &CorruptError{ProfileID: id, Seq: seq + 1, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case e.ProfileID != id:
		return corrupt("belongs to profile %q", e.ProfileID)
	case e.Seq != seq+1:
		return corrupt("found entry %d in its place", e.Seq)
	case e.Prev != hash:
		return corrupt("does not continue the entry before it")
	case e.sum(scratch) != e.Hash:
		return corrupt("contents do not match its hash")
	}
	return nil
}

// VerifyJournal reads a whole journal and checks numbering and hash chain. It returns the last
// sequence number and hash. The first fault ends it with a *CorruptError (ErrCorrupt). A journal
// whose last entries were cut off is whole in itself: compare what is returned with a head known
// from elsewhere, as Portfolio.Verify does with its book.
func VerifyJournal(ctx context.Context, store Store, id ProfileID) (int64, Hash, error) {
	return verifyEntries(id, store.Entries(ctx, id, 0), nil)
}

// verifyEntries is VerifyJournal over any source; each is called with every sound entry.
func verifyEntries(id ProfileID, entries iter.Seq2[Entry, error], each func(Entry) error) (int64, Hash, error) {
	var (
		seq     int64
		hash    Hash
		scratch = make([]byte, 0, 4096)
	)
	for e, err := range entries {
		if err != nil {
			return seq, hash, fmt.Errorf("verify journal of profile %q: %w", id, err)
		}
		if err := e.chain(id, seq, hash, scratch); err != nil {
			return seq, hash, err
		}
		seq, hash = e.Seq, e.Hash
		if each != nil {
			if err := each(e); err != nil {
				return seq, hash, err
			}
		}
	}
	return seq, hash, nil
}
