package pgstore

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/lib/pq"

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
	errDSN    = pgschema.ErrDSN // stands for a data source name that cannot be read
)

// SQLSTATE codes that mean something here.
const (
	uniqueViolation      = pgschema.UniqueViolation
	foreignKeyViolation  = pgschema.ForeignKeyViolation
	lockNotAvailable     = pgschema.LockNotAvailable
	deadlockDetected     = pgschema.DeadlockDetected
	serializationFailure = pgschema.SerializationFailure
	stringTooLong        = pgschema.StringTooLong
	invalidEncoding      = pgschema.InvalidEncoding
	undefinedFunction    = pgschema.UndefinedFunction

	featureNotSupported   = "0A000"
	insufficientPrivilege = "42501"
)

// state returns the SQLSTATE of an error of the server's, "" for any other.
func state(err error) string { return pgschema.State(err) }

func hasState(err error, codes ...string) bool { return pgschema.HasState(err, codes...) }

// constraint returns the name of the constraint or unique index that was violated, "" for none. The
// drivers keep it in fields of different names, and this package does not import pgx for one of
// them.
func constraint(err error) string {
	var e *pq.Error
	if errors.As(err, &e) {
		return e.Constraint
	}
	var s pgschema.SQLState
	if !errors.As(err, &s) {
		return ""
	}
	v := reflect.Indirect(reflect.ValueOf(s))
	if v.Kind() != reflect.Struct {
		return ""
	}
	if name := v.FieldByName("ConstraintName"); name.IsValid() && name.Kind() == reflect.String {
		return name.String()
	}
	return ""
}

// violates reports whether a unique constraint or index of the name was violated.
func violates(err error, name string) bool {
	return hasState(err, uniqueViolation) && constraint(err) == name
}

// aborted reports whether the server refused a statement, which surely changed nothing then. That a
// connection was lost or a server goes down tells nothing about the statement, whoever says so: a
// pooler has codes for it too.
func aborted(err error) bool { return state(err) != "" && !pgschema.Lost(err) }

// reason gives an error of the database's the sentinel that it stands for, or the caller's end
// where that may be why. What is left is the driver's own error, without a text that tells where
// the server is.
func reason(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, accounts.ErrOutcomeUnknown), errors.Is(err, accounts.ErrUnavailable):
		return err
	}
	switch state(err) {
	case uniqueViolation:
		switch constraint(err) {
		case "account_profiles_pkey":
			return fmt.Errorf("%w: %w", accounts.ErrProfileExists, err)
		case "account_profiles_owner_name_key":
			return fmt.Errorf("%w: %w", accounts.ErrNameTaken, err)
		}
	case foreignKeyViolation:
		return fmt.Errorf("%w: %w", accounts.ErrProfileNotFound, err)
	}
	return pgschema.Reason(ctx, err)
}
