package accounts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// command is one caller's request to record something.
type command struct {
	facts    []ledger.Payload
	trades   []ledger.Trade // what facts that are trades point to; never grown, reused with the command
	task     task           // instead of facts
	judged   bool           // look at losses once the facts are recorded
	refresh  int64          // instead of facts: catch up to this sequence number
	ctx      context.Context
	wake     chan bool // true: lead the next group; false: done
	promoted bool
	added    int
	err      error
}

// task is a command that decides on the draft which entries to make. It may run several times, on
// different drafts; the last run counts.
type task interface {
	run(ctx context.Context, p *Portfolio, known map[string]int64) error
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

// enter leads, or gets in line.
func (p *Portfolio) enter(ctx context.Context, cmd *command) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	cmd.ctx = ctx
	q := &p.queue
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return ErrClosed
	}
	if !q.busy {
		q.busy = true
		q.solo[0] = cmd
		q.mu.Unlock()
		p.lead(ctx, q.solo[:])
		return cmd.err
	}
	cmd.wake = make(chan bool, 1)
	q.waiting = append(q.waiting, cmd)
	q.mu.Unlock()

	select {
	case lead := <-cmd.wake:
		if lead {
			p.lead(ctx, q.take())
		}
		return cmd.err
	case <-ctx.Done():
		if q.withdraw(cmd) {
			return ctx.Err()
		}
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, ctx.Err())
	}
}

// take hands all waiting commands to the leader.
func (q *queue) take() []*command {
	q.mu.Lock()
	defer q.mu.Unlock()
	group := q.waiting
	q.waiting, q.spare = q.spare[:0], nil
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
	q.waiting[0].promoted = true
	q.waiting[0].wake <- true
}

// lead runs a group and hands leadership on. The first of the group is the caller's own command.
func (p *Portfolio) lead(ctx context.Context, group []*command) {
	done := func() {}
	if len(group) > 1 {
		ctx, done = anyOf(group)
	}
	finished := false
	defer func() {
		done()
		if !finished { // the store panicked: others must not wait for this goroutine for ever
			p.stale = true
			p.announce(0)
			fail(group, ErrOutcomeUnknown)
			p.outcomeUnknown(ctx, 0, errPanicked)
		}
		p.handOn(group)
	}()
	p.commit(ctx, group)
	finished = true
}

// handOn wakes the callers whose commands the group held, and the next leader.
func (p *Portfolio) handOn(group []*command) {
	q := &p.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next()
	for i, cmd := range group {
		q.count(cmd)
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

// commit decides every command of the group on the draft, appends their entries as one batch, and
// folds these into the live book. If the store refuses the batch, the journal knows more than the
// draft: the draft is made anew, and each command decides again.
func (p *Portfolio) commit(ctx context.Context, group []*command) {
	known := map[string]int64(nil) // keys that turned out to be in the journal already
	refusedAt := int64(-1)         // where the book stood when the store refused an append behind it
	for try := 1; ; try++ {
		p.countTry(ctx, try)
		err := p.catchUp(ctx, group)
		if err == nil && p.live.seq == refusedAt {
			// A journal that had more would have shown it: this one has less than what was durable.
			err = &CorruptError{ProfileID: p.id, Seq: refusedAt, Reason: "the journal ends before this entry, which was durable"}
		}
		refusedAt = -1
		if err != nil {
			p.noteCorrupt(ctx, err)
			fail(group, err)
			return
		}
		if !p.decide(ctx, group, &known) {
			continue
		}
		if len(p.draft.entries) == 0 {
			return
		}
		entries := len(p.draft.entries)
		p.announce(p.draft.fold.seq)
		err = p.store.Append(ctx, p.draft.batch(p.id))
		if err == nil {
			p.publish()
			p.saveCheckpoint(ctx)
			return
		}
		p.announce(0)
		p.resetDraft()
		var duplicates *DuplicateError
		switch {
		case errors.As(err, &duplicates) && len(duplicates.Duplicates) > 0:
			p.refused(ctx, &p.counters.duplicates, len(duplicates.Duplicates))
			if known == nil {
				known = map[string]int64{}
			}
			for _, d := range duplicates.Duplicates {
				known[d.Key] = d.Seq
			}
		case errors.Is(err, ErrConflict):
			p.refused(ctx, &p.counters.conflicts, 1)
			p.stale, refusedAt = true, p.live.seq
		default:
			p.stale = true // it may have been appended all the same
			if !errors.Is(err, ErrClosed) && !errors.Is(err, ErrProfileNotFound) && !errors.Is(err, ErrInvalid) {
				p.outcomeUnknown(ctx, entries, err)
				err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
			}
			fail(group, err)
			return
		}
	}
}

// fail sets the error of every command that has none.
func fail(group []*command, err error) {
	for _, cmd := range group {
		if cmd.err == nil {
			cmd.err, cmd.added = err, 0
		}
	}
}

// decide turns the commands into entries on the draft. It reports false when one of them failed
// halfway: then it has its error, the draft is fresh, and the others must decide again. So must
// one whose facts did not fit the book while some of them turn out to be in it already.
func (p *Portfolio) decide(ctx context.Context, group []*command, known *map[string]int64) bool {
	p.draft.begin(p.live.seq, p.live.hash, wire.Time(p.clock()), len(group) > 1)
	for _, cmd := range group {
		if cmd.err != nil {
			continue
		}
		before := len(p.draft.entries)
		added, err := p.run(ctx, cmd, *known)
		if errors.Is(err, errBehind) {
			p.stale = true
			p.resetDraft()
			return false
		}
		if err != nil {
			more, failed := p.lookUp(ctx, cmd.facts, *known) // a task knows itself
			if errors.Is(failed, errBehind) {
				p.stale = true
				p.resetDraft()
				return false
			}
			if failed == nil && len(more) > 0 {
				maps.Copy(more, *known)
				*known = more
				p.resetDraft()
				return false
			}
			if failed != nil && errors.Is(err, errKnown) {
				err = failed
			}
			cmd.err = err
			if len(p.draft.entries) > before || added > 0 {
				p.resetDraft()
				return false
			}
			continue
		}
		cmd.added = added
	}
	return true
}

// run makes one command's entries, and returns how many of its facts were new.
func (p *Portfolio) run(ctx context.Context, cmd *command, known map[string]int64) (int, error) {
	if cmd.task != nil {
		return 0, cmd.task.run(ctx, p, known)
	}
	added, err := p.recordFacts(ctx, cmd.facts, known)
	if err == nil && cmd.judged {
		err = p.writeLosses()
	}
	return added, err
}

// resetDraft makes the draft anew from the live book. It holds the read lock: readers bring the
// live book's exposure up to date.
func (p *Portfolio) resetDraft() {
	p.mu.RLock()
	f := p.live.clone()
	p.mu.RUnlock()
	p.draft.reset(f)
}

// announce notes the sequence number to which the append under way leads, 0 for none, so that news
// of it from the store is not taken for news of another process.
func (p *Portfolio) announce(seq int64) {
	p.mu.Lock()
	p.appending = seq
	p.wakeReaders()
	p.mu.Unlock()
}

// wakeReaders wakes callers that wait for the append under way. p.mu is held.
func (p *Portfolio) wakeReaders() {
	if p.appended != nil {
		close(p.appended)
		p.appended = nil
	}
}

// publish makes the appended entries visible to readers.
func (p *Portfolio) publish() {
	p.mu.Lock()
	p.appending = 0
	for i, payload := range p.draft.payloads {
		p.fold(payload, p.draft.entries[i].Seq)
	}
	p.live.hash = p.draft.entries[len(p.draft.entries)-1].Hash
	p.written.groups++
	p.written.entries += int64(len(p.draft.entries))
	p.written.restatements += p.draft.restated
	p.visible.Store(p.live.seq)
	p.wakeReaders()
	p.mu.Unlock()
	for i, payload := range p.draft.payloads {
		p.announceEntry(payload, p.draft.entries[i].Seq)
	}
}

// catchUp folds in the entries of other processes, if the portfolio knows or suspects that there
// are any.
func (p *Portfolio) catchUp(ctx context.Context, group []*command) error {
	for _, cmd := range group {
		if cmd.refresh > p.live.seq {
			p.stale = true
		}
	}
	if !p.stale {
		return nil
	}
	return p.readTail(ctx)
}

// readTail reads the entries behind the live book, and folds them in at once: readers see the
// batches of other processes as a whole.
func (p *Portfolio) readTail(ctx context.Context) error {
	type step struct {
		payload any
		entry   Entry
	}
	var tail []step
	seq, hash := p.live.seq, p.live.hash
	for e, err := range p.store.Entries(ctx, p.id, seq) {
		if err != nil {
			return err
		}
		if err := e.chain(p.id, seq, hash, nil); err != nil {
			return err
		}
		payload, err := e.Decode()
		if err != nil {
			return err
		}
		seq, hash = e.Seq, e.Hash
		tail = append(tail, step{payload, e})
	}
	p.mu.Lock()
	for _, s := range tail {
		p.fold(s.payload, s.entry.Seq)
	}
	p.live.hash = hash
	p.visible.Store(seq)
	p.mu.Unlock()
	for _, s := range tail {
		p.announceEntry(s.payload, s.entry.Seq)
	}
	p.stale, p.corrupt = false, false
	p.counters.catchUps.Add(1)
	p.counters.caughtUp.Add(int64(len(tail)))
	p.resetDraft()
	return nil
}

// refresh catches up to at least the sequence number, which another process appended; to the end of
// the journal if the number lies beyond. It only waits for entries that this portfolio is appending
// itself.
func (p *Portfolio) refresh(ctx context.Context, seq int64) error {
	for {
		p.mu.Lock()
		current, own := p.live.seq >= seq, p.appending >= seq
		if own && p.appended == nil {
			p.appended = make(chan struct{})
		}
		appended := p.appended
		p.mu.Unlock()
		switch {
		case current:
			return nil
		case !own:
			return p.submit(ctx, &command{refresh: seq})
		}
		select {
		case <-appended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fold takes a payload into the live book, and into the history that performance is worked out
// from, if there is one. The caller holds the lock.
func (p *Portfolio) fold(payload any, seq int64) {
	changes := p.live.Amended()
	c := p.live.apply(payload, seq)
	if p.past == nil {
		return
	}
	_, rezoned := payload.(*risk.PolicyChange) // it may bring another time zone
	if rezoned || p.live.Amended() != changes || !p.past.Follow(payload, c) {
		p.past = nil
	}
}

// announceEntry tells subscribers of a durable entry about orders, trading or credentials.
func (p *Portfolio) announceEntry(payload any, seq int64) {
	e := Event{ProfileID: p.id, Owner: p.owner, Seq: seq}
	switch f := payload.(type) {
	case *risk.Hold:
		if len(f.Warnings) == 0 {
			return
		}
		e.Kind, e.Time, e.Rule = EventWarning, f.Time, f.Warnings[0].Rule
	case *risk.Refusal:
		e.Kind, e.Time = EventRefused, f.Time
		if len(f.Violations) > 0 {
			e.Rule = f.Violations[0].Rule
		}
	case *risk.Breach:
		e.Kind, e.Time, e.Rule = EventBreach, f.Time, f.Rule
	case *risk.StateChange:
		e.Kind, e.Time, e.Rule = EventState, f.Time, f.Cause
	case *CredentialAccess:
		e.Kind, e.Time = EventCredentials, f.Time
	default:
		return
	}
	p.emit(e)
}
