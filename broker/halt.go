package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Halted says what a kill switch has done to one profile.
type Halted struct {
	Profile accounts.ProfileID `json:"profile"`
	// Err is why the halt itself may not be in the journal; nil if it is, and no order is sent any
	// more.
	Err error `json:"-"`
	// Working are the profile's orders that were sent and are not known to have ended: those that
	// are held, and those that work at the broker though their holds have ended. They may still
	// fill.
	Working []ledger.OrderID `json:"working"`
	// Problem is why it is not known what works at the broker; nil if it is.
	Problem error `json:"-"`
}

// Halt is the kill switch: it halts profiles, all of the engine's that ctx sees if none is named,
// and cancels the orders that the library has sent for them. The halts are durable before anything
// else is done: from then on no order is dispatched, by any process. One that was dispatched before
// and waits for its turn at the broker is called back; one that is on the wire already is among
// those that work. Then every order is cancelled at the broker, again and again, until all have
// ended and their executions are booked, or ctx ends. What orders work still is in the report,
// which has one row for each profile. Orders of others are left alone; see [Engine.CancelExternal].
//
// Where the halt cannot be written, or not soon, the orders are asked to be cancelled all the same;
// the row's Err says that others may be sent.
//
// A process that does not work the login halts, and the process that works it cancels: an engine
// cancels the orders of a profile that any process has halted. The report then says ErrStandby.
// Errors: those of the halts, ErrInvalid for a reason that no journal takes, ErrNotLinked; after
// the last two nothing was done.
func (e *Engine) Halt(ctx context.Context, reason string, profiles ...accounts.ProfileID) ([]Halted, error) {
	if err := risk.CheckReason(reason); err != nil {
		return nil, fmt.Errorf("halt: %w", err)
	}
	list, err := e.named(ctx, profiles)
	if err != nil {
		return nil, err
	}
	report := make([]Halted, len(list))
	var group sync.WaitGroup
	for i, w := range list {
		report[i] = Halted{Profile: w.profile, Working: []ledger.OrderID{}}
		group.Go(func() {
			// A store that does not answer must not outlast the lease, without which nothing can be
			// cancelled.
			asked := make(chan struct{})
			late := time.AfterFunc(e.config.LeaseFor/5, func() { defer close(asked); w.recall(); w.cancelSent(ctx) })
			report[i].Err = w.portfolio.Halt(ctx, reason)
			w.recall()
			if !late.Stop() {
				<-asked
			}
		})
	}
	group.Wait()
	for i, w := range list {
		group.Go(func() { w.clear(ctx, &report[i]) })
	}
	group.Wait()
	var problems []error
	for i := range report {
		if err := report[i].Err; err != nil {
			problems = append(problems, fmt.Errorf("halt profile %q: %w", report[i].Profile, err))
		}
	}
	return report, errors.Join(problems...)
}

// errRecalled is why an order that was on its way has no answer.
var errRecalled = errors.New("the profile was halted while the order was on its way")

// recall calls back the orders that are on their way. One that still waits for its turn at the
// broker is not sent; of one that is on the wire the outcome is not known, and it is looked up.
func (w *worker) recall() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, cancel := range w.flying {
		cancel(errRecalled)
	}
}

// recallIfHalted is recall, for a profile that is halted.
func (w *worker) recallIfHalted() {
	if w.halted() {
		w.recall()
	}
}

// halted reports whether the profile is halted, as far as this process knows.
func (w *worker) halted() bool { return w.portfolio.Snapshot().Risk.State == risk.TradingHalted }

// cancelSent asks the broker to cancel the orders that were sent, without a look: at a broker that
// paces its lists the last of many accounts would be looked at minutes later. Whether it came about
// is for the looks that follow to see, so nothing is made of errors.
func (w *worker) cancelSent(ctx context.Context) {
	s, err := w.engine.working()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.engine.config.Timeout) // a halt that took all the time cancels all the same
	defer cancel()
	for _, o := range w.sentOrders() {
		_ = s.broker.Cancel(ctx, w.account, Ref(o.Ref))
	}
}

// clear cancels what was sent, and looks at the account until no order works, or the context ends.
func (w *worker) clear(ctx context.Context, h *Halted) {
	w.killing.Add(1)
	defer w.killing.Add(-1)
	w.cancelSent(ctx)
	for {
		h.Problem = w.sync(ctx, urgencyHalt)
		h.Working = h.Working[:0]
		for _, o := range w.portfolio.Snapshot().Risk.Orders {
			if o.Ref != "" {
				h.Working = append(h.Working, o.ID)
			}
		}
		w.mu.Lock()
		h.Working = append(h.Working, w.orphans...)
		w.mu.Unlock()
		if len(h.Working) == 0 && h.Problem == nil || h.Err != nil || ctx.Err() != nil ||
			errors.Is(h.Problem, ErrStandby) || errors.Is(h.Problem, ErrClosed) {
			return
		}
		pause(ctx, min(time.Second, w.engine.config.LeaseFor/10))
	}
}

// stop cancels the orders of a halted profile that work at the broker, those whose holds have ended
// too. Of sent orders that are not listed the cancellation is asked as well: a list may lack what
// works.
func (w *worker) stop(ctx context.Context, b Broker, sent []risk.WorkingOrder, orders Answer[Order]) error {
	if w.killing.Load() == 0 && !w.halted() {
		return nil
	}
	var problems []error
	note := func(name string, err error) {
		if err != nil && !errors.Is(err, ErrOrderNotFound) {
			problems = append(problems, fmt.Errorf("cancel order %.40q: %w", name, err))
		}
	}
	listed := map[Ref]bool{}
	for i := range orders.List {
		o := &orders.List[i]
		if o.Account != w.account || o.Ref == "" {
			continue
		}
		listed[o.Ref] = true
		if o.Status.Terminal() || o.Status == OrderCancelling {
			continue
		}
		_, own, err := w.orderOf(ctx, o.Ref)
		if own {
			err = b.CancelByID(ctx, w.account, o.BrokerID)
		}
		note(o.BrokerID, err)
	}
	for i := range sent {
		if ref := Ref(sent[i].Ref); !listed[ref] {
			note(string(ref), b.Cancel(ctx, w.account, ref))
		}
	}
	return errors.Join(problems...)
}
