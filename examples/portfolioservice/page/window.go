package page

import (
	"time"

	"github.com/ai-ots/accounts/performance"
)

// stretch is a span of time that a chart or a table is of.
type stretch struct {
	Word  string // in the address and on the chip
	Words string // in a sentence
	from  func(now time.Time) time.Time
}

// before returns a stretch of years, months and days back.
func before(word, words string, years, months, days int) stretch {
	return stretch{word, words, func(now time.Time) time.Time { return now.AddDate(-years, -months, -days) }}
}

// newYear is when the year of a time began.
func newYear(now time.Time) time.Time {
	return time.Date(now.Year(), 1, 1, 0, 0, 0, 0, now.Location())
}

var (
	theYear    = stretch{"YTD", "this year", newYear}
	everything = stretch{"All", "all time", func(time.Time) time.Time { return time.Time{} }}

	// equityStretches are those of one account's equity, performanceStretches those of performance.
	equityStretches = []stretch{before("1D", "a day", 0, 0, 1), before("1W", "a week", 0, 0, 7), before("1M", "a month", 0, 1, 0),
		before("6M", "six months", 0, 6, 0), theYear, everything}
	performanceStretches = []stretch{before("1M", "a month", 0, 1, 0), before("3M", "three months", 0, 3, 0), before("6M", "six months", 0, 6, 0),
		theYear, before("1Y", "a year", 1, 0, 0), everything}
)

// usual is the stretch where the address names none.
const usual = "6M"

// stretch returns the stretch that the address names, as a window, and the chips that choose
// another. A name that is none stands for the usual one.
func (c *call) stretch(all []stretch, path string) (stretch, performance.Window, []chip) {
	named := c.r.URL.Query().Get("range")
	var chosen stretch
	for _, s := range all {
		if s.Word == named || s.Word == usual && chosen.Word == "" {
			chosen = s
		}
	}
	var chips []chip
	for _, s := range all {
		chips = append(chips, chip{Path: path + "?range=" + s.Word, Word: s.Word, Current: s.Word == chosen.Word})
	}
	return chosen, performance.Window{From: chosen.from(c.now)}, chips
}
