package accounts

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// errNothing ends an append under the lock that has nothing to append.
var errNothing = errors.New("nothing to append")

// attemptLocked is attempt under the journal's lock: nobody else appends between what it reads and
// what it writes. A command that needs studies makes them under the lock too, if it is the one for
// which the lock was taken.
func (p *Portfolio) attemptLocked(ctx context.Context, group []*command) bool {
	decided := false
	err := p.store.AppendLocked(ctx, p.id, max(p.live.seq-1, 0), func(tail iter.Seq2[Entry, error]) (Batch, error) {
		if err := p.readTail(tail); err != nil {
			return Batch{}, err
		}
		leave(group)
		if err := p.decideAlone(ctx, group); err != nil {
			return Batch{}, err
		}
		if len(p.draft.entries) > 0 {
			decided = true
			p.announce(p.draft.fold.seq)
			return p.draft.batch(p.id), nil
		}
		if !answered(group) {
			return Batch{}, errNothing
		}
		return p.barrier(), nil
	})
	switch {
	case decided:
		return p.conclude(ctx, group, err, true)
	case errors.Is(err, errNothing):
		return true
	case err == nil:
		p.durable = p.live.seq
		return true
	}
	return p.failed(ctx, group, err)
}

// decideAlone is decideAll for a group that has the journal's lock. It studies only for a command
// that is alone: others do not wait for that, nor fail by it.
func (p *Portfolio) decideAlone(ctx context.Context, group []*command) error {
	p.decideAll(group)
	if len(group) > 1 {
		return nil
	}
	end := time.Now().Add(lockedStudy) // of all studies together
	for cmd := group[0]; cmd.parked && cmd.err == nil && cmd.studies.locks(); {
		cmd.parked = false // whatever comes of its studies, it is answered here
		p.resetDraft()
		if err := p.studyLocked(ctx, cmd, end); err != nil {
			return err
		}
		p.decideAll(group)
	}
	return nil
}

// lockedStudy is how long studies under the lock may take: others wait for that, and a store whose
// connections are all taken by such locks gives none for the reading.
var lockedStudy = 10 * time.Second

// studyLocked is study under the journal's lock. It returns ErrUnavailable if it takes too long.
func (p *Portfolio) studyLocked(ctx context.Context, cmd *command, end time.Time) error {
	brief, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	err := p.study(brief, cmd)
	if err != nil && brief.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: the journal was not read within %s under its lock", ErrUnavailable, lockedStudy)
	}
	return err
}
