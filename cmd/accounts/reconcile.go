package main

import (
	"context"
	"flag"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ibkr/flex"
	"github.com/ai-ots/accounts/ledger"
)

var reconcileStatements = &command{
	name: "reconcile", args: "<file> …", summary: "Hold books against the figures of Flex statements; changes nothing.",
	text: `Compares realized P&L, positions, bases and cash with what the broker states, to the cent. The
book is compared as it is now: a statement must be of the last period that was traded. Exits with
3 if a figure differs, or if the journal lacks what the statement reports.`,
	timeout: longTimeout,
	setup: func(set *flag.FlagSet) action {
		var f statementFlags
		f.add(set)
		return func(ctx context.Context, e *call) (answer, error) {
			return f.each(ctx, e, false, func(p *accounts.Portfolio, st *flex.Statement, tolerance ledger.Decimal, r *statementResult) error {
				plan, err := flex.Preview(ctx, p, st)
				if err != nil {
					return err
				}
				r.Facts = plan.Size()
				r.planned(plan)
				return r.compare(ctx, p, plan, tolerance)
			})
		}
	},
}
