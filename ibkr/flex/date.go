package flex

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// dateOrder says how the slashed dates of a statement are to be read.
type dateOrder int8

const (
	dayFirst dateOrder = iota
	monthFirst
)

// Years beyond these are slips, and would not survive a change of zone or encoding.
const firstYear, lastYear = 1970, 2200

var errNoDate = errors.New("is not a date in any format of a flex query")

// stamp is a date with or without a time of day.
type stamp struct {
	date  ledger.Date
	time  time.Time // UTC; midnight of the day if there is no clock
	clock bool
}

// parseStamp reads a date, optionally followed by a separator and a time, optionally followed by a
// zone: 20250107, 20250107;132917, 2013-03-05, 19:45:00, 30/01/2018, 30-Jan-18 13:29 EST.
func parseStamp(s string, order dateOrder, loc *time.Location) (stamp, error) {
	date, rest, err := parseDay(s, order)
	if err != nil {
		return stamp{}, err
	}
	rest = strings.TrimLeft(rest, " ;,T")
	if rest == "" {
		return stamp{date: date, time: date.Time(loc).UTC()}, nil
	}
	return atClock(date, rest, loc)
}

// parseDay reads the date that s begins with and returns what follows it.
func parseDay(s string, order dateOrder) (ledger.Date, string, error) {
	var y, m, d, n int
	switch {
	case digitRun(s) >= 8: // 20250107, and 20250107132917 without a separator
		n = 8
		y, m, d = number(s[:4]), number(s[4:6]), number(s[6:8])
	case len(s) >= 10 && digitRun(s) == 4 && s[4] == '-' && s[7] == '-' && digitRun(s[5:]) == 2 && digitRun(s[8:]) >= 2:
		n = 10
		y, m, d = number(s[:4]), number(s[5:7]), number(s[8:10])
	default:
		if a, b, year, length, ok := parseSlashed(s); ok {
			n, y, m, d = length, year, b, a
			if order == monthFirst {
				m, d = a, b
			}
		} else if y, m, d, n, ok = parseNamed(s); !ok {
			return 0, "", errNoDate
		}
	}
	date := ledger.NewDate(y, time.Month(m), d)
	if !date.Valid() || y < firstYear || y > lastYear {
		return 0, "", errors.New("there is no such day")
	}
	return date, s[n:], nil
}

// parseSlashed reads 30/01/2018 or 1/30/18: the first two numbers, the year and the length.
func parseSlashed(s string) (a, b, year, length int, ok bool) {
	i := digitRun(s)
	if i < 1 || i > 2 || i >= len(s) || s[i] != '/' {
		return 0, 0, 0, 0, false
	}
	j := digitRun(s[i+1:])
	k := i + 1 + j
	if j < 1 || j > 2 || k >= len(s) || s[k] != '/' {
		return 0, 0, 0, 0, false
	}
	year, l, ok := parseYear(s[k+1:])
	return number(s[:i]), number(s[i+1 : k]), year, k + 1 + l, ok
}

// parseNamed reads 30-Jan-18 or 30-JAN-2018.
func parseNamed(s string) (y, m, d, length int, ok bool) {
	i := digitRun(s)
	if i < 1 || i > 2 || len(s) < i+7 || s[i] != '-' || s[i+4] != '-' {
		return 0, 0, 0, 0, false
	}
	const names = "janfebmaraprmayjunjulaugsepoctnovdec"
	at := strings.Index(names, strings.ToLower(s[i+1:i+4]))
	if at < 0 || at%3 != 0 {
		return 0, 0, 0, 0, false
	}
	y, l, ok := parseYear(s[i+5:])
	return y, at/3 + 1, number(s[:i]), i + 5 + l, ok
}

// parseYear reads a year of four digits, or of two, which are of this century.
func parseYear(s string) (year, length int, ok bool) {
	switch digitRun(s) {
	case 4:
		return number(s[:4]), 4, true
	case 2:
		return 2000 + number(s[:2]), 2, true
	}
	return 0, 0, false
}

// atClock adds a time of day, with an optional zone, to a date.
func atClock(date ledger.Date, s string, loc *time.Location) (stamp, error) {
	var h, m, sec, n int
	switch {
	case digitRun(s) == 6:
		n = 6
		h, m, sec = number(s[:2]), number(s[2:4]), number(s[4:6])
	case len(s) >= 5 && digitRun(s) == 2 && s[2] == ':' && digitRun(s[3:]) == 2:
		n = 5
		h, m = number(s[:2]), number(s[3:5])
		if len(s) >= 8 && s[5] == ':' && digitRun(s[6:]) == 2 {
			n, sec = 8, number(s[6:8])
		}
	default:
		return stamp{}, fmt.Errorf("time of day %.30q is neither HHmmss nor HH:mm:ss", s)
	}
	if h > 23 || m > 59 || sec > 59 {
		return stamp{}, fmt.Errorf("there is no such time of day as %.30q", s)
	}
	if zone := strings.TrimSpace(s[n:]); zone != "" {
		var err error
		if loc, err = parseZone(zone); err != nil {
			return stamp{}, err
		}
	}
	t := time.Date(int(date/10000), time.Month(date/100%100), int(date%100), h, m, sec, 0, loc)
	return stamp{date: date, time: t.UTC(), clock: true}, nil
}

// parseZone reads a zone's abbreviation, Z, or an offset such as -0500 or +02:00.
func parseZone(s string) (*time.Location, error) {
	if s[0] == '+' || s[0] == '-' {
		hhmm := strings.Replace(s[1:], ":", "", 1)
		if len(hhmm) == 4 && digitRun(hhmm) == 4 && number(hhmm[:2]) <= 14 && number(hhmm[2:]) <= 59 {
			minutes := number(hhmm[:2])*60 + number(hhmm[2:])
			if s[0] == '-' {
				minutes = -minutes
			}
			return time.FixedZone(s, minutes*60), nil
		}
	} else if minutes, ok := zoneMinutes(s); ok {
		return time.FixedZone(s, minutes*60), nil
	}
	return nil, fmt.Errorf("time zone %.30q is unknown", s)
}

// zoneMinutes returns what a zone is ahead of UTC. Abbreviations are ambiguous in the world at
// large; these are the meanings of the places where IBKR's exchanges and customers are.
func zoneMinutes(abbreviation string) (int, bool) {
	switch abbreviation {
	case "UTC", "GMT", "WET", "Z":
		return 0, true
	case "EST", "CDT":
		return -5 * 60, true
	case "EDT":
		return -4 * 60, true
	case "CST", "MDT":
		return -6 * 60, true
	case "MST", "PDT":
		return -7 * 60, true
	case "PST", "AKDT":
		return -8 * 60, true
	case "AKST":
		return -9 * 60, true
	case "HST":
		return -10 * 60, true
	case "BST", "CET", "MET", "WEST":
		return 60, true
	case "CEST", "MEST", "EET", "SAST":
		return 2 * 60, true
	case "EEST", "MSK":
		return 3 * 60, true
	case "GST":
		return 4 * 60, true
	case "IST":
		return 5*60 + 30, true
	case "HKT", "SGT", "AWST":
		return 8 * 60, true
	case "JST", "KST":
		return 9 * 60, true
	case "ACST":
		return 9*60 + 30, true
	case "AEST":
		return 10 * 60, true
	case "ACDT":
		return 10*60 + 30, true
	case "AEDT":
		return 11 * 60, true
	case "NZST":
		return 12 * 60, true
	case "NZDT":
		return 13 * 60, true
	}
	return 0, false
}

// evidence gathers what a statement's slashed dates say about their order.
type evidence struct {
	dayFirst, monthFirst bool        // some date can only be read so
	inside               [2]int      // events that fall into the period, by order
	outside              [2]bool     // by order: the period itself makes no sense
	from, to             [2]stampDay // the period, by order
	unclear              string      // a date that can be read in both orders, and is another day in each
}

type stampDay struct {
	date ledger.Date
	ok   bool
}

// period notes the statement's own period, which may be slashed itself.
func (e *evidence) period(from, to string) {
	e.see(from, false)
	e.see(to, false)
	for order := range e.from {
		f, _, ferr := parseDay(from, dateOrder(order))
		t, _, terr := parseDay(to, dateOrder(order))
		e.from[order], e.to[order] = stampDay{f, ferr == nil}, stampDay{t, terr == nil}
		e.outside[order] = ferr == nil && terr == nil && f > t
	}
}

// see notes one date; an event is one that belongs into the period.
func (e *evidence) see(s string, event bool) {
	a, b, _, _, ok := parseSlashed(s)
	if !ok {
		return
	}
	e.dayFirst = e.dayFirst || a > 12
	e.monthFirst = e.monthFirst || b > 12
	if e.unclear == "" && a != b && a <= 12 && b <= 12 {
		e.unclear = strings.Clone(s)
	}
	if !event {
		return
	}
	for order := range e.inside {
		d, _, err := parseDay(s, dateOrder(order))
		if err == nil && e.from[order].ok && e.to[order].ok && e.from[order].date <= d && d <= e.to[order].date {
			e.inside[order]++
		}
	}
}

// order decides: by a date that can only be read one way, else by a period that begins before it
// ends, else by the events that fall into it, else day first. Then guessed says so, if a date is
// another day month first.
func (e *evidence) order() (_ dateOrder, guessed bool, _ error) {
	switch {
	case e.dayFirst && e.monthFirst:
		return 0, false, errors.New("slashed dates contradict each other: some can only be day first, others only month first")
	case e.dayFirst, e.monthFirst:
		return orderIf(e.monthFirst), false, nil
	case e.outside[dayFirst] != e.outside[monthFirst]:
		return orderIf(e.outside[dayFirst]), false, nil
	case e.inside[dayFirst] == e.inside[monthFirst]:
		return dayFirst, e.unclear != "", nil
	}
	return orderIf(e.inside[monthFirst] > e.inside[dayFirst]), false, nil
}

func orderIf(month bool) dateOrder {
	if month {
		return monthFirst
	}
	return dayFirst
}

// digitRun returns how many digits s begins with.
func digitRun(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// number returns the value of a few digits.
func number(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}
