package memstore

import (
	"context"

	"github.com/ai-ots/accounts"
)

// subject is what events are merged by: one kind about one profile, or one owner for switches.
type subject struct {
	kind accounts.EventKind
	id   string
}

func subjectOf(e accounts.Event) subject {
	if e.Kind == accounts.EventSwitched {
		return subject{e.Kind, string(e.Owner)}
	}
	return subject{e.Kind, string(e.ProfileID)}
}

// Watch implements accounts.Store. It costs one goroutine until ctx ends or the store is closed.
// The time of an event is the one that the caller gave to what happened, so that events follow
// the caller's clock; the store has none of its own.
func (s *Store) Watch(ctx context.Context) (<-chan accounts.Event, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	return s.events.Subscribe(ctx, nil)
}

// publishProfile tells that p was created or updated. Like every event it is published under the
// lock that guards the change, so that the newest event is about the newest state.
func (s *Store) publishProfile(p accounts.AccountProfile) {
	at := p.UpdatedAt
	if at.IsZero() {
		at = p.CreatedAt
	}
	s.events.Publish(accounts.Event{Kind: accounts.EventProfile, ProfileID: p.ID, Owner: p.Owner, Time: at})
}
