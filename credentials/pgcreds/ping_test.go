package pgcreds

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/pgtest"
)

// A ping goes to the server and back: it fails while the server is down, and no longer than that.
func TestPingAsksTheServer(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	db := open(t, "postgres", server.DSN())
	require.NoError(t, Migrate(t.Context(), db), "Migrate failed")
	s := newStore(t, db, newKeys(t))
	require.NoError(t, s.Ping(t.Context()), "Ping failed")
	require.NoError(t, server.StopImmediately(), "stop the server")
	require.Error(t, s.Ping(t.Context()), "a server that is down answers")
	require.NoError(t, server.Start(), "start the server")
	require.NoError(t, s.Ping(t.Context()), "Ping fails when the server is back")
}

// A store whose schema was changed under it cannot be used, and no credentials are needed to see
// that.
func TestPingFindsAnotherSchema(t *testing.T) {
	t.Parallel()
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			dsn := migrated.Database(t)
			db := open(t, "postgres", dsn)
			s := newStore(t, open(t, driver, dsn), newKeys(t))
			var schema *SchemaError
			run(t, db, `INSERT INTO trading.accounts_credentials_version (version_id, is_applied) VALUES (99, true)`)
			require.ErrorAs(t, s.Ping(t.Context()), &schema, "a newer schema")
			require.Equal(t, int64(99), schema.Found, "the error names another version")
			run(t, db, `DELETE FROM trading.accounts_credentials_version WHERE version_id = 99`)
			require.NoError(t, s.Ping(t.Context()), "Ping fails when the schema fits again")
			require.NoError(t, Rollback(t.Context(), db, 0), "Rollback failed")
			require.ErrorIs(t, s.Ping(t.Context()), ErrSchema, "a schema that was taken back")
		})
	}
}
