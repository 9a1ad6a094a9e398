package reconcile

import (
	"fmt"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

// Compare compares a book with the broker's figures: per closing trade what it realized, of which closings has those
// of the statement that the book knows, per contract what is held and its cost basis, per currency the cash. The
// broker's cash contains the daily settlement of open futures and CFDs, the book's does not: where the
// statement marks them, that is added to ours, else the currency is left unchecked.
//
// A difference is a Break in the result, not an error. ErrInvalid for a negative tolerance.
func Compare(book *ledger.Book, closings map[ledger.ExecID]ledger.Closed, s Statement) (Result, error) {
	if s.Tolerance.IsNeg() {
		return Result{}, fmt.Errorf("%w: tolerance %s is negative", invalid.Err, s.Tolerance)
	}
	r := comparison{tolerance: s.Tolerance}
	if r.tolerance.IsZero() {
		r.tolerance = cent
	}
	for _, c := range s.Closings {
		ours, ok := closings[c.ExecID]
		if !ok {
			r.Unchecked = append(r.Unchecked, fmt.Sprintf("execution %s: not in the book", c.ExecID))
			continue
		}
		r.compare(Break{Contract: c.Instrument.Key(), ExecID: c.ExecID, Currency: c.Instrument.Currency,
			Field: "realized", Ours: ours.Realized, Theirs: c.Realized}, c.Quantity)
	}
	r.positions(book, s)
	r.cash(book, s)
	return r.Result, nil
}

var (
	cent = udecimal.MustParse("0.01")
	// roundingFloor is the least tolerance: the broker rounds every figure to six places.
	roundingFloor = udecimal.MustParse("0.00001")
)

type comparison struct {
	Result
	tolerance ledger.Decimal
}

// compare notes a break if ours and theirs differ by more than the tolerance for the quantity.
func (r *comparison) compare(b Break, quantity ledger.Decimal) {
	r.Compared++
	b.Difference = b.Ours.Sub(b.Theirs)
	allowed := num.Convert(quantity.Abs(), r.tolerance)
	if !quantity.IsZero() && allowed.LessThan(roundingFloor) {
		allowed = roundingFloor
	}
	if b.Difference.Abs().GreaterThan(allowed) {
		r.Breaks = append(r.Breaks, b)
	}
}

func (r *comparison) positions(book *ledger.Book, s Statement) {
	listed := map[ledger.InstrumentKey]bool{}
	for _, theirs := range s.Positions {
		key := theirs.Instrument.Key()
		listed[key] = true
		ours, _ := book.Position(key)
		b := Break{Contract: key, Currency: theirs.Instrument.Currency}
		b.Field, b.Ours, b.Theirs = "quantity", ours.Quantity, theirs.Quantity
		r.compare(b, ledger.Decimal{})
		if theirs.Basis != nil {
			b.Field, b.Ours, b.Theirs = "cost_basis", ours.Basis, *theirs.Basis
			r.compare(b, theirs.Quantity)
		}
	}
	if !s.AllPositions {
		return
	}
	for _, p := range book.Positions() {
		if key := p.Instrument.Key(); !p.Quantity.IsZero() && !listed[key] {
			r.compare(Break{Contract: key, Currency: p.Instrument.Currency, Field: "quantity", Ours: p.Quantity}, ledger.Decimal{})
		}
	}
}

func (r *comparison) cash(book *ledger.Book, s Statement) {
	marks := map[ledger.InstrumentKey]*ledger.Decimal{}
	for _, p := range s.Positions {
		marks[p.Instrument.Key()] = p.Mark
	}
	for _, theirs := range s.Cash {
		balance := book.CashIn(theirs.Currency).Balance()
		settled, why := settledFutures(book, theirs.Currency, marks)
		if why != "" {
			r.Unchecked = append(r.Unchecked, fmt.Sprintf("cash in %s: %s", theirs.Currency, why))
			continue
		}
		balance = balance.Add(settled)
		if theirs.Partial && balance.Sub(theirs.Balance).Abs().GreaterThan(r.tolerance) {
			r.Unchecked = append(r.Unchecked, fmt.Sprintf("cash in %s: %s, the broker says %s, but the statement lists no cash movements", theirs.Currency, balance, theirs.Balance))
			continue
		}
		r.compare(Break{Currency: theirs.Currency, Field: "cash", Ours: balance, Theirs: theirs.Balance}, num.One)
	}
}

// settledFutures is what the broker has paid out in daily settlement of the open positions that
// do not settle their notional.
func settledFutures(book *ledger.Book, currency ledger.Currency, marks map[ledger.InstrumentKey]*ledger.Decimal) (sum ledger.Decimal, why string) {
	for _, p := range book.Positions() {
		if p.Quantity.IsZero() || p.Instrument.Currency != currency || p.Instrument.SettlesNotional() {
			continue
		}
		mark := marks[p.Instrument.Key()]
		if mark == nil {
			return ledger.Decimal{}, fmt.Sprintf("open position in %s has no mark", p.Instrument.Key())
		}
		value := num.Convert(num.Convert(p.Quantity, p.Instrument.Multiplier), *mark)
		sum = sum.Add(value.Sub(p.Basis))
	}
	return sum, ""
}
