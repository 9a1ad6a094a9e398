package pgstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// schemaCall is a call of what works without a store.
type schemaCall struct {
	name  string
	says  string
	steps []step
	again []step // of the same call once more, when all but the last migration is there
	do    func(context.Context, *mock) error
}

const unlocking = "pg_advisory_unlock"

// alone is steps on a connection of their own, of which database/sql repeats nothing.
func alone(steps ...step) []step {
	for i := range steps {
		steps[i].inside, steps[i].once, steps[i].ran = true, true, true
	}
	return steps
}

// once is steps that are not repeated.
func once(steps ...step) []step {
	steps = slices.Clone(steps)
	for i := range steps {
		steps[i].once = true
	}
	return steps
}

// What goose asks.
var (
	locks   = query("pg_try_advisory_lock", "locked", []driver.Value{true})
	tables  = query("to_regclass", "exists", []driver.Value{true})
	newest  = query("SELECT max(version_id) FROM", "max", []driver.Value{int64(targetVersion)})
	unlocks = query(unlocking, "unlocked", []driver.Value{true})
)

// applied is the answer to which migrations there were.
func applied(version int64) step {
	s := query("ORDER BY id DESC", "version_id is_applied")
	for v := version; v >= 0; v-- {
		s.rows = append(s.rows, []driver.Value{v, true})
	}
	return s
}

// at is the answer to which version the schema has.
func at(version int64) []step {
	return once(query("to_regclass", "exists", []driver.Value{true}), query("max(version_id)", "version", []driver.Value{version}))
}

// Whether signals is a hypertable, and the schema.
var (
	plainTable = query("timescaledb_information.hypertables", "is", []driver.Value{false})
	create     = execute("CREATE SCHEMA", 0)
)

// migrating is what Migrate asks of a schema at the version, which is 6 or newer.
func migrating(from int64) []step {
	plain, created := plainTable, create
	for _, s := range []*step{&plain, &created} {
		s.once, s.ran = true, true
	}
	rehearsal := []step{query("pg_try_advisory_xact_lock", "locked", []driver.Value{true}), at(from)[0], at(from)[1], create}
	for range targetVersion - max(from, 7) { // 7 cannot be taken in a transaction
		rehearsal = append(rehearsal, execute("$rehearsal$", 0))
	}
	rehearsal = transaction(rehearsal...)
	rehearsal = rehearsal[:len(rehearsal)-1] // which is taken back
	steps := slices.Concat(sessions(false), at(from), once(plainTable), at(from), once(rehearsal...), []step{created, plain},
		alone(tables, applied(from), locks, applied(from)))
	for _, up := range ups()[from-6:] {
		steps = append(steps, alone(up...)...)
	}
	return append(steps, alone(newest, unlocks)...)
}

// ups are the migrations from 7 on: without a transaction, with one, and some that goose takes in the same way.
func ups() [][]step {
	noted := execute("INSERT INTO trading.accounts_schema_version", 1)
	list := [][]step{{execute("ADD CONSTRAINT signals_account_profile_id_fkey", 0), execute("VALIDATE CONSTRAINT", 0),
		execute("DROP INDEX CONCURRENTLY", 0), execute("CREATE INDEX CONCURRENTLY", 0), noted}}
	for _, texts := range [][]string{{"ADD COLUMN IF NOT EXISTS slot"}, {"CREATE TABLE trading.leases"}, {"ADD COLUMN login_id"},
		{"DROP CONSTRAINT IF EXISTS positions_exact_scale_check", "DROP CONSTRAINT IF EXISTS trades_exact_scale_check"}} {
		up := []step{execute("SET LOCAL lock_timeout", 0)}
		for _, text := range texts {
			up = append(up, execute(text, 0))
		}
		list = append(list, transaction(append(up, noted)...))
	}
	for _, up := range list[2:4] {
		for i := range up {
			up[i].alike = true
		}
	}
	return list
}

// rollingBack is what Rollback asks from version 7 to 6.
func rollingBack() []step {
	plain := plainTable
	plain.once, plain.ran = true, true
	return slices.Concat(sessions(false), once(plainTable), at(6), []step{plain}, alone(locks, tables, applied(7), execute("DROP INDEX IF EXISTS", 0),
		execute("DELETE FROM trading.accounts_schema_version", 1), newest, unlocks))
}

func schemaCalls() []schemaCall {
	status := once(transaction(at(6)...)...)
	open := func(ctx context.Context, m *mock) error {
		s, err := New(ctx, m.db, func(c *config) { c.retry.First = 0 }) // no pauses
		if err == nil {
			err = s.Close()
		}
		return err
	}
	return []schemaCall{
		{"New", "open store: ", opening(false), opening(false), open},
		{"New behind a pooler", "open store: ", opening(true), opening(true), open},
		{"Status", "schema status: ", status, status,
			func(ctx context.Context, m *mock) error { _, err := Status(ctx, m.db); return err }},
		{"Migrate", "migrate", migrating(6), migrating(targetVersion - 1),
			func(ctx context.Context, m *mock) error { return Migrate(ctx, m.db) }},
		{"Rollback", "roll back", rollingBack(), rollingBack(),
			func(ctx context.Context, m *mock) error { return Rollback(ctx, m.db, 6) }},
	}
}

// Every statement of what works without a store fails in every way; then the call is made again.
func TestEveryStatementAboutTheSchemaFails(t *testing.T) {
	for _, c := range schemaCalls() {
		for i, s := range c.steps {
			for _, f := range failures {
				waits := strings.HasPrefix(c.says, "migrate") || strings.HasPrefix(c.says, "roll") // for locks, see below
				ended := s.text == unlocking && errors.Is(f.err, context.Canceled)                 // the lock is given back all the same
				if f.possible(c.steps, i) && !s.alike && !ended && !(waits && f.forAnother()) {
					t.Run(fmt.Sprintf("%s/%d %s %.30s/%s", c.name, i, s.verb, s.text, f.name), func(t *testing.T) { c.fail(t, i, &f) })
				}
			}
		}
	}
}

func (c *schemaCall) fail(t *testing.T, i int, f *failure) {
	if f.is == accounts.ErrProfileNotFound && !strings.HasPrefix(c.name, "New") {
		other := *f // nobody asked for a profile
		other.is, f = nil, &other
	}
	m := newMock(t, false)
	m.expect(f.at(c.steps, i)...)
	last := len(c.steps) - 1
	if c.holdsLock(i) && !errors.Is(f.err, driver.ErrBadConn) {
		m.expect(c.steps[last]) // the lock of a lost connection is gone with it
	}
	m.expect(c.again...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if errors.Is(f.err, context.Canceled) {
		m.end.Store(&trap{c.steps[i].text, cancel})
	}
	f.of(c.steps[i]).require(t, c.do(ctx, m), c.says)
	again, done := context.WithTimeout(t.Context(), patience)
	defer done()
	require.NoError(t, c.do(again, m), "the pool is of no use afterwards")
	require.NoError(t, m.ExpectationsWereMet(), "not everything was asked")
}

// holdsLock reports whether the lock of whoever migrates is held when the step i runs, and is to be
// given back.
func (c *schemaCall) holdsLock(i int) bool {
	held := false
	for _, s := range c.steps[:i] {
		held = held || strings.Contains(s.text, "pg_try_advisory_lock")
	}
	return held && c.steps[i].text != unlocking
}

// A lock that is not to be had is waited for, as long as the caller does.
func TestMigrationWaitsForLocks(t *testing.T) {
	c := schemaCalls()[4]
	dropping := slices.IndexFunc(c.steps, func(s step) bool { return strings.HasPrefix(s.text, "DROP INDEX") })
	detected := len(sessions(false)) // a pooler is looked for once
	for _, code := range []string{lockNotAvailable, deadlockDetected, serializationFailure} {
		f := failure{err: serverError(code), apply: fails}
		once := append(f.at(c.steps, dropping), c.steps[len(c.steps)-1])
		t.Run(code+" once", func(t *testing.T) {
			m := newMock(t, false)
			m.expect(append(once, c.steps[detected:]...)...)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			require.NoError(t, c.do(ctx, m), "a lock was not waited for")
			require.NoError(t, m.ExpectationsWereMet(), "not everything was asked")
		})
		t.Run(code+" for ever", func(t *testing.T) {
			m := newMock(t, false)
			m.expect(slices.Concat(once, once[detected:])...)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			asked := 0
			m.end.Store(&trap{"pg_advisory_unlock", func() {
				if asked++; asked == 2 {
					cancel()
				}
			}})
			err := c.do(ctx, m)
			require.ErrorIs(t, err, context.Canceled, "the wait does not end with the context")
			require.ErrorIs(t, err, f.err, "what was waited for is lost")
			require.ErrorContains(t, err, c.says, "the error does not say what was to be done")
			require.NoError(t, m.ExpectationsWereMet(), "not everything was asked")
		})
	}
}

// What cannot be read may hold a password anywhere, so that nothing of it may be told.
func TestNoErrorTellsADataSourceName(t *testing.T) {
	for _, dsn := range []string{
		"host=localhost password=hunter2 hunter2", // a space, and no quotes
		"host=localhost password='hunter2",
		"host=localhost hunter2=1 port=hunter2",
		"postgres://me:hunter2@local host/db",
		"postgres://me:hunter2@localhost:port/db",
		"postgres://me:hun%zzter2@localhost/db",
		"postgres://me@localhost/db?password=hunter2&sslmode=hunter2",
	} {
		t.Run(dsn, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			_, err := Open(ctx, dsn)
			require.Error(t, err, "Open read it")
			require.NotContains(t, err.Error(), "ter2", "Open told the password")

			_, err = New(ctx, newMock(t, false).db, WithListenDSN(dsn))
			require.ErrorIs(t, err, errDSN, "New read it")
			require.ErrorContains(t, err, "listen", "the error does not say what was to be done")
			require.NotContains(t, err.Error(), "ter2", "New told the password")
		})
	}
}
