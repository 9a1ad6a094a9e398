package pgschema

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// direction is which way migrations go.
type direction string

const (
	up   direction = "-- +goose Up"
	down direction = "-- +goose Down"
)

// errBusy says that somebody else migrates.
var errBusy = errors.New("another process migrates")

// rehearse takes the steps from one version to another in a transaction, and takes them back: a
// step that refuses is found before the first one is taken. Left out are steps that cannot be taken
// in a transaction; they refuse nothing. errBusy while somebody else migrates.
func (s *Set) rehearse(ctx context.Context, db *sqlx.DB, n Name, d direction, target int64) error {
	variant, err := s.variant(ctx, db, n)
	if err != nil {
		return err
	}
	files, err := s.Migrations(n, variant)
	if err != nil {
		return err
	}
	found, err := s.version(ctx, db, n)
	if err != nil {
		return err
	}
	if steps, err := stepsOf(files, d, found, target); err != nil || len(steps) == 0 {
		return err
	}
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	alone := false
	if err := tx.GetContext(ctx, &alone, `SELECT pg_try_advisory_xact_lock($1)`, lockID(n)); err != nil {
		return err
	}
	if !alone {
		return errBusy
	}
	if found, err = s.version(ctx, tx, n); err != nil { // again: somebody may just have migrated
		return err
	}
	steps, err := stepsOf(files, d, found, target)
	if err != nil {
		return err
	}
	if d == up {
		if _, err := tx.ExecContext(ctx, n.In(createSchema)); err != nil {
			return err
		}
	}
	for _, step := range steps {
		// One statement, whatever the step has: drivers that prepare take no more.
		if _, err := tx.ExecContext(ctx, `DO $rehearsal$ BEGIN EXECUTE $step$`+step.text+`$step$; END $rehearsal$`); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// impatient has a step wait for its locks less than usual: all steps together hold theirs until the
// last.
var impatient = strings.NewReplacer(`SET LOCAL lock_timeout = '200ms'`, `SET LOCAL lock_timeout = '50ms'`)

// step is a migration's statements in one direction.
type step struct {
	name string
	text string
}

// stepsOf returns the steps between the versions that can be taken in a transaction, in their
// order.
func stepsOf(files fs.FS, d direction, found, target int64) ([]step, error) {
	names, err := fs.Glob(files, "*.sql") // in the order of their versions
	if err != nil {
		return nil, err
	}
	if d == down {
		slices.Reverse(names)
	}
	var steps []step
	for _, name := range names {
		var version int64
		if _, err := fmt.Sscanf(name, "%d_", &version); err != nil {
			return nil, err
		}
		if version <= min(found, target) || version > max(found, target) || (found < target) != (d == up) {
			continue
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		ups, downs, _ := strings.Cut(string(text), string(down))
		if strings.Contains(string(text), "+goose NO TRANSACTION") {
			continue
		}
		if d == up {
			downs = ups
		}
		steps = append(steps, step{name, impatient.Replace(downs)})
	}
	return steps, nil
}
