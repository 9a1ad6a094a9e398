package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

func TestPortfolioIsOneForEachProfile(t *testing.T) {
	store := newStore(t)
	var opened atomic.Int32
	store.onCheckpoint = func(ctx context.Context, id accounts.ProfileID) (accounts.Checkpoint, error) {
		opened.Add(1)
		return store.Store.Checkpoint(ctx, id, math.MaxInt64)
	}
	m := newManager(t, store)
	ctx := t.Context()
	create(t, ctx, m, "a")
	create(t, ctx, m, "b")
	portfolios := make([]*accounts.Portfolio, 16)
	var wg sync.WaitGroup
	for i := range portfolios {
		wg.Go(func() {
			p, err := m.Portfolio(ctx, "a")
			if err != nil {
				t.Errorf("portfolio: %v", err)
			}
			portfolios[i] = p
		})
	}
	wg.Wait()
	for _, p := range portfolios {
		require.Same(t, portfolios[0], p, "two books of one profile in one process")
	}
	require.EqualValues(t, 1, opened.Load(), "concurrent callers opened it more than once")
	b, err := m.Portfolio(ctx, "b")
	require.NoError(t, err)
	require.NotSame(t, portfolios[0], b, "two profiles share a book")
	_, err = m.Portfolio(ctx, "x")
	require.ErrorIs(t, err, accounts.ErrProfileNotFound)
}

func TestFailedOpeningIsNotRemembered(t *testing.T) {
	store := newStore(t)
	failure := errors.New("connection lost")
	store.onCheckpoint = func(context.Context, accounts.ProfileID) (accounts.Checkpoint, error) {
		store.onCheckpoint = nil
		return accounts.Checkpoint{}, failure
	}
	m := newManager(t, store)
	create(t, t.Context(), m, "a")
	_, err := m.Portfolio(t.Context(), "a")
	require.ErrorIs(t, err, failure)
	p, err := m.Portfolio(t.Context(), "a")
	require.NoError(t, err, "the failure was remembered")
	require.NoError(t, errOf(p.Record(t.Context(), deposit(t, "1"))))
}

// slowOpening makes opening wait until it is let go on or its context ends.
func slowOpening(store *fakeStore) (entered, goOn chan struct{}) {
	entered, goOn = make(chan struct{}, 1), make(chan struct{})
	store.onCheckpoint = func(ctx context.Context, id accounts.ProfileID) (accounts.Checkpoint, error) {
		entered <- struct{}{}
		select {
		case <-goOn:
			return store.Store.Checkpoint(ctx, id, math.MaxInt64)
		case <-ctx.Done():
			return accounts.Checkpoint{}, ctx.Err()
		}
	}
	return entered, goOn
}

type openResult struct {
	p   *accounts.Portfolio
	err error
}

func openAsync(ctx context.Context, m *accounts.MultiAccountManager, id accounts.ProfileID) <-chan openResult {
	result := make(chan openResult, 1)
	go func() {
		p, err := m.Portfolio(ctx, id)
		result <- openResult{p, err}
	}()
	return result
}

func TestOpeningOutlivesTheCallerWhoBeganIt(t *testing.T) {
	store := newStore(t)
	entered, goOn := slowOpening(store)
	m := newManager(t, store)
	create(t, t.Context(), m, "a")
	impatient, cancel := context.WithCancel(t.Context())
	first := openAsync(impatient, m, "a")
	receive(t, entered, "the opening")
	second := openAsync(t.Context(), m, "a")
	cancel()
	require.ErrorIs(t, receive(t, first, "the first caller").err, context.Canceled, "a caller cannot give up")
	close(goOn)
	r := receive(t, second, "the second caller")
	require.NoError(t, r.err, "one caller's context ended another's opening")
	require.NoError(t, errOf(r.p.Record(t.Context(), deposit(t, "1"))))
}

func TestCloseEndsAnOpening(t *testing.T) {
	store := newStore(t)
	entered, _ := slowOpening(store)
	m := newManager(t, store)
	create(t, t.Context(), m, "a")
	result := openAsync(t.Context(), m, "a")
	receive(t, entered, "the opening")
	require.NoError(t, m.Close())
	require.ErrorIs(t, receive(t, result, "the caller").err, accounts.ErrClosed)
}

// What two processes do on one profile, two managers do on one store.
func TestPortfolioFollowsOtherProcesses(t *testing.T) {
	store := newStore(t)
	here, there := newManager(t, store), newManager(t, store)
	ctx := t.Context()
	create(t, ctx, here, "a")
	ours, err := here.Portfolio(ctx, "a")
	require.NoError(t, err)
	theirs, err := there.Portfolio(ctx, "a")
	require.NoError(t, err)
	events, err := here.Subscribe(ctx, accounts.EventRecorded)
	require.NoError(t, err)

	for n := int64(1); n <= 20; n++ {
		require.NoError(t, errOf(theirs.Record(ctx, deposit(t, fmt.Sprint(n)))))
		e := await(t, events, func(e accounts.Event) bool { return e.Seq >= n })
		require.Equal(t, accounts.ProfileID("a"), e.ProfileID)
		require.GreaterOrEqual(t, ours.Seq(), n, "whoever is told of an entry does not find it in the book")
	}
}

func TestPortfolioFollowsWhatHappensWhileItOpens(t *testing.T) {
	store := newStore(t)
	entered, goOn := slowOpening(store)
	here := newManager(t, store)
	create(t, t.Context(), here, "a")
	events, err := here.Subscribe(t.Context(), accounts.EventRecorded)
	require.NoError(t, err)
	result := openAsync(t.Context(), here, "a")
	receive(t, entered, "the opening")

	there := newManager(t, store.Store) // opens at once
	theirs, err := there.Portfolio(t.Context(), "a")
	require.NoError(t, err)
	require.NoError(t, errOf(theirs.Record(t.Context(), deposit(t, "1"))))
	await(t, events, func(e accounts.Event) bool { return e.Seq == 1 }) // not held back by the opening
	close(goOn)
	r := receive(t, result, "the caller")
	require.NoError(t, r.err)
	require.EqualValues(t, 1, r.p.Seq(), "the portfolio missed an entry")
}

func TestAccountRenumberedByAnotherProcess(t *testing.T) {
	store := newStore(t)
	here, there := newManager(t, store), newManager(t, store)
	ctx := t.Context()
	events, err := here.Subscribe(ctx, accounts.EventProfile)
	require.NoError(t, err)
	p := create(t, ctx, here, "a")
	await(t, events, func(e accounts.Event) bool { return e.ProfileID == "a" })
	portfolio, err := here.Portfolio(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, p.IBKRAccountID, portfolio.IBKRAccountID())
	p.IBKRAccountID = "DU7000001"
	p, err = there.UpdateProfile(ctx, p)
	require.NoError(t, err)
	await(t, events, func(e accounts.Event) bool { return e.ProfileID == "a" })
	require.Equal(t, "DU7000001", portfolio.IBKRAccountID(), "the portfolio goes by the old account id")
	p.IBKRAccountID = "DU7000002"
	_, err = here.UpdateProfile(ctx, p)
	require.NoError(t, err)
	require.Equal(t, "DU7000002", portfolio.IBKRAccountID(), "an update here must show at once")
}

func TestFailedCheckpointIsTold(t *testing.T) {
	store := newStore(t)
	failure := errors.New("disk full")
	store.onSave = func(context.Context, accounts.Checkpoint) error { return failure }
	m := newManager(t, store)
	anna := accounts.WithOwner(t.Context(), "anna")
	create(t, anna, m, "a")
	events, err := m.Subscribe(anna, accounts.EventCheckpointFailed)
	require.NoError(t, err)
	p, err := m.Portfolio(anna, "a")
	require.NoError(t, err)
	movements := make([]ledger.CashMovement, 5000)
	for i := range movements {
		movements[i] = deposit(t, fmt.Sprint(i))
	}
	require.NoError(t, errOf(p.Record(anna, ledger.Facts(movements)...)), "a checkpoint is a convenience")
	e := await(t, events, func(accounts.Event) bool { return true })
	require.Equal(t, accounts.ProfileID("a"), e.ProfileID)
	require.Equal(t, accounts.OwnerID("anna"), e.Owner)
	require.ErrorIs(t, e.Err, failure)
}
