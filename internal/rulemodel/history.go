package rulemodel

import (
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// judge is one question, with what is read off the history for it.
type judge struct {
	h   History
	now time.Time

	limits risk.Limits
	status risk.ProfileStatus
	state  risk.TradingState
	zone   *time.Location // of the trading day
	marks  map[ledger.InstrumentKey]*marked
	rates  map[ledger.Currency]ledger.FXRate

	recorded []record  // what records, samples, inForce, accepted and equity have returned to this question
	sampled  []sample  //
	forced   []placed  //
	orders   []working //
	worth    rat
	fresh    bool
	answered struct{ recorded, sampled, forced, orders, worth bool }

	reduces bool
	asked   map[risk.Rule]bool
	broken  map[risk.Rule]bool
	warned  map[risk.Rule]bool
}

// newJudge reads the history as it stands now.
func newJudge(h History, now time.Time) *judge {
	j := &judge{h: h, now: now, state: risk.TradingActive,
		marks: map[ledger.InstrumentKey]*marked{}, rates: map[ledger.Currency]ledger.FXRate{},
		asked: map[risk.Rule]bool{}, broken: map[risk.Rule]bool{}, warned: map[risk.Rule]bool{}}
	for _, e := range h.Events {
		switch w := e.What.(type) {
		case Policy:
			j.status, j.limits, j.zone = w.Status, w.Limits, w.zone
		case State:
			j.state = w.State
		case *marked:
			j.mark(w)
		case ledger.FXRate:
			w.Time = earlier(w.Time, e.Time)
			if old, ok := j.rates[w.Currency]; !ok || !w.Time.Before(old.Time) {
				j.rates[w.Currency] = w
			}
		}
	}
	return j
}

// mark takes a mark in: an older one than the present one changes nothing, and a price of zero takes
// the present one away, but of options, warrants and futures.
func (j *judge) mark(m *marked) {
	if old, ok := j.marks[m.key]; ok && m.Time.Before(old.Time) {
		return
	}
	if m.Price.IsZero() && !canBeWorthless(m.Instrument.SecType) {
		delete(j.marks, m.key)
		return
	}
	j.marks[m.key] = m
}

func canBeWorthless(s ledger.SecType) bool {
	switch s {
	case ledger.Option, ledger.FutureOption, ledger.Warrant, ledger.Future:
		return true
	}
	return false
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// location returns the zone of the trading day.
func location(l risk.Limits) *time.Location {
	loc, err := risk.NewYork()
	if l.TimeZone != "" {
		loc, err = time.LoadLocation(l.TimeZone)
	}
	if err != nil {
		panic(err) // limits were validated
	}
	return loc
}

// dayOf is the trading day of a time.
func (j *judge) dayOf(t time.Time) ledger.Date { return ledger.DateOf(t.In(j.zone)) }

func (j *judge) today() ledger.Date { return j.dayOf(j.now) }

// holidays are the days from Monday to Friday on which New York does not trade, as far as the tests'
// histories reach.
var holidays = map[ledger.Date]bool{20260525: true, 20260619: true, 20260703: true, 20260907: true}

// businessDay reports whether markets and banks are open.
func businessDay(d ledger.Date) bool {
	switch d.Time(time.UTC).Weekday() {
	case time.Saturday, time.Sunday:
		return false
	}
	return !holidays[d]
}

func nextBusinessDay(d ledger.Date) ledger.Date {
	for {
		d = ledger.DateOf(d.Time(time.UTC).AddDate(0, 0, 1))
		if businessDay(d) {
			return d
		}
	}
}

// price returns the mark of a contract and whether it is fresh; nil if there is none.
func (j *judge) price(key ledger.InstrumentKey) (rat, bool) {
	m, ok := j.marks[key]
	if !ok {
		return nil, false
	}
	return exact(m.Price), j.now.Sub(m.Time) <= j.limits.MarkAge
}

// rate returns the worth of a currency in base currency and whether it is fresh; nil if it is not
// known.
func (j *judge) rate(c ledger.Currency) (rat, bool) {
	if c == j.h.Base {
		return whole(1), true
	}
	r, ok := j.rates[c]
	if !ok {
		return nil, false
	}
	return exact(r.Rate), j.now.Sub(r.Time) <= j.limits.RateAge
}
