package memstore

import (
	"context"
	"fmt"
	"time"

	"github.com/ai-ots/accounts"
)

// SetActiveProfile implements accounts.Store.
func (s *Store) SetActiveProfile(ctx context.Context, owner accounts.OwnerID, id accounts.ProfileID, at time.Time) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	at = stored(at)
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == "" {
		delete(s.active, owner)
	} else {
		p, exists := s.profiles.byID[id]
		if !exists || p.Owner != owner {
			return notFound(id)
		}
		p.LastUsedAt = at
		s.profiles.put(p)
		s.active[owner] = id
	}
	s.events.Publish(accounts.Event{Kind: accounts.EventSwitched, ProfileID: id, Owner: owner, Time: at})
	return nil
}

// ActiveProfile implements accounts.Store.
func (s *Store) ActiveProfile(ctx context.Context, owner accounts.OwnerID) (accounts.ProfileID, error) {
	if err := s.ready(ctx); err != nil {
		return "", err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	id, set := s.active[owner]
	if !set {
		return "", fmt.Errorf("%w: owner %q", accounts.ErrNoActiveProfile, owner)
	}
	return id, nil
}
