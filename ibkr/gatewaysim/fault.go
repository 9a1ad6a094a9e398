package gatewaysim

import (
	"fmt"
	"slices"
	"sync"
)

// FaultKind says what goes wrong.
type FaultKind string

// Faults of the connection.
const (
	DropRequest FaultKind = "drop request" // the connection breaks; nothing was processed
	DropAnswer  FaultKind = "drop answer"  // the request is processed; the connection breaks
	CutAnswer   FaultKind = "cut answer"   // the request is processed; the connection breaks in the middle of the answer
	HoldRequest FaultKind = "hold request" // nothing is processed until [Injection.Release]
	HoldAnswer  FaultKind = "hold answer"  // the request is processed; the answer waits for [Injection.Release]
)

// Faults that answer in the place of the gateway. Nothing is processed, unless [Fault].Processed is
// set.
const (
	Answer401      FaultKind = "401"
	Answer429      FaultKind = "429" // without a lock; see LockAddress
	Answer500      FaultKind = "500"
	Answer503      FaultKind = "503"
	AnswerHTML     FaultKind = "html"      // 200 with a page
	AnswerText     FaultKind = "text"      // 503 with bare words
	AnswerRedirect FaultKind = "redirect"  // 302 to the page of the login
	AnswerEmpty    FaultKind = "empty"     // 200 without a body
	AnswerNoBridge FaultKind = "no bridge" // 400, though the session is open
	AnswerError    FaultKind = "error"     // 200 with {"error": …}
)

// Faults that happen when a request comes, which is processed then.
const (
	LockAddress      FaultKind = "lock address"       // 429, and the address is locked
	SessionDies      FaultKind = "session dies"       // the brokerage session ends
	SessionCompetes  FaultKind = "session competes"   // another program takes the brokerage session
	NightlyReset     FaultKind = "nightly reset"      // the brokerage session ends as at midnight
	LoginExpires     FaultKind = "login expires"      // a person has to log in
	AccountSwitched  FaultKind = "account switched"   // [Fault].Text is selected behind the client's back
	QuestionVoided   FaultKind = "question voided"    // as by another order request of the session
	SnapshotsForgot  FaultKind = "snapshots forgot"   // the next snapshot is a first one again
	OrdersFiltered   FaultKind = "orders filtered"    // as another client's filter: the websocket has no orders until a forced list
	LiveOrdersForgot FaultKind = "live orders forgot" // the next live orders are the empty first answer again
)

// Faults in the rows of an answer.
const (
	ListEmpty        FaultKind = "list empty"
	ListPartial      FaultKind = "list partial"         // the first half of the rows, rounded down
	NewestMissing    FaultKind = "newest missing"       // all rows but the last
	RowsForeign      FaultKind = "rows foreign"         // and one more row, of account U9999999
	RowsSegment      FaultKind = "rows segment"         // and every row again, for the account's segment
	RowsNoAccount    FaultKind = "rows without account" // no row names its account
	TypesChanged     FaultKind = "types changed"        // ids and numbers as strings, and strings as numbers
	NumbersOdd       FaultKind = "numbers odd"          // exponents in numbers, and commas in strings
	AnswerStale      FaultKind = "stale"                // what the same request was answered before, if it was
	RatesInverted    FaultKind = "rates inverted"       // exchange rates the other way around
	ModeWrong        FaultKind = "mode wrong"           // isPaper contradicts the login
	SnapshotsPartial FaultKind = "snapshots partial"    // snapshots have the last price alone
)

// Faults of orders, as they are placed and filled. They have no route.
const (
	RefuseOrder     FaultKind = "refuse order"     // with [Fault].Text as the reason
	DuplicateRef    FaultKind = "duplicate ref"    // a fresh cOID is refused as one that was used
	UnknownQuestion FaultKind = "unknown question" // an order is asked something that no list has
	OrderIDReused   FaultKind = "order id reused"  // the order gets the id of the account's first one
	CommissionLate  FaultKind = "commission late"  // until [Gateway.TellCommissions]
	CommissionNever FaultKind = "commission never" // charged, and never told
)

// Faults of the websocket. They strike messages, and have no route.
const (
	SocketSilent     FaultKind = "socket silent"     // the message is lost
	SocketDuplicates FaultKind = "socket duplicates" // the message comes twice
	SocketReorders   FaultKind = "socket reorders"   // the message comes after the next one
	SocketDrops      FaultKind = "socket drops"      // the connection breaks in place of the message
)

// where says when a kind of fault strikes.
var where = func() map[FaultKind]phase {
	out := map[FaultKind]phase{}
	for p, kinds := range map[phase][]FaultKind{
		onArrival: {
			DropRequest, HoldRequest, Answer401, Answer429, Answer500, Answer503, AnswerHTML, AnswerText, AnswerRedirect,
			AnswerEmpty, AnswerNoBridge, AnswerError, LockAddress, SessionDies, SessionCompetes, NightlyReset, LoginExpires,
			AccountSwitched, QuestionVoided, SnapshotsForgot, OrdersFiltered, LiveOrdersForgot,
		},
		onAnswer: {
			DropAnswer, CutAnswer, HoldAnswer, ListEmpty, ListPartial, NewestMissing, RowsForeign, RowsSegment, RowsNoAccount,
			TypesChanged, NumbersOdd, AnswerStale, RatesInverted, ModeWrong, SnapshotsPartial,
		},
		elsewhere: {
			RefuseOrder, DuplicateRef, UnknownQuestion, OrderIDReused, CommissionLate, CommissionNever, SocketSilent,
			SocketDuplicates, SocketReorders, SocketDrops,
		},
	} {
		for _, k := range kinds {
			out[k] = p
		}
	}
	return out
}()

type phase int

const (
	elsewhere phase = iota + 1
	onArrival
	onAnswer
)

// Always makes a fault strike until it is cancelled.
const Always = -1

// Fault is something that goes wrong.
type Fault struct {
	Kind FaultKind
	// Route is the kind of request that the fault strikes, such as [RoutePlace]; every request if
	// empty.
	Route Route
	// Account is the account that the fault strikes; every one if empty. It is the one that a
	// request names, or the one of an order.
	Account string
	// Skip is how many requests of the kind are spared first.
	Skip int
	// Times is how often the fault strikes: once if zero; [Always].
	Times int
	// Processed makes a fault strike after the request was processed, and not before.
	Processed bool
	// Text is the reason of [RefuseOrder] and [AnswerError], and the account of [AccountSwitched].
	Text string
}

// Injection is a fault that was injected. It is safe for concurrent use.
type Injection struct {
	g       *Gateway
	fault   Fault
	seen    int // those spared among them
	hits    int
	over    bool
	reached chan struct{}
	open    chan struct{}
	once    sync.Once
}

// Inject injects a fault. Faults strike in the order in which they were injected. It returns an
// error for an unknown kind or route, for a route where the kind has none, and for an account that
// is not there.
func (g *Gateway) Inject(f Fault) (*Injection, error) {
	at := where[f.Kind]
	routed := f.Route == "" || at != elsewhere && slices.ContainsFunc(routes, func(r route) bool { return r.pattern == f.Route })
	g.market.lock()
	defer g.market.mu.Unlock()
	if at == 0 || !routed || f.Account != "" && g.accounts[f.Account] == nil || f.Kind == AccountSwitched && g.accounts[f.Text] == nil ||
		f.Skip < 0 || f.Times < Always || f.Processed && f.Kind == HoldRequest {
		return nil, fmt.Errorf("inject fault %q: kind, route %q, account %q or text %q is unknown, or a count or Processed is wrong", f.Kind, f.Route,
			f.Account, f.Text)
	}
	if f.Times == 0 {
		f.Times = 1
	}
	n := &Injection{g: g, fault: f, reached: make(chan struct{}, reachedSize), open: make(chan struct{})}
	g.faults = append(g.faults, n)
	return n, nil
}

const reachedSize = 1024

// phase returns when the fault strikes.
func (n *Injection) phase() phase {
	if n.fault.Processed && where[n.fault.Kind] == onArrival {
		return onAnswer
	}
	return where[n.fault.Kind]
}

// strikes reports whether the fault strikes a request or an order of an account, and counts it.
func (n *Injection) strikes(account string) bool {
	if n.over || n.fault.Account != "" && n.fault.Account != account {
		return false
	}
	n.seen++
	if n.seen <= n.fault.Skip {
		return false
	}
	n.hits++
	n.over = n.fault.Times != Always && n.hits >= n.fault.Times
	select {
	case n.reached <- struct{}{}:
	default: // nobody counts so far
	}
	return true
}

// strike reports whether a fault that has no route strikes.
func (g *Gateway) strike(kind FaultKind, account string) bool { return g.struck(kind, account) != nil }

// struck returns the fault of a kind that strikes; nil if none does.
func (g *Gateway) struck(kind FaultKind, account string) *Injection {
	for _, n := range g.faults {
		if n.fault.Kind == kind && n.strikes(account) {
			g.forget(n)
			return n
		}
	}
	return nil
}

// strikesAt returns the faults of a phase that strike a request.
func (g *Gateway) strikesAt(p phase, c *call) (list []*Injection) {
	for _, n := range slices.Clone(g.faults) {
		if n.phase() == p && (n.fault.Route == "" || c.route != nil && c.route.pattern == n.fault.Route) && n.strikes(c.account()) {
			list = append(list, n)
			g.forget(n)
		}
	}
	return list
}

// forget takes a fault that is over off the list.
func (g *Gateway) forget(n *Injection) {
	if n.over {
		g.faults = slices.DeleteFunc(g.faults, func(o *Injection) bool { return o == n })
	}
}

// Hits returns how often the fault has struck.
func (n *Injection) Hits() int {
	n.g.market.lock()
	defer n.g.market.mu.Unlock()
	return n.hits
}

// Reached returns a channel that gets a value each time the fault strikes.
func (n *Injection) Reached() <-chan struct{} { return n.reached }

// Release lets go of every request that the fault holds or will hold.
func (n *Injection) Release() { n.once.Do(func() { close(n.open) }) }

// Cancel ends the fault, and releases what it holds.
func (n *Injection) Cancel() {
	n.g.market.lock()
	n.over = true
	n.g.forget(n)
	n.g.market.mu.Unlock()
	n.Release()
}
