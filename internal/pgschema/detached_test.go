package pgschema

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

var errRefused = errors.New("refused")

// held is a write that tells when it has begun and ends when it is let go.
type held struct {
	begun, letGo chan struct{}
	err          error // of the context that the write got, when it was let go
}

func hold() *held { return &held{begun: make(chan struct{}), letGo: make(chan struct{})} }

func (h *held) write(ctx context.Context) error {
	close(h.begun)
	<-h.letGo
	h.err = ctx.Err()
	return nil
}

// abandon begins the write and has its caller leave.
func (h *held) abandon(t *testing.T, w *Writes) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	result := make(chan error, 1)
	go func() { result <- w.Do(ctx, h.write) }()
	<-h.begun
	leave()
	err := <-result
	require.ErrorIs(t, err, accounts.ErrOutcomeUnknown, "the caller cannot know what becomes of the write")
	require.ErrorIs(t, err, context.Canceled, "the caller's own end is lost")
}

func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestWritesReturnTheirOutcome(t *testing.T) {
	w := NewWrites(1)
	for name, ctx := range map[string]context.Context{"endless": context.Background(), "that can end": t.Context()} {
		require.NoError(t, w.Do(ctx, func(context.Context) error { return nil }), "under a context %s", name)
		err := w.Do(ctx, func(context.Context) error { return errRefused })
		require.ErrorIs(t, err, errRefused, "under a context %s", name)
		require.NotErrorIs(t, err, accounts.ErrOutcomeUnknown, "under a context %s", name)
	}
	require.NoError(t, w.Close(t.Context()))
}

func TestWriteGoesOnWithoutItsCaller(t *testing.T) {
	w, h := NewWrites(1), hold()
	h.abandon(t, w)
	err := w.Close(ended(t))
	require.ErrorIs(t, err, accounts.ErrOutcomeUnknown, "Close says that nothing is under way")
	require.ErrorIs(t, err, context.Canceled)
	close(h.letGo)
	require.NoError(t, w.Close(t.Context()), "a second Close waits for the rest")
	require.NoError(t, h.err, "the write was cancelled")
}

func TestWriteThatDidNotBeginWroteNothing(t *testing.T) {
	w, h := NewWrites(1), hold()
	never := func(context.Context) error { t.Error("the write ran"); return nil }
	err := w.Do(ended(t), never)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, accounts.ErrOutcomeUnknown, "nothing was begun")

	h.abandon(t, w) // and keeps the only slot
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() { result <- w.Do(ctx, never) }()
	cancel()
	err = <-result
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, accounts.ErrOutcomeUnknown, "the write waited for its turn")

	go func() { result <- w.Do(context.Background(), never) }()
	closing := make(chan error)
	go func() { closing <- w.Close(context.Background()) }()
	require.ErrorIs(t, <-result, accounts.ErrClosed, "Close leaves a write waiting for its turn")
	require.ErrorIs(t, w.Do(t.Context(), never), accounts.ErrClosed)
	close(h.letGo)
	require.NoError(t, <-closing)
}

func TestCloseWaitsForWritesWithAndWithoutCallers(t *testing.T) {
	w := NewWrites(8)
	holds := []*held{hold(), hold(), hold(), hold()}
	var callers sync.WaitGroup
	for i, h := range holds {
		if i%2 == 0 {
			h.abandon(t, w)
			continue
		}
		callers.Go(func() { _ = w.Do(context.Background(), h.write) })
		<-h.begun
	}
	var closes sync.WaitGroup
	for range 3 {
		closes.Go(func() { _ = w.Close(context.Background()) })
	}
	for _, h := range holds {
		require.ErrorIs(t, w.Close(ended(t)), accounts.ErrOutcomeUnknown, "a write is under way")
		close(h.letGo)
	}
	closes.Wait()
	callers.Wait()
	require.NoError(t, w.Close(t.Context()))
	for _, h := range holds {
		require.NoError(t, h.err, "a write was cancelled")
	}
}

func TestNoMoreWritesThanSlots(t *testing.T) {
	const most = 3
	w := NewWrites(most)
	var mu sync.Mutex
	running, highest := 0, 0
	count := func(by int) {
		mu.Lock()
		defer mu.Unlock()
		running += by
		highest = max(highest, running)
	}
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			_ = w.Do(t.Context(), func(context.Context) error {
				count(1)
				defer count(-1)
				return nil
			})
		})
	}
	callers.Wait()
	require.LessOrEqual(t, highest, most, "more writes at once than there are slots")
	require.NoError(t, w.Close(t.Context()))
}
