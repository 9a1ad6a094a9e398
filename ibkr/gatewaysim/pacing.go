package gatewaysim

import (
	"sync"
	"time"
)

// Pacing says how many requests a gateway takes. What is zero has IBKR's value.
type Pacing struct {
	// Off takes every request.
	Off bool
	// Clock measures the pacing; time.Now if nil. A client whose limiter runs on the market's clock
	// wants [Market.Now] here.
	Clock func() time.Time
	// PerSecond is how many requests the session may make in a second: 10.
	PerSecond int
	// Every is how far apart requests of the slow routes are: 5 s. The slow routes are the live
	// orders, the trades, the partitioned P&L, and the accounts and subaccounts of /portfolio, each
	// on its own.
	Every time.Duration
	// Lockout is for how long the address is locked after an excess: 10 min.
	Lockout time.Duration
	// Slack is how much earlier than it may a request can come, because the one before was held up
	// on its way: 100 ms; none if below zero.
	Slack time.Duration
}

func (p *Pacing) complete() {
	if p.Clock == nil {
		p.Clock = time.Now
	}
	if p.PerSecond == 0 {
		p.PerSecond = 10
	}
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&p.Every, 5*time.Second)
	set(&p.Lockout, 10*time.Minute)
	set(&p.Slack, 100*time.Millisecond)
	p.Slack = max(p.Slack, 0)
}

// Address is an egress address. IBKR locks it for every login behind it. The zero value is an
// address that is not locked. It is safe for concurrent use.
type Address struct {
	mu    sync.Mutex
	until time.Time // by the clock of pacing
}

// Lock locks the address until a time of the pacing's clock.
func (a *Address) Lock(until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if until.After(a.until) {
		a.until = until
	}
}

// Unlock ends the lock.
func (a *Address) Unlock() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.until = time.Time{}
}

func (a *Address) locked(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return now.Before(a.until)
}

// pace is what a session has asked for lately.
type pace struct {
	recent   []time.Time         // of the newest requests, PerSecond at most
	last     map[Route]time.Time // by slow route
	excesses int
	locked   int
}

// take reports whether the gateway takes a request of a route, which came at a time of the pacing's
// clock. An excess locks the address.
func (g *Gateway) take(r *route, now time.Time) bool {
	p := &g.config.Pacing
	if g.config.Address.locked(now) {
		g.pace.locked++
		return false
	}
	if p.Off {
		return true
	}
	excess := false
	if n := len(g.pace.recent); n >= p.PerSecond {
		excess = now.Sub(g.pace.recent[n-p.PerSecond]) < time.Second-p.Slack
	}
	if r != nil && r.slow {
		if g.pace.last == nil {
			g.pace.last = map[Route]time.Time{}
		}
		if last, before := g.pace.last[r.pattern]; before && now.Sub(last) < p.Every-p.Slack {
			excess = true
		}
		g.pace.last[r.pattern] = now
	}
	g.pace.recent = append(g.pace.recent, now)
	if n := len(g.pace.recent); n > p.PerSecond {
		g.pace.recent = g.pace.recent[n-p.PerSecond:]
	}
	if excess {
		g.pace.excesses++
		g.config.Address.Lock(now.Add(p.Lockout))
	}
	return !excess
}

// Excesses returns how many requests came faster than IBKR lets them. Those that came while the
// address was locked are not among them: see [Gateway.WhileLocked].
func (g *Gateway) Excesses() int {
	g.market.lock()
	defer g.market.mu.Unlock()
	return g.pace.excesses
}

// WhileLocked returns how many requests came while the address was locked.
func (g *Gateway) WhileLocked() int {
	g.market.lock()
	defer g.market.mu.Unlock()
	return g.pace.locked
}
