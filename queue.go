package accounts

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ai-ots/accounts/ledger"
)

// command is one caller's request to record something.
type command struct {
	facts   []ledger.Payload
	trades  []ledger.Trade // what facts that are trades point to; never grown, reused with the command
	task    task           // instead of facts
	refresh int64          // instead of facts: catch up to this sequence number
	ctx     context.Context
	wake    chan bool // true: lead the next group; false: done, or to be studied
	studies *studies  // what was read for the command; nil for most
	added   int
	err     error
	// priced are the facts whose rates and prices of now were filled in. That happens once: what
	// was worked out from a fact must not change with the market from try to try. Nil for most
	// commands.
	priced map[ledger.Payload]bool

	judged   bool // look at losses once the facts are recorded
	promoted bool
	parked   bool // it cannot be decided before its studies are complete, or is to get in line again
	alone    bool // it shares no append with others: a group that it was in had something that cannot be written
	save     bool // once its caller has led, the caller saves a checkpoint
	leans    bool // err was decided behind entries of others, which may come to nothing
}

// task is a command that decides on the draft which entries to make. It may run several times, on
// different drafts; the last run counts. It reads nothing from the store: what it needs to know of
// the journal it asks the command's studies for.
type task interface {
	run(p *Portfolio, cmd *command) error
}

// trade keeps a normalized copy of t in the command. A caller that needs it for longer makes a
// copy.
func (cmd *command) trade(t *ledger.Trade) (ledger.Payload, error) {
	cmd.trades = append(cmd.trades, *t)
	kept := &cmd.trades[len(cmd.trades)-1]
	return kept, kept.Normalize()
}

// queue combines commands. One caller at a time leads: it takes all waiting commands and appends
// them as one group. A leader leads once and then wakes the next, so that nobody works for others
// for ever. Its mutex guards the queue; the leader needs no lock to lead.
type queue struct {
	mu      sync.Mutex
	busy    bool
	closed  bool
	waiting []*command
	spare   []*command
	solo    [1]*command

	commands, failures, givenUp int64 // see Activity
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
}

// submit runs the command, alone or in a group, and returns its error.
func (p *Portfolio) submit(ctx context.Context, cmd *command) error {
	if !p.tel.observed() {
		return p.enter(ctx, cmd)
	}
	o := p.tel.begin(ObservedCommand, cmd.op(), p.id)
	o.Count = len(cmd.facts)
	o.Err = p.enter(ctx, cmd)
	p.tel.end(ctx, &o)
	return o.Err
}

// enter has the command decided. Where that needs more of the journal than the book holds, the
// caller reads it here, in the caller's own time, and gets in line again: nobody waits for that,
// the kill switch least of all.
func (p *Portfolio) enter(ctx context.Context, cmd *command) error {
	left := false // the leader has the command, and its caller has gone
	defer func() {
		if !left {
			p.forget(cmd)
		}
	}()
	for {
		var err error
		if left, err = p.queueUp(ctx, cmd); left {
			return err
		}
		if err == nil && cmd.parked {
			if err = p.evidence(ctx, p.study(ctx, cmd)); err == nil {
				cmd.parked, cmd.promoted = false, false
				continue
			}
		}
		return err
	}
}

// queueUp leads, or gets in line, once. left says that the caller's context ended while a leader
// had the command.
func (p *Portfolio) queueUp(ctx context.Context, cmd *command) (left bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	cmd.ctx = ctx
	q := &p.queue
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false, ErrClosed
	}
	if !q.busy {
		q.busy = true
		q.solo[0] = cmd
		q.mu.Unlock()
		p.lead(ctx, q.solo[:])
		p.afterLeading(ctx, cmd)
		return false, cmd.err
	}
	cmd.wake = make(chan bool, 1)
	q.waiting = append(q.waiting, cmd)
	q.mu.Unlock()

	select {
	case lead := <-cmd.wake:
		if lead {
			p.lead(ctx, q.take())
			p.afterLeading(ctx, cmd)
		}
		return false, cmd.err
	case <-ctx.Done():
		if q.withdraw(cmd) {
			return false, ctx.Err()
		}
		select {
		case <-cmd.wake: // it is over already
			if cmd.parked {
				return false, ctx.Err()
			}
			return false, cmd.err
		default:
		}
		return true, fmt.Errorf("%w: %w", ErrOutcomeUnknown, ctx.Err())
	}
}

// take hands waiting commands to the leader, whose own is the first. All go but those that must be
// the first of a group themselves, and nobody goes with a leader that needs the journal's lock.
func (q *queue) take() []*command {
	q.mu.Lock()
	defer q.mu.Unlock()
	group, later := q.waiting[:1], q.spare[:0]
	for _, cmd := range q.waiting[1:] {
		if group[0].alone || cmd.alone || group[0].studies.locks() || cmd.studies.first() {
			later = append(later, cmd)
		} else {
			group = append(group, cmd)
		}
	}
	q.waiting, q.spare = later, nil
	return group
}

// withdraw removes a command that no leader has taken yet. If the command was to lead, the next one
// leads.
func (q *queue) withdraw(cmd *command) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, cmd)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	q.givenUp++
	if cmd.promoted {
		q.next()
	}
	return true
}

// next wakes the first waiting command as leader. The caller holds the mutex and has led.
func (q *queue) next() {
	if len(q.waiting) == 0 {
		q.busy = false
		return
	}
	// The kill switch first: it does not wait for the appends of those who must append alone, nor
	// under the lock.
	if i := slices.IndexFunc(q.waiting, isState); i > 0 {
		state := q.waiting[i]
		copy(q.waiting[1:i+1], q.waiting[:i])
		q.waiting[0] = state
	}
	q.waiting[0].promoted = true
	q.waiting[0].wake <- true
}

// isState reports whether the command changes the trading state.
func isState(cmd *command) bool {
	_, state := cmd.task.(*changing)
	return state
}

// lead runs a group and hands leadership on. The first of the group is the caller's own command.
func (p *Portfolio) lead(ctx context.Context, group []*command) {
	done := func() {}
	if len(group) > 1 {
		ctx, done = anyOf(group)
	}
	finished := false
	defer func() {
		defer p.handOn(group) // whatever a log handler does below
		done()
		if !finished { // the store panicked: others must not wait for this goroutine for ever
			p.stale, p.underWay, p.draft.spoiled, p.draft.lent = true, true, true, true
			p.announce(0)
			fail(group, ErrOutcomeUnknown)
			p.outcomeUnknown(ctx, 0, errPanicked)
		}
	}()
	before := p.written.groups
	p.commit(ctx, group)
	if p.written.groups > before { // what was not appended here is no reason to save, least of all what the journal lacks
		group[0].save = p.checkpointDue(group[0])
	}
	finished = true
}

// afterLeading does what a leader does in its own time, while others lead.
func (p *Portfolio) afterLeading(ctx context.Context, cmd *command) {
	if cmd.save {
		cmd.save = false
		p.saveCheckpoint(ctx)
	}
}

// handOn wakes the callers whose commands the group held, and the next leader.
func (p *Portfolio) handOn(group []*command) {
	q := &p.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next()
	for i, cmd := range group {
		if !cmd.parked {
			q.count(cmd)
		}
		if i > 0 {
			cmd.wake <- false
		}
		group[i] = nil
	}
	if cap(group) > 1 {
		q.spare = group[:0]
	}
}

// anyOf returns a context that ends when no caller in the group waits any longer: one caller's
// deadline must not fail the others.
func anyOf(group []*command) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(group[0].ctx))
	var left atomic.Int64
	left.Store(int64(len(group)))
	stops := make([]func() bool, 0, len(group))
	for _, cmd := range group {
		stops = append(stops, context.AfterFunc(cmd.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		}))
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}
