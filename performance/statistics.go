package performance

import (
	"math"
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// fromPoints fills in the figures of equity points.
func (p *Report) fromPoints(points []point, w Window) {
	if len(points) == 0 {
		return
	}
	first, last := points[0], points[len(points)-1]
	p.From, p.To, p.Points = first.at, last.at, len(points)
	p.StartEquity, p.EndEquity, p.Flows = first.equity, last.equity, first.flowTo(&last)
	p.Profit = p.EndEquity.Sub(p.StartEquity).Sub(p.Flows)
	p.exposure(points)
	steps, sound := stepsOf(points)
	if !sound || len(points) < 2 {
		return
	}
	index := indexOf(points, steps)
	total := index[len(index)-1].value - 1
	p.TimeWeighted = finite(total)
	if days := daysOf(points); days >= 365 && total > -1 {
		p.Annualized = finite(math.Pow(1+total, daysPerYear/days) - 1)
	}
	p.drawdown(index)
	period, years, ends := w.period(points)
	p.Period, p.PeriodsPerYear = period, years
	p.statistics(returnsOf(steps, ends))
	if p.Annualized != nil && *p.MaxDrawdown > 0 {
		p.Calmar = finite(*p.Annualized / *p.MaxDrawdown)
	}
}

// flowTo returns the capital that came between two points: cash, and positions where both points
// know of them.
func (p *point) flowTo(q *point) ledger.Decimal {
	flow := q.capital.Sub(p.capital)
	if p.derived && q.derived {
		flow = flow.Add(q.kind.Sub(p.kind))
	}
	return flow
}

// daysOf returns the days between the first and the last point.
func daysOf(points []point) float64 {
	return points[len(points)-1].at.Sub(points[0].at).Hours() / 24
}

// exposure fills in the figures of what was held. They are not defined if a point does not say what
// was held, or equity is not positive where something was.
func (p *Report) exposure(points []point) {
	gross, net, in := 0.0, 0.0, 0
	for i := range points {
		v := &points[i]
		if v.held == nil {
			return
		}
		if v.held.Long.IsZero() && v.held.Short.IsZero() {
			continue
		}
		in++
		if !v.equity.IsPos() {
			return
		}
		gross += v.ratios.gross
		net += v.ratios.net
	}
	n := float64(len(points))
	p.GrossExposure, p.NetExposure, p.TimeInMarket = finite(gross/n), finite(net/n), finite(float64(in)/n)
}

// ratios are what was held at a point: long and short together in base currency, and both together
// and the difference as fractions of equity. All are zero if it is not known.
type ratios struct{ held, gross, net float64 }

// ratiosOf works out the ratios of a point.
func (p *point) ratiosOf() (r ratios) {
	if p.held == nil {
		return r
	}
	equity := p.equity.InexactFloat64()
	r.held = p.held.Long.Add(p.held.Short).InexactFloat64()
	r.gross, r.net = r.held/equity, p.held.Long.Sub(p.held.Short).InexactFloat64()/equity
	return r
}

// step is the growth of one unit between two points, and its natural logarithm: −∞ after a total
// loss. The logarithm keeps the digits of small returns, which 1 + the return loses.
type step struct{ growth, log float64 }

// stepsOf returns the step up to each point from the one before it, and none for the first point.
// It returns false if a step is not defined: the equity at its start, deposits included, is not
// positive, or the equity at its end, withdrawals included, is negative.
func stepsOf(points []point) ([]step, bool) {
	out := make([]step, 1, len(points)+1)
	out[0].growth = 1
	for i := 1; i < len(points); i++ {
		if !points[i].sound {
			return nil, false
		}
		out = append(out, points[i].step)
	}
	return out, true
}

// indexed is the time-weighted index at one equity point: the growth of 1 since the first point.
type indexed struct {
	date  ledger.Date
	value float64
}

// indexOf chains the growths between points.
func indexOf(points []point, steps []step) []indexed {
	out := make([]indexed, len(points))
	value := 1.0
	for i := range points {
		value *= steps[i].growth
		out[i] = indexed{points[i].date, value}
	}
	return out
}

// stepOf returns the step from a point to the next. A deposit counts from the beginning, a
// withdrawal until the end.
func stepOf(a, b *point) (step, bool) {
	flow := a.flowTo(b)
	base, end := a.equity, b.equity
	if flow.IsNeg() {
		end = end.Sub(flow)
	} else {
		base = base.Add(flow)
	}
	switch {
	case base.IsZero() && end.IsZero():
		return step{growth: 1}, true // an account that stays empty
	case !base.IsPos() || end.IsNeg():
		return step{}, false
	case end.Equal(base):
		return step{growth: 1}, true
	}
	growth, r := end.InexactFloat64()/base.InexactFloat64(), end.Sub(base).InexactFloat64()/base.InexactFloat64()
	if math.Abs(r) < 0.5 {
		return step{growth, math.Log1p(r)}, true
	}
	return step{growth, math.Log(growth)}, true
}

// statistics fills in the figures of returns. noise is the largest error that a return may have
// from rounding.
func (p *Report) statistics(returns []float64, noise float64) {
	n := len(returns)
	p.Returns = n
	if n == 0 {
		return
	}
	mean, down, year := meanOf(returns), 0.0, math.Sqrt(p.PeriodsPerYear)
	for _, r := range returns {
		down += math.Pow(math.Min(r, 0), 2)
	}
	if down > 0 {
		p.Sortino = finite(mean / math.Sqrt(down/float64(n)) * year)
	}
	if n > 1 {
		squares := 0.0
		for _, r := range returns {
			squares += (r - mean) * (r - mean)
		}
		deviation := math.Sqrt(squares / float64(n-1))
		if deviation <= noise {
			deviation = 0
		} else {
			p.Sharpe = finite(mean / deviation * year)
		}
		p.Volatility = finite(deviation * year)
	}
	sorted := slices.Clone(returns)
	slices.Sort(sorted)
	p.VaR95, p.Shortfall95 = tail(sorted, 5)
	p.VaR99, p.Shortfall99 = tail(sorted, 1)
}

// meanOf returns the mean, with the rounding of the sum taken out of it.
func meanOf(returns []float64) float64 {
	n, sum, rest := float64(len(returns)), 0.0, 0.0
	for _, r := range returns {
		sum += r
	}
	for _, r := range returns {
		rest += r - sum/n
	}
	return sum/n + rest/n
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
	rounding := max(minRounding, 4*epsilon*float64(len(index)))
	top := 0.0 // the peak before the worst fall
	for _, x := range index {
		if recovering && x.value >= top*(1-rounding) {
			p.DrawdownRecovery, recovering = x.date, false
		}
		if x.value >= peak.value*(1-rounding) {
			peak = indexed{x.date, max(x.value, peak.value)}
		}
		if down := 1 - x.value/peak.value; down > worst+rounding {
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

// daysPerYear is the mean length of a year of the Julian calendar.
const daysPerYear = 365.25

// minRounding is the least error that an index is taken to have from the multiplication of growths.
const minRounding = 1e-12
