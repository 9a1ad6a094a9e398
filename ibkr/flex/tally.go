package flex

import (
	"slices"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

// tally follows one contract through the statement as the book will.
type tally struct {
	*inference
	inst   ledger.Instrument
	events []*event       // those that the book does not know yet
	own    []ledger.Lot   // held in the book or opened in the statement, first first
	net    ledger.Decimal // the sum of own
	before []remnant      // older than all of own
	found  []*ledger.Lot  // inferred, in units of the beginning
	short  bool           // see sayShort
}

// remnant is what is left of what was held before the statement.
type remnant struct {
	found    *[]*ledger.Lot   // where its lots go: the contract it was in at the beginning, or the transfer that it came by
	quantity ledger.Decimal   // in units of today; negative for short
	n, m     ledger.Decimal   // n units of today were m at the beginning
	kept     []kept           // of the basis, by spin-offs, first first
	came     *ledger.Transfer // nil for what was held before
}

// fraction is a part of a whole.
type fraction struct{ part, whole ledger.Decimal }

// kept is the part of the basis that a spin-off left, and what it was before where that is known.
// The quantity is in units of today.
type kept struct {
	fraction
	basis, quantity ledger.Decimal
}

// basisBefore is what the basis of so many units was before the spin-offs.
func (r *remnant) basisBefore(basis, quantity ledger.Decimal) ledger.Decimal {
	for _, k := range slices.Backward(r.kept) {
		if k.part.IsZero() {
			basis = share(k.basis, quantity, nonZero(k.quantity))
		} else {
			basis = share(basis, k.whole, k.part)
		}
	}
	return basis
}

// premium is an exercised option's gain that waits for the underlying's trade.
type premium struct {
	option   *event
	quantity ledger.Decimal // of the underlying, signed
	amount   ledger.Decimal
	lot      *ledger.Lot // of the option, where the statement does not tell its basis
}

// left is how much is left of what was held before.
func (l *tally) left() ledger.Decimal {
	var sum ledger.Decimal
	for _, r := range l.before {
		sum = sum.Add(r.quantity)
	}
	return sum
}

// trade moves lots as the book will, and takes what the trade consumes of what was held before.
func (l *tally) trade(e *event) {
	q, net := e.trade.Quantity, e.net()
	var option *ledger.Lot
	alone := false
	if e.delivery() && e.trade.Instrument.Right == "" {
		var moved ledger.Decimal
		moved, option = l.takePremium(e)
		net, alone = net.Add(moved), moved.IsZero()
	}
	old := l.left()
	total := old.Add(l.net)
	if total.IsZero() || total.IsNeg() == q.IsNeg() {
		l.sayShort(e)
		l.open(e, q, net.Neg())
		return
	}
	size, closeNet := q.Abs(), net
	if held := total.Abs(); size.GreaterThan(held) {
		size, closeNet = held, share(net, held, size)
	}
	fromBefore := smaller(size, old.Abs())
	basis := l.consume(size.Sub(fromBefore))
	var taken *ledger.Lot
	if !fromBefore.IsZero() {
		all, source := e.consumed(closeNet, alone)
		if !e.cost().Valid && !e.real().Valid {
			l.issue(e.line, "trade", "%s closes what was held before the statement and tells neither cost nor realized P&L: taken to realize nothing", e.text())
		}
		taken = l.take(withSign(fromBefore, old), all.Sub(basis), source)
		basis = all
	} else if option != nil && e.real().Valid && size.Equal(q.Abs()) {
		// What the option's row keeps to itself, the underlying's tells.
		option.Basis = option.Basis.Sub(e.real().Value.Sub(closeNet).Add(basis))
	}
	if e.exercised() {
		l.deferPremium(e, withSign(size, q), closeNet.Sub(basis), taken)
	}
	if rest := q.Abs().Sub(size); !rest.IsZero() {
		l.open(e, withSign(rest, q), closeNet.Sub(net))
	}
}

// sayShort says, once for a contract, that a sale is taken to open a short position, where the
// statement has nothing that tells it from one of what was held before.
func (l *tally) sayShort(e *event) {
	switch l.inst.SecType {
	case ledger.Stock, ledger.Bond, ledger.Fund, ledger.Crypto:
	default: // which are sold as often as bought
		return
	}
	if l.short || !e.trade.Quantity.IsNeg() || e.side != "" || e.cost().Valid || e.real().Valid || l.st.HasPositions {
		return
	}
	l.short = true
	l.issue(e.line, "trade", "%s is sold and was not held as far as is known: taken for a short sale, for the row tells neither whether it closes nor "+
		"cost nor realized P&L", e.text())
}

// open queues a lot that the trade opens.
func (l *tally) open(e *event, q, basis ledger.Decimal) {
	l.add(ledger.Lot{Quantity: q, Basis: basis, OpenedAt: e.at})
}

// add queues a lot behind all that were opened no later, as the book does.
func (l *tally) add(lot ledger.Lot) {
	i := len(l.own)
	for i > 0 && lot.OpenedAt.Before(l.own[i-1].OpenedAt) {
		i--
	}
	l.own = slices.Insert(l.own, i, lot)
	l.net = l.net.Add(lot.Quantity)
}

// consume takes n units off the own lots and returns their basis.
func (l *tally) consume(n ledger.Decimal) (basis ledger.Decimal) {
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

// take makes inferred lots of what was held before and returns the last.
func (l *tally) take(q, basis ledger.Decimal, source string) (last *ledger.Lot) {
	for !q.IsZero() && len(l.before) > 0 {
		r := &l.before[0]
		size := withSign(smaller(q.Abs(), r.quantity.Abs()), q)
		part := share(basis, size, q)
		last = &ledger.Lot{Quantity: atBeginning(size, r), Basis: r.basisBefore(part, size), Inferred: true}
		*r.found = append(*r.found, last)
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
func atBeginning(q ledger.Decimal, r *remnant) ledger.Decimal {
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
func (l *tally) deferPremium(e *event, closed, gain ledger.Decimal, taken *ledger.Lot) {
	q := closed // one future for each option on it
	if e.trade.Instrument.SecType != ledger.FutureOption {
		q = closed.Mul(nonZero(e.trade.Instrument.Multiplier))
	}
	if e.trade.Instrument.Right == ledger.Call {
		q = q.Neg()
	}
	if e.cost().Valid {
		taken = nil
	}
	l.premiums = append(l.premiums, premium{e, q, gain, taken})
}

// takePremium returns the premium that moves into the underlying's trade, and the option's lot if
// its basis, and so the premium, is not known.
func (in *inference) takePremium(e *event) (sum ledger.Decimal, unknown *ledger.Lot) {
	wanted := e.trade.Quantity.Abs()
	for i := 0; i < len(in.premiums) && !wanted.IsZero(); i++ {
		p := &in.premiums[i]
		o := *p.option.trade.Instrument
		if p.quantity.IsZero() || !p.option.at.Equal(e.at) || !o.Strike.Equal(e.trade.Price) || p.quantity.IsNeg() != e.trade.Quantity.IsNeg() ||
			o.Currency != e.trade.Instrument.Currency || underlying(o) != e.trade.Instrument.Symbol && underlying(o) != e.trade.Instrument.LocalSymbol {
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

func underlying(o ledger.Instrument) string {
	if o.Underlying != "" {
		return o.Underlying
	}
	return o.Symbol
}

// share is total × part ÷ whole, rounded as the book does.
func share(total, part, whole ledger.Decimal) ledger.Decimal {
	return num.Share(total, part, whole)
}

func smaller(a, b ledger.Decimal) ledger.Decimal {
	if a.LessThan(b) {
		return a
	}
	return b
}

// withSign gives the magnitude d the sign of s.
func withSign(d, s ledger.Decimal) ledger.Decimal {
	if s.IsNeg() {
		return d.Neg()
	}
	return d
}
