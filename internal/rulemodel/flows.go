package rulemodel

import (
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// flow is what capital was worth when it came or, below zero, went.
type flow struct {
	currency ledger.Currency
	amount   rat
	rate     rat // the rate of its own or of its time; nil if none is known
}

// at is the worth in base currency. A flow without a rate counts at the rate of the day; zero
// without one.
func (f flow) at(j *judge) rat {
	if f.rate != nil {
		return mul(f.amount, f.rate)
	}
	if rate, _ := j.rate(f.currency); rate != nil {
		return mul(f.amount, rate)
	}
	return new0()
}

// flow returns the capital that a record moves, if it does.
func (j *judge) flow(r record) (flow, bool) {
	then := j.before(r.event, j.h.Events[r.event].Time)
	switch f := r.fact.(type) {
	case ledger.CashMovement:
		return flow{f.Currency, exact(f.Amount), then.rateOr(r.rate, f.Currency, f.FXRate, f.Time)}, f.Kind.IsCapital()
	case ledger.Opening:
		f.Instrument.SetDefaults()
		quantity, basis := sum(f.Lots)
		amount := then.worthOf(f.Instrument, quantity, basis, f.Price, f.Time)
		return flow{f.Instrument.Currency, amount, then.rateOr(r.rate, f.Instrument.Currency, f.FXRate, f.Time)}, true
	case ledger.Transfer:
		f.Instrument.SetDefaults()
		_, basis := sum(f.Lots)
		if len(f.Lots) == 0 {
			basis = neg(then.basisOf(&f))
		}
		amount := then.worthOf(f.Instrument, exact(f.Quantity), basis, f.Price, f.Time)
		return flow{f.Instrument.Currency, amount, then.rateOr(r.rate, f.Instrument.Currency, f.FXRate, f.Time)}, true
	}
	return flow{}, false
}

// Unrated reports whether capital in a currency, of a time, would have no rate if it were recorded
// now, and whether there are equity points.
func Unrated(h History, c ledger.Currency, at, now time.Time) (unrated, pointed bool) {
	j := newJudge(h, now)
	return j.rateOf(c, ledger.Decimal{}, at) == nil, j.pointed()
}

// sum returns the quantity and the basis of lots.
func sum(list []ledger.Lot) (quantity, basis rat) {
	quantity, basis = new0(), new0()
	for _, l := range list {
		quantity, basis = add(quantity, exact(l.Quantity)), add(basis, exact(l.Basis))
	}
	return quantity, basis
}

// ofNow reports whether a time is no more than five minutes away.
func (j *judge) ofNow(t time.Time) bool { return j.now.Sub(t).Abs() <= 5*time.Minute }

// rateOf is the conversion rate of capital of a time that is being recorded: its own, or the one
// that is known and not too old, if the time is now; nil if there is neither.
func (j *judge) rateOf(c ledger.Currency, own ledger.Decimal, at time.Time) rat {
	if c != j.h.Base && !own.IsZero() {
		return exact(own)
	}
	if rate, young := j.rate(c); rate != nil && young && (c == j.h.Base || j.ofNow(at)) {
		return rate
	}
	return nil
}

// rateOr is rateOf or, where there is neither, the rate that was told later, if one was.
func (j *judge) rateOr(told ledger.Decimal, c ledger.Currency, own ledger.Decimal, at time.Time) rat {
	if rate := j.rateOf(c, own, at); rate != nil || told.IsZero() {
		return rate
	}
	return exact(told)
}

// priceOf is the price of a position that comes or goes when it is recorded: its own, or the fresh
// mark if its time is now; zero if there is neither.
func (j *judge) priceOf(i ledger.Instrument, own ledger.Decimal, at time.Time) rat {
	if mark, young := j.price(i.Key()); own.IsZero() && mark != nil && young && j.ofNow(at) {
		return mark
	}
	return exact(own)
}

// worthOf is what a position that comes or, below zero, goes is worth in its currency when it is
// recorded: at its price, or else its basis; of what does not settle its notional, the gain at that
// price.
func (j *judge) worthOf(i ledger.Instrument, quantity, basis rat, own ledger.Decimal, at time.Time) rat {
	price := j.priceOf(i, own, at)
	value := mul(quantity, price, unit(i))
	switch settles := settlesNotional(i); {
	case price.Sign() == 0 && settles:
		return basis
	case price.Sign() == 0:
		return new0()
	case !settles:
		return sub(value, basis)
	}
	return value
}
