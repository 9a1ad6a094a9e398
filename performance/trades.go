package performance

import (
	"maps"
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

// fromTrades fills in the figures of trades, round trips and fees.
func (p *Report) fromTrades(h *History, w Window) {
	var f figures
	h.turns.count(w, &f)
	h.fees.count(w, &f)
	h.closings.count(w, &f)
	h.trips.count(w, &f)
	p.Trades = f.trades
	p.Bought, p.Sold, p.Fees, p.Realized = f.bought.known(), f.sold.known(), f.fees.known(), f.realized.known()
	p.roundTrips(&f)
	for _, c := range slices.Sorted(maps.Keys(f.lacks)) {
		p.Unconverted = append(p.Unconverted, string(c))
	}
}

func (t *turn) when() time.Time { return t.at }

func (t *turn) count(f *figures) {
	f.trades++
	if t.cash.value.IsNeg() {
		f.sum(&f.bought, t.cash.negated())
	} else {
		f.sum(&f.sold, t.cash)
	}
	f.sum(&f.fees, t.fees)
}

func (c *charge) when() time.Time  { return c.at }
func (c *charge) count(f *figures) { f.sum(&f.fees, c.cost) }

func (c *closing) when() time.Time  { return c.at }
func (c *closing) count(f *figures) { f.sum(&f.realized, c.realized) }

func (t *trip) when() time.Time { return t.at }

func (t *trip) count(f *figures) {
	f.trips++
	f.sum(&f.all, t.realized)
	switch gain := t.realized; {
	case gain.lacks != "" || gain.value.Abs().LessThanOrEqual(dust):
	case gain.value.IsPos():
		f.won++
		f.sum(&f.gained, gain)
	default:
		f.lost++
		f.sum(&f.given, gain.negated())
	}
}

// dust is the amount of money up to which a round trip neither gained nor lost: the rounding of
// lots that were shared out and converted may come to that. No currency has a coin as small.
var dust = ledger.MustDecimal("0.000000001")

// roundTrips fills in the figures of round trips that ended in the window.
func (p *Report) roundTrips(f *figures) {
	p.RoundTrips = f.trips
	if f.all.unknown || f.trips == 0 {
		return
	}
	p.Wins, p.Losses = f.won, f.lost
	p.WinRate = finite(float64(p.Wins) / float64(p.RoundTrips))
	if f.given.value.IsPos() {
		p.ProfitFactor = finite(f.gained.value.InexactFloat64() / f.given.value.InexactFloat64())
	}
	mean := func(s sum, n int) *ledger.Decimal {
		if n == 0 {
			return nil
		}
		m := num.Trim(num.Share(s.value, num.One, num.Int(int64(n))))
		return &m
	}
	p.Expectancy, p.AverageWin, p.AverageLoss = mean(f.all, p.RoundTrips), mean(f.gained, p.Wins), mean(f.given, p.Losses)
}

// turnover fills in Turnover, which needs both trades and equity points.
func (p *Report) turnover(points []point) {
	if p.Bought == nil || p.Sold == nil || p.GrossExposure == nil {
		return
	}
	held := 0.0
	for i := range points {
		v := &points[i]
		held += v.ratios.held
	}
	if days := daysOf(points); held > 0 && days > 0 {
		mean := held / float64(len(points))
		p.Turnover = finite(num.Min(*p.Bought, *p.Sold).InexactFloat64() / mean * daysPerYear / days)
	}
}
