package pgcreds

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgschema"
)

// ErrSchema is returned when a database's schema is older or newer than this package works with.
// The error is a *SchemaError.
var ErrSchema = errSchema

// ErrPooler is returned where a pooler in transaction mode is in between and cannot be: by Migrate
// and Rollback, and by New for a driver that prepares every statement where the pooler does not
// allow that.
var ErrPooler = errPooler

// The sentinels are the same in every package that keeps tables in PostgreSQL.
var (
	errSchema = pgschema.ErrSchema
	errPooler = pgschema.ErrPooler
)

// ErrUnreadable is returned for credentials that are there and cannot be decrypted. The error is
// also ErrUnknownKey or ErrTampered. Put and Delete work on them as on any other.
var ErrUnreadable = errors.New("credentials cannot be read")

// ErrUnknownKey is returned when the keyset has no enabled key of the id under which credentials
// were put: it is not the right keyset, or an older or newer one.
var ErrUnknownKey = fmt.Errorf("%w: the keyset does not have their key", ErrUnreadable)

// ErrTampered is returned when rows are not as they were put together: changed, moved, missing,
// added, or some from an earlier write than the others.
var ErrTampered = fmt.Errorf("%w: they are not as they were put", ErrUnreadable)

// written gives an error of a write accounts.ErrOutcomeUnknown unless the server said that it
// changed nothing, or was never reached.
func written(err error) error {
	var network *net.OpError
	unreached := errors.As(err, &network) && network.Op == "dial"
	if err == nil || unreached || pgschema.Aborted(err) {
		return err
	}
	return fmt.Errorf("%w: %w", accounts.ErrOutcomeUnknown, err)
}

// failed gives an error of the database's its context: what was to be done, and whether the caller
// or Close ended it. Nothing that was to be stored is in it but ciphertext.
func (s *Store) failed(ctx context.Context, err error, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil && s.closed.Load():
		return fmt.Errorf("%s: %w: %w", what, accounts.ErrClosed, err)
	case pgschema.HasState(err, pgschema.UndefinedFunction):
		return fmt.Errorf("%s: %w: %w", what, ErrSchema, err)
	}
	return fmt.Errorf("%s: %w", what, pgschema.Reason(ctx, err))
}

// retry is the patience with others who change the same rows: pauses of some two seconds at most.
var retry = pgschema.Retry{Tries: 40, First: time.Millisecond}
