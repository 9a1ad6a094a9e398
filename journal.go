package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"time"

	"github.com/ai-ots/accounts/internal/exposure"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// fold is a journal folded up to one entry: an account, and its place in the journal.
type fold struct {
	*exposure.Account
	profile ProfileID
	seq     int64
	hash    Hash
}

// newFold returns the fold of an empty journal.
func newFold(id ProfileID, base ledger.Currency) *fold {
	return &fold{Account: exposure.NewAccount(base), profile: id}
}

// next folds the next entry in, after checking that it continues the chain. An entry that is folded
// in already changes nothing. A *CorruptError leaves the fold as it was.
func (f *fold) next(e Entry) error {
	if e.Seq <= f.seq {
		return nil
	}
	if err := e.chain(f.profile, f.seq, f.hash, nil); err != nil {
		return err
	}
	payload, err := e.Decode()
	if err != nil {
		return err
	}
	f.apply(payload, e.Seq)
	f.hash = e.Hash
	return nil
}

// apply folds one decoded payload in as entry seq, and returns what a trade closed.
func (f *fold) apply(p any, seq int64) ledger.Closed {
	f.seq = seq
	return f.Account.Apply(p, seq)
}

// clone returns a copy that shares nothing that changes.
func (f *fold) clone() *fold {
	c := *f
	c.Account = f.Account.Clone()
	return &c
}

// refold folds a journal again in its effective order.
type refold interface{ Add(seq int64, p any) }

// refoldEntries adds the entries behind entry after to the refold, up to and including entry upTo.
// It returns a *CorruptError if the journal ends before that.
func refoldEntries(r refold, id ProfileID, after, upTo int64, entries iter.Seq2[Entry, error]) error {
	seq := after
	for e, err := range entries {
		if err != nil {
			return err
		}
		if e.Seq > upTo {
			break
		}
		p, err := decodePayload(e.Kind, e.Payload)
		if err != nil {
			return &CorruptError{ProfileID: e.ProfileID, Seq: e.Seq, Reason: err.Error()}
		}
		r.Add(e.Seq, p)
		seq = e.Seq
	}
	if seq != upTo {
		return &CorruptError{ProfileID: id, Seq: seq + 1,
			Reason: fmt.Sprintf("missing: the journal reached %d before", upTo)}
	}
	return nil
}

// Fold folds a journal entry by entry, for programs that read a store without a portfolio. It is
// not safe for concurrent use.
type Fold struct{ f *fold }

// NewFold returns the fold of the profile's empty journal. base is the profile's base currency.
func NewFold(id ProfileID, base ledger.Currency) *Fold { return &Fold{newFold(id, base)} }

// Apply folds the next entry in, after checking that it continues the chain. An entry at or below
// Seq changes nothing. An error leaves the fold as it was.
//
// Errors:
//   - a *CorruptError (ErrCorrupt) for an entry that does not continue the chain or cannot be read;
//   - ErrInvalid if the time zone America/New_York cannot be loaded.
func (f *Fold) Apply(e Entry) error {
	if _, err := risk.NewYork(); err != nil {
		return fmt.Errorf("%w: apply entry %d: time zone %w", ErrInvalid, e.Seq, err)
	}
	return f.f.next(e)
}

// Book returns the book of the entries folded so far. It belongs to the fold: the caller must not
// change it, and later calls of Apply do.
func (f *Fold) Book() *ledger.Book { return f.f.Book }

// Seq returns the number of the last entry folded in, 0 for none.
func (f *Fold) Seq() int64 { return f.f.seq }

// Hash returns the hash of the last entry folded in, zero for none.
func (f *Fold) Hash() Hash { return f.f.hash }

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

// Sum returns the SHA-256 over the entry's fields but Hash: the previous hash, then sequence number
// and time in microseconds as 8 bytes each, then profile id, kind, key and payload, each behind its
// length in 4 bytes; numbers big-endian.
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

// chain returns a *CorruptError unless the entry follows the one with seq and hash.
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

// Decode returns the entry's payload, as a pointer:
//
//   - a ledger.Trade, CashMovement, Split, Opening, Transfer, EquityPoint, Amendment or Restatement;
//   - a risk.Hold, Release, Refusal, Breach, StateChange, PolicyChange or Restatement;
//   - a [CredentialAccess].
//
// It returns a *CorruptError (ErrCorrupt) for an unknown kind or version, and for a payload that
// cannot be read.
func (e *Entry) Decode() (any, error) {
	p, err := decodePayload(e.Kind, e.Payload)
	if err != nil {
		return nil, &CorruptError{ProfileID: e.ProfileID, Seq: e.Seq, Reason: err.Error()}
	}
	return p, nil
}

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// String returns 64 hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// VerifyJournal reads a whole journal and checks numbers and hashes. It returns the last sequence
// number and hash. The first fault ends it with a *CorruptError (ErrCorrupt). A journal whose last
// entries were cut off is whole in itself: compare the result with a head known from elsewhere, as
// [Portfolio.Verify] does with its book.
func VerifyJournal(ctx context.Context, store Store, id ProfileID) (int64, Hash, error) {
	return verifyEntries(id, store.Entries(ctx, id, 0), nil)
}

// verifyEntries is VerifyJournal over any source. It calls each, if not nil, with every sound
// entry.
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

// payload is the content of an entry: a ledger.Payload, a risk.Payload or a *CredentialAccess.
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

// keyOf returns the key that makes a payload's entry idempotent; empty for a payload that needs
// none.
func keyOf(p payload) string {
	switch p := p.(type) {
	case ledger.Payload:
		return ledger.KeyOf(p)
	case risk.Payload:
		return risk.KeyOf(p)
	}
	return ""
}

// encodePayload appends the payload as JSON. It writes what encoding/json would write, in a
// fraction of the time: recording is the hot path.
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

// decodePayload reads the payload of an entry of the kind.
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
