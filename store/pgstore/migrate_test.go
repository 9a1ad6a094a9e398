package pgstore

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgschema"
	"github.com/ai-ots/accounts/internal/pgtest"
)

func migrate(t *testing.T, db *sqlx.DB, opts ...Option) {
	t.Helper()
	require.NoError(t, Migrate(t.Context(), db, opts...), "Migrate failed")
}

func TestEveryStateMigratesToTheSameSchema(t *testing.T) {
	t.Parallel()
	states := map[string][]string{
		"empty":            nil,
		"existing":         {file(t, "existing.sql")},
		"profiles by plan": {file(t, "existing.sql"), planProfiles, `ALTER TABLE trading.positions ADD COLUMN account_profile_id varchar(50)`},
	}
	dumps := map[string]string{}
	for name, statements := range states {
		dsn := pgtest.Database(t)
		db := open(t, "postgres", dsn)
		run(t, db, statements...)
		migrate(t, db)
		dumps[name] = dump(t, dsn, "trading")
		migrate(t, db)
		require.Equal(t, dumps[name], dump(t, dsn, "trading"), "%s: a second run changed something", name)
		status, err := Status(t.Context(), db)
		require.NoError(t, err, "Status failed")
		require.True(t, status.Current(), "%s: Status does not call the schema current", name)

		require.NoError(t, Rollback(t.Context(), db, 0), "%s: Rollback failed", name)
		down := dump(t, dsn, "trading")
		require.NotContains(t, down, "account_profile_id", "%s: something is left after Rollback", name)
		require.Contains(t, down, "trading.positions", "%s: Rollback took a shared table away", name)
		migrate(t, db)
		require.Equal(t, dumps[name], dump(t, dsn, "trading"), "%s: up, down and up again is not up", name)
	}
	require.Equal(t, dumps["empty"], dumps["existing"], "an empty database and one with the shared tables end up different")
	require.Equal(t, dumps["empty"], dumps["profiles by plan"], "a database with the plan's table ends up different")
}

const planProfiles = `CREATE TABLE trading.account_profiles (
	profile_id varchar(50) PRIMARY KEY, profile_name varchar(100) NOT NULL, ibkr_account_id varchar(50) NOT NULL,
	capital_level varchar(20) NOT NULL, risk_tolerance varchar(20) NOT NULL, created_at timestamptz DEFAULT now())`

func TestMigrationKeepsRowsAndWhatElseATableHas(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", pgtest.Database(t))
	run(t, db, file(t, "existing.sql"), file(t, "hardened.sql"),
		`CREATE TABLE trading.trades (ticket uuid PRIMARY KEY DEFAULT gen_random_uuid(), quantity int, note text)`,
		`INSERT INTO trading.trades (quantity, note) VALUES (7, 'theirs')`)
	const sums = `SELECT md5(string_agg(p::text, '|' ORDER BY id)) FROM (SELECT id, user_id, symbol, quantity, updated_at FROM trading.positions) p`
	before := value[string](t, db, sums)
	migrate(t, db)
	require.Equal(t, before, value[string](t, db, sums), "existing positions changed")
	require.Equal(t, 2000, value[int](t, db, `SELECT count(*) FROM trading.positions WHERE account_profile_id IS NULL`), "existing positions were given a profile")
	require.Equal(t, "theirs", value[string](t, db, `SELECT note FROM trading.trades WHERE quantity = 7 AND journal_seq IS NULL`), "a site's own trades changed")
	require.NoError(t, Rollback(t.Context(), db, 0), "Rollback failed")
	require.Equal(t, "theirs", value[string](t, db, `SELECT note FROM trading.trades`), "Rollback took a site's own table away")
}

func TestMigrationRefusesAColumnOfAnotherType(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", pgtest.Database(t))
	run(t, db, `CREATE SCHEMA trading`, `CREATE TABLE trading.trades (id int, exec_id int)`)
	err := Migrate(t.Context(), db)
	require.ErrorContains(t, err, "exec_id is integer, not text", "the error does not say what is in the way")
}

// A migration that is refused, either way and at whichever step, has changed nothing.
func TestRefusedMigrationsChangeNothing(t *testing.T) {
	t.Parallel()
	for name, driver := range drivers {
		for _, c := range []struct {
			name, says string
			before     []string
			up         bool
			in         string // the way in which what is in the way comes
		}{
			{"a journal", "journals are not empty", nil, false, `INSERT INTO trading.journal_entries VALUES ('p', 1, 'cash', '', now(), '', '', '')`},
			{"a column of trades", "exec_id is integer, not text", []string{file(t, "existing.sql")}, true, `CREATE TABLE trading.trades (id int, exec_id int)`},
			{"a table of leases", "already exists", []string{file(t, "existing.sql")}, true, `CREATE TABLE trading.leases (id int)`},
			{"a column of profiles", "login_id is integer", []string{file(t, "existing.sql"), planProfiles}, true, `ALTER TABLE trading.account_profiles ADD COLUMN login_id int NOT NULL`},
			{"a login", "profiles that name a login", nil, false, `INSERT INTO trading.account_profiles (profile_id, profile_name, ibkr_account_id, capital_level, risk_tolerance, login_id) VALUES ('p', 'p', 'DU1', '25K', 'high', 'main')`},
			{"a column of signals", "account_profile_id is text", []string{file(t, "existing.sql")}, true, `ALTER TABLE trading.signals ADD COLUMN account_profile_id text`},
		} {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				dsn := pgtest.Database(t)
				admin, db := open(t, "postgres", dsn), open(t, driver, dsn)
				run(t, admin, c.before...)
				if !c.up {
					migrate(t, admin)
				}
				run(t, admin, c.in)
				before := dump(t, dsn, "trading")
				var err error
				if c.up {
					err = Migrate(t.Context(), db)
				} else {
					err = Rollback(t.Context(), db, 0)
				}
				require.ErrorContains(t, err, c.says, "the error does not say what is in the way")
				require.Equal(t, before, dump(t, dsn, "trading"), "a migration that was refused changed something")
			})
		}
	}
}

func TestSchemaName(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	db := open(t, "postgres", dsn)
	migrate(t, db, WithSchema("order")) // a reserved word
	migrate(t, db, WithSchema("order"))
	require.Contains(t, dump(t, dsn, "order"), "account_profiles", "there is nothing in the schema")
	require.False(t, value[bool](t, db, `SELECT to_regnamespace('trading') IS NOT NULL`), "something went to the default schema")
	require.NoError(t, Rollback(t.Context(), db, 0, WithSchema("order")), "Rollback failed")
	migrate(t, db, WithSchema("order"))
	for _, name := range []string{"", "Trading", "a b", `x"; DROP`, "1a", "pg.x"} {
		require.ErrorIs(t, Migrate(t.Context(), db, WithSchema(name)), accounts.ErrInvalid, "schema name %q was accepted", name)
	}
}

func TestSeveralProcessesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	run(t, open(t, "postgres", dsn), file(t, "existing.sql"))
	var g group
	for i := range 4 {
		db := open(t, []string{"postgres", "pgx"}[i%2], dsn)
		g.Go(func() error { return Migrate(t.Context(), db) })
	}
	require.NoError(t, g.Wait(), "migrating at once failed")
}

func TestNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Database(t))
	run(t, db, `INSERT INTO trading.accounts_schema_version (version_id, is_applied) VALUES (99, true)`)
	err := Migrate(t.Context(), db)
	var refused *SchemaError
	require.ErrorAs(t, err, &refused, "a newer schema was migrated")
	require.Equal(t, int64(99), refused.Found, "the error names another version")
	require.ErrorIs(t, schema(DefaultSchema).check(t.Context(), db), ErrSchema, "a newer schema was accepted")
}

// writer is an existing service: it inserts, updates and reads all the while, with SQL of its own.
type writer struct {
	db         *sqlx.DB
	statements atomic.Int64
	waits      []time.Duration
}

func (w *writer) run(ctx context.Context) error {
	for n := 0; ctx.Err() == nil; n++ {
		for _, s := range []string{
			`INSERT INTO trading.positions (user_id, symbol, position_type, side, quantity, entry_price) VALUES ('w', 'AAA', 'STOCK', 'LONG', 1, 1)`,
			`UPDATE trading.positions SET current_price = 5 WHERE id = 1 + (random() * 1000)::int`,
			`INSERT INTO trading.signals (symbol, signal_type, confidence) VALUES ('AAA', 'HOLD', 0.1)`,
			`SELECT count(*) FROM trading.positions WHERE user_id = 'user1'`,
		} {
			start := time.Now()
			if _, err := w.db.ExecContext(context.WithoutCancel(ctx), s); err != nil {
				return err
			}
			w.waits = append(w.waits, time.Since(start))
			w.statements.Add(1)
		}
	}
	return nil
}

func TestServicesGoOnWhileTheSchemaMigrates(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	db := open(t, "postgres", dsn)
	run(t, db, file(t, "existing.sql"), file(t, "hardened.sql"))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	w := &writer{db: open(t, "postgres", dsn)}
	var g group
	g.Go(func() error { return w.run(ctx) })
	// A reader that holds its lock for longer than the migration may wait for its own.
	g.Go(func() error {
		tx, err := db.BeginTxx(t.Context(), nil)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`SELECT count(*), pg_sleep(0.5) FROM trading.positions`)
		return errors.Join(err, tx.Commit())
	})
	eventually(t, func() bool { return w.statements.Load() > 20 }, "the writer does not write")
	migrate(t, db)
	require.NoError(t, Rollback(t.Context(), db, 0), "Rollback failed")
	migrate(t, db)
	stop()
	require.NoError(t, g.Wait(), "a statement of a service failed while the schema migrated")
	t.Logf("%d statements meanwhile; the longest took %s", w.statements.Load(), slices.Max(w.waits))
	require.Less(t, slices.Max(w.waits), 5*time.Second, "a service waited for long")
}

// TimescaleDB cannot be had for tests; what can be shown is that a hypertable is recognised, and gets
// migrations without what it does not allow.
func TestHypertableGetsItsOwnMigration(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", pgtest.Database(t))
	run(t, db, `CREATE SCHEMA timescaledb_information`,
		`CREATE VIEW timescaledb_information.hypertables AS SELECT 'trading'::name AS hypertable_schema, 'signals'::name AS hypertable_name`)
	is, err := schema(DefaultSchema).isHypertable(t.Context(), db, "signals")
	require.NoError(t, err, "asking failed")
	require.True(t, is, "a hypertable was not recognised")
	is, err = schema(DefaultSchema).isHypertable(t.Context(), db, "positions")
	require.NoError(t, err, "asking failed")
	require.False(t, is, "a plain table was taken for a hypertable")
	files, err := migrations.Migrations(pgschema.Default, hypertableVariant)
	require.NoError(t, err, "migrations")
	for _, name := range []string{"00004_signals.sql", "00007_signals_index.sql"} {
		text, err := fs.ReadFile(files, name)
		require.NoError(t, err, "read")
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		require.NotContains(t, up, "CONCURRENTLY", "%s: hypertables have no concurrent indexes", name)
		require.NotContains(t, up, "REFERENCES", "%s: compressed chunks take no foreign key", name)
		require.NotContains(t, up, "UNIQUE", "%s: a unique index would have to contain the time", name)
	}
}

// A site's own columns keep their data when the library goes, also where it used them.
func TestRollbackLeavesASitesOwnColumns(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", pgtest.Database(t))
	run(t, db, `CREATE SCHEMA trading`, `CREATE TABLE trading.trades (id bigserial, order_id text, traded_at timestamptz, note text)`,
		planProfiles, `ALTER TABLE trading.account_profiles ADD COLUMN mode varchar(20)`,
		`INSERT INTO trading.account_profiles VALUES ('a', 'n', 'DU1234567', '25K', 'low', now(), 'paper')`,
		`INSERT INTO trading.trades (order_id, note) VALUES ('o-1', 'theirs')`)
	migrate(t, db)
	require.NoError(t, Rollback(t.Context(), db, 0), "Rollback failed")
	require.Equal(t, "o-1 theirs", value[string](t, db, `SELECT concat_ws(' ', order_id, note, traded_at) FROM trading.trades`), "a site's own trades changed")
	require.Equal(t, "paper", value[string](t, db, `SELECT mode FROM trading.account_profiles`), "a site's own profiles changed")
	for table, left := range map[string]string{"trades": "id note order_id traded_at", "account_profiles": "capital_level created_at ibkr_account_id mode profile_id profile_name risk_tolerance"} {
		require.Equal(t, left, value[string](t, db, `SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_attribute
			WHERE attrelid = ('trading.' || $1)::regclass AND attnum > 0 AND NOT attisdropped`, table), "columns of %s", table)
	}
}

func TestMigrationRefusesProfilesThatItCannotUse(t *testing.T) {
	t.Parallel()
	for column, want := range map[string]string{
		"status int DEFAULT 1": "status is integer, not character varying(20)",
		"owner_id varchar(50)": "owner_id may be null",
	} {
		db := open(t, "postgres", pgtest.Database(t))
		run(t, db, `CREATE SCHEMA trading`, planProfiles, `ALTER TABLE trading.account_profiles ADD COLUMN `+column)
		require.ErrorContains(t, Migrate(t.Context(), db), want, "the error does not say what is in the way")
	}
}

// Neither way may anybody who works on a table wait for long behind a migration that waits for another:
// every statement gives up, and is tried again.
func TestMigrationsDoNotQueueUp(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", pgtest.Database(t))
	run(t, db, file(t, "existing.sql"), planProfiles)
	up := func(ctx context.Context) error { return Migrate(ctx, db) }
	down := func(ctx context.Context) error { return Rollback(ctx, db, 0) }
	requirePasses(t, db, "account_profiles", up)
	migrate(t, db)
	for _, table := range []string{"leases", "journal_checkpoints", "signals", "positions", "trades", "account_profiles"} {
		requirePasses(t, db, table, down)
		migrate(t, db)
	}
}

// requirePasses holds up a migration at a table, and has others read it for as long as it takes until the
// migration has given up twice. They would wait for ever behind a lock without a limit.
func requirePasses(t *testing.T, db *sqlx.DB, table string, migrates func(context.Context) error) {
	t.Helper()
	reader, err := db.BeginTxx(t.Context(), nil)
	require.NoError(t, err, "begin")
	defer func() { require.NoError(t, reader.Rollback(), "rollback") }()
	_, err = reader.ExecContext(t.Context(), `LOCK TABLE trading.`+table+` IN ACCESS SHARE MODE`)
	require.NoError(t, err, "lock")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- migrates(ctx) }()
	for range 2 {
		waits := func() bool {
			return value[int](t, db, `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`) > 0
		}
		eventually(t, waits, "the migration does not wait for whoever works on %s", table)
		passes, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err = db.ExecContext(passes, `SELECT FROM trading.`+table+` LIMIT 1`)
		cancel()
		require.NoError(t, err, "who reads %s waits behind a migration that waits", table)
	}
	stop()
	require.Error(t, <-done, "the migration changed %s under a reader", table)
}

// The newest checkpoint of each profile survives the way back to one for each profile, and the way there.
func TestCheckpointSlotsComeAndGo(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Database(t))
	s, err := New(t.Context(), db)
	require.NoError(t, err, "New failed")
	saved := func(i, slot int, seq int64) accounts.Checkpoint {
		return accounts.Checkpoint{ProfileID: testProfile(i).ID, Slot: slot, Seq: seq, State: []byte{byte(slot), byte(seq)}}
	}
	for i := range 2 {
		require.NoError(t, s.CreateProfile(t.Context(), testProfile(i)), "CreateProfile failed")
		for slot, seq := range []int64{7, 30 + int64(i), 12, 30} {
			require.NoError(t, s.SaveCheckpoint(t.Context(), saved(i, slot, seq)), "SaveCheckpoint failed")
		}
	}
	require.NoError(t, Rollback(t.Context(), db, 7), "Rollback failed")
	// What the version before this one saves.
	run(t, db, `INSERT INTO trading.journal_checkpoints AS old (profile_id, seq, hash, state) VALUES ('profile-01', 40, '\x00', '\x07')
		ON CONFLICT (profile_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, state = excluded.state WHERE old.seq <= excluded.seq`)
	require.Equal(t, 2, value[int](t, db, `SELECT count(*) FROM trading.journal_checkpoints`), "not one checkpoint for each profile")
	require.Equal(t, int64(30), value[int64](t, db, `SELECT seq FROM trading.journal_checkpoints WHERE profile_id = 'profile-00'`), "not the newest checkpoint")
	migrate(t, db)
	for i, want := range []accounts.Checkpoint{{ProfileID: "profile-00", Seq: 30, State: []byte{3, 30}}, {ProfileID: "profile-01", Seq: 40, State: []byte{7}}} {
		got, err := s.Checkpoint(t.Context(), testProfile(i).ID, 100)
		require.NoError(t, err, "Checkpoint failed")
		require.Equal(t, want, got, "the checkpoint is another")
	}
	require.NoError(t, s.SaveCheckpoint(t.Context(), saved(0, 62, 20)), "SaveCheckpoint failed")
	require.NoError(t, s.Close(), "Close failed")
}

// A figure with more places than the library reads, which some other program wrote, keeps nobody from going
// back to the version that refused it, nor from coming again.
func TestScaleChecksComeAndGo(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Database(t))
	fine := func(seq int) error {
		_, err := db.ExecContext(t.Context(), `INSERT INTO trading.trades (journal_seq, exact_price) VALUES ($1, 1e-25)`, seq)
		return err
	}
	require.NoError(t, fine(1), "what is written is checked twice")
	require.NoError(t, Rollback(t.Context(), db, 10), "a row that is there is in the way")
	require.Error(t, fine(2), "the check is not back")
	migrate(t, db)
	require.NoError(t, fine(3), "the check stayed")
}
