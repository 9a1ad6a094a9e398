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

// planCorporateActions turns the rows into splits and trades, and reports what is neither.
func (p *planner) planCorporateActions() {
	var order []string
	groups := map[string][]*CorporateAction{}
	for i := range p.st.CorporateActions {
		row := &p.st.CorporateActions[i]
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
	text := c.Text
	if i := strings.LastIndex(text, "("); i > 0 {
		text = text[:i]
	}
	return c.Time.Format(time.RFC3339) + "|" + c.ActionID + "|" + text
}

// cash reports whether the row pays or costs money.
func (c *CorporateAction) cash() bool {
	return c.Proceeds.Valid && !c.Proceeds.Value.IsZero()
}

func (c *CorporateAction) id() string {
	if c.TransactionID != "" {
		return "action-" + c.TransactionID
	}
	return fmt.Sprintf("action-%s-%d-%s-%s", c.Time.Format("20060102150405"), c.ConID, c.LocalSymbol, c.Quantity)
}

func (p *planner) planCorporateAction(rows []*CorporateAction) {
	rows = slices.DeleteFunc(rows, func(c *CorporateAction) bool {
		if c.cash() && !c.Quantity.IsZero() {
			p.corporateTrade(c)
			return true
		}
		return false
	})
	switch {
	case len(rows) == 0:
	case len(rows) == 1 && p.ratioSplit(rows[0]):
	case len(rows) == 2 && p.exchange(rows[0], rows[1]):
	default:
		for _, c := range rows {
			p.issue(c.Line, "corporate action", "not interpreted: %s of %s: %s", c.Quantity, c.LocalSymbol, c.Text)
		}
	}
}

// corporateTrade books units that went for money, or came for it, as a trade.
func (p *planner) corporateTrade(c *CorporateAction) {
	inst := p.instrument(c.Contract)
	price, err := c.Proceeds.Value.Abs().Div(c.Quantity.Abs())
	if err != nil {
		return
	}
	if price, err = price.Div(nonZero(inst.Multiplier)); err != nil {
		return
	}
	id := ledger.ExecID(c.id())
	t := &ledger.Trade{ExecID: id, Kind: ledger.Corporate, Instrument: inst, Quantity: c.Quantity, Price: price.RoundBank(6),
		Proceeds: c.Proceeds.Value, FXRate: c.FXRate, Time: c.Time}
	closes := ""
	if c.Realized.Valid && (!c.Realized.Value.IsZero() || c.Quantity.IsNeg()) {
		closes = "C"
	}
	e := c.event()
	e.trade, e.instrument, e.known = t, inst, p.past.recorded(id)
	e.cost, e.real, e.side = c.Cost, c.Realized, closes
	p.events = append(p.events, e)
	p.Rows[id] = Row{Line: c.Line, TransactionID: c.TransactionID, Symbol: c.LocalSymbol, ConID: c.ConID, Currency: c.Currency, Closes: closes != "", Realized: c.Realized}
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
)

// ratioSplit books a row that changes the number of units of one contract in a stated ratio.
func (p *planner) ratioSplit(c *CorporateAction) bool {
	var n, m ledger.Decimal
	if match := splitText.FindStringSubmatch(c.Text); match != nil {
		n, m = ratio(match)
	} else if match := dividendText.FindStringSubmatch(c.Text); match != nil {
		n, m = ratio(match)
		n = n.Add(m)
	}
	if !n.IsPos() || !m.IsPos() {
		return false
	}
	inst := p.instrument(c.Contract)
	e := c.event()
	e.moved = c.Quantity
	p.split(e, ledger.Split{ID: c.id(), From: inst, To: inst, Numerator: n, Denominator: m, Time: c.Time})
	return true
}

func ratio(match []string) (n, m ledger.Decimal) {
	n, errN := ledger.ParseDecimal(match[1])
	m, errM := ledger.ParseDecimal(match[2])
	if errN != nil || errM != nil {
		return ledger.Decimal{}, ledger.Decimal{}
	}
	return n, m
}

// exchange books two rows, one of which takes a holding away and the other gives one for it, as a
// split between contracts in the ratio of their quantities.
func (p *planner) exchange(a, b *CorporateAction) bool {
	from, to := a, b
	if p.takenFrom(b, a) {
		from, to = b, a
	}
	if from.Quantity.IsZero() || to.Quantity.IsZero() || from.Quantity.IsNeg() == to.Quantity.IsNeg() ||
		from.Currency != to.Currency || from.SecType != to.SecType {
		return false
	}
	e := from.event()
	e.moved, e.gone = to.Quantity, from.Quantity
	p.split(e, ledger.Split{ID: from.id(), From: p.instrument(from.Contract), To: p.instrument(to.Contract),
		Numerator: to.Quantity.Abs(), Denominator: from.Quantity.Abs(), Time: from.Time})
	return true
}

// takenFrom reports whether it is this row, and not the other, that takes the holding away: as it
// was recorded before, else by the text, else by what is held, else because holdings are long.
func (p *planner) takenFrom(c, other *CorporateAction) bool {
	switch before, otherBefore := p.past.splits[c.id()], p.past.splits[other.id()]; {
	case before != otherBefore:
		return before
	case c.isSubject() != other.isSubject():
		return c.isSubject()
	}
	if leaves := p.leaves(c); leaves != p.leaves(other) {
		return leaves
	}
	return c.Quantity.IsNeg()
}

var subjectText = regexp.MustCompile(`^[^(]*\(([^()]+)\).*[(,]\s*([^(),]+)\)\s*$`)

// isSubject reports whether the text is about the row's own contract: it begins with the security
// that the action happened to and ends with the row's.
func (c *CorporateAction) isSubject() bool {
	match := subjectText.FindStringSubmatch(c.Text)
	return match != nil && match[1] == match[2]
}

func (c *CorporateAction) event() *event {
	return &event{at: c.Time, rank: 1, tx: c.TransactionID, text: c.LocalSymbol, line: c.Line, reported: c.ReportDate}
}

func (p *planner) split(e *event, s ledger.Split) {
	e.split, e.known = &s, p.past.splits[s.ID]
	p.events = append(p.events, e)
}

// leaves reports whether the row takes away all that is held of its contract, long or short: by
// what is held at the end, less what came after the row, else by what came before it.
func (p *planner) leaves(c *CorporateAction) bool {
	inst := p.instrument(c.Contract)
	held := p.held.quantity(inst.Key()).Add(c.Quantity)
	if p.st.HasPositions {
		held = p.endQuantity(inst.Key())
	}
	change := func(at time.Time, q ledger.Decimal) {
		switch after := at.After(c.Time); {
		case p.st.HasPositions && after:
			held = held.Sub(q)
		case !p.st.HasPositions && !after:
			held = held.Add(q)
		}
	}
	for _, e := range p.events {
		if e.trade != nil && !e.void && e.instrument.Key() == inst.Key() && (p.st.HasPositions || !e.known) {
			change(e.at, e.trade.Quantity)
		}
	}
	for i := range p.st.CorporateActions {
		if other := &p.st.CorporateActions[i]; !other.Time.Equal(c.Time) && p.instrument(other.Contract).Key() == inst.Key() {
			change(other.Time, other.Quantity)
		}
	}
	return held.IsZero()
}

// endQuantity is what the statement says is held at the end.
func (p *planner) endQuantity(key ledger.InstrumentKey) ledger.Decimal {
	if pos := p.position(key); pos != nil {
		return pos.Quantity
	}
	return ledger.Decimal{}
}

// position is what the statement says is held at the end; nil if nothing.
func (p *planner) position(key ledger.InstrumentKey) *Position {
	for i := range p.st.Positions {
		if pos := &p.st.Positions[i]; pos.SecType != ledger.Forex && p.instrument(pos.Contract).Key() == key {
			return pos
		}
	}
	return nil
}

func (h *Held) quantity(key ledger.InstrumentKey) ledger.Decimal {
	for _, pos := range h.Positions {
		if pos.Instrument.Key() == key {
			return pos.Quantity
		}
	}
	return ledger.Decimal{}
}
