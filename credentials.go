package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ai-ots/accounts/credentials"
)

// AccessAction is what was done, or tried, with the credentials of a profile's login: "set", "get",
// "delete", or "switch" where SwitchProfile looked whether they can be read.
type AccessAction string

const (
	accessSet    AccessAction = "set"
	accessGet    AccessAction = "get"
	accessDelete AccessAction = "delete"
	accessSwitch AccessAction = "switch"
)

// CredentialAccess is an entry about an access to a profile's credentials. It holds no secret.
//
// An access has an entry with the outcome "begun" before the credential store is touched, and one
// with its outcome afterwards. A begun access without an outcome was cut off, as by the end of the
// process: it may have taken place. A refused access touches nothing, and has an outcome alone.
//
// A change of a login is in the journal of every profile that shares it.
type CredentialAccess struct {
	Action AccessAction `json:"action"`
	By     OwnerID      `json:"by,omitempty"`    // of the context; empty where it names none
	Login  LoginID      `json:"login,omitempty"` // the profile's; empty for a login of its own
	// Kind is empty for credentials without a kind, where all kinds are concerned, for a refused
	// deletion or a kind that is unknown, and for attempts of others.
	Kind    credentials.Kind `json:"kind,omitempty"`
	Through ProfileID        `json:"through,omitempty"` // the profile that was named in the call, if it was another that shares the login
	// Outcome is "begun" before the access, and afterwards "ok", "missing" if there were none,
	// "refused" if the profile or the credentials did not permit the access or By does not see the
	// profile, or "failed" if the credential store did.
	Outcome string `json:"outcome"`
	// Attempts is how many refused accesses of By the entry stands for; zero means one.
	Attempts int       `json:"attempts,omitempty"`
	Time     time.Time `json:"time"`
}

// run writes the entry.
func (a *CredentialAccess) run(p *Portfolio, _ *command) error {
	entry := *a
	entry.Time = p.draft.now
	return p.draft.add(&entry)
}

// The outcomes of an access.
const (
	outcomeBegun   = "begun"
	outcomeRefused = "refused"
)

// outcomeOf returns the outcome of an access that ended with the error.
func outcomeOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrCredentialsNotFound):
		return "missing"
	case errors.Is(err, ErrProfileNotActive), errors.Is(err, ErrInvalid), errors.Is(err, ErrLoginShared):
		return outcomeRefused
	}
	return "failed"
}

// CredentialStore keeps the credentials of logins, apart from the profiles, so that secrets can be
// rotated without a change of anything else. A login has at most one set of each kind, and an empty
// kind counts as one: of credentials without a kind. A store knows no owners. The manager does; see
// AccountProfile.LoginKey.
//
// For every method holds:
//
//   - It is safe for concurrent use.
//   - A context that has ended is refused with its error.
//   - Values never alias: the store keeps copies and returns copies.
//   - No error, log or event carries a secret.
//   - After Close it returns ErrClosed.
type CredentialStore interface {
	// Put stores c as the whole of the login's credentials of c's kind, in place of earlier ones: a
	// reader finds the old or the new ones, never a mixture. Other kinds stay as they are. It
	// returns ErrInvalid if c is not valid (see credentials.Set.Validate), the key is empty, or c
	// is more than the store can hold. It returns ErrOutcomeUnknown if ctx ended, or the connection
	// was lost, while c was written: c may be there or still come. After any other error the
	// earlier credentials are still there.
	Put(ctx context.Context, key LoginKey, c credentials.Set) error

	// Get returns the login's credentials of the kind, or ErrCredentialsNotFound.
	Get(ctx context.Context, key LoginKey, kind credentials.Kind) (credentials.Set, error)

	// Delete removes the login's credentials of the kinds, at once for every reader, and those of
	// every kind if none is named. Whether they can be read does not matter. It returns nil if
	// there are none, and ErrOutcomeUnknown as Put does.
	Delete(ctx context.Context, key LoginKey, kinds ...credentials.Kind) error

	// Kinds returns the kinds of which the login has credentials, in ascending order.
	Kinds(ctx context.Context, key LoginKey) ([]credentials.Kind, error)

	// List returns the keys of the logins that have credentials, in ascending order.
	List(ctx context.Context) ([]LoginKey, error)

	// Ping returns nil if the store can be reached, or else the reason. It changes nothing, reads
	// no secret and asks nobody for permission.
	Ping(ctx context.Context) error

	// Close releases the resources that the store itself opened. A second Close returns nil.
	Close() error
}

// SetCredentials stores c as the whole of the credentials that the profile's login has of c's kind,
// in place of earlier ones. Every profile that names the login has them from then on. Other kinds
// stay as they are.
//
// Every access to a profile's credentials is in its journal, without the secret: see
// [CredentialAccess]. An access that cannot be written there does not take place, except that
// credentials are deleted all the same. Where the login is shared, the journals of all its profiles
// count, except corrupt ones of profiles other than id. Attempts of owners who do not see the
// profile are written soon afterwards, those of a minute as one entry. Where the outcome cannot be
// written, the error says that the access was done.
//
// Errors:
//   - ErrNoCredentialStore if no store is configured;
//   - ErrProfileNotFound for a profile that ctx does not see;
//   - ErrProfileNotActive for an archived profile, which needs no credentials any more, also if it
//     was archived meanwhile: nothing is left then, unless another profile names the login;
//   - ErrInvalid for credentials that are not valid;
//   - ErrOutcomeUnknown if ctx ended, or the connection was lost, while they were stored.
func (m *MultiAccountManager) SetCredentials(ctx context.Context, id ProfileID, c credentials.Set) error {
	if err := m.setCredentials(ctx, id, c); err != nil {
		return fmt.Errorf("set credentials of profile %.60q: %w", id, err)
	}
	return nil
}

func (m *MultiAccountManager) setCredentials(ctx context.Context, id ProfileID, c credentials.Set) error {
	p, err := m.keyholder(ctx, id, accessSet)
	if err != nil {
		return err
	}
	a := CredentialAccess{Action: accessSet}
	if checkKind(c.Kind()) == nil { // else it is anything, a secret even
		a.Kind = c.Kind()
	}
	if p.Status == StatusArchived {
		return m.refuse(ctx, p, a, errArchived)
	}
	if err := c.Validate(); err != nil {
		return m.refuse(ctx, p, a, err)
	}
	return errors.Join(m.access(ctx, p, a, func() error {
		err := m.creds.Put(ctx, p.LoginKey(), c)
		return errors.Join(err, m.dropIfArchived(ctx, p))
	}))
}

// errArchived refuses credentials for an archived profile.
var errArchived = fmt.Errorf("%w: it is archived", ErrProfileNotActive)

// dropIfArchived deletes what was put for a profile that was archived meanwhile. ArchiveProfile
// first marks the profile and then deletes: so either it finds what was put, or the mark is found
// here.
func (m *MultiAccountManager) dropIfArchived(ctx context.Context, p AccountProfile) error {
	ctx, cancel := outlast(ctx)
	defer cancel()
	now, err := m.store.Profile(ctx, p.ID)
	switch {
	case err != nil:
		return fmt.Errorf("look whether the profile was archived meanwhile: %w", err)
	case now.Status != StatusArchived:
		return nil
	}
	return errors.Join(errArchived, m.dropLogins(ctx, p))
}

// Credentials returns a copy of the credentials of the kind that the profile's login has. Wipe it
// after use. SetCredentials tells what the journal has of it.
//
// Errors:
//   - ErrNoCredentialStore if no store is configured;
//   - ErrProfileNotFound for a profile that ctx does not see;
//   - ErrInvalid for an unknown kind;
//   - ErrCredentialsNotFound if the login has none of the kind, or the profile is archived.
func (m *MultiAccountManager) Credentials(
	ctx context.Context, id ProfileID, kind credentials.Kind,
) (credentials.Set, error) {
	c, err := m.getCredentials(ctx, id, kind)
	if err != nil {
		c.Wipe()
		return nil, fmt.Errorf("credentials of profile %.60q: %w", id, err)
	}
	return c, nil
}

// getCredentials may return credentials with an error.
func (m *MultiAccountManager) getCredentials(
	ctx context.Context, id ProfileID, kind credentials.Kind,
) (c credentials.Set, err error) {
	p, err := m.keyholder(ctx, id, accessGet)
	if err != nil {
		return nil, err
	}
	a := CredentialAccess{Action: accessGet, Kind: kind}
	if err := checkKind(kind); err != nil { // anything, and of any length
		a.Kind = ""
		return nil, m.refuse(ctx, p, a, err)
	}
	if p.Status == StatusArchived { // whatever a failure may have left in the store
		return nil, m.refuse(ctx, p, a, fmt.Errorf("%w: it is archived", ErrCredentialsNotFound))
	}
	err = errors.Join(m.access(ctx, p, a, func() (err error) {
		c, err = m.creds.Get(ctx, p.LoginKey(), kind)
		return err
	}))
	return c, err
}

// CredentialKinds returns the kinds of which the profile's login has credentials, in ascending
// order; an empty slice if there are none, or the profile is archived. It hands out no secret, and
// is not in the journal.
//
// Errors:
//   - ErrNoCredentialStore if no store is configured;
//   - ErrProfileNotFound for a profile that ctx does not see.
func (m *MultiAccountManager) CredentialKinds(ctx context.Context, id ProfileID) ([]credentials.Kind, error) {
	kinds, err := m.credentialKinds(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("kinds of credentials of profile %.60q: %w", id, err)
	}
	return kinds, nil
}

func (m *MultiAccountManager) credentialKinds(ctx context.Context, id ProfileID) ([]credentials.Kind, error) {
	s, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	if m.creds == nil {
		return nil, ErrNoCredentialStore
	}
	p, err := m.lookup(ctx, s, id)
	switch {
	case err != nil:
		return nil, err
	case p.Status == StatusArchived:
		return []credentials.Kind{}, nil
	}
	return m.creds.Kinds(ctx, p.LoginKey())
}

// DeleteCredentials removes the credentials of the kinds that the profile's login has, one kind
// after the other, or of every kind if none is named. It returns nil if there are none.
// SetCredentials tells what the journal has of it.
//
// Errors:
//   - ErrNoCredentialStore if no store is configured;
//   - ErrProfileNotFound for a profile that ctx does not see;
//   - ErrInvalid for an unknown kind;
//   - ErrLoginShared, which names them, if other profiles name the login: nothing was deleted. Update
//     them to another Login first. SetCredentials replaces the credentials of all of them;
//   - ErrOutcomeUnknown if ctx ended, or the connection was lost, while they were deleted.
func (m *MultiAccountManager) DeleteCredentials(ctx context.Context, id ProfileID, kinds ...credentials.Kind) error {
	if err := m.deleteCredentials(ctx, id, kinds); err != nil {
		return fmt.Errorf("delete credentials of profile %.60q: %w", id, err)
	}
	return nil
}

func (m *MultiAccountManager) deleteCredentials(ctx context.Context, id ProfileID, kinds []credentials.Kind) error {
	p, err := m.keyholder(ctx, id, accessDelete)
	if err != nil {
		return err
	}
	a := CredentialAccess{Action: accessDelete}
	for _, kind := range kinds {
		if err := checkKind(kind); err != nil {
			return m.refuse(ctx, p, a, err)
		}
	}
	if err := m.checkUnshared(ctx, p); err != nil {
		return m.refuse(ctx, p, a, err)
	}
	if len(kinds) == 0 {
		return errors.Join(m.access(ctx, p, a, func() error { return m.creds.Delete(ctx, p.LoginKey()) }))
	}
	for _, kind := range kinds {
		a.Kind = kind
		done, written := m.access(ctx, p, a, func() error { return m.creds.Delete(ctx, p.LoginKey(), kind) })
		err = errors.Join(err, done, written)
	}
	return err
}

// dropArchived deletes the credentials of a profile that was archived. A journal that is corrupt
// cannot be written to, and does not keep them.
func (m *MultiAccountManager) dropArchived(ctx context.Context, p AccountProfile) error {
	if m.creds == nil {
		return nil
	}
	done, written := m.access(ctx, p, CredentialAccess{Action: accessDelete},
		func() error { return m.dropLogins(ctx, p) })
	if errors.Is(written, ErrCorrupt) {
		written = nil
	}
	if done != nil {
		done = fmt.Errorf("archived, but its credentials are left: %w", done)
	}
	return errors.Join(done, written)
}

// checkCredentials returns nil if the profile's credentials, one kind at least, can all be read,
// for a switch to it.
func (m *MultiAccountManager) checkCredentials(ctx context.Context, p AccountProfile) error {
	if m.creds == nil {
		return nil
	}
	err := errors.Join(m.access(ctx, p, CredentialAccess{Action: accessSwitch},
		func() error { return m.readKinds(ctx, p.LoginKey()) }))
	if err != nil {
		return fmt.Errorf("read credentials: %w", err)
	}
	return nil
}

// keyholder returns the profile whose credentials ctx may touch. Every path from a caller to the
// credential store leads through it. A profile that ctx does not see takes the same steps, and ends
// with the same error, as one that does not exist: what is written about the attempt is written
// later, by nobody who could wait for it.
func (m *MultiAccountManager) keyholder(
	ctx context.Context, id ProfileID, action AccessAction,
) (AccountProfile, error) {
	s, err := m.enter(ctx)
	if err != nil {
		return AccountProfile{}, err
	}
	if m.creds == nil {
		return AccountProfile{}, ErrNoCredentialStore
	}
	p, err := m.store.Profile(ctx, id)
	switch {
	case errors.Is(err, ErrProfileNotFound):
		return AccountProfile{}, ErrProfileNotFound
	case err != nil:
		return AccountProfile{}, err
	case !s.sees(p.Owner):
		m.strangers.note(attempt{id, s.owner, action}, 1)
		return AccountProfile{}, ErrProfileNotFound
	}
	return p, nil
}
