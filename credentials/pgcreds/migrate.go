package pgcreds

import (
	"context"
	"embed"

	"github.com/jmoiron/sqlx"

	"github.com/ai-ots/accounts/internal/pgschema"
)

// DefaultSchema is where the table is unless WithSchema says otherwise.
const DefaultSchema = "trading"

// Option changes how a store works.
type Option func(*config)

type config struct{ schema pgschema.Name }

// WithSchema names the schema of the table, "trading" by default: 1 to 50 lower-case letters, digits
// and underscores, else accounts.ErrInvalid.
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
	Package: "pgcreds",
	Files:   migrationFiles,
	Target:  1,
	Table:   "trading.accounts_credentials_version",
}

// Migrate brings the schema to the version that this package works with. Where nothing is to be done it
// changes nothing. Several processes may call it at once; one does the work. It touches no table of
// others, those of store/pgstore neither, and the two may be in one schema or in one each.
//
// db must lead to PostgreSQL itself, else ErrPooler, and is not closed.
func Migrate(ctx context.Context, db *sqlx.DB, opts ...Option) error {
	n, err := schemaOf(opts)
	if err != nil {
		return err
	}
	return migrations.Migrate(ctx, db, n)
}

// Rollback takes migrations back until the schema is at the version; 0 takes all back. It refuses to
// destroy credentials. Otherwise as Migrate.
func Rollback(ctx context.Context, db *sqlx.DB, version int64, opts ...Option) error {
	n, err := schemaOf(opts)
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
	n, err := schemaOf(opts)
	if err != nil {
		return SchemaStatus{}, err
	}
	return migrations.Status(ctx, db, n)
}

// SchemaError tells that a database's Schema is not the one that this version of the library works
// with: which migration was Found, 0 for none, and which is Wanted. It wraps ErrSchema.
type SchemaError = pgschema.SchemaError
