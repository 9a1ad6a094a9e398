package performance

import (
	"slices"
	"time"
)

// Trades reports whether a day is a trading day in a time zone.
func Trades(zone *time.Location, day time.Time) bool { return calendarOf(zone).trades(day) }

// Plain returns the history without what it keeps worked out of blocks and of points.
func (h History) Plain() History {
	h.points = slices.Clone(h.points)
	h.measure(0, len(h.points))
	h.turns.blocks, h.fees.blocks, h.closings.blocks, h.trips.blocks = nil, nil, nil, nil
	return h
}
