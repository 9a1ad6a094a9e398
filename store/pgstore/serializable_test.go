package pgstore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// Where transactions are serializable unless they say otherwise, the server gives up one of those that
// meet, whatever it was: then the store tries again. Two stores of each driver do everything at once.
func TestEverythingAtOnceSerializable(t *testing.T) {
	t.Parallel()
	dsn := migrated.Database(t)
	admin := open(t, "postgres", dsn)
	run(t, admin, `ALTER DATABASE `+value[string](t, admin, `SELECT current_database()`)+` SET default_transaction_isolation = 'serializable'`)
	shared := testProfile(0)
	var g group
	for n := range 4 {
		driver := []string{"postgres", "pgx"}[n%2]
		require.NoError(t, Migrate(t.Context(), open(t, driver, dsn)), "Migrate failed")
		s := newStore(t, driver, dsn)
		t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
		if n == 0 {
			require.NoError(t, s.CreateProfile(t.Context(), shared), "CreateProfile failed")
		}
		own := testProfile(1 + n)
		require.NoError(t, s.CreateProfile(t.Context(), own), "CreateProfile failed")
		f := fills{id: own.ID}
		for name, do := range map[string]func(context.Context, int) error{
			"Append":        func(ctx context.Context, i int) error { return s.Append(ctx, f.next(1+i%3)) },
			"CreateProfile": func(ctx context.Context, i int) error { return s.CreateProfile(ctx, testProfile(100*(n+1)+i)) },
			"UpdateProfile": func(ctx context.Context, i int) error {
				p, err := s.Profile(ctx, own.ID)
				if err == nil {
					p.Name = fmt.Sprint("Name ", n, i)
					err = s.UpdateProfile(ctx, p)
				}
				return err
			},
			"SetActiveProfile": func(ctx context.Context, i int) error { return s.SetActiveProfile(ctx, "", shared.ID, day) },
			"SaveCheckpoint": func(ctx context.Context, i int) error {
				return s.SaveCheckpoint(ctx, accounts.Checkpoint{ProfileID: shared.ID})
			},
			"Lease": func(ctx context.Context, i int) error {
				l, err := s.Lease(ctx, "shared", fmt.Sprint("holder ", n), time.Minute)
				if errors.Is(err, accounts.ErrLeased) {
					return nil
				}
				return errors.Join(err, s.EndLease(ctx, l))
			},
			"Profiles": func(ctx context.Context, _ int) error {
				_, err := s.Profiles(ctx, accounts.ProfileFilter{})
				return err
			},
			"ActiveProfile": func(ctx context.Context, _ int) error { _, err := s.ActiveProfile(ctx, ""); return err },
			"Checkpoint":    func(ctx context.Context, _ int) error { _, err := s.Checkpoint(ctx, shared.ID, 1); return err },
			"Lookup":        func(ctx context.Context, _ int) error { _, err := s.Lookup(ctx, own.ID, []string{"a"}); return err },
			"Verify":        func(ctx context.Context, _ int) error { return s.Verify(ctx, own.ID) },
			"Rebuild":       func(ctx context.Context, _ int) error { return s.Rebuild(ctx, shared.ID) },
			"Ping":          func(ctx context.Context, _ int) error { return s.Ping(ctx) },
		} {
			g.Go(func() error {
				for i := range 10 {
					err := do(guarded(t), i)
					if err != nil && !errors.Is(err, accounts.ErrNoActiveProfile) && !errors.Is(err, accounts.ErrNoCheckpoint) {
						return fmt.Errorf("%s with %s: %w", name, driver, err)
					}
				}
				return nil
			})
		}
	}
	require.NoError(t, g.Wait(), "what the server gave up for another's sake was not tried again")
}
