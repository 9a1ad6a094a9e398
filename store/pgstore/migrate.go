package pgstore

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/ai-ots/accounts/internal/pgschema"
)

// Migrate brings the schema to the version that this package works with: from an empty database, from
// the tables that services share as they are without this library, or from an older version. Where
// nothing is to be done it changes nothing. Several processes may call it at once; one does the work.
//
// It is safe while services work on the tables: it takes locks that block them for a fifth of a second
// at most, and tries again where it does not get one, until ctx ends. It waits for transactions that
// began before its indexes. db must lead to PostgreSQL itself, else ErrPooler, and is not closed.
//
// A failure leaves the migrations before it applied: the next call goes on from there. Options but
// WithSchema are ignored.
func Migrate(ctx context.Context, db *sqlx.DB, opts ...Option) error {
	n, err := nameOf(opts)
	if err != nil {
		return err
	}
	return migrations.Migrate(ctx, db, n)
}

// Rollback takes migrations back until the schema is at the version; 0 takes all back and leaves the
// shared tables without the library's columns. It refuses to destroy a journal that is not empty.
// Otherwise as Migrate.
func Rollback(ctx context.Context, db *sqlx.DB, version int64, opts ...Option) error {
	n, err := nameOf(opts)
	if err != nil {
		return err
	}
	return migrations.Rollback(ctx, db, n, version)
}

// SchemaStatus is where a schema stands: its name, the Version of the newest migration that was applied
// (0 for none), the Target that this package works with, and whether it is Current.
type SchemaStatus = pgschema.SchemaStatus

// Status tells where the schema stands, without changing anything.
func Status(ctx context.Context, db *sqlx.DB, opts ...Option) (SchemaStatus, error) {
	n, err := nameOf(opts)
	if err != nil {
		return SchemaStatus{}, err
	}
	return migrations.Status(ctx, db, n)
}

// SchemaError tells that a database's Schema is not the one that this version of the library works
// with: which migration was Found, 0 for none, and which is Wanted. It wraps ErrSchema.
type SchemaError = pgschema.SchemaError
