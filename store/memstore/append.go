package memstore

import (
	"context"
	"fmt"
	"iter"

	"github.com/ai-ots/accounts"
)

// Append implements accounts.Store. Positions are not kept: they say nothing that the entries do
// not, and the contract has no way to read them.
func (s *Store) Append(ctx context.Context, b accounts.Batch) error {
	j, err := s.open(ctx, b)
	if err != nil {
		return err
	}
	if err := j.lock(ctx); err != nil {
		return err
	}
	defer j.mu.Unlock()
	return s.append(j, b)
}

// open returns the journal for a batch that some journal could accept.
func (s *Store) open(ctx context.Context, b accounts.Batch) (*journal, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	j, err := s.journal(b.ProfileID)
	if err != nil {
		return nil, err
	}
	return j, b.Check()
}

// AppendLocked implements accounts.Store. A batch that decide returns after the context has ended
// is not appended.
func (s *Store) AppendLocked(
	ctx context.Context, id accounts.ProfileID, after int64,
	decide func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error),
) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	j, err := s.journal(id)
	if err != nil {
		return err
	}
	if err := j.lock(ctx); err != nil {
		return err
	}
	j.held = make(chan struct{})
	j.mu.Unlock()
	defer j.release()
	b, err := decide(s.Entries(ctx, id, after))
	if err != nil {
		return err
	}
	if b.ProfileID != id {
		return fmt.Errorf("%w batch for profile %q: the journal of profile %q is locked", accounts.ErrInvalid, b.ProfileID, id)
	}
	if err := b.Check(); err != nil {
		return err
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return s.append(j, b)
}

// lock locks the journal for an append, once nobody holds it. The context ends waiting.
func (j *journal) lock(ctx context.Context) error {
	j.mu.Lock()
	for j.held != nil {
		held := j.held
		j.mu.Unlock()
		select {
		case <-held:
		case <-ctx.Done():
			return ctx.Err()
		}
		j.mu.Lock()
	}
	return nil
}

// release ends the hold of AppendLocked.
func (j *journal) release() {
	j.mu.Lock()
	close(j.held)
	j.held = nil
	j.mu.Unlock()
}

// append adds the batch, if the journal ends where the batch says. The caller holds the lock.
func (s *Store) append(j *journal, b accounts.Batch) error {
	if j.last != b.After || j.head() != b.Hash {
		return fmt.Errorf("%w: journal of profile %q ends with entry %d (%.8s), not %d (%.8s)",
			accounts.ErrConflict, b.ProfileID, j.last, j.head(), b.After, b.Hash)
	}
	if len(b.Entries) == 0 {
		return nil
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
