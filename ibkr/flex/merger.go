package flex

import (
	"regexp"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// exchanged books rows of which one takes a holding away and the others give something for it:
// shares of one contract or of several, and money.
func (p *planner) exchanged(rows []*CorporateAction) verdict {
	old := p.subject(rows)
	if old == nil {
		return notMine
	}
	var came []*CorporateAction
	for _, c := range rows {
		if c != old {
			came = append(came, c)
		}
	}
	if len(came) == 1 && !old.cash() {
		return p.exchange(old, came[0])
	}
	from := p.instrument(old.Contract)
	d := &division{line: old.Line, text: old.LocalSymbol, old: old}
	var events []*event
	for i, c := range came {
		to := p.instrument(c.Contract)
		rate, known := p.rateInto(from, to)
		if !known {
			return p.lacks(from.Currency, to.Currency)
		}
		e := p.event(c)
		e.tx, e.leg, e.moved, e.division = old.TransactionID, i+1, c.Quantity, d
		e.split = &ledger.Split{ID: c.id(), From: from, To: to, Numerator: c.Quantity.Abs(), Denominator: old.Quantity.Abs(),
			Whole: unit, Rate: rate, Time: e.at}
		e.known = p.past.splits[c.id()]
		d.targets, d.values = append(d.targets, e), append(d.values, p.worth(c, from.Currency))
		events = append(events, e)
	}
	if last := events[len(events)-1]; !old.cash() { // what is left of the old contract becomes the last one
		last.split.Whole, last.gone = ledger.Decimal{}, old.Quantity
	} else {
		sale, out := p.corporateTrade(old)
		if out != booked {
			return out
		}
		d.sale = sale
		d.sale.leg, d.sale.side, d.sale.division = len(events)+1, "C", d
	}
	p.events = append(p.events, events...)
	return booked
}

// subject returns the row that takes away what the others give something for; nil for none.
func (p *planner) subject(rows []*CorporateAction) *CorporateAction {
	if len(rows) < 2 {
		return nil
	}
	for _, c := range rows {
		if c.Quantity.IsZero() || c != rows[0] && c.cash() && rows[0].cash() {
			return nil
		}
	}
	if len(rows) == 2 && rows[0].Quantity.IsNeg() != rows[1].Quantity.IsNeg() {
		a, b := rows[0], rows[1]
		if b.cash() || !a.cash() && p.takenFrom(b, a) {
			a, b = b, a
		}
		if a.cash() && !p.wentForMoney(a, b) {
			return nil // the other one was bought
		}
		return a
	}
	var old *CorporateAction
	for _, c := range rows {
		others := 0
		for _, o := range rows {
			if o != c && o.Quantity.IsNeg() == c.Quantity.IsNeg() {
				others++
			}
		}
		if others == 0 && old == nil {
			old = c
		} else if others == 0 || c.cash() {
			return nil
		}
	}
	return old
}

// wentForMoney reports whether the row that has money is the one that took the holding away.
func (p *planner) wentForMoney(c, other *CorporateAction) bool {
	switch {
	case p.past.splits[other.id()]:
		return p.past.recorded(ledger.ExecID(c.id()))
	case c.isSubject() != other.isSubject():
		return c.isSubject()
	}
	return c.Quantity.IsNeg()
}

// exchange books two rows, one of which takes a holding away and the other gives one for it, as a
// split between contracts in the ratio of their quantities.
func (p *planner) exchange(from, to *CorporateAction) verdict {
	inst, other := p.instrument(from.Contract), p.instrument(to.Contract)
	if from.Type == "" && from.SecType != to.SecType {
		return notMine
	}
	rate, known := p.rateInto(inst, other)
	if !known {
		return p.lacks(inst.Currency, other.Currency)
	}
	e := p.event(from)
	e.moved, e.gone = to.Quantity, from.Quantity
	if !rate.IsZero() {
		e.division = &division{targets: []*event{e}, values: []Optional{p.worth(to, inst.Currency)}, line: from.Line, text: from.LocalSymbol, old: from}
	}
	p.split(e, ledger.Split{ID: from.id(), From: inst, To: other,
		Numerator: to.Quantity.Abs(), Denominator: from.Quantity.Abs(), Rate: rate})
	return booked
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

// leaves reports whether the row takes away all that is held of its contract, long or short: by
// what is held at the end, less what came after the row, else by what came before it.
func (p *planner) leaves(c *CorporateAction) bool {
	inst := p.instrument(c.Contract)
	held := p.heldQuantity(inst.Key()).Add(c.Quantity)
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
