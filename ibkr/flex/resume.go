package flex

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// What a statement means depends on what the book had before it: which lots are inferred, how a
// basis is divided. An import that broke off between two parts is therefore not planned anew for
// the book as it is, but for the book as it was when that import began, and goes on behind the
// parts that the journal has. When it began shows in the journal: behind that entry come exactly
// the first parts of the plan.

// journal is the facts of a journal, in the order in which they were recorded.
type journal []accounts.Recorded[ledger.Fact]

// readJournal reads all facts. Trades become pointers, of which the plan keeps many.
func readJournal(ctx context.Context, p *accounts.Portfolio) (journal, error) {
	var j journal
	for f, err := range p.Facts(ctx, accounts.Page{}) {
		if err != nil {
			return nil, err
		}
		if t, trade := f.Value.(ledger.Trade); trade {
			f.Value = &t
		}
		j = append(j, f)
	}
	return j, nil
}

func (j journal) facts() []ledger.Fact {
	facts := make([]ledger.Fact, len(j))
	for i := range j {
		facts[i] = j[i].Value
	}
	return facts
}

// plan plans the statement for what the portfolio holds and has recorded, or for what it had when
// an import of the statement began that broke off.
func (i *importer) plan(ctx context.Context) (*Plan, error) {
	if id := i.p.IBKRAccountID(); !i.st.Of(id) {
		return nil, fmt.Errorf("profile %q has account %s: %w", i.p.ProfileID(), id, ErrWrongAccount)
	}
	if err := i.st.checkBase(i.p.BaseCurrency()); err != nil {
		return nil, fmt.Errorf("profile %q: %w", i.p.ProfileID(), err)
	}
	if err := i.p.CatchUp(ctx); err != nil { // with what another process has imported
		return nil, err
	}
	snapshot := i.p.Snapshot()
	all, err := readJournal(ctx, i.p)
	if err != nil {
		return nil, err
	}
	for _, begin := range i.brokenOff(all) {
		plan, err := i.resume(ctx, all, begin)
		if err != nil || plan != nil && plan.Size() > 0 {
			return plan, err
		}
		if plan != nil { // that import did not break off, and so none did
			break
		}
	}
	var held Held
	for _, open := range snapshot.Open {
		held.Positions = append(held.Positions, open.Position)
	}
	held.Positions = append(held.Positions, snapshot.Closed...)
	held.Facts = all.facts()
	return NewPlan(i.st, held)
}

// brokenOff returns where in the journal the first part of an import that broke off may be: the
// beginnings of what was recorded last in whole parts, the first one first.
func (i *importer) brokenOff(all journal) (begins []int) {
	end := len(all)
	for end > 0 {
		begin := end - 1
		for begin > 0 && all[begin-1].Time.Equal(all[end-1].Time) { // what is recorded at once
			begin--
		}
		switch n, last := i.ofPeriod(all[begin:end]); {
		case n == 0: // recorded since
		case n < i.part || n-last >= i.part:
			slices.Reverse(begins)
			return begins
		default:
			begins = append(begins, begin)
		}
		end = begin
	}
	slices.Reverse(begins)
	return begins
}

// ofPeriod returns how many of the facts may be the statement's, by their times, and how many of
// these are of the time of the last one.
func (i *importer) ofPeriod(facts journal) (n, last int) {
	var at time.Time
	for k := range facts {
		if !i.mayTell(facts[k].Value) {
			continue
		}
		when := timeOf(facts[k].Value)
		if n++; when.Equal(at) {
			last++
		} else {
			at, last = when, 1
		}
	}
	return n, last
}

// mayTell reports whether the fact is within the statement's period, give or take two days. The
// broker tells some of what happened before the period: the period begins with the earliest row.
func (i *importer) mayTell(f ledger.Fact) bool {
	const margin = 48 * time.Hour
	if _, point := f.(ledger.EquityPoint); point {
		return false
	}
	at, to := timeOf(f), i.st.To
	return !at.Before(i.begins().Add(-margin)) && (!to.Valid() || !at.After(to.Time(time.UTC).Add(24*time.Hour+margin)))
}

// begins returns the beginning of the statement's period, or the time of the earliest row if that
// is before; zero if the statement tells no period.
func (i *importer) begins() time.Time {
	if !i.first.IsZero() || !i.st.From.Valid() {
		return i.first
	}
	i.first = i.st.From.Time(time.UTC)
	earlier := func(at time.Time) {
		if at.Before(i.first) {
			i.first = at
		}
	}
	for _, t := range i.st.Trades.All() {
		earlier(t.Time)
	}
	for k := range i.st.CorporateActions {
		earlier(i.st.CorporateActions[k].Time)
	}
	for k := range i.st.Transfers {
		earlier(i.st.Transfers[k].Time)
	}
	for k := range i.st.Cash {
		earlier(i.st.Cash[k].Time)
	}
	return i.first
}

// resume returns the plan of an import that began with the fact, which lacks nothing unless it
// broke off; nil if none did.
func (i *importer) resume(ctx context.Context, all journal, begin int) (*Plan, error) {
	positions, err := i.p.PositionsAt(ctx, all[begin].Seq-1)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(positions, func(a, b ledger.Position) int { return flat(a) - flat(b) }) // as in a snapshot
	plan, err := NewPlan(i.st, Held{Positions: positions, Facts: all[:begin].facts()})
	if err != nil { // the statement would have been refused: no import of it began here
		return nil, nil
	}
	if len(plan.items) <= i.whole || !i.hasParts(plan, all[begin:]) {
		return nil, nil
	}
	return plan, nil
}

// flat is 1 for a position that is flat, and else 0.
func flat(p ledger.Position) int {
	if p.Quantity.IsZero() {
		return 1
	}
	return 0
}

// hasParts notes in the plan how much of it the journal has, and reports whether that is whole
// parts, and what was recorded first since the import began. Facts of other times may have come in
// between.
func (i *importer) hasParts(plan *Plan, since journal) bool {
	n := 0
	for k := 0; k < len(since) && n < len(plan.items); k++ {
		switch {
		case recordedAs(plan.items[n].fact(), since[k].Value):
			n++
		case n == 0 || i.mayTell(since[k].Value):
			return false
		}
	}
	end := 0
	for end < n {
		end = partEnd(plan.items, end, i.part)
	}
	plan.done = n
	return n > 0 && end == n
}

// recordedAs reports whether the journal has the planned fact as what it recorded.
func recordedAs(planned, recorded ledger.Fact) bool {
	now, err := ledger.Normalize(planned)
	if err != nil {
		return false
	}
	was, err := ledger.Normalize(recorded)
	return err == nil && ledger.KindOf(was) == ledger.KindOf(now) && ledger.KeyOf(was) == ledger.KeyOf(now) &&
		ledger.CheckSame(was, now) == nil
}
