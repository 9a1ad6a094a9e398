package performance_test

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"time"
)

// figures works out all figures of a report, by the names of its fields. What is not defined is nil.
func (h *told) figures(s span) map[string]any {
	out := map[string]any{"Currency": "USD", "From": time.Time{}, "To": time.Time{}, "Points": 0,
		"Period": "", "PeriodsPerYear": 0.0, "Returns": 0,
		"StartEquity": new(big.Rat), "EndEquity": new(big.Rat), "Flows": new(big.Rat), "Profit": new(big.Rat),
		"DrawdownPeak": "", "DrawdownTrough": "", "DrawdownRecovery": "", "DrawdownDays": 0}
	for _, name := range []string{"TimeWeighted", "Annualized", "Volatility", "Sharpe", "Sortino", "Calmar", "MaxDrawdown", "VaR95",
		"VaR99", "Shortfall95", "Shortfall99", "GrossExposure", "NetExposure", "TimeInMarket", "Turnover"} {
		out[name] = nil
	}
	h.ofTrades(s, out)
	points := h.within(s)
	if len(points) == 0 {
		return out
	}
	first, last := points[0], points[len(points)-1]
	out["From"], out["To"], out["Points"] = first.at, last.at, len(points)
	out["StartEquity"], out["EndEquity"], out["Flows"] = first.equity, last.equity, minus(last.capital, first.capital)
	out["Profit"] = minus(minus(last.equity, first.equity), minus(last.capital, first.capital))
	days := last.at.Sub(first.at).Hours() / 24
	h.ofExposure(points, days, out)
	if len(points) > 1 {
		h.ofReturns(s, points, days, out)
	}
	return out
}

// within returns the points of a window, in the order of their times.
func (h *told) within(s span) (out []toldPoint) {
	points := slices.Clone(h.points)
	slices.SortFunc(points, func(a, b toldPoint) int { return a.at.Compare(b.at) })
	for i, p := range points {
		lastBefore := !s.from.IsZero() && !p.at.After(s.from) && (i+1 == len(points) || points[i+1].at.After(s.from))
		if (s.from.IsZero() || p.at.After(s.from) || lastBefore) && (s.to.IsZero() || !p.at.After(s.to)) {
			out = append(out, p)
		}
	}
	return out
}

// ofExposure works out the figures of what was held.
func (h *told) ofExposure(points []toldPoint, days float64, out map[string]any) {
	gross, net, sum, in := new(big.Rat), new(big.Rat), new(big.Rat), 0
	for _, p := range points {
		if p.long == nil {
			return
		}
		both := plus(p.long, p.short)
		if both.Sign() == 0 {
			continue
		}
		if p.equity.Sign() <= 0 {
			return
		}
		in++
		sum = plus(sum, both)
		gross, net = plus(gross, over(both, p.equity)), plus(net, over(minus(p.long, p.short), p.equity))
	}
	n := frac(int64(len(points)))
	out["GrossExposure"], out["NetExposure"], out["TimeInMarket"] = over(gross, n), over(net, n), over(frac(int64(in)), n)
	bought, known := out["Bought"].(rat)
	sold, knownToo := out["Sold"].(rat)
	if known && knownToo && sum.Sign() > 0 && days > 0 {
		out["Turnover"] = float(over(smaller(bought, sold), over(sum, n))) / days * 365.25
	}
}

// ofReturns works out the figures of returns.
func (h *told) ofReturns(s span, points []toldPoint, days float64, out map[string]any) {
	index := []rat{frac(1)}
	for i := 1; i < len(points); i++ {
		begin, end := points[i-1].equity, points[i].equity
		if flow := minus(points[i].capital, points[i-1].capital); flow.Sign() < 0 {
			end = minus(end, flow)
		} else {
			begin = plus(begin, flow)
		}
		growth := frac(1)
		if begin.Sign() != 0 || end.Sign() != 0 {
			if begin.Sign() <= 0 || end.Sign() < 0 {
				return
			}
			growth = over(end, begin)
		}
		index = append(index, times(index[i-1], growth))
	}
	last := index[len(index)-1]
	out["TimeWeighted"] = minus(last, frac(1))
	if days >= 365 && last.Sign() > 0 {
		out["Annualized"] = math.Pow(float(last), 365.25/days) - 1
	}
	h.ofDrawdown(points, index, out)
	if a, worst := out["Annualized"], out["MaxDrawdown"].(rat); a != nil && worst.Sign() > 0 {
		out["Calmar"] = a.(float64) / float(worst)
	}
	period, perYear, ends := h.period(s, points)
	out["Period"], out["PeriodsPerYear"] = period, perYear
	var returns []rat
	for i := 1; i < len(ends); i++ {
		if before := index[ends[i-1]]; before.Sign() > 0 {
			returns = append(returns, minus(over(index[ends[i]], before), frac(1)))
		}
	}
	out["Returns"] = len(returns)
	if len(returns) > 0 {
		statistics(returns, math.Sqrt(perYear), out)
	}
}

// ofDrawdown works out the greatest fall.
func (h *told) ofDrawdown(points []toldPoint, index []rat, out map[string]any) {
	worst, top, bottom := new(big.Rat), 0, 0
	for i := range index {
		peak := 0
		for j := range index[:i+1] {
			if index[j].Cmp(index[peak]) >= 0 {
				peak = j
			}
		}
		if fall := minus(frac(1), over(index[i], index[peak])); fall.Cmp(worst) > 0 {
			worst, top, bottom = fall, peak, i
		}
	}
	out["MaxDrawdown"] = worst
	if worst.Sign() == 0 {
		return
	}
	day := func(i int) time.Time { return h.day(points[i]) }
	out["DrawdownPeak"], out["DrawdownTrough"] = day(top).Format(time.DateOnly), day(bottom).Format(time.DateOnly)
	end := len(index) - 1
	for i := bottom; i < len(index); i++ {
		if index[i].Cmp(index[top]) >= 0 {
			out["DrawdownRecovery"], end = day(i).Format(time.DateOnly), i
			break
		}
	}
	out["DrawdownDays"] = int(day(end).Sub(day(top)).Hours() / 24)
}

// day returns the date of a point in the profile's zone.
func (h *told) day(p toldPoint) time.Time {
	y, m, d := p.at.In(h.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// trading returns the trading day that a day belongs to.
func (h *told) trading(day time.Time) time.Time {
	for day.Weekday() == time.Saturday || day.Weekday() == time.Sunday || h.newYork && closedDays[day.Format(time.DateOnly)] {
		day = day.AddDate(0, 0, -1)
	}
	return day
}

// period names the shortest period of which every one has a point, and returns the last point of each.
func (h *told) period(s span, points []toldPoint) (name string, perYear float64, ends []int) {
	kinds := []struct {
		name    string
		perYear float64
		of      func(time.Time) string
	}{
		{"day", 252, func(d time.Time) string { return h.trading(d).Format(time.DateOnly) }},
		{"week", 52, func(d time.Time) string { y, w := d.ISOWeek(); return fmt.Sprint(y, w) }},
		{"month", 12, func(d time.Time) string { return d.Format("2006-01") }},
		{"quarter", 4, func(d time.Time) string { return fmt.Sprint(d.Year(), (d.Month()+2)/3) }},
		{"year", 1, func(d time.Time) string { return fmt.Sprint(d.Year()) }},
	}
	for _, k := range kinds {
		has := map[string]int{} // the last point of each
		for i, p := range points {
			has[k.of(h.day(p))] = i
		}
		whole := true
		for d := h.day(points[0]); !d.After(h.day(points[len(points)-1])); d = d.AddDate(0, 0, 1) {
			_, in := has[k.of(d)]
			whole = whole && in
		}
		if !whole && s.perYear == 0 {
			continue
		}
		for _, i := range has {
			ends = append(ends, i)
		}
		slices.Sort(ends)
		if s.perYear > 0 {
			return "given", s.perYear, ends
		}
		return k.name, k.perYear, ends
	}
	return "", 0, nil
}

// statistics works out the figures of returns; year is the root of their number a year.
func statistics(returns []rat, year float64, out map[string]any) {
	n := frac(int64(len(returns)))
	mean := over(total(returns...), n)
	down, squares := new(big.Rat), new(big.Rat)
	for _, r := range returns {
		if r.Sign() < 0 {
			down = plus(down, times(r, r))
		}
		squares = plus(squares, times(minus(r, mean), minus(r, mean)))
	}
	if down.Sign() > 0 {
		out["Sortino"] = float(mean) / root(over(down, n)) * year
	}
	if len(returns) > 1 {
		variance := over(squares, minus(n, frac(1)))
		out["Volatility"] = root(variance) * year
		if variance.Sign() > 0 {
			out["Sharpe"] = float(mean) / root(variance) * year
		}
	}
	sorted := slices.Clone(returns)
	slices.SortFunc(sorted, func(a, b rat) int { return a.Cmp(b) })
	for percent, name := range map[int]string{5: "95", 1: "99"} {
		k := int(math.Ceil(float64(len(returns)) * float64(percent) / 100))
		out["VaR"+name] = negative(sorted[k-1])
		out["Shortfall"+name] = negative(over(total(sorted[:k]...), frac(int64(k))))
	}
}
