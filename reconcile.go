package accounts

import (
	"fmt"

	"github.com/quagmt/udecimal"
)

// BrokerStatement is what the broker says about a profile, to hold the book against. What it does not mention
// is not compared; see Reconcile.
type BrokerStatement struct {
	Closings  []BrokerClosing
	Positions []BrokerPosition
	// AllPositions says that what Positions does not list is flat.
	AllPositions bool
	Cash         []BrokerCash
	// Tolerance is the difference allowed per unit of quantity; 0.01 if left zero. Cash has no
	// quantity and is allowed it once. Quantities must be equal.
	Tolerance Decimal
}

// BrokerClosing is what the broker says a trade realized.
type BrokerClosing struct {
	ExecID     ExecID
	Instrument Instrument
	Quantity   Decimal // the whole trade's, signed
	Realized   Decimal // FIFO P&L in the instrument's currency
}

// BrokerPosition is what the broker says is held.
type BrokerPosition struct {
	Instrument Instrument
	Quantity   Decimal  // negative for short
	Basis      *Decimal // cost basis, negative for short; nil if the broker does not say
	Mark       *Decimal // closing price; nil if the broker does not say
}

// BrokerCash is what the broker says a currency's balance is.
type BrokerCash struct {
	Currency Currency
	Balance  Decimal
	// Partial says that the statement does not list all that moved the balance: then a difference
	// is not a break but leaves it unchecked.
	Partial bool
}

// Break is a difference beyond the tolerance between the book and the broker.
type Break struct {
	Contract   InstrumentKey `json:"contract,omitempty"`
	ExecID     ExecID        `json:"exec_id,omitempty"`  // of a closing
	Currency   Currency      `json:"currency,omitempty"` // of what is compared
	Field      string        `json:"field"`              // "realized", "quantity", "cost_basis" or "cash"
	Ours       Decimal       `json:"ours"`
	Theirs     Decimal       `json:"theirs"`
	Difference Decimal       `json:"difference"` // ours − theirs
}

// String names everything in one line.
func (b Break) String() string {
	what := string(b.Contract)
	if b.ExecID != "" {
		what += " execution " + string(b.ExecID)
	}
	if what == "" {
		what = string(b.Currency)
	}
	return fmt.Sprintf("%s: %s is %s, the broker says %s (%s off)", what, b.Field, b.Ours, b.Theirs, b.Difference)
}

// Reconciliation is the outcome of comparing a book with a broker's statement.
type Reconciliation struct {
	Compared int // figures that were compared
	Breaks   []Break
	// Unchecked lists what the statement gives but the book cannot be held against, and why.
	Unchecked []string
}

// compareBook compares a book with the broker's figures: per closing trade what it realized, of which closings has those
// of the statement that the book knows, per contract what is held and its cost basis, per currency the cash. The
// broker's cash contains the daily settlement of open futures and CFDs, the book's does not: where the
// statement marks them, that is added to ours, else the currency is left unchecked.
//
// A difference is a Break in the result, not an error. ErrInvalid for a negative tolerance.
func compareBook(book *Book, closings map[ExecID]Closed, s BrokerStatement) (Reconciliation, error) {
	if s.Tolerance.IsNeg() {
		return Reconciliation{}, fmt.Errorf("%w: tolerance %s is negative", ErrInvalid, s.Tolerance)
	}
	r := reconciler{tolerance: s.Tolerance}
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
	return r.Reconciliation, nil
}

var (
	cent = udecimal.MustParse("0.01")
	// roundingFloor is the least tolerance: the broker rounds every figure to six places.
	roundingFloor = udecimal.MustParse("0.00001")
)

type reconciler struct {
	Reconciliation
	tolerance Decimal
}

// compare notes a break if ours and theirs differ by more than the tolerance for the quantity.
func (r *reconciler) compare(b Break, quantity Decimal) {
	r.Compared++
	b.Difference = b.Ours.Sub(b.Theirs)
	allowed := convert(quantity.Abs(), r.tolerance)
	if !quantity.IsZero() && allowed.LessThan(roundingFloor) {
		allowed = roundingFloor
	}
	if b.Difference.Abs().GreaterThan(allowed) {
		r.Breaks = append(r.Breaks, b)
	}
}

func (r *reconciler) positions(book *Book, s BrokerStatement) {
	listed := map[InstrumentKey]bool{}
	for _, theirs := range s.Positions {
		key := theirs.Instrument.Key()
		listed[key] = true
		ours, _ := book.Position(key)
		b := Break{Contract: key, Currency: theirs.Instrument.Currency}
		b.Field, b.Ours, b.Theirs = "quantity", ours.Quantity, theirs.Quantity
		r.compare(b, Decimal{})
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
			r.compare(Break{Contract: key, Currency: p.Instrument.Currency, Field: "quantity", Ours: p.Quantity}, Decimal{})
		}
	}
}

func (r *reconciler) cash(book *Book, s BrokerStatement) {
	marks := map[InstrumentKey]*Decimal{}
	for _, p := range s.Positions {
		marks[p.Instrument.Key()] = p.Mark
	}
	for _, theirs := range s.Cash {
		balance := book.cashIn(theirs.Currency).Balance()
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
		r.compare(Break{Currency: theirs.Currency, Field: "cash", Ours: balance, Theirs: theirs.Balance}, one)
	}
}

// settledFutures is what the broker has paid out in daily settlement of the open positions that
// do not settle their notional.
func settledFutures(book *Book, currency Currency, marks map[InstrumentKey]*Decimal) (sum Decimal, why string) {
	for _, p := range book.Positions() {
		if p.Quantity.IsZero() || p.Instrument.Currency != currency || p.Instrument.settlesNotional() {
			continue
		}
		mark := marks[p.Instrument.Key()]
		if mark == nil {
			return Decimal{}, fmt.Sprintf("open position in %s has no mark", p.Instrument.Key())
		}
		value := convert(convert(p.Quantity, p.Instrument.Multiplier), *mark)
		sum = sum.Add(value.Sub(p.Basis))
	}
	return sum, ""
}
