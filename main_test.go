package accounts_test

import (
	"context"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// fakeStore is a store in memory of which a test can replace single methods; nil ones are the
// store's own.
type fakeStore struct {
	*memstore.Store
	onWatch         func(context.Context) (<-chan accounts.Event, error)
	onProfile       func(context.Context, accounts.ProfileID) (accounts.AccountProfile, error)
	onUpdateProfile func(context.Context, accounts.AccountProfile) error
	onSetActive     func(context.Context, accounts.OwnerID, accounts.ProfileID, time.Time) error
	onActive        func(context.Context, accounts.OwnerID) (accounts.ProfileID, error)
	onCheckpoint    func(context.Context, accounts.ProfileID) (accounts.Checkpoint, error)
	onSave          func(context.Context, accounts.Checkpoint) error
}

func newStore(t *testing.T) *fakeStore {
	s := &fakeStore{Store: memstore.New()}
	t.Cleanup(func() { require.NoError(t, s.Close(), "close the store") })
	return s
}

func (s *fakeStore) Watch(ctx context.Context) (<-chan accounts.Event, error) {
	if s.onWatch != nil {
		return s.onWatch(ctx)
	}
	return s.Store.Watch(ctx)
}

func (s *fakeStore) Profile(ctx context.Context, id accounts.ProfileID) (accounts.AccountProfile, error) {
	if s.onProfile != nil {
		return s.onProfile(ctx, id)
	}
	return s.Store.Profile(ctx, id)
}

func (s *fakeStore) UpdateProfile(ctx context.Context, p accounts.AccountProfile) error {
	if s.onUpdateProfile != nil {
		return s.onUpdateProfile(ctx, p)
	}
	return s.Store.UpdateProfile(ctx, p)
}

func (s *fakeStore) SetActiveProfile(ctx context.Context, o accounts.OwnerID, id accounts.ProfileID, at time.Time) error {
	if s.onSetActive != nil {
		return s.onSetActive(ctx, o, id, at)
	}
	return s.Store.SetActiveProfile(ctx, o, id, at)
}

func (s *fakeStore) ActiveProfile(ctx context.Context, o accounts.OwnerID) (accounts.ProfileID, error) {
	if s.onActive != nil {
		return s.onActive(ctx, o)
	}
	return s.Store.ActiveProfile(ctx, o)
}

func (s *fakeStore) Checkpoint(ctx context.Context, id accounts.ProfileID, upTo int64) (accounts.Checkpoint, error) {
	if s.onCheckpoint != nil {
		return s.onCheckpoint(ctx, id)
	}
	return s.Store.Checkpoint(ctx, id, upTo)
}

func (s *fakeStore) SaveCheckpoint(ctx context.Context, c accounts.Checkpoint) error {
	if s.onSave != nil {
		return s.onSave(ctx, c)
	}
	return s.Store.SaveCheckpoint(ctx, c)
}

// newManager returns a manager that ends with the test.
func newManager(t *testing.T, store accounts.Store, opts ...accounts.ManagerOption) *accounts.MultiAccountManager {
	t.Helper()
	m, err := accounts.New(store, opts...)
	require.NoError(t, err, "make a manager")
	t.Cleanup(func() { require.NoError(t, m.Close(), "close the manager") })
	return m
}

// create makes a profile with the id under ctx.
func create(t *testing.T, ctx context.Context, m *accounts.MultiAccountManager, id accounts.ProfileID) accounts.AccountProfile {
	t.Helper()
	p, err := m.CreateProfile(ctx, aProfile(id))
	require.NoError(t, err, "create profile %q", id)
	return p
}

// suspend takes the profile's newest version.
func suspend(t *testing.T, ctx context.Context, m *accounts.MultiAccountManager, id accounts.ProfileID) {
	t.Helper()
	p, err := m.Profile(ctx, id)
	require.NoError(t, err)
	p.Status = accounts.StatusSuspended
	_, err = m.UpdateProfile(ctx, p)
	require.NoError(t, err, "suspend %q", id)
}

// switchTo switches and requires it to work.
func switchTo(t *testing.T, ctx context.Context, m *accounts.MultiAccountManager, id accounts.ProfileID) {
	t.Helper()
	p, err := m.SwitchProfile(ctx, id)
	require.NoError(t, err, "switch to %q", id)
	require.Equal(t, id, p.ID, "the switch went elsewhere")
}

func requireActive(t *testing.T, ctx context.Context, m *accounts.MultiAccountManager, id accounts.ProfileID) {
	t.Helper()
	p, err := m.ActiveProfile(ctx)
	if id == "" {
		require.ErrorIs(t, err, accounts.ErrNoActiveProfile, "%q is active", p.ID)
		return
	}
	require.NoError(t, err, "read the active profile")
	require.Equal(t, id, p.ID, "another profile is active")
}

// deposit returns a cash movement that any book accepts.
func deposit(t *testing.T, id string) ledger.CashMovement {
	t.Helper()
	return ledger.CashMovement{
		ID: id, Kind: ledger.Deposit, Currency: "USD", Amount: dec("100"),
		Time: time.Date(2025, 5, 16, 13, 30, 0, 0, time.UTC),
	}
}

// requireEnd reads the channel until it is closed.
func requireEnd(t *testing.T, events <-chan accounts.Event) {
	t.Helper()
	for ok := true; ok; {
		_, ok = nextEvent(t, events)
	}
}

// receive awaits anything that a goroutine of the test sends.
func receive[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	select {
	case v := <-c:
		return v
	case <-ctx.Done():
		require.FailNow(t, "waited in vain for "+what)
		panic("unreachable")
	}
}

// errOf drops the count of what Record returns.
func errOf(_ int, err error) error { return err }
