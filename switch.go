package accounts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// SwitchProfile makes a profile its owner's active one and returns it. It runs the OnSwitch hooks,
// and then persists the switch, which survives a restart and reaches every process through
// Subscribe. Later calls take the new profile for the active one; operations under way are not
// redirected, for a Portfolio is bound to its profile for life. Switching to the active profile
// runs no hooks, reads no credentials and writes nothing. Otherwise the credentials must be
// readable before the hooks and, where there are hooks, still after them. Switches of one owner
// wait for each other, hooks included, until ctx ends.
//
// Errors:
//   - ErrProfileNotFound for a profile that ctx does not see, and, without an owner in ctx, for a
//     profile that has an owner: name the owner by WithOwner;
//   - ErrProfileNotActive for a profile that is not active;
//   - with a credential store, ErrCredentialsNotFound for a profile without credentials, or the
//     store's error;
//   - the error of a hook, joined with the errors of undoing the hooks before it; see OnSwitch;
//   - ErrInvalid for a call inside a hook;
//   - ErrOutcomeUnknown if the store failed and could not be asked: read ActiveProfile.
//
// After any other error than ErrOutcomeUnknown, the old profile is still active.
func (m *MultiAccountManager) SwitchProfile(ctx context.Context, id ProfileID) (AccountProfile, error) {
	var unlock func()
	s, err := m.enter(ctx)
	if err == nil {
		unlock, err = m.lockSwitch(ctx, s.owner)
	}
	if err != nil {
		return AccountProfile{}, fmt.Errorf("switch to profile %.60q: %w", id, err)
	}
	defer unlock()
	p, err := m.switchTo(ctx, s, id)
	if err != nil {
		return AccountProfile{}, fmt.Errorf("switch to profile %.60q: %w", id, err)
	}
	return p, nil
}

// lockSwitch waits for the owner's switch under way, if there is one. It is no mutex because hooks
// connect to gateways, and a caller may give up waiting.
func (m *MultiAccountManager) lockSwitch(ctx context.Context, owner OwnerID) (unlock func(), err error) {
	if ctx.Value(switchKey{m}) != nil {
		return nil, fmt.Errorf("%w: called inside an OnSwitch hook, which would wait for itself", ErrInvalid)
	}
	m.mu.Lock()
	token := m.switching[owner]
	if token == nil {
		token = make(chan struct{}, 1)
		m.switching[owner] = token
	}
	m.mu.Unlock()
	select {
	case token <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-m.ctx.Done():
		return nil, ErrClosed
	}
	unlock = func() { <-token }
	if m.ctx.Err() != nil { // both were ready
		unlock()
		return nil, ErrClosed
	}
	return unlock, nil
}

// switchTo switches under the owner's lock.
func (m *MultiAccountManager) switchTo(ctx context.Context, s scope, id ProfileID) (AccountProfile, error) {
	to, err := m.switchable(ctx, s, id)
	if err != nil {
		return AccountProfile{}, err
	}
	from, err := m.switchedFrom(ctx, s.owner)
	if err != nil {
		return AccountProfile{}, fmt.Errorf("read active profile: %w", err)
	}
	if from.ID == to.ID {
		return to, nil
	}
	if err := m.checkCredentials(ctx, to); err != nil {
		return AccountProfile{}, err
	}
	err = m.runHooks(ctx, from, to, func() error {
		// Hooks take their time: the profile may have been suspended meanwhile, or its credentials
		// deleted.
		if to, err = m.switchable(ctx, s, id); err != nil {
			return err
		}
		if len(m.hooks) > 0 {
			if err := m.checkCredentials(ctx, to); err != nil {
				return err
			}
		}
		to.LastUsedAt = m.now()
		return m.persistSwitch(ctx, s.owner, id, to.LastUsedAt)
	})
	if err != nil {
		return AccountProfile{}, err
	}
	return to, nil
}

// switchable returns the profile if the scope's owner may switch to it.
func (m *MultiAccountManager) switchable(ctx context.Context, s scope, id ProfileID) (AccountProfile, error) {
	p, err := m.lookup(ctx, s, id)
	switch {
	case err != nil:
		return AccountProfile{}, err
	case p.Owner != s.owner: // the scope sees all: what it learns is no secret
		return AccountProfile{}, fmt.Errorf("%w: it belongs to owner %q, and the context names no owner",
			ErrProfileNotFound, p.Owner)
	case p.Status != StatusActive:
		return AccountProfile{}, fmt.Errorf("%w: it is %s", ErrProfileNotActive, p.Status)
	}
	return p, nil
}

// switchedFrom returns the owner's active profile in any status, so that hooks can release a
// suspended one; the zero profile if there is none.
func (m *MultiAccountManager) switchedFrom(ctx context.Context, owner OwnerID) (AccountProfile, error) {
	id, err := m.store.ActiveProfile(ctx, owner)
	if errors.Is(err, ErrNoActiveProfile) {
		return AccountProfile{}, nil
	}
	if err != nil {
		return AccountProfile{}, err
	}
	p, err := m.store.Profile(ctx, id)
	if errors.Is(err, ErrProfileNotFound) { // removed behind the library's back: nothing to let go of
		return AccountProfile{}, nil
	}
	return p, err
}

// runHooks runs the hooks and then persist. Whatever goes wrong, a panic included, the hooks that
// did their work are called again the other way around.
func (m *MultiAccountManager) runHooks(ctx context.Context, from, to AccountProfile, persist func() error) (err error) {
	ctx = context.WithValue(ctx, switchKey{m}, true)
	ran, done := 0, false
	defer func() {
		if !done {
			err = errors.Join(err, m.undoHooks(ctx, ran, from, to))
		}
	}()
	for i := range m.hooks {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.callHook(ctx, i, "switch", from, to); err != nil {
			return fmt.Errorf("hook %d: %w", i+1, err)
		}
		ran++
	}
	if err := persist(); err != nil {
		return err
	}
	done = true
	return nil
}

// undoTime is how long a hook may take to undo itself: time enough to connect to a gateway.
const undoTime = 30 * time.Second

func (m *MultiAccountManager) undoHooks(ctx context.Context, ran int, from, to AccountProfile) error {
	ctx = context.WithoutCancel(ctx)
	undo := func(i int) error {
		ctx, cancel := context.WithTimeout(ctx, undoTime) // of its own, lest one takes the others' time
		defer cancel()
		return m.callHook(ctx, i, "undo", to, from)
	}
	var errs []error
	for i := ran - 1; i >= 0; i-- {
		if err := undo(i); err != nil {
			errs = append(errs, fmt.Errorf("undo hook %d: %w", i+1, err))
		}
	}
	return errors.Join(errs...)
}

// callHook calls hook i; op is "switch", or "undo" where it is called the other way around.
func (m *MultiAccountManager) callHook(
	ctx context.Context, i int, op string, from, to AccountProfile,
) error {
	o := m.tel.begin(ObservedHook, op, to.ID)
	o.Count = i + 1
	o.Err = m.hooks[i](ctx, from, to)
	m.tel.end(ctx, &o)
	if o.Err != nil {
		m.counters.hookFailures.Add(1)
		m.tel.logAt(ctx, slog.LevelWarn, "switch hook failed", profileAttr(to.ID),
			slog.Int(keyHook, i+1), slog.Bool(keyUndo, op == "undo"), errAttr(o.Err))
	}
	return o.Err
}

// persistSwitch makes the switch durable. A store whose context or connection was lost meanwhile
// may have done it or not, and undoing the hooks of a switch that took place would be worst: so
// after an error the store is asked, without the caller's context.
func (m *MultiAccountManager) persistSwitch(ctx context.Context, owner OwnerID, id ProfileID, at time.Time) error {
	err := m.store.SetActiveProfile(ctx, owner, id, at)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("persist: %w", err)
	ask, cancel := outlast(ctx)
	defer cancel()
	active, asked := m.store.ActiveProfile(ask, owner)
	switch {
	case asked == nil && active == id:
		return nil
	case asked == nil || errors.Is(asked, ErrNoActiveProfile):
		return err
	default:
		m.tel.logAt(ctx, slog.LevelError, "outcome of a switch is unknown", profileAttr(id), errAttr(err))
		return errors.Join(err, fmt.Errorf("%w: %w", ErrOutcomeUnknown, asked))
	}
}

// ActiveProfile returns the profile that WithProfile set on ctx or, without one, the profile that
// any process last switched to under the context's owner.
//
// Errors:
//   - ErrNoActiveProfile if there is none;
//   - ErrProfileNotActive if it was suspended, made inactive or archived since;
//   - ErrProfileNotFound if the context's profile does not exist or belongs to another owner.
func (m *MultiAccountManager) ActiveProfile(ctx context.Context) (AccountProfile, error) {
	s, err := m.enter(ctx)
	if err != nil {
		return AccountProfile{}, fmt.Errorf("active profile: %w", err)
	}
	p, err := m.active(ctx, s)
	if err != nil {
		return AccountProfile{}, fmt.Errorf("active profile: %w", err)
	}
	return p, nil
}

// active is ActiveProfile without its name in errors.
func (m *MultiAccountManager) active(ctx context.Context, s scope) (AccountProfile, error) {
	id, ok := profileFromContext(ctx)
	if !ok {
		var err error
		if id, err = m.store.ActiveProfile(ctx, s.owner); err != nil {
			return AccountProfile{}, err
		}
	}
	if id == "" {
		return AccountProfile{}, ErrNoActiveProfile
	}
	p, err := m.lookup(ctx, s, id)
	if err != nil {
		return AccountProfile{}, fmt.Errorf("profile %.60q: %w", id, err)
	}
	if p.Status != StatusActive {
		return AccountProfile{}, fmt.Errorf("profile %q is %s: %w", id, p.Status, ErrProfileNotActive)
	}
	return p, nil
}
