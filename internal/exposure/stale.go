package exposure

import "github.com/ai-ots/accounts/ledger"

// maxStale is the number of contracts that are updated one by one. Beyond it all are.
const maxStale = 1024

// Stale notes the changes of marks and of the book since an exposure was last brought up to date.
// The zero value notes none.
type Stale struct {
	keys []ledger.InstrumentKey
	// all is true if anything may have changed, cash if a cash balance did.
	all, cash bool
}

// Touch notes that a contract or its mark changed.
func (s *Stale) Touch(key ledger.InstrumentKey) {
	switch {
	case s.all:
	case len(s.keys) == maxStale:
		s.TouchAll()
	case len(s.keys) == 0 || s.keys[len(s.keys)-1] != key:
		s.keys = append(s.keys, key)
	}
}

// touchCash notes that a cash balance changed.
func (s *Stale) touchCash() { s.cash = true }

// TouchAll notes that anything may have changed.
func (s *Stale) TouchAll() { s.all, s.cash, s.keys = true, true, s.keys[:0] }

// take moves the notes of from to s.
func (s *Stale) take(from *Stale) {
	if from.all {
		s.TouchAll()
	}
	for _, key := range from.keys {
		s.Touch(key)
	}
	s.cash = s.cash || from.cash
	from.clear()
}

// none reports whether nothing changed.
func (s *Stale) none() bool { return !s.all && !s.cash && len(s.keys) == 0 }

// clear drops all notes.
func (s *Stale) clear() { s.all, s.cash, s.keys = false, false, s.keys[:0] }
