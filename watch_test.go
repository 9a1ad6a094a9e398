package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

func TestSubscribe(t *testing.T) {
	store := newStore(t)
	here, there := newManager(t, store), newManager(t, store)
	ctx := t.Context()
	all, err := here.Subscribe(ctx)
	require.NoError(t, err)
	switches, err := here.Subscribe(ctx, accounts.EventSwitched)
	require.NoError(t, err)

	create(t, ctx, there, "a")
	e := await(t, all, func(accounts.Event) bool { return true })
	require.Equal(t, accounts.EventProfile, e.Kind)
	require.Equal(t, accounts.ProfileID("a"), e.ProfileID)
	switchTo(t, ctx, there, "a")
	p, err := there.Portfolio(ctx, "a")
	require.NoError(t, err)
	require.NoError(t, errOf(p.Record(ctx, deposit(t, "1"))))
	switched, recorded := false, false // in any order
	await(t, all, func(e accounts.Event) bool {
		switched = switched || e.Kind == accounts.EventSwitched && e.ProfileID == "a"
		recorded = recorded || e.Kind == accounts.EventRecorded && e.Seq == 1
		return switched && recorded
	})
	require.NoError(t, there.ArchiveProfile(ctx, "a"))
	await(t, switches, func(e accounts.Event) bool {
		require.Equal(t, accounts.EventSwitched, e.Kind, "a kind that was not asked for")
		return e.ProfileID == ""
	})
	_, err = here.Subscribe(ctx, "gossip")
	require.ErrorIs(t, err, accounts.ErrInvalid, "an unknown kind")
}

func TestSubscriptionEndsWithItsContext(t *testing.T) {
	m := newManager(t, newStore(t))
	ctx, cancel := context.WithCancel(t.Context())
	events, err := m.Subscribe(ctx)
	require.NoError(t, err)
	cancel()
	requireEnd(t, events)
}

func TestSubscriptionsAreTheOwners(t *testing.T) {
	m := newManager(t, newStore(t))
	anna, bert := accounts.WithOwner(t.Context(), "anna"), accounts.WithOwner(t.Context(), "bert")
	annas, err := m.Subscribe(anna)
	require.NoError(t, err)
	everybodys, err := m.Subscribe(t.Context())
	require.NoError(t, err)

	create(t, bert, m, "b")
	switchTo(t, bert, m, "b")
	p, err := m.Portfolio(bert, "b")
	require.NoError(t, err)
	require.NoError(t, errOf(p.Record(bert, deposit(t, "1"))))
	kinds := map[accounts.EventKind]bool{}
	await(t, everybodys, func(e accounts.Event) bool {
		require.Equal(t, accounts.OwnerID("bert"), e.Owner)
		kinds[e.Kind] = true
		return len(kinds) == 3
	})
	create(t, anna, m, "a") // arrives behind everything of Bert's that there is
	e, ok := nextEvent(t, annas)
	require.True(t, ok)
	require.Equal(t, accounts.ProfileID("a"), e.ProfileID, "Anna was told of Bert's profile")
}

// A watch that breaks off hides what happened until the next: everything must be looked at again.
func TestLostWatchIsTakenUpAgain(t *testing.T) {
	store := newStore(t)
	silent := make(chan accounts.Event) // a watch that tells nothing, as when the connection is gone
	var watches atomic.Int32
	store.onWatch = func(ctx context.Context) (<-chan accounts.Event, error) {
		switch watches.Add(1) {
		case 1:
			return silent, nil
		case 2:
			return nil, errors.New("still no connection")
		default:
			return store.Store.Watch(ctx)
		}
	}
	deaf, other := newManager(t, store), newManager(t, store.Store)
	ctx := t.Context()
	create(t, ctx, other, "a")
	events, err := deaf.Subscribe(ctx)
	require.NoError(t, err)
	ours, err := deaf.Portfolio(ctx, "a")
	require.NoError(t, err)
	theirs, err := other.Portfolio(ctx, "a")
	require.NoError(t, err)
	require.NoError(t, errOf(theirs.Record(ctx, deposit(t, "1"))))
	switchTo(t, ctx, other, "a")

	close(silent)
	missing := map[accounts.EventKind]bool{accounts.EventProfile: true, accounts.EventSwitched: true, accounts.EventRecorded: true}
	for len(missing) > 0 {
		e, ok := nextEvent(t, events)
		require.True(t, ok, "subscribers were dropped")
		require.Equal(t, accounts.ProfileID("a"), e.ProfileID)
		if e.Kind == accounts.EventRecorded {
			require.EqualValues(t, 1, ours.Seq(), "the portfolio did not catch up")
		}
		delete(missing, e.Kind)
	}
	require.NoError(t, errOf(theirs.Record(ctx, deposit(t, "2"))))
	await(t, events, func(e accounts.Event) bool { return e.Seq == 2 })
	require.EqualValues(t, 3, watches.Load(), "not one watch after the other")
}

func TestCloseWhileThereIsNoWatch(t *testing.T) {
	store := newStore(t)
	tried := make(chan struct{}, 1)
	first := true
	store.onWatch = func(ctx context.Context) (<-chan accounts.Event, error) {
		if first {
			first = false
			ended := make(chan accounts.Event)
			close(ended)
			return ended, nil
		}
		select {
		case tried <- struct{}{}:
		default:
		}
		return nil, errors.New("no connection")
	}
	m := newManager(t, store)
	receive(t, tried, "another try")
	require.NoError(t, m.Close()) // and the goroutine that tries must be gone
}

func TestClosedStoreEndsSubscriptions(t *testing.T) {
	store := newStore(t)
	m := newManager(t, store)
	events, err := m.Subscribe(t.Context())
	require.NoError(t, err)
	require.NoError(t, store.Close())
	requireEnd(t, events)
	_, err = m.Subscribe(t.Context())
	require.ErrorIs(t, err, accounts.ErrClosed, "nothing will ever come")
}

// Catching up is tried again while the store fails.
func TestPortfolioCatchesUpAfterTheStoreFailed(t *testing.T) {
	store := newStore(t)
	var failures atomic.Int32 // still to come
	recovered := make(chan struct{}, 1)
	store.onProfile = func(ctx context.Context, id accounts.ProfileID) (accounts.AccountProfile, error) {
		switch failures.Add(-1) {
		case 2, 1:
			return accounts.AccountProfile{}, errors.New("connection lost")
		case 0:
			recovered <- struct{}{}
		}
		return store.Store.Profile(ctx, id)
	}
	here, there := newManager(t, store), newManager(t, store.Store)
	ctx := t.Context()
	events, err := here.Subscribe(ctx, accounts.EventProfile)
	require.NoError(t, err)
	p := create(t, ctx, there, "a")
	await(t, events, func(accounts.Event) bool { return true })
	ours, err := here.Portfolio(ctx, "a")
	require.NoError(t, err)

	failures.Store(3)
	p.IBKRAccountID = "DU7000001"
	_, err = there.UpdateProfile(ctx, p)
	require.NoError(t, err)
	await(t, events, func(accounts.Event) bool { return true }) // subscribers do not wait for the store to recover
	receive(t, recovered, "another try")
	await(t, events, func(accounts.Event) bool { return ours.IBKRAccountID() == "DU7000001" }) // told again once it is known
}

// failingRead is a store that fails a reading of entries when it is asked to.
type failingRead struct {
	accounts.Store
	fail atomic.Bool
}

func (s *failingRead) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	if s.fail.Swap(false) {
		return func(yield func(accounts.Entry, error) bool) { yield(accounts.Entry{}, errors.New("connection lost")) }
	}
	return s.Store.Entries(ctx, id, after)
}

// Another process appends, reading that fails once, and before it is tried again this process appends
// itself: subscribers are told of the entry of its own.
func TestOwnAppendWhileCatchingUpFails(t *testing.T) {
	shared := newStore(t)
	mine := &failingRead{Store: shared.Store}
	there, here := newManager(t, shared.Store), newManager(t, mine)
	create(t, t.Context(), there, "a")
	theirs, err := there.Portfolio(t.Context(), "a")
	require.NoError(t, err)
	ours, err := here.Portfolio(t.Context(), "a")
	require.NoError(t, err)
	events, err := here.Subscribe(t.Context(), accounts.EventRecorded)
	require.NoError(t, err)

	mine.fail.Store(true)
	require.NoError(t, errOf(theirs.Record(t.Context(), deposit(t, "theirs"))))
	e := await(t, events, func(accounts.Event) bool { return true })
	require.Zero(t, e.Seq, "told of an entry that the portfolio could not read")
	require.NoError(t, errOf(ours.Record(t.Context(), deposit(t, "ours"))))
	await(t, events, func(e accounts.Event) bool { return e.Seq == 2 })
}

// An observer that ends the goroutine in which a portfolio catches up, as a failed test does, leaves
// no portfolio that never catches up again.
func TestAnObserverThatEndsACatchUp(t *testing.T) {
	store := newStore(t)
	var exit atomic.Bool
	there, here := newManager(t, store), newManager(t, store, accounts.WithObserver(observe(func(_ context.Context, o accounts.Observation) {
		if o.Op == "catch_up" && exit.Swap(false) {
			runtime.Goexit()
		}
	})))
	create(t, t.Context(), there, "a")
	theirs, err := there.Portfolio(t.Context(), "a")
	require.NoError(t, err)
	_, err = here.Portfolio(t.Context(), "a")
	require.NoError(t, err)
	events, err := here.Subscribe(t.Context(), accounts.EventRecorded)
	require.NoError(t, err)
	exit.Store(true)
	for n := int64(1); n <= 3; n++ {
		require.NoError(t, errOf(theirs.Record(t.Context(), deposit(t, fmt.Sprint(n)))))
		await(t, events, func(e accounts.Event) bool { return n == 1 || e.Seq == n })
	}
}

// Whoever is subscribed learns the newest of every profile and finds it in the portfolio, whichever
// process recorded it.
func TestNothingNewestIsMissed(t *testing.T) {
	const rounds, subscribers, writers, each = 10, 4, 4, 30
	ids := []accounts.ProfileID{"a", "b", "c"}
	for range rounds {
		store := newStore(t)
		managers := []*accounts.MultiAccountManager{newManager(t, store), newManager(t, store)}
		portfolios := make([]map[accounts.ProfileID]*accounts.Portfolio, len(managers))
		for i, m := range managers {
			portfolios[i] = map[accounts.ProfileID]*accounts.Portfolio{}
			for _, id := range ids {
				if i == 0 {
					create(t, t.Context(), m, id)
				}
				p, err := m.Portfolio(t.Context(), id)
				require.NoError(t, err)
				portfolios[i][id] = p
			}
		}
		complaints := make(chan string, subscribers) // an empty one of each that has seen all
		for k := range subscribers {
			events, err := managers[k%2].Subscribe(t.Context(), accounts.EventRecorded)
			require.NoError(t, err)
			go func() { complaints <- readToTheEnd(events, portfolios[k%2], each*writers) }()
		}
		for w := range writers {
			go func() {
				for n := range each {
					for i, id := range ids {
						if _, err := portfolios[(w+n+i)%2][id].Record(t.Context(), deposit(t, fmt.Sprint(w, ".", n))); err != nil {
							panic(err)
						}
					}
				}
			}()
		}
		for range subscribers {
			require.Empty(t, receive(t, complaints, "a subscriber to learn the newest of every profile"))
		}
	}
}

// readToTheEnd reads until it was told of the last entry of every portfolio. It returns what was wrong.
func readToTheEnd(events <-chan accounts.Event, portfolios map[accounts.ProfileID]*accounts.Portfolio, last int64) string {
	newest, left := map[accounts.ProfileID]int64{}, len(portfolios)
	for e := range events {
		switch known := portfolios[e.ProfileID].Seq(); {
		case e.Seq > known:
			return fmt.Sprintf("told of entry %d of %q when the portfolio knew %d", e.Seq, e.ProfileID, known)
		case e.Seq <= newest[e.ProfileID]:
			return fmt.Sprintf("told of entry %d of %q after entry %d", e.Seq, e.ProfileID, newest[e.ProfileID])
		}
		if newest[e.ProfileID] = e.Seq; e.Seq == last {
			left--
		}
		if left == 0 {
			return ""
		}
	}
	return "the channel was closed"
}
