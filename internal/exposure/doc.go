// Package exposure judges orders. It measures what the positions and working orders of an account
// put at risk, and holds an order against the limits of the account's policy.
//
// An [Account] is a [ledger.Book] together with its working orders and the memory that limits need:
// counts by day, unsettled sales, losses. [Account.Apply] folds journal entries into it. A [Market]
// adds marks, conversion rates, the [Policy] in force and the time. A [Judge] decides about one
// order with both; [Account.Report], [Account.Losses] and [Judge.Measure] answer the other
// questions.
//
// The package knows no profile, no journal and no store. Amounts are in the account's base
// currency. Nothing here is safe for concurrent use: a portfolio guards its account and its judge.
//
// Files, in the order in which to read them: account (the fold), memory, lossstate and working
// (what it remembers), policy and market, exposure (the measure, kept up contract by contract),
// contract, stake and margin (one contract), bounds (limits as amounts), judge, orderrules,
// holdingrules and cover (the rules), losses, report and size (what else is asked), record
// (checkpoints).
package exposure
