package flex

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ai-ots/accounts"
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

// renamed is a contract that the statement calls otherwise than the book.
type renamed struct {
	old ledger.Instrument
	now ledger.InstrumentKey
	at  time.Time // when the book goes over to the new name: behind all that it knows
}

// renameHeld moves what the book holds of a contract to the name that the statement has for it.
func (p *planner) renameHeld() (all []renamed) {
	for i := range p.held.Positions {
		pos := &p.held.Positions[i]
		inst, ok := p.Instruments[pos.Instrument.ConID]
		if !ok || inst.Key() == pos.Instrument.Key() || inst.Currency != pos.Instrument.Currency || pos.Quantity.IsZero() {
			continue
		}
		at := p.start()
		if at.Before(pos.LastTrade) {
			at = pos.LastTrade
		}
		p.extra = append(p.extra, ledger.Split{ID: fmt.Sprintf("%s%d-%s", renamePrefix, inst.ConID, at.Format("20060102150405")),
			From: pos.Instrument, To: inst, Numerator: unit, Denominator: unit, Time: at})
		all = append(all, renamed{pos.Instrument, inst.Key(), at})
		pos.Instrument = inst
	}
	return all
}

// useFormerNames records what happened before the book goes over to a new name under the old one, by which the book
// holds the contract then.
func (p *planner) useFormerNames() {
	former := func(inst *ledger.Instrument, at time.Time) *ledger.Instrument {
		for i := range p.renames {
			if r := &p.renames[i]; inst.Key() == r.now && !at.After(r.at) {
				return &r.old
			}
		}
		return inst
	}
	if len(p.renames) == 0 {
		return
	}
	for _, e := range p.events {
		switch {
		case e.known:
		case e.split != nil:
			e.split.From, e.split.To = *former(&e.split.From, e.at), *former(&e.split.To, e.at)
		case e.transfer != nil:
			e.transfer.Instrument = *former(&e.transfer.Instrument, e.at)
		case e.trade != nil:
			e.trade.Instrument = former(e.trade.Instrument, e.at)
		}
	}
}

// prepare works out what was held before the statement beyond what the book holds.
func (l *tally) prepare() error {
	held := l.held[l.inst.Key()]
	l.recall(held)
	var before ledger.Decimal
	switch {
	case l.st.HasPositions:
		before = l.backwards().Sub(l.asTold[l.inst.Key()]).Sub(l.undone[l.inst.Key()])
	case len(l.events) > 0:
		before = l.unseen(held)
	}
	if least := l.atLeast(held); !before.IsZero() && !before.Equal(least) && l.contradicts(held, before) {
		l.unexplained(before.Sub(least))
		before = least
	}
	if line := l.barred[l.inst.Key()]; line != 0 && !before.IsZero() {
		l.unread(line, "open position", "%s of %s are not taken for held before, for the corporate action in line %d is not booked", before, l.inst, line)
		l.leaveOut(line)
		return nil
	}
	switch {
	case before.IsZero():
	case !held.IsZero() && held.IsNeg() != before.IsNeg():
		// The book holds more than the broker did. That is for the reconciliation to tell.
	case l.later[l.inst.Key()]:
		return fmt.Errorf("%w: %s of %s were held before it, and the book knows of trades after it", accounts.ErrOutOfOrder, before, l.inst)
	default:
		if l.seen[l.inst.Key()] {
			l.issue(0, "open position", "the book knew %s before this statement, and the broker held %s more: inferred, but a fill may be missing", l.inst, before)
		}
		l.before = append(l.before, remnant{found: &l.found, quantity: before, n: unit, m: unit})
	}
	return nil
}

// recall gives the tally the lots that the book has of its contract, of which so much was held at the end of
// the statement.
func (l *tally) recall(held ledger.Decimal) {
	for _, pos := range l.inBook[l.inst.Key()] {
		for _, lot := range pos.Lots {
			if lot.ExecID == "" || !l.gone[root(lot.ExecID)] {
				l.own = append(l.own, lot)
				l.net = l.net.Add(lot.Quantity)
			}
		}
	}
	if l.net.Equal(held) && !l.later[l.inst.Key()] {
		return
	}
	l.own, l.net = nil, ledger.Decimal{}
	for _, lot := range l.lotsAt(l.end())[l.inst.Key()] {
		l.add(lot)
	}
	if !l.net.Equal(held) { // nothing is known of them
		l.own, l.net = nil, ledger.Decimal{}
		l.add(ledger.Lot{Quantity: held, Inferred: true})
	}
}

// leaveOut keeps the trades of a contract out of the book, which may close what the corporate action in the line
// brings or takes: they are booked with it, once it can be.
func (l *tally) leaveOut(line int) {
	beside := map[string]bool{}
	for _, e := range l.planner.events {
		superseded := e.void && e.trade != nil && !l.gone[root(e.trade.ExecID)]
		if e.row == noRow || e.known || e.void && !superseded || e.instrument.Key() != l.inst.Key() {
			continue
		}
		e.left = true
		beside[commissionPrefix+string(e.trade.ExecID)] = true
		l.unread(e.line, "trade", "%s of %s is not booked before the corporate action in line %d is", e.trade.Quantity, e.text(), line)
	}
	l.events = nil
	l.extra = slices.DeleteFunc(l.extra, func(f ledger.Fact) bool {
		m, is := f.(ledger.CashMovement)
		return is && beside[m.ID]
	})
}

// contradicts reports whether a row that opens, by what the broker says, or brings units, would have closed
// something if so much more had been held before.
func (l *tally) contradicts(held, before ledger.Decimal) bool {
	x := held.Add(before)
	for _, e := range l.events {
		switch {
		case e.split == nil:
			q := e.quantity()
			if e.opens(x) && !x.IsZero() && x.IsNeg() != q.IsNeg() {
				return true
			}
			x = x.Add(q)
		case e.split.SpinsOff() && e.split.From.Key() == l.inst.Key():
		case e.split.From.Key() == l.inst.Key() && !e.gone.IsZero():
			x = x.Add(e.gone)
		default:
			if e.split.From.Key() != e.split.To.Key() && !x.IsZero() && x.IsNeg() != e.moved.IsNeg() { // see impossible
				return true
			}
			x = x.Add(e.moved)
		}
	}
	return false
}

// unexplained says that the broker holds more than all rows make, which no earlier position can be
// the reason for. The reconciliation has it as a break.
func (l *tally) unexplained(more ledger.Decimal) {
	at, lines := 0, make([]string, 0, maxLines+1)
	for _, e := range l.events {
		if len(lines) == maxLines {
			lines = append(lines, "…")
			break
		}
		lines = append(lines, strconv.Itoa(e.line))
	}
	if pos := l.position(l.inst.Key()); pos != nil {
		at = pos.Line
	}
	l.unread(at, "open position", "%s of %s are explained by nothing: the broker holds %s at the end, and the rows in lines %s, which open by what they say, make another quantity; "+
		"a trade, a transfer or a corporate action is missing or was not interpreted", more, l.inst, l.endQuantity(l.inst.Key()), strings.Join(lines, ", "))
}

// maxLines is how many lines an issue names.
const maxLines = 10

// backwards goes from what is held at the end back to the beginning.
func (l *tally) backwards() ledger.Decimal {
	q := l.endQuantity(l.inst.Key())
	for _, e := range slices.Backward(l.events) {
		switch {
		case e.split == nil:
			q = q.Sub(e.quantity())
		case e.split.SpinsOff() && e.split.From.Key() == l.inst.Key():
		case e.split.From.Key() == l.inst.Key() && !e.gone.IsZero():
			q = q.Sub(e.gone)
		default:
			q = q.Sub(e.moved)
		}
	}
	return q
}

// atLeast is the least that must have been held before, beyond what the book holds, for every
// closing to have something to close and every split something to split: for statements that do
// not say what is held at the end.
func (l *tally) atLeast(held ledger.Decimal) ledger.Decimal {
	var need ledger.Decimal // in units of the beginning
	n, m := unit, unit
	x := held
	// must says that so much was held now: what x lacks of it is from before.
	must := func(q ledger.Decimal) {
		missing := share(q.Sub(x), m, n)
		if !missing.IsZero() && missing.IsNeg() == q.IsNeg() && missing.Abs().GreaterThan(need.Abs()) {
			need = missing
		}
	}
	acted := must // what an action says was held; not where the book knows the contract, of which it may lack a fill
	if len(l.inBook[l.inst.Key()]) > 0 {
		acted = func(ledger.Decimal) {}
	}
	for _, e := range l.events {
		switch {
		case e.trade != nil:
			if e.closes() {
				must(e.closing(x).Neg())
			}
			x = x.Add(e.trade.Quantity)
		case e.transfer != nil:
			if e.leaves {
				must(e.transfer.Quantity.Neg())
			}
			x = x.Add(e.transfer.Quantity)
		case e.unstated && !e.split.SpinsOff():
			x = x.Add(e.moved)
		case e.split.SpinsOff() && e.split.From.Key() == l.inst.Key():
			if !e.unstated {
				acted(share(e.moved, e.split.Denominator, e.split.Numerator))
			}
		case e.split.From.Key() == e.split.To.Key():
			if !e.explained(x) {
				acted(e.splitUnits())
			}
			n, m = n.Mul(e.split.Numerator), m.Mul(e.split.Denominator)
			x = share(x, e.split.Numerator, e.split.Denominator)
		case e.split.From.Key() == l.inst.Key():
			acted(e.gone.Neg())
			x = ledger.Decimal{}
		default:
			x = x.Add(e.moved)
		}
	}
	return need
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

// opensAfter reports whether the book has an opening balance of a contract for a later time. What the
// statement tells of before is then refused: see checkOrder.
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

// openings adds the inferred lots to the plan. They are older than everything else: what is not in
// the journal was there before it, or came in a way that no statement told. But they enter the
// book behind what it knows, lest that be matched anew.
func (l *tally) openings() {
	if len(l.found) == 0 {
		return
	}
	key := l.inst.Key()
	opened, at, earlier := l.openedBefore(), l.start(), 1
	for _, pos := range l.inBook[key] {
		if !pos.LastTrade.Before(at) {
			at = pos.LastTrade.Add(time.Microsecond)
		}
	}
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
