package ledger

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/wire"
)

// Restatement is what amendments made of the book: the journal folded again with every change in
// its place, as far as the outcome differs. It spares whoever folds the journal later from going
// back, and can be checked by doing so.
type Restatement struct {
	Positions []Position               `json:"positions,omitempty"` // replace those of the same contract
	Cash      map[Currency]CashBalance `json:"cash,omitempty"`      // replace those of the same currency
	Pending   []PendingPremium         `json:"pending,omitempty"`   // replaces all
	Trades    int64                    `json:"trades"`              // replaces the count
}

// check makes sure that the lots of every position add up to it.
func (r *Restatement) check() error {
	for i := range r.Positions {
		p := &r.Positions[i]
		var quantity Decimal
		for _, l := range p.Lots {
			quantity = quantity.Add(l.Quantity)
			if l.Quantity.IsNeg() != p.Quantity.IsNeg() {
				return fmt.Errorf("restatement of %s has a lot of %s in a position of %s", p.Instrument.Key(), l.Quantity, p.Quantity)
			}
		}
		if !quantity.Equal(p.Quantity) {
			return fmt.Errorf("restatement of %s: lots of %s in a position of %s", p.Instrument.Key(), quantity, p.Quantity)
		}
	}
	return nil
}

func (r *Restatement) setCash(currency Currency, c CashBalance) {
	if r.Cash == nil {
		r.Cash = map[Currency]CashBalance{}
	}
	r.Cash[currency] = c
}

func (r *Restatement) appendFields(b []byte) []byte { return wire.AppendFields(b, r) }
func (r *Restatement) kind() EntryKind              { return KindRestatement }
func (r *Restatement) when() time.Time              { return time.Time{} }
func (r *Restatement) entryKey() string             { return "" }

// Diff returns what of the book after differs from the book before.
func Diff(before, after *Book) *Restatement {
	r := &Restatement{Pending: after.pending, Trades: after.trades}
	for _, key := range slices.Sorted(maps.Keys(after.positions)) {
		p := after.positions[key].position(true)
		if h := before.positions[key]; h == nil || !samePosition(p, h.position(true)) {
			r.Positions = append(r.Positions, p)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(before.positions)) {
		if after.positions[key] != nil {
			continue
		}
		// Nothing of it is in force any longer.
		h := before.positions[key]
		if none := (Position{Instrument: h.Instrument}); !samePosition(none, h.position(true)) {
			r.Positions = append(r.Positions, none)
		}
	}
	for _, b := range []*Book{before, after} {
		for _, currency := range slices.Sorted(maps.Keys(b.cash)) {
			if c := after.CashIn(currency); !wire.Same(c, before.CashIn(currency)) {
				r.setCash(currency, c)
			}
		}
	}
	return r
}

// samePosition compares two positions in one contract but for the broker's names for it, which
// are hints and differ from source to source.
func samePosition(a, b Position) bool {
	a.Instrument, b.Instrument = Instrument{}, Instrument{}
	return wire.Same(a, b)
}
