package flex

import (
	"fmt"
	"slices"
	"time"

	"github.com/ai-ots/accounts"
)

// A statement usually starts in mid-history: it closes positions that it never opened. What was
// held before is known per contract: what is held at the end, less everything that moved it since,
// less what the book holds. It was held first, so it is consumed first; each closing trade's own
// row says what basis it consumed, and the open position says what is left.

// ledger follows one contract through the statement as the book will.
type ledger struct {
	*inference
	inst   accounts.Instrument
	events []*event         // those that the book does not know yet
	own    []accounts.Lot   // held in the book or opened in the statement, first first
	net    accounts.Decimal // the sum of own
	before []remnant        // older than all of own
	found  []*accounts.Lot  // inferred, in units of the beginning
}

// remnant is what is left of what was held before the statement.
type remnant struct {
	of       *ledger          // the contract it was in at the beginning
	quantity accounts.Decimal // in units of today; negative for short
	n, m     accounts.Decimal // n units of today were m at the beginning
}

// inference goes through time with all contracts together, for splits and exercises connect them.
type inference struct {
	*planner
	ledgers  map[accounts.InstrumentKey]*ledger
	order    []*ledger
	held     map[accounts.InstrumentKey]accounts.Decimal
	undone   map[accounts.InstrumentKey]accounts.Decimal // what the statement counts that was cancelled or corrected since
	later    map[accounts.InstrumentKey]bool
	premiums []premium
}

// premium is an exercised option's gain that waits for the underlying's trade.
type premium struct {
	option   *event
	quantity accounts.Decimal // of the underlying, signed
	amount   accounts.Decimal
	lot      *accounts.Lot // of the option, where the statement does not tell its basis
}

// infer adds an opening balance to the plan for every contract that needs one.
func (p *planner) infer() error {
	in := &inference{planner: p, ledgers: map[accounts.InstrumentKey]*ledger{}, undone: map[accounts.InstrumentKey]accounts.Decimal{}}
	in.held, in.later = p.quantities()
	p.renameHeld()
	for _, e := range p.events {
		if e.known && !e.void && e.trade != nil {
			now, _ := p.past.current(e.trade.ExecID)
			key := e.instrument.Key()
			in.undone[key] = in.undone[key].Add(e.trade.Quantity).Sub(now.Quantity)
		}
		if from := in.from(e); from != nil {
			from.events = append(from.events, e)
			if to := in.to(e); to != from {
				to.events = append(to.events, e)
			}
		}
	}
	for i := range p.st.Positions {
		if pos := &p.st.Positions[i]; pos.SecType != accounts.Forex {
			in.of(p.instrument(pos.Contract))
		}
	}
	for _, l := range in.order {
		if err := l.prepare(); err != nil {
			return err
		}
	}
	for _, e := range p.events {
		switch from := in.from(e); {
		case from == nil:
		case e.split != nil:
			in.split(e, from, in.to(e))
		default:
			from.trade(e)
		}
	}
	for _, l := range in.order {
		l.finish()
	}
	for _, l := range in.order {
		l.openings()
	}
	return nil
}

func (in *inference) of(inst accounts.Instrument) *ledger {
	key := inst.Key()
	l := in.ledgers[key]
	if l == nil {
		l = &ledger{inference: in, inst: inst}
		in.ledgers[key] = l
		in.order = append(in.order, l)
	}
	return l
}

// from returns the ledger that the event concerns; nil if it moves no lots, or none any longer.
func (in *inference) from(e *event) *ledger {
	switch {
	case e.void || e.known:
		return nil
	case e.split != nil:
		return in.of(e.split.From)
	case e.trade != nil && e.trade.Instrument.SecType != accounts.Forex:
		return in.of(e.instrument)
	}
	return nil
}

func (in *inference) to(e *event) *ledger {
	if e.split != nil {
		return in.of(e.split.To)
	}
	return in.of(e.instrument)
}

// renameHeld moves what the book holds of a contract to the name that the statement has for it.
func (p *planner) renameHeld() {
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
		p.Facts = append(p.Facts, accounts.Split{ID: fmt.Sprintf("rename-%d-%s", inst.ConID, at.Format("20060102150405")),
			From: pos.Instrument, To: inst, Numerator: unit, Denominator: unit, Time: at})
		pos.Instrument = inst
	}
}

// prepare works out what was held before the statement beyond what the book holds.
func (l *ledger) prepare() error {
	held := l.held[l.inst.Key()]
	for _, pos := range l.planner.held.Positions {
		if pos.Instrument.Key() == l.inst.Key() {
			for _, lot := range pos.Lots {
				if lot.ExecID == "" || !l.gone[root(lot.ExecID)] {
					l.own = append(l.own, lot)
					l.net = l.net.Add(lot.Quantity)
				}
			}
		}
	}
	if !l.net.Equal(held) { // what is gone had closed lots, which are not to be had back
		l.own, l.net = nil, accounts.Decimal{}
		if !held.IsZero() {
			l.add(accounts.Lot{Quantity: held})
		}
	}
	var before accounts.Decimal
	switch {
	case l.st.HasPositions:
		before = l.backwards().Sub(held).Sub(l.undone[l.inst.Key()])
	case len(l.events) > 0:
		before = l.unseen(held)
	}
	switch {
	case before.IsZero():
	case !held.IsZero() && held.IsNeg() != before.IsNeg():
		// The book holds more than the broker did. That is for the reconciliation to tell.
	case l.later[l.inst.Key()]:
		return fmt.Errorf("%w: %s of %s were held before it, and the book knows of trades after it", accounts.ErrOutOfOrder, before, l.inst)
	default:
		l.before = append(l.before, remnant{l, before, unit, unit})
	}
	return nil
}

// backwards goes from what is held at the end back to the beginning.
func (l *ledger) backwards() accounts.Decimal {
	q := l.endQuantity(l.inst.Key())
	for _, e := range slices.Backward(l.events) {
		switch {
		case e.trade != nil:
			q = q.Sub(e.trade.Quantity)
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
func (l *ledger) atLeast(held accounts.Decimal) accounts.Decimal {
	var need accounts.Decimal // in units of the beginning
	n, m := unit, unit
	x := held
	// must says that so much was held now: what x lacks of it is from before.
	must := func(q accounts.Decimal) {
		missing := share(q.Sub(x), m, n)
		if !missing.IsZero() && missing.IsNeg() == q.IsNeg() && missing.Abs().GreaterThan(need.Abs()) {
			need = missing
		}
	}
	for _, e := range l.events {
		switch {
		case e.trade != nil:
			if e.closes() {
				must(e.closing(x).Neg())
			}
			x = x.Add(e.trade.Quantity)
		case e.split.From.Key() == e.split.To.Key():
			must(e.splitUnits())
			n, m = n.Mul(e.split.Numerator), m.Mul(e.split.Denominator)
			x = share(x, e.split.Numerator, e.split.Denominator)
		case e.split.From.Key() == l.inst.Key():
			must(e.gone.Neg())
			x = accounts.Decimal{}
		default:
			x = x.Add(e.moved)
		}
	}
	return need
}

// splitUnits is how much was held before a split within one contract, by how much it changed that.
func (e *event) splitUnits() accounts.Decimal {
	q := share(e.moved, e.split.Denominator, e.split.Numerator.Sub(e.split.Denominator))
	if !q.Equal(q.RoundBank(4)) { // the broker rounded
		q = q.RoundBank(0)
	}
	return q
}

// closes reports whether the trade closes something, by what the broker says.
func (e *event) closes() bool {
	switch {
	case e.side != "":
		return e.side != "O"
	case e.trade.Kind == accounts.Expiry || e.exercised():
		return true
	}
	return e.real.Valid && !e.real.Value.IsZero()
}

// closing is the part of the trade's quantity that closes, where x is held as far as is known. Of a
// flip the broker says what the closing part realized and consumed, and so what share of the
// proceeds it had.
func (e *event) closing(x accounts.Decimal) accounts.Decimal {
	q := e.trade.Quantity
	if e.side != "C;O" && (e.side != "" || e.trade.Kind != accounts.Execution) {
		return q
	}
	if e.real.Valid && e.cost.Valid && !e.delivery() { // a delivery has the premium in it
		part, err := e.real.Value.Sub(e.cost.Value).Div(e.net())
		if err == nil && part.IsPos() && part.LessThan(almost) {
			return part.RoundBank(9).Mul(q).RoundBank(4)
		}
	}
	if e.side == "C;O" && !x.IsZero() && x.IsNeg() != q.IsNeg() && x.Abs().LessThan(q.Abs()) {
		return x.Neg()
	}
	return q
}

// net is proceeds less commission and taxes.
func (e *event) net() accounts.Decimal {
	return e.gross().Sub(e.trade.Commission).Sub(e.trade.Taxes)
}

func (e *event) gross() accounts.Decimal {
	if !e.trade.Proceeds.IsZero() {
		return e.trade.Proceeds
	}
	return e.trade.Quantity.Mul(e.trade.Price).Mul(nonZero(e.trade.Instrument.Multiplier)).Neg()
}

// exercised reports whether the trade is the option's side of an exercise or assignment that
// delivers the underlying.
func (e *event) exercised() bool {
	return e.trade.Instrument.Right != "" && e.delivery() && e.gross().IsZero()
}

func (e *event) delivery() bool {
	return e.trade.Kind == accounts.Assignment || e.trade.Kind == accounts.Exercise
}

var (
	unit, _   = accounts.ParseDecimal("1")
	almost, _ = accounts.ParseDecimal("0.999999")
)

// left is how much is left of what was held before.
func (l *ledger) left() accounts.Decimal {
	var sum accounts.Decimal
	for _, r := range l.before {
		sum = sum.Add(r.quantity)
	}
	return sum
}

// trade moves lots as the book will, and takes what the trade consumes of what was held before.
func (l *ledger) trade(e *event) {
	q, net := e.trade.Quantity, e.net()
	var option *accounts.Lot
	alone := false
	if e.delivery() && e.trade.Instrument.Right == "" {
		var moved accounts.Decimal
		moved, option = l.takePremium(e)
		net, alone = net.Add(moved), moved.IsZero()
	}
	old := l.left()
	total := old.Add(l.net)
	if total.IsZero() || total.IsNeg() == q.IsNeg() {
		l.open(e, q, net.Neg())
		return
	}
	size, closeNet := q.Abs(), net
	if held := total.Abs(); size.GreaterThan(held) {
		size, closeNet = held, share(net, held, size)
	}
	fromBefore := smaller(size, old.Abs())
	basis := l.consume(size.Sub(fromBefore))
	var taken *accounts.Lot
	if !fromBefore.IsZero() {
		all, source := e.consumed(closeNet, alone)
		taken = l.take(withSign(fromBefore, old), all.Sub(basis), source)
		basis = all
	} else if option != nil && e.real.Valid && size.Equal(q.Abs()) {
		// What the option's row keeps to itself, the underlying's tells.
		option.Basis = option.Basis.Sub(e.real.Value.Sub(closeNet).Add(basis))
	}
	if e.exercised() {
		l.deferPremium(e, withSign(size, q), closeNet.Sub(basis), taken)
	}
	if rest := q.Abs().Sub(size); !rest.IsZero() {
		l.open(e, withSign(rest, q), closeNet.Sub(net))
	}
}

// open queues a lot that the trade opens.
func (l *ledger) open(e *event, q, basis accounts.Decimal) {
	l.add(accounts.Lot{Quantity: q, Basis: basis, OpenedAt: e.at})
}

// add queues a lot behind all that were opened no later, as the book does.
func (l *ledger) add(lot accounts.Lot) {
	i := len(l.own)
	for i > 0 && lot.OpenedAt.Before(l.own[i-1].OpenedAt) {
		i--
	}
	l.own = slices.Insert(l.own, i, lot)
	l.net = l.net.Add(lot.Quantity)
}

// consume takes n units off the own lots and returns their basis.
func (l *ledger) consume(n accounts.Decimal) (basis accounts.Decimal) {
	for !n.IsZero() && len(l.own) > 0 {
		lot := &l.own[0]
		size := smaller(n, lot.Quantity.Abs())
		part := share(lot.Basis, size, lot.Quantity.Abs())
		basis, n = basis.Add(part), n.Sub(size)
		l.net = l.net.Sub(withSign(size, lot.Quantity))
		lot.Basis, lot.Quantity = lot.Basis.Sub(part), lot.Quantity.Sub(withSign(size, lot.Quantity))
		if lot.Quantity.IsZero() {
			l.own = l.own[1:]
		}
	}
	return basis
}

// consumed is the basis of what the trade closed, by what the broker says: its cost, else what it
// realized. alone says that a delivered underlying found no option's premium, which is in what it
// realized but not in its cost.
func (e *event) consumed(net accounts.Decimal, alone bool) (accounts.Decimal, string) {
	cost := e.cost.Valid && (e.row != nil || !e.cost.Value.IsZero())
	switch {
	case cost && !(alone && e.real.Valid):
		return e.cost.Value.Neg(), fmt.Sprintf("cost of the closing in line %d", e.line)
	case e.real.Valid && !e.exercised():
		return net.Sub(e.real.Value), fmt.Sprintf("realized P&L of the closing in line %d", e.line)
	}
	return net, fmt.Sprintf("proceeds of the closing in line %d, which does not say what it consumed", e.line)
}

// take makes inferred lots of what was held before and returns the last.
func (l *ledger) take(q, basis accounts.Decimal, source string) (last *accounts.Lot) {
	for !q.IsZero() && len(l.before) > 0 {
		r := &l.before[0]
		size := withSign(smaller(q.Abs(), r.quantity.Abs()), q)
		part := share(basis, size, q)
		last = &accounts.Lot{Quantity: atBeginning(size, r), Basis: part, Inferred: true}
		r.of.found = append(r.of.found, last)
		l.Inferred = append(l.Inferred, InferredLot{Instrument: l.inst, Quantity: size, Basis: part, Source: source})
		q, basis, r.quantity = q.Sub(size), basis.Sub(part), r.quantity.Sub(size)
		if r.quantity.IsZero() {
			l.before = l.before[1:]
		}
	}
	return last
}

// atBeginning converts a quantity to the units it was in before all splits. It keeps so many
// places that the splits, which round at fewer, bring back the quantity exactly.
func atBeginning(q accounts.Decimal, r *remnant) accounts.Decimal {
	if r.n.Equal(r.m) {
		return q
	}
	out, err := q.Mul(r.m).Div(r.n)
	if err != nil {
		return q
	}
	return out.RoundBank(18)
}

// deferPremium sets an exercised option's gain aside. What was assigned on a short call sells the
// underlying, on a short put buys it; an exercised one the other way around.
func (l *ledger) deferPremium(e *event, closed, gain accounts.Decimal, taken *accounts.Lot) {
	q := closed.Mul(nonZero(e.trade.Instrument.Multiplier))
	if e.trade.Instrument.Right == accounts.Call {
		q = q.Neg()
	}
	if e.cost.Valid {
		taken = nil
	}
	l.premiums = append(l.premiums, premium{e, q, gain, taken})
}

// takePremium returns the premium that moves into the underlying's trade, and the option's lot if
// its basis, and so the premium, is not known.
func (in *inference) takePremium(e *event) (sum accounts.Decimal, unknown *accounts.Lot) {
	wanted := e.trade.Quantity.Abs()
	for i := 0; i < len(in.premiums) && !wanted.IsZero(); i++ {
		p := &in.premiums[i]
		o := p.option.trade.Instrument
		if p.quantity.IsZero() || !p.option.at.Equal(e.at) || !o.Strike.Equal(e.trade.Price) || p.quantity.IsNeg() != e.trade.Quantity.IsNeg() ||
			underlying(o) != e.trade.Instrument.Symbol && underlying(o) != e.trade.Instrument.LocalSymbol {
			continue
		}
		size := smaller(wanted, p.quantity.Abs())
		part := share(p.amount, size, p.quantity.Abs())
		sum, wanted = sum.Add(part), wanted.Sub(size)
		p.amount, p.quantity = p.amount.Sub(part), p.quantity.Sub(withSign(size, p.quantity))
		if p.lot != nil {
			unknown = p.lot
		}
	}
	return sum, unknown
}

func underlying(o accounts.Instrument) string {
	if o.Underlying != "" {
		return o.Underlying
	}
	return o.Symbol
}

// split carries both what was held before and the own lots through. If there is neither, there
// is nothing to split, and the book would refuse to.
func (in *inference) split(e *event, from, to *ledger) {
	s := e.split
	total := from.left().Add(from.net)
	if total.IsZero() && !in.later[s.From.Key()] {
		in.issue(e.line, "corporate action", "nothing of %s is held: %s for %s not applied", e.text, s.Numerator, s.Denominator)
		e.split = nil
		return
	}
	e.roundAsBroker(total)
	own, before := from.own, from.before
	from.own, from.before, from.net = nil, nil, accounts.Decimal{}
	for _, lot := range own {
		lot.Quantity = share(lot.Quantity, s.Numerator, s.Denominator)
		to.add(lot)
	}
	for _, r := range before {
		r.quantity = share(r.quantity, s.Numerator, s.Denominator)
		r.n, r.m = r.n.Mul(s.Numerator), r.m.Mul(s.Denominator)
		to.before = append(to.before, r)
	}
}

// roundAsBroker makes the ratio that of the quantities where the broker, who rounds the outcome,
// arrives at another one than the ratio in its text gives.
func (e *event) roundAsBroker(total accounts.Decimal) {
	s := e.split
	if s.From.Key() != s.To.Key() {
		return
	}
	after := total.Add(e.moved)
	off := share(total, s.Numerator, s.Denominator).Sub(after)
	if !off.IsZero() && off.Abs().LessThan(unit) && !after.IsZero() && after.IsNeg() == total.IsNeg() {
		s.Numerator, s.Denominator = after.Abs(), total.Abs()
	}
}

// finish turns what is left of what was held before into lots.
func (l *ledger) finish() {
	q := l.left()
	if q.IsZero() {
		return
	}
	pos := l.position(l.inst.Key())
	if pos == nil || !pos.basis().Valid {
		l.issue(0, "open position", "%s: %s held since before the statement has no cost basis; taken as zero", l.inst, q)
		l.take(q, accounts.Decimal{}, "nothing: taken as zero")
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

// openings adds the inferred lots to the plan. They are older than everything else: what is not in
// the journal was there before it, or came in a way that no statement told.
func (l *ledger) openings() {
	if len(l.found) == 0 {
		return
	}
	start, key := l.start(), l.inst.Key()
	opened, earlier := start, 1
	for _, pos := range l.planner.held.Positions {
		if pos.Instrument.Key() == key && len(pos.Lots) > 0 && pos.Lots[0].OpenedAt.Before(opened) {
			opened = pos.Lots[0].OpenedAt.Add(-time.Second)
		}
	}
	for _, o := range l.past.openings {
		if o.Instrument.Key() == key {
			earlier++
		}
	}
	o := accounts.Opening{ID: printable(fmt.Sprintf("opening-%s-%s-%d", key, start.Format("20060102"), earlier), 100),
		Instrument: l.inst, Time: start}
	for _, lot := range l.found {
		lot.OpenedAt = opened
		o.Lots = append(o.Lots, *lot)
	}
	if pos := l.position(l.inst.Key()); pos != nil {
		o.FXRate = pos.FXRate
	}
	l.Facts = append(l.Facts, o)
}

// share is total × part ÷ whole, rounded as the book does.
func share(total, part, whole accounts.Decimal) accounts.Decimal {
	if part.Equal(whole) {
		return total
	}
	if total.Prec()+part.Prec() > 19 {
		total = total.RoundBank(19 - part.PrecUint())
	}
	q, err := total.Mul(part).Div(whole)
	if err != nil {
		return total
	}
	return q.RoundBank(12)
}

func smaller(a, b accounts.Decimal) accounts.Decimal {
	if a.LessThan(b) {
		return a
	}
	return b
}

// withSign gives the magnitude d the sign of s.
func withSign(d, s accounts.Decimal) accounts.Decimal {
	if s.IsNeg() {
		return d.Neg()
	}
	return d
}
