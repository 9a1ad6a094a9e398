package ledger

import (
	"maps"
	"slices"
)

// Book is the fold of one profile's journal, as far as it is about facts: positions with their
// lots, cash by currency, realized P&L. It does no I/O and has no clock, so equal entries make
// equal books. It is not safe for concurrent use.
//
// P&L follows the broker's arithmetic. An opening trade makes a lot whose basis is −(proceeds −
// commission − taxes). A closing trade realizes proceeds − commission − taxes − the basis of the
// lots that it consumes. Lots are consumed first in, first out, in the order of their opening
// times; a lot consumed in part gives up its basis in proportion.
type Book struct {
	base   Currency
	trades int64 // in force

	positions map[InstrumentKey]*Holding
	cash      map[Currency]*CashBalance
	kind      map[Currency]capitalInKind
	pending   []PendingPremium
	// changes holds the amendments, and trades recorded out of order, by place.
	changes map[int64]Amendment
	equity  EquityPoint // the newest equity point
}

// NewBook returns the book of an empty journal. Totals are in the base currency.
func NewBook(base Currency) *Book {
	return &Book{
		base:      base,
		positions: map[InstrumentKey]*Holding{},
		cash:      map[Currency]*CashBalance{},
		kind:      map[Currency]capitalInKind{},
		changes:   map[int64]Amendment{},
	}
}

// Apply folds one decoded payload in as entry seq, and returns the part of a position that a trade
// closed; no part for all other payloads, of which openings and transfers tell by Ended that the
// position ended. Apply cannot fail: facts are normalized and placed before
// they reach a journal. An [Amendment] is only noted;
// the [Restatement] behind it brings its effect.
func (b *Book) Apply(p Payload, seq int64) (c Closed) {
	switch f := p.(type) {
	case *Trade:
		_, c = b.ApplyTrade(f, seq)
	case *CashMovement:
		b.moveCash(f)
	case *Split:
		b.split(f)
	case *Opening:
		b.contribute(f)
		c = b.bring(&f.Instrument, f.Lots, f.Time, f.FXRate)
	case *Transfer:
		b.contribute(f)
		c = b.transfer(f)
	case *EquityPoint:
		b.equity = *f
	case *Amendment:
		b.contribute(f)
		b.changes[f.Place] = *f
	case *Restatement:
		b.restate(f)
	}
	return c
}

// ApplyTrade is Apply for a trade. It returns the book's own record of the contract besides, as
// Holding does; nil for a currency trade.
func (b *Book) ApplyTrade(t *Trade, seq int64) (*Holding, Closed) {
	h := b.held(t)
	if h != nil && t.Time.Before(h.LastTrade) {
		b.changes[seq] = Amendment{Place: seq, Trade: t.clone()}
	}
	return h, b.trade(t, h)
}

// Base returns the base currency, which totals are in.
func (b *Book) Base() Currency { return b.base }

// Trades returns the number of trades in force. Cancelled and replaced trades are not in force.
func (b *Book) Trades() int64 { return b.trades }

// Holding returns the book's own record of a contract; nil if the contract was never held. The
// caller must not change it. It changes with the book.
func (b *Book) Holding(key InstrumentKey) *Holding { return b.positions[key] }

// Contracts returns the keys of all contracts ever held, in ascending order.
func (b *Book) Contracts() []InstrumentKey { return slices.Sorted(maps.Keys(b.positions)) }

// Position returns a copy of the position in one contract; false if the contract was never held.
func (b *Book) Position(key InstrumentKey) (Position, bool) {
	h := b.positions[key]
	if h == nil {
		return Position{}, false
	}
	return h.position(true), true
}

// Positions returns a copy of every position ever held, flat ones included, in ascending order of
// keys.
func (b *Book) Positions() []Position {
	out := make([]Position, 0, len(b.positions))
	for _, key := range b.Contracts() {
		out = append(out, b.positions[key].position(true))
	}
	return out
}

// Cash returns a copy of the balances of all currencies.
func (b *Book) Cash() map[Currency]CashBalance {
	out := make(map[Currency]CashBalance, len(b.cash))
	for currency, c := range b.cash {
		out[currency] = *c
	}
	return out
}

// CashIn returns a copy of one currency's balance; zero if the currency was never touched.
func (b *Book) CashIn(currency Currency) CashBalance {
	if c := b.cash[currency]; c != nil {
		return *c
	}
	return CashBalance{}
}

// PendingPremiums returns a copy of the premiums that wait for a trade of their underlying.
func (b *Book) PendingPremiums() []PendingPremium { return slices.Clone(b.pending) }

// Amendments returns a copy of the changes of history, by place.
func (b *Book) Amendments() map[int64]Amendment { return maps.Clone(b.changes) }

// Amended returns the number of places at which history was changed.
func (b *Book) Amended() int { return len(b.changes) }

// MovedSince returns the capital in base currency that was deposited or, below zero, withdrawn
// after an equity point was taken. It returns zero if a movement in a foreign currency has no rate.
func (b *Book) MovedSince(p *EquityPoint) Decimal {
	for _, c := range b.cash {
		if !c.Unconverted.IsZero() {
			return Decimal{}
		}
	}
	return b.Capital().Sub(p.Capital)
}

// Capital returns the deposits, withdrawals and opening balances that have a rate, in base
// currency.
func (b *Book) Capital() (sum Decimal) {
	for _, c := range b.cash {
		sum = sum.Add(c.CapitalBase)
	}
	return sum
}

// InKind returns what positions were worth, in base currency, when they came otherwise than by
// trades. Those without a rate are not in it.
func (b *Book) InKind() (sum Decimal) {
	for _, k := range b.kind {
		sum = sum.Add(k.Base)
	}
	return sum
}

// capitalInKind is what positions in one currency were worth that came otherwise than by trades: in
// base currency, and in the currency itself the sum of those without a rate.
type capitalInKind struct {
	Base    Decimal `json:"base"`
	Unrated Decimal `json:"unrated,omitzero"`
}

// UnratedCapital returns the capital that came or went without a rate, in cash and in kind, by
// currency.
func (b *Book) UnratedCapital() map[Currency]Decimal {
	sums := map[Currency]Decimal{}
	for currency, c := range b.cash {
		if !c.Unconverted.IsZero() {
			sums[currency] = c.Unconverted
		}
	}
	for currency, k := range b.kind {
		if !k.Unrated.IsZero() {
			sums[currency] = sums[currency].Add(k.Unrated)
		}
	}
	return sums
}

// CapitalRated reports whether all capital can be told in base currency: what came or went without
// a rate of its own counts at the present one.
func (b *Book) CapitalRated(p *Prices) bool {
	for currency, sum := range b.UnratedCapital() {
		if _, _, known := p.Rate(currency); !known && !sum.IsZero() {
			return false
		}
	}
	return true
}

// Size returns the number of positions, lots and changes, to which the size of a checkpoint is in
// proportion.
func (b *Book) Size() int {
	n := len(b.positions) + len(b.changes)
	for _, h := range b.positions {
		n += len(h.lots())
	}
	return n
}

// Clone returns a copy that shares nothing that changes.
func (b *Book) Clone() *Book {
	c := *b
	c.cash = make(map[Currency]*CashBalance, len(b.cash))
	for currency, cash := range b.cash {
		n := *cash
		c.cash[currency] = &n
	}
	c.positions = make(map[InstrumentKey]*Holding, len(b.positions))
	for key := range b.positions {
		c.undo(b, key)
	}
	c.kind, c.changes = maps.Clone(b.kind), maps.Clone(b.changes)
	c.pending = slices.Clone(b.pending)
	return &c
}

// Undo makes the book equal to another again, of which it is a copy that has since folded in
// entries from first up to, and without, entry end, which touched the given contracts and no
// earlier history.
func (b *Book) Undo(to *Book, touched []InstrumentKey, first, end int64) {
	for currency, c := range b.cash {
		*c = to.CashIn(currency)
	}
	for _, key := range touched {
		b.undo(to, key)
	}
	for currency := range b.cash {
		if to.cash[currency] == nil {
			delete(b.cash, currency)
		}
	}
	for seq := first; seq < end; seq++ {
		delete(b.changes, seq)
	}
	b.pending = append(b.pending[:0], to.pending...)
	b.trades, b.equity, b.kind = to.trades, to.equity, maps.Clone(to.kind)
}

// undo copies one contract's holding.
func (b *Book) undo(to *Book, key InstrumentKey) {
	h := to.positions[key]
	if h == nil {
		delete(b.positions, key)
		return
	}
	n := *h
	n.queue, n.head = slices.Clone(h.lots()), 0
	n.cash = b.balance(n.Instrument.Currency)
	b.positions[key] = &n
}
