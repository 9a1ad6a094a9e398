package accounts

import "time"

// WithStopwatch replaces the clock that the durations of calls and commands are read from.
func WithStopwatch(now func() time.Time) ManagerOption {
	return func(m *MultiAccountManager) { m.tel.now = now }
}
