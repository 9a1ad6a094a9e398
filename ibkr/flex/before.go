package flex

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// How much of a contract was held before the statement, beyond what the book has.

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
	case l.meets(before, held):
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

// meets reports whether an opening balance of so much would meet a position in the other direction,
// against which no book opens one, and says so: actions that are told late may have moved it.
func (l *tally) meets(before, held ledger.Decimal) bool {
	at, then := l.opensAt(), held
	for _, e := range l.events {
		if e.at.After(at) {
			break
		}
		then = then.Add(l.change(e))
	}
	if then.IsZero() || then.IsNeg() == before.IsNeg() {
		return false
	}
	l.unread(l.events[0].line, "open position", "%s of %s would have been held before, and the book has %s then, in the other direction: "+
		"not taken for held before", before, l.inst, then)
	return true
}

// recall gives the tally the lots that the book has of its contract, of which so much was held at
// the end of the statement.
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

// leaveOut keeps the trades of a contract out of the book, which may close what the corporate
// action in the line brings or takes: they are booked with it, once it can be.
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

// contradicts reports whether a row that opens, by what the broker says, or brings units, would
// have closed something if so much more had been held before.
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
		q = q.Sub(l.change(e))
	}
	return q
}

// change is how many units of the contract came or went with an event, by what the broker says.
func (l *tally) change(e *event) ledger.Decimal {
	switch {
	case e.split == nil:
		return e.quantity()
	case e.split.SpinsOff() && e.split.From.Key() == l.inst.Key():
		return ledger.Decimal{}
	case e.split.From.Key() == l.inst.Key() && !e.gone.IsZero():
		return e.gone
	}
	return e.moved
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
			if e.division != nil {
				acted(e.closing(x).Neg())
			} else if e.closes() {
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
