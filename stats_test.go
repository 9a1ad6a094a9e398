package accounts_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

// alone is a store of which a manager hears nothing: it learns of others when an append is refused.
func alone(store *memstore.Store) *fakeStore {
	s := &fakeStore{Store: store}
	s.onWatch = func(context.Context) (<-chan accounts.Event, error) { return make(chan accounts.Event), nil }
	return s
}

// counted is what a test expects of the figures that do not depend on time or on the store.
func counted(s accounts.PortfolioStats) accounts.PortfolioStats {
	s.Store = accounts.StoreStats{}
	return s
}

func TestStatsOfKnownSequences(t *testing.T) {
	b := newBenchOn(t, alone(memstore.New()))
	want := accounts.PortfolioStats{ProfileID: b.Profile.ID}
	require.Equal(t, want, counted(b.Portfolio.Stats()), "nothing has happened yet")

	for _, step := range []struct {
		name   string
		do     func() error
		fails  error
		change func(a *accounts.PortfolioStats)
	}{
		{"two fills in one command", func() error {
			return errOf(b.Portfolio.Record(t.Context(), trade(2, xyz, "10", "20"), trade(4, xyz, "-10", "30")))
		}, nil, func(a *accounts.PortfolioStats) { a.Seq, a.Groups, a.Entries = 2, 1, 2 }},
		{"the same again, and one that is new", func() error {
			return errOf(b.Portfolio.Record(t.Context(), trade(4, xyz, "-10", "30"), trade(5, xyz, "1", "20")))
		}, nil, func(a *accounts.PortfolioStats) { a.Seq, a.Groups, a.Entries, a.Duplicates, a.Retries = 3, 2, 3, 1, 1 }},
		{"a late fill, which restates", func() error {
			return errOf(b.Portfolio.Record(t.Context(), trade(1, xyz, "10", "10")))
		}, nil, func(a *accounts.PortfolioStats) { a.Seq, a.Groups, a.Entries, a.Restatements = 5, 3, 5, 1 }},
		{"a cancellation of nothing", func() error {
			return errOf(b.Portfolio.Record(t.Context(), ledger.Cancellation{ExecID: "c", Cancels: "nobody", Time: at(9)}))
		}, accounts.ErrExecutionNotFound, func(a *accounts.PortfolioStats) { a.Failures = 1 }},
		{"a checkpoint", func() error { return b.Portfolio.SaveCheckpoint(t.Context()) }, nil,
			func(a *accounts.PortfolioStats) { a.Checkpoints = 1; a.Commands-- }},
		{"a context that has ended", func() error {
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			return errOf(b.Portfolio.Record(ended, trade(6, xyz, "1", "1")))
		}, context.Canceled, func(a *accounts.PortfolioStats) { a.Commands-- }},
	} {
		require.ErrorIs(t, step.do(), step.fails, step.name)
		want.Commands++
		step.change(&want)
		require.Equal(t, want, counted(b.Portfolio.Stats()), step.name)
	}
	got := b.Portfolio.Stats().Store
	require.Equal(t, []int64{4, 1}, []int64{got.Append.Calls, got.Append.Errors}, "appends, of which one was refused")
	require.Equal(t, []int64{3, 2}, []int64{got.Checkpoint.Calls, got.Checkpoint.Errors}, "none was found at opening, nor for the late fill")
	require.Zero(t, got.Entries.Errors)
	require.Positive(t, got.Entries.Calls, "the late fill reads the journal")
}

func TestStatsOfConflicts(t *testing.T) {
	store := memstore.New()
	b := newBenchOn(t, alone(store))
	other, err := newManager(t, alone(store)).Portfolio(t.Context(), b.Profile.ID)
	require.NoError(t, err)
	for n := range 3 {
		b.Record(t, trade(n, xyz, "1", "10"))
	}
	require.NoError(t, errOf(other.Record(t.Context(), trade(3, xyz, "1", "10"))))
	want := accounts.PortfolioStats{ProfileID: b.Profile.ID, Seq: 4, Activity: accounts.Activity{
		Commands: 1, Groups: 1, Entries: 1, Conflicts: 1, Retries: 1, CatchUps: 1, CaughtUp: 3,
	}}
	require.Equal(t, want, counted(other.Stats()))
	require.Zero(t, b.Portfolio.Stats().Conflicts, "the first met nobody")
}

func TestStatsOfFailingStores(t *testing.T) {
	failure := errors.New("connection lost")
	fake := alone(memstore.New())
	store := &hookedStore{Store: fake}
	b := newBenchOn(t, store)
	b.Record(t, trade(1, xyz, "1", "10"))

	store.append = func(context.Context, accounts.Batch) error { return failure }
	require.ErrorIs(t, errOf(b.Portfolio.Record(t.Context(), trade(2, xyz, "1", "10"))), accounts.ErrOutcomeUnknown)
	store.append = func(context.Context, accounts.Batch) error { panic(failure) }
	require.PanicsWithValue(t, failure, func() { _, _ = b.Portfolio.Record(t.Context(), trade(2, xyz, "1", "10")) })
	store.append = nil
	fake.onSave = func(context.Context, accounts.Checkpoint) error { return failure }
	require.ErrorIs(t, b.Portfolio.SaveCheckpoint(t.Context()), failure)
	fake.onCheckpoint = func(context.Context, accounts.ProfileID) (accounts.Checkpoint, error) {
		return accounts.Checkpoint{}, failure
	}
	second := newManager(t, store)
	_, err := second.Portfolio(t.Context(), b.Profile.ID)
	require.ErrorIs(t, err, failure)

	want := accounts.PortfolioStats{ProfileID: b.Profile.ID, Seq: 1, Activity: accounts.Activity{
		Commands: 3, Failures: 2, Groups: 1, Entries: 1, Unknown: 2, CheckpointFailures: 1, CatchUps: 1,
	}}
	require.Equal(t, want, counted(b.Portfolio.Stats()))
	s := second.Stats()
	require.Equal(t, []int64{0, 0, 1}, []int64{s.Portfolios, s.Opening, s.OpenFailures})
	require.Equal(t, []int64{1, 1}, []int64{s.Store.Checkpoint.Calls, s.Store.Checkpoint.Errors}, "calls of an opening that failed count")
}

func TestStatsOfTheQueue(t *testing.T) {
	store := &hookedStore{Store: alone(memstore.New())}
	b := newBenchOn(t, store)
	first, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	store.append = func(ctx context.Context, batch accounts.Batch) error {
		once.Do(func() { close(first); <-release })
		return store.Store.Append(ctx, batch)
	}
	waiting := func(n int64) {
		require.Eventually(t, func() bool { return b.Portfolio.Stats().Waiting == n }, time.Minute, time.Millisecond)
	}
	impatient, giveUp := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	record := func(n int, ctx context.Context) {
		wg.Go(func() { _, _ = b.Portfolio.Record(ctx, trade(n, xyz, "1", "10")) })
	}
	record(0, t.Context())
	<-first
	for n := range 4 {
		record(n+1, t.Context())
	}
	record(5, impatient)
	waiting(5)
	require.EqualValues(t, 5, b.Manager.Stats().Waiting)
	giveUp()
	waiting(4)
	close(release)
	wg.Wait()
	s := b.Portfolio.Stats()
	require.Equal(t, []int64{0, 1, 5, 0}, []int64{s.Waiting, s.GivenUp, s.Commands, s.Failures})
	require.Equal(t, []int64{2, 5}, []int64{s.Groups, s.Entries}, "four of the fills went together")
}

// stopwatch is a clock that a test moves.
type stopwatch struct{ at atomic.Int64 }

func (s *stopwatch) now() time.Time           { return now.Add(time.Duration(s.at.Load())) }
func (s *stopwatch) advance(by time.Duration) { s.at.Add(int64(by)) }

// A store that is slow is timed at every append, one that is quick at one in 16.
func TestStatsTimeTheStore(t *testing.T) {
	var watch stopwatch
	store := &hookedStore{Store: memstore.New()}
	takes := time.Duration(0)
	store.append = func(ctx context.Context, batch accounts.Batch) error {
		watch.advance(takes)
		return store.Store.Append(ctx, batch)
	}
	m := newManager(t, store, accounts.WithStopwatch(watch.now))
	create(t, t.Context(), m, "a")
	p, err := m.Portfolio(t.Context(), "a")
	require.NoError(t, err)
	n := 0
	record := func(times int) accounts.CallStats {
		for range times {
			n++
			require.NoError(t, errOf(p.Record(t.Context(), trade(n, xyz, "1", "10"))))
		}
		return m.Stats().Store.Append
	}
	require.Equal(t, accounts.CallStats{Calls: 33, Timed: 3}, record(33), "quick: the 1st, 17th and 33rd")
	takes = time.Millisecond
	require.Equal(t, accounts.CallStats{Calls: 48, Timed: 3}, record(15), "nobody knows yet")
	takes = 3 * time.Millisecond
	require.Equal(t, accounts.CallStats{Calls: 49, Timed: 4, Total: 3 * time.Millisecond, Max: 3 * time.Millisecond}, record(1))
	takes = 2 * time.Millisecond
	require.Equal(t, accounts.CallStats{Calls: 59, Timed: 14, Total: 23 * time.Millisecond, Max: 3 * time.Millisecond}, record(10))
	takes = time.Microsecond
	got := record(21)
	require.Equal(t, accounts.CallStats{Calls: 80, Timed: 16, Total: 23*time.Millisecond + 2*time.Microsecond, Max: 3 * time.Millisecond}, got,
		"quick again: the 60th, which told, and the 65th")
}

// The names are what dashboards are built on.
func TestStatsAsJSON(t *testing.T) {
	data, err := json.Marshal(accounts.PortfolioStats{ProfileID: "a", Seq: 1, Activity: accounts.Activity{Store: accounts.StoreStats{
		Append: accounts.CallStats{Calls: 2, Timed: 1, Total: time.Millisecond, Max: time.Microsecond}}}})
	require.NoError(t, err)
	call := `{"calls":0,"errors":0,"timed":0,"total":"0s","max":"0s"}`
	require.JSONEq(t, `{"profile_id":"a","seq":1,"waiting":0,"commands":0,"failures":0,"given_up":0,"groups":0,"entries":0,
		"restatements":0,"retries":0,"conflicts":0,"duplicates":0,"unknown":0,"checkpoints":0,"checkpoint_failures":0,
		"catch_ups":0,"caught_up":0,"store":{"append":{"calls":2,"errors":0,"timed":1,"total":"1ms","max":"1µs"},
		"entries":`+call+`,"lookup":`+call+`,"checkpoint":`+call+`,"profile":`+call+`}}`, string(data))
	data, err = json.Marshal(accounts.Stats{})
	require.NoError(t, err)
	var names map[string]any
	require.NoError(t, json.Unmarshal(data, &names))
	for _, name := range []string{"portfolios", "opening", "open_failures", "watch_restarts", "watch_failures",
		"catch_up_failures", "hook_failures", "observer_panics", "waiting", "commands", "store"} {
		require.Contains(t, names, name)
	}
}

// Several managers, many writers, and somebody who looks all the time: the figures add up.
func TestStatsAddUp(t *testing.T) {
	const writers, each = 6, 30
	store := memstore.New()
	seen := &tally{}
	managers := make([]*accounts.MultiAccountManager, 3)
	for i := range managers {
		managers[i] = newManager(t, store, accounts.WithObserver(seen))
	}
	for _, id := range []accounts.ProfileID{"a", "b"} {
		create(t, t.Context(), managers[0], id)
	}
	done := make(chan struct{})
	var looking, writing sync.WaitGroup
	looking.Go(func() {
		var last accounts.Stats
		for {
			s := managers[0].Stats()
			if s.Commands < last.Commands || s.Entries < last.Entries || s.Store.Append.Calls < last.Store.Append.Calls {
				t.Error("a counter went down")
			}
			last = s
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				p, err := managers[w%len(managers)].Portfolio(t.Context(), []accounts.ProfileID{"a", "b"}[i%2])
				if err == nil {
					_, err = p.Record(t.Context(), trade(w*each+i, xyz, "1", "10"))
				}
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	writing.Wait()
	close(done)
	looking.Wait()
	var sum accounts.Activity
	for _, m := range managers {
		s := m.Stats()
		require.EqualValues(t, 2, s.Portfolios)
		require.LessOrEqual(t, s.Groups, s.Entries)
		require.Equal(t, s.Store.Append.Calls, s.Groups+s.Conflicts, "every append succeeded or met another")
		sum.Commands, sum.Entries, sum.Failures = sum.Commands+s.Commands, sum.Entries+s.Entries, sum.Failures+s.Failures
		sum.Store.Append.Calls += s.Store.Append.Calls
	}
	require.Equal(t, []int64{writers * each, writers * each, 0}, []int64{sum.Commands, sum.Entries, sum.Failures})
	require.Equal(t, sum.Store.Append.Calls, seen.count("store append")+seen.count("store append_locked"),
		"observers were told of other appends")
	require.EqualValues(t, writers*each, seen.count("command record"))
}
