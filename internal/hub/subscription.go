package hub

import "sync"

// subscription is one watcher: the events that wait for it, at most one for each key.
type subscription[E any, K comparable] struct {
	filter func(E) bool
	out    chan E
	wake   chan struct{} // holds a token when something was put since deliver last looked

	mu      sync.Mutex
	waiting map[K]versioned[E]
	order   []K // the keys of waiting, by first arrival
}

// versioned is an event with the count of events that it stands for, which tells whether it was
// replaced while it was being sent.
type versioned[E any] struct {
	event   E
	version uint64
}

func newSubscription[E any, K comparable](filter func(E) bool) *subscription[E, K] {
	return &subscription[E, K]{
		filter:  filter,
		out:     make(chan E),
		wake:    make(chan struct{}, 1),
		waiting: make(map[K]versioned[E]),
	}
}

// put adds the event, in the place of an older one with its key if there is one.
func (s *subscription[E, K]) put(key K, event E) {
	if s.filter != nil && !s.filter(event) {
		return
	}
	s.mu.Lock()
	old, merged := s.waiting[key]
	s.waiting[key] = versioned[E]{event, old.version + 1}
	if !merged {
		s.order = append(s.order, key)
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default: // there is a token already
	}
}

// deliver sends what waits until one of the two channels is closed. It looks again whenever
// something was put, so that a reader who comes late gets the newest event at once.
func (s *subscription[E, K]) deliver(ended, closed <-chan struct{}) {
	for {
		head, ok := s.head()
		out := s.out
		if !ok {
			out = nil // blocks for ever: there is nothing to send
		}
		select {
		case out <- head.event:
			s.sent(head.version)
		case <-s.wake:
		case <-ended:
			return
		case <-closed:
			return
		}
	}
}

// head returns the event whose turn it is, without removing it.
func (s *subscription[E, K]) head() (versioned[E], bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.order) == 0 {
		return versioned[E]{}, false
	}
	return s.waiting[s.order[0]], true
}

// sent removes the head, which was sent in the given version. If it was replaced in the meantime
// the newer one is still owed to the reader: it queues again, behind the others.
func (s *subscription[E, K]) sent(version uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := s.order[0]
	s.order = s.order[1:]
	if s.waiting[key].version == version {
		delete(s.waiting, key)
		return
	}
	s.order = append(s.order, key)
}
