package flex

import (
	"context"
	"errors"
	"fmt"

	"github.com/ai-ots/accounts"
)

// ErrWrongAccount is returned by Import for a statement of another account than the profile's.
var ErrWrongAccount = errors.New("statement of another account")

// Import records a statement into a portfolio, and marks what is held at the statement's closing
// prices, but for those that the portfolio does not take (Plan.Issues). It returns the plan it
// followed and how many facts were new: importing a statement twice changes nothing the second
// time, unless the first left out a corporate action (Plan.Issues, Unread) that can be told by what
// was booked since. Several statements of one account are to be imported in the order of their
// periods.
//
// A statement of which the journal lacks MaxWhole facts or fewer is recorded all or none. A larger
// one is recorded in parts of PartSize facts, in the order of the facts' times, and each part all
// or none: readers see a part of the statement while it is imported. What can refuse a statement is
// found before the first part is recorded. An import that breaks off between parts all the same,
// for its context ended or the store failed, returns an *IncompleteError (ErrIncomplete), which
// tells how much is recorded. Importing the same statement again records the rest, and leaves the
// book that an import at once would have left. Nothing else should be imported into the portfolio
// before that.
//
// Errors after which nothing has changed:
//   - accounts.ErrOutOfOrder for a statement that is older than what the book has and would count
//     twice what that begins with;
//   - ErrLevels for one that tells in another form what the book may have: orders where the book
//     has executions of the same contracts within a day, or rows without the broker's ids where it
//     has others with them, and the other way around. An account is imported from statements of one
//     form: of executions with ids alone if its executions are recorded live;
//   - ErrWrongAccount for a statement of another account than the profile's: give a profile whose
//     account was renumbered its new id first. A statement that names no account, or masks its id
//     so that it may be the profile's, is taken for the profile's;
//   - ErrBaseCurrency for a statement whose rates are to another base currency than the profile's;
//   - those of accounts.Portfolio.Record. ErrIDReused may mean that another statement was imported
//     at the same time, which began the book: import this one again. accounts.ErrOutcomeUnknown
//     leaves open whether something has changed.
//
// A statement that tells the commission of an execution which was recorded with CommissionPending
// completes it. Of what else the journal has, nothing is recorded again.
//
// It reads the portfolio's journal. Reconcile with Plan.Broker afterwards.
func Import(ctx context.Context, p *accounts.Portfolio, st *Statement, opts ...ImportOption) (*Plan, int, error) {
	fail := func(err error) error { return fmt.Errorf("import statement of %s: %w", st.AccountID, err) }
	i := newImporter(p, st, opts)
	plan, err := i.plan(ctx)
	if err != nil {
		return nil, 0, fail(err)
	}
	added, err := i.record(ctx, plan)
	if err != nil {
		return plan, added, fail(err)
	}
	plan.mark(p)
	return plan, added, nil
}

// Preview returns the plan that Import would follow for the statement, and changes nothing. Its
// facts are those that the journal lacks: of an import that broke off, those that are left. The
// errors are those of Import before it records.
func Preview(ctx context.Context, p *accounts.Portfolio, st *Statement) (*Plan, error) {
	plan, err := newImporter(p, st, nil).plan(ctx)
	if err != nil {
		return nil, fmt.Errorf("plan statement of %s: %w", st.AccountID, err)
	}
	return plan, nil
}
