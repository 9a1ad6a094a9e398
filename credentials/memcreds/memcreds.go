// Package memcreds keeps credentials in memory: for tests, demos, and programs that are handed
// their secrets anew at every start. Nothing is written anywhere, and nothing survives
// Close: what is replaced, deleted or closed is overwritten with zeros, as far as Go lets a
// program.
package memcreds

import (
	"cmp"
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
	kept   map[accounts.LoginKey]map[credentials.Kind]credentials.Set // no login without credentials
}

var _ accounts.CredentialStore = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	return &Store{kept: make(map[accounts.LoginKey]map[credentials.Kind]credentials.Set)}
}

// ready is the first thing every method does under the lock.
func (s *Store) ready(ctx context.Context) error {
	if s.closed {
		return accounts.ErrClosed
	}
	return ctx.Err()
}

// Put stores a copy of c as the whole of the login's credentials of c's kind, in place of what was
// there, which is overwritten.
func (s *Store) Put(ctx context.Context, key accounts.LoginKey, c credentials.Set) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := valid(key, c); err != nil {
		return err
	}
	if s.kept[key] == nil {
		s.kept[key] = map[credentials.Kind]credentials.Set{}
	}
	s.kept[key][c.Kind()].Wipe()
	s.kept[key][c.Kind()] = c.Clone()
	return nil
}

func valid(key accounts.LoginKey, c credentials.Set) error {
	if key == "" {
		return fmt.Errorf("put credentials: %w: the login's key is empty", accounts.ErrInvalid)
	}
	if err := c.Validate(); err != nil {
		return fmt.Errorf("put credentials of login %.110q: %w", key, err)
	}
	return nil
}

// Get returns a copy of the login's credentials of the kind. ErrCredentialsNotFound on a miss.
func (s *Store) Get(ctx context.Context, key accounts.LoginKey, kind credentials.Kind) (credentials.Set, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	c, ok := s.kept[key][kind]
	if !ok {
		return nil, fmt.Errorf("%w: login %.110q, kind %.40q", accounts.ErrCredentialsNotFound, key, kind)
	}
	return c.Clone(), nil
}

// Delete removes the login's credentials of the kinds, or of every kind if none is named. A miss is
// not an error.
func (s *Store) Delete(ctx context.Context, key accounts.LoginKey, kinds ...credentials.Kind) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	if len(kinds) == 0 {
		kinds = ascending(s.kept[key])
	}
	for _, kind := range kinds {
		s.kept[key][kind].Wipe()
		delete(s.kept[key], kind)
	}
	if len(s.kept[key]) == 0 {
		delete(s.kept, key)
	}
	return nil
}

// Kinds returns the kinds of which the login has credentials, in ascending order; none is an empty
// slice.
func (s *Store) Kinds(ctx context.Context, key accounts.LoginKey) ([]credentials.Kind, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	return ascending(s.kept[key]), nil
}

// List returns the keys of the logins that have credentials, in ascending order; none is an empty
// slice.
func (s *Store) List(ctx context.Context) ([]accounts.LoginKey, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	return ascending(s.kept), nil
}

// ascending returns a map's keys in order.
func ascending[K cmp.Ordered, V any](m map[K]V) []K {
	keys := slices.AppendSeq(make([]K, 0, len(m)), maps.Keys(m))
	slices.Sort(keys)
	return keys
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
	for _, kinds := range s.kept {
		for _, c := range kinds {
			c.Wipe()
		}
	}
	s.closed, s.kept = true, nil
	return nil
}
