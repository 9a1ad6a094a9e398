package accounts

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// AccessAction is what was done, or tried, with a profile's credentials.
type AccessAction string

// The actions.
const (
	AccessSet    AccessAction = "set"
	AccessGet    AccessAction = "get"
	AccessDelete AccessAction = "delete"
	AccessSwitch AccessAction = "switch" // SwitchProfile looked whether they can be read
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
	by, _ := OwnerFromContext(ctx)
	written, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	p, err := m.Portfolio(written, id)
	if err == nil {
		err = p.submit(written, &command{task: &CredentialAccess{Action: action, By: by, Outcome: outcomeOf(outcome)}})
	}
	if err != nil {
		return errors.Join(outcome, fmt.Errorf("write to the journal: %w", err))
	}
	return outcome
}

// CredentialAccesses yields every access to the profile's credentials, oldest first, as the journal
// stands at the call. It reads the journal from the beginning. An error is yielded once, as the last
// pair. Breaking out early is allowed.
func (p *Portfolio) CredentialAccesses(ctx context.Context) iter.Seq2[CredentialAccess, error] {
	return func(yield func(CredentialAccess, error) bool) {
		upTo, _ := p.history()
		for e, err := range p.store.Entries(ctx, p.id, 0) {
			var payload any
			if err == nil {
				if e.Seq > upTo {
					return
				}
				if e.Kind != KindAccess {
					continue
				}
				payload, err = e.Decode()
			}
			if err != nil {
				yield(CredentialAccess{}, fmt.Errorf("credential accesses of profile %q: %w", p.id, err))
				return
			}
			if !yield(*payload.(*CredentialAccess), nil) {
				return
			}
		}
	}
}
