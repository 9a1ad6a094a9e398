package performance

import "time"

// Trades reports whether a day is a trading day in a time zone.
func Trades(zone *time.Location, day time.Time) bool { return calendarOf(zone).trades(day) }

// Plain returns the history without the figures that it keeps of blocks: they are worked out from each element.
func (h History) Plain() History {
	h.turns.blocks, h.fees.blocks, h.closings.blocks, h.trips.blocks = nil, nil, nil, nil
	return h
}
