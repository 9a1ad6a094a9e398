package risk

import (
	"fmt"
	"sync"
	"time"
)

// Location loads the zone of the trading day. No other takes the place of one that cannot be loaded.
func (l *Limits) Location() (*time.Location, error) {
	switch name := l.TimeZone; name {
	case "", defaultTimeZone:
		return NewYork()
	case "Local":
		return nil, fmt.Errorf("%q differs from machine to machine", name)
	default:
		return loadZone(name)
	}
}

// NewYork loads the default zone, once.
func NewYork() (*time.Location, error) { return newYork() }

var newYork = sync.OnceValues(func() (*time.Location, error) { return loadZone(defaultTimeZone) })

// loadZone finds zones on the machine and, where the program imports time/tzdata, in the program.
func loadZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%.60q cannot be loaded: it is unknown, or the machine has no time zones "+
			"and the program should import time/tzdata", name)
	}
	return zone, nil
}
