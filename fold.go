package accounts

import (
	"fmt"
	"iter"
)

// fold is a journal folded up to one entry: an account, and where in the journal it stands.
type fold struct {
	*account
	profile ProfileID
	seq     int64
	hash    Hash
}

// newFold returns the fold of an empty journal.
func newFold(id ProfileID, base Currency) *fold {
	return &fold{account: newAccount(base), profile: id}
}

// next folds the next entry in, after checking that it continues the chain. An entry that is folded in already
// changes nothing. A *CorruptError leaves the fold as it was.
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
func (f *fold) apply(p any, seq int64) Closed {
	f.seq = seq
	return f.account.Apply(p, seq)
}

// clone returns a fold that shares nothing that changes.
func (f *fold) clone() *fold {
	c := *f
	c.account = f.account.clone()
	return &c
}

// refoldEntries folds a journal up to and including entry upTo, then the pending payloads behind it.
func refoldEntries(r *refold, id ProfileID, entries iter.Seq2[Entry, error], upTo int64, pending []payload) (*Book, error) {
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
		r.entry(e.Seq, p)
		seq = e.Seq
	}
	if seq != upTo {
		return nil, &CorruptError{ProfileID: id, Seq: seq + 1, Reason: fmt.Sprintf("missing: the journal reached %d before", upTo)}
	}
	for i, p := range pending {
		r.entry(upTo+int64(i)+1, p)
	}
	return r.finish(), nil
}

// Fold folds a journal entry by entry, for programs that read a store without a portfolio. It is not safe for
// concurrent use.
type Fold struct{ f *fold }

// NewFold returns the fold of the profile's empty journal. base is the profile's base currency.
func NewFold(id ProfileID, base Currency) *Fold { return &Fold{newFold(id, base)} }

// Apply folds the next entry in, after checking that it continues the chain. An entry at or below
// Seq changes nothing. A *CorruptError (ErrCorrupt) leaves the fold as it was, and so does ErrInvalid, returned when
// the time zone America/New_York cannot be loaded.
func (f *Fold) Apply(e Entry) error {
	if _, err := newYork(); err != nil {
		return fmt.Errorf("%w: apply entry %d: time zone %w", ErrInvalid, e.Seq, err)
	}
	return f.f.next(e)
}

// Book returns what the entries folded so far come to. It is the fold's own, and changes with it.
func (f *Fold) Book() *Book { return f.f.Book }

// Seq returns the number of the last entry folded in, 0 for none.
func (f *Fold) Seq() int64 { return f.f.seq }

// Hash returns the hash of the last entry folded in.
func (f *Fold) Hash() Hash { return f.f.hash }
