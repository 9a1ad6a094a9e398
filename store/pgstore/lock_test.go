package pgstore

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

func withLockLimit(limit string) Option { return func(c *config) { c.lockLimit = limit } }

// lockStore is a store with one profile and what appends to that.
func lockStore(t *testing.T, driver, dsn string, opts ...Option) (*Store, *fills) {
	t.Helper()
	s := newStore(t, driver, dsn, opts...)
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	require.NoError(t, s.CreateProfile(t.Context(), testProfile(0)), "CreateProfile failed")
	return s, &fills{id: testProfile(0).ID}
}

// requireEnd checks how many entries the journal has.
func requireEnd(t *testing.T, s *Store, want int64, message string) {
	t.Helper()
	got, err := s.head(t.Context(), testProfile(0).ID)
	require.NoError(t, err, "the head cannot be read")
	require.Equal(t, want, got, message)
}

// waits waits until so many wait for a lock.
func waits(t *testing.T, db *sqlx.DB, n int, what string) {
	t.Helper()
	eventually(t, func() bool {
		return value[int](t, db, `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`) >= n
	}, what)
}

// foreignAppend appends in a transaction that is left open.
func foreignAppend(t *testing.T, s *Store, b accounts.Batch) *sqlx.Tx {
	t.Helper()
	tx, err := s.db.BeginTxx(t.Context(), nil)
	require.NoError(t, err, "begin")
	require.NoError(t, s.appendIn(t.Context(), tx, b), "append in a transaction")
	return tx
}

// Whoever waits for the lock sees what was committed before it got the lock, though its statement or its
// transaction began earlier: what continues that is accepted, and what does not is a conflict.
func TestAppendSeesWhatWasCommittedWhileItWaited(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, f := lockStore(t, driver, migrated.Reused(t))
			require.NoError(t, s.Append(t.Context(), f.next(1)), "Append failed")
			stale := *f
			late := stale.next(2)
			foreign := foreignAppend(t, s, f.next(1))
			fork := fills{id: f.id, seq: f.seq, hash: accounts.Hash{1}}
			behind, barrier, other := *f, accounts.Batch{ProfileID: f.id, After: f.seq, Hash: f.hash}, fork.next(1)
			next := behind.next(1)
			errs := make([]error, 4)
			var g group
			for i, b := range []accounts.Batch{late, other, barrier} {
				g.Go(func() error { errs[i] = s.Append(t.Context(), b); return nil })
			}
			waits(t, s.db, 1, "nobody waits for the foreign transaction")
			require.NoError(t, foreign.Commit(), "commit")
			require.NoError(t, g.Wait())
			require.ErrorIs(t, errs[0], accounts.ErrConflict, "what does not continue the foreign entry was accepted")
			require.ErrorIs(t, errs[1], accounts.ErrConflict, "what continues another entry of the number was accepted")
			require.NoError(t, errs[2], "the barrier does not see the foreign entry")

			foreign = foreignAppend(t, s, next)
			last := behind.next(1)
			g.Go(func() error { errs[3] = s.AppendLocked(t.Context(), f.id, 0, returning(last)); return nil })
			waits(t, s.db, 1, "nobody waits for the foreign transaction")
			require.NoError(t, foreign.Commit(), "commit")
			require.NoError(t, g.Wait())
			require.NoError(t, errs[3], "what continues an entry that was committed meanwhile was refused")
			requireEnd(t, s, 4, "the journal is not what was accepted")
			require.NoError(t, s.Verify(t.Context(), f.id), "Verify failed")
		})
	}
}

// The statements of the direct path leave out a head that somebody has locked, and see the entry that they
// continue as of their snapshot: an old one refuses, and accepts nothing wrongly.
func TestDirectAppendIsRefusedWhereItsSnapshotIsTooOld(t *testing.T) {
	t.Parallel()
	s, f := lockStore(t, "postgres", migrated.Reused(t))
	require.NoError(t, s.Append(t.Context(), f.next(1)), "Append failed")
	for _, st := range []*statement{s.sql.fill, s.sql.group, s.sql.careful} {
		old, err := s.db.BeginTxx(t.Context(), nil)
		require.NoError(t, err, "begin")
		_, err = old.ExecContext(t.Context(), `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`)
		require.NoError(t, err, "set")
		_, err = old.ExecContext(t.Context(), `SELECT FROM trading.journal_heads`) // takes the snapshot
		require.NoError(t, err, "select")
		require.NoError(t, s.Append(t.Context(), f.next(1)), "Append failed")
		ahead := *f
		b := ahead.next(1)
		r := s.join(s.rowsOf(&b))
		rows, err := old.QueryxContext(t.Context(), st.text, r.args(&s.sql, st, s.channel())...)
		accepted := false
		err = eachRow(rows, err, func(func(...any) error) error { accepted = true; return nil })
		require.False(t, accepted, "a batch was accepted behind an entry that the snapshot does not have")
		if err != nil {
			require.True(t, hasState(err, serializationFailure), "another error: %v", err)
		}
		require.NoError(t, old.Rollback(), "rollback")
		require.NoError(t, s.Append(t.Context(), b), "the same batch with a new snapshot was refused")
		f = &ahead
	}
}

// A barrier is a write: its commit has an id, and waits for what commits wait for.
func TestBarrierWrites(t *testing.T) {
	t.Parallel()
	s, f := lockStore(t, "postgres", migrated.Reused(t))
	for range 2 { // in an empty journal, and in one with entries
		writer := func() string { return value[string](t, s.db, `SELECT xmin::text FROM trading.journal_heads`) }
		before := writer()
		require.NoError(t, s.Append(t.Context(), accounts.Batch{ProfileID: f.id, After: f.seq, Hash: f.hash}), "Append failed")
		require.NotEqual(t, before, writer(), "nothing was written")
		require.NoError(t, s.Append(t.Context(), f.next(1)), "Append failed")
	}
}

// A journal whose last entry is gone, or is another, is continued by nobody.
func TestNothingContinuesAJournalThatWasCutOrForked(t *testing.T) {
	for name, damage := range map[string]string{
		"last entry gone":      `DELETE FROM trading.journal_entries WHERE seq = 5`,
		"head behind entries":  `UPDATE trading.journal_heads SET seq = 3`,
		"transactions lost":    `DELETE FROM trading.journal_entries WHERE seq > 3; UPDATE trading.journal_heads SET seq = 3; DELETE FROM trading.trades WHERE journal_seq > 3`,
		"last entry is other":  `UPDATE trading.journal_entries SET hash = '\x01' WHERE seq = 5`,
		"everything is lost":   `DELETE FROM trading.journal_entries; UPDATE trading.journal_heads SET seq = 0; DELETE FROM trading.trades`,
		"head says everything": `DELETE FROM trading.journal_entries`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, f := lockStore(t, "postgres", migrated.Reused(t))
			require.NoError(t, s.Append(t.Context(), f.next(5)), "Append failed")
			run(t, s.db, damage)
			barrier := accounts.Batch{ProfileID: f.id, After: f.seq, Hash: f.hash}
			for _, b := range []accounts.Batch{f.next(1), (&fills{id: f.id, seq: 5, hash: barrier.Hash}).next(20), barrier} {
				require.ErrorIs(t, s.Append(t.Context(), b), accounts.ErrConflict, "Append to a damaged journal")
				require.ErrorIs(t, s.AppendLocked(t.Context(), f.id, 0, returning(b)), accounts.ErrConflict, "AppendLocked to a damaged journal")
			}
		})
	}
}

// Once others have appended as many entries as were lost, a process that knows the lost ones is a conflict
// still: its number fits, and its hash does not.
func TestAForkOfTheSameLengthIsAConflict(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, f := lockStore(t, driver, migrated.Reused(t))
			require.NoError(t, s.Append(t.Context(), f.next(3)), "Append failed")
			here := *f
			require.NoError(t, s.Append(t.Context(), f.next(2)), "Append failed")
			run(t, s.db, `DELETE FROM trading.journal_entries WHERE seq > 3`, `UPDATE trading.journal_heads SET seq = 3`, `DELETE FROM trading.trades WHERE journal_seq > 3`)
			b := here.next(2)
			for i := range b.Entries {
				e := &b.Entries[i]
				e.Time = e.Time.Add(time.Millisecond)
				if i > 0 {
					e.Prev = b.Entries[i-1].Hash
				}
				e.Hash = e.Sum()
			}
			require.NoError(t, s.Append(t.Context(), b), "the process that read what is left was refused")
			knows := *f
			for _, b := range []accounts.Batch{f.next(1), knows.next(20), {ProfileID: f.id, After: 5, Hash: (&knows).hash}} {
				require.ErrorIs(t, s.Append(t.Context(), b), accounts.ErrConflict, "a batch behind what was lost was accepted")
			}
			require.NoError(t, s.Verify(t.Context(), f.id), "Verify failed")
		})
	}
}

// A pool of one connection is enough to read the tail and to append, directly and behind a pooler.
func TestAppendLockedNeedsOneConnection(t *testing.T) {
	for name, driver := range drivers {
		for _, behind := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				dsn := migrated.Reused(t)
				if behind {
					dsn = throughPooler(t, driver, dsn)
				}
				db := open(t, driver, dsn)
				db.SetMaxOpenConns(1)
				s, err := New(t.Context(), db)
				require.NoError(t, err, "New failed")
				require.NoError(t, s.CreateProfile(t.Context(), testProfile(0)), "CreateProfile failed")
				f := fills{id: testProfile(0).ID}
				require.NoError(t, s.Append(t.Context(), f.next(100)), "Append failed")
				n := 0
				require.NoError(t, s.AppendLocked(guarded(t), f.id, 0, func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
					for _, err := range tail {
						if err != nil {
							return accounts.Batch{}, err
						}
						n++
					}
					return f.next(20), nil
				}), "AppendLocked failed")
				require.Equal(t, 100, n, "the tail is not the journal")
				requireEnd(t, s, 120, "the journal is not what was appended")
				require.NoError(t, s.Close(), "Close failed")
			})
		}
	}
}

// hangs is an AppendLocked whose decide waits until it is let go.
func hangs(t *testing.T, s *Store, b accounts.Batch) (letGo func(), done chan error) {
	t.Helper()
	entered, gate, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- s.AppendLocked(t.Context(), b.ProfileID, 0, func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
			close(entered)
			<-gate
			return b, nil
		})
	}()
	select {
	case <-entered:
	case err := <-done:
		require.NoError(t, err, "AppendLocked failed")
	}
	return func() { close(gate) }, done
}

// A process that hangs, or that was cut off, does not hold a journal for ever, and appends nothing when it
// comes back.
func TestTheServerEndsALockThatNobodyUses(t *testing.T) {
	for name, driver := range drivers {
		for what, limit := range map[string]string{"hangs": "200ms", "killed": "1h"} {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				dsn := migrated.Reused(t)
				s, f := lockStore(t, driver, dsn, withLockLimit(limit))
				other := newStore(t, driver, dsn)
				t.Cleanup(func() { require.NoError(t, other.Close(), "Close failed") })
				own := *f
				letGo, done := hangs(t, s, own.next(1))
				if what == "killed" {
					run(t, other.db, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()`)
				}
				require.NoError(t, other.Append(guarded(t), f.next(1)), "the journal is still locked")
				letGo()
				require.ErrorIs(t, <-done, accounts.ErrUnavailable, "an append without the lock")
				requireEnd(t, other, 1, "something was appended without the lock")
				require.NoError(t, s.Append(t.Context(), f.next(1)), "the store is of no use afterwards")
			})
		}
	}
}

// What decide returned in time is appended to the end, though the caller leaves: it does not know.
func TestAppendLockedGoesOnWithoutItsCaller(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, f := lockStore(t, driver, migrated.Reused(t))
			require.NoError(t, s.Append(t.Context(), f.next(1)), "Append failed")
			holder, err := s.db.BeginTxx(t.Context(), nil)
			require.NoError(t, err, "begin")
			_, err = holder.ExecContext(t.Context(), `SELECT FROM trading.positions FOR UPDATE`)
			require.NoError(t, err, "lock")
			ctx, leave := context.WithCancel(t.Context())
			done := make(chan error, 1)
			b := f.next(1)
			go func() { done <- s.AppendLocked(ctx, f.id, 0, returning(b)) }()
			waits(t, s.db, 1, "the append does not wait for the row")
			leave()
			err = <-done
			require.ErrorIs(t, err, accounts.ErrOutcomeUnknown, "the caller cannot know what becomes of the append")
			require.ErrorIs(t, err, context.Canceled, "the caller's own end is lost")
			require.NoError(t, holder.Rollback(), "rollback")
			barrier := accounts.Batch{ProfileID: f.id, After: f.seq, Hash: f.hash}
			require.NoError(t, s.Append(t.Context(), barrier), "the append did not go on")
			require.NoError(t, s.Append(t.Context(), f.next(1)), "the append did not go on")
			requireEnd(t, s, 3, "the append did not go on")
		})
	}
}

// Those who wait for one journal have one connection between them, so that the pool has some for others.
func TestWaitersShareAConnection(t *testing.T) {
	t.Parallel()
	dsn := migrated.Reused(t)
	s, f := lockStore(t, "postgres", dsn)
	s.db.SetMaxOpenConns(4)
	require.NoError(t, s.CreateProfile(t.Context(), testProfile(1)), "CreateProfile failed")
	other := newStore(t, "postgres", dsn)
	t.Cleanup(func() { require.NoError(t, other.Close(), "Close failed") })
	letGo, done := hangs(t, other, accounts.Batch{ProfileID: f.id})
	const callers = 16
	errs := make([]error, callers)
	var g group
	first := f.next(1)
	for i := range callers {
		g.Go(func() error {
			switch i % 2 {
			case 0:
				errs[i] = s.Append(t.Context(), first)
			default:
				errs[i] = s.AppendLocked(t.Context(), f.id, 0, returning(accounts.Batch{ProfileID: "another"}))
			}
			return nil
		})
	}
	q := fills{id: testProfile(1).ID}
	for range 50 {
		require.NoError(t, s.Append(guarded(t), q.next(1)), "Append to another profile failed")
	}
	letGo()
	require.NoError(t, <-done, "AppendLocked failed")
	require.NoError(t, g.Wait())
	won := 0
	for i, err := range errs {
		switch {
		case i%2 == 1:
			require.ErrorIs(t, err, accounts.ErrInvalid, "AppendLocked of another profile's batch")
		case err == nil:
			won++
		default:
			require.ErrorIs(t, err, accounts.ErrConflict, "an append that lost")
		}
	}
	require.Equal(t, 1, won, "not one append won")
	require.Empty(t, s.lockQueues.byID, "a queue is left behind")
}

// The queue keeps its order, forgets whoever leaves, and is gone with the last.
func TestLockQueues(t *testing.T) {
	var q lockQueues
	end, err := q.take(t.Context(), context.Background(), "p")
	require.NoError(t, err, "nobody has a turn")
	otherEnd, err := q.take(t.Context(), context.Background(), "q")
	require.NoError(t, err, "the queues of two journals are one")
	otherEnd()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	_, err = q.take(ctx, context.Background(), "p")
	require.ErrorIs(t, err, context.Canceled, "two have a turn")
	next := make(chan error, 1)
	go func() {
		end, err := q.take(t.Context(), context.Background(), "p")
		if err == nil {
			end()
		}
		next <- err
	}()
	end()
	end() // once more is no other's turn
	require.NoError(t, <-next, "the next has no turn")
	require.Empty(t, q.byID, "a queue is left behind")
	require.Empty(t, q.users, "a queue is left behind")
}

// Close ends who waits for a lock, whoever has that, and for how long.
func TestCloseEndsWaitingForALock(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := migrated.Reused(t)
			s, f := lockStore(t, driver, dsn)
			other := open(t, "postgres", dsn)
			lock := blocked(t, other, `SELECT FROM trading.journal_heads FOR UPDATE`)
			waiting := make(chan error, 2)
			b := f.next(1)
			for range cap(waiting) { // the second waits for the first
				go func() { waiting <- s.Append(context.Background(), b) }()
			}
			awaitLocks(t, other, 1)
			require.NoError(t, s.Close(), "Close failed")
			for range cap(waiting) {
				require.ErrorIs(t, <-waiting, accounts.ErrClosed, "who waited for the lock")
			}
			require.NoError(t, lock.Rollback(), "unlock")
			require.Zero(t, value[int](t, other, `SELECT count(*) FROM trading.journal_entries`), "something was appended")
		})
	}
}

// Close does not wait for a decide, and what that returns is not appended.
func TestAppendLockedOfAClosedStore(t *testing.T) {
	t.Parallel()
	s, f := lockStore(t, "postgres", migrated.Reused(t))
	letGo, done := hangs(t, s, f.next(1))
	closing := make(chan error, 1)
	go func() { closing <- s.Close() }()
	eventually(t, func() bool { return errors.Is(s.ready(context.Background()), accounts.ErrClosed) }, "Close does not begin")
	require.NoError(t, <-closing, "Close waits for decide")
	letGo()
	require.ErrorIs(t, <-done, accounts.ErrClosed, "something was appended to a store that is closed")
}
