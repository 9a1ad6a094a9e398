package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// access writes to the journals concerned that an access to the credentials of the profile's login
// has begun, runs it, and writes what came of it, even if ctx has ended meanwhile. done is the
// access's own error. written is the journals', and says whether the access was done.
//
// An access that the journals do not know of would leave no trace if the process ended in it, so
// it does not take place. Deleting does: a secret must not stay because a journal is broken.
func (m *MultiAccountManager) access(
	ctx context.Context, profile AccountProfile, a CredentialAccess, do func() error,
) (done, written error) {
	concerned := []AccountProfile{profile}
	if a.Action == accessSet { // the others' credentials change too
		sharers, err := m.loginSharers(ctx, profile)
		if err != nil {
			return nil, fmt.Errorf("not done, for it cannot be written to every journal: %w", err)
		}
		concerned = append(concerned, sharers...)
	}
	a.Outcome = outcomeBegun
	err := m.writeAccesses(ctx, concerned, a)
	if err != nil && a.Action != accessDelete {
		return nil, fmt.Errorf("not done, for it cannot be written to the journal: %w", err)
	}
	done = do()
	if err == nil {
		ctx, cancel := outlast(ctx)
		defer cancel()
		a.Outcome = outcomeOf(done)
		err = m.writeAccesses(ctx, concerned, a)
	}
	if err != nil {
		written = fmt.Errorf("what came of it is not in the journal: %w", err)
		if done == nil {
			written = fmt.Errorf("done, but %w", written)
		}
	}
	return done, written
}

// refuse writes that an access was refused for the reason, and returns the reason.
func (m *MultiAccountManager) refuse(
	ctx context.Context, profile AccountProfile, a CredentialAccess, reason error,
) error {
	a.Outcome = outcomeOf(reason)
	if err := m.writeAccesses(ctx, []AccountProfile{profile}, a); err != nil {
		return errors.Join(reason, fmt.Errorf("this is not in the journal: %w", err))
	}
	return reason
}

// writeAccesses writes an access to the journal of the first profile, through which it takes place,
// and to those of others that share its login, as far as it comes. A corrupt journal of another's,
// whose profile cannot trade, does not keep a login from being changed.
func (m *MultiAccountManager) writeAccesses(ctx context.Context, concerned []AccountProfile, a CredentialAccess) error {
	for i, p := range concerned {
		a.Login = p.Login
		if i > 0 {
			a.Through = concerned[0].ID
		}
		if err := m.writeAccess(ctx, p, a); err != nil && (i == 0 || !errors.Is(err, ErrCorrupt)) {
			return fmt.Errorf("profile %q: %w", p.ID, err)
		}
	}
	return nil
}

// writeAccess writes an access to the journal of a profile. It is one by the context's owner,
// unless the access names another.
func (m *MultiAccountManager) writeAccess(ctx context.Context, profile AccountProfile, a CredentialAccess) error {
	p, err := m.portfolio(ctx, scope{owner: profile.Owner}, profile.ID)
	if err != nil {
		return err
	}
	if by, _ := seerOf(ctx); a.By == "" {
		a.By = by.owner
	}
	return p.submit(ctx, &command{task: &a})
}

// settleTime is how long after its caller's end a call goes on with what must not be left undone.
const settleTime = 5 * time.Second

// outlast returns a context that ends settleTime after ctx does.
func outlast(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(settleTime)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() { stop(); cancel() }
}
