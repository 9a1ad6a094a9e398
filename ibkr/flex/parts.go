package flex

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// MaxWhole is how many facts Import records all or none. A statement with more facts that the
// journal lacks is recorded in parts of PartSize facts.
const MaxWhole = 20_000

// PartSize is how many facts a part of a statement has that is recorded in parts. The last part has
// fewer. A part has more where facts are of the same time as its last one: they are in one part.
const PartSize = 4_000

// ErrIncomplete is what every IncompleteError matches.
var ErrIncomplete = errors.New("a part of the statement is recorded, and not all of it: import it again")

// IncompleteError says that Import ended when a part of a statement was recorded and not all of it:
// the context ended, or the store failed. Import of the same statement records the rest. It matches
// ErrIncomplete, and what ended the import.
type IncompleteError struct {
	Recorded int // facts of the statement that are recorded, those of an earlier import that broke off included
	Facts    int // all facts to be recorded
	// UpTo is the time of the last fact that is recorded, UTC: every fact to be recorded of before
	// is too. It is zero while nothing but changes of what the book had is recorded, which come
	// first.
	UpTo time.Time
	Err  error // what ended the import; after accounts.ErrOutcomeUnknown one more part may be recorded
}

// Error says how much is recorded, and what ended the import.
func (e *IncompleteError) Error() string {
	return fmt.Sprintf("%s, and the rest is once the statement is imported again: %s", e.Done(), e.Err)
}

// Done says how much is recorded: "4000 of 25000 facts are recorded, those up to
// 2025-01-20T15:00:00Z".
func (e *IncompleteError) Done() string {
	what := "all of which change what the book had"
	if !e.UpTo.IsZero() {
		what = "those up to " + e.UpTo.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%d of %d facts are recorded, %s", e.Recorded, e.Facts, what)
}

// Unwrap returns ErrIncomplete and the cause.
func (e *IncompleteError) Unwrap() []error { return []error{ErrIncomplete, e.Err} }

// ImportOption configures Import.
type ImportOption func(*importer)

// WithProgress has Import call f after every part that it records: recorded is how many of the
// facts that the journal lacked are recorded by then, those of an earlier import that broke off
// included. Import calls f in its own goroutine.
func WithProgress(f func(recorded, facts int)) ImportOption {
	return func(i *importer) { i.progress = f }
}

// importer imports one statement into one portfolio.
type importer struct {
	p        *accounts.Portfolio
	st       *Statement
	whole    int // see MaxWhole
	part     int // see PartSize
	progress func(recorded, facts int)
	first    time.Time // see begins
}

func newImporter(p *accounts.Portfolio, st *Statement, opts []ImportOption) *importer {
	i := &importer{p: p, st: st, whole: MaxWhole, part: PartSize, progress: func(int, int) {}}
	for _, opt := range opts {
		opt(i)
	}
	return i
}

// record records the plan's facts, all at once or in parts, and returns how many were new.
func (i *importer) record(ctx context.Context, plan *Plan) (added int, err error) {
	size := i.part
	if len(plan.items) <= i.whole {
		size = len(plan.items)
	} else if err := i.p.CheckFacts(ctx, plan.unheard()); err != nil {
		return 0, err
	}
	var part partFacts
	for from := plan.done; from < len(plan.items); {
		end := partEnd(plan.items, from, size)
		n, err := i.p.Record(ctx, part.of(plan, from, end)...)
		if err != nil {
			return added, plan.incomplete(from, err)
		}
		added += n
		from = end
		i.progress(from, len(plan.items))
	}
	return added, nil
}

// incomplete returns the error of an import that ended with so many facts recorded.
func (p *Plan) incomplete(recorded int, err error) error {
	if recorded == 0 {
		return err
	}
	e := &IncompleteError{Recorded: recorded, Facts: len(p.items), Err: err}
	if last := &p.items[recorded-1]; !last.early() {
		e.UpTo = last.at()
	}
	return e
}

// partEnd returns where the part ends that begins at from.
func partEnd(items []item, from, size int) int {
	end := min(from+size, len(items))
	for end < len(items) && items[end].at().Equal(items[end-1].at()) {
		end++
	}
	return end
}

// partFacts are the facts of one part after the other, in the same memory: Record keeps none of
// them.
type partFacts struct {
	facts  []ledger.Fact
	trades []ledger.Trade
}

func (f *partFacts) of(plan *Plan, from, end int) []ledger.Fact {
	f.facts = f.facts[:0]
	if n := end - from; n > len(f.trades) {
		f.trades = make([]ledger.Trade, n)
	}
	for i := range plan.items[from:end] {
		f.facts = append(f.facts, plan.items[from+i].into(&f.trades[i]))
	}
	return f.facts
}
