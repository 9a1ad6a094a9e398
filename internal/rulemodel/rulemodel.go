// Package rulemodel is a second opinion on orders: a plain and slow model of the rules that package
// risk lists, written from the documentation of each rule and from nothing else. Tests ask the
// model and the library about the same orders, and the answers must agree. Tests alone use it.
//
// A History is a list of everything that happened, and Judge answers one question about one order.
// Judge works everything out from the whole history, in exact fractions, and keeps nothing but what
// it has worked out of the events so far. Positions come of the facts in force in the order of
// their times, so a correction, a cancellation or a late fact needs no treatment of its own.
// Capital counts in the order in which it became known, and at the rate that was told last.
//
// The model shares no code with the library but the types of ledger and risk and the keys of
// contracts. Files, in the order in which to read them: rulemodel (question and answer), history
// (what is read off the history), facts (what is in force, and positions), lots, cash (and equity),
// working (orders), value (what a contract exposes, at the worst), margin, cover, flows (capital),
// losses, daytrades, tags (strategies and sectors), rules (the rules one by one) and identity (the
// ids of orders).
package rulemodel

import (
	"math/big"
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// History is everything that happened to a profile, in the order in which it became known.
type History struct {
	Base   ledger.Currency
	Events []Event // which are only ever added to
	judges *judges // nil before Add
}

// Event is one thing that happened, and the reading of the clock then.
type Event struct {
	Time time.Time
	// What is a Policy, Facts, Held, Refused, Released, State, Breach, Point, ledger.Mark or
	// ledger.FXRate.
	What any
}

// Policy is the status and the limits that are in force from here on.
type Policy struct {
	Status risk.ProfileStatus
	Limits risk.Limits
	zone   *time.Location // of the trading day
}

// InForce returns the policy. It panics if the limits name no time zone: they were validated.
func InForce(status risk.ProfileStatus, limits risk.Limits) Policy {
	return Policy{status, limits, location(limits)}
}

// Facts are facts that were recorded by one call.
type Facts []ledger.Fact

// Held is an order that was accepted.
type Held struct{ Order risk.Order }

// Refused is an order that was refused for good.
type Refused struct {
	Order risk.Order
	Rules []risk.Rule
}

// Released is the end of the hold on an order.
type Released struct{ ID ledger.OrderID }

// State is a change of the trading state. Recount names the losses that are counted anew from
// Equity.
type State struct {
	State   risk.TradingState
	Recount []risk.Rule
	Equity  *big.Rat
}

// Point is an equity point: what the profile was worth at a time.
type Point struct {
	At     time.Time
	Equity *big.Rat
	Before bool // it was written before capital that came or went at that moment
}

// Breach is how far losses have come where they were looked at. No rule asks for it.
type Breach struct {
	DayLost  bool
	Severity risk.Severity
}

// Add appends an event.
func (h *History) Add(at time.Time, what any) {
	if h.judges == nil {
		h.judges = &judges{at: map[moment]*judge{}}
	}
	if m, ok := what.(ledger.Mark); ok {
		m.Instrument.SetDefaults()
		m.Time = earlier(m.Time, at)
		what = &marked{m, m.Instrument.Key()}
	}
	h.Events = append(h.Events, Event{at, what})
}

// marked is a mark with the key of its contract. One that was ahead of the clock counts as of the
// clock.
type marked struct {
	ledger.Mark
	key ledger.InstrumentKey
}

// Answer is what the model says of an order.
type Answer struct {
	Allowed   bool
	Undecided bool // refused for nothing but what is not known
	Reduces   bool
	Repeat    bool
	Reused    bool        // another order has the id: ErrIDReused
	Invalid   bool        // not an order at all: ErrInvalid
	Broken    []risk.Rule // in alphabetical order, each once
	Warnings  []risk.Rule // the same; only of an order that is allowed
	// Passed are the rules that were examined and held; see the count of coverage in the tests.
	Passed []risk.Rule
}

// question is one question about an order, and what was found.
type question struct {
	*judge
	reduces bool
	asked   map[risk.Rule]bool
	broken  map[risk.Rule]bool
	warned  map[risk.Rule]bool
}

func (j *judge) question() *question {
	return &question{judge: j, asked: map[risk.Rule]bool{}, broken: map[risk.Rule]bool{}, warned: map[risk.Rule]bool{}}
}

// answer examines every rule.
func (j *judge) answer(o risk.Order) Answer {
	q := j.question()
	q.examine(o)
	return q.found()
}

// found sorts what was found.
func (j *question) found() Answer {
	a := Answer{Reduces: j.reduces}
	a.Broken = sorted(j.broken)
	a.Allowed = len(a.Broken) == 0
	a.Undecided = !a.Allowed && !slices.ContainsFunc(a.Broken, func(r risk.Rule) bool { return !unknown[r] })
	if a.Allowed {
		a.Warnings = sorted(j.warned)
	}
	for r := range j.asked {
		if !j.broken[r] {
			a.Passed = append(a.Passed, r)
		}
	}
	slices.Sort(a.Passed)
	return a
}

// unknown are the rules that are broken by what is not known.
var unknown = map[risk.Rule]bool{risk.RuleNoMark: true, risk.RuleStaleMark: true, risk.RuleNoFX: true,
	risk.RuleStaleFX: true, risk.RuleEquity: true}

func sorted(set map[risk.Rule]bool) (list []risk.Rule) {
	for r := range set {
		list = append(list, r)
	}
	slices.Sort(list)
	return list
}

// Judge says what becomes of an order with an unused id, if the order is asked for at a time.
func Judge(h History, o risk.Order, now time.Time) Answer {
	o.Instrument.SetDefaults()
	return newJudge(h, now).answer(o)
}

// Equity returns what the profile is worth now in base currency; nil if a mark or a rate is
// missing, whatever their age.
func Equity(h History, now time.Time) *big.Rat {
	j := newJudge(h, now)
	total, _ := j.equity()
	return total
}

// Left returns what is still to be filled of an order that works, with its sign; nil for any other.
func Left(h History, id ledger.OrderID, now time.Time) *big.Rat {
	for _, w := range newJudge(h, now).working() {
		if w.order.ID == id {
			return w.left
		}
	}
	return nil
}

// Instrument returns the contract of an order that was accepted.
func Instrument(h History, id ledger.OrderID) ledger.Instrument {
	for _, e := range h.Events {
		if w, ok := e.What.(Held); ok && w.Order.ID == id {
			return w.Order.Instrument
		}
	}
	return ledger.Instrument{}
}

// TradingState returns the state that trading is in.
func TradingState(h History, now time.Time) risk.TradingState { return newJudge(h, now).state }

// Losses are the figures from which losses are told, in base currency.
type Losses struct {
	Drawdown *big.Rat // a fraction of the high-water mark; nil if that is not positive
	DayLoss  *big.Rat // nil without an equity point
	InKind   *big.Rat // what positions were worth that came or, below zero, went otherwise than by trades
}

// LossesOf returns the figures; false if equity is not known.
func LossesOf(h History, now time.Time) (l Losses, ok bool) {
	j := newJudge(h, now)
	equity, _ := j.equity()
	if known, _ := j.ratesOfCapital(); equity == nil || !known {
		return l, false
	}
	l.InKind = new0()
	if high := j.highWater(); high.Sign() > 0 {
		l.Drawdown = most(new0(), div(sub(high, equity), high))
	}
	l.DayLoss, _, _ = j.dayLoss(equity)
	for _, r := range j.records() {
		if _, cash := r.fact.(ledger.CashMovement); !cash {
			if f, ok := j.flow(r); ok {
				l.InKind = add(l.InKind, f.at(j))
			}
		}
	}
	return l, true
}

// Figures are what a report on limits shows of a profile.
type Figures struct{ Gross, Net, Margin *big.Rat }

// Report returns the figures of what is held and working; false if something cannot be valued, or
// equity is not known.
func Report(h History, now time.Time) (f Figures, ok bool) {
	j := newJudge(h, now)
	all, unpriced := j.contracts(nil)
	for _, c := range all {
		unpriced = unpriced || c.mark == nil
	}
	if equity, _ := j.equity(); equity == nil || unpriced {
		return f, false
	}
	var low, high rat
	f.Gross, low, high, f.Margin = new0(), new0(), new0(), j.margin(all)
	for _, c := range all {
		l, h := c.extremes()
		f.Gross, low, high = add(f.Gross, c.worst()), add(low, l), add(high, h)
	}
	f.Net = most(size(low), size(high))
	return f, true
}
