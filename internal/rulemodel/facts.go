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
	move  *ledger.Transfer
	told  int // of a transfer, the event that recorded it
}

// record is a fact as it was first recorded, the event that recorded it, and the conversion rate of
// a cash movement, an opening or a transfer that was told with it or later.
type record struct {
	fact  ledger.Fact
	event int
	rate  ledger.Decimal
}

// records returns the facts recorded so far. A cash movement, an opening or a transfer that is
// recorded again only tells its rate.
func (j *judge) records() []record {
	return j.recorded.get(j.workOutRecords)
}

func (j *judge) workOutRecords() (list []record) {
	known := map[string]int{} // where in the list
	for n, e := range j.h.Events {
		facts, ok := e.What.(Facts)
		if !ok {
			continue
		}
		for _, f := range facts {
			id, rate := keyOf(f), ledger.Decimal{}
			switch f := f.(type) {
			case ledger.CashMovement:
				rate = f.FXRate
			case ledger.Opening:
				rate = f.FXRate
			case ledger.Transfer:
				rate = f.FXRate
			}
			if i, again := known[id]; again {
				list[i].rate = rate
				continue
			}
			if id != "" {
				known[id] = len(list)
			}
			list = append(list, record{f, n, rate})
		}
	}
	return list
}

// keyOf names a fact whose rate can be told later; empty of any other.
func keyOf(f ledger.Fact) string {
	switch f := f.(type) {
	case ledger.CashMovement:
		return "cash " + f.ID
	case ledger.Opening:
		return "opening " + f.ID
	case ledger.Transfer:
		return "transfer " + f.ID
	}
	return ""
}

// inForce returns the trades, splits, openings and transfers in force in their effective order: by
// time, exercised and assigned options first, else as they were recorded. The last version of an
// execution is in force, unless it was cancelled, in the place of the first.
func (j *judge) inForce() []placed {
	return j.forced.get(j.workOutForce)
}

func (j *judge) workOutForce() []placed {
	var list []placed
	versions := map[string]int{} // by root, where in the list
	cancelled := map[string]int{}
	for n, r := range j.records() {
		switch f := r.fact.(type) {
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
		case ledger.Transfer:
			f.Instrument.SetDefaults()
			list = append(list, placed{place: n, time: f.Time, move: &f, told: r.event})
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
func (j *judge) positions() map[ledger.InstrumentKey]*holding { return j.held.get(j.workOutPositions) }

func (j *judge) workOutPositions() map[ledger.InstrumentKey]*holding {
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
		case p.move != nil:
			h := of(p.move.Instrument)
			h.quantity = add(h.quantity, exact(p.move.Quantity))
		case p.split != nil:
			from, to := of(p.split.From), of(p.split.To)
			turned := div(mul(from.quantity, exact(p.split.Numerator)), exact(p.split.Denominator))
			if !p.split.SpinsOff() {
				from.quantity = new0()
			}
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

// CannotMove reports whether the transfer is refused now, and whether it is late for its contract.
// More cannot go than is held, and nothing can come against a position in the other direction,
// unless the transfer is late. A late one that goes needs a price. The documentation does not say
// so: the library does.
func CannotMove(h History, t ledger.Transfer, now time.Time) (refused, late bool) {
	t.Instrument.SetDefaults()
	j := newJudge(h, now)
	for _, p := range j.inForce() {
		late = late || p.time.After(t.Time) && p.of(t.Instrument.Key())
	}
	held := new0()
	if p := j.positions()[t.Instrument.Key()]; p != nil {
		held = p.quantity
	}
	quantity := exact(t.Quantity)
	if len(t.Lots) > 0 {
		return !late && held.Sign() == -quantity.Sign(), late
	}
	if late { // the basis of its time is not known then
		return j.priceOf(t.Instrument, t.Price, t.Time).Sign() == 0, late
	}
	return held.Sign() != -quantity.Sign() || less(size(held), size(quantity)), late
}

// of reports whether the fact is of the contract.
func (p placed) of(key ledger.InstrumentKey) bool {
	switch {
	case p.trade != nil:
		return p.trade.Instrument.Key() == key
	case p.split != nil:
		return p.split.From.Key() == key || p.split.To.Key() == key
	case p.open != nil:
		return p.open.Instrument.Key() == key
	}
	return p.move.Instrument.Key() == key
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
