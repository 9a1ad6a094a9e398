package pgschema

import (
	"context"
	"sync"

	"github.com/ai-ots/accounts"
)

// slots bound how many calls are under way, with a caller or without one.
type slots struct {
	tokens  chan struct{} // one for each call under way
	once    sync.Once
	closed  chan struct{}
	closing chan struct{} // a token while a close takes the slots, so that two do not share them
}

func newSlots(most int) slots {
	return slots{tokens: make(chan struct{}, most), closed: make(chan struct{}), closing: make(chan struct{}, 1)}
}

// enter waits until a call may begin. ctx's error when that ends first, accounts.ErrClosed after close.
func (s *slots) enter(ctx context.Context) error {
	select {
	case s.tokens <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closed:
		return accounts.ErrClosed
	}
	var err error
	select { // several may have been ready
	case <-s.closed:
		err = accounts.ErrClosed
	default:
		err = ctx.Err()
	}
	if err != nil {
		s.leave()
	}
	return err
}

func (s *slots) leave() { <-s.tokens }

// close refuses further calls and waits for those under way; ctx's error when that ends first. It may be
// called again, and then waits for the rest.
func (s *slots) close(ctx context.Context) error {
	s.once.Do(func() { close(s.closed) })
	select {
	case s.closing <- struct{}{}:
		defer func() { <-s.closing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for range cap(s.tokens) {
		select {
		case s.tokens <- struct{}{}: // a slot that no call has
			defer s.leave() // for another close to take
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
