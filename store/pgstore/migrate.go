package pgstore

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"

	"github.com/ai-ots/accounts/internal/pgschema"
)

// Database is what leads to a database: a data source name, or a pool of connections.
type Database interface{ string | *sql.DB | *sqlx.DB }

// Migrate brings the schema to the version that this package works with: from an empty database,
// from the tables that services share as they are without this library, or from an older version.
// Where nothing is to be done it changes nothing. Several processes may call it at once; one does
// the work.
//
// It is safe while services work on the tables: it takes locks that block them for a fifth of a
// second at most, and tries again where it does not get one, until ctx ends. It waits for
// transactions that began before its indexes.
//
// db must lead to PostgreSQL itself, else ErrPooler. A data source name is that of Open: it gets
// connections of lib/pq's that are closed again, and accounts.ErrInvalid if it cannot be read. A
// pool stays the caller's.
//
// What refuses, such as a column of another type under a name that is needed, is found before
// anything is changed. A failure later on leaves the migrations before it applied: the next call
// goes on from there.
//
// A migration is the one write that the end of ctx cancels on the server: it can be done again, and
// waiting for others' transactions must have an end. Once something was begun Migrate returns
// accounts.ErrOutcomeUnknown when ctx ends or the connection is lost, and never nil.
// accounts.ErrUnavailable says that nothing was changed. Options but WithSchema are ignored.
func Migrate[D Database](ctx context.Context, db D, opts ...Option) error {
	n, err := nameOf(opts)
	if err != nil {
		return err
	}
	return pgschema.With(db, func(pool *sqlx.DB) error { return migrations.Migrate(ctx, pool, n) })
}

// Rollback takes migrations back until the schema is at the version; 0 takes all back and leaves
// the shared tables without the library's columns. It refuses to destroy a journal that is not
// empty, and then has changed nothing. Below version 9 it forgets the leases: their fences begin at
// 1 again. No service may use the library meanwhile. Otherwise as Migrate.
func Rollback[D Database](ctx context.Context, db D, version int64, opts ...Option) error {
	n, err := nameOf(opts)
	if err != nil {
		return err
	}
	return pgschema.With(db, func(pool *sqlx.DB) error { return migrations.Rollback(ctx, pool, n, version) })
}

// SchemaStatus is where a schema stands.
type SchemaStatus struct {
	Schema  string
	Version int64 // the newest migration that was applied; 0 for none
	Target  int64 // the version that this package works with
}

// Current reports whether the schema is at the version that this package works with.
func (s SchemaStatus) Current() bool { return s.Version == s.Target }

// Status tells where the schema stands, without changing anything. db is as for Migrate.
func Status[D Database](ctx context.Context, db D, opts ...Option) (status SchemaStatus, err error) {
	n, err := nameOf(opts)
	if err != nil {
		return SchemaStatus{}, err
	}
	err = pgschema.With(db, func(pool *sqlx.DB) error {
		found, err := migrations.Status(ctx, pool, n)
		status = SchemaStatus(found)
		return err
	})
	return status, err
}

// SchemaError tells that a database's schema is not the one that this version of the library works
// with. It wraps ErrSchema.
type SchemaError struct {
	Schema string
	Found  int64 // the newest migration that was applied; 0 for none
	Wanted int64 // the one that this package works with
}

// Error names both versions and what to do.
func (e *SchemaError) Error() string {
	return pgschema.Mismatch("pgstore", e.Schema, e.Found, e.Wanted)
}

// Unwrap returns ErrSchema.
func (e *SchemaError) Unwrap() error { return ErrSchema }

func mismatch(schema string, found, wanted int64) error { return &SchemaError{schema, found, wanted} }
