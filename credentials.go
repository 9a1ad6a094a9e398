package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ai-ots/accounts/credentials"
)

// AccessAction is what was done, or tried, with a profile's credentials.
type AccessAction string

// The actions.
const (
	accessSet    AccessAction = "set"
	accessGet    AccessAction = "get"
	accessDelete AccessAction = "delete"
	accessSwitch AccessAction = "switch" // SwitchProfile looked whether they can be read
)

// CredentialAccess is the entry of an access to a profile's credentials. It holds no secret.
type CredentialAccess struct {
	Action AccessAction `json:"action"`
	By     OwnerID      `json:"by,omitempty"` // of the context; empty where it names none
	// Outcome is "ok", "missing" when there were none, "refused" when the profile or the credentials
	// did not permit it, or "failed" when the credential store did.
	Outcome string    `json:"outcome"`
	Time    time.Time `json:"time"`
}

// run implements the task of writing it.
func (a *CredentialAccess) run(_ context.Context, p *Portfolio, _ map[string]int64) error {
	entry := *a
	entry.Time = p.draft.now
	return p.draft.add(&entry)
}

// outcomeOf says what came of an access.
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

// accessed writes to the profile's journal that its credentials were accessed, and what came of it,
// and returns that outcome. What cannot be written is an error of its own: no secret is handed out
// without a trace. It is written though the caller's context has ended meanwhile.
func (m *MultiAccountManager) accessed(ctx context.Context, id ProfileID, action AccessAction, outcome error) error {
	by, _ := seerOf(ctx)
	written, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	p, err := m.Portfolio(written, id)
	if err == nil {
		err = p.submit(written, &command{task: &CredentialAccess{Action: action, By: by.owner, Outcome: outcomeOf(outcome)}})
	}
	if err != nil {
		return errors.Join(outcome, fmt.Errorf("write to the journal: %w", err))
	}
	return outcome
}

// CredentialStore keeps each profile's credentials apart from the profile itself, so that secrets
// rotate without touching anything else.
//
// What holds for every method: safe for concurrent use; a context that is already done is refused
// with its error; values never alias; no error, log or event ever carries a secret; after Close
// every method returns ErrClosed.
type CredentialStore interface {
	// Put stores c as the whole of the profile's credentials, in place of what was there: a reader finds
	// the old or the new ones, never some of both. ErrInvalid when c is not valid (see
	// Credentials.Validate), when the id is empty, or when it is more than the store can hold; then
	// what was there is still there.
	Put(ctx context.Context, id ProfileID, c credentials.Set) error

	// Get returns the profile's credentials. ErrCredentialsNotFound on a miss.
	Get(ctx context.Context, id ProfileID) (credentials.Set, error)

	// Delete removes the profile's credentials. A miss is not an error.
	Delete(ctx context.Context, id ProfileID) error

	// List returns the ids that have credentials, in ascending order.
	List(ctx context.Context) ([]ProfileID, error)

	// Ping returns nil when the store can be reached, and else why not. It changes nothing, reads no
	// secret, and asks nobody for permission.
	Ping(ctx context.Context) error

	// Close releases what the store itself opened. A second Close is not an error.
	Close() error
}

// SetCredentials stores c as the whole of the profile's credentials, in place of what was there.
// ErrNoCredentialStore when none is configured; ErrProfileNotFound on a miss;
// ErrProfileNotActive for an archived profile, which has no use for them any more; ErrInvalid for
// credentials that are not valid.
//
// Every access to a profile's credentials, also one that fails, is an entry in its journal, without
// the secret: see Portfolio.CredentialAccesses. What cannot be written there is an error, and
// Credentials hands out nothing then.
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

// Credentials returns the profile's credentials. ErrNoCredentialStore when no store is configured;
// ErrProfileNotFound on a miss; ErrCredentialsNotFound when the profile has none.
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

// DeleteCredentials removes the profile's credentials; that there are none is not an error.
// ErrNoCredentialStore when no store is configured; ErrProfileNotFound on a miss.
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

// keyholder returns the profile whose credentials ctx may touch: nobody reaches the credential
// store without passing here.
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
