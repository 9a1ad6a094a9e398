package pgstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/pgschema"
)

// patience is how long a call may take before it counts as hanging.
const patience = 20 * time.Second

// mock is a pool whose driver does what a test says, and nothing else. Once the store is open the pool
// has one connection: what a call does not give back is missed by the next.
type mock struct {
	sqlmock.Sqlmock
	db     *sqlx.DB
	pooled bool
	end    atomic.Pointer[trap]
}

// trap ends a context when a statement reaches the driver.
type trap struct {
	text string
	end  context.CancelFunc
}

func newMock(t *testing.T, pooled bool) *mock {
	t.Helper()
	m := &mock{pooled: pooled}
	name := uuid.NewString()
	db, driver, err := sqlmock.NewWithDSN(name, sqlmock.QueryMatcherOption(sqlmock.QueryMatcherFunc(m.match)))
	require.NoError(t, err, "mock")
	db.SetMaxIdleConns(1) // the second is needed to look for a pooler only
	m.Sqlmock, m.db = driver, sqlx.NewDb(db, "postgres")
	spare, err := sql.Open("sqlmock", name) // the mock is gone with its last connection
	require.NoError(t, err, "mock")
	require.NoError(t, spare.PingContext(t.Context()), "mock")
	t.Cleanup(func() { _, _ = db.Close(), spare.Close() }) // unexpected, says the mock
	return m
}

// match compares a part of a statement, whatever its white space.
func (m *mock) match(part, statement string) error {
	if !strings.Contains(strings.Join(strings.Fields(statement), " "), part) {
		return fmt.Errorf("%q is not in %q", part, statement)
	}
	if t := m.end.Load(); t != nil && t.text == part {
		t.end()
	}
	return nil
}

// open returns a store, told apart from a pooler by the sessions that it finds.
func (m *mock) open(t *testing.T) *Store {
	t.Helper()
	m.expect(opening(m.pooled)...)
	s, err := New(t.Context(), m.db, WithPollInterval(time.Hour))
	require.NoError(t, err, "New failed")
	require.Equal(t, m.pooled, s.reads.Pooled, "a pooler was taken for none, or none for one")
	m.db.SetMaxOpenConns(1)
	s.retry.First = 0 // no pauses
	return s
}

// step is one thing that is asked of the driver, and its answer.
type step struct {
	verb     string // "begin", "prepare", "query", "exec" or "commit"
	text     string // a part of the statement
	columns  string
	rows     [][]driver.Value
	affected int64
	prepared bool // where there is no pooler
	inside   bool // a transaction, of which database/sql repeats nothing
	again    bool // Append repeats it
	returns  bool // it writes, and returns rows
	writes   bool // sent, it may have been done: its end is not the caller's
	nullable bool // its columns may be NULL
	once     bool // never repeated
	ran      bool // of a migration: what was done before stays
	joined   bool // repeated with the step before
	alike    bool // it fails as an earlier one does

	err      error
	rowErr   error // instead of the last row
	closeErr error
	hang     bool // until the context ends
}

func query(text string, columns string, rows ...[]driver.Value) step {
	return step{verb: "query", text: text, columns: columns, rows: rows}
}

func execute(text string, affected int64) step {
	return step{verb: "exec", text: text, affected: affected}
}

// transaction puts steps between a beginning and a commit.
func transaction(steps ...step) []step {
	out := []step{{verb: "begin"}}
	writes := false
	for _, s := range steps {
		s.inside, s.prepared = true, false
		out[0].again = out[0].again || s.again
		writes = writes || s.again || s.returns || s.verb == "exec"
		out = append(out, s)
	}
	return append(out, step{verb: "commit", inside: true, again: out[0].again, writes: writes})
}

// direct has steps in a transaction behind a pooler only.
func direct(pooled bool, steps ...step) []step {
	for i, s := range steps {
		steps[i].writes = s.again || s.returns || s.verb == "exec"
	}
	if pooled {
		return transaction(steps...)
	}
	return steps
}

// sessions is what is asked to tell a pooler.
func sessions(pooled bool) []step {
	pid := func(n int64) step {
		return step{verb: "query", text: "pg_backend_pid", columns: "pid", rows: [][]driver.Value{{n}}, inside: true, once: true}
	}
	if pooled {
		return []step{pid(1), pid(1)} // one session for both connections
	}
	var steps []step
	for i := range 2 * pgschema.DetectRounds {
		steps = append(steps, pid(1+int64(i+i/2)%2)) // each of two is asked first in turn
	}
	return steps
}

// opening is what New asks.
func opening(pooled bool) []step {
	steps := sessions(pooled)
	version, columns := query("max(version_id)", "version", []driver.Value{int64(targetVersion)}), query("FROM pg_attribute", "column")
	version.joined, columns.joined = true, true
	steps = append(steps, direct(pooled, query("to_regclass", "exists", []driver.Value{true}), version, columns)...)
	steps = append(steps, direct(pooled, query("AS waits_for", "timeline waits_for", []driver.Value{int64(0), int64(0)}))...)
	if pooled {
		return steps
	}
	for _, text := range []string{singleText, fillText, groupText, carefulText, pageText, switchText, profilesText, ownersText} {
		steps = append(steps, step{verb: "prepare", text: text, once: true})
	}
	return steps
}

// Parts of the prepared statements that the others do not have.
const (
	singleText  = "INSERT INTO trading.journal_entries (profile_id, seq, kind, key, recorded_at, payload, prev, hash) SELECT a.profile_id, seq, kind, key, recorded_at, payload, prev, hash FROM (VALUES"
	fillText    = "UPDATE trading.journal_heads h SET seq = batch.last FROM (VALUES"
	groupText   = "locked AS MATERIALIZED"
	carefulText = "known AS MATERIALIZED"
	pageText    = "ORDER BY seq"
	switchText  = "p SET last_used_at = $2"

	profilesText = "WHERE p.profile_id = ANY ($1::text[])"
	ownersText   = "WHERE owner_id = ANY ($1::text[])"
)

// expect has the driver expect steps, in their order.
func (m *mock) expect(steps ...step) {
	for _, s := range steps {
		switch s.verb {
		case "begin":
			m.ExpectBegin().WillReturnError(s.err)
		case "commit":
			m.ExpectCommit().WillReturnError(s.err)
		case "prepare":
			m.ExpectPrepare(s.text).WillReturnError(s.err)
		case "exec":
			e := m.ExpectExec(s.text).WillReturnResult(sqlmock.NewResult(0, s.affected)).WillReturnError(s.err)
			if s.hang {
				e.WillDelayFor(time.Hour)
			}
		case "query":
			e := m.ExpectQuery(s.text).WillReturnRows(s.answer()).WillReturnError(s.err)
			if s.hang {
				e.WillDelayFor(time.Hour)
			}
		default:
			panic("step " + s.verb)
		}
	}
}

func (s step) answer() *sqlmock.Rows {
	columns := strings.Fields(s.columns)
	rows := sqlmock.NewRows(columns)
	for _, row := range s.rows {
		rows.AddRow(row...)
	}
	if s.rowErr != nil {
		if len(s.rows) == 0 {
			rows.AddRow(make([]driver.Value, len(columns))...)
		}
		rows.RowError(max(len(s.rows)-1, 0), s.rowErr)
	}
	if s.closeErr != nil {
		rows.CloseError(s.closeErr)
	}
	return rows
}
