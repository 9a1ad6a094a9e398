package exposure

import "github.com/ai-ots/accounts/ledger"

// maxStale is how many contracts are updated one by one; beyond it all are.
const maxStale = 1024

// Stale is what changed since an exposure was last brought up to date. The zero value is nothing.
type Stale struct {
	keys      []ledger.InstrumentKey
	all, cash bool // everything changed, the cash did
}

// Touch notes that something about a contract changed.
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

// take moves what another one noted to this one.
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

func (s *Stale) clear() { s.all, s.cash, s.keys = false, false, s.keys[:0] }
