package ledger

import (
	"cmp"
	"slices"
	"time"
)

// Restating: where an execution is cancelled or corrected, or turns out to have happened before
// others that are in the journal already, first-in first-out lots have to be matched anew from
// that point on. The journal is folded again with every change in its place, and what differs is
// written as a Restatement, so that everybody else folds on without going back.

// Refold folds a journal again in its effective order: by time, an exercised option before what it
// delivers, else by place in the journal. A journal without changes is in that order as far as it
// matters, and is folded entry by entry; one with changes is collected and sorted first, for lots,
// premiums and splits connect contracts with each other.
type Refold struct {
	book    *Book
	changes map[int64]Amendment
	each    func(place int64, t *Trade, c Closed)
	facts   []placed // what moves lots, where there are changes
}

// NewRefold prepares to fold a journal from the beginning, with changes in their places. each, if not nil, is called
// with every trade in force, its place, and what it closed.
func NewRefold(base Currency, changes map[int64]Amendment, each func(place int64, t *Trade, c Closed)) *Refold {
	r := &Refold{book: NewBook(base), changes: changes, each: each}
	for _, a := range changes {
		if f := a.change(); f != nil {
			r.facts = append(r.facts, placed{f, sortKeyOf(f, a.Place)})
		}
	}
	return r
}

// Add takes one journal entry in.
func (r *Refold) Add(seq int64, p any) {
	switch f := p.(type) {
	case *Amendment, *Restatement:
		return // the changes are in already
	case *Trade, *Split, *Opening:
		if len(r.changes) > 0 {
			if _, changed := r.changes[seq]; !changed {
				f := f.(Payload)
				r.facts = append(r.facts, placed{f, sortKeyOf(f, seq)})
			}
			return
		}
	}
	r.fold(seq, p)
}

// Finish folds what was collected, and returns the book.
func (r *Refold) Finish() *Book {
	slices.SortFunc(r.facts, func(a, b placed) int { return a.order.compare(b.order) })
	for _, f := range r.facts {
		r.fold(f.order.place, f.payload)
	}
	r.facts = nil
	return r.book
}

func (r *Refold) fold(place int64, p any) {
	switch f := p.(type) {
	case *Trade:
		c := r.book.trade(f)
		if r.each != nil {
			r.each(place, f, c)
		}
	default:
		r.book.Apply(p, 0) // of what is folded here, nothing looks at the place
	}
}

// placed is a fact with its place in the journal.
type placed struct {
	payload Payload
	order   sortKey
}

// sortKey is where a fact belongs among others.
type sortKey struct {
	at    time.Time
	rank  int
	place int64
}

func (o sortKey) compare(p sortKey) int {
	if c := o.at.Compare(p.at); c != 0 {
		return c
	}
	if c := cmp.Compare(o.rank, p.rank); c != 0 {
		return c
	}
	return cmp.Compare(o.place, p.place)
}

func sortKeyOf(p Payload, place int64) sortKey {
	o := sortKey{p.when(), 1, place}
	if t, ok := p.(*Trade); ok && t.Exercised() {
		o.rank = 0
	}
	return o
}

// change is the amendment's trade, split or opening; nil for a cancellation.
func (a *Amendment) change() Payload {
	switch {
	case a.Trade != nil:
		return a.Trade
	case a.Split != nil:
		return a.Split
	case a.Opening != nil:
		return a.Opening
	}
	return nil
}
