package pgstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/storetest"
)

// drivers are those that every test of behaviour runs with, by their names in database/sql.
var drivers = map[string]string{"lib_pq": "postgres", "pgx": "pgx"}

// newStore returns a store on a pool of its own.
func newStore(t testing.TB, driver, dsn string, opts ...Option) *Store {
	t.Helper()
	s, err := New(t.Context(), open(t, driver, dsn), opts...)
	require.NoError(t, err, "New failed")
	return s
}

func TestStore(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			on := keepPools(t, driver)
			storetest.Run(t, func(t *testing.T) accounts.Store {
				dsn := migrated.Reused(t)
				return on.store(t, dsn, WithListenDSN(dsn))
			})
		})
	}
}

func TestSharedStore(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			one, other := keepPools(t, driver), keepPools(t, driver)
			storetest.RunShared(t, func(t *testing.T) (a, b accounts.Store) {
				dsn := migrated.Reused(t)
				return one.store(t, dsn, WithListenDSN(dsn)), other.store(t, dsn, WithListenDSN(dsn))
			})
		})
	}
}

// Without a connection to listen on, Watch asks. Nothing else is different.
func TestStoreThatPolls(t *testing.T) {
	one, other, poll := keepPools(t, "postgres"), keepPools(t, "postgres"), WithPollInterval(5*time.Millisecond)
	t.Run("one", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) accounts.Store { return one.store(t, migrated.Reused(t), poll) }, storetest.Watch)
	})
	t.Run("shared", func(t *testing.T) {
		storetest.RunShared(t, func(t *testing.T) (a, b accounts.Store) {
			dsn := migrated.Reused(t)
			return one.store(t, dsn, poll), other.store(t, dsn, poll)
		}, storetest.Watch)
	})
}

func TestOpenOwnsItsPool(t *testing.T) {
	s, err := Open(t.Context(), migrated.Reused(t))
	require.NoError(t, err, "Open failed")
	require.NoError(t, s.Close(), "Close failed")
	require.Error(t, s.db.PingContext(t.Context()), "the pool that Open made outlived the store")
}

func TestNewLeavesThePoolOpen(t *testing.T) {
	s := newStore(t, "postgres", migrated.Reused(t))
	require.NoError(t, s.Close(), "Close failed")
	require.NoError(t, s.db.PingContext(t.Context()), "the caller's pool was closed")
}

// What a caller does twice is refused, and not taken for what was sent twice.
func TestTheSameAgain(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, driver, migrated.Reused(t))
			for i, n := range []int{1, 20} { // one statement for a single fill, another for many
				p := testProfile(i)
				require.NoError(t, s.CreateProfile(t.Context(), p), "CreateProfile failed")
				require.ErrorIs(t, s.CreateProfile(t.Context(), p), accounts.ErrProfileExists, "the same profile again")
				b := (&fills{id: p.ID}).next(n)
				require.NoError(t, s.Append(t.Context(), b), "Append failed")
				require.ErrorIs(t, s.Append(t.Context(), b), accounts.ErrConflict, "the same batch again")
				require.NoError(t, s.UpdateProfile(t.Context(), p), "UpdateProfile failed")
				require.ErrorIs(t, s.UpdateProfile(t.Context(), p), accounts.ErrConflict, "the same update again")
			}
			require.NoError(t, s.Close(), "Close failed")
		})
	}
}
