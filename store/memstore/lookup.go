package memstore

import (
	"context"

	"github.com/ai-ots/accounts"
)

// Lookup implements accounts.Store.
func (s *Store) Lookup(ctx context.Context, id accounts.ProfileID, keys []string) (map[string]int64, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	j, err := s.journal(id)
	if err != nil {
		return nil, err
	}
	found := map[string]int64{}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, key := range keys {
		if seq, exists := j.keys[key]; exists { // the empty key never does
			found[key] = seq
		}
	}
	return found, nil
}
