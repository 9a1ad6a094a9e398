package pgstore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
)

// An old primary that is back takes writes. A store that has seen its successor writes nothing to
// it, and goes on when it is led to the successor again.
func TestOldPrimaryIsRefused(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	for _, s := range []*pgtest.Server{c.Primary(), c.Standby()} {
		require.NoError(t, s.Set("synchronous_standby_names", ""), "have commits wait for nobody")
	}
	old, successor := c.Primary(), c.Standby()
	require.NoError(t, old.Await(`SELECT pg_current_wal_flush_lsn() = replay_lsn FROM pg_stat_replication`), "the standby is behind")
	proxy := pgtest.NewProxy(t, old)
	var stores []*Store
	var traders []*trader
	for _, driver := range []string{"postgres", "pgx"} {
		s := newStore(t, driver, proxy.DSN())
		t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
		stores, traders = append(stores, s), append(traders, newTrader(t, s, len(stores)))
	}
	for i, s := range stores {
		require.NoError(t, traders[i].record(), "the first entry")
		d, err := s.Durability(t.Context())
		require.NoError(t, err, "Durability failed")
		require.Equal(t, int64(1), d.Timeline, "the timeline of a new server")
	}
	require.NoError(t, old.Await(`SELECT pg_current_wal_flush_lsn() = replay_lsn FROM pg_stat_replication`), "the standby is behind")
	failOver(t, c)
	proxy.LeadTo(successor)
	for i := range stores {
		require.NoError(t, traders[i].record(), "an entry on the successor")
	}

	require.NoError(t, old.Start(), "the old primary is back")
	proxy.LeadTo(old)
	for i, s := range stores {
		id := testProfile(i).ID
		require.ErrorIs(t, traders[i].record(), ErrTimeline, "the old primary took an entry")
		requireHead(t, old, i, 1, "the old primary has another entry")
		require.ErrorIs(t, s.Ping(guarded(t)), ErrTimeline, "Ping takes the old primary")
		require.ErrorIs(t, s.CreateProfile(guarded(t), testProfile(90)), ErrTimeline, "CreateProfile")
		require.ErrorIs(t, s.SetActiveProfile(guarded(t), testProfile(i).Owner, id, testProfile(i).CreatedAt), ErrTimeline, "SetActiveProfile")
		require.ErrorIs(t, s.SaveCheckpoint(guarded(t), accounts.Checkpoint{ProfileID: id, Seq: 1}), ErrTimeline, "SaveCheckpoint")
		_, err := s.Lease(guarded(t), "name", "holder", accounts.MaxLease)
		require.ErrorIs(t, err, ErrTimeline, "Lease")
		require.ErrorIs(t, s.EndLease(guarded(t), accounts.Lease{Name: "name"}), ErrTimeline, "EndLease")
		for _, err := range s.Entries(guarded(t), id, 2) {
			require.ErrorIs(t, err, ErrTimeline, "a journal that is shorter than what is known")
		}
		db := open(t, "postgres", proxy.DSN())
		_, err = New(t.Context(), db, RequireTimeline(2))
		require.ErrorIs(t, err, ErrTimeline, "New, told of the successor's timeline")
		unaware, err := New(t.Context(), db)
		require.NoError(t, err, "New, told of nothing")
		require.NoError(t, unaware.Close(), "Close failed")
	}
	proxy.LeadTo(successor)
	for i, s := range stores {
		eventually(t, func() bool { return s.Ping(guarded(t)) == nil }, "Ping refuses the successor")
		require.NoError(t, traders[i].record(), "the store does not go on")
		requireHead(t, successor, i, 3, "the successor's journal: one entry was refused")
		require.NoError(t, s.Verify(t.Context(), testProfile(i).ID), "Verify failed")
	}
}

// What a store knows rises, and a server of any lower timeline is refused in every shape of an
// append.
func TestTimelineIsAskedInEveryAppend(t *testing.T) {
	t.Parallel()
	s := newStore(t, "postgres", migrated.Database(t), RequireTimeline(1))
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	createLoadProfiles(t, s)
	for name, st := range map[string]*statement{"entry": s.sql.entry, "fill": s.sql.fill, "group": s.sql.group, "careful": s.sql.careful,
		"switch": s.sql.switches} {
		require.Contains(t, st.text, "timeline = (SELECT", "statement %s writes to any server", name)
		require.Contains(t, st.text, "standbys <= (SELECT", "statement %s writes to any server", name)
	}
	trader := newTrader(t, s, 0)
	require.NoError(t, trader.record(), "an entry")
	now := s.timeline.highest.Load()
	require.Positive(t, now, "the store knows no timeline")
	s.timeline.highest.Store(timelineUnknown) // as of a store that was opened on a standby
	require.NoError(t, trader.record(), "an entry after a promotion")
	require.Equal(t, now, s.timeline.highest.Load(), "a later timeline was not learnt")
	switches := func() error { return s.SetActiveProfile(guarded(t), testProfile(0).Owner, testProfile(0).ID, day) }
	s.timeline.highest.Store(timelineUnknown)
	require.NoError(t, switches(), "a switch after a promotion")
	require.Equal(t, now, s.timeline.highest.Load(), "a later timeline was not learnt")
	require.NoError(t, s.timeline.see(now+1), "a later timeline, by another connection")
	require.ErrorIs(t, trader.record(), ErrTimeline, "an entry through a connection to the old primary")
	require.ErrorIs(t, switches(), ErrTimeline, "a switch through a connection to the old primary")
	require.ErrorIs(t, s.timeline.see(now), ErrTimeline, "an earlier timeline")
	require.NoError(t, s.timeline.see(timelineUnknown), "a standby")
}

// A requirement that no server could meet is refused.
func TestRequirementsAreChecked(t *testing.T) {
	t.Parallel()
	db := open(t, "pgx", migrated.Database(t))
	for name, option := range map[string]Option{"standbys": RequireSynchronous(-1), "timeline": RequireTimeline(-1)} {
		_, err := New(t.Context(), db, option)
		require.ErrorIs(t, err, accounts.ErrInvalid, name)
	}
	_, err := New(t.Context(), db, RequireTimeline(1<<40))
	require.ErrorIs(t, err, ErrTimeline, "a timeline that the server has not reached")
	_, err = New(t.Context(), db, WithListenDSN("postgres://a:5432,b:5432/db"))
	require.ErrorIs(t, err, accounts.ErrInvalid, "a list that lib/pq misreads, to listen on")
}
