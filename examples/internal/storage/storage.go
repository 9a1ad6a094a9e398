// Package storage is where the examples keep profiles and journals: in memory, or in PostgreSQL.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/memstore"
	"github.com/ai-ots/accounts/store/pgstore"
)

// Flags are an example's flags for it.
type Flags struct{ dsn, schema, fallback string }

// Add adds the flags to an example's. The schema is its own, so that a demonstration never gets
// among a site's accounts.
func (f *Flags) Add(flags *flag.FlagSet, schema string) {
	f.fallback = schema
	flags.Func("dsn", "keep profiles and journals in PostgreSQL, migrated first, at this `data source name`; in memory without it", f.setDSN)
	flags.StringVar(&f.schema, "schema", schema, "`schema` in that database, which is made if it is not there")
}

// setDSN refuses what an unset variable leaves: whoever writes -dsn means to keep something.
func (f *Flags) setDSN(dsn string) error {
	if f.dsn = dsn; dsn == "" {
		return errors.New("is empty")
	}
	return nil
}

// Check refuses flags that do not go together, once they are parsed.
func (f *Flags) Check() error {
	if f.dsn == "" && f.schema != f.fallback {
		return fmt.Errorf("-schema %s is nowhere without -dsn", f.schema)
	}
	return nil
}

// Kept reports whether what is written outlives the process, and other processes see it.
func (f *Flags) Kept() bool { return f.dsn != "" }

// Open returns an empty store, which the caller closes. It refuses a schema with profiles: an
// example's ids are the same each time, and what it prints must not depend on what others have
// there. Its error is one line.
func (f *Flags) Open(ctx context.Context) (accounts.Store, error) {
	s, err := f.Reopen(ctx)
	if err != nil {
		return nil, err
	}
	profiles, err := s.Profiles(ctx, accounts.ProfileFilter{Limit: 1})
	if err == nil && len(profiles) > 0 {
		err = fmt.Errorf("-schema: %s holds profiles already: name a new one, or drop it if nothing in it is needed", f.schema)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Reopen returns a store with whatever earlier runs have left in it, which the caller closes. Its
// error is one line.
func (f *Flags) Reopen(ctx context.Context) (accounts.Store, error) {
	if f.dsn == "" {
		return memstore.New(), nil
	}
	err := f.migrate(ctx)
	var s accounts.Store
	if err == nil {
		s, err = pgstore.Open(ctx, f.dsn, pgstore.WithSchema(f.schema))
	}
	if err != nil { // of several hosts the driver has a line for each
		return nil, errors.New("-dsn: " + strings.NewReplacer(":\n", ": ", "\n", "; ").Replace(err.Error()))
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
