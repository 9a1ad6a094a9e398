package accounts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// AllowSharedAccounts lets several active profiles of one owner have the same account at the
// broker. Each keeps a book, equity and limits of its own, and knows nothing of the others' orders:
// together they may hold several times what the limits of one permit.
//
// Without this option CreateProfile and UpdateProfile refuse a second active profile with
// ErrAccountTaken. They look before they write and again after that, and take back what two
// processes did at the same moment, even on both sides. A process that ends, or loses the store,
// between its write and the second look leaves two; so does whoever writes profiles past the
// manager. Profiles that share an account already are left as they are.
//
// Profiles of different owners are no refusal, since one owner must not learn of another's
// accounts. The logger is told, with the profile's id alone; under AsSystem, ListProfiles by
// IBKRAccountID shows whose they are.
func AllowSharedAccounts() ManagerOption {
	return func(m *MultiAccountManager) { m.shared = true }
}

// checkAccount returns ErrAccountTaken if another active profile of the owner has the account at
// the broker that p is to have.
func (m *MultiAccountManager) checkAccount(ctx context.Context, p AccountProfile) error {
	_, err := m.sharers(ctx, p)
	return err
}

// confirmAccount looks again once p is stored. Of two processes that store at the same moment, the
// one that stores last finds the other's. What it stored is replaced by back then: a look that
// fails counts as one that finds somebody. It returns the profile as stored.
func (m *MultiAccountManager) confirmAccount(ctx context.Context, p, back AccountProfile) (AccountProfile, error) {
	foreign, err := m.sharers(ctx, p)
	if err == nil {
		if foreign {
			m.tel.logAt(ctx, slog.LevelWarn, "account at the broker has active profiles of several owners", profileAttr(p.ID))
		}
		return p, nil
	}
	undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	back.Version, back.UpdatedAt = p.Version, m.now()
	if failed := m.store.UpdateProfile(undo, back); failed != nil {
		return p, errors.Join(err, fmt.Errorf("it is stored, and could not be taken back: %w", failed))
	}
	back.Version++
	return back, err
}

// sharers returns ErrAccountTaken if another active profile of p's owner has p's account at the
// broker, and whether one of another owner has. The question is the same in either case.
func (m *MultiAccountManager) sharers(ctx context.Context, p AccountProfile) (foreign bool, err error) {
	if m.shared || p.Status != StatusActive {
		return false, nil
	}
	list, err := m.store.Profiles(ctx, ProfileFilter{IBKRAccountID: p.IBKRAccountID, Statuses: []ProfileStatus{StatusActive}})
	if err != nil {
		return false, fmt.Errorf("look for other profiles of the account: %w", err)
	}
	for _, other := range list {
		switch {
		case other.ID == p.ID:
		case other.Owner == p.Owner:
			return false, fmt.Errorf("%w: by profile %q", ErrAccountTaken, other.ID)
		default:
			foreign = true
		}
	}
	return foreign, nil
}
