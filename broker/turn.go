package broker

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// urgency says whose look goes first where several wait.
type urgency int

// The urgencies, from the first to the last.
const (
	urgencyHalt urgency = iota // the kill switch
	urgencyHint                // something has happened, somebody asks, or the account is not in step
	urgencyPoll                // it is time
)

// A poll that has waited for patience goes after mostHints hinted looks: a hint may be lost, and
// the poll finds what it was about.
const (
	mostHints = 3
	patience  = 5 * time.Minute
)

// line is who waits to ask for the orders and executions of a session's accounts. One asks at a
// time: brokers pace these lists for the login as a whole, so that looks which shared them would
// all end when the last does.
type line struct {
	mu      sync.Mutex
	asks    *place // whose turn it is; nil for nobody
	waiting []*place
	hinted  int // looks in a row that were hinted
}

// place is a place in the line.
type place struct {
	urgency urgency
	since   time.Time
	turn    chan struct{} // closed when the turn has come
}

// join takes a place in the line. The caller leaves it.
func (l *line) join(u urgency) *place {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &place{u, time.Now(), make(chan struct{})}
	l.waiting = append(l.waiting, p)
	l.next()
	return p
}

// hurry makes a place more urgent.
func (l *line) hurry(p *place, u urgency) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.urgency = min(p.urgency, u)
}

// leave gives a place up, before or in its turn. Leaving again does nothing.
func (l *line) leave(p *place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(o *place) bool { return o == p })
	if l.asks == p {
		l.asks = nil
	}
	l.next()
}

// next gives the turn to who is next, if nobody has it. l.mu is held.
func (l *line) next() {
	if l.asks != nil || len(l.waiting) == 0 {
		return
	}
	n := l.first()
	p := l.waiting[n]
	l.waiting = slices.Delete(l.waiting, n, n+1)
	switch p.urgency {
	case urgencyHint:
		l.hinted++
	case urgencyPoll:
		l.hinted = 0
	}
	l.asks = p
	close(p.turn)
}

// first returns who of those that wait is next: the most urgent, of several the one that came
// first. A poll that has waited for long goes first after some hints.
func (l *line) first() int {
	most := slices.MinFunc(l.waiting, func(a, b *place) int { return cmp.Compare(a.urgency, b.urgency) })
	if most.urgency == urgencyHint && l.hinted >= mostHints {
		if n := slices.IndexFunc(l.waiting, func(p *place) bool { return p.urgency == urgencyPoll }); n >= 0 && time.Since(l.waiting[n].since) >= patience {
			return n
		}
	}
	return slices.Index(l.waiting, most)
}

// urgent returns the urgency of a look that something calls for. Of a profile that was halted, by
// whichever process, orders may work that have to be cancelled.
func (w *worker) urgent() urgency {
	if w.halted() && len(w.sentOrders()) > 0 {
		return urgencyHalt
	}
	return urgencyHint
}

// queue waits for the account's turn. A hint that comes meanwhile is part of the look, and makes it
// urgent. Quotes are taken meanwhile, when there are new ones, and as often as accounts are polled:
// where many accounts wait, marks would grow too old for orders. The caller leaves the place,
// unless queue returns an error.
func (w *worker) queue(ctx context.Context, s *session, u urgency) (*place, error) {
	p, hinted := s.line.join(u), false
	var again <-chan time.Time
	if poll := w.engine.config.Poll; poll > 0 {
		t := time.NewTicker(poll)
		defer t.Stop()
		again = t.C
	}
	for {
		select {
		case <-p.turn:
			return p, nil
		case <-w.hints:
			s.line.hurry(p, w.urgent())
			hinted = true
		case <-w.ticks:
			w.reprice(ctx, s)
		case <-again:
			w.reprice(ctx, s)
		case <-ctx.Done():
			s.line.leave(p)
			if hinted {
				w.hint()
			}
			return nil, ctx.Err()
		}
	}
}
