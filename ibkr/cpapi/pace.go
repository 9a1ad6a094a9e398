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

// waiter waits in a queue.
type waiter struct {
	priority priority
	turn     chan struct{} // has room for one signal: look again
}

// queue lets callers through by priority, and by their coming within one priority. It is safe for concurrent
// use.
type queue struct {
	mu      sync.Mutex
	waiting []*waiter
	// try lets the first of the queue through, or says how long until it may be asked again; below zero for
	// until somebody calls signal. It is called with mu held.
	try func() (ok bool, wait time.Duration)
}

// wait returns when the caller is let through, or the context's error.
func (q *queue) wait(ctx context.Context, p priority) error {
	w := &waiter{priority: p, turn: make(chan struct{}, 1)}
	q.mu.Lock()
	at := slices.IndexFunc(q.waiting, func(other *waiter) bool { return other.priority > p })
	if at < 0 {
		at = len(q.waiting)
	}
	q.waiting = slices.Insert(q.waiting, at, w)
	q.mu.Unlock()
	for {
		ok, timer := q.ask(ctx, w)
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-w.turn:
		case <-timer:
		}
		if ctx.Err() != nil {
			q.mu.Lock()
			q.leave(w)
			q.mu.Unlock()
			return ctx.Err()
		}
	}
}

// ask reports whether the waiter is let through, and else returns what to wait for.
func (q *queue) ask(ctx context.Context, w *waiter) (ok bool, timer <-chan time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting[0] != w || ctx.Err() != nil {
		return false, nil
	}
	ok, wait := q.try()
	if ok {
		q.leave(w)
		return true, nil
	}
	if wait < 0 {
		return false, nil
	}
	return false, time.After(wait)
}

// leave takes a waiter out and lets the next one look. q.mu is held.
func (q *queue) leave(w *waiter) {
	at := slices.Index(q.waiting, w)
	q.waiting = slices.Delete(q.waiting, at, at+1)
	q.signal()
}

// signal lets the first of the queue look again. q.mu is held.
func (q *queue) signal() {
	if len(q.waiting) > 0 {
		select {
		case q.waiting[0].turn <- struct{}{}:
		default:
		}
	}
}

// newPace returns a queue that lets callers through at a rate.
func newPace(r Rate) *queue {
	limit := rate.NewLimiter(rate.Every(r.Per/time.Duration(r.Requests)), r.Burst)
	return &queue{try: func() (bool, time.Duration) {
		now := time.Now()
		r := limit.ReserveN(now, 1)
		if wait := r.DelayFrom(now); wait > 0 {
			r.CancelAt(now)
			return false, wait
		}
		return true, 0
	}}
}

// turnstile is a mutex whose waiters go by priority and end with their context.
type turnstile struct {
	queue queue
	busy  bool
}

func newTurnstile() *turnstile {
	t := &turnstile{}
	t.queue.try = func() (bool, time.Duration) {
		if t.busy {
			return false, -1
		}
		t.busy = true
		return true, 0
	}
	return t
}

// lock returns when the caller holds the turnstile, or the context's error.
func (t *turnstile) lock(ctx context.Context, p priority) error { return t.queue.wait(ctx, p) }

func (t *turnstile) unlock() {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	t.busy = false
	t.queue.signal()
}
