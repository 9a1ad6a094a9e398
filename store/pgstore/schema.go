package pgstore

import (
	"context"
	"embed"

	"github.com/jmoiron/sqlx"

	"github.com/ai-ots/accounts/internal/pgschema"
)

// DefaultSchema is where the tables are unless WithSchema says otherwise.
const DefaultSchema = "trading"

// schema is the name of the schema in which the tables are.
type schema string

// in returns the statement, which is written for schema trading, for the schema.
func (s schema) in(statement string) string { return pgschema.Name(s).In(statement) }

// check returns a *SchemaError unless the schema is at the version that this package works with.
func (s schema) check(ctx context.Context, db sqlx.QueryerContext) error {
	return migrations.Check(ctx, db, pgschema.Name(s))
}

// The migrations, as plain SQL for schema trading: <version>_<name>.up.sql and .down.sql.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// targetVersion is the version of the newest migration.
const targetVersion = 11

// migrations are this package's. Where TimescaleDB keeps the signals, some have another form.
var migrations = pgschema.Set{
	Files:    migrationFiles,
	Target:   targetVersion,
	Table:    "trading.accounts_schema_version",
	Mismatch: mismatch,
	Variant: func(ctx context.Context, db sqlx.QueryerContext, n pgschema.Name) (string, error) {
		is, err := schema(n).isHypertable(ctx, db, "signals")
		if err != nil || !is {
			return "", err
		}
		return hypertableVariant, nil
	},
}

const hypertableVariant = "hypertable"

// isHypertable reports whether TimescaleDB keeps the table.
func (s schema) isHypertable(ctx context.Context, db sqlx.QueryerContext, table string) (bool, error) {
	var is bool
	err := sqlx.GetContext(ctx, db, &is, `SELECT to_regclass('timescaledb_information.hypertables') IS NOT NULL`)
	if err == nil && is {
		err = sqlx.GetContext(ctx, db, &is, `SELECT EXISTS (SELECT FROM timescaledb_information.hypertables
			WHERE hypertable_schema = $1 AND hypertable_name = $2)`, string(s), table)
	}
	return is, err
}
