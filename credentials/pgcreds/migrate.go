package pgcreds

import (
	"context"
	"database/sql"
	"embed"

	"github.com/jmoiron/sqlx"

	"github.com/ai-ots/accounts/internal/pgschema"
)

// DefaultSchema is where the table is unless WithSchema says otherwise.
const DefaultSchema = "trading"

// Option changes how a store works.
type Option func(*config)

type config struct{ schema pgschema.Name }

// WithSchema names the schema of the table, "trading" by default: 1 to 50 lower-case letters,
// digits and underscores, else accounts.ErrInvalid.
func WithSchema(name string) Option { return func(c *config) { c.schema = pgschema.Name(name) } }

func schemaOf(opts []Option) (pgschema.Name, error) {
	c := config{schema: DefaultSchema}
	for _, o := range opts {
		o(&c)
	}
	return c.schema, c.schema.Validate()
}

// The migrations, as plain SQL for schema trading: <version>_<name>.up.sql and .down.sql.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

var migrations = pgschema.Set{
	Files:    migrationFiles,
	Target:   2,
	Table:    "trading.accounts_credentials_version",
	Mismatch: mismatch,
}

// Database is what leads to a database: a data source name, or a pool of connections.
type Database interface{ string | *sql.DB | *sqlx.DB }

// Migrate brings the schema to the version that this package works with. Where nothing is to be
// done it changes nothing. Several processes may call it at once; one does the work. It touches no
// table of others, those of store/pgstore neither, and the two may be in one schema or in one each.
//
// db must lead to PostgreSQL itself, else ErrPooler. A data source name is a URL or key=value
// pairs: it gets connections of lib/pq's that are closed again, and accounts.ErrInvalid if it
// cannot be read. It never appears in an error. A pool stays the caller's.
func Migrate[D Database](ctx context.Context, db D, opts ...Option) error {
	n, err := schemaOf(opts)
	if err != nil {
		return err
	}
	return pgschema.With(db, func(pool *sqlx.DB) error { return migrations.Migrate(ctx, pool, n) })
}

// Rollback takes migrations back until the schema is at the version; 0 takes all back. It refuses
// to destroy credentials. Otherwise as Migrate.
func Rollback[D Database](ctx context.Context, db D, version int64, opts ...Option) error {
	n, err := schemaOf(opts)
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
	n, err := schemaOf(opts)
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
	return pgschema.Mismatch("pgcreds", e.Schema, e.Found, e.Wanted)
}

// Unwrap returns ErrSchema.
func (e *SchemaError) Unwrap() error { return ErrSchema }

func mismatch(schema string, found, wanted int64) error { return &SchemaError{schema, found, wanted} }
