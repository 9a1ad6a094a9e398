package pgcreds

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/internal/pgtest"
)

// A server that is there and says nothing holds no call beyond the end of its context, whatever the driver
// does. When the server goes on, so does the store.
func TestSilentServerHoldsNobody(t *testing.T) {
	t.Parallel()
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			server := pgtest.NewServer(t)
			db := open(t, driver, server.DSN())
			require.NoError(t, Migrate(t.Context(), db), "Migrate failed")
			keys := newKeys(t)
			s := newStore(t, db, keys)
			c := credentials.Set{"password": credentials.NewSecret([]byte("of nobody"))}
			require.NoError(t, s.Put(t.Context(), "a", c), "Put failed")
			require.NoError(t, server.Silence(), "silence the server")
			awake := false
			t.Cleanup(func() {
				if !awake {
					require.NoError(t, server.Wake(), "wake the server")
				}
			})
			for what, do := range map[string]func(context.Context) error{
				"Get":    func(ctx context.Context) error { _, err := s.Get(ctx, "a", ""); return err },
				"Put":    func(ctx context.Context) error { return s.Put(ctx, "a", c) },
				"Delete": func(ctx context.Context) error { return s.Delete(ctx, "b") },
				"List":   func(ctx context.Context) error { _, err := s.List(ctx); return err },
				"Ping":   s.Ping,
				"Rotate": func(ctx context.Context) error { _, err := s.Rotate(ctx, nil); return err },
				"KeyUse": func(ctx context.Context) error { _, err := s.KeyUse(ctx); return err },
				"Status": func(ctx context.Context) error { _, err := Status(ctx, db); return err },
				"New":    func(ctx context.Context) error { _, err := New(ctx, db, keys); return err },
			} {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				result := make(chan error, 1)
				go func() { result <- do(ctx) }()
				select {
				case err := <-result:
					require.ErrorIs(t, err, context.DeadlineExceeded, "%s of a silent server", what)
				case <-time.After(20 * time.Second):
					require.Fail(t, "hangs", "%s does not end with its context while the server is silent", what)
				}
				cancel()
			}
			require.NoError(t, server.Wake(), "wake the server")
			awake = true
			_, err := s.Get(t.Context(), "a", "")
			require.NoError(t, err, "Get when the server goes on")
			require.NoError(t, s.Close(), "Close failed")
		})
	}
}
