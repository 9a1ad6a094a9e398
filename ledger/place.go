package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/invalid"
)

// Place returns the payload that records a fact which the journal does not have. place is the
// number of the entry to come. The payload is the fact itself, or an [Amendment] if the fact is
// late: the journal has later facts of the contract whose outcome it would change. Place fills in
// the Basis of a [Transfer] that goes.
//
// Errors:
//   - ErrPositionNotFound for a split of a contract that is not held, and for a transfer that goes from
//     one that is not held in that direction;
//   - invalid.Err for a split whose result would be zero, 1e15 or more, or would join a position in
//     the other direction;
//   - invalid.Err for an opening balance or a transfer that comes in the other direction than the
//     position, and for a transfer of more than is held.
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
		return f, b.checkJoins("opening balance", &f.Instrument, f.Lots[0].Quantity)
	case *Transfer:
		return b.placeTransfer(f, place)
	}
	return f, nil
}

// Correct returns the amendment that records t, a trade whose execution the journal has. was is the
// trade as first recorded, and place the number of its entry. A correction number above that of the
// version in force corrects the execution. The version in force again completes it by what was not
// known before; see [Completion]. Correct returns nil if there is nothing to record: the journal
// has what t says, or a later version, or t is cancelled.
//
// Errors:
//   - ErrIDReused if t contradicts the version in force, or the one first recorded, under the same id;
//   - ErrExecutionMismatch for a correction that is in another contract.
func (b *Book) Correct(t, was *Trade, place int64) (*Amendment, error) {
	_, version := t.ExecID.Correction()
	current := b.inForce(was, place)
	switch {
	case version > current.version:
	case current.trade != nil && version == current.version:
		if err := CheckSame(current.trade, t); err != nil {
			return nil, err
		}
		return complete(t, current.trade, place), nil
	case was.ExecID == t.ExecID:
		return nil, CheckSame(was, t)
	default:
		return nil, nil
	}
	if key := current.instrument.Key(); key != t.Contract() {
		return nil, fmt.Errorf("execution %q in %s, corrected to %s: %w", t.ExecID, key, t.Contract(),
			ErrExecutionMismatch)
	}
	return &Amendment{Place: place, Trade: t.clone(), corrects: true, was: current.trade}, nil
}

// Cancel returns the amendment that records the cancellation of an execution. was is the trade as
// first recorded, and place the number of its entry. It returns nil if a later version than the
// cancelled one is in force, or the version is cancelled already.
func (b *Book) Cancel(c *Cancellation, was *Trade, place int64) *Amendment {
	_, version := c.Cancels.Correction()
	current := b.inForce(was, place)
	if version < current.version || version == current.version && current.trade == nil {
		return nil
	}
	return &Amendment{Place: place, Cancellation: c, was: current.trade}
}

// late reports whether a fact about the contract at the time would change the outcome of later
// facts that are in the journal already. A lot that joins a position in its own direction is not
// late unless the position was reduced since: the lot takes its place by time. Where a lot was
// opened at that very time, the order of the two is that of their facts.
func (b *Book) late(key InstrumentKey, quantity Decimal, at time.Time) bool {
	h := b.positions[key]
	if h == nil || !at.Before(h.LastTrade) {
		return false
	}
	joins := !quantity.IsZero() && !h.Quantity.IsZero() && h.Quantity.IsNeg() == quantity.IsNeg()
	_, beside := slices.BinarySearchFunc(h.lots(), at, func(l Lot, t time.Time) int { return l.OpenedAt.Compare(t) })
	return !joins || at.Before(h.LastClose) || beside
}

// lateExercise reports whether an exercised option, or the underlying that it delivers, has traded
// at the same time or later: exercises come before other facts of their time.
func (b *Book) lateExercise(t *Trade) bool {
	if !t.Exercised() {
		return false
	}
	if h := b.positions[t.Contract()]; h != nil && !h.LastTrade.Before(t.Time) {
		return true
	}
	for _, h := range b.positions {
		i := h.Instrument
		underlying := i.Symbol == t.Instrument.Underlying || i.LocalSymbol == t.Instrument.Underlying
		if !i.IsOption() && underlying && !h.LastTrade.Before(t.Time) {
			return true
		}
	}
	return false
}

// placeSplit is Place for splits.
func (b *Book) placeSplit(s *Split, place int64) (Payload, error) {
	from, to := b.positions[s.From.Key()], b.positions[s.To.Key()]
	late := b.late(s.From.Key(), Decimal{}, s.Time) || b.late(s.To.Key(), Decimal{}, s.Time)
	switch {
	case from != nil && late:
		return &Amendment{Place: place, Split: s}, nil
	case from == nil || from.Quantity.IsZero():
		return nil, fmt.Errorf("split %q of %s: %w", s.ID, s.From, ErrPositionNotFound)
	case to != nil && to != from && !to.Quantity.IsZero() && to.Quantity.IsNeg() != from.Quantity.IsNeg():
		return nil, fmt.Errorf("split %q: %w: %s of %s would join %s of %s", s.ID, invalid.Err, from.Quantity,
			s.From, to.Quantity, s.To)
	}
	if q := s.Scale(from.Quantity); q.IsZero() || q.Abs().GreaterThanOrEqual(num.MaxInput) {
		return nil, fmt.Errorf("split %q: %w: %s of %s would become %s", s.ID, invalid.Err, from.Quantity, s.From, q)
	}
	return s, nil
}

// checkJoins returns invalid.Err for a quantity in the other direction than the position it would
// join. what names the fact.
func (b *Book) checkJoins(what string, i *Instrument, quantity Decimal) error {
	h := b.positions[i.Key()]
	if h != nil && !h.Quantity.IsZero() && h.Quantity.IsNeg() != quantity.IsNeg() {
		return fmt.Errorf("%w: %s of %s in %s against a position of %s", invalid.Err, what, quantity, i, h.Quantity)
	}
	return nil
}
