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
	equity rat         // nil for capital that moved
	before bool        // of a point that was written before capital moved
	moved  flow        //
	anew   []risk.Rule // of a resumption: the losses that begin here
}

// flow is what capital was worth when it came or, below zero, went.
type flow struct {
	currency ledger.Currency
	amount   rat
	rate     rat // the rate of its own or of its time; nil if none is known
}

// at is the worth in base currency. A flow without a rate counts at the rate of the day; zero without one.
func (f flow) at(j *judge) rat {
	if f.rate != nil {
		return mul(f.amount, f.rate)
	}
	if rate, _ := j.rate(f.currency); rate != nil {
		return mul(f.amount, rate)
	}
	return new0()
}

// samples returns equity points, resumptions that count losses anew, and movements of capital, in the order
// in which they became known: capital that is told late was in no equity before.
func (j *judge) samples() []sample {
	if !j.answered.sampled {
		j.sampled, j.answered.sampled = j.workOutSamples(), true
	}
	return j.sampled
}

func (j *judge) workOutSamples() (list []sample) {
	flows := map[int][]flow{}
	for _, r := range j.records() {
		if f, ok := j.flow(r); ok {
			flows[r.event] = append(flows[r.event], f)
		}
	}
	for n, e := range j.h.Events {
		switch w := e.What.(type) {
		case Point:
			list = append(list, sample{at: w.At, event: n, equity: w.Equity, before: w.Before})
		case State:
			if len(w.Recount) > 0 {
				list = append(list, sample{at: e.Time, event: n, equity: w.Equity, anew: w.Recount})
			}
		case Facts:
			for _, f := range flows[n] {
				list = append(list, sample{at: e.Time, event: n, moved: f})
			}
		}
	}
	return list
}

// flow returns the capital that a record moves, if it does.
func (j *judge) flow(r record) (flow, bool) {
	then := newJudge(History{j.h.Base, j.h.Events[:r.event]}, j.h.Events[r.event].Time)
	switch f := r.fact.(type) {
	case ledger.CashMovement:
		rate := then.rateOf(f.Currency, r.rate, f.Time)
		return flow{f.Currency, exact(f.Amount), rate}, f.Kind.IsCapital()
	case ledger.Opening:
		f.Instrument.SetDefaults()
		amount := then.worthOf(f.Instrument, sum(f.Lots), sumBasis(f.Lots), f.Price, f.Time)
		return flow{f.Instrument.Currency, amount, then.rateOf(f.Instrument.Currency, r.rate, f.Time)}, true
	case ledger.Transfer:
		f.Instrument.SetDefaults()
		basis := sumBasis(f.Lots)
		if len(f.Lots) == 0 {
			with := newJudge(History{j.h.Base, j.h.Events[:r.event+1]}, then.now)
			basis = neg(with.lots().left[f.ID])
		}
		amount := then.worthOf(f.Instrument, exact(f.Quantity), basis, f.Price, f.Time)
		return flow{f.Instrument.Currency, amount, then.rateOf(f.Instrument.Currency, r.rate, f.Time)}, true
	}
	return flow{}, false
}

// Unrated reports whether capital in a currency, of a time, would have no rate if it were recorded now, and whether
// there are equity points.
func Unrated(h History, c ledger.Currency, at, now time.Time) (unrated, pointed bool) {
	j := newJudge(h, now)
	return j.rateOf(c, ledger.Decimal{}, at) == nil, j.pointed()
}

// Counted reports whether an equity point or the high-water mark counts capital that was recorded, at the rate that
// was known then.
func Counted(h History, f ledger.Fact) bool {
	j := newJudge(h, time.Time{})
	points := func(list []Event) bool {
		return slices.ContainsFunc(list, func(e Event) bool { _, ok := e.What.(Point); return ok })
	}
	for _, r := range j.records() {
		if keyOf(r.fact) == keyOf(f) {
			moved, _ := j.flow(r)
			return points(h.Events[r.event:]) || moved.rate != nil && points(h.Events[:r.event])
		}
	}
	return false
}

func sum(list []ledger.Lot) rat {
	total := new0()
	for _, l := range list {
		total = add(total, exact(l.Quantity))
	}
	return total
}

func sumBasis(list []ledger.Lot) rat {
	total := new0()
	for _, l := range list {
		total = add(total, exact(l.Basis))
	}
	return total
}

// ofNow reports whether a time is no more than five minutes away.
func (j *judge) ofNow(t time.Time) bool { return j.now.Sub(t).Abs() <= 5*time.Minute }

// rateOf is the conversion rate of capital of a time that is being recorded: its own, or the one that is
// known and not too old, if the time is now; nil if there is neither.
func (j *judge) rateOf(c ledger.Currency, own ledger.Decimal, at time.Time) rat {
	if c != j.h.Base && !own.IsZero() {
		return exact(own)
	}
	if rate, young := j.rate(c); rate != nil && young && (c == j.h.Base || j.ofNow(at)) {
		return rate
	}
	return nil
}

// priceOf is the price of a position that comes or goes when it is recorded: its own, or the fresh mark if its
// time is now; zero if there is neither.
func (j *judge) priceOf(i ledger.Instrument, own ledger.Decimal, at time.Time) rat {
	if mark, young := j.price(i.Key()); own.IsZero() && mark != nil && young && j.ofNow(at) {
		return mark
	}
	return exact(own)
}

// worthOf is what a position that comes or, below zero, goes is worth in its currency when it is recorded:
// at its price, or else its basis; of what does not settle its
// notional, the gain at that price.
func (j *judge) worthOf(i ledger.Instrument, quantity, basis rat, own ledger.Decimal, at time.Time) rat {
	price := j.priceOf(i, own, at)
	value := mul(quantity, price, unit(i))
	switch settles := settlesNotional(i); {
	case price.Sign() == 0 && settles:
		return basis
	case price.Sign() == 0:
		return new0()
	case !settles:
		return sub(value, basis)
	}
	return value
}

// dayLoss is what was lost since the last equity point before the trading day, or the first of the
// day where there is none before, or since a later resumption that counts the day's loss anew; start
// is the equity then, with the capital that moved since, which is no loss. ok is false if there is no such point.
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
// drawdown anew, adjusted in proportion for capital that came or went: by the equity of the point that was
// written before the capital moved, or else, where equity was not known then, by the next that is known;
// zero without a point.
func (j *judge) highWater() rat {
	high, list := j.marked()
	if equity, _ := j.equity(); equity != nil && j.pointed() {
		waiting := j.worthOfAll(list)
		high = flowed(high, sub(equity, waiting), waiting)
	}
	return high
}

// waits reports whether capital came or went for which the high-water mark is not adjusted yet.
func (j *judge) waits() bool {
	_, list := j.marked()
	return j.worthOfAll(list).Sign() != 0
}

func (j *judge) worthOfAll(list []flow) rat {
	total := new0()
	for _, f := range list {
		total = add(total, f.at(j))
	}
	return total
}

// marked is the high-water mark without what waits for an equity that is known, and what waits.
func (j *judge) marked() (high rat, waiting []flow) {
	high = new0()
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
				came = newJudge(History{j.h.Base, j.h.Events[:s.event]}, s.at).worthOfAll(waiting)
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
	return high, waiting
}

// pointed reports whether there is an equity point.
func (j *judge) pointed() bool {
	return slices.ContainsFunc(j.h.Events, func(e Event) bool { _, ok := e.What.(Point); return ok })
}

// flowed is a high-water mark once capital has come to an equity, or gone. Of an equity that is not
// positive nothing is a proportion: the mark stays. Where nothing is left, the mark falls by what went.
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

// AtThreshold reports whether the drawdown is at a threshold but for the rounding of a high-water mark
// that no decimal states exactly. On which side of the threshold it is then depends on the rounding.
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
// down: the first equity point of all or one that capital waits for, how far losses have come, and a
// change of the trading state. Where losses are beyond the day's limit or the drawdown is severe, trading
// that is active becomes reducing.
func Look(h History, now time.Time) (wrote []Event) {
	before := newJudge(h, now)
	equity, fresh := before.equity()
	if equity == nil || !fresh || before.oldSpot() {
		return nil
	}
	if !before.pointed() || before.waits() {
		wrote = append(wrote, Event{now, Point{At: now, Equity: equity}})
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

// BeforeFlow returns the equity point that is written before capital that comes or goes at a time that is now:
// where there are equity points and equity is known.
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
