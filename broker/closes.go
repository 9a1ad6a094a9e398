package broker

import (
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/aa"
	"github.com/rickar/cal/v2/us"

	"github.com/ai-ots/accounts/risk"
)

// tradingDays are the days on which the New York Stock Exchange is open (rule 7.2 of NYSE). A New
// Year's Day that falls on a Saturday is not observed on the Friday before it. It is never changed.
var tradingDays = func() *cal.BusinessCalendar {
	c := cal.NewBusinessCalendar()
	c.Cacheable = false // a cache would be written while others read
	newYear := &cal.Holiday{Name: "New Year's Day", Month: time.January, Day: 1, Func: cal.CalcDayOfMonth,
		Observed: []cal.AltDay{{Day: time.Sunday, Offset: 1}}}
	c.AddHoliday(newYear, us.MlkDay, us.PresidentsDay, aa.GoodFriday, us.MemorialDay, us.Juneteenth,
		us.IndependenceDay, us.LaborDay, us.ThanksgivingDay, us.ChristmasDay)
	return c
}()

// NewYorkClose returns the first 16:00 of New York after a time on a day on which its exchanges
// trade. On the few days on which they close at 13:00 it is 16:00 too.
func NewYorkClose(after time.Time) time.Time {
	zone, err := risk.NewYork()
	if err != nil { // a machine without time zones: standard time is an hour late in summer, never early
		zone = time.FixedZone("EST", -5*60*60)
	}
	day := after.In(zone)
	for n := 0; ; n++ {
		at := time.Date(day.Year(), day.Month(), day.Day()+n, 16, 0, 0, 0, zone)
		if at.After(after) && tradingDays.IsWorkday(at) {
			return at.UTC()
		}
	}
}
