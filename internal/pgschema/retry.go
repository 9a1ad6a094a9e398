package pgschema

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/ai-ots/accounts"
)

// Retry bounds how often, and how long after each other, a statement or transaction is tried that
// the server gave up for the sake of another: for a deadlock, or because no order of the two could
// be told.
type Retry struct {
	Tries int           // at most
	First time.Duration // the first pause at most; doubled each time, up to 64 times as long
}

// Do runs f until it ends otherwise than for another's sake, after which the server has surely
// changed nothing. Between tries it pauses; see Pause. After so many tries it returns the last
// error as accounts.ErrConflict. When ctx ends in a pause, it returns ctx's error with the last one
// of f.
func (r Retry) Do(ctx context.Context, f func() error) error {
	for try := 1; ; try++ {
		err := f()
		switch {
		case !HasState(err, DeadlockDetected, SerializationFailure):
			return err
		case try >= r.Tries:
			return fmt.Errorf("%w: gave up after %d tries, the last: %w", accounts.ErrConflict, try, err)
		case !r.Pause(ctx, try):
			return fmt.Errorf("%w: after %d tries, the last: %w", ctx.Err(), try, err)
		}
	}
}

// Pause waits before another try, at random, so that not all come back at once. It reports whether
// ctx has not ended.
func (r Retry) Pause(ctx context.Context, try int) bool {
	if longest := r.First << min(try-1, 6); longest > 0 {
		timer := time.NewTimer(rand.N(longest) + 1)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// PastBroken runs f, and again while f finds its connection broken, as often as the pool may have
// others that are: when a server goes down, each connection that was idle turns out broken when it
// is next used, one at a time. f reports whether it may run again, because it has sent nothing that
// changes anything. When ctx ends, f does not run again.
func PastBroken(ctx context.Context, db *sqlx.DB, f func() (again bool, err error)) error {
	for left := db.Stats().OpenConnections; ; left-- {
		again, err := f()
		if !again || left <= 0 || !Broken(err) || ctx.Err() != nil {
			return err
		}
	}
}
