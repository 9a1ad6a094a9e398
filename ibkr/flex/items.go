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
}

// early reports whether the fact changes what the journal has, and is recorded before what fits the
// book only then.
func (i *item) early() bool { return i.event != nil && i.event.early }

// fact returns the fact.
func (i *item) fact() ledger.Fact {
	if i.event != nil {
		return i.event.fact()
	}
	return i.other
}

// into returns the fact. Where it is a trade, the fact is the given one, changed.
func (i *item) into(t *ledger.Trade) ledger.Fact {
	if i.event == nil || !i.event.isTrade() {
		return i.fact()
	}
	i.event.fill(t)
	return t
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
	if i.event != nil && i.event.isTrade() && i.event.trade.exercised() {
		return 0
	}
	return 1
}

// exercised reports whether the trade is the option's side of an exercise, as
// ledger.Trade.Exercised does.
func (x *plannedTrade) exercised() bool {
	return (x.Kind == ledger.Assignment || x.Kind == ledger.Exercise) && x.Instrument.IsOption() && x.gross().IsZero()
}

// Facts yields the facts that the journal lacks, in the order in which Import records them: that of
// their times, but for those that change what the journal has, which come first. A trade is a
// *ledger.Trade.
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

// unheard yields the facts but for those that change what the journal has. Trades are one variable.
func (p *Plan) unheard() iter.Seq[ledger.Fact] {
	return func(yield func(ledger.Fact) bool) {
		var t ledger.Trade
		for i := p.done; i < len(p.items); i++ {
			if !p.items[i].early() && !yield(p.items[i].into(&t)) {
				return
			}
		}
	}
}

// sortItems puts the facts into the order in which Import records them.
func sortItems(items []item) {
	slices.SortStableFunc(items, func(a, b item) int {
		if a.early() != b.early() {
			if a.early() {
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
