package performance

import (
	"maps"
	"slices"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

// sum adds up amounts in base currency. It is not known if one of them could not be converted.
type sum struct {
	value   ledger.Decimal
	unknown bool
}

// add takes an amount in, and notes the currency that it lacks a rate of.
func (s *sum) add(a converted, lacks map[ledger.Currency]bool) {
	if a.lacks != "" {
		s.unknown, lacks[a.lacks] = true, true
		return
	}
	s.value = s.value.Add(a.value)
}

// known returns the sum; nil if it is not known.
func (s *sum) known() *ledger.Decimal {
	if s.unknown {
		return nil
	}
	return &s.value
}

// fromTrades fills in the figures of trades, round trips and fees.
func (p *Report) fromTrades(h *History, w Window) {
	lacks := map[ledger.Currency]bool{}
	var bought, sold, fees, realized sum
	for i := range h.turns {
		t := &h.turns[i]
		if !w.contains(t.at) {
			continue
		}
		p.Trades++
		if t.cash.value.IsNeg() {
			bought.add(t.cash.negated(), lacks)
		} else {
			sold.add(t.cash, lacks)
		}
		fees.add(t.fees, lacks)
	}
	for _, c := range h.fees {
		if w.contains(c.at) {
			fees.add(c.cost, lacks)
		}
	}
	for _, c := range h.closings {
		if w.contains(c.at) {
			realized.add(c.realized, lacks)
		}
	}
	p.roundTrips(h.trips, w, lacks)
	p.Bought, p.Sold, p.Fees, p.Realized = bought.known(), sold.known(), fees.known(), realized.known()
	for _, c := range slices.Sorted(maps.Keys(lacks)) {
		p.Unconverted = append(p.Unconverted, string(c))
	}
}

// dust is the amount of money up to which a round trip neither gained nor lost: the rounding of lots
// that were shared out and converted may come to that. No currency has a coin as small.
var dust = ledger.MustDecimal("0.000000001")

// roundTrips fills in the figures of round trips that ended in the window.
func (p *Report) roundTrips(trips []outcome, w Window, lacks map[ledger.Currency]bool) {
	var all, gained, lost sum
	for _, t := range trips {
		if !w.contains(t.at) {
			continue
		}
		p.RoundTrips++
		all.add(t.realized, lacks)
		switch gain := t.realized; {
		case gain.lacks != "" || gain.value.Abs().LessThanOrEqual(dust):
		case gain.value.IsPos():
			p.Wins++
			gained.add(gain, lacks)
		default:
			p.Losses++
			lost.add(gain.negated(), lacks)
		}
	}
	if all.unknown {
		p.Wins, p.Losses = 0, 0
		return
	}
	if p.RoundTrips == 0 {
		return
	}
	p.WinRate = finite(float64(p.Wins) / float64(p.RoundTrips))
	if lost.value.IsPos() {
		p.ProfitFactor = finite(gained.value.InexactFloat64() / lost.value.InexactFloat64())
	}
	mean := func(s sum, n int) *ledger.Decimal {
		if n == 0 {
			return nil
		}
		m := num.Trim(num.Share(s.value, num.One, num.Int(int64(n))))
		return &m
	}
	p.Expectancy, p.AverageWin, p.AverageLoss = mean(all, p.RoundTrips), mean(gained, p.Wins), mean(lost, p.Losses)
}

// turnover fills in Turnover, which needs both trades and equity points.
func (p *Report) turnover(points []point) {
	if p.Bought == nil || p.Sold == nil || p.GrossExposure == nil {
		return
	}
	held := 0.0
	for _, v := range points {
		held += v.held.Long.Add(v.held.Short).InexactFloat64()
	}
	if days := daysOf(points); held > 0 && days > 0 {
		mean := held / float64(len(points))
		p.Turnover = finite(num.Min(*p.Bought, *p.Sold).InexactFloat64() / mean * daysPerYear / days)
	}
}
