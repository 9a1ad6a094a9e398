package ledger

import (
	"cmp"
	"slices"
)

// Record is the state of a book in a checkpoint.
type Record struct {
	Base      Currency                   `json:"base"`
	Trades    int64                      `json:"trades"`
	Positions []storedPosition           `json:"positions"`
	Cash      map[Currency]CashBalance   `json:"cash"`
	InKind    map[Currency]capitalInKind `json:"in_kind,omitempty"`
	Pending   []PendingPremium           `json:"pending,omitempty"`
	Changes   []Amendment                `json:"changes"`
	Equity    storedPoint                `json:"equity"`
}

// Book returns the book with the recorded state, and takes over the record's slices.
func (r Record) Book() *Book {
	b := NewBook(r.Base)
	b.trades, b.pending, b.equity = r.Trades, r.Pending, EquityPoint(r.Equity)
	for _, p := range r.Positions {
		b.set(Position(p))
	}
	for currency, cash := range r.Cash {
		*b.balance(currency) = cash
	}
	for currency, k := range r.InKind {
		b.kind[currency] = k
	}
	for _, a := range r.Changes {
		b.changes[a.Place] = a
	}
	return b
}

// Record returns the book's state for a checkpoint. It shares the slices that the book never
// changes.
func (b *Book) Record() Record {
	r := Record{
		Base: b.base, Trades: b.trades, Positions: storedPositions(b.Positions()), Cash: b.Cash(), InKind: b.kind, Pending: b.pending, Equity: storedPoint(b.equity),
	}
	for _, a := range b.changes {
		r.Changes = append(r.Changes, a)
	}
	slices.SortFunc(r.Changes, func(a, b Amendment) int { return cmp.Compare(a.Place, b.Place) })
	return r
}
