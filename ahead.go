package accounts

import (
	"context"
	"fmt"
	"iter"

	"github.com/ai-ots/accounts/ledger"
)

// PositionsAt returns a copy of every position as it stood behind entry seq of the journal, flat
// ones included, in ascending order of keys: what was recorded later does not count, late facts and
// corrections included. Sequence numbers are those of Recorded, and 0 is before the first entry.
// PositionsAt reads the journal from the newest checkpoint before seq on. Errors: ErrInvalid for a
// number beyond the journal's end, and those of the store and ErrCorrupt, as of Facts.
func (p *Portfolio) PositionsAt(ctx context.Context, seq int64) ([]ledger.Position, error) {
	f, err := p.foldUpTo(ctx, seq)
	if err != nil {
		return nil, fmt.Errorf("positions of profile %q behind entry %d: %w", p.id, seq, err)
	}
	return f.Positions(), nil
}

// foldUpTo folds the journal up to and including entry seq.
func (p *Portfolio) foldUpTo(ctx context.Context, seq int64) (*fold, error) {
	f := newFold(p.id, p.base)
	if seq == 0 {
		return f, nil
	}
	if c, err := p.store.Checkpoint(ctx, p.id, seq); err == nil {
		if from, ok := foldFrom(c, p.id, p.base); ok {
			f = from
		}
	}
	var failed error
	err := p.behind(ctx, Checkpoint{Seq: f.seq, Hash: f.hash}, func(e Entry) bool {
		if e.Seq <= seq {
			failed = f.next(e)
		}
		return failed == nil && e.Seq < seq
	})
	switch {
	case failed != nil:
		return nil, failed
	case err != nil:
		return nil, err
	case f.seq != seq:
		return nil, fmt.Errorf("%w: the journal ends with entry %d", ErrInvalid, f.seq)
	}
	return f, nil
}

// CheckFacts returns the error with which Record would refuse facts that are new to the journal, if
// they were recorded one behind the other in their order, and nil if nothing speaks against them.
// It writes nothing. Callers that record many facts by several calls of Record find out so
// beforehand.
//
// CheckFacts tells of every fact whether any book can accept it, and whether it is dated ahead of
// the clock. It tells whether splits, openings and transfers fit the positions up to the first fact
// that changes history: a late one, or a cancellation. It does not look for ids in the journal, and
// so tells neither ErrIDReused nor ErrExecutionNotFound, and takes a correction for another trade.
// Errors: ErrInvalid, ErrInexact, ErrCurrencyMismatch, ErrFutureTime and ErrPositionNotFound, as of
// Record, and the context's.
func (p *Portfolio) CheckFacts(ctx context.Context, facts iter.Seq[ledger.Fact]) error {
	book, latest := p.copyLive(), p.clock().Add(clockSkew)
	cmd := p.newCommand(1)
	for f := range facts {
		cmd.trades = cmd.trades[:0]
		next, err := cmd.normalize(f)
		if err == nil {
			err = notAhead(next, latest)
		}
		if err == nil && book != nil {
			book, err = book.ahead(next)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("check facts for profile %q: %w", p.id, err)
		}
	}
	p.commands.Put(cmd)
	return nil
}

// ahead folds a fact in and returns the book; nil for a fact that changes history, behind which the
// book is not known without reading the journal.
func (f *fold) ahead(fact ledger.Payload) (*fold, error) {
	if _, cancels := fact.(*ledger.Cancellation); cancels {
		return nil, nil
	}
	next, err := f.Place(fact, f.seq+1)
	if err != nil {
		return nil, err
	}
	if _, late := next.(*ledger.Amendment); late {
		return nil, nil
	}
	f.apply(next, f.seq+1)
	return f, nil
}
