package pgstore

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/ledger"
)

func full() bool { return os.Getenv("ACCOUNTS_FAULTS") == "full" }

// rounds is how often a fault is repeated: briefly among the other tests, in full when asked for.
func rounds(brief, whole int) int {
	if full() {
		return whole
	}
	return brief
}

// either returns the drivers with which a long suite runs: one among the other tests, both when asked for.
func either(brief string) map[string]string {
	if full() {
		return drivers
	}
	return map[string]string{brief: drivers[brief]}
}

// ownServer is a server that may be stopped, with the schema and profiles for a load.
func ownServer(t *testing.T) (*pgtest.Server, *sqlx.DB) {
	t.Helper()
	server := pgtest.NewServer(t)
	return server, prepareLoad(t, server.DSN())
}

// prepareLoad makes the schema and profiles for a load.
func prepareLoad(t *testing.T, dsn string) *sqlx.DB {
	t.Helper()
	db := open(t, "postgres", dsn)
	migrate(t, db)
	s, err := New(t.Context(), db)
	require.NoError(t, err, "New failed")
	createLoadProfiles(t, s)
	require.NoError(t, s.Close(), "Close failed")
	return db
}

// requireAllKept opens a store as a service would after the fault, and checks what is in it.
func requireAllKept(t *testing.T, a *acks, dsn, when string) {
	t.Helper()
	s, err := Open(t.Context(), dsn)
	require.NoError(t, err, "%s: Open failed", when)
	a.requireKept(t, s, when)
	require.NoError(t, s.Close(), "Close failed")
}

// Processes that are killed at any moment, while another trades the same profiles, lose and repeat nothing.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	dsn := migrated.Database(t)
	s, err := Open(t.Context(), dsn)
	require.NoError(t, err, "Open failed")
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	createLoadProfiles(t, s)
	a := newAcks()
	steady, err := startLoad("steady", s, 2, a.add)
	require.NoError(t, err, "load")
	n := rounds(5, 100)
	for round := range n {
		c := startChild(t, "load", dsn, fmt.Sprint("killed", round))
		for range 1 + rand.IntN(100) {
			require.True(t, c.lines.Scan(), "another process said nothing more")
			a.addLine(c.lines.Text())
		}
		for _, line := range c.kill() {
			a.addLine(line)
		}
		if round%10 == 9 {
			a.requireKept(t, s, fmt.Sprintf("after %d kills", round+1))
		}
	}
	require.NoError(t, steady.end(), "the process that was not killed")
	a.requireKept(t, s, fmt.Sprintf("after %d kills", n))
	t.Logf("%d processes killed, %d executions acknowledged", n, a.n)
}

// A server that stops as in a crash, at any moment, loses nothing that was acknowledged; whoever was
// trading and watching goes on when it is back.
func TestStoppedServer(t *testing.T) {
	t.Parallel()
	server, _ := ownServer(t)
	s, err := Open(t.Context(), server.DSN())
	require.NoError(t, err, "Open failed")
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	events, err := s.Watch(t.Context())
	require.NoError(t, err, "Watch failed")
	a := newAcks()
	l, err := startLoad("load", s, 6, a.add)
	require.NoError(t, err, "load")
	n := rounds(3, 20)
	for range n {
		<-a.more(1 + rand.IntN(300))
		require.NoError(t, server.StopImmediately(), "stop the server")
		require.NoError(t, server.Start(), "start the server")
	}
	<-a.more(100)
	require.NoError(t, l.end(), "load")
	requireAllKept(t, a, server.DSN(), "after stops")
	requireNewest(t, s, events)
	t.Logf("server stopped %d times, %d executions acknowledged", n, a.n)
}

// requireNewest waits until the watcher was told of every journal's end.
func requireNewest(t *testing.T, s *Store, events <-chan accounts.Event) {
	t.Helper()
	missing := map[accounts.ProfileID]int64{}
	for i := range loadProfiles {
		head, err := s.head(t.Context(), testProfile(i).ID)
		require.NoError(t, err, "head")
		missing[testProfile(i).ID] = head
	}
	patience := time.NewTimer(time.Minute)
	defer patience.Stop()
	for len(missing) > 0 {
		select {
		case e, open := <-events:
			require.True(t, open, "the watcher's channel was closed")
			if e.Kind == accounts.EventRecorded && e.Seq == missing[e.ProfileID] {
				delete(missing, e.ProfileID)
			}
		case <-patience.C:
			require.Empty(t, missing, "a watcher was not told of the journals' ends")
		}
	}
}

// Connections that are slow, that are cut, and that are cut after the server has done what was asked
// and before its answer comes, leave nothing lost or done twice.
func TestBadConnections(t *testing.T) {
	t.Parallel()
	server, _ := ownServer(t)
	proxy := pgtest.NewProxy(t, server)
	s, err := Open(t.Context(), proxy.DSN())
	require.NoError(t, err, "Open failed")
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	events, err := s.Watch(t.Context())
	require.NoError(t, err, "Watch failed")
	a := newAcks()
	l, err := startLoad("load", s, 6, a.add)
	require.NoError(t, err, "load")
	n := rounds(6, 100)
	for round := range n {
		<-a.more(1 + rand.IntN(100))
		switch round % 3 {
		case 0:
			proxy.Cut()
		case 1:
			<-proxy.HoldAnswers()
			proxy.Cut()
		case 2:
			proxy.SetLatency(20 * time.Millisecond)
			<-a.more(20)
			proxy.SetLatency(0)
		}
	}
	<-a.more(100)
	require.NoError(t, l.end(), "load")
	requireAllKept(t, a, server.DSN(), "after cuts")
	requireNewest(t, s, events)
	t.Logf("%d faults, %d executions acknowledged", n, a.n)
}

// A server whose disk is full refuses, and harms nothing; with room again everything goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	server, db := ownServer(t)
	// The rows are large, so that the disk is soon full.
	run(t, db, `ALTER TABLE trading.trades ADD COLUMN filler text DEFAULT repeat(md5(random()::text), 60)`,
		`ALTER TABLE trading.trades ALTER COLUMN filler SET STORAGE PLAIN`)
	require.NoError(t, server.StopImmediately(), "stop the server")
	require.NoError(t, server.StartCramped(), "start the server")
	s, err := Open(t.Context(), server.DSN())
	require.NoError(t, err, "Open failed")
	a := newAcks()
	full := fillDisk(t, s, a)
	require.NotEmpty(t, state(full), "not the server refused: %v", full)
	a.requireKept(t, s, "on a full disk")
	require.NoError(t, s.Close(), "Close failed")

	require.NoError(t, server.StopImmediately(), "stop the server")
	require.NoError(t, server.Start(), "start the server")
	requireAllKept(t, a, server.DSN(), "with room again")
	s, err = Open(t.Context(), server.DSN())
	require.NoError(t, err, "Open failed")
	l, err := startLoad("room", s, 2, a.add)
	require.NoError(t, err, "load")
	<-a.more(50)
	require.NoError(t, l.end(), "load")
	a.requireKept(t, s, "after a full disk")
	require.NoError(t, s.Close(), "Close failed")
	t.Logf("the server said: %v; %d executions acknowledged", full, a.n)
}

// fillDisk trades until the server refuses for want of room, and returns what it said.
func fillDisk(t *testing.T, s *Store, a *acks) error {
	t.Helper()
	run(t, s.db, `INSERT INTO trading.trades (traded_at) SELECT now() FROM generate_series(1, 9000)`) // most of the room
	m, err := accounts.New(s)
	require.NoError(t, err, "manager")
	defer func() { require.NoError(t, m.Close(), "Close failed") }()
	p, err := m.Portfolio(t.Context(), testProfile(0).ID)
	require.NoError(t, err, "Portfolio failed")
	for n := 0; ; n++ {
		require.Less(t, n, 100_000, "the disk never got full")
		trade := ledger.Trade{ExecID: ledger.ExecID(fmt.Sprint("cramped.", n)), Instrument: ledger.NewStock("XYZ", "USD"),
			Quantity: udecimal.One, Price: udecimal.One, Time: time.Now()}
		if _, err := p.Record(t.Context(), trade); err != nil {
			return err
		}
		a.add(p.ProfileID(), trade.ExecID)
	}
}
