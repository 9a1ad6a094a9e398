package flex

import (
	"fmt"
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// A statement usually starts in mid-history: it closes positions that it never opened. What was
// held before is known per contract: what is held at the end, less everything that moved it since,
// less what the book holds. It was held first, so it is consumed first; each closing trade's own
// row says what basis it consumed, and the open position says what is left.

// inference goes through time with all contracts together, for splits and exercises connect them.
type inference struct {
	*planner
	tallies  map[ledger.InstrumentKey]*tally
	order    []*tally
	held     map[ledger.InstrumentKey]ledger.Decimal
	asTold   map[ledger.InstrumentKey]ledger.Decimal // the same, if its splits had moved what the statement says
	undone   map[ledger.InstrumentKey]ledger.Decimal // what the statement counts that was cancelled or corrected since
	later    map[ledger.InstrumentKey]bool
	seen     map[ledger.InstrumentKey]bool                       // contracts that the book knew before the statement began
	lots     map[time.Time]map[ledger.InstrumentKey][]ledger.Lot // see lotsAt
	premiums []premium
}

// infer adds an opening balance to the plan for every contract that needs one.
func (p *planner) infer() error {
	in := &inference{planner: p, tallies: map[ledger.InstrumentKey]*tally{}, undone: map[ledger.InstrumentKey]ledger.Decimal{},
		lots: map[time.Time]map[ledger.InstrumentKey][]ledger.Lot{}}
	in.held, in.later = p.quantities(p.end(), nil)
	in.asTold, _ = p.quantities(p.end(), p.knownSplits())
	in.seen = p.seenBefore()
	p.renames = p.renameHeld()
	p.indexHeld()
	in.distribute()
	for _, l := range in.order {
		if err := l.prepare(); err != nil {
			return err
		}
	}
	in.replay()
	in.undelivered()
	for _, l := range in.order {
		l.finish()
	}
	for _, l := range in.order {
		l.openings()
	}
	for _, e := range p.events {
		if e.transfer != nil && !e.leaves && !e.known {
			p.fillTransfer(e, in.of(e.transfer.Instrument).openedBefore())
		}
	}
	return nil
}

// knownSplits are the statement's splits that the book has, by their ids.
func (p *planner) knownSplits() map[string]*event {
	known := map[string]*event{}
	for _, e := range p.events {
		if e.known && e.split != nil {
			known[e.split.ID] = e
		}
	}
	return known
}

// distribute makes a tally for every contract that an event moves or the broker holds, and gives it
// its events.
func (in *inference) distribute() {
	for _, e := range in.events {
		if e.known && !e.void && e.trade != nil {
			key := e.instrument.Key()
			in.undone[key] = in.undone[key].Add(e.trade.Quantity)
			if now, ok := in.past.current(e.trade.ExecID); ok {
				in.undone[key] = in.undone[key].Sub(now.Quantity)
			}
		}
		if from := in.from(e); from != nil {
			from.events = append(from.events, e)
			if to := in.to(e); to != from {
				to.events = append(to.events, e)
			}
		}
	}
	for i := range in.st.Positions {
		if pos := &in.st.Positions[i]; pos.SecType != ledger.Forex {
			in.of(in.instrument(pos.Contract))
		}
	}
}

// replay goes through the events in the order in which they happened.
func (in *inference) replay() {
	for _, e := range in.events {
		switch from := in.from(e); {
		case from == nil:
		case e.split != nil:
			in.split(e, from, in.to(e))
		case e.transfer != nil:
			from.transfer(e)
		default:
			from.trade(e)
		}
	}
}

func (in *inference) of(inst ledger.Instrument) *tally {
	key := inst.Key()
	l := in.tallies[key]
	if l == nil {
		l = &tally{inference: in, inst: inst}
		in.tallies[key] = l
		in.order = append(in.order, l)
	}
	return l
}

// from returns the ledger that the event concerns; nil if it moves no lots, or none any longer.
func (in *inference) from(e *event) *tally {
	switch {
	case e.void || e.known || e.left:
		return nil
	case e.split != nil:
		return in.of(e.split.From)
	case e.transfer != nil, e.trade != nil && e.trade.Instrument.SecType != ledger.Forex:
		return in.tallyOf(e)
	}
	return nil
}

// tallyOf is the ledger of the event's instrument.
func (in *inference) tallyOf(e *event) *tally {
	if e.tally == nil {
		e.tally = in.of(*e.instrument)
	}
	return e.tally
}

func (in *inference) to(e *event) *tally {
	if e.split != nil {
		return in.of(e.split.To)
	}
	return in.tallyOf(e)
}

var (
	unit, _   = ledger.ParseDecimal("1")
	almost, _ = ledger.ParseDecimal("0.999999")
)

// split carries both what was held before and the own lots through. If there is neither, there
// is nothing to split, and the book would refuse to.
func (in *inference) split(e *event, from, to *tally) {
	s, d := e.split, e.division
	if d == nil && in.impossible(e, from, to) || d != nil && !d.settle(in, e, from) {
		e.split = nil
		return
	}
	total := in.when(e, from)
	if !total.IsZero() {
		e.roundAsBroker(total)
	}
	if s.SpinsOff() {
		in.spinOff(e, from, to)
		return
	}
	in.wholly(e, total)
	own, before := in.lotsThen(e, from), from.before
	from.before = nil
	from.keepSince(e, own)
	for _, lot := range own {
		lot.Quantity, lot.Basis = share(lot.Quantity, s.Numerator, s.Denominator), s.Converted(lot.Basis)
		to.add(lot)
	}
	for _, r := range before {
		r.quantity = share(r.quantity, s.Numerator, s.Denominator)
		for i := range r.kept {
			r.kept[i].quantity = share(r.kept[i].quantity, s.Numerator, s.Denominator)
		}
		r.n, r.m = r.n.Mul(s.Numerator), r.m.Mul(s.Denominator)
		to.before = append(to.before, r)
	}
}

// when is how much was held of a contract when an event came: without what the book knows of later.
func (in *inference) when(e *event, l *tally) ledger.Decimal {
	now, facts := l.left().Add(l.net), in.past.ordered
	if len(facts) == 0 || !timeOf(facts[len(facts)-1]).After(e.at) {
		return now
	}
	then, _ := in.quantities(e.at, nil)
	return now.Sub(in.held[l.inst.Key()]).Add(then[l.inst.Key()])
}

// opensAfter reports whether the book has an opening balance of a contract for a later time. What
// the statement tells of before is then refused: see checkOrder.
func (p *planner) opensAfter(inst ledger.Instrument, at time.Time) bool {
	return slices.ContainsFunc(p.past.openings, func(o ledger.Opening) bool { return p.named(o.Instrument) == inst.Key() && o.Time.After(at) })
}

// impossible reports a split that no book could apply, and says why.
func (in *inference) impossible(e *event, from, to *tally) bool {
	s := e.split
	total, joined := in.when(e, from), in.when(e, to)
	switch {
	case total.IsZero() && !in.opensAfter(s.From, e.at):
		in.unread(e.line, "corporate action", "nothing of %s is held: %s for %s not applied", s.From, s.Numerator, s.Denominator)
		return true
	case to != from && !joined.IsZero() && !total.IsZero() && joined.IsNeg() != total.IsNeg():
		in.unread(e.line, "corporate action", "%s of %s would join %s of %s: not applied", total, s.From, joined, s.To)
		return true
	}
	return false
}

// wholly says where a row takes away a part of a holding: all of it is booked under the new name.
// Where the statement shows positions, the difference is a break.
func (in *inference) wholly(e *event, total ledger.Decimal) {
	rest := total.Add(e.gone)
	if e.gone.IsZero() || in.st.HasPositions || rest.IsNeg() != total.IsNeg() || rest.Abs().LessThan(unit) {
		return
	}
	in.unread(e.line, "corporate action", "%s of %s %s went for %s: a part of a holding is not exchanged, and all of it is booked under the new name", e.gone.Neg(), total, e.split.From, e.split.To)
}

// spinOff carries a part of the basis over, and leaves the old lots where they are. What comes of
// lots that were held before is no lot of its own to be inferred: it follows from theirs.
func (in *inference) spinOff(e *event, from, to *tally) {
	s := e.split
	rest := fraction{s.Whole.Sub(s.Part), s.Whole}
	for _, lot := range in.lotsThen(e, from) {
		part := s.Moves(lot.Basis)
		lot.Quantity, lot.Basis = share(lot.Quantity, s.Numerator, s.Denominator), s.Converted(part)
		to.add(lot)
	}
	for i := range from.own {
		if lot := &from.own[i]; !lot.OpenedAt.After(e.at) {
			lot.Basis = lot.Basis.Sub(s.Moves(lot.Basis))
		}
	}
	left := from.left()
	for i := range from.before {
		r := &from.before[i]
		r.kept = append(slices.Clone(r.kept), kept{rest, share(e.division.before, r.quantity, left), r.quantity})
		to.add(ledger.Lot{Quantity: share(r.quantity, s.Numerator, s.Denominator), OpenedAt: in.start(), Inferred: true,
			Basis: s.Converted(share(e.division.unseen, r.quantity, left))})
	}
}

// finish turns what is left of what was held before into lots.
func (l *tally) finish() {
	q := l.left()
	if q.IsZero() {
		return
	}
	pos := l.position(l.inst.Key())
	if pos == nil || !pos.basis().Valid {
		q = q.Sub(l.takeWorth())
		if q.IsZero() {
			return
		}
		l.issue(0, "open position", "%s: %s held since before the statement has no cost basis; taken as zero", l.inst, q)
		l.take(q, ledger.Decimal{}, "nothing: taken as zero")
		return
	}
	basis := pos.basis().Value
	for _, lot := range l.own {
		basis = basis.Sub(lot.Basis)
	}
	l.take(q, basis, fmt.Sprintf("cost basis of the open position in line %d", pos.Line))
}

// basis is the position's cost basis, worked out from the price where the query leaves it out.
func (p *Position) basis() Optional {
	if p.CostBasis.Valid || !p.CostPrice.Valid {
		return p.CostBasis
	}
	return Optional{Value: p.CostPrice.Value.Mul(p.Quantity).Mul(nonZero(p.Multiplier)), Valid: true}
}

// openedBefore is a moment before all lots that the book holds of the contract and the statement
// begins with.
func (l *tally) openedBefore() time.Time {
	opened := l.start()
	for _, pos := range l.inBook[l.inst.Key()] {
		if len(pos.Lots) > 0 && !pos.Lots[0].OpenedAt.After(opened) {
			opened = pos.Lots[0].OpenedAt.Add(-time.Second)
		}
	}
	return opened
}

// opensAt is when what was held before the statement enters the book: behind what that knows.
func (l *tally) opensAt() time.Time {
	at := l.start()
	for _, pos := range l.inBook[l.inst.Key()] {
		if !pos.LastTrade.Before(at) {
			at = pos.LastTrade.Add(time.Microsecond)
		}
	}
	return at
}

// openings adds the inferred lots to the plan. They are older than everything else: what is not in
// the journal was there before it, or came in a way that no statement told. But they enter the
// book behind what it knows, lest that be matched anew.
func (l *tally) openings() {
	if len(l.found) == 0 {
		return
	}
	key := l.inst.Key()
	opened, at, earlier := l.openedBefore(), l.opensAt(), 1
	for _, o := range l.past.openings {
		if o.Instrument.Key() == key {
			earlier++
		}
	}
	o := ledger.Opening{ID: fmt.Sprintf("%s-%d", printable(openingPrefix+string(key), 90), earlier), Instrument: l.inst, Time: at}
	for _, lot := range l.found {
		lot.OpenedAt = opened
		o.Lots = append(o.Lots, *lot)
	}
	if pos := l.position(l.inst.Key()); pos != nil {
		o.FXRate = pos.FXRate
	}
	l.extra = append(l.extra, o)
}
