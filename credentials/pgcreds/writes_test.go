package pgcreds

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
)

// requireWaiting returns once so many sessions of the database wait for a lock.
func requireWaiting(t *testing.T, db *sqlx.DB, n int) {
	t.Helper()
	waiting := func() bool {
		return value[int](t, db, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) >= n
	}
	require.Eventually(t, waiting, timeLimit, poll, "nobody waits for the lock")
}

// holdUp keeps all writes of the profile's credentials waiting until the transaction ends.
func holdUp(t *testing.T, db *sqlx.DB, id accounts.LoginKey) *sqlx.Tx {
	t.Helper()
	tx, err := db.BeginTxx(t.Context(), nil)
	require.NoError(t, err, "begin")
	t.Cleanup(func() { _ = tx.Rollback() })
	_, err = tx.ExecContext(t.Context(), `SELECT pg_advisory_xact_lock(hashtextextended('accounts credentials ' || $1, 0))`, string(id))
	require.NoError(t, err, "hold up")
	_, err = tx.ExecContext(t.Context(), `SELECT FROM trading.credentials WHERE login_key = $1 FOR UPDATE`, string(id))
	require.NoError(t, err, "hold up")
	return tx
}

// A write whose caller leaves is not cancelled: it runs to its end, which Close waits for.
func TestWriteRunsToItsEndWithoutItsCaller(t *testing.T) {
	t.Parallel()
	for name, driver := range drivers {
		for op, test := range map[string]struct {
			write func(ctx context.Context, s *Store) error
			done  func(t *testing.T, s *Store)
		}{
			"Put": {
				func(ctx context.Context, s *Store) error { return s.Put(ctx, "a", creds("password", "new")) },
				func(t *testing.T, s *Store) {
					c, err := s.Get(t.Context(), "a", "")
					require.NoError(t, err, "Get failed")
					requireCreds(t, creds("password", "new"), c, "the write was cancelled")
				},
			},
			"Delete": {
				func(ctx context.Context, s *Store) error { return s.Delete(ctx, "a") },
				func(t *testing.T, s *Store) {
					_, err := s.Get(t.Context(), "a", "")
					require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "the write was cancelled")
				},
			},
			"Rotate": {
				func(ctx context.Context, s *Store) error { _, err := s.Rotate(ctx, nil); return err },
				func(t *testing.T, s *Store) {
					require.NotZero(t, value[int](t, s.db, `SELECT count(*) FROM trading.credentials WHERE key_id = $1`, int64(s.vault.primary)), "the write was cancelled")
				},
			},
		} {
			t.Run(name+" "+op, func(t *testing.T) {
				t.Parallel()
				dsn := migrated.Database(t)
				db, admin := open(t, driver, dsn), open(t, "postgres", dsn)
				keys := newKeys(t)
				require.NoError(t, newStore(t, admin, keys).Put(t.Context(), "a", creds("password", "old")), "Put failed")
				more, _ := rotated(t, keys)
				s := newStore(t, db, more)
				tx := holdUp(t, admin, "a")
				ctx, leave := context.WithCancel(t.Context())
				result := make(chan error, 1)
				go func() { result <- test.write(ctx, s) }()
				requireWaiting(t, admin, 1)
				leave()
				err := <-result
				require.ErrorIs(t, err, accounts.ErrOutcomeUnknown, "the caller is told an outcome that nobody knows")
				require.ErrorIs(t, err, context.Canceled, "the caller's own end is lost")
				requireWaiting(t, admin, 1)
				require.NoError(t, tx.Commit(), "let go")
				require.NoError(t, s.Close(), "Close failed")
				test.done(t, newStore(t, db, more))
			})
		}
	}
}

// A connection that breaks in a write leaves its outcome unknown, and the error says so.
func TestWriteWhoseConnectionBreaks(t *testing.T) {
	t.Parallel()
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := migrated.Database(t)
			db, admin := open(t, driver, dsn), open(t, "postgres", dsn)
			s := newStore(t, db, newKeys(t))
			tx := holdUp(t, admin, "a")
			result := make(chan error, 1)
			go func() { result <- s.Put(context.Background(), "a", creds("password", "new")) }()
			var err error
			broken := func() bool { // as often as the driver's pool sends it again
				run(t, admin, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
				select {
				case err = <-result:
					return true
				default:
					return false
				}
			}
			requireWaiting(t, admin, 1)
			require.Eventually(t, broken, timeLimit, poll, "the write goes on without a connection")
			require.ErrorIs(t, err, accounts.ErrOutcomeUnknown)
			require.NoError(t, tx.Commit(), "let go")
		})
	}
}

// Where the server always breaks off, every write ends, and says that it gave up.
func TestLastingConflictEnds(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"40001", "40P01"} {
		db := open(t, "postgres", migrated.Database(t))
		keys := newKeys(t)
		require.NoError(t, newStore(t, db, keys).Put(t.Context(), "a", creds("k", "v")), "Put failed")
		before := stored(t, db, "a")
		more, _ := rotated(t, keys)
		s := newStore(t, db, more)
		run(t, db, `CREATE SEQUENCE tries`)
		run(t, db, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('tries'); RAISE EXCEPTION 'no' USING ERRCODE = '`+code+`'; END $$`)
		run(t, db, `CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON trading.credentials FOR EACH ROW EXECUTE FUNCTION refuse()`)
		for op, write := range map[string]func() error{
			"Put":    func() error { return s.Put(t.Context(), "a", creds("k", "w")) },
			"Delete": func() error { return s.Delete(t.Context(), "a") },
			"Rotate": func() error { _, err := s.Rotate(t.Context(), nil); return err },
		} {
			run(t, db, `ALTER SEQUENCE tries RESTART`)
			err := write()
			require.ErrorIs(t, err, accounts.ErrConflict, "%s with %s", op, code)
			require.NotErrorIs(t, err, accounts.ErrOutcomeUnknown, "the server said that %s changed nothing", op)
			require.ErrorContains(t, err, "gave up after 40 tries", "%s does not say so", op)
			require.Equal(t, 40, value[int](t, db, `SELECT last_value FROM tries`), "tries of %s", op)
			require.Equal(t, before, stored(t, db, "a"), "%s changed something", op)
		}
	}
}

// Everything at once on few profiles: no method fails where transactions are stricter than by default.
func TestAllMethodsWhereTransactionsAreStricter(t *testing.T) {
	t.Parallel()
	for _, level := range []string{"repeatable read", "serializable"} {
		for name, driver := range drivers {
			t.Run(level+" "+name, func(t *testing.T) {
				t.Parallel()
				dsn := migrated.Database(t)
				run(t, open(t, "postgres", dsn), `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''`+level+`''', current_database()); END $$`)
				db := open(t, driver, dsn)
				require.Equal(t, level, value[string](t, db, `SHOW default_transaction_isolation`), "transactions are not stricter")
				keys := newKeys(t)
				more, _ := rotated(t, keys)
				first, second := newStore(t, db, keys), newStore(t, db, more)
				var g group
				for w := range 5 {
					g.Go(func() error {
						random := rand.New(rand.NewPCG(uint64(w), 2))
						for n := range 30 {
							if err := anything(t.Context(), random, first, second, fmt.Sprint(w, ".", n)); err != nil {
								return err
							}
						}
						return nil
					})
				}
				require.NoError(t, g.Wait(), "others were met")
				_, err := second.Rotate(t.Context(), nil)
				require.NoError(t, err, "Rotate failed")
			})
		}
	}
}

// anything calls a method on one of three profiles. second reads what first puts.
func anything(ctx context.Context, random *rand.Rand, first, second *Store, v string) error {
	id := profile(random.IntN(3))
	switch random.IntN(7) {
	case 0, 1:
		s := []*Store{first, second}[random.IntN(2)]
		return s.Put(ctx, id, creds("one", v, "two", v))
	case 2:
		return first.Delete(ctx, id)
	case 3:
		_, err := second.Rotate(ctx, nil)
		return err
	case 4:
		_, err := second.List(ctx)
		return err
	case 5:
		_, err := second.KeyUse(ctx)
		return err
	}
	c, err := second.Get(ctx, id, "")
	if errors.Is(err, accounts.ErrCredentialsNotFound) {
		return nil
	}
	if err == nil && !c["one"].Equal(c["two"]) {
		err = errors.New("credentials of two writes are mixed")
	}
	return err
}

// counting counts what is decrypted.
type counting struct {
	tink.AEAD
	calls, bytes atomic.Int64
}

func (c *counting) Decrypt(sealed, data []byte) ([]byte, error) {
	c.calls.Add(1)
	c.bytes.Add(int64(len(sealed)))
	return c.AEAD.Decrypt(sealed, data)
}

// Rotate works in proportion to what there is: a set's list of names is opened once in a batch, however
// many names there are.
func TestRotateIsInProportion(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Database(t))
	keys := newKeys(t)
	s := newStore(t, db, keys)
	c := credentials.Set{}
	for i := range credentials.MaxNames {
		c[strings.Repeat("n", credentials.MaxName-2)+fmt.Sprintf("%02d", i)] = credentials.Secret{}
	}
	const profiles = 20
	for i := range profiles {
		require.NoError(t, s.Put(t.Context(), profile(i), c), "Put failed")
	}
	rows := value[int64](t, db, `SELECT count(*) FROM trading.credentials`)
	size := value[int64](t, db, `SELECT sum(length(sealed)) FROM trading.credentials`)
	more, _ := rotated(t, keys)
	second := newStore(t, db, more)
	count := &counting{AEAD: second.vault.aead}
	second.vault.aead = count
	done, err := second.Rotate(t.Context(), nil)
	require.NoError(t, err, "Rotate failed")
	require.Equal(t, rows, done.Rewritten, "rows rewritten")
	batches := rows/rotationBatch + 1
	require.LessOrEqual(t, count.calls.Load(), rows+profiles+batches, "a list of names was opened more than once in a batch")
	require.LessOrEqual(t, count.bytes.Load(), 3*size, "Rotate reads what there is again and again")
}
