package pgstore

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
)

// standby is a database of a server whose commits wait for a standby when that is silent, behind a proxy
// that sees what clients say. Asking it waits for nobody.
type standby struct {
	server *pgtest.Server
	proxy  *pgtest.Proxy
	name   string // of the database
	db     *sqlx.DB
	fresh  *sqlx.DB // a new connection for every statement, which knows the newest configuration
}

// database returns another database of the server, with a proxy of its own.
func (s *standby) database(t *testing.T, name string) *standby {
	t.Helper()
	run(t, open(t, "postgres", s.server.DSN()), `CREATE DATABASE `+name)
	dsn := s.server.DSN() + " dbname=" + name
	d := &standby{s.server, pgtest.NewProxy(t, s.server), name, open(t, "postgres", dsn), open(t, "postgres", dsn)}
	d.fresh.SetMaxIdleConns(0)
	t.Cleanup(func() { // also after a failure
		_, err := d.db.Exec(`ALTER SYSTEM RESET synchronous_standby_names`)
		require.NoError(t, err, "reset")
		_, err = d.db.Exec(`SELECT pg_reload_conf()`)
		require.NoError(t, err, "reload")
	})
	run(t, d.db, file(t, "existing.sql"))
	migrate(t, d.db)
	return d
}

// dsn is the data source name of the database, through the proxy.
func (s *standby) dsn() string { return s.proxy.DSN() + " dbname=" + s.name }

// The tests of writes that go on without their callers, on one server.
func TestWritesGoOn(t *testing.T) {
	t.Parallel()
	s := &standby{server: pgtest.NewServer(t)}
	for name, driver := range drivers {
		for what, test := range map[string]func(*testing.T, *standby, string){
			"when a standby is silent": testNoWriteIsCancelled,
			"migrations":               testMigrationsThatAreCancelledAreNotDone,
			"behind the next":          testAppendGoesOnBehindTheNext,
		} {
			t.Run(what+"/"+name, func(t *testing.T) { test(t, s.database(t, "d"+name+what[:1]), driver) })
		}
	}
	t.Run("when the store is closed", func(t *testing.T) { testCloseWithWritesUnderWay(t, s.database(t, "closed")) })
}

// silence has every commit wait from now on, or no longer.
func (s *standby) silence(t *testing.T, silent bool) {
	t.Helper()
	name := ""
	if silent {
		name = "nobody"
	}
	run(t, s.db, `ALTER SYSTEM SET synchronous_standby_names = '`+name+`'`, `SELECT pg_reload_conf()`)
	eventually(t, func() bool {
		return value[string](t, s.fresh, `SELECT current_setting('synchronous_standby_names')`) == name
	}, "the configuration is not read")
	run(t, s.db, `CHECKPOINT`) // by the process that tells the others
}

// waiting waits until so many commits wait for the standby.
func (s *standby) waiting(t *testing.T, n int, what string) {
	t.Helper()
	eventually(t, func() bool {
		return value[int](t, s.db, `SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = current_database()`) == n
	}, "%s: not %d commits wait for the standby", what, n)
}

// writing is a write, and a query that is true when it was done.
type writing struct {
	name string
	do   func(context.Context, *Store) error
	done string
}

func writings() []writing {
	p, f := testProfile(0), fills{id: testProfile(0).ID}
	created, renamed := testProfile(1), testProfile(0)
	renamed.Name = "Another"
	one, many := f.next(1), f.next(20)
	plan := (&fills{id: "by-plan"}).next(1)
	return []writing{
		{"CreateProfile", func(ctx context.Context, s *Store) error { return s.CreateProfile(ctx, created) },
			`SELECT count(*) = 1 FROM trading.account_profiles WHERE profile_id = 'profile-01'`},
		{"UpdateProfile", func(ctx context.Context, s *Store) error { return s.UpdateProfile(ctx, renamed) },
			`SELECT profile_name = 'Another' FROM trading.account_profiles WHERE profile_id = 'profile-00'`},
		{"SetActiveProfile", func(ctx context.Context, s *Store) error { return s.SetActiveProfile(ctx, "", p.ID, day) },
			`SELECT count(*) = 1 FROM trading.active_profiles WHERE profile_id = 'profile-00'`},
		{"SetActiveProfile to none", func(ctx context.Context, s *Store) error { return s.SetActiveProfile(ctx, "", "", day) },
			`SELECT count(*) = 1 FROM trading.active_profiles WHERE profile_id IS NULL`},
		{"SaveCheckpoint", func(ctx context.Context, s *Store) error {
			return s.SaveCheckpoint(ctx, accounts.Checkpoint{ProfileID: p.ID, Seq: 1, Hash: one.Entries[0].Hash})
		}, `SELECT count(*) = 1 FROM trading.journal_checkpoints`},
		{"Lease", func(ctx context.Context, s *Store) error { _, err := s.Lease(ctx, "l", "h", time.Hour); return err },
			`SELECT count(*) = 1 FROM trading.leases WHERE ends_at > now()`},
		{"EndLease", func(ctx context.Context, s *Store) error {
			return s.EndLease(ctx, accounts.Lease{Name: "l", Holder: "h", Fence: 1})
		}, `SELECT count(*) = 1 FROM trading.leases WHERE ends_at < now()`},
		{"Append of an entry", func(ctx context.Context, s *Store) error { return s.Append(ctx, one) },
			`SELECT count(*) = 1 FROM trading.journal_entries WHERE profile_id = 'profile-00'`},
		{"Append of many", func(ctx context.Context, s *Store) error { return s.Append(ctx, many) },
			`SELECT count(*) = 21 FROM trading.journal_entries WHERE profile_id = 'profile-00'`},
		{"the head of a journal", func(ctx context.Context, s *Store) error { return s.Append(ctx, plan) },
			`SELECT count(*) = 1 FROM trading.journal_heads WHERE profile_id = 'by-plan'`},
		{"Rebuild", func(ctx context.Context, s *Store) error { return s.Rebuild(ctx, p.ID) },
			`SELECT count(*) = 0 FROM trading.trades WHERE exec_id = 'damage'`},
		{"AdoptLegacyRows of positions", adoptRows("positions"),
			`SELECT count(*) > 0 FROM trading.positions WHERE account_profile_id = 'profile-00' AND user_id = 'positions'`},
		{"AdoptLegacyRows of closed positions", adoptRows("closed"),
			`SELECT count(*) > 0 FROM trading.positions WHERE account_profile_id = 'profile-00' AND user_id = 'closed'`},
		{"AdoptLegacyRows of trades", adoptRows("trades"),
			`SELECT count(*) = 1 FROM trading.trades WHERE account_profile_id = 'profile-00' AND user_id = 'trades'`},
		{"AdoptLegacyRows of signals", func(ctx context.Context, s *Store) error {
			_, err := s.AdoptLegacyRows(ctx, testProfile(0).ID, LegacyRows{UserID: "nobody", Signals: true, BatchSize: 1e6})
			return err
		}, `SELECT count(*) > 0 FROM trading.signals WHERE account_profile_id = 'profile-00'`},
	}
}

func adoptRows(user string) func(context.Context, *Store) error {
	return func(ctx context.Context, s *Store) error {
		_, err := s.AdoptLegacyRows(ctx, testProfile(0).ID, LegacyRows{UserID: user, Currency: "USD"})
		return err
	}
}

// A caller that leaves while a commit waits for a standby is told that nobody knows, whatever it was that
// is written. The server is not told: it would take the cancel for the end of the wait, commit, and
// report success.
func testNoWriteIsCancelled(t *testing.T, standby *standby, driver string) {
	s := newStore(t, driver, standby.dsn())
	require.NoError(t, s.CreateProfile(t.Context(), testProfile(0)), "CreateProfile failed")
	run(t, standby.db, `ALTER TABLE trading.trades ADD COLUMN user_id varchar(50)`, `INSERT INTO trading.trades (user_id) VALUES ('trades')`,
		`INSERT INTO trading.account_profiles (profile_id, profile_name, ibkr_account_id, capital_level, risk_tolerance) VALUES ('by-plan', 'P', 'DU1234567', '25K', 'low')`,
		`INSERT INTO trading.positions (user_id, symbol, position_type, side, quantity, entry_price, closed_at)
					VALUES ('positions', 'NU', 'STOCK', 'LONG', 2, 11, NULL), ('closed', 'NU', 'STOCK', 'LONG', 2, 11, now())`)
	for _, w := range writings() {
		if w.name == "Rebuild" {
			run(t, standby.db, `UPDATE trading.trades SET exec_id = 'damage' WHERE journal_seq = 3`)
		}
		require.False(t, value[bool](t, standby.db, w.done), "%s is done already", w.name)
		standby.silence(t, true)
		ctx, leave := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- w.do(ctx, s) }()
		standby.waiting(t, 1, w.name)
		leave()
		err := <-result
		require.ErrorIs(t, err, accounts.ErrOutcomeUnknown, "%s", w.name)
		require.ErrorIs(t, err, context.Canceled, "%s", w.name)
		require.NotErrorIs(t, err, accounts.ErrUnavailable, "%s", w.name)
		standby.waiting(t, 1, w.name)
		require.Zero(t, standby.proxy.Cancels(), "%s was cancelled on the server", w.name)
		standby.silence(t, false)
		eventually(t, func() bool { return value[bool](t, standby.db, w.done) },
			"%s was not done without its caller", w.name)
	}
	require.NoError(t, s.Close(), "Close failed")
	require.NoError(t, newStore(t, driver, standby.dsn()).Verify(t.Context(), testProfile(0).ID), "Verify")
}

// Migrations are cancelled, and then never said to be done.
func testMigrationsThatAreCancelledAreNotDone(t *testing.T, standby *standby, driver string) {
	db := open(t, driver, standby.dsn())
	for _, do := range []func(context.Context) error{
		func(ctx context.Context) error { return Rollback(ctx, db, 0) },
		func(ctx context.Context) error { return Migrate(ctx, db) },
	} {
		standby.silence(t, true)
		ctx, leave := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- do(ctx) }()
		standby.waiting(t, 1, "migration")
		leave()
		err := <-result
		require.ErrorIs(t, err, accounts.ErrOutcomeUnknown)
		require.ErrorIs(t, err, context.Canceled)
		standby.silence(t, false)
		require.NoError(t, do(t.Context()), "going on")
	}
}

// blocked is a connection that holds rows, so that writes wait.
func blocked(t *testing.T, db *sqlx.DB, lock string) *sql.Tx {
	t.Helper()
	tx, err := db.Begin()
	require.NoError(t, err, "begin")
	t.Cleanup(func() { _ = tx.Rollback() })
	_, err = tx.Exec(lock)
	require.NoError(t, err, "lock")
	return tx
}

func awaitLocks(t *testing.T, db *sqlx.DB, n int) {
	t.Helper()
	eventually(t, func() bool {
		return value[int](t, db, `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`) == n
	}, "not %d statements wait for a lock", n)
}

// An append that hangs without its caller holds up nobody but who appends to the same journal.
func testAppendGoesOnBehindTheNext(t *testing.T, standby *standby, driver string) {
	db := standby.db
	s := newStore(t, driver, standby.dsn())
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	for i := range 2 {
		require.NoError(t, s.CreateProfile(t.Context(), testProfile(i)), "CreateProfile failed")
	}
	held, free := fills{id: testProfile(0).ID}, fills{id: testProfile(1).ID}
	require.NoError(t, s.Append(t.Context(), held.next(1)), "the position")
	lock := blocked(t, db, `SELECT FROM trading.positions WHERE account_profile_id = 'profile-00' FOR UPDATE`)
	ctx, leave := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	batch := held.next(1)
	go func() { first <- s.Append(ctx, batch) }()
	awaitLocks(t, db, 1)
	behind := free.next(2)
	go func() { second <- s.Append(guarded(t), behind) }()
	leave()
	require.ErrorIs(t, <-first, accounts.ErrOutcomeUnknown, "the caller that left")
	clear(batch.Entries[0].Payload) // which is the caller's again
	require.NoError(t, <-second, "an append to another journal waits for one that nobody waits for")
	require.NoError(t, s.Append(guarded(t), free.next(1)), "the one after")
	require.NoError(t, lock.Rollback(), "unlock")
	eventually(t, func() bool { return value[int](t, db, `SELECT count(*) FROM trading.journal_entries`) == 5 }, "the append did not go on without its caller")
	require.NoError(t, s.Verify(t.Context(), held.id), "what was appended without its caller")
	require.Zero(t, standby.proxy.Cancels(), "it was cancelled")
}

// What waits for a connection has not begun: a caller that leaves knows that nothing was written.
func TestWritesThatWaitForAConnection(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, driver, migrated.Reused(t))
			db.SetMaxOpenConns(2)
			s, err := New(t.Context(), db)
			require.NoError(t, err, "New failed")
			require.NoError(t, s.CreateProfile(t.Context(), testProfile(0)), "CreateProfile failed")
			one, two := blocked(t, db, `SELECT 1`), blocked(t, db, `SELECT 1`)
			f := fills{id: testProfile(0).ID}
			b := f.next(1)
			renamed := testProfile(0)
			renamed.Name = "Another"
			for what, do := range map[string]func(context.Context) error{
				"Append":        func(ctx context.Context) error { return s.Append(ctx, b) },
				"UpdateProfile": func(ctx context.Context) error { return s.UpdateProfile(ctx, renamed) },
				"Rebuild":       func(ctx context.Context) error { return s.Rebuild(ctx, f.id) },
			} {
				ctx, leave := context.WithCancel(t.Context())
				waits := db.Stats().WaitCount
				result := make(chan error, 2)
				for range 2 { // the second waits for the first
					go func() { result <- do(ctx) }()
				}
				eventually(t, func() bool { return db.Stats().WaitCount > waits }, "%s does not wait", what)
				leave()
				for range 2 {
					err := <-result
					require.ErrorIs(t, err, context.Canceled, "%s", what)
					require.NotErrorIs(t, err, accounts.ErrOutcomeUnknown, "%s had not begun", what)
				}
			}
			require.NoError(t, one.Rollback(), "rollback")
			require.NoError(t, two.Rollback(), "rollback")
			require.NoError(t, s.Close(), "Close failed") // and waits for all
			require.Zero(t, value[int](t, db, `SELECT count(*) FROM trading.journal_entries`), "an append was made after its caller was told that it was not")
			require.Zero(t, value[int](t, db, `SELECT count(*) FROM trading.account_profiles WHERE profile_name = 'Another'`), "an update was made all the same")
		})
	}
}

// Close waits for what is under way, but not for ever: a store that has its own pool ends its connections,
// and who waits for a write knows that nobody knows.
func testCloseWithWritesUnderWay(t *testing.T, standby *standby) {
	db := standby.db
	own, err := Open(t.Context(), standby.dsn())
	require.NoError(t, err, "Open failed")
	for n, s := range []*Store{own, newStore(t, "postgres", standby.dsn()), newStore(t, "pgx", standby.dsn())} {
		p := testProfile(n)
		require.NoError(t, s.CreateProfile(t.Context(), p), "CreateProfile failed")
		f := fills{id: p.ID}
		require.NoError(t, s.Append(t.Context(), f.next(1)), "the position")
		lock := blocked(t, db, `SELECT FROM trading.positions WHERE account_profile_id = '`+string(p.ID)+`' FOR UPDATE`)
		b := f.next(1)
		result := make(chan error, 1)
		go func() { result <- s.Append(context.Background(), b) }()
		awaitLocks(t, db, 1)
		s.patience = time.Millisecond
		require.ErrorIs(t, s.Close(), accounts.ErrOutcomeUnknown, "Close says that nothing is under way")
		if s == own {
			require.ErrorIs(t, <-result, accounts.ErrOutcomeUnknown, "a write whose connection was ended")
		}
		require.ErrorIs(t, s.Append(t.Context(), b), accounts.ErrClosed, "a closed store took another write")
		require.NoError(t, lock.Rollback(), "unlock")
		if s != own {
			require.NoError(t, <-result, "a write on the caller's pool ends with the server's answer")
		}
		eventually(t, func() bool {
			return value[int](t, db, `SELECT count(*) FROM trading.journal_entries WHERE profile_id = $1`, p.ID) == 2
		}, "what was under way did not go on")
	}
	require.Zero(t, standby.proxy.Cancels(), "it was cancelled")
}
