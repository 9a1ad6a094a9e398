package performance

import (
	"math"
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Period is what one return is of. Without [Window.PeriodsPerYear] it is found from the equity
// points: the shortest of day, week, month, quarter and year of which none lacks a point, from the
// one with the first point to the one with the last. If even a year lacks one, there is no period,
// and nothing that needs one is defined.
//
// A return is from a period's last point to that of the next one, so that the last return may be of
// a part of a period. Days are trading days: what happens on a weekend or a holiday belongs to the
// trading day before it.
type Period string

// The periods, with the number of them a year (empyrical's annualization factors).
const (
	PeriodDay     Period = "day"     // 252 a year
	PeriodWeek    Period = "week"    // 52 a year; from Monday
	PeriodMonth   Period = "month"   // 12 a year
	PeriodQuarter Period = "quarter" // 4 a year
	PeriodYear    Period = "year"    // 1 a year
	PeriodGiven   Period = "given"   // by Window.PeriodsPerYear
)

// periods are the periods to be tried, the shortest first.
var periods = []struct {
	name  Period
	years float64 // how many a year
}{{PeriodDay, 252}, {PeriodWeek, 52}, {PeriodMonth, 12}, {PeriodQuarter, 4}, {PeriodYear, 1}}

// of returns the first day of the period that a point is in, and that of the period behind.
func (p Period) of(v *point) (begin, next ledger.Date) {
	if p == PeriodDay {
		return v.day, v.next
	}
	first := p.begin(v.date.Time(time.UTC))
	return ledger.DateOf(first), ledger.DateOf(p.next(first))
}

// begin returns the first day of the period, of a week or longer, that a day is in.
func (p Period) begin(day time.Time) time.Time {
	year, month, d := day.Date()
	switch p {
	case PeriodWeek:
		return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
	case PeriodMonth:
		return day.AddDate(0, 0, 1-d)
	case PeriodQuarter:
		return time.Date(year, month-(month-1)%3, 1, 0, 0, 0, 0, time.UTC)
	default: // PeriodYear
		return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	}
}

// next returns the first day of the period behind the one that begins with a day.
func (p Period) next(day time.Time) time.Time {
	switch p {
	case PeriodWeek:
		return day.AddDate(0, 0, 7)
	case PeriodMonth:
		return day.AddDate(0, 1, 0)
	case PeriodQuarter:
		return day.AddDate(0, 3, 0)
	default: // PeriodYear
		return day.AddDate(1, 0, 0)
	}
}

// ends returns the index of the last point of each period that has a point. whole is false if one
// between the first and the last has none.
func (p Period) ends(points []point) (ends []int, whole bool) {
	whole = true
	var at, following ledger.Date
	for i := range points {
		begin, next := p.of(&points[i])
		switch {
		case i == 0:
			ends = append(ends, i)
		case begin == at:
			ends[len(ends)-1] = i
		default:
			whole = whole && begin == following
			ends = append(ends, i)
		}
		at, following = begin, next
	}
	return ends, whole
}

// period finds the period of the points, how many of them a year has, and the last point of each;
// an empty period if there is none.
func (w Window) period(points []point) (name Period, years float64, ends []int) {
	if w.PeriodsPerYear > 0 {
		ends, _ = PeriodDay.ends(points)
		return PeriodGiven, w.PeriodsPerYear, ends
	}
	for _, p := range periods {
		if ends, whole := p.name.ends(points); whole {
			return p.name, p.years, ends
		}
	}
	return "", 0, nil
}

// epsilon is the distance of 1 from the next float64.
const epsilon = 0x1p-52

// returnsOf returns the return of each period, and the largest error that one may have from
// rounding. A return that rounding could explain is 0. steps has the step up to each point, from
// the point before it. After a total loss there are no returns.
func returnsOf(steps []step, ends []int) (returns []float64, noise float64) {
	lost := len(ends) > 0 && slices.ContainsFunc(steps[:ends[0]+1], step.lost)
	for i := 1; i < len(ends) && !lost; i++ {
		log, moved := 0.0, 0.0
		for _, s := range steps[ends[i-1]+1 : ends[i]+1] {
			log, moved, lost = log+s.log, moved+math.Abs(s.log), lost || s.lost()
		}
		r, doubt := math.Expm1(log), 0.0
		if !lost {
			doubt = 4 * epsilon * moved * (1 + r)
		}
		if math.Abs(r) <= doubt {
			r = 0
		}
		returns, noise = append(returns, r), max(noise, doubt)
	}
	return returns, noise
}

// lost reports whether nothing was left.
func (s step) lost() bool { return s.growth == 0 }
