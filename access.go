package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// access writes to the profile's journal that an access to its credentials has begun, runs it, and
// writes what came of it, even if ctx has ended meanwhile. done is the access's own error. written
// is the journal's, and says whether the access was done.
//
// An access that the journal does not know of would leave no trace if the process ended in it, so
// it does not take place. Deleting does: a secret must not stay because a journal is broken.
func (m *MultiAccountManager) access(
	ctx context.Context, profile AccountProfile, action AccessAction, do func() error,
) (done, written error) {
	p, err := m.writeAccess(ctx, profile, CredentialAccess{Action: action, Outcome: outcomeBegun})
	if err != nil && action != accessDelete {
		return nil, fmt.Errorf("not done, for it cannot be written to the journal: %w", err)
	}
	done = do()
	if err == nil {
		ctx, cancel := outlast(ctx)
		defer cancel()
		err = p.submit(ctx, accessCommand(ctx, CredentialAccess{Action: action, Outcome: outcomeOf(done)}))
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
	ctx context.Context, profile AccountProfile, action AccessAction, reason error,
) error {
	_, err := m.writeAccess(ctx, profile, CredentialAccess{Action: action, Outcome: outcomeOf(reason)})
	if err != nil {
		return errors.Join(reason, fmt.Errorf("this is not in the journal: %w", err))
	}
	return reason
}

// writeAccess writes an access to the journal of a profile that the caller sees.
func (m *MultiAccountManager) writeAccess(
	ctx context.Context, profile AccountProfile, a CredentialAccess,
) (*Portfolio, error) {
	p, err := m.portfolio(ctx, scope{owner: profile.Owner}, profile.ID)
	if err == nil {
		err = p.submit(ctx, accessCommand(ctx, a))
	}
	return p, err
}

// accessCommand returns the command that writes an access by the context's owner, unless the access
// names another.
func accessCommand(ctx context.Context, a CredentialAccess) *command {
	if by, _ := seerOf(ctx); a.By == "" {
		a.By = by.owner
	}
	return &command{task: &a}
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
