package pgschema

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// CloseStatements closes what was prepared on a pool, unless the server is silent: database/sql
// holds the whole pool while lib/pq waits for the answer of a server that says nothing. Then they
// are left to the end of their connections, and CloseStatements returns an error after so much
// time.
func CloseStatements(db *sqlx.DB, patience time.Duration, close func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		// A server that is gone answers at once, with an error: then there is nothing to wait for.
		if _ = db.PingContext(ctx); ctx.Err() != nil {
			done <- ctx.Err()
			return
		}
		done <- close()
	}()
	select {
	case err := <-done:
		if err != nil && errors.Is(err, ctx.Err()) {
			break
		}
		return err
	case <-ctx.Done():
	}
	return fmt.Errorf("statements stay prepared: the server does not answer: %w", ctx.Err())
}

// CloseWithin closes the pool, and cuts its connections where that takes longer: the server is
// silent.
func (p *Pool) CloseWithin(patience time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- p.Close() }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
	}
	p.Cut()
	<-done // it says that connections were cut
	return nil
}
