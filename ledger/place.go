package ledger

import (
	"fmt"
	"maps"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/invalid"
)

// late reports whether a fact about the contract at the time would change what later facts, in
// the journal already, made of it. An opening that joins a position which was not reduced since
// is late only in name: its lot takes its place by time.
func (b *Book) late(key InstrumentKey, quantity Decimal, at time.Time) bool {
	h := b.positions[key]
	if h == nil || !at.Before(h.LastTrade) {
		return false
	}
	joins := !quantity.IsZero() && !h.Quantity.IsZero() && h.Quantity.IsNeg() == quantity.IsNeg()
	return !joins || at.Before(h.LastClose)
}

// lateExercise reports whether the underlying that the option delivers has traded already, at
// the same time or later.
func (b *Book) lateExercise(t *Trade) bool {
	if !t.Exercised() {
		return false
	}
	for _, h := range b.positions {
		i := h.Instrument
		if !i.IsOption() && (i.Symbol == t.Instrument.Underlying || i.LocalSymbol == t.Instrument.Underlying) && !h.LastTrade.Before(t.Time) {
			return true
		}
	}
	return false
}

// checkOpening refuses lots that contradict the position they would join.
func (b *Book) checkOpening(o *Opening) error {
	h := b.positions[o.Instrument.Key()]
	if h != nil && !h.Quantity.IsZero() && h.Quantity.IsNeg() != o.Lots[0].Quantity.IsNeg() {
		return fmt.Errorf("%w: opening balance of %s in %s against a position of %s", invalid.Err,
			o.Lots[0].Quantity, o.Instrument, h.Quantity)
	}
	return nil
}

// Changed appends to out the positions that payloads folded last changed, as they stand now, without lots. One of which
// a cancellation left nothing is among them as a zero position.
func (b *Book) Changed(out []Position, payloads []any) []Position {
	if len(payloads) == 1 {
		if t, ok := payloads[0].(*Trade); ok && t.Instrument.SecType != Forex {
			return append(out, b.current(t.Contract(), &t.Instrument))
		}
	}
	seen := map[InstrumentKey]bool{}
	for _, p := range payloads {
		for _, i := range contracts(p) {
			if key := i.Key(); !seen[key] {
				seen[key] = true
				out = append(out, b.current(key, i))
			}
		}
	}
	return out
}

// current returns the position in a contract without its lots; the zero position if nothing of it is in force.
func (b *Book) current(key InstrumentKey, i *Instrument) Position {
	if h := b.positions[key]; h != nil {
		return h.position(false)
	}
	return Position{Instrument: *i}
}

// contracts are the contracts whose positions an entry changes.
func contracts(p any) []*Instrument {
	switch f := p.(type) {
	case *Trade:
		if f.Instrument.SecType != Forex {
			return []*Instrument{&f.Instrument}
		}
	case *Split:
		return []*Instrument{&f.From, &f.To}
	case *Opening:
		return []*Instrument{&f.Instrument}
	case *Restatement:
		out := make([]*Instrument, len(f.Positions))
		for i := range f.Positions {
			out[i] = &f.Positions[i].Instrument
		}
		return out
	}
	return nil
}

// placeSplit checks that there is something to split, and returns what the split is recorded as at a place: itself,
// or an amendment where trades after it came first.
func (b *Book) placeSplit(s *Split, place int64) (Payload, error) {
	from, to := b.positions[s.From.Key()], b.positions[s.To.Key()]
	late := b.late(s.From.Key(), Decimal{}, s.Time) || b.late(s.To.Key(), Decimal{}, s.Time)
	switch {
	case from != nil && late:
		return &Amendment{Place: place, Split: s}, nil
	case from == nil || from.Quantity.IsZero():
		return nil, fmt.Errorf("split %q of %s: %w", s.ID, s.From, ErrPositionNotFound)
	case to != nil && to != from && !to.Quantity.IsZero() && to.Quantity.IsNeg() != from.Quantity.IsNeg():
		return nil, fmt.Errorf("split %q: %w: %s of %s would join %s of %s", s.ID, invalid.Err, from.Quantity, s.From, to.Quantity, s.To)
	}
	if q := SplitQuantity(from.Quantity, s); q.IsZero() || q.Abs().GreaterThanOrEqual(num.MaxInput) {
		return nil, fmt.Errorf("split %q: %w: %s of %s would become %s", s.ID, invalid.Err, from.Quantity, s.From, q)
	}
	return s, nil
}

// Place returns what a fact that the journal does not have is recorded as at a place, the number of its entry: itself, or
// an amendment where it comes late. ErrPositionNotFound and ErrInvalid for a split or an opening that does not fit
// what is held.
func (b *Book) Place(f Payload, place int64) (Payload, error) {
	switch f := f.(type) {
	case *Trade:
		if b.late(f.Contract(), f.Quantity, f.Time) || b.lateExercise(f) {
			return &Amendment{Place: place, Trade: f.clone()}, nil
		}
	case *Split:
		return b.placeSplit(f, place)
	case *Opening:
		if b.late(f.Instrument.Key(), Decimal{}, f.Time) {
			return &Amendment{Place: place, Opening: f}, nil
		}
		return f, b.checkOpening(f)
	}
	return f, nil
}

// Correct returns what a trade is recorded as whose execution the journal has as the trade was, at a place: an
// amendment if its correction number is above that of the version in force, else nil, for the same fill again.
// ErrExecutionMismatch if it is in another contract.
func (b *Book) Correct(t, was *Trade, place int64) (*Amendment, error) {
	_, version := t.ExecID.Correction()
	current := b.inForce(was, place)
	if version <= current.version {
		return nil, nil
	}
	if key := current.instrument.Key(); key != t.Contract() {
		return nil, fmt.Errorf("execution %q in %s, corrected to %s: %w", t.ExecID, key, t.Contract(), ErrExecutionMismatch)
	}
	return &Amendment{Place: place, Trade: t.clone(), corrects: true}, nil
}

// Cancel returns what the cancellation of an execution is recorded as that the journal has as the trade was, at a place:
// nil where that version is not in force any longer.
func (b *Book) Cancel(c *Cancellation, was *Trade, place int64) *Amendment {
	_, version := c.Cancels.Correction()
	current := b.inForce(was, place)
	if version < current.version || version == current.version && current.cancelled {
		return nil
	}
	return &Amendment{Place: place, Cancellation: c}
}

// Amendments returns a copy of what history got wrong, by place.
func (b *Book) Amendments() map[int64]Amendment { return maps.Clone(b.changes) }

// Amended returns how many places of history were changed.
func (b *Book) Amended() int { return len(b.changes) }
