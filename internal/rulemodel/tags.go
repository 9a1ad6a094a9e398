package rulemodel

import (
	"maps"
	"slices"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// sectors returns the sector of each underlying: that of the last accepted order for it, or of o,
// that names one and did not only close a position.
func (j *judge) sectors(o *risk.Order) map[string]string {
	of := maps.Clone(j.sectored.get(j.workOutSectors))
	if o.Sector != "" {
		of[underlying(o.Instrument)] = o.Sector
	}
	return of
}

// workOutSectors returns those of accepted orders.
func (j *judge) workOutSectors() map[string]string {
	of := map[string]string{}
	for n, e := range j.h.Events {
		h, ok := e.What.(Held)
		if !ok || h.Order.Sector == "" {
			continue
		}
		h.Order.Instrument.SetDefaults()
		if !j.before(n, e.Time).onlyReduces(h.Order, exact(h.Order.Quantity)) {
			of[underlying(h.Order.Instrument)] = h.Order.Sector
		}
	}
	return of
}

// strategy is the exposure of the order's strategy: of its part of what is held, and of what is
// working of it.
func (j *judge) strategy(o risk.Order) rat {
	all, _ := j.contracts(nil)
	parts := j.strategies()
	for key, c := range all {
		c.held = new0()
		if q := parts[key][o.Strategy]; q != nil {
			c.held = q
		}
		c.buys, c.sells = nil, nil
	}
	for _, w := range append(slices.Clip(j.working()), working{order: o, left: exact(o.Quantity)}) {
		if w.order.Strategy == o.Strategy && (w.order.ID != o.ID || w.heldAt.IsZero()) {
			j.work(all, w.order, w.left)
		}
	}
	sum := new0()
	for _, c := range all {
		sum = add(sum, c.worst())
	}
	return sum
}

// strategies returns the part of each strategy in what is held of each contract. A trade has the
// strategy of the order that it fills. It closes its own strategy's part first, then what belongs
// to none, then the others' in alphabetical order; what is left of it opens. A transfer changes the
// parts as a trade of none does.
func (j *judge) strategies() map[ledger.InstrumentKey]map[string]rat {
	orders := map[ledger.OrderID]*risk.Order{}
	for _, w := range j.accepted() {
		orders[w.order.ID] = &w.order
	}
	strategyOf := func(t *ledger.Trade) string {
		if o := orders[t.OrderID]; o != nil && fills(t, o) {
			return o.Strategy
		}
		return ""
	}
	all := map[ledger.InstrumentKey]map[string]rat{}
	parts := func(i ledger.Instrument) map[string]rat {
		if all[i.Key()] == nil {
			all[i.Key()] = map[string]rat{}
		}
		return all[i.Key()]
	}
	for _, p := range j.inForce() {
		switch {
		case p.trade != nil:
			trade(parts(p.trade.Instrument), strategyOf(p.trade), exact(p.trade.Quantity))
		case p.open != nil:
			for _, l := range p.open.Lots {
				trade(parts(p.open.Instrument), "", exact(l.Quantity))
			}
		case p.move != nil:
			trade(parts(p.move.Instrument), "", exact(p.move.Quantity))
		case p.split != nil:
			from, to := parts(p.split.From), parts(p.split.To)
			ratio := div(exact(p.split.Numerator), exact(p.split.Denominator))
			for name, q := range maps.Clone(from) {
				if !p.split.SpinsOff() {
					delete(from, name)
				}
				trade(to, name, mul(q, ratio))
			}
		}
	}
	return all
}

// trade changes the parts of strategies by a trade of one of them.
func trade(parts map[string]rat, strategy string, rest rat) {
	names := slices.Sorted(maps.Keys(parts)) // none, which is empty, comes first
	for _, name := range append([]string{strategy}, names...) {
		q := parts[name]
		if q == nil || q.Sign() == 0 || q.Sign() == rest.Sign() || rest.Sign() == 0 {
			continue
		}
		closed := mul(least(size(q), size(rest)), whole(int64(rest.Sign())))
		parts[name], rest = add(q, closed), sub(rest, closed)
	}
	if rest.Sign() != 0 {
		if parts[strategy] == nil {
			parts[strategy] = new0()
		}
		parts[strategy] = add(parts[strategy], rest)
	}
}
