package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ai-ots/accounts/credentials"
)

// AccessAction is what was done, or tried, with a profile's credentials: "set", "get", "delete", or
// "switch" where SwitchProfile looked whether they can be read.
type AccessAction string

const (
	accessSet    AccessAction = "set"
	accessGet    AccessAction = "get"
	accessDelete AccessAction = "delete"
	accessSwitch AccessAction = "switch"
)

// CredentialAccess is the entry of an access to a profile's credentials. It holds no secret.
type CredentialAccess struct {
	Action AccessAction `json:"action"`
	By     OwnerID      `json:"by,omitempty"` // of the context; empty where it names none
	// Outcome is "ok", "missing" if there were none, "refused" if the profile or the credentials
	// did not permit the access, or "failed" if the credential store did.
	Outcome string    `json:"outcome"`
	Time    time.Time `json:"time"`
}

// run writes the entry.
func (a *CredentialAccess) run(p *Portfolio, _ *command) error {
	entry := *a
	entry.Time = p.draft.now
	return p.draft.add(&entry)
}

// outcomeOf returns the outcome of an access that ended with the error.
func outcomeOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrCredentialsNotFound):
		return "missing"
	case errors.Is(err, ErrProfileNotActive), errors.Is(err, ErrInvalid):
		return "refused"
	}
	return "failed"
}

// accessed writes an access to the credentials and its outcome to the profile's journal, and
// returns the outcome's error. A failure to write is an error too: no secret is handed out without
// a trace. The entry is written even if the caller's context has ended.
func (m *MultiAccountManager) accessed(ctx context.Context, id ProfileID, action AccessAction, outcome error) error {
	by, _ := seerOf(ctx)
	written, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	p, err := m.Portfolio(written, id)
	if err == nil {
		err = p.submit(written, &command{task: &CredentialAccess{Action: action, By: by.owner,
			Outcome: outcomeOf(outcome)}})
	}
	if err != nil {
		return errors.Join(outcome, fmt.Errorf("write to the journal: %w", err))
	}
	return outcome
}

// CredentialStore keeps the credentials of profiles, apart from the profiles, so that secrets can
// be rotated without a change of anything else.
//
// For every method holds:
//
//   - It is safe for concurrent use.
//   - A context that has ended is refused with its error.
//   - Values never alias: the store keeps copies and returns copies.
//   - No error, log or event carries a secret.
//   - After Close it returns ErrClosed.
type CredentialStore interface {
	// Put stores c as the whole of the profile's credentials, in place of earlier ones: a reader
	// finds the old or the new ones, never a mixture. It returns ErrInvalid if c is not valid (see
	// credentials.Set.Validate), the id is empty, or c is more than the store can hold. After an
	// error the earlier credentials are still there.
	Put(ctx context.Context, id ProfileID, c credentials.Set) error

	// Get returns the profile's credentials, or ErrCredentialsNotFound.
	Get(ctx context.Context, id ProfileID) (credentials.Set, error)

	// Delete removes the profile's credentials. It returns nil if there are none.
	Delete(ctx context.Context, id ProfileID) error

	// List returns the ids that have credentials, in ascending order.
	List(ctx context.Context) ([]ProfileID, error)

	// Ping returns nil if the store can be reached, or else the reason. It changes nothing, reads
	// no secret and asks nobody for permission.
	Ping(ctx context.Context) error

	// Close releases the resources that the store itself opened. A second Close returns nil.
	Close() error
}

// SetCredentials stores c as the whole of the profile's credentials, in place of earlier ones.
//
// Every access to a profile's credentials, failed ones included, is an entry in its journal,
// without the secret: see [Portfolio.CredentialAccesses]. A failure to write that entry is an
// error, and Credentials hands out nothing then.
//
// Errors:
//   - ErrNoCredentialStore if no store is configured;
//   - ErrProfileNotFound for a profile that ctx does not see;
//   - ErrProfileNotActive for an archived profile, which needs no credentials any more;
//   - ErrInvalid for credentials that are not valid.
func (m *MultiAccountManager) SetCredentials(ctx context.Context, id ProfileID, c credentials.Set) error {
	p, err := m.keyholder(ctx, id)
	if err == nil && p.Status == StatusArchived {
		err = fmt.Errorf("%w: it is archived", ErrProfileNotActive)
	}
	if err == nil {
		err = c.Validate()
	}
	if err == nil {
		err = m.creds.Put(ctx, id, c)
	}
	if p.ID != "" {
		err = m.accessed(ctx, id, accessSet, err)
	}
	if err != nil {
		return fmt.Errorf("set credentials of profile %.60q: %w", id, err)
	}
	return nil
}

// Credentials returns a copy of the profile's credentials. Wipe it after use.
//
// Errors:
//   - ErrNoCredentialStore if no store is configured;
//   - ErrProfileNotFound for a profile that ctx does not see;
//   - ErrCredentialsNotFound if the profile has none.
func (m *MultiAccountManager) Credentials(ctx context.Context, id ProfileID) (credentials.Set, error) {
	_, err := m.keyholder(ctx, id)
	var c credentials.Set
	if err == nil {
		c, err = m.creds.Get(ctx, id)
		err = m.accessed(ctx, id, accessGet, err)
	}
	if err != nil {
		c.Wipe()
		return nil, fmt.Errorf("credentials of profile %.60q: %w", id, err)
	}
	return c, nil
}

// DeleteCredentials removes the profile's credentials. It returns nil if there are none.
//
// Errors:
//   - ErrNoCredentialStore if no store is configured;
//   - ErrProfileNotFound for a profile that ctx does not see.
func (m *MultiAccountManager) DeleteCredentials(ctx context.Context, id ProfileID) error {
	_, err := m.keyholder(ctx, id)
	if err == nil {
		err = m.accessed(ctx, id, accessDelete, m.creds.Delete(ctx, id))
	}
	if err != nil {
		return fmt.Errorf("delete credentials of profile %.60q: %w", id, err)
	}
	return nil
}

// keyholder returns the profile whose credentials ctx may touch. Every path to the credential store
// leads through it.
func (m *MultiAccountManager) keyholder(ctx context.Context, id ProfileID) (AccountProfile, error) {
	s, err := m.enter(ctx)
	if err != nil {
		return AccountProfile{}, err
	}
	if m.creds == nil {
		return AccountProfile{}, ErrNoCredentialStore
	}
	return m.lookup(ctx, s, id)
}
