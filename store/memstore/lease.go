package memstore

import (
	"context"
	"sync"
	"time"

	"github.com/ai-ots/accounts"
)

// leases are the leases by their names. A name stays for ever, because its fence never falls.
type leases struct {
	mu     sync.Mutex
	byName map[string]lease
}

// lease is the last lease of a name.
type lease struct {
	holder string
	fence  int64
	ends   time.Time // by the monotonic clock; a lease that EndLease ended has the zero time
}

// Lease implements accounts.LeaseStore.
func (s *Store) Lease(ctx context.Context, name, holder string, ttl time.Duration) (accounts.Lease, error) {
	if err := s.ready(ctx); err != nil {
		return accounts.Lease{}, err
	}
	if err := accounts.CheckLease(name, holder, ttl); err != nil {
		return accounts.Lease{}, err
	}
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	l, now := s.leases.byName[name], time.Now()
	left := l.ends.Sub(now)
	switch {
	case left <= 0:
		l.holder = holder
		l.fence++
	case l.holder != holder:
		return accounts.Lease{}, &accounts.LeasedError{Name: name, Holder: l.holder, Left: left}
	}
	if ttl > left {
		l.ends = now.Add(ttl)
	}
	s.leases.byName[name] = l
	return accounts.Lease{Name: name, Holder: holder, Fence: l.fence}, nil
}

// EndLease implements accounts.LeaseStore.
func (s *Store) EndLease(ctx context.Context, l accounts.Lease) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	if kept, exists := s.leases.byName[l.Name]; exists && kept.holder == l.Holder && kept.fence == l.Fence {
		kept.ends = time.Time{}
		s.leases.byName[l.Name] = kept
	}
	return nil
}
