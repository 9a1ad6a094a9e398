package pgstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgschema"
)

// failure is a way in which a step fails.
type failure struct {
	name  string
	err   error
	is    error // the sentinel it stands for
	lost  bool  // nothing tells what became of the step
	dead  bool  // another connection may do: what surely changed nothing is repeated, once for the pool's only one
	tries int   // how often Append asks for it, 0 for once
	apply func(s *step, err error)
}

var (
	errReset = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	errClose = errors.New("rows did not close")
)

// of is the failure of a step: a read that is lost was in vain, and of a write nobody knows.
func (f failure) of(s step) *failure {
	switch {
	case s.writes && (f.lost || f.err == nil || errors.Is(f.err, errClose) || errors.Is(f.err, context.Canceled)):
		f.is = accounts.ErrOutcomeUnknown
	case s.ran && (f.lost || errors.Is(f.err, context.Canceled)):
		f.is = accounts.ErrOutcomeUnknown
	case f.lost:
		f.is = accounts.ErrUnavailable
	}
	return &f
}

// forAnother reports whether the server failed for the sake of another.
func (f *failure) forAnother() bool { return hasState(f.err, serializationFailure, deadlockDetected) }

func fails(s *step, err error) { s.err = err }

func serverError(code string) error {
	return &pq.Error{Code: pqerror.Code(code), Message: "state " + code, Constraint: "of_another"}
}

// failures are every way in which a step fails. tries is what Append makes of it: it repeats alone what
// surely changed nothing, as another batch of its group may be at fault. What the server gave up for the
// sake of another is repeated by all.
var failures = []failure{
	{name: "bad connection", err: driver.ErrBadConn, lost: true, apply: fails},
	{name: "connection reset", err: errReset, lost: true, dead: true, apply: fails},
	{name: "reset among the rows", err: errReset, lost: true, dead: true, apply: func(s *step, err error) { s.rowErr = err }},
	{name: "connection exception", err: serverError("08006"), lost: true, apply: fails},
	{name: "connection lost behind a pooler", err: serverError("08P01"), lost: true, apply: fails},
	{name: "admin shutdown", err: serverError("57P01"), lost: true, dead: true, apply: fails},
	{name: "completion unknown", err: serverError(pgschema.CompletionUnknown), lost: true, apply: fails},
	{name: "too many connections", err: serverError("53300"), lost: true, apply: fails},
	{name: "read-only", err: serverError(pgschema.ReadOnly), is: accounts.ErrUnavailable, tries: 2, apply: fails},
	{name: "undefined table", err: serverError(pgschema.UndefinedTable), is: ErrSchema, tries: 2, apply: fails},
	{name: "foreign key violation", err: serverError(foreignKeyViolation), is: accounts.ErrProfileNotFound, tries: 2, apply: fails},
	{name: "unknown constraint", err: serverError(uniqueViolation), tries: 2, apply: fails},
	{name: "serialization failure", err: serverError(serializationFailure), tries: maxTries + 2, apply: fails},
	{name: "deadlock", err: serverError(deadlockDetected), tries: maxTries + 2, apply: fails},
	{name: "end of the context", err: context.Canceled, apply: func(s *step, _ error) { s.hang = !s.writes }},
	{name: "wrong columns", apply: wrongColumns},
	{name: "wrong values", apply: wrongValues},
	{name: "rows that do not close", err: errClose, apply: func(s *step, err error) { s.closeErr = err }},
}

func wrongColumns(s *step, _ error) {
	s.rows = [][]driver.Value{{int64(0)}}
	if len(strings.Fields(s.columns)) > 1 {
		s.columns = "other"
		return
	}
	s.columns += " other"
	s.rows[0] = append(s.rows[0], int64(0))
}

func wrongValues(s *step, _ error) {
	row := make([]driver.Value, len(strings.Fields(s.columns)))
	for i := range row {
		if s.nullable {
			row[i] = "not a number"
		}
	}
	s.rows = [][]driver.Value{row}
}

// ofRows reports whether only rows can fail so.
func (f *failure) ofRows() bool {
	var s step
	f.apply(&s, errClose)
	return s.err == nil && !s.hang && !errors.Is(f.err, context.Canceled)
}

// possible reports whether the step i can fail so.
func (f *failure) possible(steps []step, i int) bool {
	s := steps[i]
	if f.ofRows() {
		return s.verb == "query"
	}
	if errors.Is(f.err, context.Canceled) { // its trap is sprung by the first statement of the text
		for _, before := range steps[:i] {
			if before.text == s.text {
				return false
			}
		}
		return s.verb == "query" || s.verb == "exec"
	}
	return true
}

// at returns what is asked when the step i fails.
func (f *failure) at(steps []step, i int) []step {
	failed := steps[i]
	f.apply(&failed, f.err)
	attempt := []step{failed}
	if errors.Is(f.err, driver.ErrBadConn) && !failed.inside { // database/sql tries thrice
		attempt = []step{failed, failed, failed}
		if failed.prepared {
			prepare := step{verb: "prepare", text: failed.text}
			attempt = []step{failed, prepare, failed, prepare, failed}
		}
	}
	begin, tries := i, f.tries
	switch {
	case f.dead && !failed.once && !failed.writes && !failed.ran:
		tries = 2
	case failed.again:
	case f.forAnother() && !failed.once:
		tries = maxTries
	default:
		tries = 1
	}
	for tries > 1 && (failed.inside && steps[begin].verb != "begin" || steps[begin].joined) {
		begin--
	}
	out := append([]step{}, steps[:begin]...)
	for range max(1, tries) {
		out = append(append(out, steps[begin:i]...), attempt...)
	}
	return out
}

// afresh is steps on a connection that has no statement prepared.
func afresh(steps []step) []step {
	var out []step
	known := map[string]bool{}
	for _, s := range steps {
		if s.prepared && !known[s.text] {
			out = append(out, step{verb: "prepare", text: s.text})
			known[s.text] = true
		}
		out = append(out, s)
	}
	return out
}

// sentinels are errors that each say something definite about what happened.
var sentinels = []error{
	accounts.ErrConflict, accounts.ErrDuplicate, accounts.ErrProfileExists, accounts.ErrNameTaken, accounts.ErrProfileNotFound,
	accounts.ErrInvalid, accounts.ErrNoCheckpoint, accounts.ErrNoActiveProfile, accounts.ErrCorrupt, accounts.ErrClosed,
	accounts.ErrOutcomeUnknown, accounts.ErrUnavailable, ErrSchema, ErrProjection, context.Canceled, context.DeadlineExceeded,
}

// require checks an error: what the driver said, what that stands for and nothing else, and what
// was to be done.
func (f *failure) require(t *testing.T, err error, says string) {
	t.Helper()
	require.Error(t, err, "it went well")
	require.ErrorContains(t, err, says, "the error does not say what was to be done")
	if f.err != nil {
		require.ErrorIs(t, err, f.err, "what the driver said is lost")
	}
	for _, sentinel := range sentinels {
		if sentinel == accounts.ErrConflict && hasState(f.err, serializationFailure, deadlockDetected) {
			continue // where the store has tried again and again
		}
		is := sentinel == f.is || sentinel == f.err
		require.Equal(t, is, errors.Is(err, sentinel), "whether %q is %q", err, sentinel)
	}
}

// Every statement of every call fails in every way; then the call is made again, and nothing fails.
func TestEveryStatementFails(t *testing.T) {
	for _, pooled := range []bool{false, true} {
		for _, c := range calls() {
			steps := c.steps(pooled)
			for i, s := range steps {
				for _, f := range failures {
					if f.possible(steps, i) {
						t.Run(fmt.Sprintf("pooler %t/%s/%d %s %.30s/%s", pooled, c.name, i, s.verb, s.text, f.name), func(t *testing.T) {
							c.fail(t, pooled, steps, i, &f)
						})
					}
				}
			}
		}
	}
}

func (c *call) fail(t *testing.T, pooled bool, steps []step, i int, f *failure) {
	m := newMock(t, pooled)
	store := m.open(t)
	m.expect(f.at(steps, i)...)
	after := steps
	if errors.Is(f.err, driver.ErrBadConn) {
		after = afresh(steps)
	}
	m.expect(after...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	returned := make(chan struct{})
	if errors.Is(f.err, context.Canceled) {
		m.end.Store(&trap{steps[i].text, func() {
			cancel()
			if steps[i].writes { // which goes on without its caller
				m.end.Store(nil)
				<-returned
			}
		}})
	}
	f.of(steps[i]).require(t, c.do(ctx, store), c.says)
	close(returned)
	again, done := context.WithTimeout(t.Context(), patience)
	defer done()
	require.ErrorIs(t, c.do(again, store), c.ends, "the store is of no use afterwards")
	require.NoError(t, m.ExpectationsWereMet(), "not everything was asked")
	require.NoError(t, store.Close(), "Close failed")
}
