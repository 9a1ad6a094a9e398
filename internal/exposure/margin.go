package exposure

import (
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

// terms is what turns a stake into figures.
type terms struct {
	instrument *ledger.Instrument
	mark       ledger.Decimal
	rate       ledger.Decimal // base currency per unit of the instrument's; zero if not known
	units      ledger.Decimal // multiplier × conversion rate: base currency per point
	underlying ledger.Decimal // the underlying's mark, for the margin of short options; zero if not known

	underlyingAt time.Time      // when that was
	cash         bool           // a cash account
	intraday     bool           // maintenance margin is needed
	futures      ledger.Decimal // RiskLimits.FuturesMargin
}

var (
	half    = num.Percent(num.Int(50))
	quarter = num.Percent(num.Int(25))
	third   = num.Percent(num.Int(30))
	fifth   = num.Percent(num.Int(20))
	tenth   = num.Percent(num.Int(10))
)

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

// value is the signed exposure of a quantity at the mark.
func (t *terms) value(quantity ledger.Decimal) ledger.Decimal {
	switch {
	case quantity.IsZero():
		return quantity
	case quantity.IsNeg() && t.instrument.IsOption():
		return num.Convert(num.Convert(quantity, t.instrument.Strike), t.units)
	}
	return num.Convert(num.Convert(quantity, t.mark.Abs()), t.units)
}

// margin fills in what buying power and margin are needed: of a cash account the price of what is
// being bought, and the strike of short puts; else the initial margin of Regulation T (12 CFR 220.12) and the
// maintenance margin of FINRA rule 4210: a half and a quarter (30 % short) of stocks; a share of the notional
// of futures and CFDs; all of what anything else costs.
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

// shortOption is the margin of a short option on a stock (FINRA rule 4210(f)(2)(E)): its price and 20 % of the
// underlying's value less what it is out of the money, at least 10 % of that value (of the strike for a put).
// Cover is not taken off, and where the underlying's mark is not known, the whole strike is needed: the estimate is never too low.
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
