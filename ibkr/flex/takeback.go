package flex

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// takesBack reports whether the row cancels an earlier one, which it mirrors.
func (c *CorporateAction) takesBack() bool { return slices.Contains(c.Codes, "Ca") }

// retraction is a row that takes another one back; original is nil if that is not in the statement.
type retraction struct{ row, original *CorporateAction }

// actionsInForce returns the rows of corporate actions without those that others take back, and
// those others.
func (st *Statement) actionsInForce() (rows []*CorporateAction, retracted []retraction) {
	var back []*CorporateAction
	for i := range st.CorporateActions {
		if c := &st.CorporateActions[i]; c.takesBack() {
			back = append(back, c)
		} else {
			rows = append(rows, c)
		}
	}
	slices.SortStableFunc(back, (*CorporateAction).compare)
	for _, c := range back {
		i := c.original(rows)
		if i < 0 {
			retracted = append(retracted, retraction{row: c})
			continue
		}
		retracted = append(retracted, retraction{c, rows[i]})
		rows = slices.Delete(rows, i, i+1)
	}
	return rows, retracted
}

// original returns where among the rows the one is that the row takes back, and -1 for none. Of
// several that it mirrors, that is the last one before it: an action may be told and taken back
// more than once.
func (c *CorporateAction) original(rows []*CorporateAction) int {
	at := -1
	for i, o := range rows {
		if c.mirrors(o) && (at < 0 || o.nearer(rows[at], c)) {
			at = i
		}
	}
	return at
}

// nearer reports whether the row is a better original than another one of a row that takes it back:
// a later one, but none behind that.
func (c *CorporateAction) nearer(other, back *CorporateAction) bool {
	if before := c.compare(back) < 0; before != (other.compare(back) < 0) {
		return before
	}
	return c.compare(other) > 0
}

// compare orders rows by time and transaction id.
func (c *CorporateAction) compare(o *CorporateAction) int {
	return cmp.Or(c.Time.Compare(o.Time), compareIDs(c.TransactionID, o.TransactionID))
}

// mirrors reports whether the row takes the other back: the same contract and text, and the
// opposite quantity.
func (c *CorporateAction) mirrors(o *CorporateAction) bool {
	return c.ConID == o.ConID && c.LocalSymbol == o.LocalSymbol && c.Type == o.Type && c.Text == o.Text && c.Quantity.Equal(o.Quantity.Neg()) &&
		!o.Time.After(c.Time)
}

// takeBack undoes in the book what the row takes back. original is the row that it mirrors; nil if
// that is not in the statement.
func (p *planner) takeBack(c, original *CorporateAction) {
	id := ledger.ExecID(c.id())
	if p.past.cancellations[id] {
		return
	}
	key := p.instrument(c.Contract).Key()
	for _, f := range slices.Backward(p.past.ordered) {
		switch f := f.(type) {
		case *ledger.Trade:
			if f.Kind == ledger.Corporate && p.named(f.Instrument) == key && f.Quantity.Equal(c.Quantity.Neg()) && c.isOf(original, string(f.ExecID), f.Time) {
				if p.dividedAt(f.Instrument.Key(), f.Time) {
					p.unread(c.Line, "corporate action", "takes back the sale of %s, of which a part of the basis went to other shares in the book: not booked: %s", c.LocalSymbol, c.Text)
					return
				}
				p.cancels(id, f.ExecID, latest(c.Time, f.Time))
				if fx := f.ExecID + exchangeOf; p.past.recorded(fx) { // the money that was exchanged for it
					p.cancels(id+exchangeOf, fx, latest(c.Time, f.Time))
				}
				return
			}
		case ledger.Split:
			from, to := p.named(f.From), p.named(f.To)
			if (from == key || to == key) && !strings.HasPrefix(f.ID, backPrefix) && c.isOf(original, f.ID, f.Time) && c.inRatio(&f) {
				p.unsplit(c, f)
				return
			}
		}
	}
	if original == nil {
		p.unread(c.Line, "corporate action", "takes back %s of %s, which neither the statement nor the book has: not booked: %s", c.Quantity.Neg(), c.LocalSymbol, c.Text)
	}
}

// cancels takes a recorded execution back.
func (p *planner) cancels(id, what ledger.ExecID, at time.Time) {
	p.gone[root(what)] = true
	p.after = append(p.after, ledger.Cancellation{ExecID: id, Cancels: what, Time: at})
}

// dividedAt reports whether the book has that a part of a contract's basis went to another one at
// the time: then its sale is one half of a corporate action whose other half cannot be taken back.
func (p *planner) dividedAt(key ledger.InstrumentKey, at time.Time) bool {
	return slices.ContainsFunc(p.past.ordered, func(f ledger.Fact) bool {
		s, split := f.(ledger.Split)
		return split && s.SpinsOff() && s.From.Key() == key && s.Time.Equal(at)
	})
}

// isOf reports whether a recorded fact is what the row takes back: that of the mirrored row, else
// one of its time.
func (c *CorporateAction) isOf(original *CorporateAction, id string, at time.Time) bool {
	if original != nil {
		return id == original.id()
	}
	return at.Equal(c.Time)
}

// inRatio reports whether a split is in the ratio that the row's text tells, if it tells one. Where
// the broker rounds the outcome, the two differ by a little.
func (c *CorporateAction) inRatio(s *ledger.Split) bool {
	match := splitText.FindStringSubmatch(c.Text)
	if match == nil {
		return true
	}
	n, m := ratio(match)
	told, booked := n.Mul(s.Denominator), m.Mul(s.Numerator)
	return told.Sub(booked).Abs().LessThan(share(told, unit, ten))
}

// unsplit books the way back of a split. Both rows of one between contracts take it back once.
func (p *planner) unsplit(c *CorporateAction, s ledger.Split) {
	if s.SpinsOff() {
		p.unread(c.Line, "corporate action", "takes back the spin-off of %s, which the book has: not booked: %s", c.LocalSymbol, c.Text)
		return
	}
	back := ledger.Split{ID: backPrefix + s.ID, From: s.To, To: s.From, Numerator: s.Denominator, Denominator: s.Numerator}
	back.From, back.To = p.current(back.From), p.current(back.To)
	if s.Rate.IsPos() {
		if rate, err := unit.Div(s.Rate); err == nil {
			back.Rate = rate.RoundBank(12)
		}
	}
	for _, e := range p.events {
		if e.split != nil && e.split.ID == back.ID {
			return
		}
	}
	p.acted = latest(s.Time, c.Time)
	e := p.event(c)
	e.tx, e.moved = "", c.Quantity
	if back.From.Key() != back.To.Key() {
		e.gone, e.moved = p.moves(c, back)
	}
	p.split(e, back)
}

// moves is what the way back of a split between contracts takes away and brings, by one of its
// rows.
func (p *planner) moves(c *CorporateAction, back ledger.Split) (gone, moved ledger.Decimal) {
	if p.instrument(c.Contract).Key() == back.From.Key() {
		return c.Quantity, share(c.Quantity.Neg(), back.Numerator, back.Denominator)
	}
	return share(c.Quantity.Neg(), back.Denominator, back.Numerator), c.Quantity
}

// current is a recorded contract by the name that the statement has for it.
func (p *planner) current(inst ledger.Instrument) ledger.Instrument {
	if now, ok := p.Instruments[inst.ConID]; ok {
		return now
	}
	return inst
}
