package accounts

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Restating: where an execution is cancelled or corrected, or turns out to have happened before
// others that are in the journal already, first-in first-out lots have to be matched anew from
// that point on. The journal is folded again with every change in its place, and what differs is
// written as a Restatement, so that everybody else folds on without going back.

// refold folds a journal again in its effective order: by time, an exercised option before what it
// delivers, else by place in the journal. A journal without changes is in that order as far as it
// matters, and is folded entry by entry; one with changes is collected and sorted first, for lots,
// premiums and splits connect contracts with each other.
type refold struct {
	book    *Book
	changes map[int64]Amendment
	each    func(*Trade, Closed)
	facts   []placed // what moves lots, where there are changes
}

// placed is a fact with its place in the journal.
type placed struct {
	payload ledgerPayload
	order   order
}

// newRefold prepares to fold from the beginning with the changes in. each, if not nil, is called
// with every trade in force and what it closed.
func newRefold(base Currency, changes map[int64]Amendment, each func(*Trade, Closed)) *refold {
	r := &refold{book: NewBook(base), changes: changes, each: each}
	for _, a := range changes {
		if f := a.change(); f != nil {
			r.facts = append(r.facts, placed{f, orderOf(f, a.Place)})
		}
	}
	return r
}

// order is where a fact belongs among others.
type order struct {
	at    time.Time
	rank  int
	place int64
}

func (o order) compare(p order) int {
	if c := o.at.Compare(p.at); c != 0 {
		return c
	}
	if c := cmp.Compare(o.rank, p.rank); c != 0 {
		return c
	}
	return cmp.Compare(o.place, p.place)
}

func orderOf(p ledgerPayload, place int64) order {
	o := order{p.when(), 1, place}
	if t, ok := p.(*Trade); ok && t.exercised() {
		o.rank = 0
	}
	return o
}

// change is the amendment's trade, split or opening; nil for a cancellation.
func (a *Amendment) change() ledgerPayload {
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

// entry takes one journal entry in.
func (r *refold) entry(seq int64, p any) {
	switch f := p.(type) {
	case *Amendment, *Restatement:
		return // the changes are in already
	case *Trade, *Split, *Opening:
		if len(r.changes) > 0 {
			if _, changed := r.changes[seq]; !changed {
				f := f.(ledgerPayload)
				r.facts = append(r.facts, placed{f, orderOf(f, seq)})
			}
			return
		}
	}
	r.fold(p)
}

func (r *refold) fold(p any) {
	switch f := p.(type) {
	case *Trade:
		c := r.book.trade(f)
		if r.each != nil {
			r.each(f, c)
		}
	default:
		r.book.Apply(p, 0) // of what is folded here, nothing looks at the place
	}
}

// finish folds what was collected, and returns the book.
func (r *refold) finish() *Book {
	slices.SortFunc(r.facts, func(a, b placed) int { return a.order.compare(b.order) })
	for _, f := range r.facts {
		r.fold(f.payload)
	}
	r.facts = nil
	return r.book
}

// restatement returns what of the book after differs from the book before.
func restatement(before, after *Book) *Restatement {
	r := &Restatement{Pending: after.pending, Trades: after.trades}
	for _, key := range slices.Sorted(maps.Keys(after.positions)) {
		p := after.positions[key].position(true)
		if h := before.positions[key]; h == nil || !samePosition(p, h.position(true)) {
			r.Positions = append(r.Positions, p)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(before.positions)) {
		if after.positions[key] != nil {
			continue
		}
		// Nothing of it is in force any longer.
		h := before.positions[key]
		if none := (Position{Instrument: h.Instrument}); !samePosition(none, h.position(true)) {
			r.Positions = append(r.Positions, none)
		}
	}
	for _, b := range []*Book{before, after} {
		for _, currency := range slices.Sorted(maps.Keys(b.cash)) {
			if c := after.cashIn(currency); !sameJSON(c, before.cashIn(currency)) {
				r.setCash(currency, c)
			}
		}
	}
	return r
}

// cashIn returns a currency's balance; one that was never touched is zero.
func (b *Book) cashIn(currency Currency) CashBalance {
	if c := b.cash[currency]; c != nil {
		return *c
	}
	return CashBalance{}
}

func (r *Restatement) setCash(currency Currency, c CashBalance) {
	if r.Cash == nil {
		r.Cash = map[Currency]CashBalance{}
	}
	r.Cash[currency] = c
}

// samePosition compares two positions in one contract but for the broker's names for it, which
// are hints and differ from source to source.
func samePosition(a, b Position) bool {
	a.Instrument, b.Instrument = Instrument{}, Instrument{}
	return sameJSON(a, b)
}

// sameJSON compares values that hold decimals, which have several forms of one number.
func sameJSON(a, b any) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

// sortFacts puts facts in the order of their times, exercised options before what they deliver.
func sortFacts(list []ledgerPayload) {
	if len(list) < 2 {
		return
	}
	slices.SortStableFunc(list, func(a, b ledgerPayload) int { return orderOf(a, 0).compare(orderOf(b, 0)) })
}
