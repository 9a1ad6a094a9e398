package memstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/ai-ots/accounts"
)

// directory is the profiles with what they are looked up by.
type directory struct {
	byID  map[accounts.ProfileID]accounts.AccountProfile
	ids   []accounts.ProfileID // of byID, ascending
	names map[ownedName]accounts.ProfileID
}

type ownedName struct {
	owner accounts.OwnerID
	name  string
}

func newDirectory() directory {
	return directory{
		byID:  make(map[accounts.ProfileID]accounts.AccountProfile),
		names: make(map[ownedName]accounts.ProfileID),
	}
}

// checkName returns ErrNameTaken when another profile of p's owner has its name.
func (d *directory) checkName(p accounts.AccountProfile) error {
	if id, taken := d.names[ownedName{p.Owner, p.Name}]; taken && id != p.ID {
		return fmt.Errorf("%w: %q is the name of profile %q", accounts.ErrNameTaken, p.Name, id)
	}
	return nil
}

// put keeps p, new or in the place of the one with its id, whose owner is the same.
func (d *directory) put(p accounts.AccountProfile) {
	if old, exists := d.byID[p.ID]; exists {
		delete(d.names, ownedName{old.Owner, old.Name})
	} else {
		at, _ := slices.BinarySearch(d.ids, p.ID)
		d.ids = slices.Insert(d.ids, at, p.ID)
	}
	d.byID[p.ID] = p.Clone()
	d.names[ownedName{p.Owner, p.Name}] = p.ID
}

// CreateProfile implements accounts.Store.
func (s *Store) CreateProfile(ctx context.Context, p accounts.AccountProfile) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	p.CreatedAt, p.UpdatedAt, p.LastUsedAt = stored(p.CreatedAt), stored(p.UpdatedAt), stored(p.LastUsedAt)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.profiles.byID[p.ID]; taken {
		return fmt.Errorf("%w: %q", accounts.ErrProfileExists, p.ID)
	}
	if err := s.profiles.checkName(p); err != nil {
		return err
	}
	s.profiles.put(p)
	s.journals[p.ID] = newJournal(p.ID, p.Owner)
	s.publishProfile(p)
	return nil
}

// UpdateProfile implements accounts.Store.
func (s *Store) UpdateProfile(ctx context.Context, p accounts.AccountProfile) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, exists := s.profiles.byID[p.ID]
	if !exists || old.Owner != p.Owner {
		return notFound(p.ID)
	}
	if old.Version != p.Version {
		return fmt.Errorf("%w: profile %q is at version %d, not %d",
			accounts.ErrConflict, p.ID, old.Version, p.Version)
	}
	if err := s.profiles.checkName(p); err != nil {
		return err
	}
	p.Version++
	p.CreatedAt, p.UpdatedAt, p.LastUsedAt = old.CreatedAt, stored(p.UpdatedAt), old.LastUsedAt
	s.profiles.put(p)
	s.publishProfile(p)
	return nil
}

// Profile implements accounts.Store.
func (s *Store) Profile(ctx context.Context, id accounts.ProfileID) (accounts.AccountProfile, error) {
	if err := s.ready(ctx); err != nil {
		return accounts.AccountProfile{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, exists := s.profiles.byID[id]
	if !exists {
		return accounts.AccountProfile{}, notFound(id)
	}
	return p.Clone(), nil
}

// Profiles implements accounts.Store. A page is found without reading the pages before it.
func (s *Store) Profiles(ctx context.Context, f accounts.ProfileFilter) ([]accounts.AccountProfile, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := []accounts.AccountProfile{}
	from, _ := slices.BinarySearch(s.profiles.ids, f.After)
	for _, id := range s.profiles.ids[from:] {
		if f.Limit > 0 && len(found) == f.Limit {
			break
		}
		if p := s.profiles.byID[id]; f.Matches(p) {
			found = append(found, p.Clone())
		}
	}
	return found, nil
}
