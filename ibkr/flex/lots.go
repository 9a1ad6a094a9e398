package flex

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// The lots that the book had at an earlier time than now: an action may be told when the book has
// gone on.

// lotsAt returns the lots of each contract, by the name that the statement has for it, that the
// book has at a time once the executions are gone that the statement cancels or corrects: what
// these closed is open again.
func (in *inference) lotsAt(until time.Time) map[ledger.InstrumentKey][]ledger.Lot {
	if lots, folded := in.lots[until]; folded {
		return lots
	}
	sorted := map[int64]ledger.Amendment{0: {}} // a change of nothing, with which facts are folded by their times
	fold := ledger.NewRefold(in.st.Base(), sorted, nil)
	for i, f := range in.past.ordered {
		if timeOf(f).After(until) {
			break
		}
		if payload, err := ledger.Normalize(f); err == nil && !in.isGone(f) {
			fold.Add(int64(i)+1, payload)
		}
	}
	lots := map[ledger.InstrumentKey][]ledger.Lot{}
	for _, pos := range fold.Finish().Positions() {
		if key := in.named(pos.Instrument); len(pos.Lots) > 0 {
			lots[key] = append(lots[key], pos.Lots...)
		}
	}
	in.lots[until] = lots
	return lots
}

// lotsThen returns the tally's own lots of when an event came: without those that the book has
// since.
func (in *inference) lotsThen(e *event, l *tally) []ledger.Lot {
	if in.knownThen(e, l) {
		return in.lotsAt(e.at)[l.inst.Key()]
	}
	return slices.DeleteFunc(slices.Clone(l.own), func(lot ledger.Lot) bool { return lot.OpenedAt.After(e.at) })
}

// knownThen reports whether the book knows of later facts of a contract than an event, and all that
// was held of the contract when the event came: nothing that is new to the book comes before.
func (in *inference) knownThen(e *event, l *tally) bool {
	return len(in.pastAfter(e.at, l.inst.Key())) > 0 && l.left().IsZero() && (len(l.events) == 0 || !l.events[0].at.Before(e.at))
}

// keepSince leaves the tally what the book has of the contract since an event, when the given lots
// were held.
func (l *tally) keepSince(e *event, then []ledger.Lot) {
	rest := slices.DeleteFunc(l.own, func(lot ledger.Lot) bool { return !lot.OpenedAt.After(e.at) })
	since := l.net
	for _, lot := range then {
		since = since.Sub(lot.Quantity)
	}
	l.own, l.net = nil, ledger.Decimal{}
	for _, lot := range rest {
		l.add(lot)
	}
	if !l.net.Equal(since) { // what was held then closed something since
		l.own, l.net = nil, ledger.Decimal{}
		l.add(ledger.Lot{Quantity: since, OpenedAt: e.at.Add(time.Microsecond), Inferred: true})
	}
}

// isGone reports whether the statement cancels or corrects the fact.
func (p *planner) isGone(f ledger.Fact) bool {
	t, trade := f.(*ledger.Trade)
	return trade && p.gone[root(t.ExecID)]
}

// pastAfter returns what the book has of a contract of after a time and of before the end of the
// statement.
func (p *planner) pastAfter(at time.Time, key ledger.InstrumentKey) (facts []ledger.Fact) {
	for _, f := range slices.Backward(p.past.ordered) {
		when := timeOf(f)
		if !when.After(at) {
			break
		}
		if !when.After(p.end()) && !p.isGone(f) && slices.ContainsFunc(movedBy(f), func(i *ledger.Instrument) bool { return p.named(*i) == key }) {
			facts = append(facts, f)
		}
	}
	slices.Reverse(facts)
	return facts
}

// movedBy returns the contracts whose lots a fact moves.
func movedBy(f ledger.Fact) []*ledger.Instrument {
	switch f := f.(type) {
	case *ledger.Trade:
		return []*ledger.Instrument{&f.Instrument}
	case ledger.Split:
		return []*ledger.Instrument{&f.From, &f.To}
	case ledger.Opening:
		return []*ledger.Instrument{&f.Instrument}
	case ledger.Transfer:
		return []*ledger.Instrument{&f.Instrument}
	}
	return nil
}
