package performance

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// calendar says on which days an exchange trades. Days are midnights in UTC.
//
// The calendar of profiles in the time zones of New York and Chicago is that of the New York Stock
// Exchange since 2000: its holidays by NYSE Rule 7.2, and the days on which it stayed closed. Of
// exchanges elsewhere the library knows no holidays: their trading days are Monday to Friday.
type calendar struct {
	american bool
}

// calendarOf returns the calendar of the exchanges in a time zone.
func calendarOf(zone *time.Location) calendar {
	switch zone.String() {
	case "America/New_York", "America/Chicago", "US/Eastern", "US/Central", "EST5EDT", "CST6CDT":
		return calendar{american: true}
	}
	return calendar{}
}

// trades reports whether a day is a trading day.
func (c calendar) trades(day time.Time) bool {
	if w := day.Weekday(); w == time.Saturday || w == time.Sunday {
		return false
	}
	return !c.american || !closedInNewYork(day)
}

// last returns the trading day that a day belongs to: the day itself or, for a weekend or a
// holiday, the trading day before it.
func (c calendar) last(day time.Time) time.Time {
	for !c.trades(day) {
		day = day.AddDate(0, 0, -1)
	}
	return day
}

// next returns the trading day after a day.
func (c calendar) next(day time.Time) time.Time {
	for day = day.AddDate(0, 0, 1); !c.trades(day); {
		day = day.AddDate(0, 0, 1)
	}
	return day
}

// around returns the trading day that a day belongs to, and the one after it.
func (c calendar) around(date ledger.Date) (day, next ledger.Date) {
	last := c.last(date.Time(time.UTC))
	return ledger.DateOf(last), ledger.DateOf(c.next(last))
}

// closedInNewYork reports whether the New York Stock Exchange is closed on a weekday.
func closedInNewYork(day time.Time) bool {
	year, month, d := day.Date()
	switch weekday, nth := day.Weekday(), (d+6)/7; {
	case observed(day, time.January, 1) && d != 31, // not on a Friday, the last day of a year
		weekday == time.Monday && month == time.January && nth == 3,  // Martin Luther King
		weekday == time.Monday && month == time.February && nth == 3, // Washington
		weekday == time.Friday && day.AddDate(0, 0, 2).Equal(easter(year)),
		weekday == time.Monday && month == time.May && d > 24,          // Memorial Day
		year >= 2022 && observed(day, time.June, 19),                   // Juneteenth
		observed(day, time.July, 4),                                    // Independence Day
		weekday == time.Monday && month == time.September && nth == 1,  // Labor Day
		weekday == time.Thursday && month == time.November && nth == 4, // Thanksgiving
		observed(day, time.December, 25):
		return true
	}
	return slices.Contains(closings, ledger.DateOf(day))
}

// observed reports whether a holiday of a fixed date is kept on a weekday: a Saturday's on the
// Friday before, a Sunday's on the Monday after.
func observed(day time.Time, month time.Month, d int) bool {
	is := func(t time.Time) bool {
		_, m, n := t.Date()
		return m == month && n == d
	}
	return is(day) || day.Weekday() == time.Friday && is(day.AddDate(0, 0, 1)) ||
		day.Weekday() == time.Monday && is(day.AddDate(0, 0, -1))
}

// closings are the weekdays since 2000 on which the New York Stock Exchange stayed closed for the
// day without a holiday: attacks, a hurricane, and days of mourning for presidents.
var closings = []ledger.Date{20010911, 20010912, 20010913, 20010914, 20040611,
	20070102, 20121029, 20121030, 20181205, 20250109}

// easter returns Easter Sunday (the anonymous Gregorian algorithm; Meeus, "Astronomical
// Algorithms", chapter 8).
func easter(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	g := (8*b + 13) / 25
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 19*l) / 433
	n := h + l - 7*m
	month := (n + 90) / 25
	return time.Date(year, time.Month(month), (n+33*month+19)%32, 0, 0, 0, 0, time.UTC)
}
