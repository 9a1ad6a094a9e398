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

	// dollar is base currency per US dollar, for stocks sold short; zero if not known.
	dollar ledger.Decimal

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
	switch i.SecType {
	case ledger.Stock:
		t.dollar, _, _ = m.Rate("USD")
	case ledger.Option:
		if i.Symbol != unadjusted(i.Symbol) {
			break // what it delivers is not worth what the underlying is
		}
		var buffer [128]byte
		underlying := m.Marks[ledger.InstrumentKey(stockKey(buffer[:0], underlyingOf(i).Symbol, i.Currency))]
		t.underlying, t.underlyingAt = underlying.Price, underlying.Time
	}
	return t
}

// stockKey appends the instrument key of the stock with the symbol.
func stockKey(b []byte, symbol string, currency ledger.Currency) []byte {
	b = append(append(b, "STK:"...), symbol...)
	return append(append(b, ':'), currency...)
}

// sides are the two ends that a stake can come to, in base currency: all working buys fill, or all
// working sales do.
type sides struct {
	// long is the value of what is long then, short the exposure of what is short.
	long, short ledger.Decimal
	// shorts is the quantity that is short then, and price what it takes to buy it back.
	shorts, price ledger.Decimal
}

// figures measures a stake.
func (t *terms) figures(s *stake) (f figures) {
	var w sides
	longs, worth := s.long()
	if !longs.IsZero() {
		w.long = num.Convert(worth, t.units)
	}
	w.shorts, worth = s.short()
	if !w.shorts.IsZero() {
		w.price = num.Convert(worth, t.units)
		w.short = w.price
		if t.instrument.IsOption() {
			w.short = num.Convert(num.Convert(w.shorts, t.instrument.Strike), t.units)
		}
	}
	f.worst = num.Max(w.long, w.short)
	f.high, f.low = w.long, w.short.Neg()
	switch { // still short if all buys fill, still long if all sales do
	case longs.IsZero() && s.held.IsNeg():
		f.high = t.value(s.held.Add(s.buys))
	case w.shorts.IsZero() && s.held.IsPos():
		f.low = t.value(s.held.Sub(s.sells))
	}
	if t.instrument.Right == ledger.Put {
		f.high, f.low = f.low.Neg(), f.high.Neg()
	}
	t.margin(s, &f, &w)
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
//   - Futures, options on futures, CFDs: the share FuturesMargin of the notional; of options see
//     futureOption.
//   - A cash account: the price of what is being bought. What short options need is no contract's own:
//     see owed.
//   - Stocks in a margin account: half the value of a long position (Regulation T, 12 CFR
//     220.12(a)), for maintenance a quarter (FINRA rule 4210(c)(1)); see shortStock for a short one.
//   - Options in a margin account: the premium of a long option (12 CFR 220.12(f), rule
//     4210(f)(2)(D)); see shortOption for a short one.
//   - Anything else: its whole price.
//
// In a margin account cover, spreads and straddles lower nothing: each position needs what it needs
// by itself, which is what rule 4210(f)(2)(F) to (H) ask for at most.
func (t *terms) margin(s *stake, f *figures, w *sides) {
	i := t.instrument
	switch {
	case i.SecType == ledger.FutureOption:
		long := w.long
		if t.cash { // what is held is paid for
			long = num.Convert(s.buyWorth, t.units)
		}
		f.initial = num.Max(long, t.futureOption(w))
		f.maintenance = f.initial
	case !i.SettlesNotional():
		f.initial = num.Convert(f.worst, t.futures)
		f.maintenance = f.initial
	case t.cash:
		if !s.buys.IsZero() {
			f.initial = num.Convert(s.buyWorth, t.units)
		}
	case i.SecType == ledger.Stock:
		initial, kept := t.shortStock(s, w)
		f.initial = num.Max(num.Convert(w.long, half), initial)
		if t.intraday {
			f.maintenance = num.Max(num.Convert(w.long, quarter), kept)
		}
	case w.shorts.IsZero():
		f.initial, f.maintenance = w.long, w.long
	case !i.IsOption(): // nothing is lent against a currency, a fund, a bond or a coin that is owed
		f.initial = num.Max(w.long, w.price)
		f.maintenance = f.initial
	default:
		f.initial = num.Max(w.long, t.shortOption(w))
		f.maintenance = f.initial
	}
}

// shortStock returns the initial and the maintenance margin of stocks sold short. For maintenance
// (FINRA rule 4210(c)(2) and (3)) a share below 5 USD needs its price, and at least 2.50 USD; any
// other 30 % of its price, and at least 5 USD. The initial margin is half the price (12 CFR
// 220.12(c)), or the maintenance margin if that is more (rule 4210(b)). Where 5 USD can be the
// greater, every share counts at the highest price that a working sale has. Without a rate of the
// dollar both margins are the whole price.
func (t *terms) shortStock(s *stake, w *sides) (initial, kept ledger.Decimal) {
	switch {
	case w.shorts.IsZero():
		return initial, kept
	case t.dollar.IsZero():
		return w.price, w.price
	case !t.cheap():
		return num.Convert(w.price, half), num.Convert(w.price, third)
	}
	price := num.Convert(num.Max(t.mark, s.sellHigh), t.rate)
	penny, five := num.Convert(leastShort, t.dollar), num.Convert(leastShortFive, t.dollar)
	each := num.Max(num.Convert(price, third), num.Min(num.Max(price, penny), five))
	shares := num.Convert(w.shorts, t.instrument.Multiplier)
	return num.Convert(shares, num.Max(num.Convert(price, half), each)), num.Convert(shares, each)
}

// cheap reports whether the margin of the stock sold short can be more than 30 % of its price.
func (t *terms) cheap() bool {
	return t.instrument.SecType == ledger.Stock &&
		(t.dollar.IsZero() || num.Convert(num.Convert(t.mark, t.rate), third).LessThan(num.Convert(leastShortFive, t.dollar)))
}

// shortOption returns the margin of short options on a stock (FINRA rule 4210(f)(2)(E)): the
// option's price, and 20 % of the underlying's value less the amount by which the option is out of
// the money, but at least 10 % of the underlying's value (for a put, of the strike).
//
// Without a mark of the underlying it is the strike and 120 % of the option's price. That is never
// less: a call is worth what it is in the money at least, so that the underlying is worth no more
// than strike and price together; and a put needs its price and 20 % of its strike at most.
func (t *terms) shortOption(w *sides) ledger.Decimal {
	if !t.underlying.IsPos() {
		return w.short.Add(w.price).Add(num.Convert(w.price, fifth))
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
	return w.price.Add(num.Convert(num.Convert(w.shorts, num.Max(per, floor)), t.units))
}

// futureOption returns the margin of short options on a future: the option's price, and the share
// FuturesMargin of the future's notional. The strike stands for the future's price; for that of a
// call strike and price together, which the future cannot be above. Exchanges ask for the price and
// the future's margin at most.
func (t *terms) futureOption(w *sides) ledger.Decimal {
	notional := w.short
	if t.instrument.Right == ledger.Call {
		notional = notional.Add(w.price)
	}
	return w.price.Add(num.Convert(notional, t.futures))
}

var (
	// The fractions of Regulation T and FINRA rule 4210.
	half    = num.Percent(num.Int(50))
	quarter = num.Percent(num.Int(25))
	third   = num.Percent(num.Int(30))
	fifth   = num.Percent(num.Int(20))
	tenth   = num.Percent(num.Int(10))

	// The USD that a share sold short needs at least: below 5 USD, and from there on.
	leastShort     = num.Share(num.Int(5), num.One, num.Int(2))
	leastShortFive = num.Int(5)
)
