package rulemodel

import (
	"maps"
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// judge is a history as it stands at a time, with what is read off it.
type judge struct {
	h   History
	now time.Time

	limits risk.Limits
	status risk.ProfileStatus
	state  risk.TradingState
	zone   *time.Location // of the trading day
	marks  map[ledger.InstrumentKey]*marked
	rates  map[ledger.Currency]ledger.FXRate

	// What the methods have worked out: first what depends on facts alone, then on orders, and then
	// on any event and the time. See readOn.
	recorded once[[]record]
	forced   once[[]placed]
	held     once[map[ledger.InstrumentKey]*holding]
	flows    once[map[int][]flow]
	folded   once[*lots]
	orders   once[[]working]
	sectored once[map[string]string]
	sampled  once[[]sample]
	water    once[waterMark]
	worth    once[worth]
	old      once[bool]
	looked   once[look]
}

// once is what is worked out when it is asked for the first time. Nobody changes it then.
type once[T any] struct {
	done  bool
	value T
}

func (o *once[T]) get(work func() T) T {
	if !o.done {
		o.value, o.done = work(), true
	}
	return o.value
}

// judges are those of a history that were asked before. Events are only ever added to a history, so
// what was before an event is always the same.
type judges struct {
	at     map[moment]*judge
	latest *judge
}

// moment is how many events there were, and the reading of the clock.
type moment struct {
	events int
	now    time.Time
}

// newJudge reads the history as it stands now.
func newJudge(h History, now time.Time) *judge {
	if h.judges == nil {
		h.judges = &judges{at: map[moment]*judge{}}
	}
	known, at := h.judges, moment{len(h.Events), now}
	if j := known.at[at]; j != nil {
		return j
	}
	from := known.latest
	if from == nil || len(from.h.Events) > len(h.Events) {
		from = &judge{state: risk.TradingActive, marks: map[ledger.InstrumentKey]*marked{}, rates: map[ledger.Currency]ledger.FXRate{}}
	}
	j := from.readOn(h, now)
	known.at[at] = j
	if known.latest == nil || len(known.latest.h.Events) <= len(h.Events) {
		known.latest = j
	}
	return j
}

// before reads the history as it stood when event n had not happened yet.
func (j *judge) before(n int, now time.Time) *judge {
	return newJudge(History{j.h.Base, j.h.Events[:n], j.h.judges}, now)
}

// readOn reads the events that the history has beyond those that were read, at another time, and
// forgets what was worked out and may be different then.
func (j *judge) readOn(h History, now time.Time) *judge {
	next := *j
	next.h, next.now = h, now
	next.marks, next.rates = maps.Clone(j.marks), maps.Clone(j.rates)
	next.sampled, next.water = once[[]sample]{}, once[waterMark]{}
	next.worth, next.old, next.looked = once[worth]{}, once[bool]{}, once[look]{}
	for _, e := range h.Events[len(j.h.Events):] {
		next.read(e)
	}
	return &next
}

func (j *judge) read(e Event) {
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
	case Held, Released:
		j.orders, j.sectored = once[[]working]{}, once[map[string]string]{}
	case Facts:
		j.recorded, j.forced, j.folded, j.flows = once[[]record]{}, once[[]placed]{}, once[*lots]{}, once[map[int][]flow]{}
		j.held, j.orders = once[map[ledger.InstrumentKey]*holding]{}, once[[]working]{}
	}
}

// mark takes a mark in: an older one than the present one changes nothing, and a price of zero
// takes the present one away, but of options, warrants and futures.
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

// holidays are the days from Monday to Friday on which New York does not trade, as far as the
// tests' histories reach.
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
