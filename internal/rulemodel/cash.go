package rulemodel

import (
	"maps"
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// proceeds is what a trade brings in the contract's currency before costs.
func proceeds(t *ledger.Trade) rat {
	if !t.Proceeds.IsZero() {
		return exact(t.Proceeds)
	}
	return neg(mul(exact(t.Quantity), exact(t.Price), unit(t.Instrument)))
}

func costs(t *ledger.Trade) rat { return add(exact(t.Commission), exact(t.Taxes)) }

// cash returns the balances by currency. Futures and CFDs bring the gain of what was closed, and
// all else its proceeds.
func (j *judge) cash() map[ledger.Currency]rat {
	balance := maps.Clone(j.lots().gains)
	for _, m := range j.movements() {
		credit(balance, m.Currency, exact(m.Amount))
	}
	for _, p := range j.inForce() {
		switch t := p.trade; {
		case t == nil:
		case t.Instrument.SecType == ledger.Forex:
			credit(balance, ledger.Currency(t.Instrument.Symbol), exact(t.Quantity))
			credit(balance, t.Instrument.Currency, proceeds(t))
			credit(balance, commissionCurrency(t), neg(costs(t)))
		case settlesNotional(t.Instrument):
			credit(balance, t.Instrument.Currency, sub(proceeds(t), costs(t)))
		}
	}
	return balance
}

func credit[K comparable](sums map[K]rat, key K, amount rat) {
	if sums[key] == nil {
		sums[key] = new0()
	}
	sums[key] = add(sums[key], amount)
}

func commissionCurrency(t *ledger.Trade) ledger.Currency {
	if t.CommissionCurrency != "" {
		return t.CommissionCurrency
	}
	return t.Instrument.Currency
}

// movements returns the cash movements recorded so far.
func (j *judge) movements() (list []ledger.CashMovement) {
	for _, r := range j.records() {
		if m, ok := r.fact.(ledger.CashMovement); ok {
			list = append(list, m)
		}
	}
	return list
}

// equity returns what the profile is worth in base currency, all cash and all positions at marks;
// nil if a mark or a rate is missing. It also reports whether all of them are fresh, and those of
// what is working besides.
func (j *judge) equity() (total rat, fresh bool) {
	w := j.worth.get(func() (w worth) {
		w.total, w.fresh = j.workOutEquity()
		return w
	})
	return w.total, w.fresh
}

// worth is what equity returns.
type worth struct {
	total rat
	fresh bool
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
	if j.limits.Account == risk.CashAccount { // it spends settled cash alone
		for c := range j.unsettled() {
			rate, young := j.rate(c)
			if rate == nil {
				return nil, false
			}
			fresh = fresh && young
		}
	}
	basis := j.lots().basis()
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
	return total, fresh && j.rated()
}

// rated reports whether capital that counts at the rate of the day has a fresh one. Without it
// losses are not known. The documentation does not say that equity then counts as unknown: the
// library does.
func (j *judge) rated() bool {
	_, young := j.ratesOfCapital()
	return young
}

// CapitalKnown reports whether all capital that counts at the rate of the day has one, of whatever
// age: else no equity point can be taken.
func CapitalKnown(h History, now time.Time) bool {
	known, _ := newJudge(h, now).ratesOfCapital()
	return known
}

// ratesOfCapital reports whether all capital that counts at the rate of the day has one, and
// whether those are fresh.
func (j *judge) ratesOfCapital() (known, fresh bool) {
	known, fresh = true, true
	sums := map[ledger.Currency]rat{}
	for _, s := range j.samples() {
		if s.equity == nil && s.moved.rate == nil {
			credit(sums, s.moved.currency, s.moved.amount)
		}
	}
	for c, sum := range sums {
		if rate, young := j.rate(c); sum.Sign() != 0 {
			known, fresh = known && rate != nil, fresh && rate != nil && young
		}
	}
	return known, fresh
}

// settled returns the cash that has settled, in base currency; nil if a rate is missing. Everything
// counts at once but the proceeds of a sale, which count from the next business day on. What held
// futures and CFDs have lost counts at once.
func (j *judge) settled() rat {
	balance := j.cash()
	for c, amount := range balance { // cash without a rate is not known, even if all of it is unsettled
		if rate, _ := j.rate(c); rate == nil && amount.Sign() != 0 {
			return nil
		}
	}
	for c, came := range j.unsettled() {
		balance[c] = sub(balance[c], came)
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
	return add(total, least(new0(), j.variation()))
}

// unsettled is what sales brought that has not settled, by currency.
func (j *judge) unsettled() map[ledger.Currency]rat {
	sums := map[ledger.Currency]rat{}
	for _, p := range j.inForce() {
		if p.trade == nil || p.trade.Instrument.SecType == ledger.Forex || !settlesNotional(p.trade.Instrument) {
			continue
		}
		came := sub(proceeds(p.trade), costs(p.trade))
		if came.Sign() > 0 && j.today() < nextBusinessDay(j.dayOf(p.trade.Time)) {
			credit(sums, p.trade.Instrument.Currency, came)
		}
	}
	return sums
}

// variation is what held futures and CFDs have gained or, below zero, lost, of those with a mark
// and a rate.
func (j *judge) variation() rat {
	sum, basis := new0(), j.lots().basis()
	for key, h := range j.positions() {
		price, _ := j.price(key)
		rate, _ := j.rate(h.instrument.Currency)
		if !settlesNotional(h.instrument) && price != nil && rate != nil {
			sum = add(sum, mul(sub(mul(h.quantity, price, unit(h.instrument)), basis[key]), rate))
		}
	}
	return sum
}
