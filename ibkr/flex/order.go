package flex

import (
	"slices"

	"github.com/ai-ots/accounts/ledger"
)

// possible puts events of one time, which are in the order of their ids, into an order in which
// they can have happened: what a corporate action takes away was traded before it, and what it
// brings, after it.
func (p *planner) possible(events []*event) []*event {
	for start := 0; start < len(events); {
		end := start + 1
		for end < len(events) && events[end].at.Equal(events[start].at) {
			end++
		}
		run := events[start:end]
		for _, e := range slices.Clone(run) {
			if e.split != nil && len(run) > 1 {
				copy(run, p.around(run, e))
			}
		}
		start = end
	}
	return events
}

// around returns the events with those that have to be before the split before it, and those that
// have to be after it behind it.
func (p *planner) around(run []*event, split *event) []*event {
	at := slices.Index(run, split)
	var before, after []*event
	for i, e := range run {
		switch {
		case i == at:
		case i < at && !p.follows(e, split) || i > at && e.precedes(split):
			before = append(before, e)
		default:
			after = append(after, e)
		}
	}
	// What follows the split alone comes right behind it, in front of what came later anyway.
	return slices.Concat(before, []*event{split}, after)
}

// follows reports whether the event trades units that the split brings.
func (p *planner) follows(e, split *event) bool {
	if e.trade == nil || e.leg != 0 {
		return false
	}
	from, to, key := split.split.From.Key(), split.split.To.Key(), e.instrument.Key()
	if from == to {
		return key == to && e.row != noRow && p.rowOf(e).TransactionType == "FracShare"
	}
	return key == to
}

// precedes reports whether the event trades units that the split takes away.
func (e *event) precedes(split *event) bool {
	if e.trade == nil || e.leg != 0 || split.split.SpinsOff() {
		return false
	}
	from, to := split.split.From.Key(), split.split.To.Key()
	return from != to && e.instrument.Key() == from && e.trade.Kind != ledger.Corporate
}
