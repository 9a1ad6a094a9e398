package broker

import (
	"context"
	"fmt"

	"github.com/ai-ots/accounts"
)

// Candidate is an account that the login sees, and whether a profile can be linked to it.
type Candidate struct {
	Account Account            `json:"account"`
	Verdict Verdict            `json:"verdict"`
	Profile accounts.ProfileID `json:"profile,omitempty"` // the engine's profile that has the account
}

// Verdict says whether a profile can be linked to an account.
type Verdict string

// The verdicts on an account.
const (
	Free         Verdict = "free"          // no profile of the engine's has it
	Linked       Verdict = "linked"        // a profile of the engine's has it
	ViewOnly     Verdict = "view_only"     // the login may not trade in it
	NotWhole     Verdict = "not_whole"     // it is a segment or a group
	ModeUnclear  Verdict = "mode_unclear"  // the broker's sources contradict each other on paper or live
	CurrencyGone Verdict = "currency_gone" // the broker does not say its base currency
)

// verdict returns what speaks against an account; Free for nothing.
func verdict(a *Account) Verdict {
	switch {
	case a.Kind != WholeAccount:
		return NotWhole
	case !a.Tradable:
		return ViewOnly
	case a.Mode == "":
		return ModeUnclear
	case a.Currency == "":
		return CurrencyGone
	}
	return Free
}

// Discover returns the accounts that the login sees. Errors: ErrStandby, those of [Broker].
func (e *Engine) Discover(ctx context.Context) ([]Candidate, error) {
	s, err := e.working()
	if err != nil {
		return nil, err
	}
	answer, err := s.broker.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Candidate, len(answer.List))
	for i, a := range answer.List {
		list[i] = Candidate{Account: a, Verdict: verdict(&a)}
		for _, w := range e.all() {
			if w.account == a.ID {
				list[i].Profile = w.profile
				if list[i].Verdict == Free {
					list[i].Verdict = Linked
				}
			}
		}
	}
	return list, nil
}

// Attach adds a profile to those that the engine works: its account is the profile's IBKRAccountID.
// The account is checked against the profile before anything is booked or sent, with every session:
// the login may trade in it, it is a whole account, its mode and base currency are the profile's.
// Attaching a profile again does nothing. Errors: ErrProfileNotFound, ErrNotLinked for a profile
// that is not active and for an account that another profile of the engine's has, ErrClosed.
func (e *Engine) Attach(ctx context.Context, id accounts.ProfileID) error {
	w, err := newWorker(ctx, e, id)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	if e.workers[id] != nil {
		return nil
	}
	for _, other := range e.workers {
		if other.account == w.account {
			return fmt.Errorf("profile %q: %w: profile %q has account %s", id, ErrNotLinked, other.profile, w.account)
		}
	}
	e.workers[id] = w
	if e.starting != nil {
		e.starting(w)
	}
	return nil
}

// check looks the worker's account up in the login, and holds it against the profile.
func (w *worker) check(ctx context.Context, b Broker) error {
	p, err := w.engine.config.Manager.Profile(ctx, w.profile)
	if err != nil {
		return err
	}
	answer, err := b.Accounts(ctx)
	if err != nil {
		return err
	}
	for i := range answer.List {
		a := &answer.List[i]
		if a.ID != w.account {
			continue
		}
		switch v := verdict(a); {
		case v != Free:
			return fmt.Errorf("%w: account %s is %s", ErrNotLinked, a.ID, v)
		case a.Mode != p.Mode:
			return fmt.Errorf("%w: account %s is %s, and the profile %s", ErrNotLinked, a.ID, a.Mode, p.Mode)
		case a.Currency != p.BaseCurrency:
			return fmt.Errorf("%w: account %s is in %s, and the profile in %s", ErrNotLinked, a.ID, a.Currency, p.BaseCurrency)
		}
		return nil
	}
	return fmt.Errorf("account %s: %w", w.account, ErrForeignAccount)
}
