package exposure

import (
	"maps"

	"github.com/ai-ots/accounts/ledger"
)

// openings hold the days, of the last maxDays, on which contracts were last bought or sold to open.
// A contract whose position was closed on that day keeps its place with day zero, which stands for
// none: steady trading takes one lookup.
type openings map[ledger.InstrumentKey]*ledger.Date

// of returns the contract's day, for the caller to change.
func (o openings) of(key ledger.InstrumentKey) *ledger.Date {
	d := o[key]
	if d == nil {
		d = new(ledger.Date)
		o[key] = d
	}
	return d
}

// days returns the days of the contracts that have one.
func (o openings) days() map[ledger.InstrumentKey]ledger.Date {
	days := make(map[ledger.InstrumentKey]ledger.Date, len(o))
	for key, d := range o {
		if *d != 0 {
			days[key] = *d
		}
	}
	return days
}

// openingsOf returns the openings of days that days returned.
func openingsOf(days map[ledger.InstrumentKey]ledger.Date) openings {
	o := make(openings, len(days))
	for key, d := range days {
		*o.of(key) = d
	}
	return o
}

// forget lets go of what lies before the horizon.
func (o openings) forget(horizon ledger.Date) {
	maps.DeleteFunc(o, func(_ ledger.InstrumentKey, d *ledger.Date) bool { return *d < horizon })
}
