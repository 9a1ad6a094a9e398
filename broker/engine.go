package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
)

// Config is what an [Engine] works with. Manager, Login and Connect are required.
type Config struct {
	// Login names the login, to the lease and to people: 1 to 100 printable bytes.
	Login   string
	Manager *accounts.MultiAccountManager
	// Connect opens the session with the broker. It is called when the engine may work, and again
	// after the session was closed. The engine closes what Connect returns.
	Connect func(ctx context.Context) (Broker, error)
	// Profiles are those whose accounts the login works. [Engine.Attach] adds others.
	Profiles []accounts.ProfileID

	// Adopt makes what an account holds the beginning of a profile without a fact: its positions at
	// the broker's average costs, marked as inferred, and its cash. A position without an average
	// cost keeps the account from being ready. A statement tells better: costs by lots, and what
	// moved before. Without Adopt, and without a beginning that was recorded, what the account
	// holds is a break.
	Adopt bool

	// Leases keep two processes from working the login at once: one works, the others wait. Without
	// a LeaseStore the process is taken to be the only one.
	Leases accounts.LeaseStore
	// Holder names the process to the lease store, as no other process is named.
	Holder string
	// LeaseFor is how long a lease runs: another process takes over after that time at the latest;
	// 15 s if zero.
	LeaseFor time.Duration

	// Poll is how often each account is looked at, whatever hints the broker gives; 15 s if zero.
	// Below zero accounts are looked at on hints, and by [Engine.Sync], alone.
	Poll time.Duration
	// Timeout bounds every look at an account, and every order's way to the broker; 30 s if zero.
	// The accounts of a login are asked about one after another: the time that a look waits for its
	// turn is not counted.
	Timeout time.Duration
	// CheckEvery is how often positions and cash are held against the book; a minute if zero.
	CheckEvery time.Duration
	// BeforeReset is how long before the session's known end no order is sent any more; two minutes
	// if zero.
	BeforeReset time.Duration
	// ReduceOnBreak makes a profile reduce where its positions differ from the broker's, twice in a
	// row.
	ReduceOnBreak bool
	// Closes returns the first close of the exchange after a time: equity points are taken at
	// closes, and an order for the day has ended six hours after one. [NewYorkClose] if nil.
	Closes func(after time.Time) time.Time
	// Clock tells the time; time.Now if nil.
	Clock func() time.Time
	// Notify hears what happens, one notice after another. It must be quick, and must not call the
	// engine.
	Notify func(Notice)
}

// withDefaults fills in what is left out, and checks the rest.
func (c Config) withDefaults() (Config, error) {
	v := &invalid.Error{What: "config"}
	v.Check(c.Login != "" && len(c.Login) <= 100, "Login", "is not 1 to 100 bytes")
	v.Check(c.Manager != nil, "Manager", "is missing")
	v.Check(c.Connect != nil, "Connect", "is missing")
	for name, d := range map[string]*struct {
		value    *time.Duration
		standard time.Duration
	}{
		"LeaseFor": {&c.LeaseFor, 15 * time.Second}, "Timeout": {&c.Timeout, 30 * time.Second},
		"CheckEvery": {&c.CheckEvery, time.Minute}, "BeforeReset": {&c.BeforeReset, 2 * time.Minute},
	} {
		if *d.value == 0 {
			*d.value = d.standard
		}
		v.Check(*d.value > 0, name, "%s is negative", *d.value)
	}
	if c.Poll == 0 {
		c.Poll = 15 * time.Second
	}
	if c.Closes == nil {
		c.Closes = NewYorkClose
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Notify == nil {
		c.Notify = func(Notice) {}
	}
	err := v.Err()
	if err == nil && c.Leases != nil {
		err = accounts.CheckLease(c.Login, c.Holder, c.LeaseFor)
	}
	return c, err
}

// Engine stands between the portfolios of some profiles and the login that their accounts are of.
// It sends orders that are held, brings executions into the books, lets go of what is left of an
// order once the broker says that the order has ended and its executions are in, and holds books
// against the broker's positions. It decides nothing about trading. All methods are safe for
// concurrent use.
//
// What it promises, whatever breaks:
//
//   - An order is sent at most once, by one process: it is dispatched first ([accounts.Portfolio.Dispatch]).
//   - An execution is booked once, by its id, in the book of the account that the broker names.
//   - A hold ends when the broker says that the order has ended and all that it has filled is booked; when
//     the broker surely never had the order; or when a person says so ([Engine.Settle]). An order for the
//     day that the broker does not know ends with its session.
//   - A difference becomes a [Notice] and a break, and never a fact.
//   - No order is sent for an account that is not in step with the broker.
type Engine struct {
	config Config
	stop   context.CancelFunc
	done   chan struct{}

	notifying sync.Mutex

	mu      sync.Mutex
	workers map[accounts.ProfileID]*worker
	leads   bool     // the process has the lease
	session *session // nil while there is no session
	// starting starts a worker in the session; nil while there is none.
	starting func(w *worker)
	closed   bool
}

// session is the time for which the process works the login with one connection.
type session struct {
	broker Broker
	lease  string // empty without leases
	fence  int64
	until  func() time.Time // when the lease ends, by the process' own clock; nil without leases
	sends  sync.WaitGroup   // orders that are being sent; added to while the session is the engine's
	line   line             // who asks for orders and executions, and who waits to
}

// The errors of an [Engine], besides those of a [Broker] and of a portfolio.
var (
	// ErrStandby is returned while another process works the login.
	ErrStandby = errors.New("another process works the login")
	// ErrNotReady is returned for an account that is not in step with the broker; no order is sent
	// for it.
	ErrNotReady = errors.New("the account is not in step with the broker")
	// ErrNotLinked is returned for a profile that is not one of the login's, that the context does
	// not see, or whose account cannot be worked.
	ErrNotLinked = errors.New("the profile is not linked to an account of the login")
)

// Start begins to work the login. It does not wait for the session; [Engine.Sync] does. Close the
// engine when it is no longer needed. The profiles are those that ctx sees; the engine itself works
// as the system. Errors: ErrInvalid for a wrong config, ErrProfileNotFound, ErrNotLinked as Attach.
func Start(ctx context.Context, c Config) (*Engine, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("start a broker engine: %w", err)
	}
	e := &Engine{config: c, workers: map[accounts.ProfileID]*worker{}, done: make(chan struct{})}
	for _, id := range c.Profiles {
		if err = e.Attach(ctx, id); err != nil {
			return nil, fmt.Errorf("start a broker engine: %w", err)
		}
	}
	running, stop := context.WithCancel(accounts.AsSystem(context.WithoutCancel(ctx)))
	e.stop = stop
	go func() {
		defer close(e.done)
		e.run(running)
	}()
	return e, nil
}

// Close stops working the login, ends the lease, and closes the session. Orders at the broker work
// on, and holds stay. It waits for the looks and the orders that are under way; Config.Timeout
// bounds each. Calling it again does nothing.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.stop()
	<-e.done
	return nil
}

// notify tells a notice.
func (e *Engine) notify(n Notice) {
	e.notifying.Lock()
	defer e.notifying.Unlock()
	n.Login, n.Time = e.config.Login, e.config.Clock().UTC()
	e.config.Notify(n)
}

// attached returns the worker of a profile.
func (e *Engine) attached(id accounts.ProfileID) (*worker, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	if w := e.workers[id]; w != nil {
		return w, nil
	}
	return nil, fmt.Errorf("profile %q: %w", id, ErrNotLinked)
}

// worker returns the worker of a profile that the context sees.
func (e *Engine) worker(ctx context.Context, id accounts.ProfileID) (*worker, error) {
	w, err := e.attached(id)
	if err != nil {
		return nil, err
	}
	switch seen, err := w.seenBy(ctx); {
	case err != nil:
		return nil, err
	case !seen:
		return nil, fmt.Errorf("profile %q: %w", id, ErrNotLinked)
	}
	return w, nil
}

// named returns the workers of profiles; of all that the context sees if none is named.
func (e *Engine) named(ctx context.Context, profiles []accounts.ProfileID) (list []*worker, err error) {
	for _, id := range profiles {
		w, err := e.worker(ctx, id)
		if err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	if len(profiles) > 0 {
		return list, nil
	}
	for _, w := range e.all() {
		seen, err := w.seenBy(ctx)
		if err != nil {
			return nil, err
		}
		if seen {
			list = append(list, w)
		}
	}
	return list, nil
}

// all returns every worker, in the order of the profiles' ids.
func (e *Engine) all() []*worker {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []*worker
	for _, id := range slices.Sorted(maps.Keys(e.workers)) {
		list = append(list, e.workers[id])
	}
	return list
}

// working returns the session, if the process works the login now.
func (e *Engine) working() (*session, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return nil, ErrClosed
	case !e.leads, e.session != nil && e.session.until != nil && !time.Now().Before(e.session.until()):
		return nil, ErrStandby
	case e.session == nil:
		return nil, fmt.Errorf("%w: %w", ErrNotReady, ErrNotConnected)
	}
	return e.session, nil
}

// EngineStatus says how an engine stands.
type EngineStatus struct {
	Login string `json:"login"`
	// Works says that this process works the login, under the lease with the number Fence.
	Works    bool            `json:"works"`
	Fence    int64           `json:"fence,omitempty"`
	Session  Status          `json:"session"` // zero while the process does not work the login
	Accounts []AccountStatus `json:"accounts"`
}

// AccountStatus says how an account stands.
type AccountStatus struct {
	Profile  accounts.ProfileID `json:"profile"`
	Account  AccountID          `json:"account"`
	Ready    bool               `json:"ready"`            // in step with the broker: orders are sent
	Reason   string             `json:"reason,omitempty"` // why not
	SyncedAt time.Time          `json:"synced_at,omitzero"`
	// Questions are the orders of which it is not known what the broker has made of them.
	Questions []ledger.OrderID  `json:"questions"`
	Breaks    []reconcile.Break `json:"breaks"`   // differences of positions, seen twice in a row
	External  []Order           `json:"external"` // orders that work at the broker and are none of the library's
}

// Status returns how the engine stands. It does no I/O.
func (e *Engine) Status() EngineStatus {
	s := EngineStatus{Login: e.config.Login, Accounts: []AccountStatus{}}
	if session, err := e.working(); err == nil {
		s.Works, s.Fence, s.Session = true, session.fence, session.broker.Status()
	}
	for _, w := range e.all() {
		s.Accounts = append(s.Accounts, w.status())
	}
	return s
}

// Sync looks at the accounts of the profiles now, of all that ctx sees if none is named, and
// returns when the books are in step with the broker, or why one is not. Errors: ErrStandby,
// ErrNotLinked, ErrNotReady, those of [Broker] and of a portfolio's commands, the context's.
func (e *Engine) Sync(ctx context.Context, profiles ...accounts.ProfileID) error {
	list, err := e.named(ctx, profiles)
	if err != nil {
		return err
	}
	problems := make([]error, len(list))
	var group sync.WaitGroup
	for i, w := range list {
		group.Go(func() { problems[i] = w.sync(ctx, urgencyHint) })
	}
	group.Wait()
	return errors.Join(problems...)
}
