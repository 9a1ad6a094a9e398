package rulemodel

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Check says what Portfolio.Check answers: of an id that is done or was refused it does not know.
// Losses are looked at as by Reserve, though nothing is written.
func Check(h History, o risk.Order, now time.Time) Answer {
	j := newJudge(h, now).question()
	if o.Quantity.IsZero() {
		j.rule(risk.RuleInvalid, true)
		return j.found()
	}
	o.Instrument.SetDefaults()
	if w := j.find(o.ID); w != nil && !w.released && w.left.Sign() != 0 {
		if !same(w.order, o) {
			j.rule(risk.RuleIDReused, true)
			return j.found()
		}
		return j.repeat(*w)
	}
	return j.look().after.answer(o)
}

// Reserve says what Portfolio.Reserve answers, and what it writes down. An id is decided once.
// Before an order is decided, losses are looked at, which may begin to count them and may change
// the trading state.
func Reserve(h History, o risk.Order, now time.Time) (Answer, []Event) {
	if o.Quantity.IsZero() {
		return Answer{Invalid: true}, nil
	}
	j := newJudge(h, now).question()
	o.Instrument.SetDefaults()
	if w := j.find(o.ID); w != nil {
		switch {
		case !same(w.order, o):
			return Answer{Reused: true}, nil
		case w.released || w.left.Sign() == 0:
			j.rule(risk.RuleDone, true)
			a := j.found()
			a.Repeat = true
			return a, nil
		}
		return j.repeat(*w), nil
	}
	if a, ok := j.refused(o); ok {
		return a, nil
	}
	wrote, a := j.look().wrote, j.look().after.answer(o)
	switch {
	case a.Allowed:
		wrote = append(wrote, Event{now, Held{o}})
	case !a.Undecided:
		wrote = append(wrote, Event{now, Refused{o, a.Broken}})
	}
	return a, wrote
}

// refused answers for an order that was refused for good.
func (j *question) refused(o risk.Order) (Answer, bool) {
	for _, e := range j.h.Events {
		r, ok := e.What.(Refused)
		if !ok || r.Order.ID != o.ID {
			continue
		}
		r.Order.Instrument.SetDefaults()
		if !same(r.Order, o) {
			return Answer{Reused: true}, true
		}
		for _, rule := range r.Rules {
			j.rule(rule, true)
		}
		a := j.found()
		a.Repeat = true
		return a, true
	}
	return Answer{}, false
}

// repeat answers for an order that is working: it is held, unless trading or the profile's status
// bars it now.
func (j *question) repeat(w working) Answer {
	j.reduces = j.onlyReduces(w.order, w.left)
	j.permission(j.look().after.state) // what losses bar now bars a repeat
	a := j.found()
	a.Repeat = true
	return a
}

// find returns the accepted order with the id.
func (j *judge) find(id ledger.OrderID) *working {
	if id == "" {
		return nil
	}
	list := j.accepted()
	n := slices.IndexFunc(list, func(w working) bool { return w.order.ID == id })
	if n < 0 {
		return nil
	}
	return &list[n]
}

// same: the identity of an order is all of its terms.
func same(a, b risk.Order) bool {
	return a.ID == b.ID && a.Instrument.Key() == b.Instrument.Key() && a.Quantity.Equal(b.Quantity) && a.Price.Equal(b.Price) &&
		a.Strategy == b.Strategy && a.Sector == b.Sector && a.Signal == b.Signal
}
