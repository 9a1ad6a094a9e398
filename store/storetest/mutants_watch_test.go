package storetest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/hub"
)

// piping passes every event through f, which may send any number of them on. The channel is
// closed as the store's is, if closes says so.
func piping(closes bool, f func(e accounts.Event, send func(accounts.Event))) func(accounts.Store) *broken {
	return func(s accounts.Store) *broken {
		return &broken{Store: s, watch: func(ctx context.Context) (<-chan accounts.Event, error) {
			in, err := s.Watch(ctx)
			if err != nil {
				return nil, err
			}
			out := make(chan accounts.Event)
			go func() {
				for e := range in {
					f(e, func(e accounts.Event) {
						select {
						case out <- e:
						case <-ctx.Done():
						}
					})
				}
				if closes {
					close(out)
				}
			}()
			return out, nil
		}}
	}
}

// dropping leaves out events.
func dropping(drops func(accounts.Event) bool) func(accounts.Store) *broken {
	return piping(true, func(e accounts.Event, send func(accounts.Event)) {
		if !drops(e) {
			send(e)
		}
	})
}

// changing changes events.
func changing(change func(*accounts.Event)) func(accounts.Store) *broken {
	return piping(true, func(e accounts.Event, send func(accounts.Event)) {
		change(&e)
		send(e)
	})
}

// buffering has a plain channel of the capacity for each watcher, and drops what does not fit.
func buffering(capacity int) func(accounts.Store) *broken {
	return func(s accounts.Store) *broken {
		var (
			mu       sync.Mutex
			watchers []chan accounts.Event
		)
		return &broken{Store: s,
			watch: func(context.Context) (<-chan accounts.Event, error) {
				mu.Lock()
				defer mu.Unlock()
				watchers = append(watchers, make(chan accounts.Event, capacity))
				return watchers[len(watchers)-1], nil
			},
			append: func(ctx context.Context, b accounts.Batch) error {
				if err := s.Append(ctx, b); err != nil {
					return err
				}
				p, err := s.Profile(ctx, b.ProfileID)
				mu.Lock()
				defer mu.Unlock()
				for _, w := range watchers {
					select {
					case w <- recordEvent(p, b.After+int64(len(b.Entries))):
					default:
					}
				}
				return err
			},
			setActive: func(ctx context.Context, owner accounts.OwnerID, id accounts.ProfileID, at time.Time) error {
				mu.Lock()
				defer mu.Unlock()
				for _, w := range watchers {
					select {
					case w <- switchEvent(owner, id):
					default:
					}
				}
				return s.SetActiveProfile(ctx, owner, id, at)
			},
		}
	}
}

func watchMutants() []mutant {
	const (
		profiles = "Watch tells of a profile created and updated"
		switches = "Watch tells of an owner's switch"
		records  = "Watch tells of a journal that grew, and how far"
		merges   = "Watch merges events for a slow reader and never misses the newest"
		apart    = "Watch merges nothing but one kind about one profile or owner"
		order    = "Watch is in the order of sequence numbers"
	)
	return []mutant{
		{name: "tells nothing of profiles", caught: []string{profiles, apart}, waits: true,
			breaks: dropping(func(e accounts.Event) bool { return e.Kind == accounts.EventProfile })},
		{name: "tells nothing of a switch to none", caught: []string{switches, merges}, waits: true,
			breaks: dropping(func(e accounts.Event) bool { return e.Kind == accounts.EventSwitched && e.ProfileID == "" })},
		{name: "leaves the owner out", caught: []string{profiles, switches, records}, waits: true,
			breaks: changing(func(e *accounts.Event) { e.Owner = "" })},
		{name: "tells where the journal ended before", caught: one(records), waits: true,
			breaks: changing(func(e *accounts.Event) { e.Seq-- })},
		{name: "keeps every event for a slow reader", caught: one(merges), breaks: buffering(10_000)},
		{name: "drops the newest", caught: []string{merges, "Watch never misses the newest while many write"}, waits: true, breaks: buffering(10)},
		{name: "merges by kind", caught: one(apart), waits: true, breaks: mergingByKind},
		// However much was merged, the newest event comes behind one with a higher number.
		{name: "tells in reverse", caught: one(order), breaks: piping(true, func(e accounts.Event, send func(accounts.Event)) {
			later := e
			later.Seq++
			send(later)
			send(e)
		})},
		{name: "leaves channels open", waits: true, caught: []string{"Watch closes its channel when its context ends",
			"Watch closes its channel when the store is closed", "concurrent Close is not an error"},
			breaks: piping(false, func(e accounts.Event, send func(accounts.Event)) { send(e) })},
		{name: "serves ten", caught: one("Watch serves any number of watchers"), breaks: func(s accounts.Store) *broken {
			var n atomic.Int32
			return &broken{Store: s, watch: func(ctx context.Context) (<-chan accounts.Event, error) {
				if n.Add(1) > 10 {
					return nil, accounts.ErrConflict
				}
				return s.Watch(ctx)
			}}
		}},
	}
}

// mergingByKind merges events about different profiles and owners.
func mergingByKind(s accounts.Store) *broken {
	h := hub.New(func(e accounts.Event) accounts.EventKind { return e.Kind }, accounts.ErrClosed)
	return &broken{Store: s,
		watch: func(ctx context.Context) (<-chan accounts.Event, error) { return h.Subscribe(ctx, nil) },
		create: func(ctx context.Context, p accounts.AccountProfile) error {
			defer h.Publish(profileEvent(p))
			return s.CreateProfile(ctx, p)
		},
		append: func(ctx context.Context, b accounts.Batch) error {
			p, _ := s.Profile(ctx, b.ProfileID)
			defer h.Publish(recordEvent(p, b.After+int64(len(b.Entries))))
			return s.Append(ctx, b)
		},
		setActive: func(ctx context.Context, owner accounts.OwnerID, id accounts.ProfileID, at time.Time) error {
			defer h.Publish(switchEvent(owner, id))
			return s.SetActiveProfile(ctx, owner, id, at)
		},
	}
}

func concurrencyMutants() []mutant {
	return []mutant{
		{name: "reads what was there before", caught: one("calls on one profile's journal are linearizable"), breaks: func(s accounts.Store) *broken {
			var (
				mu    sync.Mutex
				reads int
				seen  []accounts.Entry
			)
			return reading(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, yield func(accounts.Entry, error) bool) {
				mu.Lock()
				if reads++; reads%4 != 0 { // every fourth shows what the one before it saw
					seen, _ = read(ctx, s, id, after)
				}
				entries := seen
				mu.Unlock()
				for _, e := range entries {
					if !yield(e, nil) {
						return
					}
				}
			})(s)
		}},
		{name: "an append may happen in parts", caught: one("calls on one profile's journal are linearizable"), breaks: appendsOneByOne},
		{name: "reads an old profile and updates any version", caught: one("no update is lost"), breaks: func(s accounts.Store) *broken {
			var (
				mu    sync.Mutex
				reads int
				seen  accounts.AccountProfile
			)
			b := ignoresVersion(s)
			b.profile = func(ctx context.Context, id accounts.ProfileID) (_ accounts.AccountProfile, err error) {
				mu.Lock()
				defer mu.Unlock()
				if reads++; reads%4 != 0 {
					seen, err = s.Profile(ctx, id)
				}
				return seen, err
			}
			return b
		}},
	}
}
