package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/pgstore"
)

// States of a profile's journal and rows.
const (
	stateSound   = "sound"
	stateCorrupt = "corrupt" // the journal cannot be trusted
	stateDiffers = "differs" // the rows of positions and trades are not what the journal says
	stateRebuilt = "rebuilt"
)

// condition is how a profile's journal and rows were found.
type condition struct {
	ProfileID accounts.ProfileID `json:"profile_id"`
	State     string             `json:"state"`
	Problems  []string           `json:"problems"`
}

// conditions is what verify and rebuild answer.
type conditions struct {
	Profiles []condition `json:"profiles"`
	plan     bool        // of a rebuild
}

func (l *conditions) found() bool {
	for _, c := range l.Profiles {
		if c.State != stateSound && c.State != stateRebuilt {
			return true
		}
	}
	return false
}

func (l *conditions) write(w io.Writer) {
	fmt.Fprintln(w, "PROFILE\tSTATE")
	waits := false
	for _, c := range l.Profiles {
		fmt.Fprintf(w, "%s\t%s\n", c.ProfileID, c.State)
		for _, p := range c.Problems {
			fmt.Fprintf(w, "\t%s\n", p)
		}
		waits = waits || l.plan && c.State == stateDiffers
	}
	if waits {
		fmt.Fprintln(w, "rows that differ are to be written anew from the journals")
		writeWaits(w)
	}
}

// examine verifies a profile. The error says that it could not be.
func examine(ctx context.Context, s *pgstore.Store, id accounts.ProfileID) (condition, error) {
	c := condition{ProfileID: id, State: stateSound, Problems: []string{}}
	err := s.Verify(ctx, id)
	var rows *pgstore.ProjectionError
	switch {
	case errors.Is(err, accounts.ErrCorrupt):
		c.State, c.Problems = stateCorrupt, append(c.Problems, err.Error())
	case errors.As(err, &rows):
		c.State, c.Problems = stateDiffers, append(c.Problems, rows.Problems...)
	case err != nil:
		return c, err
	}
	return c, nil
}

// examineAll verifies the profiles that are named, or all.
func (e *call) examineAll(ctx context.Context, s *pgstore.Store) (*conditions, error) {
	out := &conditions{Profiles: []condition{}}
	list, err := e.chosen(ctx, s)
	if err != nil {
		return out, err
	}
	bar := e.progress("verifying profiles", int64(len(list)))
	defer bar.close()
	for _, p := range list {
		c, err := examine(ctx, s, p.ID)
		if err != nil {
			return out, err
		}
		out.Profiles = append(out.Profiles, c)
		bar.add(1)
	}
	return out, nil
}

var verify = &command{
	name: "verify", args: "[profile …]", summary: "Verify journals, hash by hash, and the rows made of them.",
	text: `Reads whole journals and checks numbers and hashes, that each journal reaches what is known of it,
and that the rows of positions and trades are what it says. Changes nothing and holds nobody up.
Without arguments every profile is verified. Exits with 3 if anything is wrong.`,
	timeout: longTimeout,
	setup: func(*flag.FlagSet) action {
		return func(ctx context.Context, e *call) (answer, error) {
			var out *conditions
			err := e.withStore(ctx, func(s *pgstore.Store) (err error) {
				out, err = e.examineAll(ctx, s)
				return err
			})
			if out == nil || len(out.Profiles) == 0 && err != nil {
				return nil, err
			}
			return out, err
		}
	},
}

var rebuild = &command{
	name: "rebuild", args: "(<profile> … | -all)",
	summary: "Write rows of positions and trades anew from the journals; a plan without -yes.",
	text: `Verifies the profiles first, and writes the rows of those whose rows differ from their journals.
Appends to such a profile wait meanwhile. A journal that cannot be trusted is refused. The plan
says what differs.`,
	timeout: longTimeout,
	setup: func(set *flag.FlagSet) action {
		all := set.Bool("all", false, "every profile")
		yes := addYes(set)
		return func(ctx context.Context, e *call) (answer, error) {
			if *all == (len(e.args) > 0) {
				return nil, usage("name profiles, or give -all")
			}
			var out *conditions
			err := e.withStore(ctx, func(s *pgstore.Store) (err error) {
				if out, err = e.examineAll(ctx, s); err != nil {
					return err
				}
				if out.plan = !*yes; out.plan {
					return nil
				}
				return e.rebuildRows(ctx, s, out)
			})
			if out == nil || len(out.Profiles) == 0 && err != nil {
				return nil, err
			}
			return out, err
		}
	},
}

// rebuildRows writes the rows that differ. What is corrupt stays as it is.
func (e *call) rebuildRows(ctx context.Context, s *pgstore.Store, out *conditions) error {
	bar := e.progress("rebuilding profiles", int64(len(out.Profiles)))
	defer bar.close()
	for i := range out.Profiles {
		bar.add(1)
		c := &out.Profiles[i]
		if c.State != stateDiffers {
			continue
		}
		if err := s.Rebuild(ctx, c.ProfileID); err != nil {
			return err
		}
		c.State = stateRebuilt
	}
	return nil
}
