package accounts

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ai-ots/accounts/credentials"
)

// LoginID is an owner's name for a login: a user at the broker, through whom one account or several
// are reached. It is 1 to 50 bytes of printable ASCII without spaces. Profiles of one owner that
// name the same login share its credentials. Two owners who choose the same id have a login each,
// and neither learns of the other's.
type LoginID string

// LoginKey is the name of a login in a [CredentialStore], in which logins of all owners are. See
// AccountProfile.LoginKey.
type LoginKey string

// LoginKey returns the key under which a credential store has the profile's login: the profile's
// own id where Login is empty, and else the owner and Login with a space between them. No id has a
// space, so that no profile has the key of another owner's login. For a profile of other making
// with a space in one of the three, the key is empty: every credential store refuses an empty key.
func (p AccountProfile) LoginKey() LoginKey {
	for _, part := range []string{string(p.ID), string(p.Owner), string(p.Login)} {
		if strings.Contains(part, " ") {
			return ""
		}
	}
	if p.Login == "" {
		return LoginKey(p.ID)
	}
	return LoginKey(string(p.Owner) + " " + string(p.Login))
}

// loginSharers returns the other profiles, in any status but archived, that name the profile's
// login.
func (m *MultiAccountManager) loginSharers(ctx context.Context, p AccountProfile) ([]AccountProfile, error) {
	if p.Login == "" {
		return nil, nil
	}
	list, err := m.store.Profiles(ctx, ProfileFilter{Owner: &p.Owner,
		Statuses: []ProfileStatus{StatusActive, StatusInactive, StatusSuspended}})
	if err != nil {
		return nil, fmt.Errorf("look for other profiles of the login: %w", err)
	}
	var sharers []AccountProfile
	for _, other := range list {
		if other.ID != p.ID && other.Login == p.Login {
			sharers = append(sharers, other)
		}
	}
	return sharers, nil
}

// checkUnshared returns ErrLoginShared if other profiles name the profile's login.
func (m *MultiAccountManager) checkUnshared(ctx context.Context, p AccountProfile) error {
	sharers, err := m.loginSharers(ctx, p)
	if err != nil || len(sharers) == 0 {
		return err
	}
	var names []string
	for _, other := range sharers {
		names = append(names, fmt.Sprintf("%q", other.ID))
	}
	return fmt.Errorf("%w: login %q, by %s", ErrLoginShared, p.Login, strings.Join(names, ", "))
}

// dropLogins deletes what an archived profile has in the credential store: what is under its own
// id, and the login that it names, unless another profile names it too. Of two profiles that are
// archived at once, each is marked before it looks here, so that the last one finds no other.
func (m *MultiAccountManager) dropLogins(ctx context.Context, p AccountProfile) error {
	own := p
	own.Login = ""
	err := m.creds.Delete(ctx, own.LoginKey())
	if p.Login == "" {
		return err
	}
	sharers, failed := m.loginSharers(ctx, p)
	if failed == nil && len(sharers) == 0 {
		failed = m.creds.Delete(ctx, p.LoginKey())
	}
	return errors.Join(err, failed)
}

// readKinds returns nil if the login has credentials, and all of them can be read.
func (m *MultiAccountManager) readKinds(ctx context.Context, key LoginKey) error {
	kinds, err := m.creds.Kinds(ctx, key)
	if err == nil && len(kinds) == 0 {
		err = fmt.Errorf("%w: login %q has none", ErrCredentialsNotFound, key)
	}
	for _, kind := range kinds {
		c, failed := m.creds.Get(ctx, key, kind)
		c.Wipe()
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("kind %q: %w", kind, failed))
		}
	}
	return err
}

// checkKind returns ErrInvalid for a kind that no credentials have.
func checkKind(kind credentials.Kind) error {
	if !kind.Valid() {
		return fmt.Errorf("%w: kind of credentials %.40q is unknown", ErrInvalid, kind)
	}
	return nil
}
