package flex

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// costOf is the basis that a contract has after a spin-off, or what of its basis the spin-off
// brought: what later closings consumed and the position at the end has, less what was paid for
// more; else, and then it is rough, as the first closing says.
func (in *inference) costOf(e *event, l, from *tally) (cost Optional, rough bool) {
	had, then := Optional{Valid: true}, in.when(e, l)
	held := then
	if l != from {
		held = held.Add(e.moved)
		if !then.IsZero() {
			had = in.costAt(e, l)
		}
	}
	if !had.Valid {
		return Optional{}, false
	}
	events := in.eventsOf(l, e.at)
	a := &aftermath{inference: in, l: l, from: from, parent: l == from, joins: !then.Equal(l.left()), later: events[slices.Index(events, e)+1:],
		held: held, left: held, sum: had.Value.Neg(), begins: true}
	if cost = a.cost(); !cost.Valid {
		return a.first, true
	}
	return cost, false
}

// eventsOf returns all events of a contract, those that the book has included: what a row says it
// consumed it says whether it is recorded or not. Of what the book has and the statement does not
// tell, those after a time are among them.
func (in *inference) eventsOf(l *tally, after time.Time) []*event {
	key := l.inst.Key()
	past := in.pastAfter(after, key)
	if len(past) == 0 && !slices.ContainsFunc(in.events, func(e *event) bool { return e.known }) {
		return l.events
	}
	var all []*event
	told := map[string]bool{}
	for _, e := range in.events {
		if !e.void && !e.left && slices.Contains(e.contracts(), key) {
			all = append(all, e)
			told[e.id()] = true
		}
	}
	for _, f := range past {
		if e := bookEvent(f); !told[e.id()] {
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, (*event).compare)
	return all
}

// aftermath follows the units that a corporate action left or brought through what came later.
type aftermath struct {
	*inference
	l, from *tally // the contract, and that which the action happened to
	parent  bool   // they were one when the action came
	joins   bool   // units that the statement or the book tells of were there before
	later   []*event
	held    ledger.Decimal // when the action came, in units of now
	left    ledger.Decimal // of the contract now
	sum     ledger.Decimal // what closings consumed, less what was paid for more and what was there before
	first   Optional       // the basis, by the first closing alone
	begins  bool           // nothing came yet under the contract's name
}

// cost goes through all that came later. It is not Valid where something of that does not tell what
// it consumed.
func (a *aftermath) cost() Optional {
	for len(a.later) > 0 && !a.left.IsZero() { // what comes when nothing is left is of another position
		e := a.later[0]
		a.later = a.later[1:]
		var known bool
		switch {
		case e.fact() == nil: // not booked
			known = true
		case e.split != nil:
			known = a.split(e)
		case e.transfer != nil || e.delivery():
		case a.closesAll(e):
			basis, told := e.told(share(e.net(), a.left.Abs(), e.trade.Quantity.Abs()))
			return Optional{Value: a.sum.Add(basis), Valid: told}
		default:
			known = a.trade(e)
		}
		if !known {
			return Optional{}
		}
	}
	if a.left.IsZero() {
		return Optional{Value: a.sum, Valid: true}
	}
	if pos := a.position(a.l.inst.Key()); pos != nil && pos.basis().Valid {
		return Optional{Value: a.sum.Add(pos.basis().Value), Valid: true}
	}
	return Optional{}
}

// split follows the units through a split, or to another name. It reports false for any other
// action, and for units that join others.
func (a *aftermath) split(e *event) bool {
	s := e.split
	switch {
	case e.moved.IsZero(): // what it moved no row tells
		return false
	case s.From.Key() == s.To.Key(): // the basis stays what it is
		a.left, a.begins = a.left.Add(e.moved), false
	case s.SpinsOff() || !s.Rate.IsZero() || s.From.Key() != a.l.inst.Key():
		return false
	default:
		next := a.of(s.To)
		events := a.eventsOf(next, e.at)
		if len(events) == 0 || events[0] != e || !a.when(e, next).Equal(next.left()) {
			return false
		}
		a.left = share(a.left, s.Numerator, s.Denominator)
		a.l, a.later, a.begins = next, events[1:], true
	}
	a.held = share(a.held, s.Numerator, s.Denominator)
	return true
}

// against reports whether the trade closes.
func (a *aftermath) against(e *event) bool { return e.trade.Quantity.IsNeg() != a.held.IsNeg() }

// closesAll reports whether the trade closes all that is left, and opens the other way.
func (a *aftermath) closesAll(e *event) bool {
	return e.side == "C;O" || a.against(e) && e.trade.Quantity.Abs().GreaterThan(a.left.Abs())
}

// trade counts a purchase of more, or a closing. It reports false for one that does not tell what
// it consumed.
func (a *aftermath) trade(e *event) bool {
	begins, q := a.begins, e.trade.Quantity
	a.begins = false
	if !a.against(e) {
		a.left, a.sum = a.left.Add(q), a.sum.Add(e.net())
		return true
	}
	basis, told := e.told(e.net())
	if !told {
		return false
	}
	a.left, a.sum = a.left.Add(q), a.sum.Add(basis)
	if part := a.from.front(q, a.held); begins && !q.Abs().GreaterThan(a.held.Abs()) && (a.parent || !a.joins) && !part.part.IsZero() {
		a.first = Optional{Value: share(basis, part.whole, part.part), Valid: true}
	}
	return true
}
