package exposure

import (
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// terms turn a stake in a contract into figures.
type terms struct {
	instrument *ledger.Instrument
	mark       ledger.Decimal
	// rate is base currency per unit of the instrument's currency; zero if not known.
	rate ledger.Decimal
	// units is multiplier × rate: base currency per point; zero if the rate is not known.
	units ledger.Decimal
	// underlying is the mark of the underlying, for the margin of short options; zero if not known.
	underlying ledger.Decimal

	underlyingAt time.Time      // the time of that mark
	cash         bool           // the account is a cash account
	intraday     bool           // the day-trade policy asks for maintenance margin
	futures      ledger.Decimal // Limits.FuturesMargin
}

// termsOf returns the terms of an instrument at a mark. Their units are zero if the currency has no
// conversion rate.
func termsOf(m *Market, p *Policy, i *ledger.Instrument, mark ledger.Decimal, today ledger.Date) terms {
	t := terms{instrument: i, mark: mark, futures: p.limits.FuturesMargin, cash: p.limits.Account == risk.CashAccount,
		intraday: p.limits.DayTrades(today) == risk.IntradayMargin}
	if rate, _, ok := m.Rate(i.Currency); ok {
		t.rate, t.units = rate, num.Convert(i.Multiplier, rate)
	}
	if i.SecType == ledger.Option {
		var buffer [128]byte
		underlying := m.Marks[ledger.InstrumentKey(stockKey(buffer[:0], i.Underlying, i.Currency))]
		t.underlying, t.underlyingAt = underlying.Price, underlying.Time
	}
	return t
}

// stockKey appends the instrument key of the stock with the symbol.
func stockKey(b []byte, symbol string, currency ledger.Currency) []byte {
	b = append(append(b, "STK:"...), symbol...)
	return append(append(b, ':'), currency...)
}

// figures measures a stake.
func (t *terms) figures(s *stake) (f figures) {
	var long, short ledger.Decimal
	longs, worth := s.long()
	if !longs.IsZero() {
		long = num.Convert(worth, t.units)
	}
	shorts, worth := s.short()
	if !shorts.IsZero() {
		if t.instrument.IsOption() {
			worth = num.Convert(shorts, t.instrument.Strike)
		}
		short = num.Convert(worth, t.units)
	}
	f.worst = num.Max(long, short)
	f.high, f.low = long, short.Neg()
	switch { // still short if all buys fill, still long if all sales do
	case longs.IsZero() && s.held.IsNeg():
		f.high = t.value(s.held.Add(s.buys))
	case shorts.IsZero() && s.held.IsPos():
		f.low = t.value(s.held.Sub(s.sells))
	}
	if t.instrument.Right == ledger.Put {
		f.high, f.low = f.low.Neg(), f.high.Neg()
	}
	t.margin(s, &f, long, short, shorts)
	return f
}

// value returns the signed exposure of a quantity at the mark, in base currency; at the strike for
// a short option.
func (t *terms) value(quantity ledger.Decimal) ledger.Decimal {
	switch {
	case quantity.IsZero():
		return quantity
	case quantity.IsNeg() && t.instrument.IsOption():
		return num.Convert(num.Convert(quantity, t.instrument.Strike), t.units)
	}
	return num.Convert(num.Convert(quantity, t.mark.Abs()), t.units)
}

// margin fills in the buying power and the maintenance margin:
//
//   - Futures, options on futures, CFDs: the share FuturesMargin of the notional, or the whole
//     premium of a long option if that is more.
//   - A cash account: the price of what is being bought, and the strike of short puts.
//   - Stocks in a margin account: half their value (Regulation T, 12 CFR 220.12); for maintenance a
//     quarter of a long and 30 % of a short position (FINRA rule 4210).
//   - Options in a margin account: the premium of a long option; see shortOption for a short one.
//   - Anything else: its whole price.
func (t *terms) margin(s *stake, f *figures, long, short, shorts ledger.Decimal) {
	i := t.instrument
	switch {
	case !i.SettlesNotional() || i.SecType == ledger.FutureOption:
		f.initial = num.Convert(f.worst, t.futures)
		if i.SecType == ledger.FutureOption {
			f.initial = num.Max(long, num.Convert(short, t.futures))
		}
		f.maintenance = f.initial
	case t.cash:
		if !s.buys.IsZero() {
			f.initial = num.Convert(s.buyWorth, t.units)
		}
		if i.Right == ledger.Put {
			f.initial = f.initial.Add(short)
		}
	case i.SecType == ledger.Stock:
		f.initial = num.Convert(f.worst, half)
		if t.intraday {
			f.maintenance = num.Max(num.Convert(long, quarter), num.Convert(short, third))
		}
	case shorts.IsZero():
		f.initial, f.maintenance = long, long
	default:
		f.initial = num.Max(long, t.shortOption(shorts, short))
		f.maintenance = f.initial
	}
}

// shortOption returns the margin of short options on a stock (FINRA rule 4210(f)(2)(E)): the
// option's price, and 20 % of the underlying's value less the amount by which the option is out of
// the money, but at least 10 % of the underlying's value (for a put, of the strike). Cover does not
// lower the margin. Without a mark of the underlying, the whole strike is needed. So the estimate
// is never too low.
func (t *terms) shortOption(shorts, obligation ledger.Decimal) ledger.Decimal {
	if !t.underlying.IsPos() || t.instrument.SecType == ledger.Warrant {
		return obligation
	}
	value, strike := t.underlying, t.instrument.Strike
	out, floor := strike.Sub(value), num.Convert(value, tenth) // of a call
	if t.instrument.Right == ledger.Put {
		out, floor = out.Neg(), num.Convert(strike, tenth)
	}
	per := num.Convert(value, fifth)
	if out.IsPos() {
		per = per.Sub(out)
	}
	return num.Convert(num.Convert(shorts, num.Max(per, floor).Add(t.mark.Abs())), t.units)
}

var (
	// The fractions of Regulation T and FINRA rule 4210.
	half    = num.Percent(num.Int(50))
	quarter = num.Percent(num.Int(25))
	third   = num.Percent(num.Int(30))
	fifth   = num.Percent(num.Int(20))
	tenth   = num.Percent(num.Int(10))
)
