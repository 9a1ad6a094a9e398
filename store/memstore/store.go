// Package memstore keeps profiles and journals in memory: for tests, for demonstrations and for
// programs that need no durability. It keeps every promise of accounts.Store; what it accepted
// lasts as long as the Store itself.
package memstore

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/hub"
)

// Store is an accounts.Store and an accounts.LeaseStore in memory. Make one with New. All methods
// are safe for concurrent use, and calls about the journals of different profiles do not wait for
// each other.
type Store struct {
	closed atomic.Bool
	events *hub.Hub[accounts.Event, subject]

	// mu guards the directory below. It is taken before a journal's lock, never after it.
	mu       sync.RWMutex
	profiles directory
	journals map[accounts.ProfileID]*journal // one for each profile
	active   map[accounts.OwnerID]accounts.ProfileID

	leases leases
}

var (
	_ accounts.Store      = (*Store)(nil)
	_ accounts.LeaseStore = (*Store)(nil)
)

// New returns an empty store. It starts no goroutine until something calls Watch; Close ends all.
func New() *Store {
	return &Store{
		events:   hub.New(subjectOf, accounts.ErrClosed),
		profiles: newDirectory(),
		journals: make(map[accounts.ProfileID]*journal),
		active:   make(map[accounts.OwnerID]accounts.ProfileID),
		leases:   leases{byName: make(map[string]lease)},
	}
}

// Close makes every later call return accounts.ErrClosed and closes the channels of Watch. It
// returns when all of the store's goroutines have ended, and always nil.
func (s *Store) Close() error {
	s.closed.Store(true)
	s.events.Close()
	return nil
}

// Ping implements accounts.Store: memory can be reached until the store is closed.
func (s *Store) Ping(ctx context.Context) error { return s.ready(ctx) }

// ready refuses a done context and a closed store, before anything happens.
func (s *Store) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() {
		return accounts.ErrClosed
	}
	return nil
}

// journal returns the journal of the profile. ErrProfileNotFound on a miss.
func (s *Store) journal(id accounts.ProfileID) (*journal, error) {
	s.mu.RLock()
	j := s.journals[id]
	s.mu.RUnlock()
	if j == nil {
		return nil, notFound(id)
	}
	return j, nil
}

func notFound(id accounts.ProfileID) error {
	return fmt.Errorf("%w: %q", accounts.ErrProfileNotFound, id)
}

// stored is a time as the store keeps it: whole microseconds in UTC, as a database would, so that
// nothing passes its tests in memory and differs in production. It cuts off, because an entry's
// hash does too: rounding up would change what was hashed.
func stored(t time.Time) time.Time { return t.Truncate(time.Microsecond).UTC() }
