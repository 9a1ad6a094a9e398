package pgstore

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/storetest"
)

func TestLeases(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			storetest.RunLeases(t, func(t *testing.T) (a, b storetest.LeaseStore) {
				dsn := migrated.Database(t)
				return busyStore(t, driver, dsn), busyStore(t, driver, dsn)
			})
		})
	}
}

// Time passes by every lease's coming nearer to its end.
func TestLeasesAreThoseOfTheModel(t *testing.T) {
	t.Parallel()
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, driver, migrated.Database(t))
			storetest.RunLeaseModel(t, func(t *testing.T, run func(accounts.LeaseStore, func(time.Duration))) {
				run(s, func(d time.Duration) {
					_, err := s.db.Exec(`UPDATE trading.leases SET ends_at = ends_at - $1 * interval '1 microsecond'`, d.Microseconds())
					require.NoError(t, err, "let time pass")
				})
			})
			require.NoError(t, s.Close(), "Close failed")
		})
	}
}

// A Lease that waits for another's counts from when it gets the row: ttl is not used up in waiting.
func TestLeaseCountsFromWhenItIsTaken(t *testing.T) {
	t.Parallel()
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			dsn := migrated.Database(t)
			s, db := newStore(t, driver, dsn), open(t, "postgres", dsn)
			first, err := s.Lease(t.Context(), "name", "a", accounts.MaxLease)
			require.NoError(t, err, "Lease failed")
			require.NoError(t, s.EndLease(t.Context(), first), "EndLease failed")
			lock := blocked(t, db, `SELECT FROM trading.leases WHERE name = 'name' FOR UPDATE`)
			result := make(chan error, 1)
			go func() {
				_, err := s.Lease(guarded(t), "name", "b", accounts.MinLease)
				result <- err
			}()
			awaitLocks(t, db, 1)
			waited := value[time.Time](t, db, `SELECT clock_timestamp()`)
			require.NoError(t, lock.Rollback(), "unlock")
			require.NoError(t, <-result, "Lease failed")
			ends := value[time.Time](t, db, `SELECT ends_at FROM trading.leases WHERE name = 'name'`)
			require.False(t, ends.Before(waited.Add(accounts.MinLease)), "the lease ends %s too early: it was counted while it waited", waited.Add(accounts.MinLease).Sub(ends))
			require.NoError(t, s.Close(), "Close failed")
		})
	}
}

// A caller that leaves does not know whether it has the lease, and may ask again.
func TestLeaseAgainAfterAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			dsn := migrated.Database(t)
			s, db := newStore(t, driver, dsn), open(t, "postgres", dsn)
			first, err := s.Lease(t.Context(), "name", "a", accounts.MaxLease)
			require.NoError(t, err, "Lease failed")
			require.NoError(t, s.EndLease(t.Context(), first), "EndLease failed")
			lock := blocked(t, db, `SELECT FROM trading.leases WHERE name = 'name' FOR UPDATE`)
			ctx, leave := context.WithCancel(t.Context())
			result := make(chan error, 1)
			go func() {
				_, err := s.Lease(ctx, "name", "b", accounts.MaxLease)
				result <- err
			}()
			awaitLocks(t, db, 1)
			leave()
			err = <-result
			require.ErrorIs(t, err, accounts.ErrOutcomeUnknown, "the caller left")
			require.ErrorIs(t, err, context.Canceled, "the caller left")
			require.NoError(t, lock.Rollback(), "unlock")
			again, err := s.Lease(guarded(t), "name", "b", accounts.MaxLease)
			require.NoError(t, err, "the holder asks again")
			require.Equal(t, int64(2), again.Fence, "the two calls took the lease twice")
			require.NoError(t, s.Close(), "Close failed")
		})
	}
}
