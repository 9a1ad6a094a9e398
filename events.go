package accounts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/ai-ots/accounts/risk"
)

// EventKind says what an Event is about.
type EventKind string

// The kinds of event.
const (
	EventProfile  EventKind = "profile"  // a profile was created, updated or archived
	EventSwitched EventKind = "switched" // an owner's active profile changed
	EventRecorded EventKind = "recorded" // a profile's journal grew

	// The following come from every process that has the profile's portfolio open, once the entry
	// that they are about is durable.

	EventRefused EventKind = "refused" // an order was refused
	EventWarning EventKind = "warning" // an order brought a limit to its warning level
	EventBreach  EventKind = "breach"  // a loss or drawdown came to another level
	EventState   EventKind = "state"   // trading was halted, reduced or resumed, by a person or a breach

	// EventCredentials: credentials were accessed. See Portfolio.CredentialAccesses for the action
	// and the owner.
	EventCredentials EventKind = "credentials"
	// EventCheckpointFailed: a portfolio could not save a checkpoint. Nothing is lost: opening the
	// portfolio takes longer until one is saved.
	EventCheckpointFailed EventKind = "checkpoint_failed"
)

// Event says that something changed, in this process or another. It is a hint to look again; see
// Store.Watch for what is promised. Events carry no secrets and no amounts.
type Event struct {
	Kind      EventKind `json:"kind"`
	ProfileID ProfileID `json:"profile_id,omitempty"` // for EventSwitched the new active profile, empty when there is none
	Owner     OwnerID   `json:"owner,omitempty"`
	Seq       int64     `json:"seq,omitempty"`   // for EventRecorded a sequence number that the journal has reached, 0 if not known; for those about orders and trading the entry's
	Time      time.Time `json:"time,omitzero"`   // when it happened, UTC
	Err       error     `json:"error,omitempty"` // for EventCheckpointFailed
	Rule      risk.Rule `json:"rule,omitempty"`  // for EventRefused, EventWarning and EventBreach the first rule concerned, for EventState the cause
}

// eventKey says which events replace each other for a slow subscriber.
type eventKey struct {
	kind    EventKind
	profile ProfileID // empty for switches: the newest of an owner counts
	owner   OwnerID
}

// eventKeyOf returns the event's key.
func eventKeyOf(e Event) eventKey {
	if e.Kind == EventSwitched {
		return eventKey{kind: e.Kind, owner: e.Owner}
	}
	return eventKey{kind: e.Kind, profile: e.ProfileID, owner: e.Owner}
}

var eventKinds = []EventKind{EventProfile, EventSwitched, EventRecorded, EventCheckpointFailed,
	EventRefused, EventWarning, EventBreach, EventState, EventCredentials}

// Subscribe returns a channel of changes from now on, in every process that uses the store: events
// of the given kinds, or of all kinds, about the profiles that ctx sees. Events are hints to look
// again. A slow reader finds several events of one kind about one profile (for switches, one owner)
// merged into the newest, never misses the newest, and delays nobody.
//
// Where this manager has the profile's portfolio open, EventProfile and EventRecorded come once the
// portfolio knows what they tell, whoever appended it: its Seq is in the portfolio's book by then,
// and never lower than that of the event before. If the portfolio cannot find out, the event comes
// all the same, with Seq 0 (not known), and once more when the portfolio knows.
//
// When the store's own watch breaks off, the manager watches anew. Since it may have missed
// something, it delivers an EventProfile and an EventRecorded with Seq 0 (not known) for every
// profile, and an EventSwitched for every owner.
//
// The channel is closed when ctx ends, and when the manager or the store is closed. It returns
// ErrInvalid for an unknown kind.
func (m *MultiAccountManager) Subscribe(ctx context.Context, kinds ...EventKind) (<-chan Event, error) {
	s, err := m.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	for _, k := range kinds {
		if !slices.Contains(eventKinds, k) {
			return nil, fmt.Errorf("subscribe: %w: event kind %.40q is unknown", ErrInvalid, k)
		}
	}
	kinds = slices.Clone(kinds)
	events, err := m.events.Subscribe(ctx, func(e Event) bool {
		return s.sees(e.Owner) && (len(kinds) == 0 || slices.Contains(kinds, e.Kind))
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	return events, nil
}

// watch passes on the store's events until the manager or the store is closed.
func (m *MultiAccountManager) watch(changes <-chan Event) {
	var retry backoff
	for {
		if m.passOn(changes) {
			retry = backoff{}
		}
		if m.ctx.Err() == nil {
			m.tel.logAt(m.ctx, slog.LevelWarn, "watch on the store broke off")
		}
		var err error
		if changes, err = m.watchAgain(&retry); err != nil {
			m.events.Close() // for good: subscribers must not wait for a store that is closed
			return
		}
	}
}

// passOn reads the channel to its end, or until the manager is closed, and reports whether there
// was any event.
func (m *MultiAccountManager) passOn(changes <-chan Event) (some bool) {
	for {
		select {
		case e, ok := <-changes:
			if !ok {
				return some
			}
			some = true
			m.forward(e)
		case <-m.ctx.Done():
			return some
		}
	}
}

// watchAgain returns a new channel from the store, after telling subscribers that something may
// have been missed. It returns an error only if there will never be a channel again.
func (m *MultiAccountManager) watchAgain(retry *backoff) (<-chan Event, error) {
	try := 0
	for retry.wait(m.ctx) {
		try++
		changes, err := m.store.Watch(m.ctx)
		if err == nil { // what happens from here on is in changes
			for err = m.forwardAll(m.ctx); err != nil && !errors.Is(err, ErrClosed) && retry.wait(m.ctx); {
				m.watchFailed(try, err)
				try++
				err = m.forwardAll(m.ctx)
			}
		}
		if err == nil {
			m.counters.watchRestarts.Add(1)
			m.tel.logAt(m.ctx, slog.LevelInfo, "watch on the store resumed", slog.Int(keyAttempt, try))
		} else {
			m.watchFailed(try, err)
		}
		if err == nil || errors.Is(err, ErrClosed) {
			return changes, err
		}
	}
	return nil, ErrClosed
}

// watchFailed counts and logs the nth try in a row to watch again that failed.
func (m *MultiAccountManager) watchFailed(try int, err error) {
	if m.ctx.Err() != nil {
		return
	}
	m.counters.watchFailures.Add(1)
	m.tel.logAt(m.ctx, tryLevel(try), "store cannot be watched",
		slog.Int(keyAttempt, try), errAttr(err))
}

// forwardAll sends events about everything, as though all of it had just changed.
func (m *MultiAccountManager) forwardAll(ctx context.Context) error {
	profiles, err := m.store.Profiles(ctx, ProfileFilter{})
	if err != nil {
		return err
	}
	now, owners := m.now(), map[OwnerID]bool{}
	for _, p := range profiles {
		m.forward(Event{Kind: EventProfile, ProfileID: p.ID, Owner: p.Owner, Time: now})
		m.forward(Event{Kind: EventRecorded, ProfileID: p.ID, Owner: p.Owner, Time: now})
		owners[p.Owner] = true
	}
	for owner := range owners {
		active, err := m.store.ActiveProfile(ctx, owner)
		if err != nil && !errors.Is(err, ErrNoActiveProfile) {
			return err
		}
		m.forward(Event{Kind: EventSwitched, ProfileID: active, Owner: owner, Time: now})
	}
	return nil
}

// backoff spaces repeated tries: 20 ms first, then twice as long each time, up to 5 s.
type backoff struct{ next time.Duration }

// wait returns true after the pause, or false at once when ctx ends.
func (b *backoff) wait(ctx context.Context) bool {
	pause := max(b.next, 20*time.Millisecond)
	b.next = min(2*pause, 5*time.Second)
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
