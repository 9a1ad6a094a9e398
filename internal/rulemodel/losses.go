package rulemodel

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// sample is an equity from which losses are counted.
type sample struct {
	at     time.Time
	equity rat
	anew   []risk.Rule // of a resumption: the losses that begin here
}

// samples returns equity points and resumptions that count losses anew, by time.
func (j *judge) samples() (list []sample) {
	for _, e := range j.h.Events {
		switch w := e.What.(type) {
		case Point:
			list = append(list, sample{at: w.At, equity: w.Equity})
		case State:
			if len(w.Recount) > 0 {
				list = append(list, sample{at: e.Time, equity: w.Equity, anew: w.Recount})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b sample) int { return a.at.Compare(b.at) })
	return list
}

// flow is the capital in base currency that came, or below zero went, after a time up to another.
func (j *judge) flow(after, upTo time.Time) rat {
	sum := new0()
	for _, m := range j.movements() {
		if m.Kind.IsCapital() && m.Time.After(after) && !m.Time.After(upTo) {
			rate, _ := j.rate(m.Currency)
			if !m.FXRate.IsZero() {
				rate = exact(m.FXRate)
			}
			sum = add(sum, mul(exact(m.Amount), rate))
		}
	}
	return sum
}

// dayLoss is what was lost since the last equity point before the trading day, or since a
// resumption on the day that counts the day's loss anew; start is the equity then. ok is false if
// there is no such point.
func (j *judge) dayLoss(equity rat) (lost, start rat, ok bool) {
	var from sample
	for _, s := range j.samples() {
		before := j.dayOf(s.at) < j.today()
		first := !ok && s.anew == nil // of this day, where there is none before
		if first || s.anew == nil && before || slices.Contains(s.anew, risk.RuleDailyLoss) {
			from, ok = s, true
		}
	}
	if !ok {
		return nil, nil, false
	}
	return sub(add(from.equity, j.flow(from.at, j.now)), equity), from.equity, true
}

// highWater is the highest equity of an equity point, since the last resumption that counts the
// drawdown anew, adjusted in proportion for capital that came or went; nil without one.
func (j *judge) highWater() (high rat) {
	list := j.samples()
	for n, s := range list {
		switch {
		case slices.Contains(s.anew, risk.RuleDrawdown):
			high = s.equity
		case s.anew != nil:
			continue
		case high == nil || less(high, s.equity):
			high = s.equity
		}
		end := j.now
		if n+1 < len(list) {
			end = list[n+1].at
		}
		if moved := j.flow(s.at, end); moved.Sign() != 0 && s.equity.Sign() > 0 {
			high = div(mul(high, add(s.equity, moved)), s.equity)
		}
	}
	return high
}

// severity is the degree of the drawdown of an equity; a degree begins above its threshold.
func (j *judge) severity(equity rat) risk.Severity {
	high := j.highWater()
	if high == nil || high.Sign() <= 0 {
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
// down: the first equity point of all, how far losses have come, and a change of the trading state. Where losses are beyond the
// day's limit or the drawdown is severe, trading that is active becomes reducing.
func Look(h History, now time.Time) (wrote []Event) {
	equity, fresh := newJudge(h, now).equity()
	if equity == nil || !fresh {
		return nil
	}
	if !slices.ContainsFunc(h.Events, func(e Event) bool { _, ok := e.What.(Point); return ok }) {
		wrote = append(wrote, Event{now, Point{now, equity}})
		h.Events = append(slices.Clone(h.Events), wrote...)
	}
	j := newJudge(h, now)
	breach := Breach{DayLost: j.dayLost(equity), Severity: j.severity(equity)}
	wrote = append(wrote, Event{now, breach})
	if j.state == risk.TradingActive && (breach.DayLost || breach.Severity >= risk.SeveritySevere) {
		wrote = append(wrote, Event{now, State{State: risk.TradingReducing}})
	}
	return wrote
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

// Recount says which losses a resumption counts anew: the day's loss if it is beyond its limit, and
// the drawdown if it is moderate or worse. Equity must be known.
func Recount(h History, now time.Time) (list []risk.Rule, equity rat) {
	j := newJudge(h, now)
	equity, _ = j.equity()
	if j.dayLost(equity) {
		list = append(list, risk.RuleDailyLoss)
	}
	if j.severity(equity) >= risk.SeverityModerate {
		list = append(list, risk.RuleDrawdown)
	}
	return list, equity
}
