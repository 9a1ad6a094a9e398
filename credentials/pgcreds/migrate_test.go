package pgcreds

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
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
	_, err := s.Get(t.Context(), "a", "")
	require.NoError(t, err, "the credentials are gone")
}

// beforeLogins returns a database with what the version wrote that knew no logins, one kind under each
// profile's id, and the keyset that opens it.
func beforeLogins(t *testing.T) (*sqlx.DB, *keyset.Handle) {
	t.Helper()
	text, err := os.ReadFile("testdata/before_logins_keyset.json")
	require.NoError(t, err, "read the keyset")
	path := filepath.Join(t.TempDir(), "keyset.json")
	require.NoError(t, os.WriteFile(path, text, 0o600), "copy the keyset for its owner alone")
	keys, err := ReadKeyset(path)
	require.NoError(t, err, "ReadKeyset failed")
	db := open(t, "postgres", migrated.Database(t))
	require.NoError(t, Rollback(t.Context(), db, 1), "Rollback failed")
	rows, err := os.ReadFile("testdata/before_logins.sql")
	require.NoError(t, err, "read the rows")
	run(t, db, string(rows))
	return db, keys
}

// What profiles had is what their own logins have, of the kind that it is. It is written and rotated like
// anything else, and goes back as long as the version before can keep it.
func TestCredentialsFromBeforeLogins(t *testing.T) {
	t.Parallel()
	db, keys := beforeLogins(t)
	_, err := New(t.Context(), db, keys)
	require.ErrorIs(t, err, ErrSchema, "a schema without logins was accepted")
	require.NoError(t, Migrate(t.Context(), db), "Migrate failed")
	requireAsBefore := func(keys *keyset.Handle) *Store {
		t.Helper()
		s := newStore(t, db, keys)
		of := map[accounts.LoginKey]credentials.Kind{"flex": credentials.FlexToken, "gateway": credentials.GatewayLogin,
			"own": "", "session": credentials.GatewaySession, "unbound": ""}
		listed, err := s.List(t.Context())
		require.NoError(t, err, "List failed")
		require.Equal(t, slices.Sorted(maps.Keys(of)), listed, "other logins than there were profiles")
		got := map[accounts.LoginKey]credentials.Set{}
		for key, kind := range of {
			kinds, err := s.Kinds(t.Context(), key)
			require.NoError(t, err, "Kinds failed")
			require.Equal(t, []credentials.Kind{kind}, kinds, "kinds of %q", key)
			got[key], err = s.Get(t.Context(), key, kind)
			require.NoError(t, err, "what profile %q had cannot be read", key)
		}
		requireCreds(t, creds("token", "x\xff", "username", "u"), got["own"], "own")
		requireCreds(t, creds("password", "old"), got["unbound"], "unbound")
		requireCreds(t, credentials.NewGatewaySession(), got["session"], "session")
		requireCreds(t, creds("kind", "flex", "flex_token", "123456", "flex_query_id", "98"), got["flex"], "flex")
		requireCreds(t, creds("kind", "gateway_login", "username", "anna", "password", "pass word", "mode", "paper"), got["gateway"], "gateway")
		return s
	}
	requireAsBefore(keys)
	more, old := rotated(t, keys)
	_, err = newStore(t, db, more).Rotate(t.Context(), nil)
	require.NoError(t, err, "Rotate failed")
	last, err := RemoveKey(more, old)
	require.NoError(t, err, "RemoveKey failed")
	s := requireAsBefore(last)

	require.NoError(t, s.Put(t.Context(), "flex", credentials.NewGatewaySession()), "Put failed")
	require.ErrorContains(t, Rollback(t.Context(), db, 1), "several kinds", "a kind was lost")
	require.NoError(t, s.Delete(t.Context(), "flex", credentials.GatewaySession), "Delete failed")
	long := accounts.LoginKey(strings.Repeat("o", 50) + " " + strings.Repeat("l", 50))
	require.NoError(t, s.Put(t.Context(), long, credentials.NewGatewaySession()), "Put failed")
	require.ErrorContains(t, Rollback(t.Context(), db, 1), "long ids", "a login was lost")
	require.NoError(t, s.Delete(t.Context(), long), "Delete failed")
	require.NoError(t, Rollback(t.Context(), db, 1), "Rollback failed")
	require.NoError(t, Migrate(t.Context(), db), "Migrate failed")
	requireAsBefore(last)
}

// The migration knows each kind by its fields.
func TestMigrationKnowsEveryKind(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Database(t))
	require.NoError(t, Rollback(t.Context(), db, 1), "Rollback failed")
	fields := map[credentials.Kind][]string{"": {"username", "flex_token", "consumer_key"}, credentials.GatewaySession: {"kind"},
		credentials.GatewayLogin: {"kind", "username", "password", "mode"}, credentials.FlexToken: {"kind", "flex_token", "flex_query_id"},
		credentials.OAuth1a: {"kind", "consumer_key", "access_token", "access_token_secret", "signature_key", "encryption_key", "dh_prime"}}
	for kind, names := range fields {
		for _, name := range append(names, "") {
			run(t, db, `INSERT INTO trading.credentials (profile_id, field, key_id, sealed) VALUES ($1, $2, 1, '')`, "of "+string(kind), name)
		}
	}
	require.NoError(t, Migrate(t.Context(), db), "Migrate failed")
	s := newStore(t, db, newKeys(t))
	for kind := range fields {
		require.True(t, kind.Valid(), "kind %q is none", kind)
		kinds, err := s.Kinds(t.Context(), accounts.LoginKey("of "+string(kind)))
		require.NoError(t, err, "Kinds failed")
		require.Equal(t, []credentials.Kind{kind}, kinds, "the migration took it for another kind")
	}
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
