package pgstore

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
)

// What happened while the connection was lost is told, even if the first question what that was fails.
func TestCatchUpIsRepeated(t *testing.T) {
	t.Parallel()
	dsn := migrated.Database(t)
	other := open(t, "postgres", dsn)
	s := newStore(t, "postgres", dsn, WithListenDSN(dsn), WithPollInterval(10*time.Millisecond))
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	id := testProfile(0).ID
	require.NoError(t, s.CreateProfile(t.Context(), testProfile(0)), "CreateProfile failed")
	events, err := s.Watch(t.Context())
	require.NoError(t, err, "Watch failed")

	run(t, other, `ALTER TABLE trading.account_profiles RENAME TO unreadable`,
		`UPDATE trading.journal_heads SET seq = 7`,
		`CREATE TABLE before AS SELECT now() AS at`,
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()`)
	const asked = `SELECT count(*) FROM pg_stat_activity, before
		WHERE datname = current_database() AND query LIKE '%coalesce(h.seq, 0) AS head%' AND query_start > at
			AND state = 'idle' AND pid <> pg_backend_pid()`
	require.Eventually(t, func() bool { return value[int](t, other, asked) > 0 }, time.Minute, time.Millisecond, "nobody asked what was missed")
	run(t, other, `ALTER TABLE trading.unreadable RENAME TO account_profiles`)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for {
		select {
		case e := <-events:
			if e.Kind == accounts.EventRecorded && e.ProfileID == id && e.Seq == 7 {
				return
			}
		case <-ctx.Done():
			t.Fatal("what was missed was never told")
		}
	}
}

// A connection that falls silent once it is open holds up neither Watch nor Close.
func TestListeningToASilentConnection(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	migrate(t, open(t, "postgres", server.DSN()))
	proxy := pgtest.NewProxy(t, server)
	proxy.Lose("LISTEN")
	ends := map[string]func(s *Store, stop func()){
		"the context ends": func(_ *Store, stop func()) { stop() },
		"Close":            func(s *Store, _ func()) { _ = s.Close() },
	}
	for name, end := range ends {
		s := newStore(t, "postgres", server.DSN(), WithListenDSN(proxy.DSN()))
		ctx, stop := context.WithCancel(t.Context())
		watched := make(chan error, 1)
		go func() {
			_, err := s.Watch(ctx)
			watched <- err
		}()
		const connected = `SELECT count(*) FROM pg_stat_activity WHERE state IS NULL AND backend_type = 'client backend' OR query = '' AND backend_type = 'client backend'`
		require.Eventually(t, func() bool { return value[int](t, s.db, connected) > 0 }, time.Minute, time.Millisecond, "nobody connects to listen")
		end(s, stop)
		select {
		case err := <-watched:
			require.Error(t, err, "%s: Watch claims to watch", name)
		case <-time.After(20 * time.Second):
			require.Fail(t, "Watch hangs", name)
		}
		require.NoError(t, s.Close(), "%s: Close failed", name)
		stop()
	}
}
