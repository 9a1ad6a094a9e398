package risk

import (
	"fmt"
	"sync"
	"time"
)

// Location loads the time zone of the trading day. It returns an error if the zone cannot be
// loaded, and never takes another zone in its place. "Local" is an error: it differs from machine
// to machine.
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

// NewYork returns the zone America/New_York. It loads the zone once. It is safe for concurrent use.
func NewYork() (*time.Location, error) { return newYork() }

var newYork = sync.OnceValues(func() (*time.Location, error) { return loadZone(defaultTimeZone) })

// loadZone loads a zone from the machine's time zone files, or from the program if it imports
// time/tzdata.
func loadZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%.60q cannot be loaded: it is unknown, or the machine has no time zones "+
			"and the program should import time/tzdata", name)
	}
	return zone, nil
}
