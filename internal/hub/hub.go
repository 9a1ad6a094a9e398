// Package hub fans events out to any number of watchers, none of which can hold up the one who
// publishes. A watcher that falls behind finds what it missed merged: the newest event of each
// key, in the order in which the keys first arrived. What a hub keeps is therefore bounded by the
// number of keys, not by the number of events.
package hub

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// Hub fans out events of type E that are merged by their key of type K. Make one with New. All
// methods are safe for concurrent use.
type Hub[E any, K comparable] struct {
	key       func(E) K
	errClosed error

	// subs is replaced as a whole on every change, so that Publish needs no lock of the hub's;
	// nil or empty when nobody watches.
	subs atomic.Pointer[[]*subscription[E, K]]

	mu      sync.Mutex // held while subs is replaced and while closed changes
	closed  bool
	done    chan struct{} // closed by Close
	running sync.WaitGroup
}

// New returns a hub that merges events for which key returns the same value. After Close,
// Subscribe returns errClosed. key must be safe for concurrent use and must not call the hub.
func New[E any, K comparable](key func(E) K, errClosed error) *Hub[E, K] {
	return &Hub[E, K]{key: key, errClosed: errClosed, done: make(chan struct{})}
}

// Watched reports whether anybody watches, for callers to whom making an event costs something.
func (h *Hub[E, K]) Watched() bool {
	subs := h.subs.Load()
	return subs != nil && len(*subs) > 0
}

// Publish hands the event to every watcher whose filter accepts it. It never waits for a reader.
// Of two events with one key the one published later is the newest: a caller to whom the order
// matters does not publish them concurrently. After Close it does nothing.
func (h *Hub[E, K]) Publish(event E) {
	if !h.Watched() {
		return
	}
	key := h.key(event)
	for _, s := range *h.subs.Load() {
		s.put(key, event)
	}
}

// Subscribe returns a channel of what is published from now on and passes the filter; nil accepts
// everything. The channel is closed when ctx ends or the hub is closed; what was not read by then
// is dropped. A context that is already done is refused with its error, a closed hub with the
// error given to New. The filter runs inside Publish: it must be quick, safe for concurrent use
// and must not call the hub.
func (h *Hub[E, K]) Subscribe(ctx context.Context, filter func(E) bool) (<-chan E, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := newSubscription[E, K](filter)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, h.errClosed
	}
	h.replace(func(subs []*subscription[E, K]) []*subscription[E, K] { return append(subs, s) })
	h.running.Go(func() {
		defer close(s.out)
		defer h.remove(s)
		s.deliver(ctx.Done(), h.done)
	})
	return s.out, nil
}

// Close closes every watcher's channel and returns when all of the hub's goroutines have ended. A
// second Close does nothing.
func (h *Hub[E, K]) Close() {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.done)
	}
	h.mu.Unlock()
	h.running.Wait()
}

func (h *Hub[E, K]) remove(s *subscription[E, K]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.replace(func(subs []*subscription[E, K]) []*subscription[E, K] {
		return slices.DeleteFunc(subs, func(x *subscription[E, K]) bool { return x == s })
	})
}

// replace installs a changed copy of the list; a Publish under way goes on with the one it has.
func (h *Hub[E, K]) replace(change func([]*subscription[E, K]) []*subscription[E, K]) {
	var subs []*subscription[E, K]
	if old := h.subs.Load(); old != nil {
		subs = slices.Clone(*old)
	}
	subs = change(subs)
	h.subs.Store(&subs)
}
