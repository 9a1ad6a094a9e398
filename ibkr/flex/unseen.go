package flex

import (
	"slices"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
)

// Statements that do not say what is held at the end say only in part what was held before. That
// much must have been there for every closing to close something; where what the closings say they
// consumed is not what the statement's own openings cost, it was more.

// The search is bounded, for its effort grows with the cube of the number of a contract's events:
// beyond maxStraddles no row is taken to close lots of both kinds, beyond maxEvents nothing is
// searched.
const maxStraddles, maxEvents = 60, 500

// unseen is what was held of the contract before the statement, beyond what the book holds: the
// least that agrees with everything that the closings say.
func (l *tally) unseen(held ledger.Decimal) ledger.Decimal {
	least := l.atLeast(held)
	apart := func(e *event) bool { return e.trade == nil || e.delivery() } // rows that do not tell what lots cost
	if len(l.events) > maxEvents || l.dividedSomehow() || slices.ContainsFunc(l.events, apart) || l.agrees(least) {
		return least
	}
	for _, more := range l.candidates() {
		if more.Abs().GreaterThan(least.Abs()) && l.agrees(more) {
			return more
		}
	}
	return least
}

// dividedSomehow reports whether the book has a spin-off of which nothing told how it divided the
// basis: then what closings consume says nothing about what else was held.
func (l *tally) dividedSomehow() bool {
	key := l.inst.Key()
	return slices.ContainsFunc(l.past.untold, func(s ledger.Split) bool { return l.named(s.From) == key || l.named(s.To) == key })
}

// candidates are the quantities at which a lot of the statement's own begins to be consumed, in
// ascending order: what was closed up to some row, less what its own lots gave for it.
func (l *tally) candidates() (out []ledger.Decimal) {
	own := []ledger.Decimal{{}}
	var opened, closed ledger.Decimal
	for _, e := range l.events {
		if e.closes() {
			closed = closed.Sub(e.trade.Quantity)
			for _, part := range own {
				out = append(out, closed.Sub(part))
			}
		} else if len(l.events) <= maxStraddles {
			opened = opened.Add(e.trade.Quantity)
			own = append(own, opened)
		}
	}
	slices.SortFunc(out, func(a, b ledger.Decimal) int { return a.Abs().Cmp(b.Abs()) })
	return slices.CompactFunc(out, ledger.Decimal.Equal)
}

// agrees reports whether all rows say what they would if so much had been held before.
func (l *tally) agrees(before ledger.Decimal) bool {
	try := &tally{inst: l.inst, own: slices.Clone(l.own), net: l.net}
	for _, e := range l.events {
		q := e.trade.Quantity
		total := before.Add(try.net)
		against := !total.IsZero() && total.IsNeg() != q.IsNeg()
		if e.side == "O" && against || e.side == "C" && (!against || q.Abs().GreaterThan(total.Abs())) {
			return false
		}
		if !against {
			try.open(e, q, e.net().Neg())
			continue
		}
		size := smaller(q.Abs(), total.Abs())
		closeNet := share(e.net(), size, q.Abs())
		fromBefore := smaller(size, before.Abs())
		basis := try.consume(size.Sub(fromBefore))
		before = before.Sub(withSign(fromBefore, before))
		if said, told := e.told(closeNet); told && fromBefore.IsZero() && said.Sub(basis).Abs().GreaterThan(reconcile.Explained(said, len(l.events))) {
			return false
		}
		if rest := q.Abs().Sub(size); !rest.IsZero() {
			try.open(e, withSign(rest, q), closeNet.Sub(e.net()))
		}
	}
	return true
}

// told is the basis that the broker says the trade consumed.
func (e *event) told(net ledger.Decimal) (basis ledger.Decimal, ok bool) {
	switch {
	case e.cost().Valid:
		return e.cost().Value.Neg(), true
	case e.real().Valid:
		return net.Sub(e.real().Value), true
	}
	return ledger.Decimal{}, false
}

var cent, _ = ledger.ParseDecimal("0.01")
