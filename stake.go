package accounts

import "time"

// figures are what contracts put at risk, in base currency.
type figures struct {
	worst       Decimal // exposure in the worse of the two ways in which working orders could fill
	high, low   Decimal // the same with a sign, up and down: puts count the other way around
	initial     Decimal // what buying power is needed
	maintenance Decimal // margin to be kept, where the day-trade policy asks for it
}

func (f *figures) add(g *figures) {
	f.worst, f.high, f.low = f.worst.Add(g.worst), f.high.Add(g.high), f.low.Add(g.low)
	f.initial, f.maintenance = f.initial.Add(g.initial), f.maintenance.Add(g.maintenance)
}

func (f *figures) sub(g *figures) {
	f.worst, f.high, f.low = f.worst.Sub(g.worst), f.high.Sub(g.high), f.low.Sub(g.low)
	f.initial, f.maintenance = f.initial.Sub(g.initial), f.maintenance.Sub(g.maintenance)
}

// stake is what is held of a contract and what is working: quantities and, at each order's own
// price or the mark if that is higher, their value in points.
type stake struct {
	held, worth         Decimal // worth without its sign
	buys, sells         Decimal // still to be filled, without their signs
	buyWorth, sellWorth Decimal
	buyHigh, sellHigh   Decimal // the highest price
}

func (s *stake) hold(quantity, mark Decimal) {
	s.held, s.worth = quantity, convert(quantity, mark).Abs()
}

// work adds an order, or what is left of it.
func (s *stake) work(quantity, price, mark Decimal) {
	price = maxDecimal(price.Abs(), mark.Abs())
	if quantity.IsNeg() {
		quantity = quantity.Neg()
		s.sells, s.sellWorth, s.sellHigh = s.sells.Add(quantity), s.sellWorth.Add(convert(quantity, price)), maxDecimal(s.sellHigh, price)
		return
	}
	s.buys, s.buyWorth, s.buyHigh = s.buys.Add(quantity), s.buyWorth.Add(convert(quantity, price)), maxDecimal(s.buyHigh, price)
}

// long is the quantity held if all buys fill and no sale does, and its value in points; zero if it is short even then.
func (s *stake) long() (quantity, worth Decimal) {
	if !s.held.IsNeg() {
		return s.held.Add(s.buys), s.worth.Add(s.buyWorth)
	}
	if quantity = s.held.Add(s.buys); quantity.IsPos() {
		return quantity, convert(quantity, s.buyHigh)
	}
	return Decimal{}, Decimal{}
}

// short is the same for sales, without a sign.
func (s *stake) short() (quantity, worth Decimal) {
	if !s.held.IsPos() {
		return s.sells.Sub(s.held), s.worth.Add(s.sellWorth)
	}
	if quantity = s.sells.Sub(s.held); quantity.IsPos() {
		return quantity, convert(quantity, s.sellHigh)
	}
	return Decimal{}, Decimal{}
}

// terms is what turns a stake into figures.
type terms struct {
	instrument *Instrument
	mark       Decimal
	rate       Decimal // base currency per unit of the instrument's; zero if not known
	units      Decimal // multiplier × conversion rate: base currency per point
	underlying Decimal // the underlying's mark, for the margin of short options; zero if not known

	underlyingAt time.Time // when that was
	cash         bool      // a cash account
	intraday     bool      // maintenance margin is needed
	futures      Decimal   // RiskLimits.FuturesMargin
}

var (
	half    = percent(decimalOf(50))
	quarter = percent(decimalOf(25))
	third   = percent(decimalOf(30))
	fifth   = percent(decimalOf(20))
	tenth   = percent(decimalOf(10))
)

// figures measures a stake.
func (t *terms) figures(s *stake) (f figures) {
	var long, short Decimal
	longs, worth := s.long()
	if !longs.IsZero() {
		long = convert(worth, t.units)
	}
	shorts, worth := s.short()
	if !shorts.IsZero() {
		if t.instrument.deliverable() {
			worth = convert(shorts, t.instrument.Strike)
		}
		short = convert(worth, t.units)
	}
	f.worst = maxDecimal(long, short)
	f.high, f.low = long, short.Neg()
	switch { // still short if all buys fill, still long if all sales do
	case longs.IsZero() && s.held.IsNeg():
		f.high = t.value(s.held.Add(s.buys))
	case shorts.IsZero() && s.held.IsPos():
		f.low = t.value(s.held.Sub(s.sells))
	}
	if t.instrument.Right == Put {
		f.high, f.low = f.low.Neg(), f.high.Neg()
	}
	t.margin(s, &f, long, short, shorts)
	return f
}

// value is the signed exposure of a quantity at the mark.
func (t *terms) value(quantity Decimal) Decimal {
	switch {
	case quantity.IsZero():
		return quantity
	case quantity.IsNeg() && t.instrument.deliverable():
		return convert(convert(quantity, t.instrument.Strike), t.units)
	}
	return convert(convert(quantity, t.mark.Abs()), t.units)
}

// margin fills in what buying power and margin are needed: of a cash account the price of what is
// being bought, and the strike of short puts; else the initial margin of Regulation T (12 CFR 220.12) and the
// maintenance margin of FINRA rule 4210: a half and a quarter (30 % short) of stocks; a share of the notional
// of futures and CFDs; all of what anything else costs.
func (t *terms) margin(s *stake, f *figures, long, short, shorts Decimal) {
	i := t.instrument
	switch {
	case !i.settlesNotional() || i.SecType == FutureOption:
		f.initial = convert(f.worst, t.futures)
		if i.SecType == FutureOption {
			f.initial = maxDecimal(long, convert(short, t.futures))
		}
		f.maintenance = f.initial
	case t.cash:
		if !s.buys.IsZero() {
			f.initial = convert(s.buyWorth, t.units)
		}
		if i.Right == Put {
			f.initial = f.initial.Add(short)
		}
	case i.SecType == Stock:
		f.initial = convert(f.worst, half)
		if t.intraday {
			f.maintenance = maxDecimal(convert(long, quarter), convert(short, third))
		}
	case shorts.IsZero():
		f.initial, f.maintenance = long, long
	default:
		f.initial = maxDecimal(long, t.shortOption(shorts, short))
		f.maintenance = f.initial
	}
}

// shortOption is the margin of a short option on a stock (FINRA rule 4210(f)(2)(E)): its price and 20 % of the
// underlying's value less what it is out of the money, at least 10 % of that value (of the strike for a put).
// Cover is not taken off, and where the underlying's mark is not known, the whole strike is needed: the estimate is never too low.
func (t *terms) shortOption(shorts, obligation Decimal) Decimal {
	if !t.underlying.IsPos() || t.instrument.SecType == Warrant {
		return obligation
	}
	value, strike := t.underlying, t.instrument.Strike
	out, floor := strike.Sub(value), convert(value, tenth) // of a call
	if t.instrument.Right == Put {
		out, floor = out.Neg(), convert(strike, tenth)
	}
	per := convert(value, fifth)
	if out.IsPos() {
		per = per.Sub(out)
	}
	return convert(convert(shorts, maxDecimal(per, floor).Add(t.mark.Abs())), t.units)
}
