package flex

import (
	"slices"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
)

// division is how the basis of a holding is divided among what a corporate action made of it. No
// row says how: the positions at the end do, or the closings after it, or what the rows say the
// holding realized, or the market values that they give.
type division struct {
	old     *CorporateAction // the row that takes the old holding away; nil for a spin-off: the old one stays
	sale    *event           // of the old holding, for money; nil if there is no money
	targets []*event         // what came, in the order in which it is booked
	values  []Optional       // at the market, in the currency of the old holding
	line    int
	text    string

	shares  []ledger.Decimal // of each target, once settled
	total   ledger.Decimal   // what is left of the basis before the next target
	next    int
	unseen  ledger.Decimal // of the next target's share, that of what was held before the statement
	before  ledger.Decimal // what all of that had of the basis
	settled bool
	failed  bool
}

// settle says how much of the basis goes with the event, which is the next of the targets. It
// reports false if nothing tells: then no row of the corporate action is booked.
func (d *division) settle(in *inference, e *event, from *tally) bool {
	if !d.settled {
		d.settled = true
		d.failed = slices.ContainsFunc(d.targets, func(t *event) bool { return in.impossible(t, from, in.to(t)) }) || !d.divide(in, from)
	}
	if d.failed {
		if d.sale != nil {
			if fx := d.sale.exchange; fx != nil {
				fx.void, fx.trade = true, nil
			}
			d.sale.void, d.sale.trade = true, nil
		}
		return false
	}
	s := e.split
	if !s.SpinsOff() {
		return true
	}
	part := d.shares[d.next]
	d.next++
	d.unseen, d.before = part, d.total
	for _, lot := range from.own {
		d.before = d.before.Sub(lot.Basis)
		d.unseen = d.unseen.Sub(share(lot.Basis, part, nonZero(d.total)))
	}
	s.Part, s.Whole = part.Abs(), d.total.Abs()
	if s.Whole.IsZero() {
		s.Whole = unit
	}
	d.total = d.total.Sub(part)
	return true
}

// divide works out the shares.
func (d *division) divide(in *inference, from *tally) bool {
	whole := in.costAt(d.targets[0], from)
	told := make([]Optional, len(d.targets), len(d.targets)+1)
	var rough []int // of told, those that the first closing tells
	for i, e := range d.targets {
		var first bool
		if told[i], first = in.costOf(e, in.of(e.split.To), from); first {
			rough = append(rough, i)
		}
	}
	if last := d.targets[len(d.targets)-1].split; len(d.targets) == 1 && !last.SpinsOff() {
		d.convert(in, last, told[0], whole)
		return true
	}
	for i, e := range d.targets {
		if rate := e.split.Rate; told[i].Valid && !rate.IsZero() {
			told[i].Value = share(told[i].Value, unit, rate)
		}
	}
	switch stays, first := d.stays(in, from); {
	case d.sale != nil && !stays.Valid && whole.Valid:
		told = append(told, d.taxed(told, whole.Value))
	case d.sale != nil || d.old == nil:
		if told = append(told, stays); first {
			rough = append(rough, len(told)-1)
		}
	}
	if len(rough) == 1 && d.others(told, rough[0], whole) {
		told[rough[0]] = Optional{}
	}
	if d.fill(told, whole) {
		return true
	}
	if d.old == nil {
		in.issue(d.line, "corporate action", "nothing tells the cost basis of %s, which %s spun off: taken as zero, all stays with %[2]s", d.text, from.inst)
		d.shares = []ledger.Decimal{{}}
		return true
	}
	in.unread(d.line, "corporate action", "nothing tells how the cost basis of %s is divided among what came for it: none of the rows is booked", d.text)
	return false
}

// convert sets the rate at which a basis moves to another currency: by the basis told there, if
// any.
func (d *division) convert(in *inference, s *ledger.Split, told, whole Optional) {
	if told.Valid && whole.Valid && told.Value.IsNeg() == whole.Value.IsNeg() && !told.Value.IsZero() {
		if rate, err := told.Value.Div(whole.Value); err == nil && rate.IsPos() {
			s.Rate = rate.RoundBank(12)
			return
		}
	}
	in.issue(d.line, "corporate action", "the cost basis of %s moves from %s to %s at %s, by the statement's rates", d.text, s.From.Currency, s.To.Currency, s.Rate)
}

// others reports whether all others tell what is left for one of them. They say it better than its
// first closing, which tells a small part of it and is rounded.
func (d *division) others(told []Optional, one int, whole Optional) bool {
	rest := whole
	for i, t := range told {
		if i != one {
			rest = rest.plus(Optional{Value: t.Value.Neg(), Valid: t.Valid})
		}
	}
	return rest.Valid && (rest.Value.IsZero() || rest.Value.IsNeg() == whole.Value.IsNeg())
}

// stays is the basis that does not go to a target: what was sold for money consumes it, or it is
// left with the parent of a spin-off. It is rough as that of costOf.
func (d *division) stays(in *inference, from *tally) (cost Optional, rough bool) {
	if d.sale != nil {
		e := d.sale
		if !e.real().Valid {
			return Optional{}, false
		}
		return Optional{Value: e.net().Sub(e.real().Value), Valid: true}, false
	}
	if d.old != nil {
		return Optional{}, false
	}
	return in.costOf(d.targets[0], from, from)
}

// taxed is the basis that the money of a merger consumes, where no row says what was realized: the
// gain is realized, at most the money, and no loss.
func (d *division) taxed(told []Optional, whole ledger.Decimal) Optional {
	money, worth := d.sale.net(), d.sale.net()
	if whole.IsNeg() || !money.IsPos() {
		return Optional{}
	}
	known := Optional{Valid: true}
	for i, v := range d.values {
		if worth = worth.Add(v.Value); !v.Valid || v.Value.IsZero() {
			return Optional{}
		}
		known = known.plus(told[i])
	}
	if known.Valid { // the targets' bases say it better
		return Optional{Value: whole.Sub(known.Value), Valid: true}
	}
	gain := worth.Sub(whole)
	switch {
	case gain.IsNeg():
		gain = ledger.Decimal{}
	case gain.GreaterThan(money):
		gain = money
	}
	return Optional{Value: money.Sub(gain), Valid: true}
}

// fill sets the shares by what is told. What one alone lacks is the rest; what several targets lack
// is divided by their values.
func (d *division) fill(told []Optional, whole Optional) bool {
	var sum, worth ledger.Decimal
	lacking, byValue := 0, true
	for i, t := range told {
		switch {
		case t.Valid:
			sum = sum.Add(t.Value)
			continue
		case i >= len(d.values) || !d.values[i].Valid || d.values[i].Value.IsZero():
			byValue = false
		default:
			worth = worth.Add(d.values[i].Value)
		}
		lacking++
	}
	switch {
	case !whole.Valid && lacking == 0:
		whole = Optional{Value: sum, Valid: true}
	case !whole.Valid && lacking == len(told) && byValue: // the ratio is all that matters
		whole = Optional{Value: worth, Valid: true}
	}
	rest := whole.Value.Sub(sum)
	if !whole.Valid || lacking > 1 && (!byValue || worth.IsZero()) || lacking > 0 && !rest.IsZero() && rest.IsNeg() != whole.Value.IsNeg() {
		return false
	}
	d.shares, d.total = nil, whole.Value
	for i := range d.targets {
		part := told[i].Value
		switch {
		case told[i].Valid:
		case lacking == 1:
			part = rest
		default:
			part = share(rest, d.values[i].Value, worth)
		}
		if over := part.Abs().Sub(whole.Value.Abs()); over.IsPos() && over.LessThan(reconcile.Explained(whole.Value, len(told))) {
			part = whole.Value
		}
		if part.Abs().GreaterThan(whole.Value.Abs()) || !part.IsZero() && part.IsNeg() != whole.Value.IsNeg() {
			return false
		}
		d.shares = append(d.shares, part)
	}
	return true
}

// cost is the basis of all that is held; not known if a part of it was held before the statement,
// or before another one that did not tell its basis.
func (l *tally) cost() (sum Optional) {
	if !l.left().IsZero() {
		return Optional{}
	}
	sum.Valid = true
	for _, lot := range l.own {
		if lot.Inferred && lot.Basis.IsZero() {
			return Optional{}
		}
		sum.Value = sum.Value.Add(lot.Basis)
	}
	return sum
}

// costAt is the basis of all that was held of a contract when an event came, as far as cost knows.
func (in *inference) costAt(e *event, l *tally) Optional {
	if len(in.pastAfter(e.at, l.inst.Key())) == 0 {
		return l.cost()
	}
	if !in.knownThen(e, l) {
		return Optional{}
	}
	then := tally{own: in.lotsThen(e, l)}
	return then.cost()
}

// front is the part of the basis that the first units have, where units are counted so that all of
// them are of.
func (l *tally) front(n, of ledger.Decimal) fraction {
	cost := l.cost()
	if !cost.Valid || cost.Value.IsZero() || len(l.own) == 1 {
		return fraction{n.Abs(), of.Abs()}
	}
	wanted := share(l.net.Abs(), n.Abs(), of.Abs())
	var basis ledger.Decimal
	for _, lot := range l.own {
		size := smaller(wanted, lot.Quantity.Abs())
		basis, wanted = basis.Add(share(lot.Basis, size, lot.Quantity.Abs())), wanted.Sub(size)
	}
	return fraction{basis, cost.Value}
}
