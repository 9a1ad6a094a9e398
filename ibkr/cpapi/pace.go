package cpapi

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// priority says who goes first where several wait.
type priority int

// The priorities, from the first to the last. A reply that comes late voids its question.
const (
	prioSession priority = iota
	prioReply
	prioCancel
	prioOrder
	prioExecutions
	prioRest
)

// waiter waits for its turn.
type waiter struct {
	priority priority
	endpoint endpoint
	turn     chan struct{} // closed when it has come
}

// line is who waits, by priority, and within one by their coming. Its user locks it.
type line []*waiter

func (l *line) join(w *waiter) {
	at := slices.IndexFunc(*l, func(other *waiter) bool { return other.priority > w.priority })
	if at < 0 {
		at = len(*l)
	}
	*l = slices.Insert(*l, at, w)
}

// leave takes the waiter out, and reports whether it was there: its turn had not come.
func (l *line) leave(w *waiter) bool {
	at := slices.Index(*l, w)
	if at < 0 {
		return false
	}
	*l = slices.Delete(*l, at, at+1)
	return true
}

// pacer spaces the requests of a session and, besides, those of the endpoints that are paced by
// themselves. A request goes when both let it, and takes both turns at once: one that had the
// endpoint's turn and waited for the session's would come too close to the next. It is safe for
// concurrent use.
type pacer struct {
	mu      sync.Mutex
	line    line
	session *rate.Limiter
	slow    [endpoints]*rate.Limiter // nil for anyEndpoint
}

func newPacer(l *Limits) *pacer {
	p := &pacer{session: newLimiter(l.Session)}
	for e := anyEndpoint + 1; e < endpoints; e++ {
		p.slow[e] = newLimiter(l.Slow)
	}
	return p
}

func newLimiter(r Rate) *rate.Limiter {
	return rate.NewLimiter(rate.Every(r.Per/time.Duration(r.Requests)), r.Burst)
}

// wait returns when a request may be sent, or the context's error.
func (p *pacer) wait(ctx context.Context, e endpoint, prio priority) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &waiter{prio, e, make(chan struct{})}
	p.mu.Lock()
	p.line.join(w)
	p.mu.Unlock()
	for {
		timer := time.NewTimer(p.dispatch(time.Now()))
		select {
		case <-w.turn:
		case <-timer.C:
			continue
		case <-ctx.Done():
		}
		timer.Stop()
		p.mu.Lock()
		waiting := p.line.leave(w)
		p.mu.Unlock()
		if waiting {
			return ctx.Err()
		}
		return nil
	}
}

// dispatch lets everybody go whose turn has come, and returns when to look again.
func (p *pacer) dispatch(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	again := time.Hour // nobody waits
	for _, w := range slices.Clone(p.line) {
		if d := delay(p.slow[w.endpoint], now); d > 0 {
			again = min(again, d) // others may go
			continue
		}
		if d := delay(p.session, now); d > 0 {
			return min(again, d)
		}
		p.session.AllowN(now, 1)
		if slow := p.slow[w.endpoint]; slow != nil {
			slow.AllowN(now, 1)
		}
		p.line.leave(w)
		close(w.turn)
	}
	return again
}

// delay returns how long until a limiter lets a request go.
func delay(l *rate.Limiter, now time.Time) time.Duration {
	if l == nil {
		return 0
	}
	r := l.ReserveN(now, 1)
	defer r.CancelAt(now)
	return r.DelayFrom(now)
}

// turnstile is a mutex whose waiters go by priority and end with their context.
type turnstile struct {
	mu   sync.Mutex
	busy bool
	line line
}

// lock returns when the caller holds the turnstile, or the context's error.
func (t *turnstile) lock(ctx context.Context, p priority) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.mu.Lock()
	if !t.busy {
		t.busy = true
		t.mu.Unlock()
		return nil
	}
	w := &waiter{priority: p, turn: make(chan struct{})}
	t.line.join(w)
	t.mu.Unlock()
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	waiting := t.line.leave(w)
	t.mu.Unlock()
	if waiting {
		return ctx.Err()
	}
	return nil // its turn came at the same time
}

// unlock hands the turnstile to the first who waits.
func (t *turnstile) unlock() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.line) == 0 {
		t.busy = false
		return
	}
	w := t.line[0]
	t.line.leave(w)
	close(w.turn)
}
