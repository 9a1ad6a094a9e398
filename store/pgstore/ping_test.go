package pgstore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/pgtest"
)

// A ping goes to the server and back: it fails while the server is down, and no longer than that.
func TestPingAsksTheServer(t *testing.T) {
	t.Parallel()
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			server := pgtest.NewServer(t)
			require.NoError(t, Migrate(t.Context(), open(t, driver, server.DSN())), "Migrate failed")
			s := newStore(t, driver, server.DSN())
			t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
			require.NoError(t, s.Ping(guarded(t)), "Ping failed")
			require.NoError(t, server.StopImmediately(), "stop the server")
			require.Error(t, s.Ping(guarded(t)), "a server that is down answers")
			require.NoError(t, server.Start(), "start the server")
			require.NoError(t, s.Ping(guarded(t)), "Ping fails when the server is back")
		})
	}
}

// A store whose schema was changed under it cannot be used.
func TestPingFindsAnotherSchema(t *testing.T) {
	t.Parallel()
	dsn := migrated.Database(t)
	db := open(t, "postgres", dsn)
	s := newStore(t, "pgx", dsn)
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	requireVersion := func(found int64, what string) {
		t.Helper()
		var schema *SchemaError
		err := s.Ping(t.Context())
		require.ErrorIs(t, err, ErrSchema, what)
		require.ErrorAs(t, err, &schema, what)
		require.Equal(t, found, schema.Found, what)
		require.Equal(t, int64(targetVersion), schema.Wanted, what)
	}
	run(t, db, `INSERT INTO trading.accounts_schema_version (version_id, is_applied) VALUES (99, true)`)
	requireVersion(99, "a newer schema")
	run(t, db, `DELETE FROM trading.accounts_schema_version WHERE version_id = 99`)
	require.NoError(t, s.Ping(t.Context()), "Ping fails when the schema fits again")
	require.NoError(t, Rollback(t.Context(), db, 3), "Rollback failed")
	requireVersion(3, "a schema that was taken back")
	run(t, db, `DROP SCHEMA trading CASCADE`)
	requireVersion(0, "a schema that is gone")
}
