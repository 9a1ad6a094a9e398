package accounts

import (
	"context"
	"log/slog"
	"time"
)

type (
	ownerKey   struct{}
	profileKey struct{}
	// switchKey marks the context of a manager's switch hooks.
	switchKey struct{ m *MultiAccountManager }
)

// seer is whose profiles a context shows.
type seer struct {
	owner  OwnerID
	system bool
}

// WithOwner returns a context under which a manager shows one owner's profiles alone. The profiles
// of others do not exist under it. An empty owner has the profiles without an owner. Set the owner
// where a request is authenticated.
func WithOwner(ctx context.Context, owner OwnerID) context.Context {
	return context.WithValue(ctx, ownerKey{}, seer{owner: owner})
}

// AsSystem returns a context under which a manager shows every owner's profiles, even a manager
// made with RequireOwner: for loops of a back office, such as those that mark, record fills and
// reconcile. Its active profile is that of the empty owner. Never derive the context of a user's
// request from it: WithOwner narrows it again, but a forgotten WithOwner shows everything.
func AsSystem(ctx context.Context) context.Context {
	return context.WithValue(ctx, ownerKey{}, seer{system: true})
}

// seerOf returns whose profiles the context shows; false if neither WithOwner nor AsSystem was
// called.
func seerOf(ctx context.Context) (seer, bool) {
	s, ok := ctx.Value(ownerKey{}).(seer)
	return s, ok
}

// WithProfile returns a context whose active profile is id, even if the stored active profile
// changes. ActiveProfile returns it, and every call that takes an empty id for the active profile
// means it. It grants nothing: the context's owner must be the profile's. An empty id means no
// active profile: a caller that lost an id must not trade on another account.
func WithProfile(ctx context.Context, id ProfileID) context.Context {
	return context.WithValue(ctx, profileKey{}, id)
}

// profileFromContext returns the profile that WithProfile set; false if it was never called.
func profileFromContext(ctx context.Context) (ProfileID, bool) {
	id, ok := ctx.Value(profileKey{}).(ProfileID)
	return id, ok
}

// SwitchHook is called by SwitchProfile with the profile that was active, the zero profile if there
// was none, and the profile to become active. See OnSwitch.
type SwitchHook func(ctx context.Context, from, to AccountProfile) error

// ManagerOption configures a manager; see New.
type ManagerOption func(*MultiAccountManager)

// WithCredentialStore lets the manager keep credentials, and makes SwitchProfile refuse profiles
// whose credentials cannot be read. The store stays the caller's to close.
func WithCredentialStore(c CredentialStore) ManagerOption {
	return func(m *MultiAccountManager) {
		m.creds = c
		m.require(c != nil, "WithCredentialStore")
	}
}

// require notes an option that was given nil.
func (m *MultiAccountManager) require(given bool, option string) {
	if !given {
		m.nils = append(m.nils, option)
	}
}

// WithLogger lets the manager log what an operator should see though nobody's call may have failed.
// Without WithLogger nothing is logged. No line stands in for an error: every error reaches its
// caller, and every Event its subscribers, all the same.
//
//   - Errors: a journal is corrupt; it is not known whether an append or a switch took place; an
//     Observer panicked, for the first time; attempts of other owners on a profile's credentials
//     cannot be written to its journal.
//   - Warnings: a watch on the store broke off or cannot be taken up; a portfolio fails to follow
//     other processes; a checkpoint was not saved; a hook failed; commands were decided 16 times and
//     more because others kept appending; a profile became active on an account at the broker that
//     another owner's active profile has.
//   - Information: a watch was taken up again; a portfolio follows again.
//   - Debugging: an append was refused because the journal knows more; what had failed before failed
//     again.
//
// The keys are profile, seq (of the journal), err, attempt, entries, duplicate, hook and undo. No
// line has a secret, an amount or a broker's account id. The texts of a store's and a hook's errors
// are logged as they are worded, cleared of account ids: a store and a hook must keep secrets and
// amounts out of them.
//
// The handler is called from many goroutines, with the context of the work, and may hold up whoever
// records: a slow handler should buffer. A panic of the handler is caught, and counted in
// Stats.ObserverPanics.
func WithLogger(l *slog.Logger) ManagerOption {
	return func(m *MultiAccountManager) {
		m.tel.log = l
		m.require(l != nil, "WithLogger")
	}
}

// WithObserver adds an observer that is told of every call to the store, command of a portfolio,
// opening of a portfolio, and call of a hook; see Observer for what it may do. Several observers
// are called in the order in which they were added. With an observer every call to the store and
// every command costs two readings of the clock.
func WithObserver(o Observer) ManagerOption {
	return func(m *MultiAccountManager) {
		m.tel.observers = append(m.tel.observers, o)
		m.require(o != nil, "WithObserver")
	}
}

// WithClock replaces time.Now, for tests and replays. It must be safe for concurrent use.
func WithClock(now func() time.Time) ManagerOption {
	return func(m *MultiAccountManager) { m.clock = now }
}

// OnSwitch adds a hook that SwitchProfile runs before it persists the switch: connect the new
// gateway, let go of the old one. Hooks run one after another in the order in which they were
// added, and no two switches of one owner run at the same time in one manager.
//
// When a hook fails, those that ran before it are called again in reverse order with from and to
// swapped, and the old profile stays active; so a hook undoes itself when called the other way
// around. The context of such a call does not end with the caller's, but 30 seconds after the call
// began: a hook that heeds its context cannot hold up the switches of its owner for ever. The hook
// that failed is not called again: it cleans up after itself. The same happens when the switch
// cannot be persisted, and when a hook panics, before the panic goes on.
//
// A hook may call every method of the manager but SwitchProfile and ArchiveProfile, which would
// wait for the switch that waits for the hook: called with the hook's context they return
// ErrInvalid at once. A hook must pass that context on for this to be noticed.
//
// Hooks run in the process that switches. Another process, or one that starts with a profile
// already active, learns what it must connect from Subscribe and ActiveProfile.
func OnSwitch(hook SwitchHook) ManagerOption {
	return func(m *MultiAccountManager) { m.hooks = append(m.hooks, hook) }
}

// RequireOwner makes every method refuse a context without an owner, or with an empty one, with
// ErrOwnerRequired: the setting for services with many users, where a forgotten WithOwner must
// not show everybody's profiles. A back office passes AsSystem.
func RequireOwner() ManagerOption {
	return func(m *MultiAccountManager) { m.requireOwner = true }
}
