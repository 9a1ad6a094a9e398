package exposure

import (
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/aa"
	"github.com/rickar/cal/v2/us"

	"github.com/ai-ots/accounts/ledger"
)

// businessDays are the days on which trades settle in the United States: all days but weekends and
// the holidays of banks and exchanges. It is safe for concurrent use because it is never changed.
var businessDays = func() *cal.BusinessCalendar {
	c := cal.NewBusinessCalendar()
	c.Cacheable = false // a cache would be written while others read
	c.AddHoliday(us.Holidays...)
	c.AddHoliday(aa.GoodFriday)
	return c
}()

// settlesOn returns the day on which the trades of a day settle: the next business day (T+1).
// Before 2024-05-28 settlement took two days (SEC release 34-96930); no buying power of today
// depends on it.
func settlesOn(d ledger.Date) ledger.Date {
	day := d.Time(time.UTC).AddDate(0, 0, 1)
	for !businessDays.IsWorkday(day) {
		day = day.AddDate(0, 0, 1)
	}
	return ledger.DateOf(day)
}

// businessDaysBefore returns the first of n consecutive business days that end with d.
func businessDaysBefore(d ledger.Date, n int) ledger.Date {
	day := d.Time(time.UTC)
	for i := 1; i < n; {
		if day = day.AddDate(0, 0, -1); businessDays.IsWorkday(day) {
			i++
		}
	}
	return ledger.DateOf(day)
}
