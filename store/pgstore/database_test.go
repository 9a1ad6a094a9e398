package pgstore

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
)

// A data source name and pools of both kinds lead to a database alike.
func TestMigrateByAnyDatabase(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	watching := open(t, "postgres", dsn)
	for name, driver := range drivers {
		pool := open(t, driver, dsn)
		requireMigrates(t, watching, pool, name+", sqlx")
		requireMigrates(t, watching, pool.DB, name+", database/sql")
		require.NoError(t, pool.PingContext(t.Context()), "the caller's pool was closed")
	}
	requireMigrates(t, watching, dsn+" application_name=migrating", "a data source name")
	left := `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'migrating'`
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for value[int](t, watching, left) > 0 { // the server takes a moment to notice
		require.NoError(t, ctx.Err(), "a connection was left open")
	}
}

// requireMigrates migrates and takes back by db, and sees by watching whether that came about.
func requireMigrates[D Database](t *testing.T, watching *sqlx.DB, db D, what string) {
	t.Helper()
	require.NoError(t, Migrate(t.Context(), db), "%s: Migrate failed", what)
	status, err := Status(t.Context(), db)
	require.NoError(t, err, "%s: Status failed", what)
	require.Equal(t, SchemaStatus{Schema: DefaultSchema, Version: migrations.Target, Target: migrations.Target}, status, "%s: the status after Migrate", what)
	require.True(t, status.Current(), "%s: the status is not current after Migrate", what)
	there := `SELECT to_regclass('trading.journal_entries') IS NOT NULL`
	require.True(t, value[bool](t, watching, there), "%s: Migrate did not reach the database", what)
	require.NoError(t, Rollback(t.Context(), db, 0), "%s: Rollback failed", what)
	status, err = Status(t.Context(), db, WithSchema("other"))
	require.NoError(t, err, "%s: Status failed", what)
	require.Equal(t, SchemaStatus{Schema: "other", Target: migrations.Target}, status, "%s: the status of a schema that there is not", what)
	require.False(t, value[bool](t, watching, there), "%s: Rollback did not reach the database", what)
}

// A data source name that cannot be read is invalid, and told to nobody.
func TestUnreadableDataSourceName(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"host=localhost password='hunter2", "postgres://me:hun%zzter2@localhost/db"} {
		_, status := Status(t.Context(), dsn)
		for name, err := range map[string]error{"Migrate": Migrate(t.Context(), dsn), "Status": status, "Rollback": Rollback(t.Context(), dsn, 0)} {
			require.ErrorIs(t, err, accounts.ErrInvalid, "%s read it", name)
			require.False(t, strings.Contains(err.Error(), "ter2"), "%s told the password", name)
		}
	}
	require.ErrorIs(t, Migrate(t.Context(), "host=localhost", WithSchema("a b")), accounts.ErrInvalid, "a schema's name")
}
