package pgstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/pgtest"
)

// migrateChild is a process that migrates, up or down.
func migrateChild() {
	db, err := sqlx.Open("postgres", os.Getenv(childDSNEnv))
	if err == nil {
		fmt.Println("begins")
		if os.Getenv(childArgEnv) == "down" {
			err = Rollback(context.Background(), db, 0)
		} else {
			err = Migrate(context.Background(), db)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "another process:", err)
		os.Exit(1)
	}
	fmt.Println("done")
	os.Exit(0)
}

// Processes that are killed at any moment while they migrate, either way, leave what the next one goes on
// from: in the end the schema is as though nobody had been killed, and no statement of a service that works
// on the tables meanwhile has failed.
func TestKilledMigrations(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	db := open(t, "postgres", dsn)
	run(t, db, file(t, "existing.sql"))
	migrate(t, db)
	want := dump(t, dsn, "trading")
	ctx, stop := context.WithCancel(t.Context())
	var service group
	service.Go(func() error {
		for ctx.Err() == nil {
			_, err := db.ExecContext(contextForever, `INSERT INTO trading.positions (user_id, symbol, position_type, side, quantity, entry_price) VALUES ('w', 'W', 'STOCK', 'SHORT', 1, 1)`)
			if err == nil {
				_, err = db.ExecContext(contextForever, `UPDATE trading.positions SET current_price = 5 WHERE id % 7 = 0 AND user_id = 'w'`)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	kills := 0
	for n := range rounds(4, 60) {
		way := []string{"down", "up"}[n%2]
		for again, patience := true, 500; again; patience *= 2 { // in the end one is done before it is killed
			c := startChild(t, "migrate", dsn, way)
			require.True(t, c.lines.Scan(), "another process said nothing")
			kill := time.AfterFunc(time.Duration(rand.IntN(patience))*time.Millisecond, func() { _ = c.cmd.Process.Kill() })
			again = !c.lines.Scan()
			kill.Stop()
			_ = c.kill()
			if again {
				kills++
			}
		}
	}
	stop()
	require.NoError(t, service.Wait(), "a service that works on the tables meanwhile")
	migrate(t, db)
	require.Equal(t, want, dump(t, dsn, "trading"), "the schema after %d kills", kills)
	require.Zero(t, value[int](t, db, `SELECT count(*) FROM pg_index WHERE NOT indisvalid`), "unfinished indexes")
	t.Logf("%d processes killed", kills)
}
