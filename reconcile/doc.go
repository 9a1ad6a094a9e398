// Package reconcile holds a book against the broker's own figures.
//
// [Compare] takes a [ledger.Book] and a [Statement], and returns a [Result]: how many figures were
// compared, every [Break] beyond the tolerance, and what could not be checked. Amounts are in the
// currency of their contract or balance, signed as in package ledger.
//
// The package knows no profile and no format of statements: Portfolio.Reconcile of package accounts
// finds the closings in the journal, and package ibkr/flex makes statements of the broker's files.
// Read statement.go, result.go, compare.go.
package reconcile
