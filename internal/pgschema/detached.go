package pgschema

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/ai-ots/accounts"
)

// Writes runs writes that nobody may cancel. PostgreSQL takes a cancel that comes while a commit
// waits for a standby for the end of that wait: it commits, tells of it in a warning, and reports
// success, though no standby has the write. So a write runs to its end under a context that does
// not end, and a caller that cannot wait leaves without it. Make one with NewWrites.
type Writes struct{ slots *slots }

// NewWrites returns a Writes that has at most so many writes under way: callers that keep leaving a
// server that does not answer pile nothing up. A write more waits for its turn.
func NewWrites(most int) *Writes { return &Writes{newSlots(most)} }

// Do runs the write under ctx without its end, and returns the write's error. When ctx ends first,
// Do returns an error that is accounts.ErrOutcomeUnknown and ctx's own, and the write goes on. When
// ctx ends or Close is called before the write has begun, Do returns ctx's error or
// accounts.ErrClosed: nothing was written.
//
// After accounts.ErrOutcomeUnknown the write may be running still. So the caller must not read what
// the write assigns, and the write must not read what the caller's caller may change. A write must
// not call Do.
func (w *Writes) Do(ctx context.Context, write func(context.Context) error) error {
	return w.Run(ctx, func(ctx context.Context, begin func() error) error {
		if err := begin(); err != nil {
			return err
		}
		return write(ctx)
	})
}

// Run is Do for a write that has something to wait for first, such as a connection, and calls begin
// when that is there: right before what cannot be taken back. A caller that leaves before returns
// ctx's error alone. Then begin returns an error, which the write must return without writing.
// begin may be called again.
func (w *Writes) Run(ctx context.Context, write func(ctx context.Context, begin func() error) error) error {
	if err := w.slots.enter(ctx); err != nil {
		return err
	}
	var g gate
	if ctx.Done() == nil {
		defer w.slots.leave()
		return write(ctx, g.begin)
	}
	done := make(chan error, 1)
	go func() {
		defer w.slots.leave()
		done <- write(context.WithoutCancel(ctx), g.begin)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done: // both were ready
		return err
	default:
	}
	if g.leave() {
		return ctx.Err()
	}
	return fmt.Errorf("%w: the write goes on without its caller: %w", accounts.ErrOutcomeUnknown, ctx.Err())
}

// gate is passed by a write that begins or by a caller that leaves before it has: by one of them.
type gate struct{ state atomic.Int32 }

const (
	gateOpen int32 = iota
	gateBegun
	gateLeft
)

// errLeft is for nobody: the caller has left.
var errLeft = errors.New("the caller left before the write began")

func (g *gate) begin() error {
	if g.state.CompareAndSwap(gateOpen, gateBegun) || g.state.Load() == gateBegun {
		return nil
	}
	return errLeft
}

// leave reports whether the write has not begun, and never will.
func (g *gate) leave() bool { return g.state.CompareAndSwap(gateOpen, gateLeft) }

// Refuse refuses further writes, as Close does, and waits for nothing.
func (w *Writes) Refuse() { w.slots.refuse() }

// Close refuses further writes and waits for those under way. When ctx ends first, Close returns an
// error that is accounts.ErrOutcomeUnknown and ctx's own. What is under way then ends with the
// server's answer or with its connection. Close may be called again, and then waits for the rest.
func (w *Writes) Close(ctx context.Context) error {
	w.slots.refuse()
	if err := w.slots.wait(ctx); err != nil {
		return fmt.Errorf("%w: writes are under way still: %w", accounts.ErrOutcomeUnknown, err)
	}
	return nil
}
