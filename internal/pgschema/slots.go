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
	waiting chan struct{} // a token while a wait takes the slots, so that two do not share them
}

func newSlots(most int) slots {
	return slots{tokens: make(chan struct{}, most), closed: make(chan struct{}), waiting: make(chan struct{}, 1)}
}

// enter waits until a call may begin. ctx's error when that ends first, accounts.ErrClosed after refuse.
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

// refuse refuses further calls.
func (s *slots) refuse() { s.once.Do(func() { close(s.closed) }) }

// wait waits for the calls under way, after refuse; ctx's error when that ends first. It may be called
// again, and then waits for the rest.
func (s *slots) wait(ctx context.Context) error {
	take := func(to chan struct{}) error {
		select {
		case to <- struct{}{}: // free: whatever ctx says
			return nil
		default:
		}
		select {
		case to <- struct{}{}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := take(s.waiting); err != nil {
		return err
	}
	defer func() { <-s.waiting }()
	for range cap(s.tokens) {
		if err := take(s.tokens); err != nil { // a slot that no call has
			return err
		}
		defer s.leave() // for another to take
	}
	return nil
}
