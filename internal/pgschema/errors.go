package pgschema

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/ai-ots/accounts"
)

// ErrSchema is returned when a database's schema is older or newer than a package works with.
var ErrSchema = errors.New("schema version does not fit")

// ErrPooler is returned where a pooler in transaction mode is in between and cannot be.
var ErrPooler = errors.New("database is behind a pooler")

// ErrDSN stands for a data source name that cannot be read: the parser's error may hold the
// password.
var ErrDSN = fmt.Errorf("%w: data source name cannot be read", accounts.ErrInvalid)

// SQLSTATE codes that mean something here.
const (
	UniqueViolation      = "23505"
	ForeignKeyViolation  = "23503"
	LockNotAvailable     = "55P03"
	DeadlockDetected     = "40P01"
	SerializationFailure = "40001"
	StringTooLong        = "22001"
	InvalidEncoding      = "22021" // a zero byte, or what is not UTF-8
	Untranslatable       = "22P05"
	CompletionUnknown    = "40003"
	InvalidStatementName = "26000"
	DuplicateStatement   = "42P05"
	UndefinedTable       = "42P01"
	UndefinedColumn      = "42703"
	UndefinedFunction    = "42883"
	QueryCanceled        = "57014"
)

// SQLState is what pgx's errors have; lib/pq's have it from a method of the same name.
type SQLState interface{ SQLState() string }

// State returns the SQLSTATE of an error of the server's, "" for any other.
func State(err error) string {
	var s SQLState
	if errors.As(err, &s) {
		return s.SQLState()
	}
	return ""
}

// HasState reports whether the error is the server's, with one of the codes.
func HasState(err error, codes ...string) bool {
	found := State(err)
	return found != "" && slices.Contains(codes, found)
}

// Aborted reports whether the server refused a statement, which surely changed nothing then. That a
// connection was lost or a server goes down tells nothing about the statement, whoever says so: a
// pooler has codes for it too.
func Aborted(err error) bool {
	return State(err) != "" && !Lost(err)
}

// Translate gives errors of the server's the sentinels that they stand for, whatever the tables;
// what is left is the driver's own error. It is for what changes nothing when it fails: of a write
// that was sent, see Lost first.
func Translate(err error) error {
	var unreadable *url.Error
	switch {
	case errors.As(err, &unreadable):
		return ErrDSN // it quotes the data source name, with its password
	case errors.Is(err, accounts.ErrUnavailable), errors.Is(err, accounts.ErrOutcomeUnknown):
		return err
	}
	switch State(err) {
	case StringTooLong, InvalidEncoding, Untranslatable:
		return fmt.Errorf("%w: %w", accounts.ErrInvalid, err)
	case UndefinedTable, UndefinedColumn:
		return fmt.Errorf("%w: %w", ErrSchema, err)
	}
	if Unavailable(err) {
		return NotReached(err)
	}
	return err
}

// Reason gives an error of the database's what it stands for: the caller's end, where that may be
// why, or what Translate says.
func Reason(ctx context.Context, err error) error {
	ended := ctx.Err()
	code := State(err)
	switch {
	case err == nil || ended == nil || errors.Is(err, ended) || code != "" && code != QueryCanceled && !Lost(err):
		return Translate(err)
	case Lost(err):
		return fmt.Errorf("%w: %w", ended, Veil(err))
	}
	return fmt.Errorf("%w: %w", ended, err)
}
