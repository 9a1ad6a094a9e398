package pgstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgschema"
)

// No write is cancelled on the server. PostgreSQL takes a cancel that comes while a commit waits
// for a standby for the end of that wait: it commits, tells of it in a warning, and reports
// success, though no standby has the write. So a write runs to its end under a context that does
// not end, and a caller that cannot wait leaves: with the context's error while the write has
// surely not begun, and with accounts.ErrOutcomeUnknown too once it has.

// maxWrites is how many writes are under way at once, with a caller or without one. Callers that
// keep leaving a server that does not answer pile up no more than these.
const maxWrites = 64

// sending is a parameter that tells when a statement is sent, and how often it was. database/sql
// asks for its value when it has a connection, right before it sends. It sends again where the
// driver says that the connection was bad, which lib/pq also says of one that was lost while the
// statement ran: then the first may have done what the second finds done.
type sending struct {
	value any
	begin func() error // an error keeps the statement from being sent
	sent  int
}

// Value implements driver.Valuer.
func (c *sending) Value() (driver.Value, error) {
	if err := c.begin(); err != nil {
		return nil, err
	}
	c.sent++
	return driver.DefaultParameterConverter.ConvertValue(c.value)
}

// outcome returns what the error of a write means that was sent so often: accounts.ErrUnavailable
// where nothing can have happened, accounts.ErrOutcomeUnknown where something may have, or else the
// error, of a server that refused.
func outcome(err error, sent int) error {
	switch {
	case err == nil || errors.Is(err, accounts.ErrClosed) || errors.Is(err, accounts.ErrUnavailable):
		return err
	case sent == 0 && state(err) == "", sent == 0 && pgschema.Unavailable(err), sent == 1 && hasState(err, pgschema.ReadOnly):
		return pgschema.NotReached(err)
	case pgschema.Lost(err):
		return pgschema.OutcomeUnknown(err)
	case sent > 1:
		return fmt.Errorf("%w: sent again when the connection was lost, it was refused: %v", accounts.ErrOutcomeUnknown, err)
	case sent == 1 && state(err) == "":
		return fmt.Errorf("%w: %w", accounts.ErrOutcomeUnknown, err)
	}
	return err
}

// unknown is the error of a write whose outcome could not be found out afterwards, for the error.
// What that one says of itself, such as that nothing was changed, is not so of the write.
func unknown(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", accounts.ErrOutcomeUnknown, ctx.Err())
	}
	return fmt.Errorf("%w: %v", accounts.ErrOutcomeUnknown, reason(ctx, err))
}

// written is what became of a write.
type written struct {
	rows int64
	sent int
}

// write runs a statement that changes something, and returns how many rows it affected. The end of
// ctx does not cancel it. Its error says what is known of its outcome.
func (s *Store) write(ctx context.Context, text string, args ...any) (written, error) {
	if err := s.admit(ctx); err != nil {
		return written{}, err
	}
	rows, sent, err := send(ctx, s, args, (&statement{text: s.schema.in(text)}).affect)
	return written{rows, sent}, err
}

// send is write of a statement that refuses by itself a server that is not admitted. f sends the
// statement with the arguments, and returns what the server answers. send returns how often the
// statement was sent. A caller that left gets no answer.
func send[T any](
	ctx context.Context, s *Store, args []any, f func(context.Context, querier, []any) (T, error),
) (answer T, sent int, err error) {
	type result struct {
		answer T
		sent   int
	}
	done := make(chan result, 1) // one that the caller left writes to nobody
	err = s.writes.Run(ctx, func(ctx context.Context, begin func() error) error {
		first := &sending{value: args[0], begin: begin}
		all := append([]any{first}, args[1:]...)
		var r result
		err := s.retry.Do(ctx, func() error {
			first.sent = max(first.sent-1, 0) // what the server gave up of its own accord did nothing
			return pgschema.PastBroken(ctx, s.db, func() (again bool, err error) {
				err = pgschema.OneSession(ctx, s.db, s.reads.Pooled, func(q querier) error {
					r.answer, err = f(ctx, q, all)
					return err
				})
				return first.sent == 0, err
			})
		})
		r.sent = first.sent
		done <- r
		return outcome(err, r.sent)
	})
	select {
	case r := <-done:
		return r.answer, r.sent, err
	default:
		return answer, 0, err
	}
}

// change runs f in a transaction, and commits it. The end of ctx ends f, which then changed
// nothing, but not the commit. f may run several times, and on after change has returned: what f
// changes besides the database is the caller's only when change returns no context's error.
func (s *Store) change(ctx context.Context, f func(context.Context, *sqlx.Tx) error) error {
	if err := s.admit(ctx); err != nil {
		return err
	}
	return s.writes.Run(ctx, func(detached context.Context, begin func() error) error {
		sent := 0
		err := s.retry.Do(ctx, func() error {
			return pgschema.PastBroken(ctx, s.db, func() (again bool, err error) {
				sent, err = s.changeOnce(ctx, detached, begin, f)
				return sent == 0, err
			})
		})
		if sent == 0 {
			return err // whatever it was, nothing was committed
		}
		return outcome(err, sent)
	})
}

// changeOnce is change, once. It returns how often a commit was sent.
func (s *Store) changeOnce(
	ctx, detached context.Context, begin func() error, f func(context.Context, *sqlx.Tx) error,
) (sent int, err error) {
	running, end := context.WithCancel(detached)
	defer end()
	keep := context.AfterFunc(ctx, end)
	defer keep()
	tx, err := s.db.BeginTxx(running, nil)
	if err != nil {
		return 0, pgschema.NotBegun(err)
	}
	defer func() { _ = tx.Rollback() }() // an error once it is committed
	if err := f(running, tx); err != nil {
		return 0, err
	}
	if !keep() {
		return 0, ctx.Err() // the driver may be cancelling
	}
	if err := begin(); err != nil {
		return 0, err
	}
	return 1, tx.Commit()
}
