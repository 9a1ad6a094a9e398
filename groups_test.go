package accounts_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

// A command that fails because of what another command of its group has on the draft has failed by
// nothing, if that is not appended.
func TestNobodyFailsByWhatWasNotAppended(t *testing.T) {
	store := &hookedStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	first, release := make(chan struct{}), make(chan struct{})
	appends := 0
	store.append = func(ctx context.Context, batch accounts.Batch) error {
		if appends++; appends == 1 {
			close(first)
			<-release
			return store.Store.Append(ctx, batch)
		}
		return fmt.Errorf("%w: test", accounts.ErrUnavailable)
	}
	var callers sync.WaitGroup
	results := make([]error, 3)
	for i, f := range []ledger.Fact{trade(1, xyz, "1", "10"), trade(2, xyz, "2", "10"), trade(2, xyz, "3", "10")} {
		callers.Go(func() { _, results[i] = b.Portfolio.Record(t.Context(), f) })
		if i == 0 {
			<-first
		} else {
			require.Eventually(t, func() bool { return accounts.Waiting(b.Portfolio) == i }, time.Minute, time.Millisecond)
		}
	}
	close(release)
	callers.Wait()
	require.NoError(t, results[0])
	require.ErrorIs(t, results[1], accounts.ErrUnavailable)
	require.ErrorIs(t, results[2], accounts.ErrUnavailable, "refused because of a fill that the journal does not have")
	require.NotErrorIs(t, results[2], accounts.ErrIDReused)
}

// Whoever saves a checkpoint does so in its own time: the kill switch and others go on meanwhile.
func TestNobodyWaitsForACheckpoint(t *testing.T) {
	store := newStore(t)
	b := newBenchOn(t, store)
	saving, release := make(chan struct{}), make(chan struct{})
	store.onSave = func(context.Context, accounts.Checkpoint) error {
		close(saving)
		<-release
		return nil
	}
	facts := make([]ledger.Fact, 1100)
	for i := range facts {
		facts[i] = trade(i, xyz, []string{"1", "-1"}[i%2], "10")
	}
	var recording sync.WaitGroup
	recording.Go(func() {
		if _, err := b.Portfolio.Record(t.Context(), facts...); err != nil {
			t.Errorf("record: %v", err)
		}
	})
	<-saving
	require.NoError(t, b.Portfolio.Halt(t.Context(), "stop"), "the kill switch")
	more := make([]ledger.Fact, 1100) // a second checkpoint is due, and not saved beside the first
	for i := range more {
		more[i] = trade(len(facts)+i, xyz, []string{"1", "-1"}[i%2], "10")
	}
	require.NoError(t, errOf(b.Portfolio.Record(t.Context(), more...)))
	close(release)
	recording.Wait()
	require.NoError(t, b.Portfolio.Verify(t.Context()))
}

// The kill switch saves no checkpoint, even if one is due.
func TestTheKillSwitchSavesNoCheckpoint(t *testing.T) {
	store := newStore(t)
	b := newBenchOn(t, store)
	saved := make(chan int64, 10)
	store.onSave = func(_ context.Context, c accounts.Checkpoint) error {
		saved <- c.Seq
		return nil
	}
	facts := make([]ledger.Fact, 1023)
	for i := range facts {
		facts[i] = trade(i, xyz, []string{"1", "-1"}[i%2], "10")
	}
	require.NoError(t, errOf(b.Portfolio.Record(t.Context(), facts...)))
	require.NoError(t, b.Portfolio.Halt(t.Context(), "stop"))
	require.Empty(t, saved, "entry 1024 was the kill switch's")
	require.NoError(t, errOf(b.Portfolio.Record(t.Context(), trade(5000, xyz, "1", "10"))))
	require.Len(t, saved, 1)
}
