package pgschema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"

	"github.com/ai-ots/accounts"
)

// Set is a package's migrations.
type Set struct {
	Files  fs.FS  // migrations/<version>_<name>.up.sql and .down.sql, for schema trading
	Target int64  // the version of the newest
	Table  string // the table of schema trading that keeps which were applied

	// Mismatch is the package's error, which is ErrSchema, for a schema that was found at another
	// version than is wanted; 0 for none.
	Mismatch func(schema string, found, wanted int64) error

	// Variant names the form of the migrations that the schema needs, "" for the plain one: where
	// there is <version>_<name>.<variant>.up.sql, that is taken. nil means that there are none.
	Variant func(ctx context.Context, db sqlx.QueryerContext, n Name) (string, error)
}

// Migrate brings the schema to the set's version. One process does the work, the others wait.
func (s *Set) Migrate(ctx context.Context, db *sqlx.DB, n Name) error {
	err := s.run(ctx, db, func() (begun bool, err error) {
		found, err := s.version(ctx, db, n)
		switch {
		case err != nil:
			return false, err
		case found > s.Target:
			return false, s.Mismatch(string(n), found, s.Target)
		}
		if err := s.rehearse(ctx, db, n, up, s.Target); err != nil {
			return false, err
		}
		if _, err := db.ExecContext(ctx, n.In(createSchema)); err != nil {
			return true, err
		}
		p, err := s.provider(ctx, db, n)
		if err == nil {
			_, err = p.Up(ctx)
		}
		return true, err
	})
	if err != nil {
		return fmt.Errorf("migrate schema %s: %w", n, err)
	}
	return nil
}

// createSchema needs the right to create one only where there is none.
const createSchema = `DO $$ BEGIN
	IF to_regnamespace('trading') IS NULL THEN CREATE SCHEMA trading; END IF;
EXCEPTION WHEN duplicate_schema OR unique_violation THEN NULL; -- another process was faster
END $$`

// Rollback takes migrations back until the schema is at the version. What refuses is found first.
func (s *Set) Rollback(ctx context.Context, db *sqlx.DB, n Name, version int64) error {
	err := s.run(ctx, db, func() (begun bool, err error) {
		if err := s.rehearse(ctx, db, n, down, version); err != nil {
			return false, err
		}
		p, err := s.provider(ctx, db, n)
		if err == nil {
			_, err = p.DownTo(ctx, version)
		}
		return true, err
	})
	if err != nil {
		return fmt.Errorf("roll back schema %s: %w", n, err)
	}
	return nil
}

// SchemaStatus is where a schema stands.
type SchemaStatus struct {
	Schema  string
	Version int64 // the newest migration that was applied; 0 for none
	Target  int64 // the version that the package works with
}

// Current reports whether the schema is at the version that the package works with.
func (s SchemaStatus) Current() bool { return s.Version == s.Target }

// Status tells where the schema stands, without changing anything.
func (s *Set) Status(ctx context.Context, db *sqlx.DB, n Name) (SchemaStatus, error) {
	version, err := Read(ctx, NewReads(db, nil), func(ctx context.Context) (version int64, err error) {
		// In a transaction: behind a pooler nothing else is one session. A standby takes one that
		// only reads.
		tx, err := db.BeginTxx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			return 0, err
		}
		defer func() { _ = tx.Rollback() }() // an error once it is committed
		if version, err = s.version(ctx, tx, n); err != nil {
			return 0, err
		}
		return version, tx.Commit()
	})
	if err != nil {
		return SchemaStatus{}, fmt.Errorf("schema status: %w", Reason(ctx, err))
	}
	return SchemaStatus{Schema: string(n), Version: version, Target: s.Target}, nil
}

// Mismatch says that a schema is at another version than the package works with, and what to do.
func Mismatch(pkg, schema string, found, wanted int64) string {
	todo := "run " + pkg + ".Migrate first"
	if found > wanted {
		todo = "it was migrated by a newer version of the library: use that"
	}
	return fmt.Sprintf("schema %q is at version %d, not %d: %s", schema, found, wanted, todo)
}

// Check returns the set's Mismatch unless the schema is at the set's version.
func (s *Set) Check(ctx context.Context, db sqlx.QueryerContext, n Name) error {
	found, err := s.version(ctx, db, n)
	if err == nil && found != s.Target {
		err = s.Mismatch(string(n), found, s.Target)
	}
	return err
}

// version returns the newest migration that was applied to the schema, 0 for none.
func (s *Set) version(ctx context.Context, db sqlx.QueryerContext, n Name) (version int64, err error) {
	var exists bool
	table := n.In(s.Table)
	err = sqlx.GetContext(ctx, db, &exists, `SELECT to_regclass($1) IS NOT NULL`, table)
	if err == nil && exists {
		err = sqlx.GetContext(ctx, db, &version, `SELECT coalesce(max(version_id), 0) FROM `+table+` WHERE is_applied`)
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of schema %s: %w", n, err)
	}
	return version, nil
}

// maxSteps bounds how often a migration is tried: some three minutes of pauses, beside what the
// server waits for its locks.
const maxSteps = 200

// run calls f, which migrates and tells whether it may have changed something, and calls it again
// while it fails for a lock that it did not get in time. A step is cancelled when ctx ends: what a
// step does can be done again. What a cancelled step came to is not known, even where the server
// reports success: it may be durable on one server and lost on the next. So nothing is reported as
// done once ctx has ended.
func (s *Set) run(ctx context.Context, db *sqlx.DB, f func() (begun bool, err error)) error {
	if err := requireDirect(ctx, db); err != nil {
		return err
	}
	pause := 50 * time.Millisecond
	for try := 1; ; try, pause = try+1, min(2*pause, 2*time.Second) {
		begun, err := f()
		if try < maxSteps && (errors.Is(err, errBusy) || HasState(err, LockNotAvailable, DeadlockDetected, SerializationFailure)) {
			select {
			case <-time.After(pause):
				continue
			case <-ctx.Done(): // that step did nothing
				return Reason(ctx, fmt.Errorf("%w: %w", ctx.Err(), err))
			}
		}
		switch ended := ctx.Err(); {
		case begun && ended != nil && err != nil:
			return fmt.Errorf("%w: %w: %w", accounts.ErrOutcomeUnknown, ended, Veil(err))
		case begun && ended != nil:
			return fmt.Errorf("%w: %w", accounts.ErrOutcomeUnknown, ended)
		case begun && Lost(err):
			return OutcomeUnknown(err)
		}
		return Reason(ctx, err)
	}
}

// variant returns the form of the migrations that the schema needs.
func (s *Set) variant(ctx context.Context, db *sqlx.DB, n Name) (string, error) {
	if s.Variant == nil {
		return "", nil
	}
	return s.Variant(ctx, db, n)
}

func (s *Set) provider(ctx context.Context, db *sqlx.DB, n Name) (*goose.Provider, error) {
	variant, err := s.variant(ctx, db, n)
	if err != nil {
		return nil, err
	}
	files, err := s.Migrations(n, variant)
	if err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(lockID(n)), lock.WithLockTimeout(1, 24*60*60))
	if err != nil {
		return nil, err
	}
	store, err := database.NewStore(goose.DialectPostgres, n.In(s.Table))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectCustom, db.DB, files,
		goose.WithSessionLocker(locker), goose.WithStore(versionStore{store}),
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
}

// versionStore is goose's, which does not find a table again whose schema's name is quoted.
type versionStore struct{ database.Store }

// TableExists implements database.StoreExtender.
func (s versionStore) TableExists(ctx context.Context, db database.DBTxConn) (exists bool, err error) {
	err = db.QueryRowContext(ctx, `SELECT to_regclass($1) IS NOT NULL`, s.Tablename()).Scan(&exists)
	return exists, err
}

// lockID is the advisory lock of whoever migrates the schema, with whichever set.
func lockID(n Name) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("accounts schema " + n))
	return int64(h.Sum64() >> 1)
}
