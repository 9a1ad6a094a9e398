package reconcile

import (
	"fmt"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

// Compare compares a book with the broker's figures: for each closing trade its realized P&L, for
// each contract the quantity and the cost basis, for each currency the cash. closings holds, of the
// statement's closings, those that the book knows.
//
// The broker's cash contains the daily settlement of open futures and CFDs; the book's cash does
// not. If the statement has marks of these contracts, the settlement is added to the book's cash.
// If not, the currency is left unchecked.
//
// A difference is a [Break] of the result, not an error. It returns invalid.Err for a negative
// tolerance. It changes nothing.
func Compare(book *ledger.Book, closings map[ledger.ExecID]ledger.Closed, s Statement) (Result, error) {
	if s.Tolerance.IsNeg() {
		return Result{}, fmt.Errorf("%w: tolerance %s is negative", invalid.Err, s.Tolerance)
	}
	r := comparison{tolerance: s.Tolerance}
	for _, c := range s.Closings {
		ours, ok := closings[c.ExecID]
		if !ok {
			r.Unchecked = append(r.Unchecked, fmt.Sprintf("execution %s: not in the book", c.ExecID))
			continue
		}
		r.compare(Break{Contract: c.Instrument.Key(), ExecID: c.ExecID, Currency: c.Instrument.Currency,
			Field: "realized", Ours: ours.Realized, Theirs: c.Realized}, r.allowed(ours.Basis.Abs().Add(ours.Realized.Abs()), 2))
	}
	r.positions(book, s)
	r.cash(book, s)
	return r.Result, nil
}

var (
	// cent is the tolerance of a balance where the statement sets none.
	cent = udecimal.MustParse("0.01")
	// adjusted is the most by which a basis was seen to differ: fees are adjusted after the fact.
	adjusted = udecimal.MustParse("0.03")
	// rounded is the least tolerance of P&L and basis, for the broker rounds both to six places;
	// place is what each row and lot adds to it.
	rounded, place = udecimal.MustParse("0.00001"), udecimal.MustParse("0.000001")
	thousand       = num.Int(1000)
)

// Explained returns the difference that the broker's rounding explains in a figure of P&L or basis
// that sums up so much money, in parts: rows and lots. It is a thousandth of the money and 0.03 at
// most, and a millionth for each part at least. It does not grow with the number of units.
func Explained(money ledger.Decimal, parts int) ledger.Decimal {
	explained := num.Min(num.Share(money.Abs(), num.One, thousand), adjusted)
	return num.Max(explained, num.Max(rounded, num.Convert(place, num.Int(int64(parts)))))
}

// comparison is a result in the making.
type comparison struct {
	Result
	tolerance ledger.Decimal
}

// allowed is the difference allowed in a figure that sums up so much money in parts.
func (r *comparison) allowed(money ledger.Decimal, parts int) ledger.Decimal {
	if !r.tolerance.IsZero() {
		return r.tolerance
	}
	return Explained(money, parts)
}

// allowedCash is the difference allowed in a balance.
func (r *comparison) allowedCash() ledger.Decimal {
	if !r.tolerance.IsZero() {
		return r.tolerance
	}
	return cent
}

// compare notes a break if ours and theirs differ by more than is allowed.
func (r *comparison) compare(b Break, allowed ledger.Decimal) {
	r.Compared++
	b.Difference = b.Ours.Sub(b.Theirs)
	switch off := b.Difference.Abs(); {
	case off.GreaterThan(allowed):
		r.Breaks = append(r.Breaks, b)
	case !off.IsZero():
		r.Tolerated++
		r.Largest = num.Max(r.Largest, off)
	}
}

// positions compares quantities and cost bases.
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
			r.compare(b, r.allowed(*theirs.Basis, len(ours.Lots)+1))
		}
	}
	if !s.AllPositions {
		return
	}
	for _, p := range book.Positions() {
		if key := p.Instrument.Key(); !p.Quantity.IsZero() && !listed[key] {
			r.compare(Break{Contract: key, Currency: p.Instrument.Currency, Field: "quantity",
				Ours: p.Quantity}, ledger.Decimal{})
		}
	}
}

// cash compares the balances.
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
		if theirs.Partial && balance.Sub(theirs.Balance).Abs().GreaterThan(r.allowedCash()) {
			r.Unchecked = append(r.Unchecked, fmt.Sprintf(
				"cash in %s: %s, the broker says %s, but the statement lists no cash movements",
				theirs.Currency, balance, theirs.Balance))
			continue
		}
		r.compare(Break{Currency: theirs.Currency, Field: "cash", Ours: balance, Theirs: theirs.Balance}, r.allowedCash())
	}
}

// settledFutures returns the daily settlement that the broker has paid out for open positions in
// futures and CFDs of the currency; or else why it cannot be told.
func settledFutures(
	book *ledger.Book, currency ledger.Currency, marks map[ledger.InstrumentKey]*ledger.Decimal,
) (sum ledger.Decimal, why string) {
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
