package accounts_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// gated is a starved store that stops before the third folding of history, and before an append.
type gated struct {
	*starved
	folds int
	third chan struct{} // closed at the third folding
	goOn  chan struct{}
	hold  chan struct{} // if not nil, the next append says so and waits
	held  chan struct{}
}

func (s *gated) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	if after == 0 && !s.locked.Load() {
		if s.folds++; s.folds == 3 {
			close(s.third)
			<-s.goOn
		}
	}
	return s.starved.Entries(ctx, id, after)
}

func (s *gated) Append(ctx context.Context, b accounts.Batch) error {
	if hold := s.hold; hold != nil {
		s.hold = nil
		close(s.held)
		<-hold
	}
	return s.starved.Append(ctx, b)
}

func TestTheKillSwitchBesideACorrectionThatTakesTheLock(t *testing.T) {
	was := accounts.LimitLockedStudy(10 * time.Millisecond)
	t.Cleanup(func() { accounts.LimitLockedStudy(was) })
	s := &gated{starved: &starved{contested: &contested{Store: memstore.New()}},
		third: make(chan struct{}), goOn: make(chan struct{}), held: make(chan struct{})}
	b := newBenchOn(t, s)
	b.Record(t, correctable(100)...)
	other, err := newManager(t, alone(s.Store.(*memstore.Store))).Portfolio(t.Context(), b.Profile.ID)
	require.NoError(t, err)
	n := 10
	s.folds = 0
	s.faster = func() {
		n++
		require.NoError(t, errOf(other.Record(background, cancels(ledger.ExecID(fmt.Sprint("k", n)), ledger.ExecID(fmt.Sprintf("0000aaaa.bbbbbbbb.%06d.01", n))))))
	}
	waiting := func(want int64) {
		require.Eventually(t, func() bool { return b.Portfolio.Stats().Waiting == want }, time.Minute, time.Millisecond)
	}
	corrected, filled, halted := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	go func() {
		corrected <- errOf(b.Portfolio.Record(t.Context(), cancels("k", "0000aaaa.bbbbbbbb.000007.01")))
	}()
	<-s.third
	release := make(chan struct{})
	s.hold = release
	go func() { filled <- errOf(b.Portfolio.Record(t.Context(), trade(900, xyz, "1", "10"))) }()
	<-s.held
	close(s.goOn)
	waiting(1)
	go func() { halted <- b.Portfolio.Halt(t.Context(), "stop") }()
	waiting(2)
	close(release)
	require.NoError(t, <-filled)
	require.NoError(t, <-halted, "the kill switch failed for a correction's reading")
	require.ErrorIs(t, <-corrected, accounts.ErrUnavailable, "the correction's reading under the lock does not end")
	s.faster = nil
	require.Equal(t, risk.TradingHalted, b.Reopen(t).Snapshot().Risk.State, "a halt was acknowledged, and is not in the journal")
	require.True(t, accounts.DraftIsLive(b.Portfolio), "the draft has what was not appended")
}

// slowUnderLock reads slowly while it holds a journal's lock.
type slowUnderLock struct {
	*contested
	locked atomic.Bool
	each   time.Duration
}

func (s *slowUnderLock) AppendLocked(
	ctx context.Context, id accounts.ProfileID, after int64, decide func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error),
) error {
	if faster := s.faster; faster != nil {
		s.faster = nil
		faster()
		s.faster = faster
	}
	return s.contested.AppendLocked(ctx, id, after, func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
		s.locked.Store(true)
		defer s.locked.Store(false)
		return decide(tail)
	})
}

func (s *slowUnderLock) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	if !s.locked.Load() {
		return s.contested.Entries(ctx, id, after)
	}
	return func(yield func(accounts.Entry, error) bool) {
		select {
		case <-ctx.Done():
			yield(accounts.Entry{}, ctx.Err())
			return
		case <-time.After(s.each):
		}
		for e, err := range s.Store.Entries(ctx, id, after) {
			if !yield(e, err) {
				return
			}
		}
	}
}

func TestTheLockIsHeldNoLongerThanItIsSaid(t *testing.T) {
	const limit = 200 * time.Millisecond
	was := accounts.LimitLockedStudy(limit)
	t.Cleanup(func() { accounts.LimitLockedStudy(was) })
	s := &slowUnderLock{contested: &contested{Store: memstore.New()}, each: limit * 3 / 4}
	b := newBenchOn(t, s)
	b.Record(t, correctable(100)...)
	other, err := newManager(t, alone(s.Store.(*memstore.Store))).Portfolio(t.Context(), b.Profile.ID)
	require.NoError(t, err)
	n := 10
	s.faster = func() {
		n++
		require.NoError(t, errOf(other.Record(background, cancels(ledger.ExecID(fmt.Sprint("k", n)), ledger.ExecID(fmt.Sprintf("0000aaaa.bbbbbbbb.%06d.01", n))))))
	}
	k := cancels("k", "0000aaaa.bbbbbbbb.000007.01")
	k.Time = second(7)
	split := func(id string, at int) ledger.Split {
		return ledger.Split{ID: id, From: xyz, To: xyz, Numerator: dec("2"), Denominator: dec("1"), Time: second(at)}
	}
	err = errOf(b.Portfolio.Record(t.Context(), k, split("s1", 50), split("s2", 60), split("s3", 70)))
	require.ErrorIs(t, err, accounts.ErrUnavailable, "four readings of three quarters of the limit each")
	require.False(t, s.locked.Load())
}

// ending is a handler that ends the goroutine, as t.Fatal does.
type ending struct{ slog.Handler }

func (ending) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }
func (ending) Handle(context.Context, slog.Record) error    { runtime.Goexit(); return nil }

func TestALogHandlerThatEndsItsGoroutine(t *testing.T) {
	store := &hookedStore{Store: memstore.New()}
	m := newManager(t, store, accounts.WithLogger(slog.New(ending{slog.DiscardHandler})))
	profile, err := m.CreateProfile(t.Context(), accounts.Optimal100K("DU1000100"))
	require.NoError(t, err)
	p, err := m.Portfolio(t.Context(), profile.ID)
	require.NoError(t, err)
	store.append = func(context.Context, accounts.Batch) error { return fmt.Errorf("%w: test", accounts.ErrOutcomeUnknown) }
	var w sync.WaitGroup
	f := trade(1, xyz, "1", "10")
	f.Time = time.Now().Add(-time.Hour)
	w.Go(func() { _, _ = p.Record(t.Context(), f) })
	w.Wait()
	store.append = nil
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = p.Record(ctx, f)
	require.NoError(t, err, "nobody leads any more")
}

func TestTheKillSwitchBesideAnEntryThatCannotBeWritten(t *testing.T) {
	store := &hookedStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	first, release := make(chan struct{}), make(chan struct{})
	once := false
	store.append = func(c context.Context, batch accounts.Batch) error {
		if !once {
			once = true
			close(first)
			<-release
		}
		for _, e := range batch.Entries {
			if strings.Contains(string(e.Payload), "BAD") {
				return fmt.Errorf("%w: numeric field overflow", accounts.ErrInvalid)
			}
		}
		return store.Store.Append(c, batch)
	}
	waiting := func(want int64) {
		require.Eventually(t, func() bool { return b.Portfolio.Stats().Waiting == want }, time.Minute, time.Millisecond)
	}
	var w sync.WaitGroup
	w.Go(func() { _, _ = b.Portfolio.Record(t.Context(), trade(1, xyz, "1", "10")) })
	<-first
	w.Go(func() { _, _ = b.Portfolio.Record(t.Context(), trade(2, ledger.NewStock("BAD", "USD"), "1", "10")) })
	waiting(1)
	var halted error
	w.Go(func() { halted = b.Portfolio.Halt(t.Context(), "stop") })
	waiting(2)
	close(release)
	w.Wait()
	require.NoError(t, halted, "the kill switch fails for another's fill")
}

// A resumption whose outcome is unknown, and that goes on, must not come after a halt that was acknowledged.
func TestAResumptionUnderWayDoesNotComeAfterAHalt(t *testing.T) {
	store := &hookedStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	require.NoError(t, b.Portfolio.Halt(t.Context(), "stop"))
	var underWay accounts.Batch // as pgstore's while its commit waits for a standby: nobody sees it yet
	ctx, leave := context.WithCancel(t.Context())
	store.append = func(_ context.Context, batch accounts.Batch) error {
		underWay = batch
		underWay.Entries = slices.Clone(batch.Entries)
		leave()
		return accounts.ErrOutcomeUnknown
	}
	require.ErrorIs(t, b.Portfolio.Resume(ctx, "go on"), accounts.ErrOutcomeUnknown)
	land := func() error { return store.Store.Append(background, underWay) }
	store.append = func(c context.Context, batch accounts.Batch) error {
		if len(batch.Entries) == 0 { // as pgstore's, a barrier waits for what is under way
			_ = land()
		}
		return store.Store.Append(c, batch)
	}
	require.NoError(t, b.Portfolio.Halt(t.Context(), "stop again"), "the kill switch")
	_ = land()
	require.Equal(t, risk.TradingHalted, b.Reopen(t).Snapshot().Risk.State, "a resumption came after an acknowledged halt")
}

// A leader whose own context has ended leaves the checkpoint to the next leader.
func TestACheckpointOfALeaderWhoseContextEnded(t *testing.T) {
	store := &hookedStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	first, release := make(chan struct{}), make(chan struct{})
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	appends := 0
	store.append = func(c context.Context, batch accounts.Batch) error {
		switch appends++; appends {
		case 1:
			close(first)
			<-release
		case 2:
			giveUp() // the leader's; another waits
		}
		return store.Store.Append(c, batch)
	}
	facts := make([]ledger.Fact, 1100)
	for i := range facts {
		facts[i] = trade(10+i, xyz, []string{"1", "-1"}[i%2], "10")
	}
	waiting := func(want int64) {
		require.Eventually(t, func() bool { return b.Portfolio.Stats().Waiting == want }, time.Minute, time.Millisecond)
	}
	var callers sync.WaitGroup
	callers.Go(func() { _, _ = b.Portfolio.Record(t.Context(), trade(1, xyz, "1", "10")) })
	<-first
	callers.Go(func() { _, _ = b.Portfolio.Record(ctx, trade(2, xyz, "1", "10")) })
	waiting(1)
	callers.Go(func() { _, _ = b.Portfolio.Record(t.Context(), facts...) })
	waiting(2)
	close(release)
	callers.Wait()
	s := b.Portfolio.Stats()
	require.EqualValues(t, 1102, s.Entries)
	require.Zero(t, s.CheckpointFailures, "not saved, and not tried again for 1024 entries")
	require.NoError(t, errOf(b.Portfolio.Record(t.Context(), trade(5000, xyz, "1", "10"))), "the next leader")
	require.EqualValues(t, 1, b.Portfolio.Stats().Checkpoints, "nobody saves a checkpoint")
}

// A release must not wait for a checkpoint.
func TestAReleaseSavesNoCheckpoint(t *testing.T) {
	store := newStore(t)
	b := newBenchOn(t, store)
	saved := make(chan int64, 10)
	b.Record(t, money("d"))
	require.NoError(t, b.Portfolio.Mark(ledger.Mark{Instrument: xyz, Price: dec("10"), Time: now}))
	_, err := b.Portfolio.Reserve(t.Context(), order("o", xyz, "1", "10"))
	require.NoError(t, err)
	seq := b.Portfolio.Stats().Seq
	facts := make([]ledger.Fact, 1023-seq)
	for i := range facts {
		facts[i] = trade(i, xyz, []string{"1", "-1"}[i%2], "10")
	}
	store.onSave = func(_ context.Context, c accounts.Checkpoint) error {
		saved <- c.Seq
		return nil
	}
	require.NoError(t, errOf(b.Portfolio.Record(t.Context(), facts...)))
	require.NoError(t, b.Portfolio.Release(t.Context(), "o", "cancelled"))
	require.Empty(t, saved)
}
