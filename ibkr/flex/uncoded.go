package flex

import (
	"slices"

	"github.com/ai-ots/accounts/ledger"
)

// uncoded tells what became of options whose rows have price zero and no code, as in queries
// without notes: an option was exercised or assigned where the statement has the trade of its
// underlying, at the same moment, the strike and the right side. Else it expired, or was settled
// elsewhere.
func (p *planner) uncoded() {
	var options []*event
	for _, e := range p.events {
		if p.hasNoCode(e) {
			options = append(options, e)
		}
	}
	if len(options) > 0 {
		sortEvents(p.events) // cancellations may have added some
	}
	for _, e := range options {
		kind, what := ledger.Exercise, "exercised"
		if !e.trade.Quantity.IsNeg() { // it was short
			kind, what = ledger.Assignment, "assigned"
		}
		delivered := p.deliveredFor(e)
		if len(delivered) == 0 {
			p.issue(e.line, "trade", "%s is closed at price zero, and its row has no code: taken for expired; let the query show the notes", e.text())
			continue
		}
		e.trade.Kind = kind
		for _, d := range delivered {
			d.trade.Kind = kind
		}
		p.issue(e.line, "trade", "%s is closed at price zero, and its row has no code: taken for %s, for %s was traded at its strike at the same moment; "+
			"let the query show the notes", e.text(), what, delivered[0].text())
	}
}

// hasNoCode reports whether the event closes an option at price zero, and nothing says why.
func (p *planner) hasNoCode(e *event) bool {
	if e.row == noRow || e.known || e.void || e.settles || e.trade.Instrument.Right == "" || e.trade.Kind != ledger.Execution ||
		!e.trade.Price.IsZero() || !e.gross().IsZero() {
		return false
	}
	return !slices.ContainsFunc(p.rowOf(e).Codes, func(code string) bool { return code == "A" || code == "Ex" || code == "Ep" })
}

// deliveredFor are the trades of an option's underlying that its exercise or assignment would make.
func (p *planner) deliveredFor(e *event) (found []*event) {
	option := e.trade.Instrument
	sells := e.trade.Quantity.IsNeg() != (option.Right == ledger.Call)
	from, _ := slices.BinarySearchFunc(p.events, e, func(o, e *event) int { return o.at.Compare(e.at) })
	for _, o := range p.events[from:] {
		if o.at.After(e.at) {
			break
		}
		of := o.trade.Instrument
		if o.row == noRow || o.known || o.void || of.Right != "" || !o.trade.Price.Equal(option.Strike) || o.trade.Quantity.IsNeg() != sells ||
			of.Currency != option.Currency || underlying(*option) != of.Symbol && underlying(*option) != of.LocalSymbol {
			continue
		}
		found = append(found, o)
	}
	return found
}
