package pgstore

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"
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
	s, err := schemaOf(opts)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := requireDirect(ctx, db); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	found, err := s.version(ctx, db)
	if err == nil && found > targetVersion {
		err = &SchemaError{Schema: string(s), Found: found, Wanted: targetVersion}
	}
	if err == nil {
		_, err = db.ExecContext(ctx, s.in(createSchema))
	}
	if err != nil {
		return fmt.Errorf("migrate: %w", reason(ctx, err))
	}
	return retryLocked(ctx, func() error {
		return s.run(ctx, db, "migrate", func(p *goose.Provider) error {
			_, err := p.Up(ctx)
			return err
		})
	})
}

// createSchema needs the right to create one only where there is none.
const createSchema = `DO $$ BEGIN
	IF to_regnamespace('trading') IS NULL THEN CREATE SCHEMA trading; END IF;
EXCEPTION WHEN duplicate_schema OR unique_violation THEN NULL; -- another process was faster
END $$`

// Rollback takes migrations back until the schema is at the version; 0 takes all back and leaves the
// shared tables without the library's columns. It refuses to destroy a journal that is not empty.
// Otherwise as Migrate.
func Rollback(ctx context.Context, db *sqlx.DB, version int64, opts ...Option) error {
	s, err := schemaOf(opts)
	if err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	if err := requireDirect(ctx, db); err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	return retryLocked(ctx, func() error {
		return s.run(ctx, db, "roll back", func(p *goose.Provider) error {
			_, err := p.DownTo(ctx, version)
			return err
		})
	})
}

// SchemaStatus is where a schema stands.
type SchemaStatus struct {
	Schema  string
	Version int64 // the newest migration that was applied; 0 for none
	Target  int64 // the version that this package works with
}

// Current reports whether the schema is at the version that this package works with.
func (s SchemaStatus) Current() bool { return s.Version == s.Target }

// Status tells where the schema stands, without changing anything.
func Status(ctx context.Context, db *sqlx.DB, opts ...Option) (SchemaStatus, error) {
	s, err := schemaOf(opts)
	if err != nil {
		return SchemaStatus{}, fmt.Errorf("schema status: %w", err)
	}
	tx, err := db.BeginTxx(ctx, nil) // behind a pooler nothing else is one session
	if err != nil {
		return SchemaStatus{}, fmt.Errorf("schema status: %w", reason(ctx, err))
	}
	defer func() { _ = tx.Rollback() }() // nothing was changed
	found, err := s.version(ctx, tx)
	if err != nil {
		return SchemaStatus{}, fmt.Errorf("schema status: %w", reason(ctx, err))
	}
	return SchemaStatus{Schema: string(s), Version: found, Target: targetVersion}, nil
}

// run hands the schema's migrations to f, which one process at a time gets to do.
func (s schema) run(ctx context.Context, db *sqlx.DB, what string, f func(*goose.Provider) error) error {
	hypertable, err := s.isHypertable(ctx, db, "signals")
	if err != nil {
		return fmt.Errorf("%s: %w", what, reason(ctx, err))
	}
	files, err := migrations(s, hypertable)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(s.lockID()), lock.WithLockTimeout(1, 24*60*60))
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	store, err := database.NewStore(goose.DialectPostgres, s.versionTable())
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	provider, err := goose.NewProvider(goose.DialectCustom, db.DB, files,
		goose.WithSessionLocker(locker), goose.WithStore(versionStore{store}),
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := f(provider); err != nil {
		return fmt.Errorf("%s schema %s: %w", what, s, reason(ctx, err))
	}
	return nil
}

// versionStore is goose's, which does not find a table again whose schema's name is quoted.
type versionStore struct{ database.Store }

// TableExists implements database.StoreExtender.
func (s versionStore) TableExists(ctx context.Context, db database.DBTxConn) (exists bool, err error) {
	err = db.QueryRowContext(ctx, `SELECT to_regclass($1) IS NOT NULL`, s.Tablename()).Scan(&exists)
	return exists, err
}

// lockID is the advisory lock of whoever migrates the schema.
func (s schema) lockID() int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("accounts schema " + s))
	return int64(h.Sum64() >> 1)
}

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

// retryLocked repeats f while it fails for a lock that it did not get in time.
func retryLocked(ctx context.Context, f func() error) error {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		err := f()
		if !hasState(err, lockNotAvailable, deadlockDetected) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}
