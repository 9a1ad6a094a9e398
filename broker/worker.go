package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
	"github.com/ai-ots/accounts/risk"
)

// worker keeps one profile in step with its account. Everything it keeps can be had again from the
// journal and the broker.
type worker struct {
	engine    *Engine
	profile   accounts.ProfileID
	account   AccountID
	portfolio *accounts.Portfolio
	hints     chan struct{} // there is something to look at
	ticks     chan struct{} // there are new quotes
	looking   chan struct{} // holds a token while somebody looks: one look at a time

	mu     sync.Mutex
	ready  bool
	reason string // why not
	// lost counts how often the account fell out of step: a look that began before does not make it
	// ready.
	lost     int
	syncedAt time.Time
	since    time.Time                                  // since when the session is in the state in which the account came into step
	flying   map[ledger.OrderID]context.CancelCauseFunc // orders on their way to the broker, and what calls them back
	unsent   map[ledger.OrderID]unsent                  // orders that surely were not sent and are still held
	missing  map[ledger.OrderID]int                     // how many complete answers in a row lacked the order
	told     map[string]bool                            // notices about what the broker's present answers say
	breaks   map[ledger.InstrumentKey]reconcile.Break
	external []Order
	orphans  []ledger.OrderID // orders that work at the broker and whose holds have ended
	followed map[ledger.InstrumentKey]follow

	// What follows is used by who holds the token.
	begun     bool // the book has a fact, and began says when it was adopted; zero if it was not
	began     time.Time
	fills     fills
	suspected map[ledger.InstrumentKey]suspicion
	checkedAt time.Time // of the last look at positions and cash
	pricedAt  time.Time // when quotes were taken on a hint
	closedAt  time.Time // the close of which there is an equity point

	killing atomic.Int64 // calls of Halt that are under way
}

// unsent is an order that this process has not sent.
type unsent struct {
	reason string
	// in is the session whose dispatch of the order has an unknown outcome; in another session the
	// dispatch that the journal has may be another process'. It is nil for an order that the
	// process has dispatched.
	in *session
}

// seenBy reports whether the context sees the profile, ended or not. It does no I/O where it does.
// Errors: accounts.ErrOwnerRequired, ErrClosed of the manager.
func (w *worker) seenBy(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.engine.config.Timeout)
	defer cancel()
	_, err := w.engine.config.Manager.Portfolio(ctx, w.profile)
	if errors.Is(err, accounts.ErrOwnerRequired) || errors.Is(err, accounts.ErrClosed) {
		return false, err
	}
	return err == nil, nil
}

// linked returns ErrNotLinked if the profile has another account by now.
func (w *worker) linked() error {
	if AccountID(w.portfolio.IBKRAccountID()) != w.account {
		return fmt.Errorf("profile %q: %w: the profile has another account than before", w.profile, ErrNotLinked)
	}
	return nil
}

// newWorker returns the worker of a profile, which is active.
func newWorker(ctx context.Context, e *Engine, id accounts.ProfileID) (*worker, error) {
	p, err := e.config.Manager.Profile(ctx, id)
	if err != nil {
		return nil, err
	}
	if p.Status == accounts.StatusArchived || p.IBKRAccountID == "" {
		return nil, fmt.Errorf("profile %q: %w: it is %s, and its account %q", id, ErrNotLinked, p.Status, p.IBKRAccountID)
	}
	portfolio, err := e.config.Manager.Portfolio(ctx, id)
	if err != nil {
		return nil, err
	}
	return &worker{
		engine: e, profile: id, account: AccountID(p.IBKRAccountID), portfolio: portfolio,
		hints: make(chan struct{}, 1), ticks: make(chan struct{}, 1), looking: make(chan struct{}, 1), reason: "the account was not looked at yet",
		flying: map[ledger.OrderID]context.CancelCauseFunc{}, unsent: map[ledger.OrderID]unsent{}, missing: map[ledger.OrderID]int{},
		told: map[string]bool{}, breaks: map[ledger.InstrumentKey]reconcile.Break{},
		followed: map[ledger.InstrumentKey]follow{}, fills: newFills(),
	}, nil
}

// notify tells a notice about the worker's account.
func (w *worker) notify(n Notice) {
	n.Profile, n.Account = w.profile, w.account
	w.engine.notify(n)
}

// once tells a notice, unless it was told already and what it is about has been there ever since.
func (w *worker) once(seen map[string]bool, n Notice) {
	key := fmt.Sprint(n.Kind, " ", n.OrderID, " ", n.BrokerID, " ", n.ExecID, " ", n.Reason)
	seen[key] = true
	w.mu.Lock()
	known := w.told[key]
	w.told[key] = true
	w.mu.Unlock()
	if !known {
		w.notify(n)
	}
}

// status returns how the account stands.
func (w *worker) status() AccountStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := AccountStatus{Profile: w.profile, Account: w.account, Ready: w.ready, Reason: w.reason, SyncedAt: w.syncedAt,
		Questions: []ledger.OrderID{}, Breaks: []reconcile.Break{}, External: append([]Order{}, w.external...)}
	for id, n := range w.missing {
		if n > 0 {
			s.Questions = append(s.Questions, id)
		}
	}
	slices.Sort(s.Questions)
	for _, b := range w.breaks {
		s.Breaks = append(s.Breaks, b)
	}
	slices.SortFunc(s.Breaks, func(a, b reconcile.Break) int { return cmp.Compare(a.Contract, b.Contract) })
	return s
}

// lose says that the account is out of step, and why.
func (w *worker) lose(reason string) {
	w.mu.Lock()
	was := w.ready
	w.ready, w.reason = false, reason
	w.lost++
	w.mu.Unlock()
	if was {
		w.notify(Notice{Kind: NoticeNotReady, Reason: reason})
	}
}

// hear takes a hint of the broker's.
func (w *worker) hear(event Event) {
	switch {
	case event.Account != "" && event.Account != w.account:
	case event.Kind == EventQuotes:
		notify(w.ticks)
	default:
		w.hint()
	}
}

// hint asks for a look.
func (w *worker) hint() { notify(w.hints) }

// notify leaves a token in the channel, if there is none.
func notify(tokens chan<- struct{}) {
	select {
	case tokens <- struct{}{}:
	default:
	}
}

// work looks at the account until the context ends: on hints, and every so often. An account that
// cannot be looked at is looked at again.
func (w *worker) work(ctx context.Context, s *session) {
	poll := w.engine.config.Poll
	for failed, u := 0, urgencyHint; ctx.Err() == nil; {
		wait := poll
		switch err := w.look(ctx, s, u); {
		case err == nil:
			failed = 0
		case poll > 0:
			wait = min(poll, time.Second<<min(failed, 10))
			failed++
		}
		if u = w.await(ctx, s, wait); failed > 0 {
			u = w.urgent()
		}
	}
}

// await waits for a hint, for the time, or for the end of the session, and returns how urgent the
// next look is. It takes new quotes meanwhile.
func (w *worker) await(ctx context.Context, s *session, wait time.Duration) urgency {
	var elapsed <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		elapsed = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return urgencyPoll
		case <-w.hints:
			return w.urgent()
		case <-elapsed:
			return urgencyPoll
		case <-w.ticks:
			w.reprice(ctx, s)
		}
	}
}

// sync looks at the account now.
func (w *worker) sync(ctx context.Context, u urgency) error {
	s, err := w.engine.working()
	if err != nil {
		return err
	}
	if err := w.look(ctx, s, u); err != nil {
		return fmt.Errorf("profile %q: %w", w.profile, err)
	}
	return nil
}

// look brings the book in step with the account, and notes whether that came about. That it waits
// for its turn is not counted in the time that it may take.
func (w *worker) look(ctx context.Context, s *session, u urgency) error {
	turn, err := w.queue(ctx, s, u)
	if err != nil {
		return err
	}
	defer s.line.leave(turn)
	ctx, cancel := context.WithTimeout(ctx, w.engine.config.Timeout)
	defer cancel()
	if err := w.begin(ctx, s); err != nil {
		return err
	}
	defer func() { <-w.looking }()
	since := s.broker.Status().Since
	w.mu.Lock()
	lost, fresh := w.lost, !w.ready || !w.since.Equal(since)
	w.mu.Unlock()
	err = w.pass(ctx, s, fresh, func() { s.line.leave(turn) })
	if err != nil {
		w.lose(err.Error())
		return err
	}
	same := s.broker.Status().Since.Equal(since)
	w.mu.Lock()
	was := w.ready
	if w.ready = w.lost == lost && same; w.ready {
		w.reason, w.syncedAt, w.since = "", w.engine.config.Clock().UTC(), since
	}
	is := w.ready
	w.mu.Unlock()
	switch {
	case !is:
		return fmt.Errorf("%w: the session changed meanwhile", ErrNotReady)
	case !was:
		w.notify(Notice{Kind: NoticeReady})
	}
	return nil
}

// begin takes the token of who looks. The caller gives it back, unless begin returns an error.
func (w *worker) begin(ctx context.Context, s *session) error {
	select {
	case w.looking <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	now, err := w.engine.working()
	if err == nil && now != s {
		err = fmt.Errorf("%w: the session has ended", ErrNotReady)
	}
	if err != nil {
		<-w.looking
	}
	return err
}

// pass is one look. What the broker says of orders is asked before what it says of executions: an
// order that has ended has its executions in the second answer.
//
// Orders of a halted profile are called back and cancelled before anything else that may fail. A
// fresh look is the first one in a session, or the first after a failed one: it knows what other
// processes have written. asked is called when the broker has answered about orders and executions.
func (w *worker) pass(ctx context.Context, s *session, fresh bool, asked func()) error {
	b := s.broker
	w.recallIfHalted()
	if err := b.Status().Session.Err(); err != nil {
		return err
	}
	if fresh {
		if err := w.portfolio.CatchUp(ctx); err != nil {
			return err
		}
	}
	sent := w.sentOrders()
	orders, err := b.Orders(ctx, w.account)
	stopped := w.stop(ctx, b, sent, orders)
	if err != nil {
		return errors.Join(fmt.Errorf("orders: %w", err), stopped)
	}
	if err := w.linked(); err != nil {
		return err
	}
	if fresh {
		if err := w.check(ctx, b); err != nil {
			return errors.Join(err, stopped)
		}
		if err := w.adopt(ctx, b); err != nil {
			return errors.Join(err, stopped)
		}
	}
	seen := map[string]bool{}
	w.foreign(seen, orders.Foreign)
	if err := w.bringIn(ctx, b, fresh, seen, asked); err != nil {
		return fmt.Errorf("executions: %w", err)
	}
	problems := []error{w.resolve(ctx, s, sent, orders, seen), stopped}
	if err := w.price(ctx, b); err != nil { // marks grow old, and orders in their contracts are not decided
		w.once(seen, Notice{Kind: NoticeUnpriced, Reason: err.Error()})
	}
	w.forget(seen)
	if now := w.engine.config.Clock(); fresh || now.Sub(w.checkedAt) >= w.engine.config.CheckEvery || now.Before(w.checkedAt) {
		problems = append(problems, w.compare(ctx, b))
	}
	problems = append(problems, w.point(ctx))
	if !orders.Complete {
		problems = append(problems, fmt.Errorf("%w: the list of orders is not complete", ErrNotReady))
	}
	return errors.Join(problems...)
}

// foreign tells of rows of other accounts.
func (w *worker) foreign(seen map[string]bool, rows int) {
	if rows > 0 {
		w.once(seen, Notice{Kind: NoticeForeignRow, Reason: "the broker sent rows of other accounts"})
	}
}

// forget forgets the notices about what the broker's answers do not say any longer.
func (w *worker) forget(seen map[string]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key := range w.told {
		if !seen[key] {
			delete(w.told, key)
		}
	}
}

// sentOrders returns the working orders that were dispatched and are not on their way now.
func (w *worker) sentOrders() []risk.WorkingOrder {
	list := w.portfolio.Snapshot().Risk.Orders
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(list, func(o risk.WorkingOrder) bool { return o.Ref == "" || w.flying[o.ID] != nil })
}
