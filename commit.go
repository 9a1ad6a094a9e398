package accounts

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Tries that end in a refused append are bounded. Optimistic ones lose against other processes that
// append all the time; one under the journal's lock cannot lose, but for keys that the journal has.
const (
	optimisticTries = 4
	maxTries        = 16
)

// commit decides every command of the group on the draft, appends their entries as one batch, and
// folds these into the live book. If the store refuses the batch, the journal knows more than the
// draft: the draft is made anew, and each command decides again. After optimisticTries the group
// appends under the journal's lock; after maxTries it gives up.
func (p *Portfolio) commit(ctx context.Context, group []*command) {
	p.draft.known = nil
	for try := 1; try <= maxTries; try++ {
		p.countTry(ctx, try)
		undecide(group)
		leave(group)
		var done bool
		if try > optimisticTries || group[0].studies.locks() {
			done = p.attemptLocked(ctx, group)
		} else {
			done = p.attempt(ctx, group)
		}
		if done {
			for _, cmd := range group { // those that were decided so, and not under the lock: Ping needs a connection
				cmd.err = p.evidence(ctx, cmd.err)
			}
			return
		}
	}
	fail(group, fmt.Errorf("%w: gave up after %d tries", ErrConflict, maxTries))
}

// undecide takes back the errors that rest on entries of others: those were not appended.
func undecide(group []*command) {
	for _, cmd := range group {
		if cmd.leans {
			cmd.err, cmd.leans = nil, false
		}
	}
}

// leave fails the commands whose callers no longer wait. What was refused before wrote nothing, and
// what a caller has given up must not come after what others were told since.
func leave(group []*command) {
	for _, cmd := range group {
		if cmd.err == nil {
			cmd.err = cmd.ctx.Err()
		}
	}
}

// attempt decides and appends once. It reports false if the group must be decided again.
func (p *Portfolio) attempt(ctx context.Context, group []*command) bool {
	if err := p.catchUp(ctx, group); err != nil {
		return p.failed(ctx, group, err)
	}
	switch err := p.awaitUnknown(ctx, group); {
	case errors.Is(err, ErrConflict):
		p.stale = true
		return false
	case err != nil: // the kill switch writes an entry all the same, which settles it
		p.failed(ctx, slices.DeleteFunc(slices.Clone(group), isState), err)
	}
	p.decideAll(group)
	if len(p.draft.entries) == 0 {
		err := p.settle(ctx, group)
		if errors.Is(err, ErrConflict) {
			p.stale = true
			return false
		}
		return p.failed(ctx, group, err)
	}
	p.announce(p.draft.fold.seq)
	return p.conclude(ctx, group, p.store.Append(ctx, p.draft.batch(p.id)), false)
}

// awaitUnknown waits for an append of unknown outcome that cannot be seen, as the store's barrier
// does: nothing is decided by a book that the append may still change. It returns ErrConflict if
// the journal has more than the book.
func (p *Portfolio) awaitUnknown(ctx context.Context, group []*command) error {
	decides := slices.ContainsFunc(group, func(cmd *command) bool {
		_, policy := cmd.task.(policing)
		return cmd.refresh == 0 && !policy && !isState(cmd) && cmd.err == nil && !cmd.parked
	})
	if !p.underWay || !decides {
		return nil
	}
	return p.makeSure(ctx)
}

// makeSure appends the barrier. Its unknown outcome is no command's: nothing of a command was
// appended.
func (p *Portfolio) makeSure(ctx context.Context) error {
	err := p.store.Append(ctx, p.barrier())
	switch {
	case !errors.Is(err, ErrOutcomeUnknown):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%w: a barrier: %v", ErrUnavailable, err)
}

// conclude takes the outcome of an append. It reports false if the group must be decided again.
func (p *Portfolio) conclude(ctx context.Context, group []*command, err error, locked bool) bool {
	if err == nil {
		p.publish()
		return true
	}
	entries := len(p.draft.entries)
	p.announce(0)
	p.draft.lent = !nothingWritten(err) && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrDuplicate)
	p.resetDraft()
	var duplicates *DuplicateError
	switch {
	case errors.As(err, &duplicates) && len(duplicates.Duplicates) > 0:
		p.refused(ctx, &p.counters.duplicates, len(duplicates.Duplicates))
		if p.draft.known == nil {
			p.draft.known = map[string]int64{}
		}
		for _, d := range duplicates.Duplicates {
			p.draft.known[d.Key] = d.Seq
		}
		return false
	case errors.Is(err, ErrConflict) && locked:
		err = &CorruptError{ProfileID: p.id, Seq: p.live.seq + 1, Reason: "is refused behind the journal's end"}
	case errors.Is(err, ErrConflict):
		p.refused(ctx, &p.counters.conflicts, 1)
		p.stale = true
		return false
	}
	if errors.Is(err, ErrInvalid) && nothingWritten(err) && len(group) > 1 {
		setApart(group)
		return true
	}
	p.stale = true // it may have been appended all the same
	if !nothingWritten(err) {
		p.underWay = true
		p.outcomeUnknown(ctx, entries, err)
		err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return p.failed(ctx, group, err)
}

// setApart has every command of the group get in line again, to be appended alone: what the store
// cannot write is one command's alone. The kill switch goes before them.
func setApart(group []*command) {
	undecide(group)
	for _, cmd := range group {
		if cmd.err == nil && !cmd.parked {
			cmd.parked, cmd.alone = true, true
		}
	}
}

// nothingWritten reports whether an error of the store's says that an append wrote nothing. A
// context's error does not, though the contract says so: the drivers of many stores return one for
// a lost answer.
func nothingWritten(err error) bool {
	if errors.Is(err, ErrOutcomeUnknown) {
		return false
	}
	for _, sure := range []error{ErrUnavailable, ErrClosed, ErrProfileNotFound, ErrInvalid, ErrCorrupt} {
		if errors.Is(err, sure) {
			return true
		}
	}
	return false
}

// failed fails the group if err is not nil. It returns true: there is nothing to try again.
func (p *Portfolio) failed(ctx context.Context, group []*command, err error) bool {
	if err != nil {
		err = p.evidence(ctx, err)
		p.noteCorrupt(ctx, err)
		fail(group, err)
	}
	return true
}

// evidence returns the error, or the store's own if the error is ErrCorrupt and the store cannot be
// used: what a server lacks that should not be asked, such as an old primary, is no evidence.
func (p *Portfolio) evidence(ctx context.Context, err error) error {
	if errors.Is(err, ErrCorrupt) {
		if unusable := p.store.Ping(ctx); unusable != nil {
			return unusable
		}
	}
	return err
}

// fail sets the error of every command that has none of its own, but for those that were set aside.
func fail(group []*command, err error) {
	undecide(group)
	for _, cmd := range group {
		if cmd.err == nil && !cmd.parked {
			cmd.err, cmd.added = err, 0
		}
	}
}

// answered reports whether a command of the group is answered without an entry of its own. A policy
// that is in the journal already is no answer: the profile has it, and whoever misses it writes it.
func answered(group []*command) bool {
	return slices.ContainsFunc(group, func(cmd *command) bool {
		_, policy := cmd.task.(policing)
		return cmd.err == nil && !cmd.parked && cmd.refresh == 0 && !policy
	})
}

// settle makes sure that answers without a write rest on a book that is neither outdated nor undone
// by a failover: entries that this process has read, and not written, may be on one server alone.
// It returns ErrConflict if the journal has more than the book.
func (p *Portfolio) settle(ctx context.Context, group []*command) error {
	if !answered(group) {
		return nil
	}
	// "It is halted already" rests on nobody's append that is under way, of unknown outcome, in
	// another process.
	if p.live.seq > p.durable || slices.ContainsFunc(group, isState) {
		err := p.makeSure(ctx)
		if err == nil {
			p.durable = p.live.seq
		}
		return err
	}
	for _, err := range p.store.Entries(ctx, p.id, p.live.seq) {
		if err != nil {
			return err
		}
		return ErrConflict
	}
	return nil
}

// barrier returns the batch that adds nothing, and makes sure of what is there.
func (p *Portfolio) barrier() Batch {
	return Batch{ProfileID: p.id, After: p.live.seq, Hash: p.live.hash}
}

// decideAll decides every command of the group, or sets it aside.
func (p *Portfolio) decideAll(group []*command) {
	for !p.decide(group) { // each round sets one command aside, or fails it
	}
}

// decide turns the commands into entries on the draft. A command that fails has its error; one that
// must know more of the journal is set aside. Where such a command has left something on the draft,
// decide makes the draft anew and reports false: the others must decide again.
func (p *Portfolio) decide(group []*command) bool {
	p.draft.begin(p.live.seq, p.live.hash, wire.Time(p.clock()), len(group) > 1)
	for _, cmd := range group {
		if cmd.err != nil || cmd.parked {
			continue
		}
		before := len(p.draft.entries)
		added, err := p.run(cmd)
		if err == nil {
			cmd.added = added
			continue
		}
		if cmd.must(err) {
			p.park(cmd)
		} else {
			cmd.err, cmd.leans = err, before > 0
		}
		if len(p.draft.entries) > before || added > 0 {
			p.resetDraft()
			return false
		}
	}
	return true
}

// run makes one command's entries, and returns how many of its facts were new.
func (p *Portfolio) run(cmd *command) (int, error) {
	p.draft.start = len(p.draft.entries)
	if cmd.studies != nil {
		if err := cmd.studies.begin(p); err != nil {
			return 0, err
		}
	}
	if cmd.task != nil {
		return 0, cmd.task.run(p, cmd)
	}
	added, err := p.recordFacts(cmd)
	if err == nil && cmd.judged {
		err = p.writeLosses()
	}
	return added, err
}

// resetDraft makes the draft equal to the live book again. It holds the read lock: readers bring
// the live book's exposure up to date.
func (p *Portfolio) resetDraft() {
	p.mu.RLock()
	defer p.mu.RUnlock()
	d := p.draft
	if !d.fold.Undo(p.live.Account, d.payloads, p.live.seq+1) {
		d.fold = p.live.clone()
	}
	d.clear()
}

// copyLive returns a copy of the live book.
func (p *Portfolio) copyLive() *fold {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.live.clone()
}

// draftPoint returns the totals of the draft at the present prices, as an equity point of now too.
func (p *Portfolio) draftPoint() (ledger.EquityPoint, ledger.Totals) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.draft.fold.Point(p.prices, p.draft.now)
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

// publish makes the appended entries visible to readers, and tells subscribers of them.
func (p *Portfolio) publish() {
	p.foldDraft()
	p.underWay = false
	raise(&p.far, p.draft.span)
	for i, payload := range p.draft.payloads {
		p.announceEntry(payload, p.draft.entries[i].Seq)
	}
}

// foldDraft folds the draft's entries into the live book.
func (p *Portfolio) foldDraft() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.appending = 0
	for i, payload := range p.draft.payloads {
		p.fold(payload, p.draft.entries[i].Seq)
	}
	p.live.hash = p.draft.entries[len(p.draft.entries)-1].Hash
	p.durable = p.live.seq
	p.written.groups++
	p.written.entries += int64(len(p.draft.entries))
	p.written.restatements += p.draft.restated
	p.visible.Store(p.live.seq)
	p.wakeReaders()
}

// catchUp folds in the entries of other processes, if the portfolio knows or suspects that there
// are any.
func (p *Portfolio) catchUp(ctx context.Context, group []*command) error {
	for _, cmd := range group {
		if cmd.studies.ahead(p.live.seq) || cmd.refresh > p.live.seq {
			p.stale = true
		}
	}
	if !p.stale {
		return nil
	}
	return p.readTail(p.store.Entries(ctx, p.id, max(p.live.seq-1, 0)))
}

// readTail takes the journal from the entry on with which the live book ends, and folds in what
// lies behind that entry, all at once: readers see the batches of other processes as a whole. It
// returns a *CorruptError if the journal lacks the entry, or has another one in its place.
func (p *Portfolio) readTail(entries iter.Seq2[Entry, error]) error {
	var tail []decoded
	seq, hash := p.live.seq, p.live.hash
	met := seq == 0 // the entry with which the book ends
	for e, err := range entries {
		if err != nil {
			return err
		}
		if !met {
			if e.Seq != seq || e.Hash != hash {
				break
			}
			met = true
			continue
		}
		if err := e.chain(p.id, seq, hash, nil); err != nil {
			return err
		}
		payload, err := e.Decode()
		if err != nil {
			return err
		}
		seq, hash = e.Seq, e.Hash
		tail = append(tail, decoded{payload, e.Seq})
	}
	if !met {
		return &CorruptError{ProfileID: p.id, Seq: seq, Reason: "the journal lacks this entry, which was durable"}
	}
	p.foldTail(tail, seq, hash)
	p.underWay = p.underWay && len(tail) == 0
	for _, e := range tail {
		p.announceEntry(e.payload, e.seq)
	}
	p.stale, p.corrupt = false, false
	p.counters.catchUps.Add(1)
	p.counters.caughtUp.Add(int64(len(tail)))
	if p.draft.spoiled {
		p.draft.fold, p.draft.spoiled = p.copyLive(), false
	} else {
		for _, e := range tail {
			p.draft.fold.apply(e.payload, e.seq)
		}
	}
	return nil
}

// decoded is an entry of the journal that was read.
type decoded struct {
	payload any
	seq     int64
}

// foldTail folds entries that were read into the live book, which then ends with entry seq.
func (p *Portfolio) foldTail(tail []decoded, seq int64, hash Hash) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range tail {
		p.fold(e.payload, e.seq)
	}
	p.live.hash = hash
	p.visible.Store(seq)
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
	for _, h := range p.following {
		h.tell(payload, seq)
	}
	if p.past == nil {
		return
	}
	if p.live.Amended() != changes || !p.past.Follow(seq, payload, c) {
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
