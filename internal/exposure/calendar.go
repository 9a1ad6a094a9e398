package exposure

import (
	"github.com/rickar/cal/v2"
	"time"

	"github.com/rickar/cal/v2/aa"
	"github.com/rickar/cal/v2/us"

	"github.com/ai-ots/accounts/ledger"
)

// businessDays are the days on which trades settle in the United States: not at weekends, nor on a
// holiday of the banks or the exchanges. It is never changed after it was made.
var businessDays = func() *cal.BusinessCalendar {
	c := cal.NewBusinessCalendar()
	c.Cacheable = false // it would write while others read
	c.AddHoliday(us.Holidays...)
	c.AddHoliday(aa.GoodFriday)
	return c
}()

// settlesOn is the day on which the trades of a day settle: the next business day, T+1. Before
// 2024-05-28 that was two days (SEC release 34-96930), which no buying power of today depends on.
func settlesOn(d ledger.Date) ledger.Date {
	day := d.Time(time.UTC).AddDate(0, 0, 1)
	for !businessDays.IsWorkday(day) {
		day = day.AddDate(0, 0, 1)
	}
	return ledger.DateOf(day)
}

// businessDaysBefore is the first of n business days of which the last is d.
func businessDaysBefore(d ledger.Date, n int) ledger.Date {
	day := d.Time(time.UTC)
	for i := 1; i < n; {
		if day = day.AddDate(0, 0, -1); businessDays.IsWorkday(day) {
			i++
		}
	}
	return ledger.DateOf(day)
}
