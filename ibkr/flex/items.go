package flex

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// item is a fact of a plan: what an event is recorded as, or a fact that no event stands for.
type item struct {
	event *event
	other ledger.Fact
	early bool // it changes what the journal has, and is recorded before what fits the book only then
}

// fact returns the fact.
func (i *item) fact() ledger.Fact {
	if i.event != nil {
		return i.event.fact()
	}
	return i.other
}

// at is when the fact happened.
func (i *item) at() time.Time {
	if i.event != nil {
		return i.event.recordedAt()
	}
	return timeOf(i.other)
}

// rank is zero for an exercised option, which comes before other facts of its time.
func (i *item) rank() int {
	if i.event != nil && i.event.split == nil && i.event.transfer == nil && i.event.trade.Exercised() {
		return 0
	}
	return 1
}

// Facts yields the facts that the journal lacks, in the order in which Import records them: that of their times,
// but for those that change what the journal has, which come first. A trade is a *ledger.Trade.
func (p *Plan) Facts() iter.Seq[ledger.Fact] {
	return func(yield func(ledger.Fact) bool) {
		for i := p.done; i < len(p.items); i++ {
			if !yield(p.items[i].fact()) {
				return
			}
		}
	}
}

// Size returns how many facts the journal lacks.
func (p *Plan) Size() int { return len(p.items) - p.done }

// unheard yields the facts but for those that change what the journal has.
func (p *Plan) unheard() iter.Seq[ledger.Fact] {
	return func(yield func(ledger.Fact) bool) {
		for i := p.done; i < len(p.items); i++ {
			if !p.items[i].early && !yield(p.items[i].fact()) {
				return
			}
		}
	}
}

// sortItems puts the facts into the order in which Import records them.
func sortItems(items []item) {
	slices.SortStableFunc(items, func(a, b item) int {
		switch {
		case a.early != b.early:
			if a.early {
				return -1
			}
			return 1
		}
		if c := a.at().Compare(b.at()); c != 0 {
			return c
		}
		return cmp.Compare(a.rank(), b.rank())
	})
}
