package pgschema

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/ai-ots/accounts"
)

// Reads runs reads that their callers can leave. A driver may wait for an answer beyond the end of
// its context: lib/pq asks the server to cancel, and reads on, for as long as a server that hangs
// says nothing. Make one with NewReads.
type Reads struct {
	Pooled bool // statements need transactions to be in one session; see Detect

	db     *sqlx.DB
	retry  *Retry
	slots  *slots
	within *slots // of reads on connections that are held already
}

// maxReads is how many reads are under way at once, with a caller or without one: more than pools
// have connections. A read more waits for its turn.
const maxReads = 512

// maxWithin is more than connections can be held. Who holds a connection must not wait for a slot:
// those that have one may be waiting for a connection.
const maxWithin = 1 << 16

// NewReads returns reads on the pool, which may run again as retry says.
func NewReads(db *sqlx.DB, retry *Retry) *Reads {
	return &Reads{db: db, retry: retry, slots: newSlots(maxReads), within: newSlots(maxWithin)}
}

// Detect finds out whether statements need transactions; see Pooled. It comes before the first Ask.
func (r *Reads) Detect(ctx context.Context) (err error) {
	r.Pooled, err = Read(ctx, r, func(ctx context.Context) (bool, error) { return Pooled(ctx, r.db) })
	return err
}

// answer is what a read returned, or what it panicked with.
type answer[T any] struct {
	value    T
	err      error
	panicked any
}

// errNoAnswer is of a read that ended its goroutine.
var errNoAnswer = errors.New("the read ended without an answer")

// Within is Read on a connection that the caller holds already.
func Within[T any](ctx context.Context, r *Reads, read func(context.Context) (T, error)) (T, error) {
	return readIn(ctx, r.within, read)
}

// Read returns what the read returns. When ctx ends first, or Close is called, Read returns ctx's
// error or accounts.ErrClosed, and ends the read's context. The read may run on, and its value is
// nobody's: so the read must assign nothing that its caller has. A panic of the read's is its
// caller's. A read must not call Read.
func Read[T any](ctx context.Context, r *Reads, read func(context.Context) (T, error)) (T, error) {
	return readIn(ctx, r.slots, read)
}

func readIn[T any](ctx context.Context, slots *slots, read func(context.Context) (T, error)) (T, error) {
	var none T
	if err := slots.enter(ctx); err != nil {
		return none, err
	}
	running, end := context.WithCancel(ctx)
	defer end()
	done := make(chan answer[T], 1)
	go func() {
		a := answer[T]{err: errNoAnswer}
		defer func() {
			a.panicked = recover()
			slots.leave()
			done <- a
		}()
		a.value, a.err = read(running)
	}()
	select {
	case a := <-done:
		if a.panicked != nil {
			panic(a.panicked)
		}
		return a.value, a.err
	case <-ctx.Done():
		return none, ctx.Err()
	case <-slots.closed:
		return none, accounts.ErrClosed
	}
}

// Reread is Read for a read that may run again: where its connection turns out broken, and where
// the server gave it up for the sake of another.
func Reread[T any](ctx context.Context, r *Reads, read func(context.Context) (T, error)) (T, error) {
	return Read(ctx, r, func(ctx context.Context) (value T, err error) {
		err = r.retry.Do(ctx, func() error {
			return PastBroken(ctx, r.db, func() (bool, error) {
				value, err = read(ctx)
				return true, err
			})
		})
		return value, err
	})
}

// Ask is Reread for a read on the pool, or, behind a pooler, in a transaction.
func Ask[T any](ctx context.Context, r *Reads, read func(context.Context, Querier) (T, error)) (T, error) {
	return Reread(ctx, r, func(ctx context.Context) (value T, err error) {
		err = OneSession(ctx, r.db, r.Pooled, func(q Querier) error {
			value, err = read(ctx, q)
			return err
		})
		return value, err
	})
}

// Get is Ask for one row; sql.ErrNoRows when there is none.
func Get[T any](ctx context.Context, r *Reads, statement string, args ...any) (T, error) {
	return Ask(ctx, r, func(ctx context.Context, q Querier) (row T, err error) {
		err = sqlx.GetContext(ctx, q, &row, statement, args...)
		return row, err
	})
}

// List is Ask for rows.
func List[T any](ctx context.Context, r *Reads, statement string, args ...any) ([]T, error) {
	return Ask(ctx, r, func(ctx context.Context, q Querier) (rows []T, err error) {
		err = sqlx.SelectContext(ctx, q, &rows, statement, args...)
		return rows, err
	})
}

// Refuse ends every read and refuses further ones, as Close does, and waits for nothing.
func (r *Reads) Refuse() {
	r.slots.refuse()
	r.within.refuse()
}

// Close ends every read, refuses further ones, and waits until those under way have ended. When ctx
// ends first, Close returns ctx's error: the reads that are left end with the server's answer or
// with their connections. Close may be called again, and then waits for the rest.
func (r *Reads) Close(ctx context.Context) error {
	r.Refuse()
	for _, s := range []*slots{r.slots, r.within} {
		if err := s.wait(ctx); err != nil {
			return fmt.Errorf("reads are under way still: %w", err)
		}
	}
	return nil
}
