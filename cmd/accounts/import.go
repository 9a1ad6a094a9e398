package main

import (
	"context"
	"flag"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ibkr/flex"
	"github.com/ai-ots/accounts/ledger"
)

var importStatements = &command{
	name: "import", args: "<file> …", summary: "Import Flex statements, and hold the books against the broker's figures.",
	text: `Reads Flex statements, XML or CSV, and records each into the profile of its account, whole or not
at all, in the order of their periods; "-" is standard input. With -query the statement of a Flex
query is downloaded from the broker's Flex Web Service instead. All files are read before anything
is recorded. Importing a file again changes nothing. The first statement that cannot be recorded
ends the command. A statement of more than 20,000 facts is recorded in parts, in the order of their
times: if the command breaks off between two of them, the error says how much is recorded, and the
same command again records the rest. Exits with 3 if a figure differs from the broker's, or rows
that move money or positions are not in the book.`,
	timeout: longTimeout,
	setup: func(set *flag.FlagSet) action {
		var f statementFlags
		f.add(set)
		dry := set.Bool("dry-run", false, "say what would be recorded, and change nothing")
		return func(ctx context.Context, e *call) (answer, error) {
			do := func(p *accounts.Portfolio, st *flex.Statement, tolerance ledger.Decimal, r *statementResult) error {
				var bar *progress
				plan, added, err := flex.Import(ctx, p, st, flex.WithProgress(func(recorded, facts int) {
					if bar == nil {
						bar = e.progress("recording "+r.File, int64(facts))
					}
					bar.set(int64(recorded))
				}))
				bar.close()
				if err != nil {
					return err
				}
				r.Facts, r.Recorded = added, true
				r.planned(plan)
				return r.compare(ctx, p, plan, tolerance)
			}
			if *dry {
				do = func(p *accounts.Portfolio, st *flex.Statement, _ ledger.Decimal, r *statementResult) error {
					plan, err := flex.Preview(ctx, p, st)
					if err != nil {
						return err
					}
					r.Facts = plan.Size()
					r.planned(plan)
					return nil // the book does not have the facts: comparing it would tell of nothing but that
				}
			}
			return f.each(ctx, e, *dry, do)
		}
	},
}
