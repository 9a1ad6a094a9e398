// Package storage is where the examples keep profiles and journals: in memory, or in PostgreSQL.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/memstore"
	"github.com/ai-ots/accounts/store/pgstore"
)

// Flags are an example's flags for it.
type Flags struct{ dsn, schema string }

// Add adds the flags to an example's. The schema is its own, so that a demonstration never gets among
// a site's accounts.
func (f *Flags) Add(flags *flag.FlagSet, schema string) {
	flags.StringVar(&f.dsn, "dsn", "", "keep journals in PostgreSQL, at this `data source name`, instead of in memory")
	flags.StringVar(&f.schema, "schema", schema, "`schema` in that database; it is made, and must not hold an earlier run")
}

// Open returns an empty store, which the caller closes.
func (f *Flags) Open(ctx context.Context) (accounts.Store, error) {
	if f.dsn == "" {
		return memstore.New(), nil
	}
	if err := f.migrate(ctx); err != nil {
		return nil, fmt.Errorf("-dsn: %w", err)
	}
	s, err := pgstore.Open(ctx, f.dsn, pgstore.WithSchema(f.schema))
	if err != nil {
		return nil, fmt.Errorf("-dsn: %w", err)
	}
	profiles, err := s.Profiles(ctx, accounts.ProfileFilter{Limit: 1})
	if err == nil && len(profiles) > 0 {
		err = fmt.Errorf("-schema: %s holds profiles already: name another, or drop it", f.schema)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// migrate makes the schema. A service would leave that to whoever deploys it.
func (f *Flags) migrate(ctx context.Context) (err error) {
	connector, err := pq.NewConnector(f.dsn)
	if err != nil {
		return errors.New("it cannot be read") // the driver's error may quote it, with its password
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "postgres")
	defer func() { err = errors.Join(err, db.Close()) }()
	return pgstore.Migrate(ctx, db, pgstore.WithSchema(f.schema))
}
