package pgstore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/pgtest"
)

// How many standbys a commit waits for is read as the server reads it.
func TestWaitsForIsReadAsTheServerDoes(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	migrate(t, open(t, "postgres", server.DSN()))
	s := newStore(t, "pgx", server.DSN())
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	requireWaits := func(want int, what string) {
		t.Helper()
		d, err := s.Durability(t.Context())
		require.NoError(t, err, "Durability failed")
		require.Equal(t, want, d.WaitsFor, what)
		require.Zero(t, d.Standbys, "there is no standby")
		require.False(t, d.InRecovery, "a primary")
	}
	for _, c := range []struct {
		names string
		want  int
	}{
		{"", 0}, {"*", 1}, {"a", 1}, {"a, b", 1}, {"1 (a)", 1}, {"2 (a, b)", 2}, {"3(a,b,c)", 3}, {" FIRST 2 (a, b)", 2},
		{"any 2 (a, b, c)", 2}, {"ANY 2(*)", 2}, {`"2 (a"`, 1}, {`"first", "any"`, 1},
	} {
		require.NoError(t, server.Set("synchronous_standby_names", c.names), "names %q", c.names)
		requireWaits(c.want, "names "+c.names)
	}
	require.NoError(t, server.Set("synchronous_standby_names", "ANY 2 (*)"), "set")
	for commit, want := range map[string]int{"on": 2, "remote_apply": 2, "remote_write": 0, "local": 0, "off": 0} {
		require.NoError(t, server.Set("synchronous_commit", commit), "set")
		requireWaits(want, "synchronous_commit "+commit)
		d, err := s.Durability(t.Context())
		require.NoError(t, err, "Durability failed")
		require.Equal(t, commit, d.SynchronousCommit, "what the server says")
	}
}

// A store that requires a synchronous standby opens where there is one, and writes to no server
// that waits for none.
func TestRequireSynchronous(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	for name, driver := range drivers {
		db := open(t, driver, c.DSN())
		_, err := New(t.Context(), db, RequireSynchronous(2))
		require.ErrorIs(t, err, ErrNotSynchronous, "%s: two standbys of one", name)
		_, err = New(t.Context(), open(t, driver, c.DSN()+" synchronous_commit=remote_write"), RequireSynchronous(1))
		require.ErrorIs(t, err, ErrNotSynchronous, "%s: a session that does not wait for the disk", name)
		_, err = New(t.Context(), open(t, driver, c.Standby().DSN()), RequireSynchronous(1))
		require.ErrorIs(t, err, ErrNotSynchronous, "%s: a standby", name)
	}
	dsn := c.Primary().DSN()
	pooled := newStore(t, "postgres", pgtest.NewPooler(t, dsn), RequireSynchronous(1))
	s := newStore(t, "pgx", dsn, RequireSynchronous(1))
	t.Cleanup(func() {
		require.NoError(t, s.Close(), "Close failed")
		require.NoError(t, pooled.Close(), "Close failed")
	})
	d, err := s.Durability(t.Context())
	require.NoError(t, err, "Durability failed")
	want := Durability{SynchronousCommit: "on", Fsync: d.Fsync, FullPageWrites: true, WaitsFor: 1, Standbys: 1, Timeline: 1}
	require.Equal(t, want, d, "what a primary with a standby promises")
	traders := []*trader{newTrader(t, s, 0), newTrader(t, pooled, 1)}
	for _, r := range traders {
		require.NoError(t, r.record(), "an entry that the standby has")
	}

	require.NoError(t, c.Primary().Set("synchronous_commit", "local"), "set")
	for i, r := range traders {
		require.ErrorIs(t, r.record(), ErrNotSynchronous, "a server that waits for nobody took an entry")
		requireHead(t, c.Primary(), i, 1, "the refused entry was written")
	}
	require.ErrorIs(t, s.CreateProfile(t.Context(), testProfile(90)), ErrNotSynchronous, "CreateProfile")
	require.ErrorIs(t, s.Ping(t.Context()), ErrNotSynchronous, "Ping")
	require.NoError(t, c.Primary().Set("synchronous_commit", "on"), "set")
	require.NoError(t, s.Ping(t.Context()), "Ping")
	for _, r := range traders {
		require.NoError(t, r.record(), "the store does not go on")
	}

	require.NoError(t, c.Standby().Kill(), "kill the standby")
	require.NoError(t, c.Primary().Await(`SELECT count(*) = 0 FROM pg_stat_replication`), "await")
	require.ErrorIs(t, s.Ping(t.Context()), ErrNotSynchronous, "Ping does not miss the standby")
	require.NoError(t, c.Rejoin(), "rejoin")
	require.NoError(t, s.Ping(t.Context()), "Ping with the standby again")
}

// A standby is seen by roles that may see it only; the others are told what they lack.
func TestRequireSynchronousNeedsARoleThatSees(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	admin := open(t, "postgres", c.Primary().DSN())
	run(t, admin, `CREATE ROLE plain LOGIN`, `GRANT USAGE ON SCHEMA trading TO plain`, `GRANT ALL ON ALL TABLES IN SCHEMA trading TO plain`)
	db := open(t, "postgres", "host="+c.Primary().Folder()+" user=plain dbname=postgres sslmode=disable")
	_, err := New(t.Context(), db, RequireSynchronous(1))
	require.ErrorIs(t, err, ErrNotSynchronous, "a role that sees no standby")
	require.ErrorContains(t, err, "pg_read_all_stats", "the error does not say what is lacking")
	s, err := New(t.Context(), db)
	require.NoError(t, err, "New failed")
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	d, err := s.Durability(t.Context())
	require.NoError(t, err, "Durability failed")
	require.Equal(t, -1, d.Standbys, "standbys that are not seen")
	run(t, admin, `GRANT pg_read_all_stats TO plain`)
	seeing, err := New(t.Context(), db, RequireSynchronous(1))
	require.NoError(t, err, "a role that sees standbys")
	require.NoError(t, seeing.Close(), "Close failed")
}

// A standby without synchronous_standby_names that is promoted waits for nobody: it gets no entry
// until it does.
func TestPromotedServerThatWaitsForNobody(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	require.NoError(t, c.Standby().Set("synchronous_standby_names", ""), "set")
	proxy := pgtest.NewProxy(t, c.Primary())
	stores := []*Store{newStore(t, "postgres", proxy.DSN(), RequireSynchronous(1)), newStore(t, "pgx", c.DSN(), RequireSynchronous(1))}
	var traders []*trader
	for i, s := range stores {
		t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
		traders = append(traders, newTrader(t, s, i))
		require.NoError(t, traders[i].record(), "an entry that the standby has")
	}
	failOver(t, c)
	proxy.LeadTo(c.Primary())
	for i, s := range stores {
		require.ErrorIs(t, traders[i].record(), ErrNotSynchronous, "a promoted server that waits for nobody took an entry")
		requireHead(t, c.Primary(), i, 1, "the refused entry was written")
		require.ErrorIs(t, s.Ping(guarded(t)), ErrNotSynchronous, "Ping")
	}
	require.NoError(t, c.Primary().Set("synchronous_standby_names", "*"), "set")
	require.NoError(t, c.Rejoin(), "rejoin")
	for i, s := range stores {
		require.NoError(t, traders[i].record(), "the store does not go on")
		requireHead(t, c.Primary(), i, 2, "the journal: one entry was refused")
		require.NoError(t, s.Ping(guarded(t)), "Ping")
	}
}
