package performance

import (
	"math"
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// fromPoints fills in the figures of equity points.
func (p *Report) fromPoints(all []point, w Window) {
	points := within(all, w)
	if len(points) == 0 {
		return
	}
	first, last := points[0], points[len(points)-1]
	p.From, p.To, p.Points = first.at, last.at, len(points)
	p.StartEquity, p.EndEquity, p.Flows = first.equity, last.equity, last.capital.Sub(first.capital)
	p.Profit = p.EndEquity.Sub(p.StartEquity).Sub(p.Flows)
	p.Exposure, p.TimeInMarket = invested(points)
	index, sound := indexOf(points)
	if !sound || len(points) < 2 {
		return
	}
	total := index[len(index)-1].value - 1
	p.TimeWeighted = finite(total)
	if days := last.at.Sub(first.at).Hours() / 24; days >= 365 && total > -1 {
		p.Annualized = finite(math.Pow(1+total, daysPerYear/days) - 1)
	}
	p.drawdown(index)
	p.statistics(dailyReturns(index))
	if p.Annualized != nil && *p.MaxDrawdown > 0 {
		p.Calmar = finite(*p.Annualized / *p.MaxDrawdown)
	}
}

// invested returns the mean fraction of equity that is not cash, and the fraction of points with
// any. Both are nil if equity is not positive at such a point.
func invested(points []point) (exposure, inMarket *float64) {
	sum, in := 0.0, 0
	for _, v := range points {
		rest := v.equity.Sub(v.cash).Abs()
		if rest.IsZero() {
			continue
		}
		in++
		if !v.equity.IsPos() {
			return nil, nil
		}
		sum += rest.InexactFloat64() / v.equity.InexactFloat64()
	}
	n := float64(len(points))
	return finite(sum / n), finite(float64(in) / n)
}

// indexed is the time-weighted index at one equity point: the growth of 1 since the first point.
type indexed struct {
	date  ledger.Date
	value float64
}

// indexOf chains the growth between points. It returns false if a growth is not defined: the equity
// at its start, deposits included, is not positive, or the equity at its end, withdrawals included,
// is negative.
func indexOf(points []point) ([]indexed, bool) {
	out := make([]indexed, len(points))
	out[0] = indexed{points[0].date, 1}
	for i := 1; i < len(points); i++ {
		growth, defined := growthOf(&points[i-1], &points[i])
		if !defined {
			return nil, false
		}
		out[i] = indexed{points[i].date, out[i-1].value * growth}
	}
	return out, true
}

// growthOf returns the growth of one unit from a point to the next. A deposit counts from the
// beginning, a withdrawal until the end.
func growthOf(a, b *point) (float64, bool) {
	flow := b.capital.Sub(a.capital)
	base, end := a.equity, b.equity
	if flow.IsNeg() {
		end = end.Sub(flow)
	} else {
		base = base.Add(flow)
	}
	switch {
	case base.IsZero() && end.IsZero():
		return 1, true // an account that stays empty
	case !base.IsPos() || end.IsNeg():
		return 0, false
	case end.Equal(base):
		return 1, true
	}
	return end.InexactFloat64() / base.InexactFloat64(), true
}

// dailyReturns returns the returns from each day's last index to the next one's.
func dailyReturns(index []indexed) []float64 {
	var out []float64
	before := index[0].value // the first day begins at the first point
	for i := 1; i < len(index); i++ {
		if i+1 < len(index) && index[i+1].date == index[i].date {
			continue
		}
		if index[i].date == index[0].date {
			before = index[i].value
			continue // the window begins within this day
		}
		if before > 0 {
			out = append(out, index[i].value/before-1)
		}
		before = index[i].value
	}
	return out
}

// statistics fills in the figures of daily returns.
func (p *Report) statistics(returns []float64) {
	n := len(returns)
	p.Days = n
	if n == 0 {
		return
	}
	sum, down := 0.0, 0.0
	for _, r := range returns {
		sum += r
		down += math.Pow(math.Min(r, 0), 2)
	}
	mean, year := sum/float64(n), math.Sqrt(tradingDaysPerYear)
	if down > 0 {
		p.Sortino = finite(mean / math.Sqrt(down/float64(n)) * year)
	}
	if n > 1 {
		squares := 0.0
		for _, r := range returns {
			squares += (r - mean) * (r - mean)
		}
		deviation := math.Sqrt(squares / float64(n-1))
		p.Volatility = finite(deviation * year)
		if deviation > 0 {
			p.Sharpe = finite(mean / deviation * year)
		}
	}
	sorted := slices.Clone(returns)
	slices.Sort(sorted)
	p.VaR95, p.Shortfall95 = tail(sorted, 5)
	p.VaR99, p.Shortfall99 = tail(sorted, 1)
}

// tail returns the value at risk and the expected shortfall of ascending returns at a percentage.
func tail(sorted []float64, percent int) (atRisk, shortfall *float64) {
	n := (len(sorted)*percent + 99) / 100
	sum := 0.0
	for _, r := range sorted[:n] {
		sum += r
	}
	return finite(0 - sorted[n-1]), finite((0 - sum) / float64(n)) // 0 − 0 is not −0
}

// drawdown fills in the greatest fall of the index.
func (p *Report) drawdown(index []indexed) {
	peak, worst, recovering := index[0], 0.0, false
	top := 0.0 // the peak before the worst fall
	for _, x := range index {
		if recovering && x.value >= top*(1-rounding) {
			p.DrawdownRecovery, recovering = x.date, false
		}
		if x.value >= peak.value {
			peak = x
		}
		if down := 1 - x.value/peak.value; down > worst && down > rounding {
			worst, top, recovering = down, peak.value, true
			p.DrawdownPeak, p.DrawdownTrough, p.DrawdownRecovery = peak.date, x.date, 0
		}
	}
	p.MaxDrawdown = finite(worst)
	if worst == 0 {
		return
	}
	end := p.DrawdownRecovery
	if end == 0 {
		end = index[len(index)-1].date
	}
	p.DrawdownDays = int(end.Time(time.UTC).Sub(p.DrawdownPeak.Time(time.UTC)).Hours() / 24)
}

// finite returns x; nil if x is not a number or infinite.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

const (
	daysPerYear        = 365.25
	tradingDaysPerYear = 252
)

// rounding is the error that an index may have from the multiplication of returns.
const rounding = 1e-12
