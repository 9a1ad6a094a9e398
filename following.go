package accounts

import (
	"math"
	"slices"
)

// following decides, for one profile, which of the store's events subscribers are told and when the
// profile's portfolio catches up. It is a state machine: events go in, actions come out. It knows
// neither locks nor goroutines nor clocks; its user serializes the calls and carries out the
// actions in their order. The zero value is the following of a portfolio that is not open yet.
//
// What the store tells is a hint to look, and nothing more: how far the journal goes is what the
// portfolio finds there. So a hint that is wrong, late or repeated costs one look at most.
type following struct {
	open, closed bool
	// current are the events that the catch-up under way is about; empty while there is none.
	current []news
	// waiting are the events for the next catch-up. Both hold one event of each kind at most.
	waiting []news
	failing bool  // the last try of the catch-up under way failed
	told    int64 // the highest sequence number that subscribers were told of and found
}

// news is an event of the store about the profile.
type news struct {
	event Event
	told  bool // subscribers were told, but may not have found it in the portfolio
}

// look says what a portfolio reads in order to catch up.
type look struct {
	profile bool  // the profile's record
	journal int64 // the journal up to this entry, or to the journal's end; 0 for not at all
}

// actions are what is to be done: first subscribers are told, then the portfolio looks.
type actions struct {
	tell []Event
	look *look // begins the one catch-up, or its next try; nil for nothing
}

// outcome is what came of one try to catch up.
type outcome int

const (
	caughtUp  outcome = iota // the portfolio knows everything that it was to look for, and that there is
	tryAgain                 // the try failed, and another may succeed
	noMoreTry                // the try failed, and only another event can change that
)

// heard takes an event of the store: an EventProfile or an EventRecorded. seq is the portfolio's
// last entry.
func (f *following) heard(e Event, seq int64) (do actions) {
	e.Seq = max(e.Seq, 0)
	n := news{event: e}
	switch {
	case f.closed:
		return do
	case !f.open: // whoever gets the portfolio later is told again, unless it is there by then
		do.tell, n.told = []Event{e}, true
	case f.failing && !known(e, seq): // subscribers do not wait for the store to recover
		do.tell, n.told = []Event{uncertain(e)}, true
	}
	f.waiting = join(f.waiting, n)
	return f.proceed(do, seq)
}

// opened says that the portfolio is open. seq is the portfolio's last entry.
func (f *following) opened(seq int64) actions {
	f.open = true
	return f.proceed(actions{}, seq)
}

// ended takes the outcome of the look that was asked for last. seq is the portfolio's last entry.
func (f *following) ended(o outcome, seq int64) (do actions) {
	if f.closed {
		return do
	}
	f.failing = o == tryAgain
	if o == caughtUp {
		for _, n := range f.current {
			do.tell = f.settle(do.tell, n.event, seq)
		}
		f.current = nil
		return f.proceed(do, seq)
	}
	heard := len(f.waiting) > 0 // since the look began
	for _, n := range f.waiting {
		f.current = join(f.current, n)
	}
	f.waiting = nil
	for i := range f.current {
		if n := &f.current[i]; !n.told {
			do.tell, n.told = append(do.tell, uncertain(n.event)), true
		}
	}
	if o == noMoreTry && !heard {
		f.current, f.waiting = nil, f.current // for the next event
		return do
	}
	do.look = lookFor(f.current)
	return do
}

// close ends it: nothing is to be done any more, whatever comes.
func (f *following) close() { f.closed = true }

// proceed settles what waits and needs no look, and begins to catch up with the rest unless that is
// under way.
func (f *following) proceed(do actions, seq int64) actions {
	if f.closed || !f.open {
		return do
	}
	f.waiting = slices.DeleteFunc(f.waiting, func(n news) bool {
		if !known(n.event, seq) {
			return false
		}
		do.tell = f.settle(do.tell, n.event, seq)
		return true
	})
	if len(f.current) == 0 && len(f.waiting) > 0 {
		f.current, f.waiting = f.waiting, nil
		do.look = lookFor(f.current)
	}
	return do
}

// settle adds an event that the portfolio knows to those that subscribers are told, unless they
// were told of this entry or a later one.
func (f *following) settle(tell []Event, e Event, seq int64) []Event {
	if e.Kind == EventRecorded && e.Seq > 0 {
		// Where the journal ends before the entry that the hint named, there is no such entry.
		e.Seq = min(e.Seq, seq)
		if e.Seq <= f.told {
			return tell
		}
		f.told = e.Seq
	}
	return append(tell, e)
}

// known reports whether a portfolio whose last entry is seq knows the event without a look.
func known(e Event, seq int64) bool {
	return e.Kind == EventRecorded && 0 < e.Seq && e.Seq <= seq
}

// uncertain is the event as subscribers are told it before the portfolio knows it: how far the
// journal goes is not known.
func uncertain(e Event) Event {
	e.Seq = 0
	return e
}

// join adds the event to a list that holds one of each kind: the later one stands for both, but the
// journal is still looked at as far as for either.
func join(list []news, n news) []news {
	for i, old := range list {
		if old.event.Kind == n.event.Kind {
			if reach(old.event) > reach(n.event) {
				n.event.Seq = old.event.Seq
			}
			list[i] = n
			return list
		}
	}
	return append(list, n)
}

// reach is how far the journal must be read for the event.
func reach(e Event) int64 {
	if e.Seq > 0 {
		return e.Seq
	}
	return math.MaxInt64
}

// lookFor is the look for all of the events.
func lookFor(list []news) *look {
	l := &look{}
	for _, n := range list {
		if n.event.Kind == EventRecorded {
			l.journal = reach(n.event)
		} else {
			l.profile = true
		}
	}
	return l
}
