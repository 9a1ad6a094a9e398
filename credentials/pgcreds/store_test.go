package pgcreds

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/credtest"
	"github.com/ai-ots/accounts/internal/pgtest"
)

// throughPooler adds to a data source name what New's documentation asks for, driver by driver.
func throughPooler(t testing.TB, driver, direct string) string {
	return forDriver(driver, pgtest.NewPooler(t, direct))
}

func forDriver(driver, through string) string {
	if driver == "pgx" {
		through += " default_query_exec_mode=exec"
	}
	return through
}

// everywhere runs a test with every driver, directly and behind a pooler, each with an empty store.
func everywhere(t *testing.T, f func(t *testing.T, s *Store)) {
	pooler := pgtest.NewPooler(t, migrated.Reused(t)) // for all databases of the server
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, newStore(t, open(t, driver, migrated.Reused(t)), newKeys(t)))
		})
		t.Run(name+" behind a pooler", func(t *testing.T) {
			t.Parallel()
			direct, err := pq.NewConfig(migrated.Reused(t))
			require.NoError(t, err, "data source name")
			s := newStore(t, open(t, driver, forDriver(driver, pooler+" dbname="+direct.Database)), newKeys(t))
			require.True(t, s.reads.Pooled, "the pooler was not noticed")
			f(t, s)
		})
	}
}

func TestStore(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			credtest.Run(t, func(t *testing.T) accounts.CredentialStore {
				return newStore(t, open(t, driver, migrated.Reused(t)), newKeys(t))
			})
		})
	}
}

func TestWhatWasPutIsGot(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		for what, c := range map[string]credentials.Set{
			"one":          creds("flex_token", "0123456789"),
			"odd names":    creds("';DROP", "c", "{\"a\",NULL}", "d", `\`, "e"),
			"an empty one": creds("password", ""),
			"bytes":        creds("key", string(every)),
			"a large one":  creds("key", strings.Repeat("x", credentials.MaxSize-1), "other", "y"),
		} {
			require.NoError(t, s.Put(t.Context(), "a", c), "%s: Put failed", what)
			got, err := s.Get(t.Context(), "a", "")
			require.NoError(t, err, "%s: Get failed", what)
			requireCreds(t, c, got, what)
		}
		require.NoError(t, s.Delete(t.Context(), "a"), "Delete failed")
		require.NoError(t, s.Delete(t.Context(), "a"), "deleting what is not there is an error")
		_, err := s.Get(t.Context(), "a", "")
		require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "deleted credentials can be read")
	})
}

// Writers that replace and delete one profile's credentials at once, with different fields, leave and show
// those of one of them.
func TestReadersSeeOnePut(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		sets := make([]credentials.Set, 6)
		for i := range sets {
			sets[i] = creds("writer", fmt.Sprint(i), fmt.Sprint("own", i), fmt.Sprint(i), fmt.Sprint("shared", i%3), fmt.Sprint(i))
		}
		check := func(ctx context.Context) error {
			c, err := s.Get(ctx, "a", "")
			if errors.Is(err, accounts.ErrCredentialsNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			for _, s := range c {
				if len(c) != 3 || !s.Equal(c["writer"]) {
					return errors.New("credentials of two writers are mixed")
				}
			}
			return nil
		}
		var g group
		for _, c := range sets {
			g.Go(func() error {
				for n := range 25 {
					if err := s.Put(t.Context(), "a", c); err != nil {
						return err
					}
					if err := check(t.Context()); err != nil {
						return err
					}
					if n%5 == 4 {
						if err := s.Delete(t.Context(), "a"); err != nil {
							return err
						}
					}
				}
				return nil
			})
		}
		require.NoError(t, g.Wait(), "writers met")
	})
}

// The same where every transaction is stricter than by default.
func TestReadersSeeOnePutWhereTransactionsAreSerializable(t *testing.T) {
	t.Parallel()
	s := newStore(t, open(t, "postgres", migrated.Reused(t)+" default_transaction_isolation=serializable"), newKeys(t))
	require.Equal(t, "serializable", value[string](t, s.db, `SHOW default_transaction_isolation`), "transactions are not stricter")
	var g group
	for i := range 4 {
		g.Go(func() error {
			for range 15 {
				if err := s.Put(t.Context(), "a", creds("writer", fmt.Sprint(i), fmt.Sprint("own", i), "x")); err != nil {
					return err
				}
				if c, err := s.Get(t.Context(), "a", ""); err != nil || len(c) != 2 {
					return fmt.Errorf("%d fields: %w", len(c), err)
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait(), "writers met")
}

func TestListIsInByteOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		ids, err := s.List(t.Context())
		require.NoError(t, err, "List failed")
		require.NotNil(t, ids, "an empty list is nil")
		for _, id := range []accounts.LoginKey{"b", "B", "a", "é", "A-1"} {
			require.NoError(t, s.Put(t.Context(), id, creds("p", "x")), "Put failed")
		}
		ids, err = s.List(t.Context())
		require.NoError(t, err, "List failed")
		require.Equal(t, []accounts.LoginKey{"A-1", "B", "a", "b", "é"}, ids, "the list is in another order")
	})
}

func TestWhatCannotBeKeptIsRefused(t *testing.T) {
	t.Parallel()
	s := newStore(t, open(t, "postgres", migrated.Reused(t)), newKeys(t))
	for _, id := range []accounts.LoginKey{"", "a\x00b", "\xff", accounts.LoginKey(strings.Repeat("x", 102))} {
		require.ErrorIs(t, s.Put(t.Context(), id, creds("a", "b")), accounts.ErrInvalid, "login %q was accepted", id)
		_, err := s.Get(t.Context(), id, "")
		require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "login %q", id)
		require.NoError(t, s.Delete(t.Context(), id), "login %q", id)
		kinds, err := s.Kinds(t.Context(), id)
		require.NoError(t, err, "login %q", id)
		require.Empty(t, kinds, "login %q", id)
	}
	require.NoError(t, s.Put(t.Context(), "a", creds("a", "b")), "Put failed")
	for _, kind := range []credentials.Kind{"a\x00b", "\xff", "unknown"} {
		_, err := s.Get(t.Context(), "a", kind)
		require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "kind %q", kind)
		require.NoError(t, s.Delete(t.Context(), "a", kind), "kind %q", kind)
	}
	_, err := s.Get(t.Context(), "a", "")
	require.NoError(t, err, "the deletion of kinds that cannot be took another")
	for _, name := range []string{"", "a\x00b", "\xff", strings.Repeat("x", 101)} {
		require.ErrorIs(t, s.Put(t.Context(), "a", creds(name, "b")), accounts.ErrInvalid, "field %q was accepted", name)
	}
}

func TestClosedStoreAndDoneContextAreRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		require.NoError(t, s.Put(t.Context(), "a", creds("k", "v")), "Put failed")
		done, cancel := context.WithCancel(t.Context())
		cancel()
		refuses := func(ctx context.Context, want error) {
			t.Helper()
			_, errGet := s.Get(ctx, "a", "")
			_, errKinds := s.Kinds(ctx, "a")
			_, errList := s.List(ctx)
			_, errRotate := s.Rotate(ctx, nil)
			_, errUse := s.KeyUse(ctx)
			for what, err := range map[string]error{"Get": errGet, "Kinds": errKinds, "List": errList, "Rotate": errRotate, "KeyUse": errUse,
				"Put": s.Put(ctx, "a", creds()), "Delete": s.Delete(ctx, "a")} {
				require.ErrorIs(t, err, want, what)
			}
		}
		refuses(done, context.Canceled)
		_, err := s.Get(t.Context(), "a", "")
		require.NoError(t, err, "a refused call changed something")
		require.NoError(t, s.Close(), "Close failed")
		require.NoError(t, s.Close(), "the second Close is an error")
		refuses(t.Context(), accounts.ErrClosed)
		require.NoError(t, s.db.PingContext(t.Context()), "the caller's pool was closed")
	})
}

// Get asks once.
func TestGetIsOneStatement(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	db := open(t, "postgres", server.DSN())
	require.NoError(t, Migrate(t.Context(), db), "Migrate failed")
	s := newStore(t, db, newKeys(t))
	db.SetMaxOpenConns(1)
	require.NoError(t, s.Put(t.Context(), "a", creds("k", "v")), "Put failed")
	_, err := s.Get(t.Context(), "a", "") // prepares it on this connection
	require.NoError(t, err, "Get failed")
	run(t, db, `SET log_statement = 'all'`)
	before := len(serverLog(t, server))
	_, err = s.Get(t.Context(), "a", "")
	require.NoError(t, err, "Get failed")
	said := string(serverLog(t, server)[before:])
	require.Equal(t, 1, strings.Count(said, "LOG:"), "Get is not one statement: %s", said)
}

func TestNewRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Reused(t))
	_, err := New(t.Context(), db, nil)
	require.ErrorIs(t, err, accounts.ErrInvalid, "no keyset")
	raw, err := keyset.NewHandle(aead.AES256GCMNoPrefixKeyTemplate())
	require.NoError(t, err, "keyset")
	_, err = New(t.Context(), db, raw)
	require.ErrorIs(t, err, accounts.ErrInvalid, "a key without an id in its ciphertexts")
	other, err := keyset.NewHandle(mac.HMACSHA256Tag128KeyTemplate())
	require.NoError(t, err, "keyset")
	_, err = New(t.Context(), db, other)
	require.ErrorIs(t, err, accounts.ErrInvalid, "a key that does not encrypt")
	_, err = New(t.Context(), db, newKeys(t), WithSchema("No"))
	require.ErrorIs(t, err, accounts.ErrInvalid, "a schema's name")
	_, err = New(t.Context(), open(t, "postgres", pgtest.Database(t)), newKeys(t))
	require.ErrorIs(t, err, ErrSchema, "a database that was not migrated")
	require.ErrorContains(t, err, "run pgcreds.Migrate first", "what to do is not said")
}

func TestOtherKeys(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Reused(t))
	keys := newKeys(t)
	require.NoError(t, newStore(t, db, keys).Put(t.Context(), "a", creds("k", "v")), "Put failed")
	_, err := newStore(t, db, newKeys(t)).Get(t.Context(), "a", "")
	require.ErrorIs(t, err, ErrUnknownKey, "another keyset")
	require.ErrorIs(t, err, ErrUnreadable, "another keyset")
	require.NotErrorIs(t, err, ErrTampered, "a missing key is taken for tampering")

	more, old := rotated(t, keys)
	s := newStore(t, db, more)
	got, err := s.Get(t.Context(), "a", "")
	require.NoError(t, err, "a keyset with a key more does not read")
	requireCreds(t, creds("k", "v"), got, "a keyset with a key more")
	m := keyset.NewManagerFromHandle(more)
	require.NoError(t, m.Disable(old), "disable a key")
	disabled, err := m.Handle()
	require.NoError(t, err, "disable a key")
	_, err = newStore(t, db, disabled).Get(t.Context(), "a", "")
	require.ErrorIs(t, err, ErrUnknownKey, "a disabled key reads")
	require.NoError(t, s.Put(t.Context(), "a", creds("k", "w")), "Put failed")
	_, err = newStore(t, db, keys).Get(t.Context(), "a", "")
	require.ErrorIs(t, err, ErrUnknownKey, "the old keyset reads what is under the new key")
}

func TestSchemasAreApart(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Database(t))
	require.NoError(t, Migrate(t.Context(), db, WithSchema("order")), "Migrate failed")
	keys := newKeys(t)
	here, there := newStore(t, db, keys), newStore(t, db, keys, WithSchema("order"))
	require.NoError(t, there.Put(t.Context(), "a", creds("k", "v")), "Put failed")
	_, err := here.Get(t.Context(), "a", "")
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "one schema shows another's credentials")
	_, err = there.Get(t.Context(), "a", "")
	require.NoError(t, err, "Get failed")
	_, err = there.Rotate(t.Context(), nil)
	require.NoError(t, err, "Rotate failed")
	require.NoError(t, there.Delete(t.Context(), "a"), "Delete failed")
}

func TestLostTableIsASchemaError(t *testing.T) {
	t.Parallel()
	for _, lost := range []string{`DROP TABLE trading.credentials`, `DROP FUNCTION trading.put_credentials(text, text, bigint, text[], bytea[])`} {
		db := open(t, "postgres", throughPooler(t, "postgres", migrated.Database(t)))
		s := newStore(t, db, newKeys(t))
		run(t, db, lost)
		require.ErrorIs(t, s.Put(t.Context(), "a", creds("k", "v")), ErrSchema, lost)
	}
}

// stored returns the profile's rows as they are.
func stored(t testing.TB, db *sqlx.DB, id accounts.LoginKey) (rows []row) {
	t.Helper()
	require.NoError(t, db.SelectContext(t.Context(), &rows, `SELECT field, key_id, sealed FROM trading.credentials WHERE login_key = $1 ORDER BY field`, string(id)), "read rows")
	return rows
}
