package flex

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/ledger"
)

// planCorporateActions turns the rows into splits, spin-offs and trades, and reports what is none
// of these. docs/corporate-actions.md says what is booked how.
func (p *planner) planCorporateActions() {
	var order []string
	groups := map[string][]*CorporateAction{}
	rows, retracted := p.st.actionsInForce()
	for _, r := range retracted { // what the book has of it already is taken back there
		p.takeBack(r.row, r.original)
	}
	for _, row := range rows {
		key := row.group()
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], row)
	}
	for _, key := range order {
		p.planCorporateAction(groups[key])
	}
}

// group is the same for all rows of one corporate action: one side for each contract.
func (c *CorporateAction) group() string {
	if c.ActionID != "" {
		return c.Time.Format(time.RFC3339) + "|" + c.ActionID
	}
	text := c.Text
	if i := strings.LastIndex(text, "("); i > 0 {
		text = text[:i]
	}
	return c.Time.Format(time.RFC3339) + "|" + text
}

// cash reports whether the row pays or costs money.
func (c *CorporateAction) cash() bool { return !c.money().IsZero() }

// money is what the row pays or, below zero, costs. Not every query shows both columns that tell
// it.
func (c *CorporateAction) money() ledger.Decimal {
	if c.Proceeds.Valid || !c.Amount.Valid {
		return c.Proceeds.Value
	}
	return c.Amount.Value.Neg()
}

func (c *CorporateAction) id() string {
	if c.TransactionID != "" {
		return "action-" + c.TransactionID
	}
	return fmt.Sprintf("action-row-%s-%d-%s-%s", c.Time.Format("20060102150405"), c.ConID, c.LocalSymbol, c.Quantity)
}

// verdict is what comes of asking whether a row, or the rows of an action, are of some kind.
type verdict uint8

const (
	notMine verdict = iota // they are of another kind
	booked
	cannot // they are, and cannot be booked: planner.why says why
)

// planCorporateAction books the rows of one corporate action, or none of them where one cannot be
// booked.
func (p *planner) planCorporateAction(rows []*CorporateAction) {
	rows = p.perContract(rows)
	p.acted = p.bookedAt(rows)
	events, issues := len(p.events), len(p.Issues)
	if p.bookActions(rows) != cannot {
		return
	}
	p.events, p.Issues = p.events[:events], p.Issues[:issues]
	if slices.ContainsFunc(rows, p.hasAction) { // from another statement, which told what this one lacks
		return
	}
	for _, c := range rows {
		p.barred[p.instrument(c.Contract).Key()] = c.Line
		if parent, ok := p.parent(c); ok {
			p.barred[parent.Key()] = c.Line
		}
		p.unread(c.Line, "corporate action", "%s of %s is not booked, nor is what came with it, for %s: %s", c.Quantity, c.LocalSymbol, p.why, c.Text)
	}
}

// bookedAt is when the rows of an action are booked: when it happened, or when the book begins with
// one of their contracts, if the broker told of the action after that. What the book begins with
// was held before.
func (p *planner) bookedAt(rows []*CorporateAction) time.Time {
	at := rows[0].Time
	for _, c := range rows {
		keys := []ledger.InstrumentKey{p.instrument(c.Contract).Key()}
		if parent, ok := p.parent(c); ok && len(p.past.openings) > 0 {
			keys = append(keys, parent.Key())
		}
		for _, key := range keys {
			begins := p.begins(key)
			if told := p.countsAt(c.ReportDate, c.Time); at.Before(begins) && !told.Before(begins.Truncate(24*time.Hour)) {
				at = begins.Add(time.Microsecond)
			}
		}
	}
	return at
}

// begins is the time of the first opening balance that the book has of a contract; zero if it has
// none.
func (p *planner) begins(key ledger.InstrumentKey) (first time.Time) {
	for _, o := range p.past.openings {
		if p.named(o.Instrument) == key && (first.IsZero() || o.Time.Before(first)) {
			first = o.Time
		}
	}
	return first
}

// hasAction reports whether the book has the row.
func (p *planner) hasAction(c *CorporateAction) bool {
	return p.past.splits[c.id()] || p.past.recorded(ledger.ExecID(c.id()))
}

// bookActions books the rows of one corporate action. Of rows that cannot be booked it may have
// booked some.
func (p *planner) bookActions(rows []*CorporateAction) verdict {
	if out := p.exchanged(rows); out != notMine {
		return out
	}
	bought := slices.ContainsFunc(rows, func(c *CorporateAction) bool { return c.cash() && c.Quantity.IsPos() })
	for _, c := range rows {
		switch out := p.bookAction(c, bought); out {
		case cannot:
			return out
		case notMine:
			if p.hasAction(c) { // from another statement, which told what it is
				continue
			}
			p.unread(c.Line, "corporate action", "not interpreted: %s of %s: %s", c.Quantity, c.LocalSymbol, c.Text)
		}
	}
	return booked
}

// bookAction books one row. bought says that another row of the action bought something.
func (p *planner) bookAction(c *CorporateAction, bought bool) verdict {
	switch {
	case c.Quantity.IsZero(): // a contract that took and gave as much
		return booked
	case c.cash():
		_, out := p.corporateTrade(c)
		return out
	case bought && c.Quantity.IsNeg(): // rights that were exercised
		return p.closedForNothing(c)
	}
	for _, kind := range []func(*CorporateAction) verdict{p.ratioSplit, p.removal, p.spinOff, p.bonus} {
		if out := kind(c); out != notMine {
			return out
		}
	}
	return notMine
}

// lacks notes why rows cannot be booked: no rate from one currency to another is known.
func (p *planner) lacks(from, to ledger.Currency) verdict {
	p.why = fmt.Sprintf("the statement has no rate from %s to %s", from, to)
	return cannot
}

// perContract joins the rows of each contract that move no money: some actions take all units and
// give others of the same contract.
func (p *planner) perContract(rows []*CorporateAction) (out []*CorporateAction) {
	at := map[ledger.InstrumentKey]int{}
	for _, c := range rows {
		key := p.instrument(c.Contract).Key()
		i, seen := at[key]
		switch {
		case c.cash():
			out = append(out, c)
		case !seen:
			at[key] = len(out)
			out = append(out, c)
		default:
			sum := *out[i]
			if p.past.splits[c.id()] {
				sum.TransactionID = c.TransactionID
			}
			sum.Quantity = sum.Quantity.Add(c.Quantity)
			sum.Value, sum.Realized = sum.Value.plus(c.Value), sum.Realized.plus(c.Realized)
			out[i] = &sum
		}
	}
	return out
}

// corporateTrade books units that went for money, came for it, or went for nothing, as a trade.
// Money in another currency than the contract's is exchanged at the statement's rates.
func (p *planner) corporateTrade(c *CorporateAction) (*event, verdict) {
	inst := p.instrument(c.Contract)
	id := ledger.ExecID(c.id())
	t := &plannedTrade{ExecID: id, Kind: ledger.Corporate, Instrument: &inst, Quantity: c.Quantity, Proceeds: c.money()}
	e := p.event(c)
	e.trade, e.instrument, e.known = t, &inst, p.past.recorded(id)
	e.says.cost, e.says.real, e.fxRate = c.Cost, c.Realized, c.FXRate
	if c.Realized.Valid && (!c.Realized.Value.IsZero() || c.Quantity.IsNeg()) {
		e.side = "C"
	}
	switch {
	case c.Currency == inst.Currency:
	case !c.cash(): // what the row tells of the basis is in another currency
		e.says.real, e.says.cost, e.fxRate = Optional{}, Optional{}, p.rateOf(inst.Currency)
	default:
		if out := p.paidAbroad(c, e); out != booked {
			return nil, out
		}
	}
	price, err := t.Proceeds.Abs().Div(c.Quantity.Abs())
	if err == nil {
		price, err = price.Div(nonZero(inst.Multiplier))
	}
	if err != nil {
		p.why = "what a unit brought is out of range"
		return nil, cannot
	}
	t.Price = price.RoundBank(6)
	p.events = append(p.events, e)
	return e, booked
}

// exchangeOf ends the id of an exchange: that of the trade whose money it exchanges comes before.
const exchangeOf = "/fx"

// paidAbroad converts what a trade brought in another currency than its contract's, and exchanges
// it.
func (p *planner) paidAbroad(c *CorporateAction, e *event) verdict {
	t := e.trade
	rate := p.crossRate(c.Currency, t.Instrument.Currency, c.FXRate, ledger.Decimal{})
	if rate.IsZero() {
		return p.lacks(c.Currency, t.Instrument.Currency)
	}
	t.Proceeds, e.fxRate = c.money().Mul(rate).RoundBank(6), p.rateOf(t.Instrument.Currency)
	e.says.real, e.says.cost = Optional{}, Optional{}
	fx := p.event(c)
	fx.leg, fx.unlisted = 9, true
	fx.trade = &plannedTrade{ExecID: t.ExecID + exchangeOf, Kind: ledger.Corporate, Quantity: c.money(), Price: rate, Proceeds: t.Proceeds.Neg(),
		Instrument: &ledger.Instrument{SecType: ledger.Forex, Symbol: string(c.Currency), Currency: t.Instrument.Currency}}
	fx.instrument, fx.known = fx.trade.Instrument, p.past.recorded(fx.trade.ExecID)
	e.exchange = fx
	p.events = append(p.events, fx)
	p.issue(c.Line, "corporate action", "%s %s for %s are booked as %s %s, at the statement's rates; what they realized is not compared",
		c.money(), c.Currency, c.LocalSymbol, t.Proceeds, t.Instrument.Currency)
	return booked
}

// crossRate is how much of one currency another one's unit is, by the statement's rates to base;
// zero if it has none. own and other are the rates of the two, where a row tells them.
func (p *planner) crossRate(from, to ledger.Currency, own, other ledger.Decimal) ledger.Decimal {
	base := p.st.Base()
	rate := func(c ledger.Currency, told ledger.Decimal) ledger.Decimal {
		switch {
		case c == base:
			return unit
		case told.IsZero():
			return p.rateOf(c)
		}
		return told
	}
	quotient, err := rate(from, own).Div(rate(to, other))
	if err != nil {
		return ledger.Decimal{}
	}
	return quotient.RoundBank(9)
}

// worth is the market value that the row tells, in a currency; not Valid if it tells none, or no
// rate to the currency is known.
func (p *planner) worth(c *CorporateAction, in ledger.Currency) Optional {
	if c.Currency == in || !c.Value.Valid {
		return c.Value
	}
	rate := p.crossRate(c.Currency, in, c.FXRate, ledger.Decimal{})
	return Optional{Value: c.Value.Value.Mul(rate).RoundBank(6), Valid: !rate.IsZero()}
}

func nonZero(d ledger.Decimal) ledger.Decimal {
	if d.IsZero() {
		return udecimal.One
	}
	return d
}

var (
	splitText    = regexp.MustCompile(`(?i)\bSPLIT\s+([0-9.]+)\s+FOR\s+([0-9.]+)`)
	dividendText = regexp.MustCompile(`(?i)\bSTOCK DIVIDEND\b.*?([0-9.]+)\s+FOR\s+([0-9.]+)`)
	forText      = regexp.MustCompile(`(?i)\b([0-9.]+)\s+FOR\s+([0-9.]+)`)
	worthless    = regexp.MustCompile(`(?i)\b(DELISTED|WORTHLESS|EXPIRED?)\b`)
	spinOffText  = regexp.MustCompile(`(?i)\b(SPIN-?OFF|RIGHTS? ISSUE|SUBSCRIBABLE RIGHTS|CHOICE DIVIDEND)\b`)
	bonusText    = regexp.MustCompile(`(?i)\b(STOCK DIVIDEND|CHOICE DIVIDEND|BONUS)\b`)
)

// is reports whether the row is of one of the broker's types, or of none and its text says the
// same.
func (c *CorporateAction) is(text *regexp.Regexp, types ...string) bool {
	if c.Type == "" {
		return text.MatchString(c.Text)
	}
	return slices.Contains(types, c.Type)
}

// ratioSplit books a row that changes the number of units of one contract in a stated ratio.
func (p *planner) ratioSplit(c *CorporateAction) verdict {
	var n, m ledger.Decimal
	if match := splitText.FindStringSubmatch(c.Text); match != nil {
		n, m = ratio(match)
	} else if match := dividendText.FindStringSubmatch(c.Text); match != nil {
		n, m = ratio(match)
		n = n.Add(m)
	}
	if !n.IsPos() || !m.IsPos() {
		return notMine
	}
	inst := p.instrument(c.Contract)
	e := p.event(c)
	e.moved = c.Quantity
	p.split(e, ledger.Split{ID: c.id(), From: inst, To: inst, Numerator: n, Denominator: m})
	return booked
}

func ratio(match []string) (n, m ledger.Decimal) {
	n, errN := ledger.ParseDecimal(match[1])
	m, errM := ledger.ParseDecimal(match[2])
	if errN != nil || errM != nil {
		return ledger.Decimal{}, ledger.Decimal{}
	}
	return n, m
}

// removal books units that are taken away for nothing: they close at zero, and realize their basis.
func (p *planner) removal(c *CorporateAction) verdict {
	realizes := c.Realized.Valid && !c.Realized.Value.IsZero()
	if !c.is(worthless, "DW", "ED") && !realizes || c.Type == "" && !c.Quantity.IsNeg() && !realizes {
		return notMine
	}
	return p.closedForNothing(c)
}

func (p *planner) closedForNothing(c *CorporateAction) verdict {
	e, out := p.corporateTrade(c)
	if out == booked {
		e.side = "C"
	}
	return out
}

// spinOff books units of another contract than the one that it happened to, which come beside that.
func (p *planner) spinOff(c *CorporateAction) verdict {
	if !c.is(spinOffText, "SO", "CO", "RI", "DI", "HI", "CH", "SD") || c.isSubject() {
		return notMine
	}
	parent, ok := p.parent(c)
	to := p.instrument(c.Contract)
	if !ok || parent.Key() == to.Key() {
		return notMine
	}
	rate, known := p.rateInto(parent, to)
	if !known {
		return p.lacks(parent.Currency, to.Currency)
	}
	e := p.event(c)
	e.moved = c.Quantity
	e.division = &division{targets: []*event{e}, values: []Optional{p.worth(c, parent.Currency)}, line: c.Line, text: c.LocalSymbol}
	n, m := c.Quantity.Abs(), unit
	if match := forText.FindStringSubmatch(c.Text); match != nil {
		n, m = ratio(match)
	}
	if e.unstated = !n.IsPos() || !m.IsPos() || !forText.MatchString(c.Text); e.unstated {
		n, m = unit, unit
	}
	p.split(e, ledger.Split{ID: c.id(), From: parent, To: to, Numerator: n, Denominator: m, Whole: unit,
		Rate: rate})
	return booked
}

// rateInto is the rate at which a basis moves from one contract to another; zero in one currency.
// known is false where the statement does not tell it.
func (p *planner) rateInto(from, to ledger.Instrument) (rate ledger.Decimal, known bool) {
	if from.Currency == to.Currency {
		return rate, true
	}
	rate = p.crossRate(from.Currency, to.Currency, ledger.Decimal{}, ledger.Decimal{})
	return rate, !rate.IsZero()
}

// bonus books units of a contract that come for nothing and in no stated ratio: the basis spreads
// over all.
func (p *planner) bonus(c *CorporateAction) verdict {
	if !c.is(bonusText, "SD", "HI", "CH", "FI") {
		return notMine
	}
	inst := p.instrument(c.Contract)
	e := p.event(c)
	e.moved, e.unstated = c.Quantity, true
	p.split(e, ledger.Split{ID: c.id(), From: inst, To: inst, Numerator: unit, Denominator: unit})
	return booked
}

func (p *planner) event(c *CorporateAction) *event {
	return &event{at: p.acted, rank: 1, tx: c.TransactionID, line: c.Line,
		rare: &rare{action: c, says: &saying{text: c.LocalSymbol, reported: c.ReportDate}}}
}

func (p *planner) split(e *event, s ledger.Split) {
	s.Time = e.at
	e.split, e.known = &s, p.past.splits[s.ID]
	p.events = append(p.events, e)
}

// endQuantity is what the statement says is held at the end.
func (p *planner) endQuantity(key ledger.InstrumentKey) ledger.Decimal {
	if pos := p.position(key); pos != nil {
		return pos.Quantity
	}
	return ledger.Decimal{}
}

// position is what the statement says is held at the end; nil if nothing.
func (p *planner) position(key ledger.InstrumentKey) *Position { return p.atEnd[key] }

// indexPositions finds the statement's positions and those of the book by their contracts.
func (p *planner) indexPositions() {
	p.atEnd = make(map[ledger.InstrumentKey]*Position, len(p.st.Positions))
	for i := range p.st.Positions {
		pos := &p.st.Positions[i]
		if key := p.instrument(pos.Contract).Key(); pos.SecType != ledger.Forex && p.atEnd[key] == nil {
			p.atEnd[key] = pos
		}
	}
	p.indexHeld()
}

// indexHeld finds what the book holds by its contracts, some of which have several names.
func (p *planner) indexHeld() {
	p.inBook = make(map[ledger.InstrumentKey][]*ledger.Position, len(p.held.Positions))
	for i := range p.held.Positions {
		pos := &p.held.Positions[i]
		key := pos.Instrument.Key()
		p.inBook[key] = append(p.inBook[key], pos)
	}
}

// heldQuantity is what the book holds of a contract.
func (p *planner) heldQuantity(key ledger.InstrumentKey) ledger.Decimal {
	for _, pos := range p.inBook[key] {
		return pos.Quantity
	}
	return ledger.Decimal{}
}
