package pgschema

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ai-ots/accounts"
)

// patience is how often, and how long apart, something is tried.
type patience struct {
	states  []string // the server's errors after which trying again may help, and nothing was changed
	first   time.Duration
	longest time.Duration
	tries   int
}

// forRows is the patience with others who change the same rows: pauses of some four seconds at most.
var forRows = patience{[]string{SerializationFailure, DeadlockDetected}, time.Millisecond, 100 * time.Millisecond, 40}

// forTables is the patience with others who use the tables that a migration changes: some three
// minutes of pauses at most, beside what the server waits for its locks.
var forTables = patience{[]string{LockNotAvailable, DeadlockDetected}, 50 * time.Millisecond, 2 * time.Second, 200}

// Retry runs f until it ends otherwise than by a serialization failure or a deadlock, after which
// the server has surely changed nothing: where transactions are stricter than by default, they are
// part of the work. Between tries it pauses, for longer each time and at random, so that those who
// met do not meet again. After 40 tries it returns the last error as accounts.ErrConflict. When ctx
// ends in a pause, it returns ctx's error with the last one of f.
func Retry(ctx context.Context, f func() error) error { return forRows.retry(ctx, f) }

func (p patience) retry(ctx context.Context, f func() error) error {
	pause := p.first
	for try := 1; ; try++ {
		err := f()
		if !HasState(err, p.states...) {
			return err
		}
		if try == p.tries {
			return fmt.Errorf("%w: gave up after %d tries, the last: %w", accounts.ErrConflict, try, err)
		}
		timer := time.NewTimer(rand.N(pause) + 1)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w: after %d tries, the last: %w", ctx.Err(), try, err)
		}
		pause = min(2*pause, p.longest)
	}
}
