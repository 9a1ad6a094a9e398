package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/pgstore"
)

// adoption is how many rows are, or were, given to a profile.
type adoption struct {
	ProfileID accounts.ProfileID `json:"profile_id"`
	User      string             `json:"user_id"`
	Positions int64              `json:"positions"`
	Openings  int64              `json:"openings"` // of the positions, those in force
	Trades    int64              `json:"trades"`
	Signals   int64              `json:"signals"`
	Done      bool               `json:"done"`
	plan      bool
}

func (a *adoption) found() bool { return !a.Done }

func (a *adoption) write(w io.Writer) {
	said := "has adopted"
	if a.plan {
		said = "is to adopt"
	}
	fmt.Fprintf(w, "profile %s %s rows of user %s:\n", a.ProfileID, said, a.User)
	fmt.Fprintf(w, "  positions\t%d\n  of them in force\t%d\t(each an opening balance in the journal)\n", a.Positions, a.Openings)
	fmt.Fprintf(w, "  trades\t%d\n  signals\t%d\n", a.Trades, a.Signals)
	if a.plan {
		writeWaits(w)
	}
}

var adopt = &command{
	name: "adopt", args: "<profile>", summary: "Give a profile the rows that other services wrote before; a plan without -yes.",
	text: `Gives the rows of a user that have no profile to the profile, and opens its journal with an
opening balance for each position that is in force. Other services must no longer change such
rows. The plan reads every row, and refuses what could not be adopted, with the row's id. An
adoption that was interrupted goes on when the command is called again.`,
	timeout: longTimeout,
	setup: func(set *flag.FlagSet) action {
		var rows pgstore.LegacyRows
		set.StringVar(&rows.UserID, "user", "", "the `user` of the rows")
		text(set, &rows.Currency, "currency", "the `currency` of positions in force: rows do not say")
		set.BoolVar(&rows.Signals, "signals", false, "take every signal without a profile, too")
		set.IntVar(&rows.BatchSize, "batch", 500, "how many `rows` one transaction holds at most")
		yes := addYes(set)
		return func(ctx context.Context, e *call) (answer, error) {
			name, err := e.one("profile")
			if err != nil {
				return nil, err
			}
			if rows.UserID == "" {
				return nil, usage("name the user of the rows with -user")
			}
			return adoptRows(ctx, e, name, rows, *yes)
		}
	},
}

func adoptRows(ctx context.Context, e *call, name string, rows pgstore.LegacyRows, yes bool) (answer, error) {
	var out *adoption
	err := e.withStore(ctx, func(s *pgstore.Store) error {
		p, err := find(ctx, s, name)
		if err != nil {
			return err
		}
		plan, err := s.PreviewLegacyRows(ctx, p.ID, rows)
		if err != nil {
			return err
		}
		nothing := plan == pgstore.Adoption{}
		if out = adoptionOf(p.ID, rows, plan); nothing || !yes {
			out.Done, out.plan = nothing, !nothing
			return nil
		}
		bar := e.progress("adopting positions in force", plan.Openings)
		defer bar.close()
		rows.Opening = func(_ pgstore.LegacyPosition, o ledger.Opening) (ledger.Opening, error) {
			bar.add(1)
			return o, nil
		}
		done, err := s.AdoptLegacyRows(ctx, p.ID, rows)
		out = adoptionOf(p.ID, rows, done)
		out.Done = err == nil
		return err
	})
	if out == nil {
		return nil, err
	}
	return out, err
}

func adoptionOf(id accounts.ProfileID, rows pgstore.LegacyRows, a pgstore.Adoption) *adoption {
	return &adoption{ProfileID: id, User: rows.UserID, Positions: a.Positions, Openings: a.Openings, Trades: a.Trades, Signals: a.Signals}
}
