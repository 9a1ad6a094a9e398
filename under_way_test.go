package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

func manyFills(from, n int) []ledger.Fact {
	facts := make([]ledger.Fact, n)
	for i := range facts {
		facts[i] = trade(from+i, xyz, []string{"1", "-1"}[i%2], "10")
	}
	return facts
}

// A command that fails with ErrCorrupt saves no checkpoint: the journal lacks what it would hold.
func TestACorruptJournalGetsNoCheckpoint(t *testing.T) {
	s := &swapped{Store: memstore.New()}
	b := newBenchOn(t, s)
	b.Record(t, manyFills(1, 1023)...)
	require.NoError(t, b.Portfolio.Halt(t.Context(), "stop")) // entry 1024, and the kill switch saves none
	s.Store = copyJournal(t, s.Store, b.Profile, 1000)        // a failover lost 24 entries
	require.ErrorIs(t, errOf(b.Portfolio.Record(t.Context(), trade(5000, xyz, "1", "10"))), accounts.ErrCorrupt)
	require.EqualValues(t, 0, b.Portfolio.Stats().Checkpoints, "saved a checkpoint of entries that the journal lacks")
	again := b.Reopen(t) // "a manager that is made anew works with the journal as it is"
	require.NoError(t, again.Verify(t.Context()))
}

// A command that the store could not take saves no checkpoint.
func TestAFailedCommandSavesNoCheckpoint(t *testing.T) {
	saves := 0
	inner := newStore(t)
	inner.onSave = func(context.Context, accounts.Checkpoint) error { saves++; return accounts.ErrUnavailable }
	store := &hookedStore{Store: inner}
	b := newBenchOn(t, store)
	b.Record(t, manyFills(1, 1023)...)
	require.NoError(t, b.Portfolio.Halt(t.Context(), "stop"))
	store.append = func(context.Context, accounts.Batch) error { return accounts.ErrUnavailable }
	require.ErrorIs(t, errOf(b.Portfolio.Record(t.Context(), trade(5000, xyz, "1", "10"))), accounts.ErrUnavailable)
	require.Zero(t, saves, "a second call to a store that has just said that it is away")
}

// A process that only follows saves no checkpoints.
func TestAProcessThatOnlyReadsSavesNothing(t *testing.T) {
	s := memstore.New()
	b := newBenchOn(t, alone(s))
	saves := 0
	reader := &fakeStore{Store: s}
	reader.onSave = func(context.Context, accounts.Checkpoint) error { saves++; return errors.New("permission denied") }
	m := newManager(t, reader)
	follows, err := m.Portfolio(t.Context(), b.Profile.ID)
	require.NoError(t, err)
	b.Record(t, manyFills(1, 1100)...)
	require.Eventually(t, func() bool { return follows.Stats().Seq == 1100 }, time.Minute, time.Millisecond)
	b.Record(t, manyFills(2000, 1)...) // followed once all that followed from the others is over
	require.Eventually(t, func() bool { return follows.Stats().Seq == 1101 }, time.Minute, time.Millisecond)
	require.NoError(t, m.Close())
	require.Zero(t, saves, "a process that writes nothing")
}

// After one bad entry the kill switch does not wait for an append of every command of the group.
func TestTheKillSwitchBehindAGroupThatIsCommittedOneByOne(t *testing.T) {
	store := &hookedStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	first, release := make(chan struct{}), make(chan struct{})
	second, goOn := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	appends, haltAt := 0, 0
	store.append = func(c context.Context, batch accounts.Batch) error {
		mu.Lock()
		appends++
		n := appends
		for _, e := range batch.Entries {
			if strings.Contains(string(e.Payload), "kill switch") {
				haltAt = n
			}
		}
		mu.Unlock()
		switch n {
		case 1:
			close(first)
			<-release
		case 3: // the first of those one by one
			close(second)
			<-goOn
		}
		for _, e := range batch.Entries {
			if strings.Contains(string(e.Payload), "BAD") {
				return fmt.Errorf("%w: test", accounts.ErrInvalid)
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
	for i := range 30 {
		w.Go(func() { _, _ = b.Portfolio.Record(t.Context(), trade(10+i, xyz, "1", "10")) })
	}
	waiting(31)
	close(release)
	<-second
	w.Go(func() { _ = b.Portfolio.Halt(t.Context(), "kill switch") })
	require.Eventually(t, func() bool { return accounts.Waiting(b.Portfolio) == 30 && b.Portfolio.Stats().Waiting > 30 },
		time.Minute, time.Millisecond, "the others and the halt do not wait")
	close(goOn)
	w.Wait()
	require.LessOrEqual(t, haltAt, 4, "Halt waits for one append under way (number 3)")
}

// A resumption of unknown outcome in one process does not come after a halt that another acknowledged.
func TestAResumptionUnderWayElsewhereDoesNotComeAfterAHalt(t *testing.T) {
	inner := memstore.New()
	var pending *accounts.Batch // committed, waits for a standby: invisible, and holds the journal's row
	land := func() {
		if pending != nil {
			b := *pending
			pending = nil
			_ = inner.Append(background, b)
		}
	}
	there := &hookedStore{Store: alone(inner)}
	here := &hookedStore{Store: alone(inner)}
	waits := func(c context.Context, batch accounts.Batch) error {
		land() // every append, a barrier too, waits for the row
		return inner.Append(c, batch)
	}
	here.append = waits
	b := newBenchOn(t, here)
	require.NoError(t, b.Portfolio.Halt(t.Context(), "stop"))
	other, err := newManagerOn(t, there).Portfolio(t.Context(), b.Profile.ID)
	require.NoError(t, err)
	ctx, leave := context.WithCancel(t.Context())
	there.append = func(_ context.Context, batch accounts.Batch) error {
		if len(batch.Entries) == 0 {
			return inner.Append(background, batch)
		}
		batch.Entries = slices.Clone(batch.Entries)
		pending = &batch
		leave()
		return fmt.Errorf("%w: %w", accounts.ErrOutcomeUnknown, context.Canceled)
	}
	require.ErrorIs(t, other.Resume(ctx, "go on"), accounts.ErrOutcomeUnknown)
	require.NoError(t, b.Portfolio.Halt(t.Context(), "stop again"), "the kill switch") // begins after that
	land()
	require.Equal(t, risk.TradingHalted, b.Reopen(t).Snapshot().Risk.State, "a resumption came after an acknowledged halt")
}

// The kill switch needs no barrier, and does not fail by one.
func TestTheKillSwitchNeedsNoBarrier(t *testing.T) {
	store := &hookedStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	store.append = func(context.Context, accounts.Batch) error { return accounts.ErrOutcomeUnknown }
	require.ErrorIs(t, errOf(b.Portfolio.Record(t.Context(), trade(1, xyz, "1", "10"))), accounts.ErrOutcomeUnknown)
	calls := 0
	store.append = func(c context.Context, batch accounts.Batch) error {
		calls++
		if len(batch.Entries) == 0 {
			return fmt.Errorf("%w: no connection for a lock", accounts.ErrUnavailable)
		}
		return store.Store.Append(c, batch)
	}
	require.NoError(t, b.Portfolio.Halt(t.Context(), "stop"), "its own entry would have settled it")
	require.Equal(t, 1, calls)
}

// A barrier of unknown outcome is no unknown outcome of the command.
func TestABarrierOfUnknownOutcomeIsNotTheCommands(t *testing.T) {
	store := &hookedStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	store.append = func(context.Context, accounts.Batch) error { return accounts.ErrOutcomeUnknown }
	require.Error(t, errOf(b.Portfolio.Record(t.Context(), trade(1, xyz, "1", "10"))))
	written := 0
	ctx, leave := context.WithCancel(t.Context())
	store.append = func(c context.Context, batch accounts.Batch) error {
		written += len(batch.Entries)
		leave()
		return fmt.Errorf("%w: %w", accounts.ErrOutcomeUnknown, context.Canceled)
	}
	err := errOf(b.Portfolio.Record(ctx, trade(2, xyz, "1", "10")))
	require.Zero(t, written)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, accounts.ErrOutcomeUnknown, "it was never appended")
}

// While saving hangs, not every caller waits to the end of its context.
func TestASaveThatHangsDoesNotHoldEveryCommand(t *testing.T) {
	store := newStore(t)
	saves := 0
	store.onSave = func(ctx context.Context, _ accounts.Checkpoint) error { saves++; <-ctx.Done(); return ctx.Err() }
	b := newBenchOn(t, store)
	b.Record(t, manyFills(1, 1023)...)
	require.NoError(t, b.Portfolio.Halt(t.Context(), "stop"))
	begin := time.Now()
	for i := range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_ = errOf(b.Portfolio.Record(ctx, trade(5000+i, xyz, "1", "10")))
		cancel()
	}
	require.LessOrEqual(t, saves, 2, "ten fills took %s", time.Since(begin))
}

// A restatement from far back whose save ends with its context: another leader saves.
func TestTheNextLeaderSavesAfterAFarRestatement(t *testing.T) {
	store := newStore(t)
	b := newBenchOn(t, store)
	fills := correctable(6000)
	for i := 0; i < 6000; i += 500 {
		b.Record(t, fills[i:i+500]...)
	}
	saves := 0
	ctx, giveUp := context.WithCancel(t.Context())
	store.onSave = func(c context.Context, p accounts.Checkpoint) error {
		if saves++; saves == 1 {
			giveUp()
			return c.Err()
		}
		return store.Store.SaveCheckpoint(c, p)
	}
	require.NoError(t, errOf(b.Portfolio.Record(ctx, cancels("k", "0000aaaa.bbbbbbbb.000007.01"))))
	require.Equal(t, 1, saves, "due: it was restated from the beginning")
	require.NoError(t, errOf(b.Portfolio.Record(t.Context(), manyFills(9000, 100)...)))
	require.Equal(t, 2, saves, "where the caller's context ends, the next leader tries")
}

// Halt goes before corrections under the lock that were in line first.
func TestTheKillSwitchGoesBeforeCorrectionsUnderTheLock(t *testing.T) {
	order := accounts.LeadersAfter(3)
	require.Equal(t, "halt", order[0], "order: %v", order)
}

// An unknown outcome that is ErrInvalid too is not taken for nothing written.
func TestAnUnknownOutcomeThatIsInvalidToo(t *testing.T) {
	store := &hookedStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	require.NoError(t, b.Portfolio.Halt(t.Context(), "stop"))
	first, release := make(chan struct{}), make(chan struct{})
	var underWay accounts.Batch
	ctx, leave := context.WithCancel(t.Context())
	n := 0
	store.append = func(c context.Context, batch accounts.Batch) error {
		switch n++; n {
		case 1:
			close(first)
			<-release
		case 2:
			underWay = batch
			underWay.Entries = slices.Clone(batch.Entries)
			leave()
			return errors.Join(accounts.ErrOutcomeUnknown, accounts.ErrInvalid)
		}
		return store.Store.Append(c, batch)
	}
	waiting := func(want int64) {
		require.Eventually(t, func() bool { return b.Portfolio.Stats().Waiting == want }, time.Minute, time.Millisecond)
	}
	var w sync.WaitGroup
	w.Go(func() { _, _ = b.Portfolio.Record(t.Context(), money("d1")) })
	<-first
	w.Go(func() { _ = b.Portfolio.Resume(ctx, "go on") })
	waiting(1)
	w.Go(func() { _, _ = b.Portfolio.Record(ctx, money("d2")) })
	waiting(2)
	close(release)
	w.Wait()
	require.NoError(t, b.Portfolio.Halt(t.Context(), "stop again"))
	_ = store.Store.Append(background, underWay)
	require.Equal(t, risk.TradingHalted, b.Reopen(t).Snapshot().Risk.State, "a resumption came after an acknowledged halt")
}

// A panic while commands are appended one by one does not call unknown what is durable.
func TestAPanicOneByOne(t *testing.T) {
	store := &hookedStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	first, release := make(chan struct{}), make(chan struct{})
	n := 0
	store.append = func(c context.Context, batch accounts.Batch) error {
		switch n++; n {
		case 1:
			close(first)
			<-release
		case 2:
			return accounts.ErrInvalid
		case 4:
			panic("driver")
		}
		return store.Store.Append(c, batch)
	}
	waiting := func(want int64) {
		require.Eventually(t, func() bool { return b.Portfolio.Stats().Waiting == want }, time.Minute, time.Millisecond)
	}
	var w sync.WaitGroup
	var halted error
	w.Go(func() { _, _ = b.Portfolio.Record(t.Context(), trade(1, xyz, "1", "10")) })
	<-first
	w.Go(func() {
		defer func() { _ = recover() }()
		_, _ = b.Portfolio.Record(t.Context(), trade(2, xyz, "1", "10"))
	})
	waiting(1)
	w.Go(func() { halted = b.Portfolio.Halt(t.Context(), "stop") })
	waiting(2)
	close(release)
	w.Wait()
	require.NoError(t, halted, "it is in the journal: %v", b.Portfolio.Snapshot().Risk.State)
	require.NoError(t, errOf(b.Portfolio.Record(t.Context(), trade(3, xyz, "1", "10"))))
	require.True(t, accounts.DraftIsLive(b.Portfolio))
}

// split is a store whose look-ups come from the new primary and whose journals from the old one, which cannot be used.
type splitBrain struct {
	*hookedStore
	old bool
}

func (s *splitBrain) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	return func(yield func(accounts.Entry, error) bool) {
		for e, err := range s.Store.Entries(ctx, id, after) {
			if s.old && e.Seq > 10 {
				return
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func (s *splitBrain) Ping(ctx context.Context) error {
	if s.old {
		return fmt.Errorf("%w: an old primary", accounts.ErrUnavailable)
	}
	return s.Store.Ping(ctx)
}

// What a server lacks that cannot be used is no evidence, also where a command finds that while decided.
func TestAnOldPrimaryIsNoEvidenceForACommandEither(t *testing.T) {
	inner := memstore.New()
	s := &splitBrain{hookedStore: &hookedStore{Store: alone(inner)}}
	b := newBenchOn(t, s)
	for n := 1; n <= 10; n++ {
		b.Record(t, trade(n, xyz, "1", "10"))
	}
	other, err := newManager(t, alone(inner)).Portfolio(t.Context(), b.Profile.ID)
	require.NoError(t, err)
	require.NoError(t, errOf(other.Record(t.Context(), trade(11, xyz, "1", "10"))))
	s.old = true
	c := ledger.Cancellation{ExecID: "k", Cancels: "exec-11", Time: at(20)}
	err = errOf(b.Portfolio.Record(t.Context(), c))
	require.Error(t, err)
	require.NotErrorIs(t, err, accounts.ErrCorrupt)
}
