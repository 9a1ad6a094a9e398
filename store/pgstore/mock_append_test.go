package pgstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// guarded is a context that ends before a hanging test would.
func guarded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// with returns the step with an error for its answer.
func (s step) with(err error) step {
	s.err = err
	return s
}

// found is what the store finds in the journal of an entry's hash.
func found(hash accounts.Hash) step {
	e := plain().Entries[0]
	e.Hash = hash
	return pageOf([]accounts.Entry{e})
}

func prepare(text string) step { return step{verb: "prepare", text: text} }

// What failed for a while succeeds; what was sent twice is told apart from what somebody else did.
func TestAppendRepeats(t *testing.T) {
	deadlock, serialization := accepted(singleText).with(serverError(deadlockDetected)), accepted(singleText).with(serverError(serializationFailure))
	lost, empty, once := accepted(singleText).with(driver.ErrBadConn), accepted(singleText), accepted(singleText, 0)
	key := &pq.Error{Code: uniqueViolation, Constraint: "journal_entries_key"}
	duplicate := refusedFor(int64(0))
	duplicate.rows = [][]driver.Value{{int64(0), nil, plain().Entries[0].Key, int64(1)}}
	b := plain()
	durable := underLock(1, found(b.Entries[0].Hash), decided, barrierOf(1)) // what can be seen need not be
	for _, c := range []struct {
		name  string
		steps []step
		is    error // nil where it was appended
	}{
		{"deadlock", []step{deadlock, deadlock, once}, nil},
		{"serialization failure", []step{serialization, deadlock, serialization, once}, nil},
		{"fault of another in the group", []step{accepted(singleText).with(serverError("23514")), once}, nil},
		{"refused while somebody had the lock", append([]step{empty, refusedFor(int64(0))}, underLock(0, decided, accepted(carefulText, 0))...), nil},
		{"refused while somebody had the lock, who appended", append([]step{empty, refusedFor(int64(0))}, refusedUnderLock(1, decided, accepted(carefulText), refusedFor(int64(1)))...), accounts.ErrConflict},
		{"conflict", []step{empty, refusedFor(int64(1))}, accounts.ErrConflict},
		{"conflict with the same entries", []step{empty, refusedFor(int64(1)), found(b.Entries[0].Hash)}, accounts.ErrConflict},
		{"duplicate", []step{empty.with(key), accepted(carefulText), duplicate}, accounts.ErrDuplicate},
		{"profile not found", []step{empty, {verb: "query", text: "AS e (key)", columns: refusalColumns}}, accounts.ErrProfileNotFound},
		{"corrupt", []step{empty.with(&pq.Error{Code: uniqueViolation, Constraint: "journal_entries_pkey"}),
			empty.with(&pq.Error{Code: uniqueViolation, Constraint: "journal_entries_pkey"})}, accounts.ErrCorrupt},
		{"lost, then accepted", []step{lost, prepare(singleText), once}, nil},
		{"lost after it was appended", append([]step{lost, prepare(singleText), empty, refusedFor(int64(1))}, durable...), nil},
		{"lost after it was appended with its key", append([]step{lost, prepare(singleText), empty.with(key), prepare(carefulText), accepted(carefulText), duplicate}, durable...), nil},
		{"lost, then a conflict", append([]step{lost, prepare(singleText), empty, refusedFor(int64(1))}, refusedUnderLock(1, found(accounts.Hash{1}))...), accounts.ErrConflict},
		{"lost, then a shorter journal", append([]step{lost, prepare(singleText), empty, refusedFor(int64(1))}, refusedUnderLock(0)...), accounts.ErrConflict},
		{"lost, then lost again", append([]step{lost, prepare(singleText), empty, refusedFor(int64(1))}, refusedUnderLock(1, found(b.Entries[0].Hash).with(errReset))...), accounts.ErrOutcomeUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMock(t, false)
			store := m.open(t)
			m.expect(c.steps...)
			err := store.Append(guarded(t), b)
			require.ErrorIs(t, err, c.is, "Append")
			for _, sentinel := range sentinels {
				require.Equal(t, sentinel == c.is, errors.Is(err, sentinel), "whether %v is %q", err, sentinel)
			}
			if err != nil {
				require.ErrorContains(t, err, `profile "profile-00"`, "the error does not name the profile")
			}
			if c.name != "conflict with the same entries" { // which nobody looks at
				require.NoError(t, m.ExpectationsWereMet(), "not everything was asked")
			}
			require.NoError(t, store.Close(), "Close failed")
		})
	}
}

// An update that the database keeps from happening, and what was sent twice.
func TestProfilesRepeat(t *testing.T) {
	update, insert := execute("UPDATE trading.account_profiles", 0), execute("INSERT INTO trading.account_profiles", 0)
	version := func(v int64) step { return query("SELECT version", "version", []driver.Value{v}) }
	var kept []step
	for range maxTries + 1 {
		kept = append(kept, update, version(mocked.Version))
	}
	taken := insert.with(&pq.Error{Code: uniqueViolation, Constraint: "account_profiles_pkey"})
	create := func(s *Store) error { return s.CreateProfile(guarded(t), mocked) }
	change := func(s *Store) error { return s.UpdateProfile(guarded(t), mocked) }
	for _, c := range []struct {
		name  string
		steps []step
		do    func(*Store) error
		is    error
	}{
		{"update kept from happening", kept, change, errRefused},
		{"update overtaken", []step{update, version(mocked.Version), execute("UPDATE trading.account_profiles", 1)}, change, nil},
		{"update lost", []step{update.with(driver.ErrBadConn), update, version(mocked.Version + 1)}, change, accounts.ErrOutcomeUnknown},
		{"update stale", []step{update, version(mocked.Version + 1)}, change, accounts.ErrConflict},
		{"create lost", []step{insert.with(driver.ErrBadConn), taken}, create, accounts.ErrOutcomeUnknown},
		{"create taken", []step{taken}, create, accounts.ErrProfileExists},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMock(t, false)
			store := m.open(t)
			m.expect(c.steps...)
			err := c.do(store)
			require.ErrorIs(t, err, c.is, "result")
			for _, sentinel := range sentinels {
				require.Equal(t, sentinel == c.is, errors.Is(err, sentinel), "whether %v is %q", err, sentinel)
			}
			require.NoError(t, m.ExpectationsWereMet(), "not everything was asked")
			require.NoError(t, store.Close(), "Close failed")
		})
	}
}

// An answer about a batch that was never sent is an error, and of no harm to the next append.
func TestAppendOfAnotherBatch(t *testing.T) {
	for _, n := range []int64{1, -1} {
		m := newMock(t, false)
		store := m.open(t)
		m.expect(accepted(singleText, n), accepted(singleText, 0))
		require.ErrorContains(t, store.Append(guarded(t), plain()), `append to profile "profile-00"`, "batch %d was taken for another", n)
		require.NoError(t, store.Append(guarded(t), plain()), "the store is of no use afterwards")
		require.NoError(t, store.Close(), "Close failed")
	}
}

// While one append is under way, others gather into one statement. When that fails for what may be one
// batch's fault each is sent alone, and only the one at fault fails; when the connection is lost
// nothing is sent again, as it may have been done.
func TestGroupFails(t *testing.T) {
	const others, faulty = 4, 2
	for _, c := range []struct {
		name  string
		err   error
		is    error
		whole bool // all of the group fail
	}{
		{"check violation", serverError("23514"), nil, false},
		{"text too long", serverError(stringTooLong), accounts.ErrInvalid, false},
		{"corrupt journal", &pq.Error{Code: uniqueViolation, Constraint: "journal_entries_pkey"}, accounts.ErrCorrupt, false},
		{"statement cancelled", serverError("57014"), nil, false},
		{"connection reset", errReset, nil, true},
		{"admin shutdown", serverError("57P01"), nil, true},
		{"connection lost behind a pooler", serverError("08P01"), nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMock(t, false)
			store := m.open(t)
			m.MatchExpectationsInOrder(false)
			m.expect(accepted(groupText).with(c.err))
			for i := range others + 1 {
				var err error
				if i == faulty {
					err = c.err
				}
				m.ExpectQuery(singleText).WithArgs(argsOf(i)...).WillReturnRows(accepted(singleText, 0).answer()).WillReturnError(err)
			}
			var gather trap              // holds the first up until the others wait
			alone := make(chan struct{}) // closed once the first is sent: others can no longer join it
			gather = trap{singleText, func() {
				if !m.end.CompareAndSwap(&gather, nil) {
					return
				}
				close(alone)
				for store.queue.length() < others {
					runtime.Gosched()
				}
			}}
			m.end.Store(&gather)
			errs := make([]error, others+1)
			var g group
			g.Go(func() error { errs[0] = store.Append(guarded(t), plainOf(0)); return nil })
			<-alone
			for i := 1; i <= others; i++ {
				g.Go(func() error { errs[i] = store.Append(guarded(t), plainOf(i)); return nil })
			}
			require.NoError(t, g.Wait(), "group")
			require.NoError(t, errs[0], "the first, which was alone, failed")
			for i, err := range errs[1:] {
				i++
				if !c.whole && i != faulty {
					require.NoError(t, err, "profile %d failed for what another's batch is at fault", i)
					continue
				}
				(&failure{err: c.err, is: c.is, lost: c.whole}).of(step{writes: true}).requireBut(t, err, fmt.Sprintf(`append to profile "profile-%02d"`, i))
			}
			if !c.whole {
				require.NoError(t, m.ExpectationsWereMet(), "not everything was asked")
			}
			require.NoError(t, store.Close(), "Close failed")
		})
	}
}

// requireBut is require, where the driver's own words may have been replaced by what they stand for.
func (f *failure) requireBut(t *testing.T, err error, says string) {
	t.Helper()
	if errors.Is(f.is, accounts.ErrCorrupt) {
		require.ErrorIs(t, err, f.is, "what it stands for")
		f = &failure{is: f.is}
	}
	f.require(t, err, says)
}

func plainOf(i int) accounts.Batch {
	b := plain()
	b.ProfileID = testProfile(i).ID
	b.Entries[0].ProfileID = b.ProfileID
	return b
}

// argsOf match the statement that appends to one profile.
func argsOf(i int) []driver.Value {
	args := make([]driver.Value, 17)
	for k := range args {
		args[k] = sqlmock.AnyArg()
	}
	args[7] = string(testProfile(i).ID)
	return args
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}
