package accounts

import (
	"context"
	"fmt"

	"github.com/ai-ots/accounts/risk"
)

// Dispatch writes that a held order is about to be sent to the broker. An order is dispatched once,
// by whichever process comes first: send the order if Dispatch returns nil, and never otherwise.
// After a crash, an order that was dispatched may have been sent, and one that was not surely was
// not. The dispatch is in the order of the snapshot's report ([risk.WorkingOrder]). Its time is set
// here.
//
// The order is held against the trading state and the profile's status once more: no order is
// dispatched after Halt has returned.
//
// Errors:
//   - ErrOrderNotFound for an order that is not held (any longer);
//   - ErrDispatched for an order that was dispatched before, maybe by a call whose outcome was unknown;
//   - ErrFenced for a number lower than one that the journal has of the lease;
//   - a *RefusalError (ErrRefused) for an order that the state or the status bars. It stays held;
//   - ErrInvalid for a wrong field;
//   - those that [Portfolio] lists for every command. After one of them the order must not be sent.
func (p *Portfolio) Dispatch(ctx context.Context, d risk.Dispatch) error {
	t := &dispatching{dispatch: d}
	err := d.Validate()
	if err == nil {
		err = p.submit(ctx, &command{task: t})
	}
	if err != nil {
		return fmt.Errorf("dispatch order %.60q of profile %q: %w", d.OrderID, p.id, err)
	}
	if !t.decision.Allowed {
		return &RefusalError{ProfileID: p.id, Decision: t.decision}
	}
	return nil
}

// dispatching is the task of writing that an order is about to be sent.
type dispatching struct {
	dispatch risk.Dispatch
	decision risk.Decision
}

// run writes the dispatch of a working order that was not sent.
func (t *dispatching) run(p *Portfolio, _ *command) error {
	d, id := p.draft, t.dispatch.OrderID
	w, works := d.fold.Working(id)
	switch {
	case !works:
		return ErrOrderNotFound
	case w.Ref != "":
		return ErrDispatched
	case t.dispatch.Fence < d.fold.Fence(t.dispatch.Lease):
		return ErrFenced
	}
	if t.decision = p.judgeAgain(&w.Order); !t.decision.Allowed {
		return nil
	}
	t.dispatch.Time = d.now
	return d.add(&t.dispatch)
}
