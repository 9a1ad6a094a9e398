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
	if c.Slot < 0 || c.Slot > accounts.MaxSlot {
		return fmt.Errorf("%w checkpoint of profile %q: slot %d", accounts.ErrInvalid, c.ProfileID, c.Slot)
	}
	c.State = bytes.Clone(c.State)
	j.mu.Lock()
	defer j.mu.Unlock()
	if old := j.checkpoints[c.Slot]; old != nil && c.Seq < old.Seq {
		return nil
	}
	if j.checkpoints == nil {
		j.checkpoints = map[int]*accounts.Checkpoint{}
	}
	j.checkpoints[c.Slot] = &c
	return nil
}

// Checkpoint implements accounts.Store.
func (s *Store) Checkpoint(
	ctx context.Context, id accounts.ProfileID, upTo int64,
) (accounts.Checkpoint, error) {
	if err := s.ready(ctx); err != nil {
		return accounts.Checkpoint{}, err
	}
	j, err := s.journal(id)
	if err != nil {
		return accounts.Checkpoint{}, err
	}
	j.mu.Lock()
	var saved *accounts.Checkpoint
	for _, c := range j.checkpoints {
		if c.Seq <= upTo && (saved == nil || c.Seq > saved.Seq || c.Seq == saved.Seq && c.Slot < saved.Slot) {
			saved = c
		}
	}
	j.mu.Unlock()
	if saved == nil {
		return accounts.Checkpoint{}, fmt.Errorf("%w of profile %q up to entry %d", accounts.ErrNoCheckpoint, id, upTo)
	}
	c := *saved
	c.State = bytes.Clone(c.State)
	return c, nil
}
