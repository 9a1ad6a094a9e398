package pgstore

import (
	"context"
	"fmt"
	"regexp"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/ai-ots/accounts"
)

// DefaultSchema is where the tables are unless WithSchema says otherwise.
const DefaultSchema = "trading"

// schema is the name of the schema in which the tables are.
type schema string

// schemaPattern is what goes without quotes. Stranger names exist, but nobody needs one here.
var schemaPattern = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,49}$`)

func (s schema) validate() error {
	if !schemaPattern.MatchString(string(s)) {
		return fmt.Errorf("%w: schema name %.80q is not 1 to 50 lower-case letters, digits and underscores", accounts.ErrInvalid, string(s))
	}
	return nil
}

// schemaWord is how every statement and migration names the schema.
var schemaWord = regexp.MustCompile(`\btrading\b`)

// in returns the statement for the schema: text that is written for schema trading, as it stands in
// the migrations, so that they can be read and run without this program. Nothing but a validated and
// quoted name ever gets into a statement.
func (s schema) in(statement string) string {
	if s == DefaultSchema {
		return statement
	}
	return schemaWord.ReplaceAllLiteralString(statement, pq.QuoteIdentifier(string(s)))
}

// versionTable keeps which migrations were applied.
func (s schema) versionTable() string { return s.in("trading.accounts_schema_version") }

// version returns the newest migration that was applied to the schema, 0 for none.
func (s schema) version(ctx context.Context, db sqlx.QueryerContext) (int64, error) {
	var exists bool
	if err := sqlx.GetContext(ctx, db, &exists, `SELECT to_regclass($1) IS NOT NULL`, s.versionTable()); err != nil {
		return 0, fmt.Errorf("read the version of schema %s: %w", s, err)
	}
	if !exists {
		return 0, nil
	}
	var version int64
	err := sqlx.GetContext(ctx, db, &version, `SELECT coalesce(max(version_id), 0) FROM `+s.versionTable()+` WHERE is_applied`)
	if err != nil {
		return 0, fmt.Errorf("read the version of schema %s: %w", s, err)
	}
	return version, nil
}

// SchemaError tells that a database's schema is not the one that this version of the library works
// with. It wraps ErrSchema.
type SchemaError struct {
	Schema string
	Found  int64 // the newest migration that was applied; 0 for none
	Wanted int64 // the one this library works with
}

// Error names both versions and what to do.
func (e *SchemaError) Error() string {
	todo := "run pgstore.Migrate first"
	if e.Found > e.Wanted {
		todo = "it was migrated by a newer version of the library: use that"
	}
	return fmt.Sprintf("schema %q is at version %d, not %d: %s", e.Schema, e.Found, e.Wanted, todo)
}

// Unwrap returns ErrSchema.
func (e *SchemaError) Unwrap() error { return ErrSchema }

// check returns a *SchemaError unless the schema is at the version that this package works with.
func (s schema) check(ctx context.Context, db sqlx.QueryerContext) error {
	found, err := s.version(ctx, db)
	if err == nil && found != targetVersion {
		err = &SchemaError{Schema: string(s), Found: found, Wanted: targetVersion}
	}
	return err
}
