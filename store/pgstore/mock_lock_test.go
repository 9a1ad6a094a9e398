package pgstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"iter"
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// underLock is a transaction that locks a journal of so many entries.
func underLock(head int64, steps ...step) []step {
	locks := query("set_config('idle_in_transaction_session_timeout'", "seq set_config", []driver.Value{head, lockLimit})
	return transaction(append([]step{locks}, steps...)...)
}

// refusedUnderLock is underLock that commits nothing.
func refusedUnderLock(head int64, steps ...step) []step {
	all := underLock(head, steps...)
	return all[:len(all)-1]
}

var (
	decided  = execute("SAVEPOINT decided", 0)
	goesBack = execute("ROLLBACK TO SAVEPOINT decided", 0)
)

// barrierOf is a barrier that so many heads pass.
func barrierOf(n int64) step { return execute("SET seq = h.seq", n) }

// endsWith is the answer to why, where the journal ends with an entry.
func endsWith(e accounts.Entry) step {
	s := refusedFor(e.Seq)
	s.rows[0][1] = e.Hash[:]
	return s
}

// appendLocked appends an entry after it has read everything.
func appendLocked(ctx context.Context, s *Store) error {
	return s.AppendLocked(ctx, mocked.ID, 0, func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
		b := accounts.Batch{ProfileID: mocked.ID}
		for e, err := range tail {
			if err != nil {
				return b, err
			}
			b.After, b.Hash = e.Seq, e.Hash
		}
		next := plain().Entries[0]
		next.Seq, next.Prev = b.After+1, b.Hash
		b.Entries = []accounts.Entry{next}
		return b, nil
	})
}

// Before the commit is sent, whatever fails is surely not written; of the commit itself nobody knows,
// unless the server refuses. The store is of use afterwards.
func TestLockedAppendFailsAtEveryStep(t *testing.T) {
	steps := underLock(20, pageOf(long.Entries[:16]), pageOf(long.Entries[16:]), decided, accepted(carefulText, 0))
	for _, pooled := range []bool{false, true} {
		for i, s := range steps {
			for _, f := range []struct {
				name string
				err  error
				lost bool
				dead bool // the connection: while there is nothing to lose, another is tried
			}{
				{"connection reset", errReset, true, true}, {"end of file", io.ErrUnexpectedEOF, true, true},
				{"admin shutdown", serverError("57P01"), true, true}, {"idle for too long", serverError(idleTimeout), true, false},
				{"check violation", serverError("23514"), false, false},
			} {
				t.Run(fmt.Sprintf("pooler %t/%d %s %.30s/%s", pooled, i, s.verb, s.text, f.name), func(t *testing.T) {
					m := newMock(t, pooled)
					store := m.open(t)
					for range map[bool]int{false: 1, true: 2}[f.dead && i < 2] {
						m.expect(steps[:i]...)
						m.expect(s.with(f.err))
					}
					m.expect(steps...)
					var is error
					switch {
					case f.lost && s.verb == "commit" && f.err != serverError(idleTimeout):
						is = accounts.ErrOutcomeUnknown
					case f.lost:
						is = accounts.ErrUnavailable
					}
					if hasState(f.err, idleTimeout) && s.verb == "commit" {
						is = nil // the server refused
					}
					if s.text == pageText && hasState(f.err, idleTimeout) {
						is = nil // decide's own error, which is returned as it is
					}
					err := appendLocked(guarded(t), store)
					require.ErrorIs(t, err, f.err, "what the driver said is lost")
					for _, sentinel := range []error{accounts.ErrOutcomeUnknown, accounts.ErrUnavailable, accounts.ErrConflict} {
						require.Equal(t, sentinel == is, errors.Is(err, sentinel), "whether %v is %q", err, sentinel)
					}
					require.NoError(t, appendLocked(guarded(t), store), "the store is of no use afterwards")
					require.NoError(t, m.ExpectationsWereMet(), "not everything was asked")
					require.NoError(t, store.Close(), "Close failed")
				})
			}
		}
	}
}

// What an append under the lock makes of what it is answered.
func TestLockedAppendAnswers(t *testing.T) {
	deadlock := accepted(carefulText).with(serverError(deadlockDetected))
	beyond := accepted(carefulText).with(&pq.Error{Code: uniqueViolation, Constraint: "journal_entries_pkey"})
	entry := bought.Entries[0]
	noHead := refusedUnderLock(0)
	noHead[1].rows = nil
	made := execute("INSERT INTO trading.journal_heads", 1)
	empty := accounts.Batch{ProfileID: mocked.ID}
	for _, c := range []struct {
		name  string
		steps []step
		batch accounts.Batch
		is    error // nil where it was appended
	}{
		{"deadlock with another service", underLock(0, decided, deadlock, goesBack, deadlock, goesBack, accepted(carefulText, 0)), plain(), nil},
		{"conflict", refusedUnderLock(1, decided, accepted(carefulText), endsWith(entry)), plain(), accounts.ErrConflict},
		{"no longer refused", refusedUnderLock(0, decided, accepted(carefulText), refusedFor(int64(0))), plain(), accounts.ErrUnavailable},
		{"corrupt", refusedUnderLock(0, decided, beyond), plain(), accounts.ErrCorrupt},
		{"barrier", underLock(0, decided, barrierOf(1)), empty, nil},
		{"barrier elsewhere", refusedUnderLock(1, decided, barrierOf(0), endsWith(entry)), empty, accounts.ErrConflict},
		{"barrier in a journal that was cut", refusedUnderLock(1, decided, barrierOf(0), refusedFor(int64(1))), empty, accounts.ErrConflict},
		{"no head", append(append(append([]step{}, noHead...), made), underLock(0, decided, accepted(carefulText, 0))...), plain(), nil},
		{"no profile", append(append([]step{}, noHead...), made.with(serverError(foreignKeyViolation))), plain(), accounts.ErrProfileNotFound},
		{"no profile of such a name", append(append([]step{}, noHead...), made.with(serverError(stringTooLong))), plain(), accounts.ErrProfileNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMock(t, false)
			store := m.open(t)
			m.expect(c.steps...)
			err := store.AppendLocked(guarded(t), mocked.ID, 0, returning(c.batch))
			require.ErrorIs(t, err, c.is, "AppendLocked")
			for _, sentinel := range sentinels {
				require.Equal(t, sentinel == c.is, errors.Is(err, sentinel), "whether %v is %q", err, sentinel)
			}
			require.NoError(t, m.ExpectationsWereMet(), "not everything was asked")
			require.NoError(t, store.Close(), "Close failed")
		})
	}
}

// A deadlock that never ends is an error in the end, and not a loop.
func TestLockedAppendGivesUpDeadlocks(t *testing.T) {
	m := newMock(t, false)
	store := m.open(t)
	deadlock := accepted(carefulText).with(serverError(deadlockDetected))
	steps := []step{decided}
	for range maxTries {
		steps = append(steps, deadlock, goesBack)
	}
	m.expect(refusedUnderLock(0, append(steps, deadlock)...)...)
	err := store.AppendLocked(guarded(t), mocked.ID, 0, returning(plain()))
	require.True(t, hasState(err, deadlockDetected), "the deadlock is lost: %v", err)
	require.NoError(t, m.ExpectationsWereMet(), "not everything was asked")
	require.NoError(t, store.Close(), "Close failed")
}
