package accounts

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/ai-ots/accounts/internal/exposure"
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

// refoldEntries folds a journal again up to and including entry upTo, then the pending payloads
// behind it, which are not in the journal yet.
func refoldEntries(
	r *ledger.Refold, id ProfileID, entries iter.Seq2[Entry, error], upTo int64, pending []payload,
) (*ledger.Book, error) {
	var seq int64
	for e, err := range entries {
		if err != nil {
			return nil, err
		}
		if e.Seq > upTo {
			break
		}
		p, err := decodePayload(e.Kind, e.Payload)
		if err != nil {
			return nil, &CorruptError{ProfileID: e.ProfileID, Seq: e.Seq, Reason: err.Error()}
		}
		r.Add(e.Seq, p)
		seq = e.Seq
	}
	if seq != upTo {
		return nil, &CorruptError{ProfileID: id, Seq: seq + 1,
			Reason: fmt.Sprintf("missing: the journal reached %d before", upTo)}
	}
	for i, p := range pending {
		r.Add(upTo+int64(i)+1, p)
	}
	return r.Finish(), nil
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

// checkpointVersion is the version of a checkpoint's state. A checkpoint of another version is not
// used: the journal is folded from the beginning.
const checkpointVersion = 2

// foldRecord is the state of a fold in a checkpoint.
type foldRecord struct {
	Version int `json:"v"`
	exposure.Record
}

// checkpoint returns the fold in the form that a store keeps: a SHA-256 over profile, sequence
// number, hash and state, and then the state.
func (f *fold) checkpoint() (Checkpoint, error) {
	data, err := json.Marshal(foldRecord{checkpointVersion, f.Account.Record()})
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint of profile %q: %w", f.profile, err)
	}
	c := Checkpoint{ProfileID: f.profile, Seq: f.seq, Hash: f.hash}
	sum := c.sum(data)
	c.State = append(sum[:], data...)
	return c, nil
}

// foldFrom returns the fold that a checkpoint holds; false if the checkpoint cannot be used.
func foldFrom(c Checkpoint, id ProfileID, base ledger.Currency) (f *fold, ok bool) {
	if c.ProfileID != id || c.Seq < 1 || len(c.State) < sha256.Size {
		return nil, false
	}
	state := c.State[sha256.Size:]
	if c.sum(state) != Hash(c.State[:sha256.Size]) {
		return nil, false
	}
	var r foldRecord
	dec := json.NewDecoder(bytes.NewReader(state))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil || r.Version != checkpointVersion || r.Base != base {
		return nil, false
	}
	a, err := r.Account()
	if err != nil {
		return nil, false
	}
	return &fold{Account: a, profile: id, seq: c.Seq, hash: c.Hash}, true
}

// sum returns the SHA-256 with which a checkpoint's state begins.
func (c *Checkpoint) sum(state []byte) Hash {
	b := append([]byte(c.ProfileID), 0)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Seq))
	b = append(b, c.Hash[:]...)
	return sha256.Sum256(append(b, state...))
}
