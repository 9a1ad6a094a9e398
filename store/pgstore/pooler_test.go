package pgstore

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/store/storetest"
)

// throughPooler starts a pooler and leads through it to the database.
func throughPooler(t testing.TB, driver, direct string) string {
	return forDriver(driver, pgtest.NewPooler(t, direct))
}

// forDriver adds to a data source name what New's documentation asks for, driver by driver.
func forDriver(driver, through string) string {
	if driver == "pgx" {
		through += " default_query_exec_mode=exec"
	}
	return through
}

// newPooler starts a pooler for many tests. It returns what leads through it to a database.
func newPooler(t *testing.T) func(t *testing.T, direct string) string {
	through := pgtest.NewPooler(t, migrated.Reused(t))
	return func(t *testing.T, direct string) string {
		c, err := pq.NewConfig(direct)
		require.NoError(t, err, "data source name")
		return through + " dbname=" + c.Database
	}
}

func TestStoreBehindPooler(t *testing.T) {
	for name, driver := range either("pgx") {
		t.Run(name, func(t *testing.T) {
			on, pooler := keepPools(t, driver), newPooler(t)
			storetest.Run(t, func(t *testing.T) accounts.Store {
				direct := migrated.Reused(t)
				return on.store(t, forDriver(driver, pooler(t, direct)), WithListenDSN(direct))
			})
		})
	}
}

// Two processes may use poolers of their own.
func TestSharedStoreBehindPooler(t *testing.T) {
	for name, driver := range either("lib_pq") {
		t.Run(name, func(t *testing.T) {
			on, one, other := keepPools(t, driver), newPooler(t), newPooler(t)
			storetest.RunShared(t, func(t *testing.T) (a, b accounts.Store) {
				direct := migrated.Reused(t)
				return on.store(t, forDriver(driver, one(t, direct)), WithListenDSN(direct)),
					on.store(t, forDriver(driver, other(t, direct)), WithListenDSN(direct))
			})
		})
	}
}

// Where even the connection for notifications leads through the pooler, they do not come through, and
// Watch asks. Nothing else is different.
func TestStoreThatHearsNothingBehindPooler(t *testing.T) {
	for name, driver := range either("pgx") {
		t.Run(name, func(t *testing.T) {
			one, other, pooler, deaf := keepPools(t, driver), keepPools(t, driver), newPooler(t), newPooler(t)
			asking := func(t *testing.T, on *pools, direct string) *Store {
				return on.store(t, forDriver(driver, pooler(t, direct)),
					WithListenDSN(deaf(t, direct)), WithPollInterval(5*time.Millisecond), withSelfTest(50*time.Millisecond))
			}
			t.Run("one", func(t *testing.T) {
				storetest.Run(t, func(t *testing.T) accounts.Store { return asking(t, one, migrated.Reused(t)) }, storetest.Watch)
			})
			t.Run("shared", func(t *testing.T) {
				storetest.RunShared(t, func(t *testing.T) (a, b accounts.Store) {
					direct := migrated.Reused(t)
					return asking(t, one, direct), asking(t, other, direct)
				}, storetest.Watch)
			})
		})
	}
}

func withSelfTest(limit time.Duration) Option { return func(c *config) { c.selfTest = limit } }

func TestListeningIsNotTriedAgainSoonBehindPooler(t *testing.T) {
	t.Parallel()
	through := pgtest.NewPooler(t, migrated.Database(t))
	s := newStore(t, "postgres", through, WithListenDSN(through), withSelfTest(50*time.Millisecond))
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	l, err := s.watch.listen(t.Context())
	require.NoError(t, err, "listening through a pooler failed outright")
	require.Nil(t, l, "notifications are expected through a pooler")
	s.listenDSN = "host=/nowhere"
	_, err = s.watch.listen(t.Context())
	require.NoError(t, err, "listening was tried again at once")
}

func TestPoolerIsDetected(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct := migrated.Reused(t)
			through := throughPooler(t, driver, direct)
			for range 5 {
				require.False(t, newStore(t, driver, direct).reads.Pooled, "a direct connection was taken for a pooler's")
				require.True(t, newStore(t, driver, through).reads.Pooled, "a pooler was not noticed")
			}
			single := open(t, driver, through)
			single.SetMaxOpenConns(1)
			s, err := New(t.Context(), single)
			require.NoError(t, err, "New failed on a pool of one connection")
			require.True(t, s.reads.Pooled, "a pool of one connection, which cannot tell, is trusted with its session")
		})
	}
}

func TestDriverThatPreparesIsToldAboutPooler(t *testing.T) {
	t.Parallel()
	through := pgtest.NewPooler(t, migrated.Database(t))
	_, err := New(t.Context(), open(t, "pgx", through))
	if err != nil { // PgBouncer 1.21 and newer can do it
		require.ErrorIs(t, err, ErrPooler, "what is wrong is not said")
		require.ErrorContains(t, err, "default_query_exec_mode=exec", "what to do is not said")
	}
}

func TestMigrateRefusesPooler(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct := pgtest.Database(t)
			db := open(t, driver, throughPooler(t, driver, direct))
			require.ErrorIs(t, Migrate(t.Context(), db), ErrPooler, "Migrate works without a session of its own")
			status, err := Status(t.Context(), db)
			require.NoError(t, err, "Status failed")
			require.Zero(t, status.Version, "Migrate was refused, and changed something")
			migrate(t, open(t, "postgres", direct))
			require.ErrorIs(t, Rollback(t.Context(), db, 0), ErrPooler, "Rollback works without a session of its own")
			status, err = Status(t.Context(), db)
			require.NoError(t, err, "Status failed")
			require.True(t, status.Current(), "Rollback was refused, and changed something")
		})
	}
}

// Clients of a pooler that share sessions must not get each other's answers. Every goroutine sends
// statements of different shapes, and knows what each must answer.
func TestAnswersAreOnesOwnBehindPooler(t *testing.T) {
	const clients, rounds = 16, 40
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct := migrated.Reused(t)
			s := newStore(t, driver, throughPooler(t, driver, direct), WithListenDSN(direct))
			t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
			var g group
			for i := range clients {
				g.Go(func() error {
					for n := range rounds {
						if err := askOwn(t.Context(), s, i, n); err != nil {
							return fmt.Errorf("client %d, round %d: %w", i, n, err)
						}
					}
					return nil
				})
			}
			require.NoError(t, g.Wait(), "a client got another's answer")
		})
	}
}

func askOwn(ctx context.Context, s *Store, client, round int) error {
	own := fmt.Sprintf("%d.%d", client, round)
	text, err := get[string](ctx, s, fmt.Sprintf(`SELECT $1::text AS c%d`, client), own)
	if err != nil || text != own {
		return fmt.Errorf("asked for %q, got %q: %w", own, text, err)
	}
	row, err := get[struct {
		A int    `db:"a"`
		B string `db:"b"`
	}](ctx, s, `SELECT $1::int AS a, $2::text AS b`, client, own)
	if err != nil || row.A != client || row.B != own {
		return fmt.Errorf("asked for %d and %q, got %v: %w", client, own, row, err)
	}
	rows, err := list[int](ctx, s, `SELECT n FROM generate_series(1, $1::int) n`, client)
	if err != nil || len(rows) != client {
		return fmt.Errorf("asked for %d rows, got %d: %w", client, len(rows), err)
	}
	p := testProfile(client*1000 + round)
	if err := s.CreateProfile(ctx, p); err != nil {
		return err
	}
	f := fills{id: p.ID}
	if err := s.Append(ctx, f.next(1+client%3)); err != nil {
		return err
	}
	for e, err := range s.Entries(ctx, p.ID, 0) {
		if err != nil || e.ProfileID != p.ID {
			return fmt.Errorf("entry %d of %q: %w", e.Seq, e.ProfileID, err)
		}
	}
	got, err := s.Profile(ctx, p.ID)
	if err != nil || got.ID != p.ID {
		return fmt.Errorf("asked for profile %q, got %q: %w", p.ID, got.ID, err)
	}
	return nil
}

// Each needs two connections for a moment, to find out about poolers: on a pool of two that must not end
// in one waiting for the other.
func TestStoresOpenAtOnceOnASmallPool(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Database(t))
	db.SetMaxOpenConns(2)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var g group
	for range 3 {
		g.Go(func() error {
			s, err := New(ctx, db)
			if err != nil {
				return err
			}
			return s.Close()
		})
	}
	require.NoError(t, g.Wait(), "New failed")
}
