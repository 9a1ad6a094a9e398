package pgstore

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/ledger"
)

// What happened while the connection was lost is told, even if the first question what that was fails.
func TestCatchUpIsRepeated(t *testing.T) {
	t.Parallel()
	dsn := migrated.Database(t)
	other := open(t, "postgres", dsn)
	s := newStore(t, "postgres", dsn, WithListenDSN(dsn), WithPollInterval(10*time.Millisecond))
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	id := testProfile(0).ID
	require.NoError(t, s.CreateProfile(t.Context(), testProfile(0)), "CreateProfile failed")
	events, err := s.Watch(t.Context())
	require.NoError(t, err, "Watch failed")

	run(t, other, `ALTER TABLE trading.account_profiles RENAME TO unreadable`,
		`UPDATE trading.journal_heads SET seq = 7`,
		`CREATE TABLE before AS SELECT now() AS at`,
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()`)
	const asked = `SELECT count(*) FROM pg_stat_activity, before
		WHERE datname = current_database() AND query LIKE '%coalesce(h.seq, 0) AS head%' AND query_start > at
			AND state = 'idle' AND pid <> pg_backend_pid()`
	eventually(t, func() bool { return value[int](t, other, asked) > 0 }, "nobody asked what was missed")
	run(t, other, `ALTER TABLE trading.unreadable RENAME TO account_profiles`)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for {
		select {
		case e := <-events:
			if e.Kind == accounts.EventRecorded && e.ProfileID == id && e.Seq == 7 {
				return
			}
		case <-ctx.Done():
			t.Fatal("what was missed was never told")
		}
	}
}

// A connection that falls silent once it is open holds up neither Watch nor Close.
func TestListeningToASilentConnection(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	migrate(t, open(t, "postgres", server.DSN()))
	proxy := pgtest.NewProxy(t, server)
	proxy.Lose("LISTEN")
	ends := map[string]func(s *Store, stop func()){
		"the context ends": func(_ *Store, stop func()) { stop() },
		"Close":            func(s *Store, _ func()) { _ = s.Close() },
	}
	for name, end := range ends {
		s := newStore(t, "postgres", server.DSN(), WithListenDSN(proxy.DSN()))
		ctx, stop := context.WithCancel(t.Context())
		watched := make(chan error, 1)
		go func() {
			_, err := s.Watch(ctx)
			watched <- err
		}()
		const connected = `SELECT count(*) FROM pg_stat_activity WHERE state IS NULL AND backend_type = 'client backend' OR query = '' AND backend_type = 'client backend'`
		eventually(t, func() bool { return value[int](t, s.db, connected) > 0 }, "nobody connects to listen")
		end(s, stop)
		select {
		case err := <-watched:
			require.Error(t, err, "%s: Watch claims to watch", name)
		case <-time.After(20 * time.Second):
			require.Fail(t, "Watch hangs", name)
		}
		require.NoError(t, s.Close(), "%s: Close failed", name)
		stop()
	}
}

// stranger is a pool of a role that may connect and nothing else.
func stranger(t *testing.T, server *pgtest.Server, db *sqlx.DB) *sqlx.DB {
	t.Helper()
	run(t, db, `CREATE ROLE stranger LOGIN`)
	return open(t, "postgres", server.DSN()+" user=stranger")
}

// Every role that may connect can notify. What it says is looked at and not believed: neither where a
// journal ends, nor whose a profile is, nor what an owner switched to.
func TestForgedNotifications(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	db := open(t, "postgres", server.DSN())
	migrate(t, db)
	s, err := Open(t.Context(), server.DSN())
	require.NoError(t, err, "Open failed")
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	p, q := testProfile(0), testProfile(1)
	p.Owner, q.Owner = "alice", "alice"
	require.NoError(t, s.CreateProfile(t.Context(), p), "CreateProfile failed")
	here, err := accounts.New(s)
	require.NoError(t, err)
	defer func() { require.NoError(t, here.Close()) }()
	other := newStore(t, "pgx", server.DSN())
	t.Cleanup(func() { require.NoError(t, other.Close(), "Close failed") })
	there, err := accounts.New(other)
	require.NoError(t, err)
	defer func() { require.NoError(t, there.Close()) }()
	alices, err := here.Subscribe(accounts.WithOwner(t.Context(), "alice"), accounts.EventRecorded, accounts.EventProfile)
	require.NoError(t, err)
	mallorys, err := here.Subscribe(accounts.WithOwner(t.Context(), "mallory"))
	require.NoError(t, err)
	theirs, err := there.Portfolio(t.Context(), p.ID)
	require.NoError(t, err)
	record := func(seq int64) {
		_, err = theirs.Record(t.Context(), ledger.CashMovement{ID: fmt.Sprint(seq), Kind: ledger.Deposit, Currency: "USD", Amount: ledger.MustDecimal("1"), Time: day})
		require.NoError(t, err)
		awaitEvent(t, alices, func(e accounts.Event) bool {
			require.LessOrEqual(t, e.Seq, seq, "an entry that there is not")
			return e.Kind == accounts.EventRecorded && e.Seq == seq
		})
	}
	forge := stranger(t, server, db)
	lies := []string{
		`["recorded","profile-00","mallory",9223372036854775807,0]`, `["profile","profile-00","mallory",9223372036854775807,0]`,
		`["switched","profile-00","mallory",7,0]`, `["recorded","nobody","mallory",1,0]`, `["switched","","nobody",1,0]`,
		`["recorded","profile-00","mallory",-5,0]`, `["recorded","a\u0000b","mallory",1,0]`, `["recorded","` + strings.Repeat("é", 5000/2) + `","",1,0]`,
		`["gossip","profile-00","mallory",1,0]`, `{"recorded":1}`, `[[[[`, `["recorded"]`, `[1,2,3,4,5]`, ``, "\x01", `null`, `[null,null,null]`,
	}
	for round := range int64(2) { // once while the portfolio is not open, once while it is
		if round == 1 {
			_, err = here.Portfolio(t.Context(), p.ID)
			require.NoError(t, err)
		}
		for _, lie := range lies {
			run(t, forge, `SELECT pg_notify('accounts_trading', `+pq.QuoteLiteral(lie)+`)`)
			run(t, forge, `SELECT pg_notify('accounts_elsewhere', `+pq.QuoteLiteral(lie)+`)`)
		}
		for n := int64(1); n <= 3; n++ {
			record(3*round + n)
		}
	}
	// A flood of ids that there are not leaves nothing behind.
	run(t, forge, `SELECT pg_notify('accounts_trading', '["recorded","nobody-' || n || '","mallory",1,0]') FROM generate_series(1, 20000) n`)
	record(7)
	require.NoError(t, s.CreateProfile(t.Context(), q), "CreateProfile failed")
	awaitEvent(t, alices, func(e accounts.Event) bool { return e.ProfileID == q.ID })
	require.NoError(t, here.Close())
	e, told := <-mallorys
	require.False(t, told, "Mallory was told of what is not Mallory's: %+v", e)
	require.NoError(t, s.Close())
	require.LessOrEqual(t, len(s.watch.known), 4, "what was made up is remembered")
}

// awaitEvent reads until an event matches.
func awaitEvent(t *testing.T, events <-chan accounts.Event, match func(accounts.Event) bool) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for {
		select {
		case e, open := <-events:
			require.True(t, open, "the channel was closed")
			if match(e) {
				return
			}
		case <-ctx.Done():
			require.FailNow(t, "an event never came")
		}
	}
}

// The odd row of one profile does not keep the events of others back.
func TestTimesThatAreNoneAreTold(t *testing.T) {
	t.Parallel()
	s := newStore(t, "pgx", migrated.Reused(t))
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	f := fills{id: testProfile(0).ID}
	for i := range 2 {
		require.NoError(t, s.CreateProfile(t.Context(), testProfile(i)), "CreateProfile failed")
	}
	require.NoError(t, s.Append(t.Context(), f.next(1)), "Append failed")
	require.NoError(t, s.SetActiveProfile(t.Context(), testProfile(0).Owner, testProfile(0).ID, day), "SetActiveProfile failed")
	run(t, s.db, `UPDATE trading.account_profiles SET updated_at = 'infinity', created_at = NULL WHERE profile_id = 'profile-00'`,
		`UPDATE trading.active_profiles SET switched_at = '-infinity'`)
	list, err := s.snapshot(t.Context())
	require.NoError(t, err, "what has changed cannot be told")
	require.Len(t, list, 4, "two profiles, a journal and a switch")
}
