package accounts

import (
	"errors"
	"log/slog"
	"sync"
	"time"
)

// attempt is an access to the credentials of a profile that its owner does not see.
type attempt struct {
	id     ProfileID
	by     OwnerID
	action AccessAction
}

// Bounds of what strangers can have written into other owners' journals.
const (
	strangersAtOnce = 1000        // attempts of different kinds that wait to be written
	strangersPause  = time.Minute // between two entries about attempts of one kind
)

// strangers counts attempts that are to be written to the journals of the profiles concerned. An
// owner who could make others' journals grow as fast as requests come would do them harm: so each
// kind of attempt is written once in a pause, with how many they were.
type strangers struct {
	wake chan struct{} // has a token when counts is not empty

	mu      sync.Mutex
	counts  map[attempt]int
	omitted int // attempts beyond strangersAtOnce
}

func newStrangers() *strangers {
	return &strangers{wake: make(chan struct{}, 1), counts: map[attempt]int{}}
}

// note counts so many attempts. It does not block.
func (s *strangers) note(a attempt, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts[a] == 0 && len(s.counts) >= strangersAtOnce {
		s.omitted += n
		return
	}
	s.counts[a] += n
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take returns what was counted since the last call.
func (s *strangers) take() (counts map[attempt]int, omitted int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts, omitted = s.counts, s.omitted
	s.counts, s.omitted = map[attempt]int{}, 0
	return counts, omitted
}

// writeStrangers writes strangers' attempts until the manager is closed. Those of the pause before
// Close may be lost.
func (m *MultiAccountManager) writeStrangers() {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-m.ctx.Done():
			return
		case <-pause.C:
		}
		select {
		case <-m.ctx.Done():
			return
		case <-m.strangers.wake:
		}
		counts, omitted := m.strangers.take()
		for a, n := range counts {
			m.writeStranger(a, n)
		}
		if omitted > 0 {
			m.tel.logAt(m.ctx, slog.LevelError, "attempts on others' credentials are too many to write",
				slog.Int(keyAttempt, omitted))
		}
		pause.Reset(strangersPause)
	}
}

// writeStranger writes n attempts of one kind. While the journal cannot be written to, they are
// counted again, to be written with the next.
func (m *MultiAccountManager) writeStranger(a attempt, n int) {
	profile, err := m.store.Profile(m.ctx, a.id)
	if err == nil {
		err = m.writeAccess(m.ctx, profile, CredentialAccess{Action: a.action, By: a.by, Login: profile.Login,
			Outcome: outcomeRefused, Attempts: n})
	}
	if err == nil || m.ctx.Err() != nil {
		return
	}
	m.tel.logAt(m.ctx, slog.LevelError, "attempts on others' credentials cannot be written",
		profileAttr(a.id), slog.Int(keyAttempt, n), errAttr(err))
	if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrProfileNotFound) {
		m.strangers.note(a, n)
	}
}
