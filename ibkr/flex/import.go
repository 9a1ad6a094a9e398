package flex

import (
	"context"
	"errors"
	"fmt"

	"github.com/ai-ots/accounts"
)

// ErrWrongAccount is returned by Import for a statement of another account than the profile's.
var ErrWrongAccount = errors.New("statement of another account")

// Import records a statement into a portfolio, all of it or nothing, and marks what is held at
// the statement's closing prices. It returns the plan it followed and how many facts were new:
// importing a statement twice changes nothing the second time. Several statements of one account
// are to be imported in the order of their periods. ErrOutOfOrder, and nothing changed, for one
// that is older than what the book has and would count twice what that begins with. ErrLevels, and
// nothing changed, for one that tells in another form what the book may have: orders where the book
// has executions of the same contracts within a day, or rows without the broker's ids where it has
// others with them, and the other way around. An account is imported from statements of one form:
// of executions with ids alone if its executions are recorded live.
//
// ErrWrongAccount, and nothing changed, for a statement of another account than the profile's: give
// a profile whose account was renumbered its new id first. A statement that names no account, or
// masks its id so that it may be the profile's, is taken for the profile's.
//
// A statement that tells the commission of an execution which was recorded with CommissionPending
// completes it. Of what else the journal has, nothing is recorded again.
//
// It reads the portfolio's journal. Reconcile with Plan.Broker afterwards.
func Import(ctx context.Context, p *accounts.Portfolio, st *Statement) (*Plan, int, error) {
	fail := func(err error) error { return fmt.Errorf("import statement of %s: %w", st.AccountID, err) }
	plan, err := planFor(ctx, p, st)
	if err != nil {
		return nil, 0, fail(err)
	}
	added, err := p.Record(ctx, plan.Facts...)
	if err != nil {
		return plan, 0, fail(err)
	}
	marks, rates := plan.marks(st)
	if err := p.Mark(marks...); err != nil {
		return plan, added, fail(err)
	}
	if err := p.MarkFX(rates...); err != nil {
		return plan, added, fail(err)
	}
	return plan, added, nil
}

// Preview returns the plan that Import would follow for the statement, and changes nothing. Its
// facts are those that the journal lacks. The errors are those of Import before it records.
func Preview(ctx context.Context, p *accounts.Portfolio, st *Statement) (*Plan, error) {
	plan, err := planFor(ctx, p, st)
	if err != nil {
		return nil, fmt.Errorf("plan statement of %s: %w", st.AccountID, err)
	}
	return plan, nil
}

// planFor plans the statement for what the portfolio holds and has recorded.
func planFor(ctx context.Context, p *accounts.Portfolio, st *Statement) (*Plan, error) {
	if id := p.IBKRAccountID(); !st.Of(id) {
		return nil, fmt.Errorf("profile %q has account %s: %w", p.ProfileID(), id, ErrWrongAccount)
	}
	var held Held
	snapshot := p.Snapshot()
	for _, open := range snapshot.Open {
		held.Positions = append(held.Positions, open.Position)
	}
	held.Positions = append(held.Positions, snapshot.Closed...)
	for f, err := range p.Facts(ctx, accounts.Page{}) {
		if err != nil {
			return nil, err
		}
		held.Facts = append(held.Facts, f.Value)
	}
	return NewPlan(st, held)
}
