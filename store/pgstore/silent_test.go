package pgstore

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/ledger"
)

// silenced is a store on a server of its own, with a profile, and what silences the server until the test
// ends or wake is called.
func silenced(t *testing.T, driver string, opts ...Option) (s *Store, server *pgtest.Server, silence, wake func()) {
	t.Helper()
	server = pgtest.NewServer(t)
	require.NoError(t, Migrate(t.Context(), open(t, driver, server.DSN())), "Migrate failed")
	s = newStore(t, driver, server.DSN(), opts...)
	s.db.SetMaxIdleConns(4) // reads leave connections behind, and the next is to find one
	require.NoError(t, s.CreateProfile(t.Context(), testProfile(0)), "CreateProfile failed")
	silent := false
	wake = func() {
		if silent {
			require.NoError(t, server.Wake(), "wake the server")
		}
		silent = false
	}
	t.Cleanup(wake)
	return s, server, func() {
		require.NoError(t, server.Silence(), "silence the server")
		silent = true
	}, wake
}

// leaves requires that the call ends with its context though the server says nothing.
func leaves(t *testing.T, what string, do func(context.Context) error) {
	t.Helper()
	leavesThen(t, what, func(ctx context.Context, soon func()) error { soon(); return do(ctx) })
}

// leavesThen is leaves for a call that says itself from when on its context may end: soon.
func leavesThen(t *testing.T, what string, do func(ctx context.Context, soon func()) error) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- do(ctx, func() { time.AfterFunc(20*time.Millisecond, cancel) }) }()
	select {
	case err := <-result:
		require.ErrorIs(t, err, context.Canceled, "%s of a silent server", what)
		return err
	case <-time.After(patience):
		require.Fail(t, "hangs", "%s does not end with its context while the server is silent", what)
		return nil
	}
}

// A server that is there and says nothing holds no call beyond the end of its context, whatever the driver
// does. When the server goes on, so does the store.
func TestSilentServerHoldsNobody(t *testing.T) {
	t.Parallel()
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			s, _, silence, wake := silenced(t, driver)
			silence()
			for what, do := range everything(s) {
				if what == "write Migrate" || what == "write Rollback" { // an administrator's, who is there
					continue
				}
				leaves(t, what, do)
			}
			leaves(t, "AppendLocked", func(ctx context.Context) error {
				return s.AppendLocked(ctx, testProfile(0).ID, 0, returning(accounts.Batch{ProfileID: testProfile(0).ID}))
			})
			leaves(t, "Durability", func(ctx context.Context) error { _, err := s.Durability(ctx); return err })
			wake()
			eventually(t, func() bool { return s.Verify(guarded(t), testProfile(0).ID) == nil }, "Verify when the server goes on")
			require.NoError(t, s.Close(), "Close failed")
		})
	}
}

// A server that falls silent while a journal is locked holds nobody either: not who reads from the tail,
// nor who decides against an append, nor the next in the queue.
func TestServerFallsSilentUnderTheLock(t *testing.T) {
	t.Parallel()
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			s, _, silence, wake := silenced(t, driver)
			id := testProfile(0).ID
			entries := fills{id: id}
			require.NoError(t, s.Append(t.Context(), entries.next(3)), "Append failed")
			underLock := func(ctx context.Context, soon func(), decide decision) error {
				return s.AppendLocked(ctx, id, 0, func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
					silence()
					soon()
					return decide(tail)
				})
			}
			for what, decide := range map[string]decision{
				"reading the tail": func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
					for _, err := range tail {
						if err != nil {
							return accounts.Batch{}, err
						}
					}
					return accounts.Batch{ProfileID: id}, nil
				},
				"appending": returning(entries.next(1)),
			} {
				err := leavesThen(t, what, func(ctx context.Context, soon func()) error { return underLock(ctx, soon, decide) })
				if what == "appending" {
					require.ErrorIs(t, err, accounts.ErrOutcomeUnknown, what)
				}
				leaves(t, "the next in the queue", func(ctx context.Context) error {
					return s.AppendLocked(ctx, id, 0, returning(accounts.Batch{ProfileID: id}))
				})
				wake()
				eventually(t, func() bool { return s.Verify(guarded(t), id) == nil }, "Verify when the server goes on")
			}
			against := errors.Join(context.Canceled, errRefused)
			err := leavesThen(t, "deciding against it", func(ctx context.Context, soon func()) error {
				return underLock(ctx, soon, func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
					return accounts.Batch{}, against
				})
			})
			require.ErrorIs(t, err, errRefused, "deciding against it")
			wake()
			require.NoError(t, s.Close(), "Close failed")
		})
	}
}

// Close ends reads of a silent server at once, and where the pool is the store's own, their connections.
func TestCloseEndsReadsOfASilentServer(t *testing.T) {
	t.Parallel()
	_, server, silence, _ := silenced(t, "postgres")
	s, err := Open(t.Context(), server.DSN())
	require.NoError(t, err, "Open failed")
	s.patience = 100 * time.Millisecond
	silence()
	result := make(chan error, 2)
	go func() { _, err := s.Profile(contextForever, testProfile(0).ID); result <- err }()
	go func() { result <- s.Verify(contextForever, testProfile(0).ID) }()
	eventually(t, func() bool { return s.db.Stats().InUse == 2 }, "the reads do not begin")
	require.NoError(t, s.Close(), "Close failed")
	for range 2 {
		require.ErrorIs(t, <-result, accounts.ErrClosed, "a read that Close ended")
	}
}

// A trading system whose database falls silent gets its callers back: orders, the kill switch, health.
func TestManagerOfASilentServer(t *testing.T) {
	t.Parallel()
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			s, _, silence, wake := silenced(t, driver)
			m, err := accounts.New(s)
			require.NoError(t, err, "New failed")
			p, err := m.Portfolio(t.Context(), testProfile(0).ID)
			require.NoError(t, err, "Portfolio failed")
			silence()
			for what, do := range map[string]func(context.Context) error{
				"HaltAll": func(ctx context.Context) error { return m.HaltAll(ctx, "drill") },
				"Halt":    func(ctx context.Context) error { return p.Halt(ctx, "drill") },
				"Record": func(ctx context.Context) error {
					_, err := p.Record(ctx, ledger.Trade{ExecID: "exec.1", Time: day, Instrument: ledger.NewStock("XYZ", "USD"),
						Quantity: udecimal.One, Price: udecimal.One})
					return err
				},
				"Profile": func(ctx context.Context) error { _, err := m.Profile(ctx, testProfile(0).ID); return err },
			} {
				leaves(t, what, do)
			}
			wake()
			eventually(t, func() bool { return m.HaltAll(guarded(t), "drill") == nil }, "HaltAll when the server goes on")
			require.NoError(t, s.Verify(guarded(t), testProfile(0).ID), "Verify failed")
			require.NoError(t, m.Close(), "Close failed")
			require.NoError(t, s.Close(), "Close failed")
		})
	}
}

// Reads that wait for a connection keep nobody from finishing who has one.
func TestReadsThatWaitHoldUpNoLockedJournal(t *testing.T) {
	t.Parallel()
	s := newStore(t, "postgres", migrated.Reused(t))
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	require.NoError(t, s.CreateProfile(t.Context(), testProfile(0)), "CreateProfile failed")
	s.db.SetMaxOpenConns(1)
	ctx, leave := context.WithCancel(t.Context())
	var readers group
	entries := fills{id: testProfile(0).ID}
	err := s.AppendLocked(guarded(t), testProfile(0).ID, 0, func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
		for range 600 { // more than the store has under way at once
			readers.Go(func() error { _, err := s.Profile(ctx, testProfile(0).ID); return err })
		}
		eventually(t, func() bool { return s.db.Stats().WaitCount >= 512 }, "the reads do not wait")
		for _, err := range tail {
			if err != nil {
				return accounts.Batch{}, err
			}
		}
		return entries.next(1), nil
	})
	require.NoError(t, err, "an append under the lock beside reads that wait")
	require.NoError(t, readers.Wait(), "a read")
	leave()
}

// Callers who decided and have no turn to append yet leave with their contexts too.
func TestLockedAppendsOfASilentServerEnd(t *testing.T) {
	t.Parallel()
	s, _, silence, wake := silenced(t, "postgres")
	const callers = maxLocked + 4
	s.db.SetMaxIdleConns(callers)
	ids := make([]accounts.ProfileID, callers)
	for i := range ids {
		p := testProfile(10 + i)
		ids[i] = p.ID
		require.NoError(t, s.CreateProfile(t.Context(), p), "CreateProfile failed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	decided := make(chan struct{}, callers)
	silent := make(chan struct{})
	errs := make(chan error, callers)
	for _, id := range ids {
		go func() {
			errs <- s.AppendLocked(ctx, id, 0, func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
				decided <- struct{}{}
				<-silent
				return (&fills{id: id}).next(1), nil
			})
		}()
	}
	for range callers {
		<-decided
	}
	silence()
	close(silent)
	time.AfterFunc(20*time.Millisecond, cancel)
	for range callers {
		select {
		case err := <-errs:
			require.ErrorIs(t, err, context.Canceled, "an append under the lock")
		case <-time.After(patience):
			require.Fail(t, "hangs", "an append under the lock does not end with its context")
		}
	}
	wake()
	require.NoError(t, s.Close(), "Close failed")
}

// Close of a store that does nothing has an end where the server says nothing, and leaves the caller's pool
// usable.
func TestCloseOfASilentServerEnds(t *testing.T) {
	t.Parallel()
	foreign, server, silence, wake := silenced(t, "postgres")
	owned, err := Open(t.Context(), server.DSN())
	require.NoError(t, err, "Open failed")
	foreign.patience, owned.patience = 50*time.Millisecond, 50*time.Millisecond
	require.NoError(t, owned.Ping(t.Context()), "Ping failed")
	silence()
	closed := make(chan error, 2)
	go func() { closed <- owned.Close() }()
	go func() { closed <- foreign.Close() }()
	for range 2 {
		select {
		case <-closed:
		case <-time.After(patience):
			require.Fail(t, "hangs", "Close of a silent server")
		}
	}
	leaves(t, "a connection of the caller's", func(ctx context.Context) error {
		c, err := foreign.db.Conn(ctx)
		if err == nil { // an idle one
			err = c.Close()
		}
		if err == nil {
			return context.Canceled
		}
		return err
	})
	wake()
}
