package accounts

import (
	"context"
	"time"
)

// SwitchHook is called by SwitchProfile with the profile that was active and the one to become
// active; from is the zero profile when none was. See OnSwitch.
type SwitchHook func(ctx context.Context, from, to AccountProfile) error

// ManagerOption configures a manager; see New.
type ManagerOption func(*MultiAccountManager)

// WithCredentialStore lets the manager keep credentials, and makes SwitchProfile refuse profiles
// whose credentials cannot be read. The store stays the caller's to close.
func WithCredentialStore(c CredentialStore) ManagerOption {
	return func(m *MultiAccountManager) { m.creds = c }
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
// swapped, under a context that no longer ends with the caller's, and the old profile stays
// active; so a hook undoes itself when called the other way around. The one that failed is not
// called again: it cleans up after itself. The same happens when the switch cannot be persisted,
// and when a hook panics, before the panic goes on.
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
// not show everybody's profiles.
func RequireOwner() ManagerOption {
	return func(m *MultiAccountManager) { m.requireOwner = true }
}
