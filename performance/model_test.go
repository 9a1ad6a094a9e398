package performance_test

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
	"time"
)

// This file and model_points_test.go are a program of their own that works out every figure of a
// report, plainly and slowly, in exact fractions, from the definitions at the fields of
// performance.Report. They share nothing with the library, and are told of facts in types of their
// own. recomputed_test.go holds the library against them.

type rat = *big.Rat

func frac(n int64) rat     { return big.NewRat(n, 1) }
func plus(a, b rat) rat    { return new(big.Rat).Add(a, b) }
func minus(a, b rat) rat   { return new(big.Rat).Sub(a, b) }
func times(a, b rat) rat   { return new(big.Rat).Mul(a, b) }
func over(a, b rat) rat    { return new(big.Rat).Quo(a, b) }
func size(a rat) rat       { return new(big.Rat).Abs(a) }
func negative(a rat) rat   { return new(big.Rat).Neg(a) }
func float(a rat) float64  { f, _ := a.Float64(); return f }
func smaller(a, b rat) rat { return map[bool]rat{true: a, false: b}[a.Cmp(b) < 0] }
func root(a rat) float64   { return math.Sqrt(float(a)) }
func total(all ...rat) (s rat) {
	s = new(big.Rat)
	for _, a := range all {
		s.Add(s, a)
	}
	return s
}

// told is what the program knows of a history. Money is in currencies, the base currency is USD.
type told struct {
	newYork bool // the calendar of New York; else Monday to Friday
	zone    *time.Location
	trades  []*toldTrade
	splits  []toldSplit
	charges []toldCharge
	points  []toldPoint
}

// toldTrade is a trade, or a lot of an opening balance, whose cost is in basis then.
type toldTrade struct {
	contract, currency, costsIn                           string
	future, option, pair                                  bool
	quantity, price, multiplier, commission, taxes, basis rat
	rate                                                  rat // nil if it is not known
	into                                                  string
	at                                                    time.Time
	cancelled                                             bool
	goes                                                  bool // a transfer, of what was worth price
}

type toldSplit struct {
	from, to string
	ratio    rat
	at       time.Time
}

type toldCharge struct {
	cost, rate rat
	currency   string
	at         time.Time
}

type toldPoint struct {
	at                           time.Time
	equity, capital, long, short rat // long and short are nil if they are not known
}

// span is a window.
type span struct {
	from, to time.Time
	perYear  float64
}

func (s span) has(t time.Time) bool {
	return (s.from.IsZero() || !t.Before(s.from)) && (s.to.IsZero() || !t.After(s.to))
}

// base converts to USD; nil if that needs a rate that is not known.
func base(v rat, currency string, rate rat) rat {
	switch {
	case currency == "USD" || v.Sign() == 0:
		return v
	case rate == nil:
		return nil
	}
	return times(v, rate)
}

// held is a position: its lots, what is not known of it, and the gains of its round trip.
type heldModel struct {
	lots  []lotModel
	doubt bool
	gains []rat
}

type lotModel struct{ quantity, basis, basisUSD rat }

type gain struct {
	at       time.Time
	usd      rat // nil if it is not known
	currency string
}

// gains folds the trades, first in first out, and returns what closings and round trips gained.
func (h *told) gains() (closings, trips []gain) {
	held := map[string]*heldModel{}
	of := func(contract string) *heldModel {
		if held[contract] == nil {
			held[contract] = &heldModel{}
		}
		return held[contract]
	}
	type premium struct {
		amount, usd rat
		doubt       bool
	}
	waiting := map[string]premium{} // by contract and time
	trades := slices.DeleteFunc(slices.Clone(h.trades), func(t *toldTrade) bool { return t.cancelled || t.pair })
	slices.SortStableFunc(trades, func(a, b *toldTrade) int {
		return cmp.Or(a.at.Compare(b.at), -cmp.Compare(len(a.into), len(b.into)))
	})
	splits := slices.Clone(h.splits)
	slices.SortFunc(splits, func(a, b toldSplit) int { return a.at.Compare(b.at) })
	for _, t := range trades {
		for len(splits) > 0 && splits[0].at.Before(t.at) {
			s := splits[0]
			splits = splits[1:]
			from, to := of(s.from), of(s.to)
			for i := range from.lots {
				from.lots[i].quantity = times(from.lots[i].quantity, s.ratio)
			}
			if s.from != s.to {
				*to, *from = *from, heldModel{}
			}
		}
		p := of(t.contract)
		if t.goes {
			if p.leave(t) && len(p.gains) > 0 {
				trip := gain{t.at, nil, t.currency}
				if !slices.Contains(p.gains, nil) {
					trip.usd = total(p.gains...)
				}
				trips, p.gains = append(trips, trip), nil
			}
			continue
		}
		proceeds, costs, net := t.amounts()
		usd := base(net, t.currency, t.rate)
		if usd == nil || t.rate == nil && t.currency != "USD" && (proceeds.Sign() != 0 || costs.Sign() != 0) {
			p.doubt, usd = true, new(big.Rat)
		}
		unrated := p.doubt && usd.Sign() == 0 && net.Sign() != 0
		if w, ok := waiting[t.contract+t.at.String()]; ok {
			delete(waiting, t.contract+t.at.String())
			net, usd, p.doubt = plus(net, w.amount), plus(usd, w.usd), p.doubt || w.doubt
			unrated = unrated || w.doubt
		}
		left, closed, basis, basisUSD := size(t.quantity), new(big.Rat), new(big.Rat), new(big.Rat)
		for len(p.lots) > 0 && left.Sign() > 0 && p.lots[0].quantity.Sign() != t.quantity.Sign() {
			l := &p.lots[0]
			n := smaller(left, size(l.quantity))
			part := over(n, size(l.quantity))
			basis, basisUSD = plus(basis, times(l.basis, part)), plus(basisUSD, times(l.basisUSD, part))
			keep := minus(frac(1), part)
			*l = lotModel{times(l.quantity, keep), times(l.basis, keep), times(l.basisUSD, keep)}
			if keep.Sign() == 0 {
				p.lots = p.lots[1:]
			}
			left, closed = minus(left, n), plus(closed, n)
		}
		share := over(closed, size(t.quantity))
		won, wonUSD := minus(times(net, share), basis), minus(times(usd, share), basisUSD)
		doubtful := p.doubt
		if closed.Sign() > 0 {
			flat := len(p.lots) == 0
			if t.into != "" {
				waiting[t.into+t.at.String()] = premium{won, wonUSD, doubtful}
			} else {
				g := gain{t.at, wonUSD, t.currency}
				switch {
				case t.currency == "USD":
					g.usd = won
				case t.future:
					g.usd = base(won, t.currency, t.rate)
				case doubtful:
					g.usd = nil
				}
				closings, p.gains = append(closings, g), append(p.gains, g.usd)
			}
			if flat && len(p.gains) > 0 {
				trip := gain{t.at, nil, t.currency}
				if !slices.Contains(p.gains, nil) {
					trip.usd = total(p.gains...)
				}
				trips, p.gains = append(trips, trip), nil
			}
			if flat && !(left.Sign() > 0 && unrated) {
				p.doubt = false
			}
		}
		if left.Sign() > 0 {
			rest := minus(frac(1), share)
			p.lots = append(p.lots, lotModel{times(left, frac(int64(t.quantity.Sign()))), negative(times(net, rest)), negative(times(usd, rest))})
		}
	}
	return closings, trips
}

// leave takes lots away without a gain, oldest first, and reports whether the position ended. Of what was
// not held, the rest is owed at its worth.
func (p *heldModel) leave(t *toldTrade) (ended bool) {
	left := size(t.quantity)
	for len(p.lots) > 0 && left.Sign() > 0 && p.lots[0].quantity.Sign() != t.quantity.Sign() {
		l := &p.lots[0]
		n := smaller(left, size(l.quantity))
		keep := minus(frac(1), over(n, size(l.quantity)))
		*l = lotModel{times(l.quantity, keep), times(l.basis, keep), times(l.basisUSD, keep)}
		if keep.Sign() == 0 {
			p.lots = p.lots[1:]
		}
		left, ended = minus(left, n), len(p.lots) == 0
	}
	if ended {
		p.doubt = false
	}
	if left.Sign() > 0 {
		quantity := times(left, frac(int64(t.quantity.Sign())))
		worth := times(times(quantity, t.price), t.multiplier)
		usd := base(worth, t.currency, t.rate)
		if t.currency != "USD" && t.rate == nil {
			p.doubt, usd = true, new(big.Rat)
		}
		p.lots = append(p.lots, lotModel{quantity, worth, usd})
	}
	return ended
}

// amounts returns what a trade brought before costs, its costs, and what is left.
func (t *toldTrade) amounts() (proceeds, costs, net rat) {
	if t.basis != nil {
		return negative(t.basis), new(big.Rat), negative(t.basis)
	}
	proceeds = negative(times(times(t.quantity, t.price), t.multiplier))
	costs = plus(t.commission, t.taxes)
	return proceeds, costs, minus(proceeds, costs)
}

// adder adds up what is known, and remembers the currencies of what is not.
type adder struct {
	sums  map[string]rat
	lacks map[string]bool
}

func (a *adder) add(name string, v rat, currency string) {
	if v == nil {
		a.lacks[currency] = true
		a.sums[name+"?"] = frac(1)
		return
	}
	if a.sums[name] == nil {
		a.sums[name] = new(big.Rat)
	}
	a.sums[name].Add(a.sums[name], v)
}

func (a *adder) sum(name string) any {
	switch {
	case a.sums[name+"?"] != nil:
		return nil
	case a.sums[name] == nil:
		return new(big.Rat)
	}
	return a.sums[name]
}

// ofTrades works out the figures of trades.
func (h *told) ofTrades(s span, out map[string]any) {
	a := &adder{map[string]rat{}, map[string]bool{}}
	count := 0
	for _, t := range h.trades {
		if t.cancelled || t.basis != nil || t.goes || !s.has(t.at) {
			continue
		}
		if t.pair {
			in, rate := t.currency, t.rate
			a.add("Fees", base(t.taxes, in, rate), in)
			if t.costsIn != "" && t.costsIn != in {
				in, rate = t.costsIn, nil
			}
			a.add("Fees", base(t.commission, in, rate), in)
			continue
		}
		count++
		proceeds, costs, _ := t.amounts()
		name := map[bool]string{true: "Bought", false: "Sold"}[proceeds.Sign() < 0]
		a.add(name, base(size(proceeds), t.currency, t.rate), t.currency)
		a.add("Fees", base(costs, t.currency, t.rate), t.currency)
	}
	for _, c := range h.charges {
		if s.has(c.at) {
			a.add("Fees", base(c.cost, c.currency, c.rate), c.currency)
		}
	}
	closings, trips := h.gains()
	for _, g := range closings {
		if s.has(g.at) {
			a.add("Realized", g.usd, g.currency)
		}
	}
	ended, wins, losses, known := 0, 0, 0, true
	won, lost := new(big.Rat), new(big.Rat)
	for _, g := range trips {
		if !s.has(g.at) {
			continue
		}
		ended++
		if g.usd == nil {
			known, a.lacks[g.currency] = false, true
			continue
		}
		switch g.usd.Sign() {
		case 1:
			wins, won = wins+1, plus(won, g.usd)
		case -1:
			losses, lost = losses+1, minus(lost, g.usd)
		}
	}
	for _, name := range []string{"Fees", "Bought", "Sold", "Realized"} {
		out[name] = a.sum(name)
	}
	out["Trades"], out["RoundTrips"] = count, ended
	out["Wins"], out["Losses"] = 0, 0
	for _, name := range []string{"WinRate", "ProfitFactor", "Expectancy", "AverageWin", "AverageLoss"} {
		out[name] = nil
	}
	if known {
		out["Wins"], out["Losses"] = wins, losses
	}
	if known && ended > 0 {
		out["WinRate"], out["Expectancy"] = big.NewRat(int64(wins), int64(ended)), over(minus(won, lost), frac(int64(ended)))
		if wins > 0 {
			out["AverageWin"] = over(won, frac(int64(wins)))
		}
		if losses > 0 {
			out["AverageLoss"], out["ProfitFactor"] = over(lost, frac(int64(losses))), over(won, lost)
		}
	}
	var lacks []string
	for c := range a.lacks {
		lacks = append(lacks, c)
	}
	slices.Sort(lacks)
	out["Unconverted"] = fmt.Sprint(lacks)
}
