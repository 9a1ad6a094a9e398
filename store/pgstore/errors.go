package pgstore

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"

	"github.com/lib/pq"

	"github.com/ai-ots/accounts"
)

// ErrSchema is returned when a database's schema is older or newer than this package works with. The
// error is a *SchemaError.
var ErrSchema = errors.New("schema version does not fit")

// ErrPooler is returned where a pooler in transaction mode is in between and cannot be: by Migrate and
// Rollback, and by New for a driver that prepares every statement where the pooler does not allow that.
var ErrPooler = errors.New("database is behind a pooler")

// SQLSTATE codes that mean something here.
const (
	uniqueViolation      = "23505"
	foreignKeyViolation  = "23503"
	lockNotAvailable     = "55P03"
	deadlockDetected     = "40P01"
	serializationFailure = "40001"
	stringTooLong        = "22001"
	invalidEncoding      = "22021" // a zero byte, or what is not UTF-8
	untranslatable       = "22P05"
	invalidStatementName = "26000"
	duplicateStatement   = "42P05"
	undefinedTable       = "42P01"
	undefinedColumn      = "42703"
	completionUnknown    = "40003"
)

// sqlState is what pgx's errors have; lib/pq's have it from a method of the same name.
type sqlState interface{ SQLState() string }

// state returns the SQLSTATE of an error of the server's, "" for any other.
func state(err error) string {
	var s sqlState
	if errors.As(err, &s) {
		return s.SQLState()
	}
	return ""
}

func hasState(err error, codes ...string) bool {
	found := state(err)
	for _, code := range codes {
		if found == code {
			return true
		}
	}
	return false
}

// constraint returns the name of the constraint or unique index that was violated, "" for none. The
// drivers keep it in fields of different names, and this package does not import pgx for one of them.
func constraint(err error) string {
	var e *pq.Error
	if errors.As(err, &e) {
		return e.Constraint
	}
	var s sqlState
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
func aborted(err error) bool {
	code := state(err)
	return code != "" && code != completionUnknown && !strings.HasPrefix(code, "08") && !strings.HasPrefix(code, "57P")
}

// translate gives errors of the server's the sentinels that they stand for. It is the one place where
// that happens; what is left is the driver's own error.
func translate(err error) error {
	var unreadable *url.Error
	if errors.As(err, &unreadable) {
		return errDSN // it quotes the data source name, with its password
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
	case stringTooLong, invalidEncoding, untranslatable:
		return fmt.Errorf("%w: %w", accounts.ErrInvalid, err)
	case undefinedTable, undefinedColumn:
		return fmt.Errorf("%w: %w", ErrSchema, err)
	}
	return err
}
