package memstore

import (
	"bytes"
	"context"
	"fmt"

	"github.com/ai-ots/accounts"
)

// SaveCheckpoint implements accounts.Store.
func (s *Store) SaveCheckpoint(ctx context.Context, c accounts.Checkpoint) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	j, err := s.journal(c.ProfileID)
	if err != nil {
		return err
	}
	c.State = bytes.Clone(c.State)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.checkpoint == nil || c.Seq >= j.checkpoint.Seq {
		j.checkpoint = &c // replaced as a whole, so readers may keep the old one
	}
	return nil
}

// Checkpoint implements accounts.Store.
func (s *Store) Checkpoint(ctx context.Context, id accounts.ProfileID) (accounts.Checkpoint, error) {
	if err := s.ready(ctx); err != nil {
		return accounts.Checkpoint{}, err
	}
	j, err := s.journal(id)
	if err != nil {
		return accounts.Checkpoint{}, err
	}
	j.mu.Lock()
	saved := j.checkpoint
	j.mu.Unlock()
	if saved == nil {
		return accounts.Checkpoint{}, fmt.Errorf("%w of profile %q", accounts.ErrNoCheckpoint, id)
	}
	c := *saved
	c.State = bytes.Clone(c.State)
	return c, nil
}
