// Package memcreds keeps credentials in memory: for tests, demos, and programs that are handed
// their secrets anew at every start. Nothing is written anywhere, and nothing survives
// Close: what is replaced, deleted or closed is overwritten with zeros, as far as Go lets a program.
package memcreds

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
)

// Store is an accounts.CredentialStore in memory. Make one with New. All methods are safe for
// concurrent use.
type Store struct {
	mu     sync.RWMutex
	closed bool
	kept   map[accounts.ProfileID]credentials.Set
}

var _ accounts.CredentialStore = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	return &Store{kept: make(map[accounts.ProfileID]credentials.Set)}
}

// ready is the first thing every method does under the lock.
func (s *Store) ready(ctx context.Context) error {
	if s.closed {
		return accounts.ErrClosed
	}
	return ctx.Err()
}

// Put stores a copy of c as the whole of the profile's credentials, in place of what was there, which
// is overwritten.
func (s *Store) Put(ctx context.Context, id accounts.ProfileID, c credentials.Set) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := valid(id, c); err != nil {
		return err
	}
	s.kept[id].Wipe()
	s.kept[id] = c.Clone()
	return nil
}

func valid(id accounts.ProfileID, c credentials.Set) error {
	if id == "" {
		return fmt.Errorf("put credentials: %w: the profile id is empty", accounts.ErrInvalid)
	}
	if err := c.Validate(); err != nil {
		return fmt.Errorf("put credentials of profile %.60q: %w", id, err)
	}
	return nil
}

// Get returns a copy of the profile's credentials. ErrCredentialsNotFound on a miss.
func (s *Store) Get(ctx context.Context, id accounts.ProfileID) (credentials.Set, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	c, ok := s.kept[id]
	if !ok {
		return nil, fmt.Errorf("%w: profile %.60q", accounts.ErrCredentialsNotFound, id)
	}
	return c.Clone(), nil
}

// Delete removes the profile's credentials. A miss is not an error.
func (s *Store) Delete(ctx context.Context, id accounts.ProfileID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.kept[id].Wipe()
	delete(s.kept, id)
	return nil
}

// List returns the ids that have credentials, in ascending order; none is an empty slice.
func (s *Store) List(ctx context.Context) ([]accounts.ProfileID, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	ids := slices.AppendSeq(make([]accounts.ProfileID, 0, len(s.kept)), maps.Keys(s.kept))
	slices.Sort(ids)
	return ids, nil
}

// Ping implements accounts.CredentialStore: memory can be reached until the store is closed.
func (s *Store) Ping(ctx context.Context) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.ready(ctx)
}

// Close overwrites and forgets everything. A second Close is not an error.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.kept {
		c.Wipe()
	}
	s.closed, s.kept = true, nil
	return nil
}
