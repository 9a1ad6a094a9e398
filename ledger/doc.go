// Package ledger keeps what happened to an account, and what followed: positions with their
// first-in first-out lots, cash by currency, realized P&L.
//
// A [Fact] is a [Trade], [CashMovement], [Split], [Opening], [Cancellation] or [EquityPoint] about
// an [Instrument]. [Normalize] checks it and returns the [Payload] of a journal entry. A [Book] is
// the fold of these payloads: [Book.Apply] takes them in, one by one, and [Book.Positions],
// [Book.Cash] and [Book.Totals] answer questions, the last at [Prices]. [Book.Place],
// [Book.Correct] and [Book.Cancel] turn a late, corrected or cancelled fact into an [Amendment],
// and [Refold] and [Diff] work out its [Restatement].
//
// The package knows no profile, no journal and no store, and no order limits (see package risk). It
// does no I/O and has no clock. A wrong input is an [invalid.Error], which wraps invalid.Err. Facts
// are plain values; books, prices and refolds are not safe for concurrent use.
//
// Files, in the order in which to read them: decimal, date, currency, instrument, instrumentkey and
// occ (values); fact, trade, cash, split, opening, cancellation and equity (facts, with check),
// execution (ids and versions), payload (their form in a journal); book, folding, holding,
// position, closing and premium (the fold); place, amendment, refold, restatement and changes
// (corrections of history); prices and totals (valuation); record (checkpoints).
package ledger
