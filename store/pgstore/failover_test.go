package pgstore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/ledger"
)

// cluster is a primary and its standby, with the schema and profiles for a load.
func cluster(t *testing.T) *pgtest.Cluster {
	t.Helper()
	c := pgtest.NewCluster(t)
	require.NoError(t, prepareLoad(t, c.Primary().DSN()).Close(), "Close failed")
	return c
}

// failOver kills the primary and promotes the standby.
func failOver(t *testing.T, c *pgtest.Cluster) {
	t.Helper()
	require.NoError(t, c.Primary().Kill(), "kill the primary")
	require.NoError(t, c.Promote(), "promote the standby")
}

// A primary that is killed under load loses nothing that was acknowledged, and nothing is there
// twice: its standby has it all. Whoever was trading and watching goes on by himself: with lib/pq
// on one address that leads to the primary, with pgx on a list of both servers.
func TestFailover(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := cluster(t)
			proxy := pgtest.NewProxy(t, c.Primary())
			dsn := map[string]string{"postgres": proxy.DSN(), "pgx": c.DSN()}[driver]
			s := newStore(t, driver, dsn, RequireSynchronous(1), WithListenDSN(dsn))
			t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
			events, err := s.Watch(t.Context())
			require.NoError(t, err, "Watch failed")
			a := newAcks()
			l := &load{name: "load", patient: true, ack: a.add}
			require.NoError(t, l.start(s, 6), "load")
			n := rounds(3, 20)
			for range n {
				<-a.more(1 + rand.IntN(100))
				failOver(t, c)
				proxy.LeadTo(c.Primary())
				require.NoError(t, c.Rejoin(), "make the old primary a standby")
				<-a.more(20) // with the managers and the store that there were
			}
			require.NoError(t, l.end(), "load")
			requireAllKept(t, a, c.DSN(), "after failovers")
			requireNewest(t, s, events)
			d, err := s.Durability(t.Context())
			require.NoError(t, err, "Durability failed")
			require.Equal(t, int64(1+n), d.Timeline, "the timeline after so many promotions")
			t.Logf("%d failovers, %d executions acknowledged", n, a.n)
		})
	}
}

// trader records trades of one profile, each with an id of its own.
type trader struct {
	t *testing.T
	p *accounts.Portfolio
	n int
}

func newTrader(t *testing.T, s *Store, profile int) *trader {
	t.Helper()
	m, err := accounts.New(s)
	require.NoError(t, err, "manager")
	t.Cleanup(func() { require.NoError(t, m.Close(), "Close failed") })
	p, err := m.Portfolio(t.Context(), testProfile(profile).ID)
	require.NoError(t, err, "Portfolio failed")
	return &trader{t: t, p: p}
}

// record records another fill, again and again where nobody knows what became of it: connections that
// were lost are found one by one.
func (r *trader) record() error {
	r.n++
	fill := ledger.Trade{ExecID: ledger.ExecID(fmt.Sprint("exec.", r.n)), Time: time.Now(),
		Instrument: ledger.NewStock("XYZ", "USD"), Quantity: udecimal.One, Price: udecimal.One}
	for tries := 1; ; tries++ {
		_, err := r.p.Record(guarded(r.t), fill)
		if !errors.Is(err, accounts.ErrOutcomeUnknown) || tries == 20 {
			return err
		}
	}
}

// requireHead checks on the server itself how long the profile's journal is.
func requireHead(t *testing.T, server *pgtest.Server, profile int, want int64, what string) {
	t.Helper()
	db := open(t, "postgres", server.DSN())
	require.Equal(t, want, value[int64](t, db, `SELECT count(*) FROM trading.journal_entries WHERE profile_id = $1`,
		string(testProfile(profile).ID)), what)
	require.NoError(t, db.Close(), "Close failed")
}
