package pgtest

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const timelineOf = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"

// What a primary acknowledged is on the standby that is promoted, as often as that happens.
func TestClusterFailsOver(t *testing.T) {
	t.Parallel()
	c := NewCluster(t)
	require.NoError(t, admin(c.DSN(), "CREATE TABLE kept (n int)"), "create")
	first := query(t, c.DSN(), timelineOf)
	for n := range 2 {
		require.NoError(t, admin(c.DSN(), "INSERT INTO kept VALUES (1)"), "insert")
		old := c.Primary()
		require.NoError(t, old.Kill(), "kill")
		require.Error(t, admin(old.DSN(), "SELECT 1"), "a server that was killed answers")
		require.NoError(t, c.Promote(), "promote")
		require.NotEqual(t, old, c.Primary(), "the same server is primary")
		require.NoError(t, c.Rejoin(), "rejoin")
		require.Equal(t, string('1'+rune(n)), query(t, c.DSN(), "SELECT count(*) FROM kept"), "what was acknowledged is gone, or double")
		require.Equal(t, "t", query(t, old.DSN(), "SELECT pg_is_in_recovery()::text::char"), "the old primary is no standby")
	}
	require.Less(t, first, query(t, c.DSN(), timelineOf), "promoted, and still on the old timeline")
}

// A commit waits for a standby that is silent, and is answered when the standby is back.
func TestClusterWaitsForItsStandby(t *testing.T) {
	t.Parallel()
	c := NewCluster(t)
	require.NoError(t, c.Standby().Silence(), "silence")
	db, err := sql.Open("postgres", c.Primary().DSN())
	require.NoError(t, err, "open")
	defer db.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := db.ExecContext(ctx, "CREATE TABLE waits ()")
		done <- err
	}()
	require.NoError(t, c.Primary().Await("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"), "nobody waits for the standby")
	require.Empty(t, done, "acknowledged while the standby is silent")
	require.NoError(t, c.Standby().Wake(), "wake")
	require.NoError(t, <-done, "the commit when the standby is back")
}

// A proxy leads to the server that it was told of last, and to no other.
func TestProxyLeadsElsewhere(t *testing.T) {
	t.Parallel()
	one, other := NewServer(t), NewServer(t)
	require.NoError(t, admin(other.DSN(), "CREATE TABLE here ()"), "create")
	proxy := NewProxy(t, one)
	require.Error(t, admin(proxy.DSN(), "TABLE here"), "the first server has the other's table")
	proxy.LeadTo(other)
	require.NoError(t, admin(proxy.DSN(), "TABLE here"), "the proxy does not lead to the other server")
}
