package rulemodel

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// sample is an equity from which losses are counted, or capital that moved.
type sample struct {
	at     time.Time
	event  int
	equity rat  // nil for capital that moved
	by     rat  // what is in equity of executions that were corrected or cancelled since; zero for none
	before bool // of a point that was written before capital moved
	moved  flow
	anew   []risk.Rule // of a resumption: the losses that begin here
}

// samples returns equity points, resumptions that count losses anew, and movements of capital, in
// the order in which they became known: capital that is told late was in no equity before.
func (j *judge) samples() []sample {
	return j.sampled.get(j.workOutSamples)
}

// flowsOf returns the capital that each event moved.
func (j *judge) flowsOf() map[int][]flow {
	flows := map[int][]flow{}
	for _, r := range j.records() {
		if f, ok := j.flow(r); ok {
			flows[r.event] = append(flows[r.event], f)
		}
	}
	return flows
}

func (j *judge) workOutSamples() (list []sample) {
	flows, shifts := j.flows.get(j.flowsOf), j.shifts()
	by := func(n int) rat {
		sum := new0()
		for _, s := range shifts {
			if s.from < n && n < s.to {
				sum = add(sum, s.by)
			}
		}
		return sum
	}
	for n, e := range j.h.Events {
		switch w := e.What.(type) {
		case Point:
			list = append(list, sample{at: w.At, event: n, equity: add(w.Equity, by(n)), by: by(n), before: w.Before})
		case State:
			if len(w.Recount) > 0 {
				list = append(list, sample{at: e.Time, event: n, equity: add(w.Equity, by(n)), by: by(n), anew: w.Recount})
			}
		case Facts:
			for _, f := range flows[n] {
				list = append(list, sample{at: e.Time, event: n, moved: f})
			}
		}
	}
	return list
}

// shift is what equity points lack that were written between two events: the costs of an execution
// that was recorded by the first and cancelled by the second. What a quantity gained or lost since
// is in no shift.
type shift struct {
	from, to int
	by       rat
}

func (j *judge) shifts() (list []shift) {
	first, last := map[string]int{}, map[string]*ledger.Trade{} // by root: its event, and its last version
	for _, r := range j.records() {
		switch f := r.fact.(type) {
		case ledger.Trade:
			root, _ := f.ExecID.Correction()
			if last[root] == nil {
				first[root] = r.event
			}
			last[root] = &f
		case ledger.Cancellation:
			root, _ := f.Cancels.Correction()
			from := first[root]
			if rate, _ := j.before(r.event, j.h.Events[r.event].Time).rate(commissionCurrency(last[root])); rate != nil { // the present one
				list = append(list, shift{from, r.event, mul(costs(last[root]), rate)})
			}
		}
	}
	return list
}

// dayLoss is what was lost since the last equity point before the trading day, or the first of the
// day where there is none before, or since a later resumption that counts the day's loss anew;
// start is the equity then, with the capital that moved since, which is no loss. ok is false if
// there is no such point.
func (j *judge) dayLoss(equity rat) (lost, start rat, ok bool) {
	moved := new0()
	for _, s := range j.samples() {
		switch {
		case s.equity == nil:
			moved = add(moved, s.moved.at(j))
		case !ok && s.anew == nil, s.anew == nil && j.dayOf(s.at) < j.today(), slices.Contains(s.anew, risk.RuleDailyLoss):
			start, moved, ok = s.equity, new0(), true
		}
	}
	if !ok {
		return nil, nil, false
	}
	start = add(start, moved)
	return sub(start, equity), start, true
}

// highWater is the highest equity of an equity point, since the last resumption that counts the
// drawdown anew, adjusted in proportion for capital that came or went: by the equity of the point
// that was written before the capital moved, or else, where equity was not known then, by the next
// that is known; zero without a point.
func (j *judge) highWater() rat {
	m := j.marked()
	high, list := m.high, m.waiting
	if equity, _ := j.equity(); equity != nil && j.pointed() {
		waiting := j.worthOfAll(list)
		high = flowed(high, sub(equity, waiting), waiting)
	}
	return high
}

// waits reports whether capital came or went for which the high-water mark is not adjusted yet.
func (j *judge) waits() bool {
	return slices.ContainsFunc(j.marked().waiting, func(f flow) bool { return f.at(j).Sign() != 0 })
}

func (j *judge) worthOfAll(list []flow) rat {
	total := new0()
	for _, f := range list {
		total = add(total, f.at(j))
	}
	return total
}

// waterMark is the high-water mark without what waits for an equity that is known, and what waits.
type waterMark struct {
	high    rat
	waiting []flow
}

func (j *judge) marked() waterMark { return j.water.get(j.workOutMark) }

func (j *judge) workOutMark() waterMark {
	high, waiting := new0(), []flow(nil)
	pointed := false
	var before rat // equity before capital moves
	for _, s := range j.samples() {
		switch {
		case s.equity != nil && s.anew != nil:
			before = nil
			if slices.Contains(s.anew, risk.RuleDrawdown) {
				high, waiting = s.equity, nil
			}
		case s.equity != nil:
			came := new0()
			if len(waiting) > 0 {
				came = j.before(s.event, s.at).worthOfAll(waiting)
			}
			high, waiting, pointed = most(flowed(high, sub(s.equity, came), came), s.equity), nil, true
			if before = nil; s.before {
				before = s.equity
			}
		case !pointed: // nothing is counted yet
		case before != nil && s.moved.rate != nil:
			high, before = flowed(high, before, s.moved.at(j)), nil
		default:
			waiting, before = append(waiting, s.moved), nil
		}
	}
	return waterMark{high, waiting}
}

// pointed reports whether there is an equity point.
func (j *judge) pointed() bool {
	return slices.ContainsFunc(j.h.Events, func(e Event) bool { _, ok := e.What.(Point); return ok })
}

// flowed is a high-water mark once capital has come to an equity, or gone. Of an equity that is not
// positive nothing is a proportion: the mark stays. Where nothing is left, the mark falls by what
// went.
func flowed(high, equity, moved rat) rat {
	after := add(equity, moved)
	switch {
	case moved.Sign() == 0 || equity.Sign() <= 0:
		return high
	case after.Sign() > 0:
		return div(mul(high, after), equity)
	}
	return most(new0(), add(high, moved))
}

// severity is the degree of the drawdown of an equity; a degree begins above its threshold.
func (j *judge) severity(equity rat) risk.Severity {
	high := j.highWater()
	if high.Sign() <= 0 { // of nothing, nothing is a drawdown, and less than nothing a critical one
		if less(equity, high) {
			return risk.SeverityCritical
		}
		return risk.SeverityNormal
	}
	drawdown := div(sub(high, equity), high)
	got := risk.SeverityNormal
	d := j.limits.Drawdown
	for n, threshold := range []ledger.Decimal{d.Warning, d.Moderate, d.Severe, d.Critical} {
		if less(exact(threshold), drawdown) {
			got = risk.Severity(n + 1)
		}
	}
	return got
}

// AtThreshold reports whether the drawdown is at a threshold but for the rounding of a high-water
// mark that no decimal states exactly. On which side of the threshold it is then depends on the
// rounding.
func AtThreshold(h History, now time.Time) bool {
	j := newJudge(h, now)
	equity, _ := j.equity()
	high := j.highWater()
	if _, decimal := high.FloatPrec(); decimal || equity == nil || high.Sign() <= 0 {
		return false
	}
	drawdown := div(sub(high, equity), high)
	d := j.limits.Drawdown
	return slices.ContainsFunc([]ledger.Decimal{d.Warning, d.Moderate, d.Severe, d.Critical}, func(threshold ledger.Decimal) bool {
		return less(size(sub(drawdown, exact(threshold))), part(1, 1_000_000_000_000))
	})
}

// dayLimit is what a day may lose; nil for any.
func (j *judge) dayLimit(start rat) rat { return bound(j.limits.DailyLoss, start) }

// bound is a limit at an equity; nil if there is none.
func bound(l risk.Limit, equity rat) (limit rat) {
	if !l.Amount.IsZero() {
		limit = exact(l.Amount)
	}
	if !l.Fraction.IsZero() {
		f := mul(exact(l.Fraction), most(equity, new0()))
		if limit == nil || less(f, limit) {
			limit = f
		}
	}
	return limit
}

// Look looks at losses, where equity is known by fresh marks and rates, and returns what is written
// down: the first equity point of all or one that capital waits for, how far losses have come, and
// a change of the trading state. Where losses are beyond the day's limit or the drawdown is severe,
// trading that is active becomes reducing.
func Look(h History, now time.Time) (wrote []Event) { return newJudge(h, now).look().wrote }

// look is what Look writes down, and the history with that.
type look struct {
	wrote []Event
	after *judge
}

func (j *judge) look() look { return j.looked.get(j.workOutLook) }

func (j *judge) workOutLook() look {
	equity, fresh := j.equity()
	if equity == nil || !fresh || j.oldSpot() {
		return look{nil, j}
	}
	var wrote []Event
	if !j.pointed() || j.waits() {
		wrote = append(wrote, Event{j.now, Point{At: j.now, Equity: equity}})
	}
	with := j.with(wrote)
	breach := Breach{DayLost: with.dayLost(equity), Severity: with.severity(equity)}
	wrote = append(wrote, Event{j.now, breach})
	if j.state == risk.TradingActive && (breach.DayLost || breach.Severity >= risk.SeveritySevere) {
		wrote = append(wrote, Event{j.now, State{State: risk.TradingReducing}})
	}
	return look{slices.Clip(wrote), j.with(wrote)}
}

// with is the history with events that are not in it, and that move no capital.
func (j *judge) with(events []Event) *judge {
	h := j.h
	h.Events = append(slices.Clone(h.Events), events...)
	return j.readOn(h, j.now)
}

// BeforeFlow returns the equity point that is written before capital that comes or goes at a time
// that is now: where there are equity points and equity is known.
func BeforeFlow(h History, at, now time.Time) []Event {
	j := newJudge(h, now)
	if equity, fresh := j.equity(); j.ofNow(at) && equity != nil && fresh && !j.oldSpot() && j.pointed() {
		return []Event{{now, Point{At: now, Equity: equity, Before: true}}}
	}
	return nil
}

// dayLost reports whether the day has lost more than it may.
func (j *judge) dayLost(equity rat) bool {
	lost, start, ok := j.dayLoss(equity)
	if !ok {
		return false
	}
	limit := j.dayLimit(start)
	return limit != nil && less(limit, lost)
}

// Recount says which losses a resumption counts anew: the day's loss if it is beyond its limit or
// was today, and the drawdown if it is moderate or worse or was when it was last written. Equity
// must be known.
func Recount(h History, now time.Time) (list []risk.Rule, equity rat) {
	j := newJudge(h, now)
	equity, _ = j.equity()
	lost, severity := j.written()
	if lost || j.dayLost(equity) {
		list = append(list, risk.RuleDailyLoss)
	}
	if max(severity, j.severity(equity)) >= risk.SeverityModerate {
		list = append(list, risk.RuleDrawdown)
	}
	return list, equity
}

// written is what was written down of losses that were not counted anew since: whether the day's
// loss was beyond its limit today, and how severe the drawdown was last.
func (j *judge) written() (lost bool, severity risk.Severity) {
	for _, e := range j.h.Events {
		switch w := e.What.(type) {
		case Breach:
			lost = lost || w.DayLost && j.dayOf(e.Time) == j.today()
			severity = w.Severity
		case State:
			lost = lost && !slices.Contains(w.Recount, risk.RuleDailyLoss)
			if slices.Contains(w.Recount, risk.RuleDrawdown) {
				severity = risk.SeverityNormal
			}
		}
	}
	return lost, severity
}
