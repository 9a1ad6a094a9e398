package rulemodel

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// placed is a fact in force and its place among facts of the same time.
type placed struct {
	place int
	time  time.Time
	trade *ledger.Trade
	split *ledger.Split
	open  *ledger.Opening
}

// inForce returns the trades, splits and openings in force in their effective order: by time,
// exercised and assigned options first, else as they were recorded. The last version of an execution
// is in force, unless it was cancelled, in the place of the first.
func (j *judge) inForce() []placed {
	if !j.answered.forced {
		j.forced, j.answered.forced = j.workOutForce(), true
	}
	return j.forced
}

func (j *judge) workOutForce() []placed {
	var list []placed
	versions := map[string]int{} // by root, where in the list
	cancelled := map[string]int{}
	n := 0
	for _, e := range j.h.Events {
		facts, ok := e.What.(Facts)
		if !ok {
			continue
		}
		for _, f := range facts {
			n++
			switch f := f.(type) {
			case ledger.Trade:
				f.Instrument.SetDefaults()
				root, number := f.ExecID.Correction()
				p := placed{place: n, time: f.Time, trade: &f}
				i, known := versions[root]
				if !known {
					versions[root] = len(list)
					list = append(list, p)
					continue
				}
				if _, old := list[i].trade.ExecID.Correction(); number > old {
					p.place = list[i].place
					list[i] = p
				}
			case ledger.Cancellation:
				root, number := f.Cancels.Correction()
				cancelled[root] = max(number, cancelled[root]) + 1
			case ledger.Split:
				f.From.SetDefaults()
				f.To.SetDefaults()
				list = append(list, placed{place: n, time: f.Time, split: &f})
			case ledger.Opening:
				f.Instrument.SetDefaults()
				list = append(list, placed{place: n, time: f.Time, open: &f})
			}
		}
	}
	list = slices.DeleteFunc(list, func(p placed) bool {
		if p.trade == nil {
			return false
		}
		root, number := p.trade.ExecID.Correction()
		return number < cancelled[root]
	})
	slices.SortStableFunc(list, func(a, b placed) int {
		if c := a.time.Compare(b.time); c != 0 {
			return c
		}
		if x, y := exercisedFirst(a), exercisedFirst(b); x != y {
			return x - y
		}
		return a.place - b.place
	})
	return list
}

func exercisedFirst(p placed) int {
	if p.trade != nil && p.trade.Exercised() {
		return 0
	}
	return 1
}

// holding is what is held of one contract.
type holding struct {
	instrument ledger.Instrument
	quantity   rat
}

// positions returns the quantities held, by contract.
func (j *judge) positions() map[ledger.InstrumentKey]*holding {
	held := map[ledger.InstrumentKey]*holding{}
	of := func(i ledger.Instrument) *holding {
		key := i.Key()
		if held[key] == nil {
			held[key] = &holding{i, new0()}
		}
		return held[key]
	}
	for _, p := range j.inForce() {
		switch {
		case p.trade != nil:
			if p.trade.Instrument.SecType == ledger.Forex {
				continue // the currency that is bought is cash
			}
			h := of(p.trade.Instrument)
			h.quantity = add(h.quantity, exact(p.trade.Quantity))
		case p.open != nil:
			h := of(p.open.Instrument)
			for _, l := range p.open.Lots {
				h.quantity = add(h.quantity, exact(l.Quantity))
			}
		case p.split != nil:
			from, to := of(p.split.From), of(p.split.To)
			turned := div(mul(from.quantity, exact(p.split.Numerator)), exact(p.split.Denominator))
			from.quantity = new0()
			to.quantity = add(to.quantity, turned)
		}
	}
	for key, h := range held {
		if h.quantity.Sign() == 0 {
			delete(held, key)
		}
	}
	return held
}

func new0() rat { return whole(0) }

// settlesNotional reports whether a buyer pays the full price, and not differences alone.
func settlesNotional(i ledger.Instrument) bool {
	return i.SecType != ledger.Future && i.SecType != ledger.CFD
}

// unit is the money that one unit at a price of 1 is worth.
func unit(i ledger.Instrument) rat {
	i.SetDefaults()
	return exact(i.Multiplier)
}

// proceeds is what a trade brings in the contract's currency before costs.
func proceeds(t *ledger.Trade) rat {
	if !t.Proceeds.IsZero() {
		return exact(t.Proceeds)
	}
	return neg(mul(exact(t.Quantity), exact(t.Price), unit(t.Instrument)))
}

func costs(t *ledger.Trade) rat { return add(exact(t.Commission), exact(t.Taxes)) }

// cash returns the balances by currency. Futures and CFDs bring the gain of what was closed, first
// in, first out, and all else its proceeds.
func (j *judge) cash() map[ledger.Currency]rat {
	balance := map[ledger.Currency]rat{}
	credit := func(c ledger.Currency, amount rat) {
		if balance[c] == nil {
			balance[c] = new0()
		}
		balance[c] = add(balance[c], amount)
	}
	for _, m := range j.movements() {
		credit(m.Currency, exact(m.Amount))
	}
	lots := map[ledger.InstrumentKey][]lot{}
	for _, p := range j.inForce() {
		switch {
		case p.trade != nil && p.trade.Instrument.SecType == ledger.Forex:
			credit(ledger.Currency(p.trade.Instrument.Symbol), exact(p.trade.Quantity))
			credit(p.trade.Instrument.Currency, proceeds(p.trade))
			credit(commissionCurrency(p.trade), neg(costs(p.trade)))
		case p.trade != nil && settlesNotional(p.trade.Instrument):
			credit(p.trade.Instrument.Currency, sub(proceeds(p.trade), costs(p.trade)))
		case p.trade != nil:
			key := p.trade.Instrument.Key()
			var gain rat
			lots[key], gain = closeLots(lots[key], p.trade)
			credit(p.trade.Instrument.Currency, gain)
		case p.open != nil && !settlesNotional(p.open.Instrument):
			for _, l := range p.open.Lots {
				lots[p.open.Instrument.Key()] = append(lots[p.open.Instrument.Key()], lot{exact(l.Quantity), exact(l.Basis)})
			}
		}
	}
	return balance
}

func commissionCurrency(t *ledger.Trade) ledger.Currency {
	if t.CommissionCurrency != "" {
		return t.CommissionCurrency
	}
	return t.Instrument.Currency
}

// lot is a quantity of a future or CFD and what it cost, both negative if sold short.
type lot struct{ quantity, basis rat }

// closeLots closes lots first in, first out, and opens one with the rest. It returns the gain of what
// was closed, after the costs of both sides.
func closeLots(lots []lot, t *ledger.Trade) ([]lot, rat) {
	rest, gain := exact(t.Quantity), new0()
	net := sub(proceeds(t), costs(t))
	perUnit := div(net, rest) // of the trade's own quantity, which is never zero
	for len(lots) > 0 && rest.Sign() != 0 && lots[0].quantity.Sign() != rest.Sign() {
		first := lots[0]
		closed := least(size(first.quantity), size(rest))
		share := div(closed, size(first.quantity))
		signed := mul(closed, whole(int64(rest.Sign())))
		gain = add(gain, sub(mul(perUnit, signed), mul(first.basis, share)))
		rest = sub(rest, signed)
		left := sub(whole(1), share)
		if left.Sign() == 0 {
			lots = lots[1:]
			continue
		}
		lots = append([]lot{{mul(first.quantity, left), mul(first.basis, left)}}, lots[1:]...)
	}
	if rest.Sign() != 0 {
		lots = append(slices.Clone(lots), lot{rest, neg(mul(perUnit, rest))})
	}
	return lots, gain
}

// openBasis returns what is held of futures and CFDs cost, by contract.
func (j *judge) openBasis() map[ledger.InstrumentKey]rat {
	lots := map[ledger.InstrumentKey][]lot{}
	for _, p := range j.inForce() {
		switch {
		case p.trade != nil && !settlesNotional(p.trade.Instrument):
			lots[p.trade.Instrument.Key()], _ = closeLots(lots[p.trade.Instrument.Key()], p.trade)
		case p.open != nil && !settlesNotional(p.open.Instrument):
			for _, l := range p.open.Lots {
				lots[p.open.Instrument.Key()] = append(lots[p.open.Instrument.Key()], lot{exact(l.Quantity), exact(l.Basis)})
			}
		}
	}
	basis := map[ledger.InstrumentKey]rat{}
	for key, list := range lots {
		basis[key] = new0()
		for _, l := range list {
			basis[key] = add(basis[key], l.basis)
		}
	}
	return basis
}

// movements returns the cash movements recorded so far.
func (j *judge) movements() (list []ledger.CashMovement) {
	for _, e := range j.h.Events {
		if facts, ok := e.What.(Facts); ok {
			for _, f := range facts {
				if m, ok := f.(ledger.CashMovement); ok {
					list = append(list, m)
				}
			}
		}
	}
	return list
}

// equity returns what the profile is worth in base currency, all cash and all positions at marks; nil
// if a mark or a rate is missing. It also reports whether all of them are fresh, and those of what is
// working besides.
func (j *judge) equity() (total rat, fresh bool) {
	if !j.answered.worth {
		j.worth, j.fresh = j.workOutEquity()
		j.answered.worth = true
	}
	return j.worth, j.fresh
}

func (j *judge) workOutEquity() (total rat, fresh bool) {
	total, fresh = new0(), true
	for _, w := range j.working() {
		price, young := j.price(w.order.Instrument.Key())
		rate, recent := j.rate(w.order.Instrument.Currency)
		fresh = fresh && price != nil && young && rate != nil && recent
	}
	convert := func(c ledger.Currency, amount rat) bool {
		rate, young := j.rate(c)
		if rate == nil {
			return false
		}
		fresh = fresh && young
		total = add(total, mul(amount, rate))
		return true
	}
	for c, amount := range j.cash() {
		if amount.Sign() != 0 && !convert(c, amount) {
			return nil, false
		}
	}
	basis := j.openBasis()
	for key, h := range j.positions() {
		price, young := j.price(key)
		if price == nil {
			return nil, false
		}
		fresh = fresh && young
		worth := mul(h.quantity, price, unit(h.instrument))
		if !settlesNotional(h.instrument) {
			worth = sub(worth, basis[key])
		}
		if !convert(h.instrument.Currency, worth) {
			return nil, false
		}
	}
	return total, fresh
}

// settled returns the cash that has settled, in base currency; nil if a rate is missing. Everything
// counts at once but the proceeds of a sale, which count from the next business day on.
func (j *judge) settled() rat {
	balance := j.cash()
	for _, p := range j.inForce() {
		if p.trade == nil || p.trade.Instrument.SecType == ledger.Forex || !settlesNotional(p.trade.Instrument) {
			continue
		}
		came := sub(proceeds(p.trade), costs(p.trade))
		if came.Sign() > 0 && j.today() < nextBusinessDay(j.dayOf(p.trade.Time)) {
			c := p.trade.Instrument.Currency
			balance[c] = sub(balance[c], came)
		}
	}
	total := new0()
	for c, amount := range balance {
		rate, _ := j.rate(c)
		if rate == nil {
			if amount.Sign() == 0 {
				continue
			}
			return nil
		}
		total = add(total, mul(amount, rate))
	}
	return total
}
