package accounts

import (
	"context"
	"fmt"
)

// SetCredentials stores c as the whole of the profile's credentials, in place of what was there.
// ErrNoCredentialStore when none is configured; ErrProfileNotFound on a miss;
// ErrProfileNotActive for an archived profile, which has no use for them any more; ErrInvalid for
// credentials that are not valid.
//
// Every access to a profile's credentials, also one that fails, is an entry in its journal, without
// the secret: see Portfolio.CredentialAccesses. What cannot be written there is an error, and
// Credentials hands out nothing then.
func (m *MultiAccountManager) SetCredentials(ctx context.Context, id ProfileID, c Credentials) error {
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
		err = m.accessed(ctx, id, AccessSet, err)
	}
	if err != nil {
		return fmt.Errorf("set credentials of profile %.60q: %w", id, err)
	}
	return nil
}

// Credentials returns the profile's credentials. ErrNoCredentialStore when no store is configured;
// ErrProfileNotFound on a miss; ErrCredentialsNotFound when the profile has none.
func (m *MultiAccountManager) Credentials(ctx context.Context, id ProfileID) (Credentials, error) {
	_, err := m.keyholder(ctx, id)
	var c Credentials
	if err == nil {
		c, err = m.creds.Get(ctx, id)
		err = m.accessed(ctx, id, AccessGet, err)
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
		err = m.accessed(ctx, id, AccessDelete, m.creds.Delete(ctx, id))
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
