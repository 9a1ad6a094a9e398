package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/ai-ots/accounts/credentials/pgcreds"
	"github.com/ai-ots/accounts/store/pgstore"
)

// tables are a package's tables in the schema, and how they are migrated.
type tables struct {
	name     string
	what     string
	status   func(ctx context.Context, dsn, schema string) (version, target int64, err error)
	migrate  func(ctx context.Context, dsn, schema string) error
	rollback func(ctx context.Context, dsn, schema string, version int64) error
}

// allTables are in the order in which they are migrated. They are taken back in the other.
var allTables = []tables{
	{"journals", "profiles, journals and their rows",
		func(ctx context.Context, dsn, schema string) (int64, int64, error) {
			s, err := pgstore.Status(ctx, dsn, pgstore.WithSchema(schema))
			return s.Version, s.Target, err
		},
		func(ctx context.Context, dsn, schema string) error {
			return pgstore.Migrate(ctx, dsn, pgstore.WithSchema(schema))
		},
		func(ctx context.Context, dsn, schema string, version int64) error {
			return pgstore.Rollback(ctx, dsn, version, pgstore.WithSchema(schema))
		}},
	{"credentials", "encrypted credentials",
		func(ctx context.Context, dsn, schema string) (int64, int64, error) {
			s, err := pgcreds.Status(ctx, dsn, pgcreds.WithSchema(schema))
			return s.Version, s.Target, err
		},
		func(ctx context.Context, dsn, schema string) error {
			return pgcreds.Migrate(ctx, dsn, pgcreds.WithSchema(schema))
		},
		func(ctx context.Context, dsn, schema string, version int64) error {
			return pgcreds.Rollback(ctx, dsn, version, pgcreds.WithSchema(schema))
		}},
}

// schemaState is where tables stand.
type schemaState struct {
	Tables  string `json:"tables"`
	Version int64  `json:"version"` // the newest migration that was applied; 0 for none
	Target  int64  `json:"target"`  // what they are to be at
}

// schemaReport is what came of a command about migrations.
type schemaReport struct {
	Schema string        `json:"schema"`
	Tables []schemaState `json:"tables"`
	Done   bool          `json:"done"` // the tables are at their targets
	plan   bool
}

func (r *schemaReport) found() bool { return !r.Done }

func (r *schemaReport) write(w io.Writer) {
	fmt.Fprintf(w, "schema %s\n", r.Schema)
	for _, t := range r.Tables {
		state := "current"
		switch {
		case r.plan && t.Version != t.Target:
			state = fmt.Sprintf("to be taken back to %d", t.Target)
		case t.Version < t.Target:
			state = fmt.Sprintf("pending: migrations up to %d", t.Target)
		case t.Version > t.Target:
			state = fmt.Sprintf("newer than this command, which knows %d", t.Target)
		case r.plan:
			state = "stays"
		}
		fmt.Fprintf(w, "  %s\tversion %d\t%s\n", t.Tables, t.Version, state)
	}
	if r.plan && !r.Done {
		writeWaits(w)
	}
}

// writeWaits ends a plan.
func writeWaits(w io.Writer) { fmt.Fprintln(w, "nothing was changed; -yes does it") }

// schemaStates asks where all tables stand.
func (e *call) schemaStates(ctx context.Context, dsn string) (*schemaReport, error) {
	r := &schemaReport{Schema: e.db.schema, Done: true}
	for _, t := range allTables {
		version, target, err := t.status(ctx, dsn, e.db.schema)
		if err != nil {
			return nil, fmt.Errorf("tables of %s: %w", t.name, err)
		}
		r.Tables = append(r.Tables, schemaState{t.name, version, target})
		r.Done = r.Done && version == target
	}
	return r, nil
}

var migrateStatus = &command{
	name: "migrate status", tables: true, summary: "Say where the schema stands.",
	text: "Exits with 3 if the tables are not at the versions that this command works with.",
	setup: func(*flag.FlagSet) action {
		return func(ctx context.Context, e *call) (answer, error) {
			dsn, err := e.db.name(e.env)
			if err != nil {
				return nil, err
			}
			r, err := e.schemaStates(ctx, dsn)
			if err != nil {
				return nil, err
			}
			return r, nil
		}
	},
}

var migrateUp = &command{
	name: "migrate up", tables: true, summary: "Bring the schema to the newest version.",
	text: `Makes or changes the tables of profiles, journals and credentials, from an empty database, from
tables that other services have there already, or from an older version. Services may work on the
tables meanwhile. Where nothing is to be done nothing is changed. The data source name must lead
to PostgreSQL itself, and not to a pooler.`,
	timeout: longTimeout,
	setup: func(*flag.FlagSet) action {
		return func(ctx context.Context, e *call) (answer, error) {
			dsn, err := e.db.name(e.env)
			if err != nil {
				return nil, err
			}
			bar := e.progress("migrating", int64(len(allTables)))
			defer bar.close()
			for _, t := range allTables {
				if err := t.migrate(ctx, dsn, e.db.schema); err != nil {
					return nil, fmt.Errorf("tables of %s: %w", t.name, err)
				}
				bar.add(1)
			}
			r, err := e.schemaStates(ctx, dsn)
			if err != nil {
				return nil, err
			}
			return r, nil
		}
	},
}

var migrateDown = &command{
	name: "migrate down", tables: true, summary: "Take migrations back; a plan without -yes.",
	text: `Takes the tables of -journals, of -credentials or of both back to the versions given; 0 takes all
back, and leaves tables that were there before as they were. A journal that is not empty, and
credentials, are never destroyed: the command refuses, and has changed nothing. No service may use
the tables meanwhile.`,
	timeout: longTimeout,
	setup: func(set *flag.FlagSet) action {
		const stays = -1
		to := make([]*int64, len(allTables))
		for i, t := range allTables {
			to[i] = set.Int64(t.name, stays, "take the tables of "+t.what+" back to this `version`; they stay by default")
		}
		yes := addYes(set)
		return func(ctx context.Context, e *call) (answer, error) { return takeBack(ctx, e, to, *yes) }
	},
}

// takeBack takes tables back to the versions, where they are not negative.
func takeBack(ctx context.Context, e *call, to []*int64, yes bool) (answer, error) {
	dsn, err := e.db.name(e.env)
	if err != nil {
		return nil, err
	}
	r, err := e.schemaStates(ctx, dsn)
	if err != nil {
		return nil, err
	}
	named := false
	r.Done, r.plan = true, true
	for i := range r.Tables {
		t := &r.Tables[i]
		if t.Target = t.Version; *to[i] < 0 {
			continue
		}
		if named = true; *to[i] > t.Version {
			return nil, usage("-%s %d is above version %d, at which they are: migrate up goes there", t.Tables, *to[i], t.Version)
		}
		t.Target = *to[i]
		r.Done = r.Done && t.Version == t.Target
	}
	if !named {
		return nil, usage("name the tables with -journals or -credentials, and the version")
	}
	if r.Done || !yes {
		return r, nil
	}
	var errs []error
	for i := len(r.Tables) - 1; i >= 0 && len(errs) == 0; i-- {
		t := &r.Tables[i]
		if t.Version == t.Target {
			continue
		}
		if err := allTables[i].rollback(ctx, dsn, e.db.schema, t.Target); err != nil {
			errs = append(errs, fmt.Errorf("tables of %s: %w", t.Tables, err))
			continue
		}
		t.Version = t.Target
	}
	r.plan, r.Done = false, len(errs) == 0
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return r, nil
}

// addYes adds the flag without which a command makes a plan alone.
func addYes(set *flag.FlagSet) *bool {
	return set.Bool("yes", false, "do what the plan says; without it nothing is changed")
}
