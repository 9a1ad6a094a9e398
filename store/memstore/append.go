package memstore

import (
	"context"
	"fmt"

	"github.com/ai-ots/accounts"
)

// Append implements accounts.Store. Positions are not kept: they say nothing that the entries do
// not, and the contract has no way to read them.
func (s *Store) Append(ctx context.Context, b accounts.Batch) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if len(b.Entries) == 0 {
		return nil
	}
	j, err := s.journal(b.ProfileID)
	if err != nil {
		return err
	}
	if err := checkBatch(b); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.last != b.After {
		return fmt.Errorf("%w: journal of profile %q ends with entry %d, not %d",
			accounts.ErrConflict, b.ProfileID, j.last, b.After)
	}
	if err := j.checkKeys(b.Entries); err != nil {
		return err
	}
	for _, e := range b.Entries {
		j.add(e)
	}
	if s.events.Watched() {
		s.events.Publish(accounts.Event{
			Kind: accounts.EventRecorded, ProfileID: j.id, Owner: j.owner, Seq: j.last,
			Time: stored(b.Entries[len(b.Entries)-1].Time),
		})
	}
	return nil
}

// checkBatch returns ErrInvalid for a batch that no journal could accept.
func checkBatch(b accounts.Batch) error {
	for i := range b.Entries {
		e := &b.Entries[i]
		if e.ProfileID != b.ProfileID {
			return fmt.Errorf("%w batch for profile %q: entry %d belongs to profile %q",
				accounts.ErrInvalid, b.ProfileID, e.Seq, e.ProfileID)
		}
		if want := b.After + 1 + int64(i); e.Seq != want {
			return fmt.Errorf("%w batch for profile %q: entry %d in the place of %d",
				accounts.ErrInvalid, b.ProfileID, e.Seq, want)
		}
	}
	if len(b.Entries) == 1 {
		return nil // the common case, spared the map
	}
	seen := make(map[string]struct{}, len(b.Entries))
	for i := range b.Entries {
		key := b.Entries[i].Key
		if _, repeated := seen[key]; repeated && key != "" {
			return fmt.Errorf("%w batch for profile %q: key %q occurs twice", accounts.ErrInvalid, b.ProfileID, key)
		}
		seen[key] = struct{}{}
	}
	return nil
}

// checkKeys returns a *DuplicateError when the journal has a key of the entries already. The
// caller holds the lock.
func (j *journal) checkKeys(entries []accounts.Entry) error {
	var duplicates []accounts.Duplicate
	for i := range entries {
		if seq, exists := j.keys[entries[i].Key]; exists {
			duplicates = append(duplicates, accounts.Duplicate{Key: entries[i].Key, Seq: seq})
		}
	}
	if duplicates == nil {
		return nil
	}
	return &accounts.DuplicateError{ProfileID: j.id, Duplicates: duplicates}
}
