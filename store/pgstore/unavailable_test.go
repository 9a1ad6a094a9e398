package pgstore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
)

// everything is a call of every method that asks the server for something.
func everything(s *Store) map[string]func(context.Context) error {
	p, b := testProfile(0), (&fills{id: testProfile(0).ID}).next(1)
	all := map[string]func(context.Context) error{
		"Profile": func(ctx context.Context) error { _, err := s.Profile(ctx, p.ID); return err },
		"Profiles": func(ctx context.Context) error {
			_, err := s.Profiles(ctx, accounts.ProfileFilter{})
			return err
		},
		"ActiveProfile": func(ctx context.Context) error { _, err := s.ActiveProfile(ctx, ""); return err },
		"Entries":       func(ctx context.Context) error { return readAll(ctx, s) },
		"Lookup":        func(ctx context.Context) error { return lookUp(ctx, s) },
		"Checkpoint":    func(ctx context.Context) error { _, err := s.Checkpoint(ctx, p.ID, 1); return err },
		"Verify":        func(ctx context.Context) error { return s.Verify(ctx, p.ID) },
		"Ping":          func(ctx context.Context) error { return s.Ping(ctx) },
		"Watch":         func(ctx context.Context) error { _, err := s.Watch(ctx); return err },
		"Status":        func(ctx context.Context) error { _, err := Status(ctx, s.db); return err },
		"New": func(ctx context.Context) error {
			other, err := New(ctx, s.db)
			if err == nil {
				err = other.Close()
			}
			return err
		},
	}
	for name, do := range map[string]func(context.Context) error{
		"Append":           func(ctx context.Context) error { return s.Append(ctx, b) },
		"CreateProfile":    func(ctx context.Context) error { return s.CreateProfile(ctx, testProfile(1)) },
		"UpdateProfile":    func(ctx context.Context) error { return s.UpdateProfile(ctx, p) },
		"SetActiveProfile": func(ctx context.Context) error { return s.SetActiveProfile(ctx, "", p.ID, day) },
		"SaveCheckpoint": func(ctx context.Context) error {
			return s.SaveCheckpoint(ctx, accounts.Checkpoint{ProfileID: p.ID, Seq: 1})
		},
		"Lease": func(ctx context.Context) error { _, err := s.Lease(ctx, "l", "h", time.Minute); return err },
		"EndLease": func(ctx context.Context) error {
			return s.EndLease(ctx, accounts.Lease{Name: "l", Holder: "h", Fence: 1})
		},
		"Rebuild": func(ctx context.Context) error { return s.Rebuild(ctx, p.ID) },
		"AdoptLegacyRows": func(ctx context.Context) error {
			_, err := s.AdoptLegacyRows(ctx, p.ID, LegacyRows{UserID: "u", Currency: "USD", Signals: true})
			return err
		},
		"Migrate":  func(ctx context.Context) error { return Migrate(ctx, s.db) },
		"Rollback": func(ctx context.Context) error { return Rollback(ctx, s.db, targetVersion) },
	} {
		all["write "+name] = do
	}
	return all
}

// requireUnavailable requires an error that says that nothing happened, and not where.
func requireUnavailable(t *testing.T, err error, folder, what string) {
	t.Helper()
	require.ErrorIs(t, err, accounts.ErrUnavailable, what)
	require.NotErrorIs(t, err, accounts.ErrOutcomeUnknown, what)
	for _, place := range []string{folder, ".s.PGSQL", "127.0.0.1", "no-such-user", "no_such_database"} {
		require.NotContains(t, err.Error(), place, "%s tells where the server is", what)
	}
}

// A server that is stopped changes nothing, and every call says so, whatever it is.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	db := open(t, "postgres", server.DSN())
	migrate(t, db)
	stores := map[string]*Store{}
	for name, driver := range drivers {
		stores[name] = newStore(t, driver, server.DSN(), WithListenDSN(server.DSN()))
	}
	require.NoError(t, stores["pgx"].CreateProfile(t.Context(), testProfile(0)), "CreateProfile failed")
	run(t, db, `INSERT INTO trading.signals (symbol, signal_type, confidence) VALUES ('NU', 'BUY', 1)`)

	run(t, db, `CREATE ROLE crowd LOGIN CONNECTION LIMIT 0`)
	for what, more := range map[string]string{
		"too many connections": " user=crowd",
		"an unknown user":      " user=no-such-user",
		"an unknown database":  " dbname=no_such_database",
		"another port":         " host=127.0.0.1 port=1",
		"no socket":            " host=" + server.Folder() + "/none",
	} {
		for name, driver := range drivers {
			_, err := New(guarded(t), open(t, driver, server.DSN()+more))
			requireUnavailable(t, err, server.Folder(), what+" with "+name)
		}
		_, err := Open(guarded(t), server.DSN()+more)
		requireUnavailable(t, err, server.Folder(), what+" with Open")
		require.NotErrorIs(t, Migrate(guarded(t), server.DSN()+more), accounts.ErrOutcomeUnknown, what)
	}

	require.NoError(t, server.StopImmediately(), "stop the server")
	requireStandbyRefuses(t, server)
	require.NoError(t, server.StopImmediately(), "stop the server")
	for name, s := range stores {
		for what, do := range everything(s) {
			err := do(guarded(t))
			if errors.Is(err, accounts.ErrOutcomeUnknown) { // sent on a connection that was lost already
				require.NotErrorIs(t, err, accounts.ErrUnavailable, "%s with %s", what, name)
				require.Contains(t, what, "write", "a read has no outcome")
				err = do(guarded(t))
			}
			requireUnavailable(t, err, server.Folder(), what+" with "+name)
		}
		require.NoError(t, s.Close(), "Close failed")
	}
}

// requireStandbyRefuses starts the server as a standby, which takes no writes and answers reads.
func requireStandbyRefuses(t *testing.T, server *pgtest.Server) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(server.Folder(), "data", "standby.signal"), nil, 0o644), "make a standby")
	require.NoError(t, server.Start(), "start the standby")
	for name, driver := range drivers {
		s := newStore(t, driver, server.DSN())
		for what, do := range everything(s) {
			err := do(guarded(t))
			switch {
			case what == "write Migrate" || what == "write Rollback": // nothing is to be done
			case strings.HasPrefix(what, "write"):
				requireUnavailable(t, err, server.Folder(), what+" with "+name)
			case what != "Checkpoint" && what != "ActiveProfile": // there is none
				require.NoError(t, err, "%s with %s", what, name)
			}
		}
		require.NoError(t, s.Close(), "Close failed")
	}
}
