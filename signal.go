package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ai-ots/accounts/internal/exposure"
	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/text"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/sizing"
)

// SignalAction says what a signal wants done.
type SignalAction string

// The actions.
const (
	SignalBuy  SignalAction = "buy"  // open or add, long
	SignalSell SignalAction = "sell" // open or add, short
	// SignalClose closes the position of a profile in the contract, less what working orders close
	// already. It is not sized.
	SignalClose SignalAction = "close"
)

// Signal is one decision to trade, the same for every account. The size is each account's own.
type Signal struct {
	ID         risk.SignalID     `json:"id"`
	Instrument ledger.Instrument `json:"instrument"`
	Action     SignalAction      `json:"action"`
	Price      ledger.Decimal    `json:"price,omitzero"` // limit per unit in the instrument's currency; zero for an order at the market, sized at the mark

	// What some sizers need; zero if not known.

	Confidence ledger.Decimal `json:"confidence,omitzero"` // that it wins, 0 to 1
	Volatility ledger.Decimal `json:"volatility,omitzero"` // of the contract, annualized, 0.2 for 20 %
	Payoff     ledger.Decimal `json:"payoff,omitzero"`     // average win ÷ average loss

	Strategy string    `json:"strategy,omitempty"` // tag of the orders
	Sector   string    `json:"sector,omitempty"`   // tag of the orders
	Expires  time.Time `json:"expires,omitzero"`   // no order is made later; zero for never
}

// normalize fills in the instrument's defaults, trims the price and checks every field.
func (s *Signal) normalize() error {
	v := &ValidationError{What: "signal"}
	v.Check(len(s.ID) >= 1 && len(s.ID) <= risk.MaxSignalID && text.Printable(string(s.ID), true), "ID",
		"%.120q is not 1 to %d printable bytes", s.ID, risk.MaxSignalID)
	v.Check(slices.Contains([]SignalAction{SignalBuy, SignalSell, SignalClose}, s.Action), "Action",
		"%.20q is none of buy, sell, close", s.Action)
	v.Check(!s.Confidence.IsNeg() && !s.Confidence.GreaterThan(num.One), "Confidence", "%s is not 0 to 1", s.Confidence)
	num.CheckMagnitude(v, "Volatility", s.Volatility, num.MaxFraction)
	num.CheckMagnitude(v, "Payoff", s.Payoff, num.MaxInput)
	err := v.Err()
	if err == nil {
		// All else is as in an order.
		o := s.order("p", num.One)
		err = o.Normalize()
		s.Instrument, s.Price = o.Instrument, o.Price
	}
	if err != nil {
		return fmt.Errorf("signal %.60q: %w", s.ID, err)
	}
	return nil
}

// order returns the profile's order for the quantity.
func (s *Signal) order(id ProfileID, quantity ledger.Decimal) risk.Order {
	return risk.Order{
		ID:         ledger.OrderID(string(s.ID) + "@" + string(id)),
		Instrument: s.Instrument, Quantity: quantity, Price: s.Price,
		Strategy: s.Strategy, Sector: s.Sector, Signal: s.ID,
	}
}

// sizing returns what the signal says about the size of a profile's order.
func (s *Signal) sizing(id ProfileID) sizing.Sizing {
	return sizing.Sizing{
		Profile: string(id), Signal: s.ID, Instrument: s.Instrument, Sells: s.Action == SignalSell, Price: s.Price,
		Strategy: s.Strategy, Sector: s.Sector, Confidence: s.Confidence, Volatility: s.Volatility, Payoff: s.Payoff,
	}
}

// Allocation is the outcome of a signal in one profile: an order whose exposure is held, or the
// reason why there is none.
type Allocation struct {
	ProfileID ProfileID     `json:"profile_id"`
	Order     risk.Order    `json:"order"` // its ID is the signal's and the profile's with an @ between them
	Decision  risk.Decision `json:"decision"`
	// Err is nil if the order is held. It matches ErrRefused (a *RefusalError) if it was refused;
	// anything else says that the profile could not be asked, and the order must not be sent.
	Err error `json:"error,omitempty"`
}

// Held reports whether the order's exposure is held: the order is to be sent, or was sent.
func (a Allocation) Held() bool { return a.Err == nil && a.Decision.Allowed }

// ToSend reports whether the order is held since this call, and is to be sent. An order that is
// Held and not ToSend is a repeat, of a signal that was routed before: it may have been sent then,
// so ask the broker whether it has the order, by its ID, before sending it.
func (a Allocation) ToSend() bool { return a.Held() && !a.Decision.Repeat }

// RouteOption configures Route.
type RouteOption func(*route)

// ToProfiles routes to these profiles instead of all active ones. Of several ToProfiles, all count.
func ToProfiles(ids ...ProfileID) RouteOption {
	return func(r *route) { r.ids = append(r.ids, ids...); r.chosen = true }
}

// WithSizer sizes the orders by s instead of sizing.FixedFraction.
func WithSizer(s sizing.Sizer) RouteOption { return func(r *route) { r.sizer = s } }

// AllOrNone releases every order if any profile refuses or fails. Orders are released even when ctx
// has ended by then: that takes ten seconds more at most. An order that was held when the signal
// was routed before, and is filled, or released by the caller, or barred by a halt by now, is no
// refusal. An order that AllOrNone released is one: a signal that was let go stays let go.
//
// An order that was held before is released if a profile refuses, and not if one merely fails: it
// may have been sent. So name the profiles with ToProfiles where a signal may be routed again: a
// profile that came in between, and refuses, would have the others' orders released.
//
// An order that is still held though not all profiles took the signal, or may be, has ErrStillHeld
// in its Allocation.
func AllOrNone() RouteOption { return func(r *route) { r.allOrNone = true } }

// letGoTime is how long AllOrNone takes to release orders, whatever the caller's context says.
const letGoTime = 10 * time.Second

// OnAllocation calls f with each profile's outcome as soon as it is known, under AllOrNone once all
// are known. Calls come one after another, from goroutines of Route. f must neither block for long
// nor panic.
func OnAllocation(f func(Allocation)) RouteOption { return func(r *route) { r.each = f } }

// ProfileTimeout gives every profile the time d, as far as its store heeds contexts. A profile that
// takes longer counts as failed, although its entry may still become durable: routing the signal
// again returns it. Without this option a profile has as long as ctx.
func ProfileTimeout(d time.Duration) RouteOption { return func(r *route) { r.timeout = d } }

// route is one call of Route.
type route struct {
	m         *MultiAccountManager
	scope     scope
	signal    Signal
	sizer     sizing.Sizer
	ids       []ProfileID
	chosen    bool
	allOrNone bool
	each      func(Allocation)
	timeout   time.Duration
	key       ledger.InstrumentKey // the signal's
	stand     []standing           // of each profile's order
}

// standing is where a profile's order stands, for AllOrNone.
type standing int

const (
	untaken standing = iota // refused: there is no order, and there was none to be sent
	failed                  // nobody knows
	taken                   // held since this call
	repeat                  // held since an earlier call
	done                    // filled or released since an earlier call
)

// Route makes orders of a signal in every active profile that ctx sees, or in those of ToProfiles.
// Each order is sized to the equity of its profile, in whole units rounded down, and then checked
// and held as [Portfolio.Reserve] does. All profiles work at the same time: a failure of one
// neither stops nor delays another. Route returns when all have an outcome, in ascending order of
// ids, or in the order of ToProfiles.
//
// The outcome is durable in each profile. Routing the signal again makes no second order: it
// returns the same outcome as a repeat (see [Allocation.ToSend]), or a refusal by RuleDone once the
// order is filled or released, or by RuleState or RuleStatus while these bar it. A profile that
// could not tell, for want of marks, rates or equity, decides anew.
//
// Errors that keep the signal from being routed at all:
//   - ErrInvalid for an invalid signal or option, and for a profile named twice;
//   - the store's error if the profiles could not be listed.
//
// Errors of one profile, in its Allocation:
//   - a *RefusalError (ErrRefused) if the order is refused, ErrUndecided too if it may be decided again;
//   - ErrStillHeld under AllOrNone;
//   - ErrProfileNotFound for a profile that ctx does not see;
//   - ErrIDReused if the order's id belongs to another signal;
//   - those of [MultiAccountManager.Portfolio] and of the commands of [Portfolio].
func (m *MultiAccountManager) Route(ctx context.Context, signal Signal, opts ...RouteOption) ([]Allocation, error) {
	r := &route{m: m, signal: signal}
	if err := r.prepare(ctx, opts); err != nil {
		return nil, fmt.Errorf("route: %w", err)
	}
	return r.run(ctx), nil
}

// prepare takes the options, and finds the profiles.
func (r *route) prepare(ctx context.Context, opts []RouteOption) (err error) {
	if r.scope, err = r.m.enter(ctx); err != nil {
		return err
	}
	r.sizer = sizing.FixedFraction{}
	for _, o := range opts {
		if o == nil {
			return fmt.Errorf("%w: nil option", ErrInvalid)
		}
		o(r)
	}
	if r.sizer == nil || r.timeout < 0 {
		return fmt.Errorf("%w: no sizer, or a negative timeout", ErrInvalid)
	}
	if err := r.signal.normalize(); err != nil {
		return err
	}
	r.key = r.signal.Instrument.Key()
	return r.targets(ctx)
}

// run makes the orders.
func (r *route) run(ctx context.Context) []Allocation {
	out := make([]Allocation, len(r.ids))
	r.stand = make([]standing, len(r.ids))
	var mu sync.Mutex // one call of each at a time
	spread(len(out), func(i int) {
		out[i], r.stand[i] = r.allocate(ctx, r.ids[i])
		if r.each != nil && !r.allOrNone {
			mu.Lock()
			defer mu.Unlock()
			r.each(out[i])
		}
	})
	if r.allOrNone {
		r.settle(ctx, out)
	}
	return out
}

// spread calls do for 0 to n−1, all at the same time, and returns when all calls have returned.
func spread(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

// targets finds the profiles to route to, each once.
func (r *route) targets(ctx context.Context) error {
	if !r.chosen {
		f := ProfileFilter{Statuses: []ProfileStatus{StatusActive}}
		if !r.scope.all {
			f.Owner = &r.scope.owner
		}
		list, err := r.m.store.Profiles(ctx, f)
		for _, p := range list {
			r.ids = append(r.ids, p.ID)
		}
		return err
	}
	seen := make(map[ProfileID]bool, len(r.ids))
	for _, id := range r.ids {
		if seen[id] {
			return fmt.Errorf("%w: profile %.60q is named twice", ErrInvalid, id)
		}
		seen[id] = true
	}
	return nil
}

// allocate makes the order of one profile.
func (r *route) allocate(ctx context.Context, id ProfileID) (Allocation, standing) {
	if r.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.timeout)
		defer cancel()
	}
	a := Allocation{ProfileID: id, Order: r.signal.order(id, ledger.Decimal{})}
	p, err := r.m.portfolio(ctx, r.scope, id)
	if err == nil {
		t := &routing{signal: &r.signal, sizer: r.sizer}
		t.hold.Order, t.key = a.Order, r.key
		if err = p.submit(ctx, &command{task: t}); err == nil {
			return t.allocation(id), t.standing()
		}
	}
	a.Decision.OrderID = a.Order.ID
	a.Err = fmt.Errorf("route to profile %q: %w", id, err)
	return a, failed
}

// standing returns where the order stands.
func (t *routing) standing() standing {
	switch {
	case t.other:
		return untaken
	case t.held:
		return repeat
	case t.decision.Broken(risk.RuleDone):
		return done
	case t.decision.Allowed:
		return taken
	}
	return untaken
}

// settle releases what the call held, unless every profile took the signal. What an earlier call
// held is released only where a profile refused: then that call's orders were never to be sent.
func (r *route) settle(ctx context.Context, out []Allocation) {
	if slices.Contains(r.stand, untaken) || slices.Contains(r.stand, failed) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), letGoTime)
		defer cancel()
		refused := slices.Contains(r.stand, untaken)
		spread(len(out), func(i int) {
			switch {
			case r.stand[i] == taken, r.stand[i] == repeat && refused:
				r.letGo(ctx, &out[i])
			case r.stand[i] == repeat:
				out[i].Err = errors.Join(fmt.Errorf("route to profile %q: %w since the signal was routed before, and another profile failed",
					out[i].ProfileID, ErrStillHeld), out[i].Err)
			case r.stand[i] == failed && !errors.Is(out[i].Err, ErrProfileNotFound):
				out[i].Err = fmt.Errorf("%w, or may be: %w", ErrStillHeld, out[i].Err)
			}
		})
	}
	if r.each != nil {
		for _, a := range out {
			r.each(a)
		}
	}
}

// letGo releases one order.
func (r *route) letGo(ctx context.Context, a *Allocation) {
	const reason = "another profile did not take the signal"
	p, err := r.m.portfolio(ctx, r.scope, a.ProfileID)
	if err == nil {
		err = p.submit(ctx, &command{task: &releasing{id: a.Order.ID, cause: risk.RuleAllOrNone, reason: reason}})
	}
	if err != nil {
		a.Err = fmt.Errorf("route to profile %q: %w, and could not be let go: %w", a.ProfileID, ErrStillHeld, err)
		return
	}
	v := risk.Violation{Rule: risk.RuleAllOrNone, Reason: reason}
	a.Decision = risk.Decision{OrderID: a.Order.ID, Violations: []risk.Violation{v}}
	a.Err = &RefusalError{ProfileID: a.ProfileID, Decision: a.Decision}
}

// routing is the task of making one profile's order of a signal.
type routing struct {
	reservation
	signal *Signal
	key    ledger.InstrumentKey // the signal's
	sizer  sizing.Sizer
	other  bool // the id was another signal's
}

// allocation returns the outcome of the task.
func (t *routing) allocation(id ProfileID) Allocation {
	a := Allocation{ProfileID: id, Order: t.hold.Order, Decision: t.decision, Err: t.refused(id)}
	if t.decided != nil {
		a.Order = *t.decided
	}
	if t.other {
		a.Decision = risk.Decision{OrderID: t.hold.Order.ID}
		a.Err = fmt.Errorf("route to profile %q: signal %q: %w", id, t.signal.ID, ErrIDReused)
	}
	return a
}

// run takes over an earlier decision, or sizes the order and decides.
func (t *routing) run(p *Portfolio, cmd *command) error {
	t.other = false
	if done, err := t.recall(p, cmd); done || err != nil {
		t.other = t.decided != nil && !t.matches(t.decided)
		return err
	}
	if err := p.writePreconditions(cmd); err != nil {
		return err
	}
	if v := t.expired(p.draft.now); v.Rule != "" {
		return t.refuse(p, cmd, v)
	}
	quantity, v := t.size(p.id, t.measure(p))
	if v.Rule != "" {
		return t.refuse(p, cmd, v)
	}
	t.hold.Order.Quantity = quantity
	if err := t.hold.Normalize(); err != nil {
		return t.refuse(p, cmd, risk.Violation{Rule: risk.RuleSize, Reason: printable(err.Error())})
	}
	return p.decideOrder(&t.reservation, cmd)
}

// expired returns a violation of a signal that is too old.
func (t *routing) expired(now time.Time) risk.Violation {
	at := t.signal.Expires
	if at.IsZero() || !now.After(at) {
		return risk.Violation{}
	}
	return risk.Violation{Rule: risk.RuleExpired, Reason: "the signal expired at " + at.UTC().Format(time.RFC3339)}
}

// matches reports whether an order was made of this signal.
func (t *routing) matches(o *risk.Order) bool {
	return o.Signal == t.signal.ID && o.Instrument.Key() == t.key && o.Price.Equal(t.signal.Price) &&
		o.Strategy == t.signal.Strategy && o.Sector == t.signal.Sector &&
		(t.signal.Action == SignalClose || o.Quantity.IsZero() || o.Quantity.IsNeg() == (t.signal.Action == SignalSell))
}

// refuse writes that there is no order, and why.
func (t *routing) refuse(p *Portfolio, cmd *command, v risk.Violation) error {
	t.hold.Order.Quantity = ledger.Decimal{}
	t.decision = risk.Decision{OrderID: t.hold.Order.ID, Violations: []risk.Violation{v}}
	return p.writeRefusal(&t.reservation, cmd)
}

// size returns the number of units to trade, signed, or the violation for which there are none.
func (t *routing) size(id ProfileID, at exposure.Measure) (ledger.Decimal, risk.Violation) {
	if t.signal.Action == SignalClose {
		if at.Left.IsZero() {
			return ledger.Decimal{}, risk.Violation{Rule: risk.RuleSize, Reason: "nothing to close"}
		}
		return at.Left, risk.Violation{}
	}
	switch {
	case !at.Known:
		return ledger.Decimal{}, risk.Violation{Rule: risk.RuleEquity, Subject: at.Lacking,
			Reason: "no mark or conversion rate"}
	case !at.Unit.IsPos():
		return ledger.Decimal{}, risk.Violation{Rule: risk.RuleNoMark, Subject: string(t.key),
			Reason: "no mark or conversion rate to size by"}
	}
	sizing := t.signal.sizing(id)
	sizing.Limits, sizing.Equity, sizing.Unit = at.Limits, at.Equity, at.Unit
	notional, err := sizeBy(t.sizer, sizing)
	if err != nil {
		return ledger.Decimal{}, risk.Violation{Rule: risk.RuleSize, Reason: printable(err.Error())}
	}
	quantity := units(notional, sizing.Unit)
	if quantity.IsZero() {
		return ledger.Decimal{}, risk.Violation{Rule: risk.RuleSize, Limit: notional, Actual: sizing.Unit,
			Reason: "one unit is more than the size"}
	}
	if t.signal.Action == SignalSell {
		quantity = quantity.Neg()
	}
	return quantity, risk.Violation{}
}

// measure measures the draft for the order.
func (t *routing) measure(p *Portfolio) exposure.Measure {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.checking.Measure(p.draft.fold.Account, p.draftMarket(), &t.hold.Order, t.signal.Action == SignalSell)
}

// sizeBy asks a sizer. It recovers from a panic: the process may have orders working in other
// profiles.
func sizeBy(s sizing.Sizer, sizing sizing.Sizing) (notional ledger.Decimal, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("sizer panicked: %v", r)
		}
	}()
	return s.Notional(sizing)
}

// printable returns a foreign text in the form that a journal keeps: short, and printable, so that
// it is the same when it is read again.
func printable(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
}

// units returns how many whole units an amount is enough for.
func units(amount, unit ledger.Decimal) ledger.Decimal {
	n, err := amount.Div(unit)
	if err != nil || !n.IsPos() {
		return ledger.Decimal{}
	}
	return n.Trunc(0)
}
