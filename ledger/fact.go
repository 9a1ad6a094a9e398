package ledger

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/ai-ots/accounts/invalid"
)

// Fact is something that happened to an account and goes into its journal: a Trade,
// CashMovement, Split, Opening, Cancellation or EquityPoint, or a pointer to one. The set is closed.
type Fact interface {
	fact()
}

// Facts returns a list of one kind of fact as facts of any.
func Facts[F Fact](list []F) []Fact {
	facts := make([]Fact, len(list))
	for i, f := range list {
		facts[i] = f
	}
	return facts
}

// Normalize returns a pointer to a copy of a fact with defaults filled in, times in UTC at microseconds and
// decimals trimmed, or the reason why no book could accept it. A nil pointer is ErrInvalid.
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
	case Cancellation:
		return &f, f.normalize()
	case EquityPoint:
		return &f, f.normalize()
	}
	return normalizePointer(f)
}

// normalizePointer is normalizeFact for pointers to facts.
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
	case *Cancellation:
		if f != nil {
			return Normalize(*f)
		}
	case *EquityPoint:
		if f != nil {
			return Normalize(*f)
		}
	}
	return nil, fmt.Errorf("%w: fact is a nil %v", invalid.Err, reflect.TypeOf(f)) // %T would move every fact to the heap
}

// FactOf returns the fact that a payload brought; nil if it only says what came of others.
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
	case *EquityPoint:
		return *f
	case *Amendment:
		switch {
		case f.Trade != nil:
			return f.Trade.Bare()
		case f.Split != nil:
			return *f.Split
		case f.Opening != nil:
			return *f.Opening
		case f.Cancellation != nil:
			return *f.Cancellation
		}
	}
	return nil
}

// SortFacts puts facts in the order of their times, exercised options before what they deliver.
func SortFacts(list []Payload) {
	if len(list) < 2 {
		return
	}
	slices.SortStableFunc(list, func(a, b Payload) int { return sortKeyOf(a, 0).compare(sortKeyOf(b, 0)) })
}
