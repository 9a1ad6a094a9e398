package flex

import (
	"context"
	"fmt"

	"github.com/ai-ots/accounts"
)

// Import records a statement into a portfolio, all of it or nothing, and marks what is held at
// the statement's closing prices. It returns the plan it followed and how many facts were new:
// importing a statement twice changes nothing the second time. Several statements of one account
// are to be imported in the order of their periods; ErrOutOfOrder otherwise.
//
// It reads the portfolio's journal unless that is empty. Reconcile with Plan.Broker afterwards.
func Import(ctx context.Context, p *accounts.Portfolio, st *Statement) (*Plan, int, error) {
	held := Held{Empty: p.Seq() == 0, Positions: p.Positions(), Known: map[accounts.ExecID]bool{}}
	if !held.Empty {
		for t, err := range p.Trades(ctx, accounts.TradeFilter{}) {
			if err != nil {
				return nil, 0, fmt.Errorf("import statement of %s: %w", st.AccountID, err)
			}
			held.Known[t.ExecID] = true
		}
	}
	plan := NewPlan(st, held)
	added, err := p.RecordFacts(ctx, plan.Facts...)
	if err != nil {
		return plan, 0, fmt.Errorf("import statement of %s: %w", st.AccountID, err)
	}
	marks, rates := plan.marks(st)
	if err := p.Mark(marks...); err != nil {
		return plan, added, fmt.Errorf("import statement of %s: %w", st.AccountID, err)
	}
	if err := p.MarkFX(rates...); err != nil {
		return plan, added, fmt.Errorf("import statement of %s: %w", st.AccountID, err)
	}
	return plan, added, nil
}
