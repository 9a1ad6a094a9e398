package accounts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
)

// portfolioSlot is the one place of a profile's portfolio in a manager. The manager owns its
// goroutines: one that opens the portfolio, and later at most one that catches up.
type portfolioSlot struct {
	id    ProfileID
	owner OwnerID       // never changes
	ready chan struct{} // closed when opening has ended
	err   error         // why opening failed; set before ready is closed

	// What follows is guarded by the manager's mu.
	p *Portfolio // nil until it is open
	// told is how far events are, done how far the portfolio has followed them.
	told, done progress
	held       []news // to be passed on once the portfolio knows; one of each kind at most
	catchingUp bool
}

// progress says how far news of a profile has come.
type progress struct {
	seq     int64 // the journal's
	changes int64 // counts news that do not say where the journal ends
}

// news is an event, and the progress that a portfolio needs to know what it tells.
type news struct {
	event Event
	at    progress
}

// Portfolio returns the profile's portfolio: the same one on every call. The first call opens it,
// which reads the journal from its last checkpoint on. Other callers wait for that; each may give
// up when its context ends, and the opening goes on for the others. A failure is not remembered:
// the next call tries again. An empty id means the active profile. Profiles in any status can be
// opened by id. The portfolio ends with the manager.
//
// Errors:
//   - ErrProfileNotFound for a profile that ctx does not see;
//   - a *CorruptError (ErrCorrupt) for a journal that cannot be trusted;
//   - for an empty id, those of ActiveProfile.
func (m *MultiAccountManager) Portfolio(ctx context.Context, id ProfileID) (*Portfolio, error) {
	s, err := m.enter(ctx)
	if err == nil && id == "" {
		var p AccountProfile
		p, err = m.active(ctx, s)
		id = p.ID
	}
	if err != nil {
		return nil, fmt.Errorf("portfolio of profile %.60q: %w", id, err)
	}
	p, err := m.portfolio(ctx, s, id)
	if err != nil {
		return nil, fmt.Errorf("portfolio of profile %.60q: %w", id, err)
	}
	return p, nil
}

// portfolio is Portfolio for a scope, without its name in errors.
func (m *MultiAccountManager) portfolio(ctx context.Context, s scope, id ProfileID) (*Portfolio, error) {
	m.mu.Lock()
	slot := m.portfolios[id]
	m.mu.Unlock()
	if slot == nil {
		p, err := m.lookup(ctx, s, id)
		if err != nil {
			return nil, err
		}
		if slot, err = m.slot(ctx, p); err != nil {
			return nil, err
		}
	}
	if !s.sees(slot.owner) {
		return nil, ErrProfileNotFound
	}
	select {
	case <-slot.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if slot.err != nil {
		return nil, slot.err
	}
	return slot.p, nil
}

// slot returns the profile's slot, and begins to open its portfolio if it is new.
func (m *MultiAccountManager) slot(ctx context.Context, p AccountProfile) (*portfolioSlot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx.Err() != nil {
		return nil, ErrClosed
	}
	if slot := m.portfolios[p.ID]; slot != nil {
		return slot, nil
	}
	slot := &portfolioSlot{id: p.ID, owner: p.Owner, ready: make(chan struct{})}
	m.portfolios[p.ID] = slot
	// The values of the first caller's context serve tracing; its end must not be the others'.
	values := context.WithoutCancel(ctx)
	m.running.Go(func() { m.open(values, slot) })
	return slot, nil
}

func (m *MultiAccountManager) open(ctx context.Context, slot *portfolioSlot) {
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(m.ctx, cancel)()
	defer cancel()
	defer close(slot.ready)
	opened := false
	defer func() {
		if !opened { // an observer ended this goroutine: nobody may take the slot for open
			m.mu.Lock()
			slot.err = fmt.Errorf("%w: opening was broken off", ErrOutcomeUnknown)
			delete(m.portfolios, slot.id)
			m.mu.Unlock()
		}
	}()
	o := m.tel.begin(ObservedOpen, "open", slot.id)
	store := &observedStore{Store: m.store.Store, tel: m.tel, met: &meters{}}
	p, err := m.load(ctx, slot.id, store)
	if err != nil && m.ctx.Err() != nil {
		err = ErrClosed
	}
	o.Err = err
	m.tel.end(ctx, &o)
	m.tel.logCorrupt(ctx, slot.id, err)
	m.mu.Lock()
	defer m.mu.Unlock()
	opened = true
	if err != nil {
		slot.err = err
		delete(m.portfolios, slot.id)
		m.store.met.add(store.met)
		m.counters.openFailures.Add(1)
		return
	}
	slot.p = p
	m.price(p)
	m.wake(slot) // for what was told while it was opening
}

// load reads the profile anew: events about it count from the moment its slot was made.
func (m *MultiAccountManager) load(
	ctx context.Context, id ProfileID, store *observedStore,
) (*Portfolio, error) {
	profile, err := store.Profile(ctx, id)
	if err != nil {
		return nil, err
	}
	return openPortfolio(ctx, portfolioConfig{
		store: store, profile: profile, clock: m.clock, emit: m.events.Publish,
	})
}

// setProfile tells an open portfolio its changed profile.
func (m *MultiAccountManager) setProfile(p AccountProfile) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slot := m.portfolios[p.ID]; slot != nil && slot.p != nil {
		slot.p.setProfile(p)
	}
}

// deliver passes on the events that the slot holds and the portfolio has caught up with. m.mu is
// held, so that a newer event cannot overtake an older one.
func (m *MultiAccountManager) deliver(slot *portfolioSlot, known progress) {
	slot.held = slices.DeleteFunc(slot.held, func(n news) bool {
		if n.at.seq > known.seq || n.at.changes > known.changes {
			return false
		}
		m.events.Publish(n.event)
		return true
	})
}

// forward passes an event on. If the event is about an open portfolio, it waits until the portfolio
// has caught up: a subscriber who is told of an entry finds it in the book.
func (m *MultiAccountManager) forward(e Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	slot := m.portfolios[e.ProfileID]
	if slot == nil || e.Kind == EventSwitched {
		m.events.Publish(e)
		return
	}
	if e.Kind == EventRecorded && e.Seq > 0 {
		slot.told.seq = max(slot.told.seq, e.Seq)
	} else {
		slot.told.changes++
	}
	slot.held = slices.DeleteFunc(slot.held, func(n news) bool { return n.event.Kind == e.Kind })
	slot.held = append(slot.held, news{e, slot.told})
	m.wake(slot)
	if !slot.catchingUp { // it knows already, or nobody has it yet
		m.deliver(slot, slot.told)
	}
}

// wake makes the slot's portfolio catch up, unless it does already. m.mu is held.
func (m *MultiAccountManager) wake(slot *portfolioSlot) {
	if slot.p != nil && slot.told.changes == slot.done.changes && slot.p.visible.Load() >= slot.told.seq {
		slot.done = slot.told // its own append, most likely
	}
	if slot.p != nil && !slot.catchingUp && slot.done != slot.told && m.ctx.Err() == nil {
		slot.catchingUp = true
		m.running.Go(func() { m.catchUp(slot) })
	}
}

// catchUp brings one portfolio up to what it was told of. It has a goroutine of its own so that
// one profile's trouble is not the others'. While the store fails it tries again, but not after
// errors that only another event can change. Nothing depends on it but fresh reading: a portfolio
// that is behind finds out when the store refuses its append.
func (m *MultiAccountManager) catchUp(slot *portfolioSlot) {
	var retry backoff
	for try := 1; ; try++ {
		m.mu.Lock()
		if slot.done == slot.told || m.ctx.Err() != nil {
			slot.catchingUp = false
			m.mu.Unlock()
			return
		}
		told, done := slot.told, slot.done
		m.mu.Unlock()

		err := m.follow(slot, told, done)
		final := errors.Is(err, ErrCorrupt) || errors.Is(err, ErrClosed) || errors.Is(err, ErrProfileNotFound)

		m.mu.Lock()
		if err == nil || final {
			slot.done = told
		}
		m.deliver(slot, told) // after a failure too: subscribers do not wait for the store to recover
		m.mu.Unlock()
		m.followed(slot.p, try, final, err)
		if err == nil || final {
			try = 0
		}
		if err != nil && !final && !retry.wait(m.ctx) {
			return
		}
	}
}

// followed logs what came of the nth try in a row to catch up.
func (m *MultiAccountManager) followed(p *Portfolio, try int, final bool, err error) {
	attrs := []slog.Attr{
		profileAttr(p.id), slog.Int64(keySeq, p.visible.Load()), slog.Int(keyAttempt, try),
	}
	switch {
	case m.ctx.Err() != nil:
	case err == nil && try > 1:
		m.tel.logAt(m.ctx, slog.LevelInfo, "portfolio has caught up", attrs...)
	case err == nil:
	default:
		p.counters.catchUpFailures.Add(1)
		level, text := tryLevel(try), "portfolio cannot catch up, trying again"
		if final {
			level, text = slog.LevelWarn, "portfolio cannot catch up"
		}
		m.tel.logAt(m.ctx, level, text, append(attrs, errAttr(err))...)
	}
}

func (m *MultiAccountManager) follow(slot *portfolioSlot, told, done progress) error {
	if told.changes == done.changes {
		return slot.p.refresh(m.ctx, told.seq)
	}
	p, err := m.store.Profile(m.ctx, slot.id)
	if err != nil {
		return err
	}
	m.setProfile(p)
	return slot.p.refresh(m.ctx, math.MaxInt64) // as far as the journal goes
}
