package ledger

import (
	"cmp"
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/wire"
)

// Refold folds a journal again from the beginning with every amendment in its place. First-in
// first-out lots need that where an execution is corrected or cancelled, or turns out to have
// happened before others: all later closings are matched anew. The difference is written as a
// [Restatement], so that nobody else has to go back.
//
// Facts are folded in their effective order: by time, exercised options before other facts of the
// same time, else by place in the journal. A journal without amendments is in that order as far as
// it matters, and is folded entry by entry. Otherwise trades, splits, openings and transfers are
// collected and sorted first, for lots, premiums and splits connect contracts with each other.
type Refold struct {
	book    *Book
	changes map[int64]Amendment
	each    func(place int64, p Payload, c Closed)
	// facts are collected only where there are changes.
	facts []placed
}

// NewRefold prepares to fold a journal with the changes, which [Book.Amendments] returns. each, if
// not nil, is called with every fact in force, its place in the journal, and the part of a position
// that it closed, which [Book.Apply] returns; and with the restatements that have shifts.
// Trades, splits, openings and transfers come in their effective order; with changes, they come
// behind all other facts.
func NewRefold(
	base Currency, changes map[int64]Amendment, each func(place int64, p Payload, c Closed),
) *Refold {
	r := &Refold{book: NewBook(base), changes: changes, each: each}
	for _, a := range changes {
		if f := a.change(); f != nil {
			r.facts = append(r.facts, placed{f, sortKeyOf(f, a.Place)})
		}
	}
	return r
}

// ResumeRefold prepares to fold the rest of a journal again behind a book, the fold of its entries
// up to and including entry upTo. changes are those of the whole journal, and each is as for
// NewRefold. It reports false if a change that the book does not contain reaches back to what the
// book was folded from; an earlier book is needed then. The Refold takes the book over.
func ResumeRefold(
	book *Book, upTo int64, changes map[int64]Amendment, each func(place int64, p Payload, c Closed),
) (*Refold, bool) {
	latest := book.latest()
	rest := make(map[int64]Amendment)
	for place, a := range changes {
		if in, ok := book.changes[place]; ok && in.same(&a) {
			continue
		}
		if place <= upTo || a.change() != nil && !a.when().After(latest) {
			return nil, false
		}
		rest[place] = a
	}
	r := NewRefold(book.base, rest, each)
	r.book = book
	return r, true
}

// latest returns the time of the newest trade, split, opening or transfer of any contract.
func (b *Book) latest() time.Time {
	var t time.Time
	for _, h := range b.positions {
		if h.LastTrade.After(t) {
			t = h.LastTrade
		}
	}
	return t
}

// same reports whether two amendments of one place are the same.
func (a *Amendment) same(b *Amendment) bool {
	return wire.Same(a, b)
}

// Follows reports whether a payload that was recorded after the book was folded again can be
// applied to the book. It cannot if it changes history: if a fact is not later than all others of
// its contracts. Then the journal must be folded again.
func (b *Book) Follows(p Payload) bool {
	later := func(i *Instrument) bool {
		h := b.positions[i.Key()]
		return h == nil || p.when().After(h.LastTrade)
	}
	switch f := p.(type) {
	case *Trade:
		return later(&f.Instrument) && !f.Exercised() // premiums wait in the order of their places
	case *Split:
		return later(&f.From) && later(&f.To)
	case *Opening:
		return later(&f.Instrument)
	case *Transfer:
		return later(&f.Instrument)
	case *Amendment, *Restatement:
		return false
	}
	return true
}

// Add takes the payload of the next journal entry in. It ignores one that is no [Payload].
func (r *Refold) Add(seq int64, payload any) {
	p, ok := payload.(Payload)
	if !ok {
		return
	}
	switch p.(type) {
	case *Opening, *Transfer, *Amendment:
		r.book.contribute(p)
	}
	switch f := p.(type) {
	case *Restatement:
		if r.each != nil && len(f.Shifts) > 0 {
			r.each(seq, f, Closed{})
		}
		return
	case *Amendment:
		return // NewRefold has taken the changes in
	case *CashMovement:
		if a, changed := r.changes[seq]; changed {
			p = a.Cash
		}
	case *Trade, *Split, *Opening, *Transfer:
		if len(r.changes) > 0 {
			if _, changed := r.changes[seq]; !changed {
				r.facts = append(r.facts, placed{p, sortKeyOf(p, seq)})
			}
			return
		}
	}
	r.fold(seq, p)
}

// Finish folds the collected facts and returns the book. The Refold must not be used afterwards.
func (r *Refold) Finish() *Book {
	slices.SortFunc(r.facts, func(a, b placed) int { return a.order.compare(b.order) })
	for _, f := range r.facts {
		r.fold(f.order.place, f.payload)
	}
	r.facts = nil
	return r.book
}

// fold folds one payload in as the fact at a place.
func (r *Refold) fold(place int64, p Payload) {
	var c Closed
	switch f := p.(type) {
	case *Trade:
		c = r.book.trade(f, r.book.held(f))
	case *Opening: // Add has counted the capital
		c = r.book.bring(&f.Instrument, f.Lots, f.Time, f.FXRate)
	case *Transfer:
		c = r.book.transfer(f)
	default:
		r.book.Apply(p, 0) // the book reads the place of trades and amendments alone
	}
	if r.each != nil {
		r.each(place, p, c)
	}
}

// change returns the amendment's trade, split, opening or transfer; nil for what moves no position.
func (a *Amendment) change() Payload {
	switch {
	case a.Trade != nil:
		return a.Trade
	case a.Split != nil:
		return a.Split
	case a.Opening != nil:
		return a.Opening
	case a.Transfer != nil:
		return a.Transfer
	}
	return nil
}

// placed is a fact with its effective place.
type placed struct {
	payload Payload
	order   sortKey
}

// sortKey orders facts: by time, then by rank (exercised options first), then by place.
type sortKey struct {
	at    time.Time
	rank  int
	place int64
}

// sortKeyOf returns where the fact at a place of the journal belongs.
func sortKeyOf(p Payload, place int64) sortKey {
	o := sortKey{p.when(), 1, place}
	if t, ok := p.(*Trade); ok && t.Exercised() {
		o.rank = 0
	}
	return o
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
