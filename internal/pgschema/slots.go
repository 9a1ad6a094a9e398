package pgschema

import (
	"context"
	"sync"

	"github.com/ai-ots/accounts"
)

// slots bound how many calls are under way, with a caller or without one.
type slots struct {
	tokens chan struct{} // one for each call under way
	closed chan struct{} // closed by refuse
	ended  chan struct{} // closed when no call is under way, after refuse

	mu       sync.Mutex
	underWay int
	refusing bool
}

func newSlots(most int) *slots {
	return &slots{tokens: make(chan struct{}, most), closed: make(chan struct{}), ended: make(chan struct{})}
}

// enter waits until a call may begin. ctx's error when that ends first, accounts.ErrClosed after
// refuse.
func (s *slots) enter(ctx context.Context) error {
	select {
	case s.tokens <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closed:
		return accounts.ErrClosed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err := ctx.Err() // several may have been ready
	if s.refusing {
		err = accounts.ErrClosed
	}
	if err != nil {
		<-s.tokens
		return err
	}
	s.underWay++
	return nil
}

// leave ends a call.
func (s *slots) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	<-s.tokens
	s.underWay--
	s.tellEnd()
}

// refuse refuses further calls.
func (s *slots) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusing {
		return
	}
	s.refusing = true
	close(s.closed)
	s.tellEnd()
}

// tellEnd tells those who wait that no call is under way, and none will be. The caller holds the
// lock.
func (s *slots) tellEnd() {
	if s.refusing && s.underWay == 0 {
		close(s.ended)
	}
}

// wait waits for the calls under way, after refuse; ctx's error when that ends first. It may be
// called again, and then waits for the rest.
func (s *slots) wait(ctx context.Context) error {
	select {
	case <-s.ended: // whatever ctx says
		return nil
	default:
	}
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
