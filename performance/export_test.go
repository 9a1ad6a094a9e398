package performance

import "time"

// Trades reports whether a day is a trading day in a time zone.
func Trades(zone *time.Location, day time.Time) bool { return calendarOf(zone).trades(day) }
