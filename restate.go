package accounts

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"
)

// Restating: where an execution is cancelled or corrected, or turns out to have happened before
// others that are in the journal already, first-in first-out lots have to be matched anew from
// that point on. The journal is folded again with every change in its place, and what differs is
// written as a Restatement, so that everybody else folds on without going back.

// refold folds a journal again in its effective order: per contract by time, then by place.
type refold struct {
	book    *Book
	skip    map[int64]Amendment // entries that a change replaces
	waiting []Amendment         // changes not yet folded in, in effective order
	each    func(*Trade, closed)
}

// newRefold prepares to fold from the beginning with the changes in. each, if not nil, is called
// with every trade in force and what it closed.
func newRefold(id ProfileID, base Currency, changes map[int64]Amendment, each func(*Trade, closed)) *refold {
	r := &refold{book: NewBook(id, base), skip: changes, each: each}
	for _, a := range changes {
		if a.Cancellation == nil {
			r.waiting = append(r.waiting, a)
		}
	}
	slices.SortFunc(r.waiting, func(a, b Amendment) int { return a.order().compare(b.order()) })
	return r
}

// order is where a fact belongs among others: by time, an exercised option before what it
// delivers, then by place in the journal.
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

func orderOf(p payload, place int64) order {
	o := order{p.when(), 1, place}
	if t, ok := p.(*Trade); ok && t.exercised() {
		o.rank = 0
	}
	return o
}

// change is the amendment's trade, split or opening.
func (a *Amendment) change() payload {
	switch {
	case a.Split != nil:
		return a.Split
	case a.Opening != nil:
		return a.Opening
	}
	return a.Trade
}

func (a *Amendment) order() order { return orderOf(a.change(), a.Place) }

// entry folds one journal entry in, or what took its place.
func (r *refold) entry(seq int64, p payload) {
	if _, changed := r.skip[seq]; changed {
		return
	}
	switch f := p.(type) {
	case *Trade:
		r.before(f, seq)
		r.trade(f)
	case *Split:
		r.before(f, seq)
		r.book.split(f)
	case *Opening:
		r.before(f, seq)
		r.book.open(f)
	case *Amendment, *Restatement:
		// The changes are folded in at their places.
	default:
		r.book.apply(p, seq)
	}
	r.book.seq = seq
}

func (r *refold) trade(t *Trade) {
	c := r.book.trade(t)
	if r.each != nil {
		r.each(t, c)
	}
}

// before folds in the changes that belong before a fact: those of its contract, and exercised
// options that deliver it.
func (r *refold) before(p payload, seq int64) {
	if len(r.waiting) == 0 {
		return
	}
	here := orderOf(p, seq)
	r.waiting = slices.DeleteFunc(r.waiting, func(a Amendment) bool {
		if !concerns(a.change(), p) || a.order().compare(here) >= 0 {
			return false
		}
		r.change(a)
		return true
	})
}

func (r *refold) change(a Amendment) {
	switch {
	case a.Split != nil:
		r.book.split(a.Split)
	case a.Opening != nil:
		r.book.open(a.Opening)
	default:
		r.trade(a.Trade)
	}
}

// finish folds in what is left.
func (r *refold) finish() *Book {
	for _, a := range r.waiting {
		r.change(a)
	}
	r.waiting = nil
	return r.book
}

// concerns reports whether a change and a fact touch the same lots.
func concerns(change, fact payload) bool {
	for _, a := range contracts(change) {
		for _, b := range contracts(fact) {
			if a.Key() == b.Key() {
				return true
			}
		}
	}
	t, ok := change.(*Trade)
	if !ok || !t.exercised() {
		return false
	}
	for _, b := range contracts(fact) {
		if !b.deliverable() && (b.Symbol == t.Instrument.Underlying || b.LocalSymbol == t.Instrument.Underlying) {
			return true
		}
	}
	return false
}

func contracts(p payload) []*Instrument {
	switch f := p.(type) {
	case *Trade:
		return []*Instrument{&f.Instrument}
	case *Split:
		return []*Instrument{&f.From, &f.To}
	case *Opening:
		return []*Instrument{&f.Instrument}
	}
	return nil
}

// refoldEntries folds a journal up to and including entry upTo, then the pending payloads behind.
func (r *refold) entries(entries iter.Seq2[Entry, error], upTo int64, pending []payload) (*Book, error) {
	var seq int64
	for e, err := range entries {
		if err != nil {
			return nil, err
		}
		if e.Seq > upTo {
			break
		}
		p, err := decodePayload(e.Kind, e.Payload)
		if err != nil {
			return nil, &CorruptError{ProfileID: e.ProfileID, Seq: e.Seq, Reason: err.Error()}
		}
		r.entry(e.Seq, p)
		seq = e.Seq
	}
	if seq != upTo {
		return nil, &CorruptError{ProfileID: r.book.profile, Seq: seq + 1, Reason: fmt.Sprintf("missing: the journal reached %d before", upTo)}
	}
	for i, p := range pending {
		r.entry(upTo+int64(i)+1, p)
	}
	return r.finish(), nil
}

// restatement returns what of the book after differs from the book before.
func restatement(before, after *Book) *Restatement {
	r := &Restatement{Pending: after.pending, Trades: after.trades}
	for _, key := range sortedKeys(after.positions) {
		p := after.positions[key].position(true)
		if h := before.positions[key]; h == nil || !sameJSON(p, h.position(true)) {
			r.Positions = append(r.Positions, p)
		}
	}
	for _, key := range sortedKeys(before.positions) {
		if after.positions[key] != nil {
			continue
		}
		// Nothing of it is in force any longer.
		h := before.positions[key]
		if none := (Position{Instrument: h.Instrument}); !sameJSON(none, h.position(true)) {
			r.Positions = append(r.Positions, none)
		}
	}
	for _, b := range []*Book{before, after} {
		for _, currency := range sortedKeys(b.cash) {
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

// sameJSON compares values that hold decimals, which have several forms of one number.
func sameJSON(a, b any) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

func sortByPlace(list []Amendment) {
	slices.SortFunc(list, func(a, b Amendment) int { return cmp.Compare(a.Place, b.Place) })
}

// sortFacts puts facts in the order of their times, exercised options before what they deliver.
func sortFacts(list []payload) {
	if len(list) < 2 {
		return
	}
	slices.SortStableFunc(list, func(a, b payload) int { return orderOf(a, 0).compare(orderOf(b, 0)) })
}
