package pgschema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
)

// Pooled reports whether statements need transactions to be in one session: because the pool leads
// through a pooler, or has but one connection, which cannot tell.
func Pooled(ctx context.Context, db *sqlx.DB) (bool, error) {
	pooled, err := detectPooler(ctx, db)
	return pooled || isSingle(db), err
}

// detectPooler reports whether the pool leads through a pooler that hands sessions out by
// transaction. Nothing tells so outright, but two connections that are open at the same time and
// turn out to be one session are proof, and so is one connection whose session changes. With a pool
// of one connection the only one at work on the pooler, a pooler may go unnoticed.
func detectPooler(ctx context.Context, db *sqlx.DB) (pooled bool, err error) {
	conns, err := connections(ctx, db)
	defer func() {
		for _, c := range conns {
			err = errors.Join(err, c.Close())
		}
	}()
	if err != nil {
		return false, err
	}
	owners := map[int]*sql.Conn{} // whose each session was
	for range DetectRounds {
		for _, c := range conns {
			var pid int
			if err := c.QueryRowContext(ctx, `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
				return false, preparedError(err)
			}
			if owner, seen := owners[pid]; seen && owner != c {
				return true, nil
			}
			owners[pid] = c
		}
		slices.Reverse(conns) // so that sessions handed out in turn do not seem to be one's own
	}
	return len(owners) > len(conns), nil
}

// connections takes two connections out of the pool, or one where it has no more. Whoever holds one
// waits only a while for the second, and else lets go and stands back: on a small pool two that
// hold one each would wait for each other.
func connections(ctx context.Context, db *sqlx.DB) ([]*sql.Conn, error) {
	for patience := 100 * time.Millisecond; ; patience = min(2*patience, 5*time.Second) {
		first, err := db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		if isSingle(db) {
			return []*sql.Conn{first}, nil
		}
		waiting, stop := context.WithTimeout(ctx, patience)
		second, err := db.Conn(waiting)
		gaveUp := waiting.Err() != nil
		stop()
		if err == nil {
			return []*sql.Conn{first, second}, nil
		}
		if err = errors.Join(err, first.Close()); !gaveUp || ctx.Err() != nil {
			return nil, err
		}
		select {
		case <-time.After(rand.N(2 * patience)): // at random, so that not all come back at once
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// DetectRounds is enough for a busy pooler, which hands out sessions at random, not to give the
// same ones each time.
const DetectRounds = 8

// isSingle reports whether the pool has one connection at most: a second is not to be waited for.
func isSingle(db *sqlx.DB) bool { return db.Stats().MaxOpenConnections == 1 }

// requireDirect returns ErrPooler when the pool leads through a pooler.
func requireDirect(ctx context.Context, db *sqlx.DB) error {
	pooled, err := detectPooler(ctx, db)
	if err != nil {
		return Reason(ctx, err)
	}
	if pooled {
		err = fmt.Errorf("%w: migrations need a session of their own: connect to PostgreSQL directly", ErrPooler)
	}
	return err
}

// preparedError explains what a driver gets to hear that prepares every statement, where the pooler
// does not follow prepared statements from session to session.
func preparedError(err error) error {
	if HasState(err, InvalidStatementName, DuplicateStatement) {
		return fmt.Errorf("%w that does not allow prepared statements: with pgx, add default_query_exec_mode=exec to the data source name: %w", ErrPooler, err)
	}
	return err
}

// Querier is a pool, or a transaction where there is a pooler.
type Querier interface {
	sqlx.QueryerContext
	sqlx.ExecerContext
}

// OneSession runs f on the pool, or, behind a pooler, in a transaction: outside of one, the parts
// of a statement with parameters could end up in different sessions.
func OneSession(ctx context.Context, db *sqlx.DB, pooled bool, f func(Querier) error) error {
	if !pooled {
		return f(db)
	}
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return NotBegun(err)
	}
	defer func() { _ = tx.Rollback() }() // an error once it is committed
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}
