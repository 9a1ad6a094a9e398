package accounts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// portfolioSlot is the one place of a profile's portfolio in a manager. The manager owns its
// goroutines: one that opens the portfolio, and later at most one that catches up.
type portfolioSlot struct {
	id    ProfileID
	owner OwnerID       // never changes
	ready chan struct{} // closed when opening has ended
	err   error         // why opening failed; set before ready is closed

	// What follows is guarded by the manager's mu.
	p    *Portfolio // nil until it is open
	news following
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

// portfolio is Portfolio for a scope, without its name in errors. A profile that the scope does not
// see is looked up like one that there is not, whether its portfolio is open or not: neither the
// time nor the error tells them apart.
func (m *MultiAccountManager) portfolio(ctx context.Context, s scope, id ProfileID) (*Portfolio, error) {
	m.mu.Lock()
	slot := m.portfolios[id]
	m.mu.Unlock()
	if slot == nil || !s.sees(slot.owner) {
		p, err := m.lookup(ctx, s, id)
		if err != nil {
			return nil, err
		}
		if slot, err = m.slot(ctx, p); err != nil {
			return nil, err
		}
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
	m.act(slot, slot.news.opened(p.visible.Load())) // for what was heard while it was opening
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

// forward passes an event of the store on to subscribers. If the event is about a portfolio that is
// open, it waits until the portfolio has caught up: a subscriber who is told of an entry finds it
// in the book. Its owner is the profile's then, whatever the event says.
func (m *MultiAccountManager) forward(e Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	slot := m.portfolios[e.ProfileID]
	if slot == nil || e.Kind == EventSwitched {
		m.events.Publish(e)
		return
	}
	e.Owner = slot.owner
	m.act(slot, slot.news.heard(e, slot.seq()))
}

// seq is the last entry of the slot's portfolio, 0 until it is open. The manager's mu is held.
func (s *portfolioSlot) seq() int64 {
	if s.p == nil {
		return 0
	}
	return s.p.visible.Load()
}

// act does what the slot's news ask for. m.mu is held, so that a newer event cannot overtake an
// older one.
func (m *MultiAccountManager) act(slot *portfolioSlot, do actions) {
	for _, e := range do.tell {
		m.events.Publish(e)
	}
	if do.look != nil {
		m.running.Go(func() { m.catchUp(slot, do.look) })
	}
}

// catchUp brings one portfolio up to what was heard of it, and tells subscribers. It has a
// goroutine of its own so that one profile's trouble is not the others'. While the store fails it
// tries again, but not after errors that only another event can change. Nothing depends on it but
// fresh reading: a portfolio that is behind finds out when the store refuses its append.
func (m *MultiAccountManager) catchUp(slot *portfolioSlot, l *look) {
	ended := false
	defer func() {
		if !ended { // an observer ended this goroutine: another must be able to begin
			m.looked(slot, noMoreTry)
		}
	}()
	var retry backoff
	for try := 1; l != nil; try++ {
		err := m.follow(slot, l)
		o := outcomeOfLook(err)
		m.followed(slot.p, try, o == noMoreTry, err)
		if l = m.looked(slot, o); l != nil && !retry.wait(m.ctx) {
			break
		}
	}
	ended = true
}

// looked acts on the outcome of a look, and returns what the next try is to look for, if there is
// to be one.
func (m *MultiAccountManager) looked(slot *portfolioSlot, o outcome) (again *look) {
	m.mu.Lock()
	defer m.mu.Unlock()
	do := slot.news.ended(o, slot.seq())
	if o == tryAgain {
		again, do.look = do.look, nil
	}
	m.act(slot, do)
	return again
}

// outcomeOfLook tells errors that may pass from those that only another event can change.
func outcomeOfLook(err error) outcome {
	switch {
	case err == nil:
		return caughtUp
	case errors.Is(err, ErrCorrupt), errors.Is(err, ErrClosed), errors.Is(err, ErrProfileNotFound):
		return noMoreTry
	}
	return tryAgain
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

// follow makes the portfolio look.
func (m *MultiAccountManager) follow(slot *portfolioSlot, l *look) error {
	if l.profile {
		p, err := m.store.Profile(m.ctx, slot.id)
		if err != nil {
			return err
		}
		m.setProfile(p)
	}
	if l.journal == 0 {
		return nil
	}
	return slot.p.refresh(m.ctx, l.journal)
}
