package ledger

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/wire"
)

// Restatement is the effect of amendments on the book: the difference after folding the journal
// again with every change in its place. It spares later readers of the journal the way back, and
// can be checked by folding again.
type Restatement struct {
	Positions []Position               `json:"positions,omitempty"` // replace those of the same contract
	Cash      map[Currency]CashBalance `json:"cash,omitempty"`      // replace those of the same currency
	Pending   []PendingPremium         `json:"pending,omitempty"`   // replaces all
	Trades    int64                    `json:"trades"`              // replaces the count
	Shifts    []Shift                  `json:"shifts,omitempty"`    // of the equity points before
}

// check returns an error unless the lots of every position add up to the position.
func (r *Restatement) check() error {
	for i := range r.Positions {
		p := &r.Positions[i]
		var quantity Decimal
		for _, l := range p.Lots {
			quantity = quantity.Add(l.Quantity)
			if l.Quantity.IsNeg() != p.Quantity.IsNeg() {
				return fmt.Errorf("restatement of %s has a lot of %s in a position of %s", p.Instrument.Key(),
					l.Quantity, p.Quantity)
			}
		}
		if !quantity.Equal(p.Quantity) {
			return fmt.Errorf("restatement of %s: lots of %s in a position of %s", p.Instrument.Key(), quantity,
				p.Quantity)
		}
	}
	return nil
}

// setCash adds a balance.
func (r *Restatement) setCash(currency Currency, c CashBalance) {
	if r.Cash == nil {
		r.Cash = map[Currency]CashBalance{}
	}
	r.Cash[currency] = c
}

func (r *Restatement) appendFields(b []byte) []byte { return wire.AppendFields(b, r.stored()) }
func (r *Restatement) kind() EntryKind              { return KindRestatement }
func (r *Restatement) when() time.Time              { return time.Time{} }
func (r *Restatement) entryKey() string             { return "" }

// Diff returns the restatement that turns the book before into the book after. It shares slices
// with after.
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
		// No trade, split or opening of this contract is in force any longer.
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

// samePosition compares two positions in one contract, but not the broker's names for the contract:
// these are hints, and differ from source to source.
func samePosition(a, b Position) bool {
	a.Instrument, b.Instrument = Instrument{}, Instrument{}
	return wire.Same(storedPosition(a), storedPosition(b))
}
