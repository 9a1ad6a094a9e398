package pgcreds

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/store/pgstore"
)

func TestMigrateUpAndDown(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", pgtest.Database(t))
	status, err := Status(t.Context(), db)
	require.NoError(t, err, "Status failed")
	require.Equal(t, SchemaStatus{Schema: DefaultSchema, Target: migrations.Target}, status, "status of an empty database")
	for range 2 {
		require.NoError(t, Migrate(t.Context(), db), "Migrate failed")
		require.NoError(t, Migrate(t.Context(), db), "a second Migrate failed")
		status, err = Status(t.Context(), db)
		require.NoError(t, err, "Status failed")
		require.True(t, status.Current(), "Status does not call the schema current")
		require.NoError(t, Rollback(t.Context(), db, 0), "Rollback failed")
		require.Zero(t, value[int](t, db, `SELECT count(*) FROM pg_proc WHERE pronamespace = 'trading'::regnamespace`), "Rollback left a function")
		require.False(t, value[bool](t, db, `SELECT to_regclass('trading.credentials') IS NOT NULL`), "Rollback left the table")
	}
}

func TestRollbackRefusesToDestroyCredentials(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Database(t))
	s := newStore(t, db, newKeys(t))
	require.NoError(t, s.Put(t.Context(), "a", creds("k", "v")), "Put failed")
	require.ErrorContains(t, Rollback(t.Context(), db, 0), "there are credentials", "credentials were destroyed")
	_, err := s.Get(t.Context(), "a")
	require.NoError(t, err, "the credentials are gone")
}

// The two packages' migrations share a schema, come in any order and go alone.
func TestMigrationsOfStoresAreApart(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Database(t))
	require.NoError(t, pgstore.Migrate(t.Context(), db), "pgstore.Migrate failed")
	require.NoError(t, Rollback(t.Context(), db, 0), "Rollback failed")
	status, err := pgstore.Status(t.Context(), db)
	require.NoError(t, err, "Status failed")
	require.True(t, status.Current(), "Rollback took the other's tables back")
	require.NoError(t, Migrate(t.Context(), db), "Migrate failed")
	require.NoError(t, pgstore.Rollback(t.Context(), db, 0), "pgstore.Rollback failed")
	newStore(t, db, newKeys(t))
}

func TestSeveralProcessesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	var g group
	for i := range 4 {
		db := open(t, []string{"postgres", "pgx"}[i%2], dsn)
		g.Go(func() error { return Migrate(t.Context(), db) })
	}
	require.NoError(t, g.Wait(), "migrating at once failed")
}

func TestMigrateRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Database(t))
	run(t, db, `INSERT INTO trading.accounts_credentials_version (version_id, is_applied) VALUES (99, true)`)
	var refused *SchemaError
	require.ErrorAs(t, Migrate(t.Context(), db), &refused, "a newer schema was migrated")
	require.Equal(t, int64(99), refused.Found, "the error names another version")
	_, err := New(t.Context(), db, newKeys(t))
	require.ErrorIs(t, err, ErrSchema, "a newer schema was accepted")
	require.ErrorIs(t, Migrate(t.Context(), db, WithSchema("a b")), accounts.ErrInvalid, "a schema's name")
	for name, driver := range drivers {
		through := open(t, driver, throughPooler(t, driver, pgtest.Database(t)))
		require.ErrorIs(t, Migrate(t.Context(), through), ErrPooler, "%s: Migrate works without a session of its own", name)
		require.ErrorIs(t, Rollback(t.Context(), through, 0), ErrPooler, "%s: Rollback works without a session of its own", name)
	}
}

// A user of the database who may use the schema needs no other rights than on the table.
func TestStoreNeedsNoMoreRightsThanOnItsTable(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	db := open(t, "postgres", server.DSN())
	require.NoError(t, Migrate(t.Context(), db), "Migrate failed")
	run(t, db, `CREATE USER trader; GRANT USAGE ON SCHEMA trading TO trader;
		GRANT SELECT ON trading.accounts_credentials_version TO trader;
		GRANT SELECT, INSERT, UPDATE, DELETE ON trading.credentials TO trader`)
	s := newStore(t, open(t, "postgres", server.DSN()+" user=trader"), newKeys(t))
	require.NoError(t, s.Put(t.Context(), "a", creds("k", "v")), "Put failed")
	_, err := s.Rotate(t.Context(), nil)
	require.NoError(t, err, "Rotate failed")
	require.NoError(t, s.Delete(t.Context(), "a"), "Delete failed")
}
