package flex

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts"
)

// A statement usually starts in mid-history: it closes positions that it never opened. What was
// held before is known per contract: what is held at the end, less everything that moved it. It was held
// first, so it is consumed first; each closing trade's own row says what basis it consumed, and the
// open position says what is left.

// earlier is what is held of one contract since before the statement.
type earlier struct {
	quantity accounts.Decimal // still there; negative for short
	since    time.Time        // from when on the book can hold it in today's units
}

// contract is the inference over one contract's events.
type contract struct {
	*planner
	inst     accounts.Instrument
	events   []*event
	before   earlier
	running  accounts.Decimal // what the book would hold without anything inferred
	opened   []piece          // lots opened in the statement or held in the book, first first
	premiums map[*event]accounts.Decimal
	found    []accounts.Lot
	since    []time.Time // of each found lot
}

// piece is a quantity with its basis.
type piece struct{ quantity, basis accounts.Decimal }

// infer adds an opening balance to the plan for every contract that needs one.
func (p *planner) infer() {
	p.renameHeld()
	start := p.start()
	premiums := p.premiums()
	byKey := map[accounts.InstrumentKey]*contract{}
	var order []accounts.InstrumentKey
	of := func(inst accounts.Instrument) *contract {
		key := inst.Key()
		if byKey[key] == nil {
			byKey[key] = &contract{planner: p, inst: inst, premiums: premiums, before: earlier{since: start}}
			order = append(order, key)
		}
		return byKey[key]
	}
	for _, e := range p.events {
		if e.void {
			continue
		}
		switch {
		case e.trade != nil && e.trade.Instrument.SecType != accounts.Forex:
			c := of(e.trade.Instrument)
			c.events = append(c.events, e)
		case e.split != nil:
			c := of(e.split.From)
			c.events = append(c.events, e)
			if to := of(e.split.To); to != c {
				to.events = append(to.events, e)
			}
		}
	}
	for i := range p.st.Positions {
		of(p.instrument(p.st.Positions[i].Contract))
	}
	for _, key := range order {
		byKey[key].start()
	}
	// A split between contracts carries what was held before from one to the other, so all
	// contracts go through time together.
	for _, e := range p.events {
		if e.void {
			continue
		}
		switch {
		case e.trade != nil && e.trade.Instrument.SecType != accounts.Forex:
			byKey[e.trade.Instrument.Key()].trade(e)
		case e.split != nil:
			p.inferSplit(e, byKey[e.split.From.Key()], byKey[e.split.To.Key()])
		}
	}
	for _, key := range order {
		byKey[key].finish()
	}
}

// renameHeld moves what the book holds of a contract to the name that the statement has for it.
func (p *planner) renameHeld() {
	for i, pos := range p.held.Positions {
		inst, ok := p.Instruments[pos.Instrument.ConID]
		if !ok || pos.Instrument.ConID == 0 || inst.Key() == pos.Instrument.Key() || inst.Currency != pos.Instrument.Currency || pos.Quantity.IsZero() {
			continue
		}
		one, _ := accounts.ParseDecimal("1")
		at := p.start()
		if at.Before(pos.LastTrade) {
			at = pos.LastTrade
		}
		p.Facts = append(p.Facts, accounts.Split{ID: fmt.Sprintf("rename-%d-%s", inst.ConID, inst.Key()), From: pos.Instrument, To: inst, Numerator: one, Denominator: one, Time: at})
		p.held.Positions[i].Instrument = inst
	}
}

// premiums tells for each underlying's trade by exercise or assignment what premium moves into it.
func (p *planner) premiums() map[*event]accounts.Decimal {
	out := map[*event]accounts.Decimal{}
	delivered := func(e *event) bool {
		return e.trade != nil && e.row != nil && !e.void && (e.trade.Kind == accounts.Assignment || e.trade.Kind == accounts.Exercise)
	}
	for _, o := range p.events {
		if !delivered(o) || o.trade.Instrument.Right == "" || !o.cost.Valid {
			continue
		}
		gain := o.trade.Commission.Add(o.trade.Taxes).Neg().Add(o.cost.Value)
		for _, u := range p.events {
			if delivered(u) && u.trade.Instrument.Right == "" && u.at.Equal(o.at) && u.trade.Price.Equal(o.trade.Instrument.Strike) &&
				(u.trade.Instrument.Symbol == o.trade.Instrument.Underlying || u.trade.Instrument.LocalSymbol == o.trade.Instrument.Underlying) {
				out[u] = out[u].Add(gain)
				break
			}
		}
	}
	return out
}

// start works out what was held before the statement beyond what the book holds already.
func (c *contract) start() {
	held := c.bookBefore()
	c.running = held.quantity
	if !held.quantity.IsZero() {
		c.opened = append(c.opened, held)
	}
	allKnown := len(c.events) > 0
	for _, e := range c.events {
		allKnown = allKnown && e.known
	}
	if allKnown { // planned and recorded before
		return
	}
	if c.st.HasPositions {
		c.before.quantity = c.backwards().Sub(held.quantity)
	} else {
		c.before.quantity = c.atLeast(held.quantity)
	}
	if !held.quantity.IsZero() && !c.before.quantity.IsZero() && held.quantity.IsNeg() != c.before.quantity.IsNeg() {
		// The book holds more than the broker did. That is for the reconciliation to tell.
		c.before.quantity = accounts.Decimal{}
	}
}

// bookBefore is what the book holds of the contract less what this statement's trades, as far as
// they are recorded already, brought.
func (c *contract) bookBefore() piece {
	var out piece
	for _, pos := range c.held.Positions {
		if pos.Instrument.Key() == c.inst.Key() {
			out = piece{pos.Quantity, pos.Basis}
		}
	}
	for _, e := range c.events {
		if e.known && e.trade != nil {
			out.quantity = out.quantity.Sub(e.trade.Quantity)
			out.basis = accounts.Decimal{}
		}
	}
	return out
}

// backwards goes from what is held at the end back to the beginning.
func (c *contract) backwards() accounts.Decimal {
	var q accounts.Decimal
	if pos := c.position(); pos != nil {
		q = pos.Quantity
	}
	for i := len(c.events) - 1; i >= 0; i-- {
		e := c.events[i]
		switch {
		case e.trade != nil:
			q = q.Sub(e.trade.Quantity)
		case e.split.From.Key() == e.split.To.Key():
			q = scale(q, e.split.Denominator, e.split.Numerator)
		case e.split.From.Key() == c.inst.Key():
			q = q.Sub(e.gone)
		default:
			q = q.Sub(e.moved)
		}
	}
	return q
}

// scale is q × n ÷ m, rounded where that does not come out even.
func scale(q, n, m accounts.Decimal) accounts.Decimal {
	r, err := q.Mul(n).Div(m)
	if err != nil {
		return q
	}
	return r.RoundBank(8)
}

// atLeast is the least that must have been held before for every closing to have something to
// close, for statements that do not say what is held at the end.
func (c *contract) atLeast(held accounts.Decimal) accounts.Decimal {
	var need accounts.Decimal // in units of the beginning
	ratioN, ratioM := unit, unit
	x := held
	for _, e := range c.events {
		if e.trade == nil {
			if e.split.From.Key() == e.split.To.Key() {
				ratioN, ratioM = ratioN.Mul(e.split.Numerator), ratioM.Mul(e.split.Denominator)
				x = scale(x, e.split.Numerator, e.split.Denominator)
			} else if e.split.From.Key() == c.inst.Key() {
				x = accounts.Decimal{}
			} else {
				x = x.Add(e.moved)
			}
			continue
		}
		if e.closes() {
			// Before a sale of n at least n must be there: n − x of it from before.
			missing := e.closing().Neg().Sub(x)
			before := scale(missing, ratioM, ratioN)
			if !missing.IsZero() && missing.IsNeg() == e.closing().Neg().IsNeg() && before.Abs().GreaterThan(need.Abs()) {
				need = before
			}
		}
		x = x.Add(e.trade.Quantity)
	}
	return need
}

// closes reports whether the broker says that the trade closes something.
func (e *event) closes() bool {
	if e.side != "" {
		return e.side != "O"
	}
	return e.real.Valid && !e.real.Value.IsZero()
}

// closing is the part of the trade's quantity that closes. Of a flip the broker says what the
// closing part realized and consumed, and so what share of the proceeds it had.
func (e *event) closing() accounts.Decimal {
	if e.side != "C;O" || !e.real.Valid || !e.cost.Valid {
		return e.trade.Quantity
	}
	net := e.net()
	share, err := e.real.Value.Sub(e.cost.Value).Div(net)
	if err != nil || !share.IsPos() || share.GreaterThan(unit) {
		return e.trade.Quantity
	}
	return share.RoundBank(9).Mul(e.trade.Quantity).RoundBank(4)
}

// net is proceeds less commission and taxes.
func (e *event) net() accounts.Decimal {
	gross := e.trade.Proceeds
	if gross.IsZero() {
		gross = e.trade.Quantity.Mul(e.trade.Price).Mul(nonZero(e.trade.Instrument.Multiplier)).Neg()
	}
	return gross.Sub(e.trade.Commission).Sub(e.trade.Taxes)
}

// position is what the statement says is held at the end.
func (c *contract) position() *Position {
	for i := range c.st.Positions {
		if pos := &c.st.Positions[i]; c.instrument(pos.Contract).Key() == c.inst.Key() {
			return pos
		}
	}
	return nil
}

var unit, _ = accounts.ParseDecimal("1")

// trade takes what the trade consumes of what was held before.
func (c *contract) trade(e *event) {
	if e.known {
		return
	}
	q := e.trade.Quantity
	total := c.before.quantity.Add(c.running)
	if total.IsZero() || total.IsNeg() == q.IsNeg() {
		c.open(e, q, e.net().Add(c.premiums[e]).Neg())
		return
	}
	size := q.Abs()
	rest := accounts.Decimal{}
	if held := total.Abs(); size.GreaterThan(held) {
		rest = withSign(size.Sub(held), q)
		size = held
	}
	fromBefore := size
	if b := c.before.quantity.Abs(); b.LessThan(size) {
		fromBefore = b
	}
	consumed := c.consume(size.Sub(fromBefore))
	if !fromBefore.IsZero() {
		basis, source := e.basis(size, c.premiums[e])
		c.take(withSign(fromBefore, c.before.quantity), basis.Sub(consumed), source)
	}
	c.running = c.running.Add(withSign(size.Sub(fromBefore), q))
	if !rest.IsZero() {
		c.open(e, rest, scale(e.net(), rest.Abs(), q.Abs()).Neg())
	}
}

// open notes a lot that the statement opens.
func (c *contract) open(e *event, q, basis accounts.Decimal) {
	if e.row != nil && e.cost.Valid && e.side == "O" && c.premiums[e].IsZero() {
		basis = e.cost.Value
	}
	c.opened = append(c.opened, piece{q, basis})
	c.running = c.running.Add(q)
}

// consume takes n units off the lots opened in the statement and returns their basis.
func (c *contract) consume(n accounts.Decimal) accounts.Decimal {
	var basis accounts.Decimal
	for !n.IsZero() && len(c.opened) > 0 {
		l := &c.opened[0]
		if size := l.quantity.Abs(); size.GreaterThan(n) {
			part := scale(l.basis, n, size)
			l.basis, l.quantity = l.basis.Sub(part), withSign(size.Sub(n), l.quantity)
			return basis.Add(part)
		}
		basis, n = basis.Add(l.basis), n.Sub(l.quantity.Abs())
		c.opened = c.opened[1:]
	}
	return basis
}

// basis is what the broker says the closing part of the trade consumed.
func (e *event) basis(closing, premium accounts.Decimal) (accounts.Decimal, string) {
	switch {
	case e.cost.Valid && !(e.row == nil && e.cost.Value.IsZero()):
		return e.cost.Value.Neg(), fmt.Sprintf("cost of the closing in line %d", e.line)
	case e.real.Valid:
		net := e.net().Add(premium)
		if size := e.trade.Quantity.Abs(); closing.LessThan(size) {
			net = scale(net, closing, size)
		}
		return net.Sub(e.real.Value), fmt.Sprintf("realized P&L of the closing in line %d", e.line)
	}
	return e.net(), fmt.Sprintf("proceeds of the closing in line %d, which gives neither cost nor realized P&L", e.line)
}

// take makes a lot of what was held before.
func (c *contract) take(q, basis accounts.Decimal, source string) {
	c.before.quantity = c.before.quantity.Sub(q)
	c.found = append(c.found, accounts.Lot{Quantity: q, Basis: basis, Inferred: true})
	c.since = append(c.since, c.before.since)
	c.Inferred = append(c.Inferred, InferredLot{Instrument: c.inst, Quantity: q, Basis: basis, Source: source})
}

// inferSplit carries a split through. What was held before enters the book behind it, in the
// new units; if there is nothing else to split, the split itself is left out.
func (p *planner) inferSplit(e *event, from, to *contract) {
	s := e.split
	if from.running.IsZero() {
		e.split = nil
		if from.before.quantity.IsZero() {
			p.issue(e.line, "corporate action", "nothing of %s is held: %s for %s not applied", e.text, s.Numerator, s.Denominator)
		}
	}
	for i := range from.opened {
		from.opened[i].quantity = scale(from.opened[i].quantity, s.Numerator, s.Denominator)
	}
	carried := scale(from.before.quantity, s.Numerator, s.Denominator)
	moved := scale(from.running, s.Numerator, s.Denominator)
	if from != to {
		to.opened = append(to.opened, from.opened...)
		from.opened, from.running, from.before.quantity = nil, accounts.Decimal{}, accounts.Decimal{}
		to.before.quantity = to.before.quantity.Add(carried)
		to.running = to.running.Add(moved)
	} else {
		from.before.quantity, from.running = carried, moved
	}
	if !carried.IsZero() {
		to.before.since = e.at
	}
}

// finish turns what is left of what was held before into a lot, and all lots into openings.
func (c *contract) finish() {
	if q := c.before.quantity; !q.IsZero() {
		basis, source := c.leftBasis()
		c.take(q, basis, source)
	}
	opened := c.openedAt()
	for i, l := range c.found {
		at := c.since[i]
		l.OpenedAt = opened
		c.Facts = append(c.Facts, accounts.Opening{
			ID:         fmt.Sprintf("opening-%s-%s-%d", c.inst.Key(), opened.Format("20060102"), i+1),
			Instrument: c.inst, Lots: []accounts.Lot{l}, FXRate: c.fxRate(), Time: at.Add(time.Microsecond),
		})
	}
}

func (c *contract) openedAt() time.Time { return c.planner.start() }

// leftBasis is the open position's basis less that of the lots opened in the statement.
func (c *contract) leftBasis() (accounts.Decimal, string) {
	pos := c.position()
	if pos == nil || !pos.CostBasis.Valid {
		c.issue(0, "open position", "%s: %s held since before the statement has no cost basis; taken as zero", c.inst, c.before.quantity)
		return accounts.Decimal{}, "nothing: taken as zero"
	}
	basis := pos.CostBasis.Value
	for _, l := range c.opened {
		basis = basis.Sub(l.basis)
	}
	return basis, fmt.Sprintf("cost basis of the open position in line %d", pos.Line)
}

func (c *contract) fxRate() accounts.Decimal {
	if pos := c.position(); pos != nil {
		return pos.FXRate
	}
	return accounts.Decimal{}
}

// withSign gives the magnitude d the sign of s.
func withSign(d, s accounts.Decimal) accounts.Decimal {
	if s.IsNeg() {
		return d.Neg()
	}
	return d
}
