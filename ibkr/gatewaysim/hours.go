package gatewaysim

import "time"

// The times of day in New York at which something happens.
const (
	preMarket       = 4 * time.Hour
	opening         = 9*time.Hour + 30*time.Minute
	closing         = 16 * time.Hour
	postMarket      = 20 * time.Hour
	midnight        = 0 * time.Hour
	maintenance     = 1 * time.Hour // from here on /iserver is down
	maintenanceEnds = maintenance + 5*time.Minute
	weekly          = 20 * time.Hour // on Saturdays everything is down from here on
	weeklyEnds      = weekly + 30*time.Minute
)

// clockOf returns the time of day in New York, and the day.
func (m *Market) clockOf(t time.Time) (time.Duration, time.Weekday) {
	t = t.In(m.zone)
	hour, minute, second := t.Clock()
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second, t.Weekday()
}

// open reports whether contracts trade: in regular hours, or outside them too.
func (m *Market) open(outside bool) bool {
	if m.config.AlwaysOpen {
		return true
	}
	at, day := m.clockOf(m.now)
	if day == time.Saturday || day == time.Sunday {
		return false
	}
	from, to := opening, closing
	if outside {
		from, to = preMarket, postMarket
	}
	return at >= from && at < to
}

// Open reports whether the market is in its regular hours.
func (m *Market) Open() bool {
	m.lock()
	defer m.mu.Unlock()
	return m.open(false)
}

// inMaintenance reports whether /iserver is down, as it is every night.
func (m *Market) inMaintenance() bool {
	at, _ := m.clockOf(m.now)
	return !m.config.AlwaysOpen && (at >= maintenance && at < maintenanceEnds || m.down())
}

// down reports whether everything is down, as it is on Saturday evenings.
func (m *Market) down() bool {
	at, day := m.clockOf(m.now)
	return !m.config.AlwaysOpen && day == time.Saturday && at >= weekly && at < weeklyEnds
}

// nextAt returns the next time after now at which New York's clocks show a time of day.
func (m *Market) nextAt(of time.Duration) time.Time {
	day := m.now.In(m.zone)
	for n := range 3 {
		at := time.Date(day.Year(), day.Month(), day.Day()+n, 0, int(of/time.Minute), 0, 0, m.zone)
		if at.After(m.now) {
			return at.UTC()
		}
	}
	panic("gatewaysim: a day longer than two") // cannot be: a day ends within 25 hours
}

// everyDay does something at a time of day.
func (m *Market) everyDay(of time.Duration, do func()) {
	m.at(m.nextAt(of), func() {
		do()
		m.everyDay(of, do)
	})
}

// startDay fills what waited for the opening.
func (m *Market) startDay() {
	for conid := range m.quotes {
		m.match(conid)
	}
}

// EndDay ends orders for the day, as the close does.
func (m *Market) EndDay() {
	m.lock()
	defer m.mu.Unlock()
	m.endDay()
}

// endDay ends orders for the day. Those that may fill outside regular hours end with the rest.
func (m *Market) endDay() {
	for _, o := range m.allWorking() {
		if o.tif == "DAY" {
			o.end(Cancelled, "expired at the close")
		}
	}
}

// newDay is midnight: sessions end, sales settle, closed positions leave the list.
func (m *Market) newDay() {
	for _, g := range m.gateways {
		g.newDay()
	}
}

// endWeekly ends sessions on Saturday evenings.
func (m *Market) endWeekly() {
	if _, day := m.clockOf(m.now); day == time.Saturday {
		m.endMaintenance()
	}
}

// endMaintenance ends sessions that were opened before the maintenance.
func (m *Market) endMaintenance() {
	for _, g := range m.gateways {
		g.loseBridge("maintenance")
	}
}
