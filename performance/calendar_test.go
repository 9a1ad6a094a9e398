package performance_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/performance"
)

// newYorkClosed are the holidays of the New York Stock Exchange as it published them, year by year,
// and the day of mourning of 2025.
const newYorkClosed = `
2019: 01-01 01-21 02-18 04-19 05-27 07-04 09-02 11-28 12-25
2020: 01-01 01-20 02-17 04-10 05-25 07-03 09-07 11-26 12-25
2021: 01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24
2022: 01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26
2023: 01-02 01-16 02-20 04-07 05-29 06-19 07-04 09-04 11-23 12-25
2024: 01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25
2025: 01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25
2026: 01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25`

var closedDays = func() map[string]bool {
	out := map[string]bool{}
	for line := range strings.Lines(strings.TrimSpace(newYorkClosed)) {
		year, days, _ := strings.Cut(line, ":")
		for _, day := range strings.Fields(days) {
			out[year+"-"+day] = true
		}
	}
	return out
}()

// tradesInNewYork reports whether the exchange traded on a day, by its published holidays.
func tradesInNewYork(day time.Time) bool {
	w := day.Weekday()
	return w != time.Saturday && w != time.Sunday && !closedDays[day.Format(time.DateOnly)]
}

func TestTheCalendarIsThePublishedOne(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	days := 0
	for day := time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2027; day = day.AddDate(0, 0, 1) {
		require.Equal(t, tradesInNewYork(day), performance.Trades(newYork, day), "New York on %s", day.Format(time.DateOnly))
		weekday := day.Weekday() != time.Saturday && day.Weekday() != time.Sunday
		require.Equal(t, weekday, performance.Trades(berlin, day), "elsewhere every weekday is a trading day: %s", day.Format(time.DateOnly))
		if tradesInNewYork(day) && day.Year() == 2024 {
			days++
		}
	}
	require.Equal(t, 252, days, "trading days of 2024")
	for _, c := range []struct {
		day    string
		trades bool
	}{{"2000-01-17", false}, {"2001-09-12", false}, {"2004-12-31", true}, {"2010-12-31", true}, {"2012-10-29", false},
		{"2016-03-25", false}, {"2021-06-18", true}, {"2021-12-31", true}, {"2008-03-21", false}} {
		day, err := time.Parse(time.DateOnly, c.day)
		require.NoError(t, err)
		require.Equal(t, c.trades, performance.Trades(newYork, day), c.day)
	}
}
