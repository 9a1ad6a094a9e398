package ledger

import (
	"maps"
	"slices"
)

// Book is the fold of one profile's journal: positions with their first-in first-out lots, cash
// by currency, realized P&L, the high-water mark. It does no I/O and has no clock: whoever applies
// the same entries gets the same book. It is not safe for concurrent use; a Portfolio is.
//
// P&L is the broker's own arithmetic. An opening trade makes a lot whose basis is −(proceeds −
// commission − taxes). A closing trade realizes proceeds − commission − taxes − basis consumed;
// lots are consumed first in, first out by the time they were opened, in part pro rata.
type Book struct {
	base   Currency
	trades int64

	positions map[InstrumentKey]*Holding
	cash      map[Currency]*CashBalance
	pending   []PendingPremium
	changes   map[int64]Amendment // what history got wrong, by place
	equity    EquityPoint
}

// NewBook returns the book of an empty journal. base is the currency that totals are in.
func NewBook(base Currency) *Book {
	return &Book{
		base:      base,
		positions: map[InstrumentKey]*Holding{},
		cash:      map[Currency]*CashBalance{},
		changes:   map[int64]Amendment{},
	}
}

// Apply folds one decoded payload in as entry seq, and returns what of the position it closed if it is a trade. It
// cannot fail: whatever could was refused before it reached the journal. A payload that is no fact changes nothing.
func (b *Book) Apply(p any, seq int64) (c Closed) {
	switch f := p.(type) {
	case *Trade:
		if h := b.positions[f.Contract()]; h != nil && f.Time.Before(h.LastTrade) {
			b.changes[seq] = Amendment{Place: seq, Trade: f.clone()}
		}
		c = b.trade(f)
	case *CashMovement:
		b.moveCash(f)
	case *Split:
		b.split(f)
	case *Opening:
		b.open(f)
	case *EquityPoint:
		b.equity = *f
	case *Amendment:
		b.changes[f.Place] = *f
	case *Restatement:
		b.restate(f)
	}
	return c
}

// MovedSince is the capital that came or, below zero, went since an equity point was taken; zero where that is not
// known in base currency.
func (b *Book) MovedSince(p *EquityPoint) Decimal {
	var capital Decimal
	for _, c := range b.cash {
		if !c.Unconverted.IsZero() {
			return Decimal{}
		}
		capital = capital.Add(c.CapitalBase)
	}
	return capital.Sub(p.Capital)
}

// Trades returns the number of trades in force: neither cancelled nor replaced.
func (b *Book) Trades() int64 { return b.trades }

// Base returns the currency that totals are in.
func (b *Book) Base() Currency { return b.base }

// Holding returns what the book itself keeps of a contract, nil if it was never held. It must not be changed, and
// changes when the book does.
func (b *Book) Holding(key InstrumentKey) *Holding { return b.positions[key] }

// Contracts returns the keys of every contract ever held, in ascending order.
func (b *Book) Contracts() []InstrumentKey { return slices.Sorted(maps.Keys(b.positions)) }

// Positions returns a copy of every position ever held, flat ones included, ordered by key.
func (b *Book) Positions() []Position {
	out := make([]Position, 0, len(b.positions))
	for _, key := range b.Contracts() {
		out = append(out, b.positions[key].position(true))
	}
	return out
}

// Position returns a copy of the position in one contract, false if it was never held.
func (b *Book) Position(key InstrumentKey) (Position, bool) {
	h := b.positions[key]
	if h == nil {
		return Position{}, false
	}
	return h.position(true), true
}

// Cash returns a copy of every currency's balance.
func (b *Book) Cash() map[Currency]CashBalance {
	out := make(map[Currency]CashBalance, len(b.cash))
	for currency, c := range b.cash {
		out[currency] = *c
	}
	return out
}

// PendingPremiums returns a copy of the premiums that wait for their underlying's trade.
func (b *Book) PendingPremiums() []PendingPremium { return slices.Clone(b.pending) }

// Clone returns a book that shares nothing that changes.
func (b *Book) Clone() *Book {
	c := *b
	c.cash = make(map[Currency]*CashBalance, len(b.cash))
	for currency, cash := range b.cash {
		n := *cash
		c.cash[currency] = &n
	}
	c.positions = make(map[InstrumentKey]*Holding, len(b.positions))
	for key, h := range b.positions {
		n := *h
		n.queue, n.head = slices.Clone(h.lots()), 0
		n.cash = c.balance(n.Instrument.Currency)
		c.positions[key] = &n
	}
	c.changes = maps.Clone(b.changes)
	c.pending = slices.Clone(b.pending)
	return &c
}

// Size is the number of positions, lots and changes, which is what a checkpoint's cost depends on.
func (b *Book) Size() int {
	n := len(b.positions) + len(b.changes)
	for _, h := range b.positions {
		n += len(h.lots())
	}
	return n
}

// CashIn returns a currency's balance; one that was never touched is zero.
func (b *Book) CashIn(currency Currency) CashBalance {
	if c := b.cash[currency]; c != nil {
		return *c
	}
	return CashBalance{}
}
