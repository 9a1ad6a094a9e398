package ledger

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/ai-ots/accounts/invalid"
)

// Fact is something that happened to an account and belongs into its journal: a [Trade],
// [CashMovement], [Split], [Opening], [Transfer], [Cancellation] or [EquityPoint], or a pointer to
// one. The set is closed.
type Fact interface {
	fact()
}

// Facts returns a list of one kind of fact as a list of any kind.
func Facts[F Fact](list []F) []Fact {
	facts := make([]Fact, len(list))
	for i, f := range list {
		facts[i] = f
	}
	return facts
}

// Normalize returns a pointer to a copy of a fact with defaults filled in, times in UTC at
// microseconds, and decimals trimmed. It refuses every fact that could make a fold fail or round,
// so that folds cannot fail. It does not change the fact.
//
// Errors:
//   - invalid.Err for a fact with a wrong field (an [invalid.Error] that lists all of them), and
//     for a nil pointer;
//   - ErrInexact for quantity, multiplier and price whose product would not be exact;
//   - ErrCurrencyMismatch for a commission in another currency than the contract's, unless the
//     contract is a currency pair, and for a split into a contract in another currency without a Rate, or
//     with one where the currency stays.
func Normalize(f Fact) (Payload, error) {
	switch f := f.(type) {
	case Trade:
		return &f, f.Normalize()
	case CashMovement:
		return &f, f.normalize()
	case Split:
		return &f, f.normalize()
	case Opening:
		return &f, f.normalize()
	case Transfer:
		return &f, f.normalize()
	case Cancellation:
		return &f, f.normalize()
	case EquityPoint:
		return &f, f.normalize()
	}
	return normalizePointer(f)
}

// normalizePointer is Normalize for pointers to facts.
func normalizePointer(f Fact) (Payload, error) {
	switch f := f.(type) {
	case *Trade:
		if f != nil {
			return Normalize(*f)
		}
	case *CashMovement:
		if f != nil {
			return Normalize(*f)
		}
	case *Split:
		if f != nil {
			return Normalize(*f)
		}
	case *Opening:
		if f != nil {
			return Normalize(*f)
		}
	case *Transfer:
		if f != nil {
			return Normalize(*f)
		}
	case *Cancellation:
		if f != nil {
			return Normalize(*f)
		}
	case *EquityPoint:
		if f != nil {
			return Normalize(*f)
		}
	}
	what := reflect.TypeOf(f) // %T would move every fact to the heap
	if what == nil || what.Kind() == reflect.Pointer {
		return nil, fmt.Errorf("%w: fact is a nil %v", invalid.Err, what)
	}
	return nil, fmt.Errorf("%w: %v is no type of fact", invalid.Err, what)
}

// FactOf returns a copy of the fact that a payload records; nil for a payload that records none,
// such as a [Restatement].
func FactOf(payload any) Fact {
	switch f := payload.(type) {
	case *Trade:
		return f.Bare()
	case *CashMovement:
		return *f
	case *Split:
		return *f
	case *Opening:
		return *f
	case *Transfer:
		return *f
	case *EquityPoint:
		return *f
	case *Amendment:
		switch {
		case f.Trade != nil:
			return f.Trade.Bare()
		case f.Cash != nil:
			return *f.Cash
		case f.Split != nil:
			return *f.Split
		case f.Opening != nil:
			return *f.Opening
		case f.Transfer != nil:
			return *f.Transfer
		case f.Cancellation != nil:
			return *f.Cancellation
		}
	}
	return nil
}

// SortFacts sorts facts by time. Facts of the same time keep their order, except that exercised and
// assigned options come before other facts.
func SortFacts(list []Payload) {
	if len(list) < 2 {
		return
	}
	slices.SortStableFunc(list, func(a, b Payload) int { return sortKeyOf(a, 0).compare(sortKeyOf(b, 0)) })
}
