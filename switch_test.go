package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/memcreds"
)

// hookLog records the calls of hooks as "name:from>to".
type hookLog struct {
	mu    sync.Mutex
	calls []string
}

func (l *hookLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls := l.calls
	l.calls = nil
	return calls
}

// hook returns an option whose hook logs itself and then fails with what fail returns, if anything.
func (l *hookLog) hook(name string, fail func(ctx context.Context, from, to accounts.AccountProfile) error) accounts.ManagerOption {
	return accounts.OnSwitch(func(ctx context.Context, from, to accounts.AccountProfile) error {
		l.mu.Lock()
		l.calls = append(l.calls, fmt.Sprintf("%s:%s>%s", name, from.ID, to.ID))
		l.mu.Unlock()
		if fail == nil {
			return nil
		}
		return fail(ctx, from, to)
	})
}

// failOn calls fail for switches to the profile, and succeeds otherwise.
func failOn(id accounts.ProfileID, fail func() error) func(context.Context, accounts.AccountProfile, accounts.AccountProfile) error {
	return func(_ context.Context, _, to accounts.AccountProfile) error {
		if to.ID == id {
			return fail()
		}
		return nil
	}
}

func TestSwitchProfile(t *testing.T) {
	var log hookLog
	store := newStore(t)
	m := newManager(t, store, log.hook("1", nil), log.hook("2", nil), accounts.WithClock(clockOf(2025)))
	ctx := t.Context()
	a := create(t, ctx, m, "a")
	create(t, ctx, m, "b")
	requireActive(t, ctx, m, "")

	p, err := m.SwitchProfile(ctx, "a")
	require.NoError(t, err)
	a.LastUsedAt = stampOf(2025)
	require.Equal(t, a, p, "not the profile as it is stored now")
	require.Equal(t, []string{"1:>a", "2:>a"}, log.take(), "the first switch comes from no profile")
	stored, err := m.ActiveProfile(ctx)
	require.NoError(t, err)
	require.Equal(t, a, stored, "another profile is active than was returned")

	switchTo(t, ctx, m, "b")
	require.Equal(t, []string{"1:a>b", "2:a>b"}, log.take(), "hooks did not run in order")
	switchTo(t, ctx, m, "b")
	require.Empty(t, log.take(), "switching to the active profile runs hooks")

	restarted := newManager(t, store)
	requireActive(t, ctx, restarted, "b")
}

func TestSwitchProfileRefuses(t *testing.T) {
	var log hookLog
	m := newManager(t, newStore(t), log.hook("1", nil))
	ctx := t.Context()
	create(t, ctx, m, "a")
	create(t, ctx, m, "b")
	switchTo(t, ctx, m, "a")
	log.take()

	_, err := m.SwitchProfile(ctx, "x")
	require.ErrorIs(t, err, accounts.ErrProfileNotFound)
	require.ErrorContains(t, err, `switch to profile "x"`, "the error does not name operation and value")
	_, err = m.SwitchProfile(ctx, "")
	require.ErrorIs(t, err, accounts.ErrProfileNotFound, "no profile at all")
	suspend(t, ctx, m, "b")
	_, err = m.SwitchProfile(ctx, "b")
	require.ErrorIs(t, err, accounts.ErrProfileNotActive, "a suspended profile")
	require.Empty(t, log.take(), "hooks ran for a switch that was refused")
	requireActive(t, ctx, m, "a")

	suspend(t, ctx, m, "a")
	_, err = m.ActiveProfile(ctx)
	require.ErrorIs(t, err, accounts.ErrProfileNotActive, "a suspended profile is still traded on")
	require.ErrorContains(t, err, `"a"`, "the error does not say which")
	_, err = m.SwitchProfile(ctx, "a")
	require.ErrorIs(t, err, accounts.ErrProfileNotActive, "suspended since it was switched to")
	_, err = m.Portfolio(ctx, "")
	require.ErrorIs(t, err, accounts.ErrProfileNotActive, "the portfolio of a suspended active profile")
}

// unreadable is a credential store with credentials that it cannot decrypt.
type unreadable struct {
	*memcreds.Store
	err error
}

func (u unreadable) Get(context.Context, accounts.LoginKey, credentials.Kind) (credentials.Set, error) {
	return nil, u.err
}

func TestSwitchNeedsCredentials(t *testing.T) {
	var log hookLog
	store, creds := newStore(t), memcreds.New()
	m := newManager(t, store, accounts.WithCredentialStore(creds), log.hook("1", nil))
	ctx := t.Context()
	create(t, ctx, m, "a")
	_, err := m.SwitchProfile(ctx, "a")
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "a profile that nobody can log in to")

	failure := errors.New("wrong key")
	require.NoError(t, m.SetCredentials(ctx, "a", credentials.NewGatewaySession()))
	broken := newManager(t, store, accounts.WithCredentialStore(unreadable{creds, failure}), log.hook("1", nil))
	_, err = broken.SwitchProfile(ctx, "a")
	require.ErrorIs(t, err, failure, "credentials that cannot be read")
	require.Empty(t, log.take(), "hooks ran without credentials")
	requireActive(t, ctx, m, "")
	switchTo(t, ctx, m, "a")
}

func TestFailingHookLeavesTheOldProfileActive(t *testing.T) {
	var log hookLog
	refused, stuck := errors.New("gateway refused"), errors.New("stuck")
	ctx, cancel := context.WithCancel(t.Context())
	m := newManager(t, newStore(t),
		log.hook("1", nil),
		log.hook("2", func(ctx context.Context, from, to accounts.AccountProfile) error {
			if to.ID == "a" && from.ID == "b" { // being undone
				require.NoError(t, ctx.Err(), "undoing ends with the caller's context")
				return stuck
			}
			return nil
		}),
		log.hook("3", failOn("b", func() error {
			cancel()
			return refused
		})),
		log.hook("4", nil))
	create(t, ctx, m, "a")
	create(t, ctx, m, "b")
	switchTo(t, ctx, m, "a")
	log.take()

	_, err := m.SwitchProfile(ctx, "b")
	require.ErrorIs(t, err, refused, "the hook's error is lost")
	require.ErrorIs(t, err, stuck, "the error of undoing is lost")
	require.Equal(t, []string{"1:a>b", "2:a>b", "3:a>b", "2:b>a", "1:b>a"}, log.take(),
		"not the hooks that had run, in reverse order, the other way around")
	requireActive(t, t.Context(), m, "a")
}

func TestPanickingHookIsUndoneAndPropagates(t *testing.T) {
	var log hookLog
	m := newManager(t, newStore(t), log.hook("1", nil), log.hook("2", failOn("b", func() error { panic("nil gateway") })))
	ctx := t.Context()
	create(t, ctx, m, "a")
	create(t, ctx, m, "b")
	switchTo(t, ctx, m, "a")
	log.take()

	require.PanicsWithValue(t, "nil gateway", func() { _, _ = m.SwitchProfile(ctx, "b") })
	require.Equal(t, []string{"1:a>b", "2:a>b", "1:b>a"}, log.take(), "the hook before was not undone")
	requireActive(t, ctx, m, "a")
	create(t, ctx, m, "c")
	switchTo(t, ctx, m, "c") // and not wait for ever
}

func TestContextThatEndsBetweenHooks(t *testing.T) {
	var log hookLog
	ctx, cancel := context.WithCancel(t.Context())
	m := newManager(t, newStore(t), log.hook("1", failOn("a", func() error { cancel(); return nil })), log.hook("2", nil))
	create(t, ctx, m, "a")
	_, err := m.SwitchProfile(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []string{"1:>a", "1:a>"}, log.take(), "hooks go on after the caller gave up, or are not undone")
	requireActive(t, t.Context(), m, "")
}

func TestSwitchThatCannotBePersisted(t *testing.T) {
	lost := errors.New("connection lost")
	for name, test := range map[string]struct {
		stored  bool  // whether the store did it all the same
		unasked error // what the store says when asked
		wants   []error
		active  accounts.ProfileID
		calls   []string
	}{
		"not done":        {false, nil, []error{lost}, "a", []string{"1:a>b", "1:b>a"}},
		"done":            {true, nil, nil, "b", []string{"1:a>b"}},
		"nobody can tell": {false, errors.New("still lost"), []error{lost, accounts.ErrOutcomeUnknown}, "a", []string{"1:a>b", "1:b>a"}},
	} {
		t.Run(name, func(t *testing.T) {
			var log hookLog
			store := newStore(t)
			m := newManager(t, store, log.hook("1", nil))
			ctx := t.Context()
			create(t, ctx, m, "a")
			create(t, ctx, m, "b")
			switchTo(t, ctx, m, "a")
			log.take()
			store.onSetActive = func(ctx context.Context, o accounts.OwnerID, id accounts.ProfileID, at time.Time) error {
				if test.stored {
					require.NoError(t, store.Store.SetActiveProfile(ctx, o, id, at))
				}
				if test.unasked != nil {
					store.onActive = func(context.Context, accounts.OwnerID) (accounts.ProfileID, error) { return "", test.unasked }
				}
				return lost
			}
			_, err := m.SwitchProfile(ctx, "b")
			store.onActive = nil
			if test.wants == nil {
				require.NoError(t, err, "a switch that took place is reported as failed")
			}
			for _, want := range test.wants {
				require.ErrorIs(t, err, want)
			}
			if test.unasked == nil {
				require.NotErrorIs(t, err, accounts.ErrOutcomeUnknown, "the store was asked, and said")
			}
			require.Equal(t, test.calls, log.take(), "hooks and store do not agree")
			requireActive(t, ctx, m, test.active)
		})
	}
}

// The library deletes no profile, but somebody with SQL may: that must not end all switching.
func TestSwitchFromAProfileThatIsGone(t *testing.T) {
	var log hookLog
	store := newStore(t)
	store.onActive = func(context.Context, accounts.OwnerID) (accounts.ProfileID, error) { return "gone", nil }
	m := newManager(t, store, log.hook("1", nil))
	create(t, t.Context(), m, "a")
	switchTo(t, t.Context(), m, "a")
	require.Equal(t, []string{"1:>a"}, log.take())
}

func TestProfileSuspendedWhileHooksRun(t *testing.T) {
	var log hookLog
	var m *accounts.MultiAccountManager
	store := newStore(t)
	other := newManager(t, store)
	m = newManager(t, store, log.hook("1", failOn("a", func() error {
		suspend(t, t.Context(), other, "a")
		return nil
	})))
	create(t, t.Context(), m, "a")
	_, err := m.SwitchProfile(t.Context(), "a")
	require.ErrorIs(t, err, accounts.ErrProfileNotActive, "a profile became active after it was suspended")
	require.Equal(t, []string{"1:>a", "1:a>"}, log.take(), "the hook was not undone")
	requireActive(t, t.Context(), m, "")
}

func TestHooksMayUseTheManager(t *testing.T) {
	var m *accounts.MultiAccountManager
	called := false
	m = newManager(t, newStore(t), accounts.OnSwitch(func(ctx context.Context, from, to accounts.AccountProfile) error {
		called = true
		requireActive(t, ctx, m, from.ID)
		_, err := m.Profile(ctx, to.ID)
		require.NoError(t, err)
		_, err = m.ListProfiles(ctx, accounts.ProfileFilter{})
		require.NoError(t, err)
		p, err := m.Portfolio(ctx, to.ID)
		require.NoError(t, err)
		require.NoError(t, errOf(p.Record(ctx, deposit(t, "by hook"))))
		create(t, ctx, m, "made-by-hook")

		_, err = m.SwitchProfile(ctx, from.ID)
		require.ErrorIs(t, err, accounts.ErrInvalid, "a switch inside a switch")
		require.ErrorIs(t, m.ArchiveProfile(ctx, to.ID), accounts.ErrInvalid, "archiving inside a switch")
		elsewhere := newManager(t, newStore(t))
		create(t, ctx, elsewhere, "z")
		switchTo(t, ctx, elsewhere, "z") // another manager is another matter
		return nil
	}))
	create(t, t.Context(), m, "a")
	switchTo(t, t.Context(), m, "a")
	require.True(t, called, "the hook did not run")
}

// waiting is a context that tells when somebody begins to wait for its end.
type waiting struct {
	context.Context
	asked chan struct{}
	once  *sync.Once
}

func newWaiting(ctx context.Context) waiting {
	return waiting{ctx, make(chan struct{}), new(sync.Once)}
}

func (w waiting) Done() <-chan struct{} {
	w.once.Do(func() { close(w.asked) })
	return w.Context.Done()
}

func TestWaitingForASwitchEndsWithTheContext(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	m := newManager(t, newStore(t), accounts.OnSwitch(func(context.Context, accounts.AccountProfile, accounts.AccountProfile) error {
		entered <- struct{}{}
		<-leave
		return nil
	}))
	ctx := t.Context()
	create(t, ctx, m, "a")
	create(t, ctx, m, "b")
	first := make(chan error, 1)
	go func() {
		_, err := m.SwitchProfile(ctx, "a")
		first <- err
	}()
	receive(t, entered, "the first switch's hook")

	second := make(chan error, 1)
	impatient, cancel := context.WithCancel(ctx)
	waiting := newWaiting(impatient)
	go func() {
		_, err := m.SwitchProfile(waiting, "b")
		second <- err
	}()
	receive(t, waiting.asked, "the second switch to wait")
	cancel()
	require.ErrorIs(t, receive(t, second, "the second switch"), context.Canceled)

	third := make(chan error, 1)
	waiting = newWaiting(ctx)
	go func() { third <- m.ArchiveProfile(waiting, "b") }()
	receive(t, waiting.asked, "archiving to wait")
	require.NoError(t, m.Close(), "Close does not wait for a switch that waits for its hook")
	require.ErrorIs(t, receive(t, third, "archiving"), accounts.ErrClosed)
	close(leave)
	require.NoError(t, receive(t, first, "the first switch"), "Close broke a switch that was under way")
}

func TestActiveProfileOfTheContext(t *testing.T) {
	m := newManager(t, newStore(t))
	ctx := t.Context()
	create(t, ctx, m, "a")
	create(t, ctx, m, "b")
	switchTo(t, ctx, m, "a")
	requireActive(t, accounts.WithProfile(ctx, "b"), m, "b")
	p, err := m.Portfolio(accounts.WithProfile(ctx, "b"), "")
	require.NoError(t, err)
	require.Equal(t, accounts.ProfileID("b"), p.ProfileID(), "the portfolio of another profile")
	p, err = m.Portfolio(ctx, "")
	require.NoError(t, err)
	require.Equal(t, accounts.ProfileID("a"), p.ProfileID(), "the portfolio of another profile")
	requireActive(t, accounts.WithProfile(ctx, ""), m, "") // whoever lost an id must not trade elsewhere
	_, err = m.ActiveProfile(accounts.WithProfile(ctx, "x"))
	require.ErrorIs(t, err, accounts.ErrProfileNotFound)
	suspend(t, ctx, m, "b")
	_, err = m.ActiveProfile(accounts.WithProfile(ctx, "b"))
	require.ErrorIs(t, err, accounts.ErrProfileNotActive)
}

// A portfolio is bound to its profile for life: what is recorded on it while others switch never
// lands elsewhere.
func TestSwitchesAndReadersAtOnce(t *testing.T) {
	const profiles, rounds = 4, 50
	var connected accounts.ProfileID // by the hook; switches are serialized, so it needs no lock
	m := newManager(t, newStore(t), accounts.OnSwitch(func(_ context.Context, from, to accounts.AccountProfile) error {
		if from.ID != connected {
			return fmt.Errorf("switch from %q, but %q is connected", from.ID, connected)
		}
		connected = to.ID
		return nil
	}))
	ctx := t.Context()
	id := func(n int) accounts.ProfileID { return accounts.ProfileID(fmt.Sprint("p", n%profiles)) }
	for n := range profiles {
		create(t, ctx, m, id(n))
	}
	switchTo(t, ctx, m, id(0))
	var wg sync.WaitGroup
	for n := range profiles {
		wg.Go(func() {
			for i := range rounds {
				if p, err := m.SwitchProfile(ctx, id(n+i)); err != nil || p.ID != id(n+i) {
					t.Errorf("switch to %s: %q, %v", id(n+i), p.ID, err)
				}
			}
		})
		wg.Go(func() {
			for range rounds {
				p, err := m.ActiveProfile(ctx)
				if err != nil || p.Status != accounts.StatusActive {
					t.Errorf("active profile: %+v, %v", p, err)
				}
			}
		})
		wg.Go(func() {
			portfolio, err := m.Portfolio(ctx, id(n))
			if err != nil {
				t.Errorf("portfolio of %s: %v", id(n), err)
				return
			}
			for i := range rounds {
				if err := errOf(portfolio.Record(ctx, deposit(t, fmt.Sprint(i)))); err != nil {
					t.Errorf("record to %s: %v", id(n), err)
				}
			}
		})
	}
	wg.Wait()
	requireActive(t, ctx, m, connected)
	for n := range profiles {
		portfolio, err := m.Portfolio(ctx, id(n))
		require.NoError(t, err)
		require.EqualValues(t, rounds, portfolio.Seq(), "%s has not what was recorded to it, and nothing else", id(n))
	}
}
