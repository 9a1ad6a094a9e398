package rulemodel

import (
	"maps"
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// lot is a quantity of a contract and what it cost, both negative if sold short.
type lot struct {
	quantity, basis rat
	opened          time.Time
}

// lots are the lots of every contract, and what came of them.
type lots struct {
	open    map[ledger.InstrumentKey][]lot
	gains   map[ledger.Currency]rat // of what was closed of futures and CFDs
	premium map[ledger.InstrumentKey]rat
}

// lots folds the facts in force.
func (j *judge) lots() *lots { return j.folded.get(j.workOutLots) }

func (j *judge) workOutLots() *lots {
	all := &lots{open: map[ledger.InstrumentKey][]lot{}, gains: map[ledger.Currency]rat{},
		premium: map[ledger.InstrumentKey]rat{}}
	for _, p := range j.inForce() {
		switch {
		case p.trade != nil && p.trade.Instrument.SecType != ledger.Forex:
			all.trade(p.trade)
		case p.open != nil:
			all.come(p.open.Instrument, p.open.Lots)
		case p.move != nil && len(p.move.Lots) > 0:
			all.come(p.move.Instrument, p.move.Lots)
		case p.move != nil:
			all.depart(j, p)
		case p.split != nil:
			all.split(p.split)
		}
	}
	return all
}

// trade closes lots and opens one with the rest. The gain of what was closed is that after the
// costs of both sides. The premium of an option that is exercised or assigned becomes a part of
// what its underlying costs.
func (l *lots) trade(t *ledger.Trade) {
	key, quantity := t.Instrument.Key(), exact(t.Quantity) // which is never zero
	net := sub(proceeds(t), costs(t))
	if t.Kind == ledger.Exercise || t.Kind == ledger.Assignment {
		if isOption(t.Instrument.SecType) {
			_, basis, rest := l.take(key, quantity)
			credit(l.premium, ledger.NewStock(t.Instrument.Underlying, t.Instrument.Currency).Key(), basis)
			l.put(key, lot{rest, new0(), t.Time})
			return
		}
		if paid := l.premium[key]; paid != nil {
			net = sub(net, paid)
			delete(l.premium, key)
		}
	}
	perUnit := div(net, quantity)
	closed, basis, rest := l.take(key, quantity)
	if !settlesNotional(t.Instrument) {
		credit(l.gains, t.Instrument.Currency, sub(mul(perUnit, closed), basis))
	}
	l.put(key, lot{rest, neg(mul(perUnit, rest)), t.Time})
}

// come adds lots. Those in the other direction they close, as a trade at their basis would.
func (l *lots) come(i ledger.Instrument, list []ledger.Lot) {
	key := i.Key()
	for _, n := range list {
		quantity := exact(n.Quantity)
		met, basis, rest := l.take(key, quantity)
		if !settlesNotional(i) {
			credit(l.gains, i.Currency, neg(add(mul(exact(n.Basis), div(met, quantity)), basis)))
		}
		l.put(key, lot{rest, mul(exact(n.Basis), div(rest, quantity)), n.OpenedAt})
	}
}

// depart takes away what a transfer takes along. What is not there is missing from then on, at the
// price of the transfer, or else at the basis that it had when it was recorded.
func (l *lots) depart(j *judge, p placed) {
	key, quantity := p.move.Instrument.Key(), exact(p.move.Quantity)
	_, _, rest := l.take(key, quantity)
	if rest.Sign() == 0 {
		return
	}
	then := j.before(p.told, j.h.Events[p.told].Time)
	missing := mul(rest, then.priceOf(p.move.Instrument, p.move.Price, p.move.Time), unit(p.move.Instrument))
	if missing.Sign() == 0 {
		missing = mul(neg(then.basisOf(p.move)), div(rest, quantity))
	}
	l.put(key, lot{rest, missing, p.move.Time})
}

// basisOf is the basis of what a transfer takes along that is recorded now, as the lots are now;
// negative of a short position.
func (j *judge) basisOf(t *ledger.Transfer) rat {
	now := lots{open: maps.Clone(j.lots().open)}
	_, basis, _ := now.take(t.Instrument.Key(), exact(t.Quantity))
	return basis
}

// split turns the lots of a contract into others, at what they cost. In a spin-off the lots stay,
// and give up a part of what they cost.
func (l *lots) split(s *ledger.Split) {
	ratio := div(exact(s.Numerator), exact(s.Denominator))
	from := l.open[s.From.Key()]
	delete(l.open, s.From.Key())
	part, rate := whole(1), whole(1)
	if s.SpinsOff() {
		part = div(exact(s.Part), exact(s.Whole))
	}
	if !s.Rate.IsZero() {
		rate = exact(s.Rate)
	}
	for _, old := range from {
		moved := mul(old.basis, part)
		if s.SpinsOff() {
			l.put(s.From.Key(), lot{old.quantity, sub(old.basis, moved), old.opened})
		}
		l.put(s.To.Key(), lot{mul(old.quantity, ratio), mul(moved, rate), old.opened})
	}
}

// take takes lots away first in, first out, until quantity is met, of which it has the other sign.
// It returns how much of the quantity met lots, their basis, and the rest of the quantity.
func (l *lots) take(key ledger.InstrumentKey, quantity rat) (met, basis, rest rat) {
	list := l.open[key]
	met, basis, rest = new0(), new0(), quantity
	for len(list) > 0 && rest.Sign() != 0 && list[0].quantity.Sign() != rest.Sign() {
		first := list[0]
		closed := least(size(first.quantity), size(rest))
		share := div(closed, size(first.quantity))
		signed := mul(closed, whole(int64(rest.Sign())))
		met, basis, rest = add(met, signed), add(basis, mul(first.basis, share)), sub(rest, signed)
		list = list[1:]
		if left := sub(whole(1), share); left.Sign() != 0 {
			list = append([]lot{{mul(first.quantity, left), mul(first.basis, left), first.opened}}, list...)
		}
	}
	l.open[key] = list
	return met, basis, rest
}

// put adds a lot in the order of the times of opening; nothing if its quantity is zero.
func (l *lots) put(key ledger.InstrumentKey, n lot) {
	if n.quantity.Sign() == 0 {
		return
	}
	list := append(slices.Clone(l.open[key]), n)
	slices.SortStableFunc(list, func(a, b lot) int { return a.opened.Compare(b.opened) })
	l.open[key] = list
}

// basis returns what is held cost, by contract.
func (l *lots) basis() map[ledger.InstrumentKey]rat {
	sums := map[ledger.InstrumentKey]rat{}
	for key, list := range l.open {
		for _, n := range list {
			credit(sums, key, n.basis)
		}
	}
	return sums
}
