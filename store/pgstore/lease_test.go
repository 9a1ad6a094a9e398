package pgstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/storetest"
)

func TestLeases(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			one, other := keepPools(t, driver), keepPools(t, driver)
			storetest.RunLeases(t, func(t *testing.T) (a, b storetest.LeaseStore) {
				dsn := migrated.Reused(t)
				return one.store(t, dsn), other.store(t, dsn)
			})
		})
	}
}

// Time passes by every lease's coming nearer to its end.
func TestLeasesAreThoseOfTheModel(t *testing.T) {
	t.Parallel()
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, driver, migrated.Reused(t))
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
			dsn := migrated.Reused(t)
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
			dsn := migrated.Reused(t)
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

// The guards are in the statement that writes: what was true of the server just before does not count.
func TestLeaseIsRefusedInTheStatement(t *testing.T) {
	t.Parallel()
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, driver, migrated.Database(t))
			rows := func(timeline int64, standbys int) int {
				var found []string
				require.NoError(t, s.db.Select(&found, `WITH given AS (`+leaseStatement+`) SELECT holder FROM given`,
					"guarded", "h", 1_000_000, timeline, standbys), "the statement failed")
				return len(found)
			}
			now := s.timeline.highest.Load()
			require.Positive(t, now, "the store knows no timeline")
			require.Zero(t, rows(now+1, 0), "a server of another timeline gave a lease")
			require.Zero(t, rows(now, 1), "a server that waits for nobody gave a lease")
			require.Zero(t, value[int](t, s.db, `SELECT count(*) FROM trading.leases`), "a refused lease is there")
			require.Equal(t, 1, rows(now, 0), "the server gave no lease")
			require.Zero(t, rows(now+1, 0), "a server of another timeline renewed a lease")

			s.timeline.highest.Store(timelineUnknown) // as of a store that was opened on a standby
			_, err := s.Lease(guarded(t), "name", "h", time.Minute)
			require.NoError(t, err, "a lease after a promotion")
			require.Equal(t, now, s.timeline.highest.Load(), "a later timeline was not learnt")
			require.NoError(t, s.timeline.see(now+1), "a later timeline, by another connection")
			_, err = s.Lease(guarded(t), "name", "h", time.Minute)
			require.ErrorIs(t, err, ErrTimeline, "a lease through a connection to the old primary")
			require.NoError(t, s.Close(), "Close failed")
		})
	}
}

// A Lease is sent again when its connection turns out lost, and when the server became another one.
func TestLeaseIsSentAgain(t *testing.T) {
	given, none := leaseGiven(), leaseGiven()
	none.rows = nil
	var refused []step
	for range maxTries {
		refused = append(refused, none)
	}
	other := leaseGiven()
	other.rows = [][]driver.Value{{"other", int64(3), int64(5_000_000)}}
	for _, c := range []struct {
		name  string
		steps []step
		is    error
	}{
		{"lost, then given", []step{given.with(driver.ErrBadConn), given}, nil},
		{"lost, then another's", []step{given.with(driver.ErrBadConn), other}, accounts.ErrLeased},
		{"lost, then refused by another server", []step{given.with(driver.ErrBadConn), none}, accounts.ErrOutcomeUnknown},
		{"given by the server that became another", []step{none, none, given}, nil},
		{"refused again and again", refused, accounts.ErrUnavailable},
		{"another's", []step{other}, accounts.ErrLeased},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMock(t, false)
			store := m.open(t)
			m.expect(c.steps...)
			l, err := store.Lease(guarded(t), "l", "h", time.Minute)
			require.ErrorIs(t, err, c.is, "result")
			for _, sentinel := range append(sentinels, accounts.ErrLeased) {
				require.Equal(t, sentinel == c.is, errors.Is(err, sentinel), "whether %v is %q", err, sentinel)
			}
			if c.is == nil {
				require.Equal(t, accounts.Lease{Name: "l", Holder: "h", Fence: 1}, l, "the lease")
			}
			if e := (*accounts.LeasedError)(nil); errors.As(err, &e) {
				require.Equal(t, accounts.LeasedError{Name: "l", Holder: "other", Left: 5 * time.Second}, *e, "who has the lease")
			}
			require.NoError(t, m.ExpectationsWereMet(), "not everything was asked")
			require.NoError(t, store.Close(), "Close failed")
		})
	}
}

// The server is asked who it is only where it gives no lease.
func TestLeaseIsOneRoundTrip(t *testing.T) {
	none := leaseGiven()
	none.rows = nil
	m := newMock(t, false)
	store := m.open(t)
	store.timeline.highest.Store(7)
	server := func(timeline int64) step {
		return query("AS waits_for", "timeline waits_for", []driver.Value{timeline, int64(0)})
	}
	m.expect(leaseGiven(), none, server(8), leaseGiven(), none, server(7))
	_, err := store.Lease(guarded(t), "l", "h", time.Minute)
	require.NoError(t, err, "a lease on the server that the store knows")
	_, err = store.Lease(guarded(t), "l", "h", time.Minute)
	require.NoError(t, err, "a lease on a promoted server")
	require.Equal(t, int64(8), store.timeline.highest.Load(), "a later timeline was not learnt")
	_, err = store.Lease(guarded(t), "l", "h", time.Minute)
	require.ErrorIs(t, err, ErrTimeline, "a lease on an old primary")
	require.NoError(t, m.ExpectationsWereMet(), "not everything was asked")
	require.NoError(t, store.Close(), "Close failed")
}

// leaseChild is a process that waits for the lease, says so, takes the lease, tells its fence, and renews
// it until the process is killed or the lease is another's.
func leaseChild() {
	go func() { untilOrphaned(); os.Exit(0) }()
	s, err := Open(context.Background(), os.Getenv(childDSNEnv))
	tick := time.NewTicker(accounts.MinLease / 4)
	for told := ""; err == nil; <-tick.C {
		var l accounts.Lease
		l, err = s.Lease(context.Background(), "name", os.Getenv(childArgEnv), 3*accounts.MinLease)
		says := fmt.Sprint("fence ", l.Fence)
		if errors.Is(err, accounts.ErrLeased) && (told == "" || told == "waits") {
			says, err = "waits", nil
		}
		if err == nil && says != told {
			fmt.Println(says)
			told = says
		}
	}
	if !errors.Is(err, accounts.ErrLeased) {
		fmt.Fprintln(os.Stderr, "another process:", err)
	}
	os.Exit(1)
}

// A process that is killed loses its lease to the one that waits, which has the next fence.
func TestLeaseOfAKilledProcessIsAnothers(t *testing.T) {
	t.Parallel()
	dsn := migrated.Database(t)
	says := func(c *child, want string) {
		require.True(t, c.lines.Scan(), "another process ended and did not say %q", want)
		require.Equal(t, want, c.lines.Text(), "what another process said")
	}
	holder := startChild(t, "lease", dsn, "holder 1")
	says(holder, "fence 1")
	for fence := 2; fence <= 6; fence++ {
		next := startChild(t, "lease", dsn, fmt.Sprint("holder ", fence))
		t.Cleanup(func() { _ = next.kill() })
		says(next, "waits")
		require.Empty(t, holder.kill(), "the holder took its lease anew")
		says(next, fmt.Sprint("fence ", fence))
		holder = next
	}
}
