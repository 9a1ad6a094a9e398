package performance

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

// abroad works out what contracts in foreign currencies realize in base currency, with the gain of
// the currency. It is a book of these contracts in which every amount is converted at the rate of
// its own fact before it is folded, so that lots, premiums and splits are those of the ledger.
type abroad struct {
	book *ledger.Book
	// unrated are the positions that a trade without a rate is a part of, until they end.
	unrated map[ledger.InstrumentKey]bool
	// doubt is when an option without a rate was exercised last: its premium is a part of what was
	// delivered then.
	doubt time.Time
}

// newAbroad returns the book before the first fact.
func newAbroad() *abroad {
	return &abroad{book: ledger.NewBook(""), unrated: map[ledger.InstrumentKey]bool{}}
}

// trade folds a trade in. c is the part of a position that it closed by the journal's own book. It
// returns what the trade realized in base currency.
func (a *abroad) trade(t *ledger.Trade, c ledger.Closed) converted {
	key, i := t.Contract(), &t.Instrument
	rated := !t.FXRate.IsZero() || t.Amount().IsZero() && t.Commission.IsZero() && t.Taxes.IsZero()
	delivered := (t.Kind == ledger.Assignment || t.Kind == ledger.Exercise) && !i.IsOption()
	if !rated || delivered && t.Time.Equal(a.doubt) {
		a.unrated[key] = true
	}
	paid := t.Bare()
	paid.Proceeds = num.Convert(t.Amount(), t.FXRate)
	paid.Commission, paid.Taxes = num.Convert(t.Commission, t.FXRate), num.Convert(t.Taxes, t.FXRate)
	if t.FXRate.IsZero() {
		paid.Price = ledger.Decimal{}
	}
	out := converted{value: a.book.Apply(&paid, 0).Realized}
	if a.unrated[key] {
		out.lacks = i.Currency
		if t.Exercised() {
			a.doubt = t.Time
		}
	}
	if turned := c.Quantity.Abs().LessThan(t.Quantity.Abs()); c.Ended && (rated || !turned) {
		delete(a.unrated, key)
	}
	return out
}

// open folds an opening balance in.
func (a *abroad) open(o *ledger.Opening) {
	paid := *o
	paid.Lots = a.paid(o.Lots, o.FXRate, o.Instrument.Key())
	a.book.Apply(&paid, 0)
}

// transfer folds a transfer in, with whether the position ended.
func (a *abroad) transfer(t *ledger.Transfer, c ledger.Closed) {
	key, paid := t.Instrument.Key(), *t
	if c.Ended {
		delete(a.unrated, key)
	}
	paid.Lots = a.paid(t.Lots, t.FXRate, key)
	paid.Price, paid.Basis = num.Convert(t.Price, t.FXRate), num.Convert(t.Basis, t.FXRate)
	a.book.Apply(&paid, 0)
	h := a.book.Holding(key)
	if owed := h.Quantity.IsNeg() == t.Quantity.IsNeg() && len(t.Lots) == 0; owed && t.FXRate.IsZero() && !h.Quantity.IsZero() {
		a.unrated[key] = true // more went than was held
	}
}

// paid returns lots with their basis converted at the rate at which they came; zero for none.
func (a *abroad) paid(lots []ledger.Lot, rate ledger.Decimal, key ledger.InstrumentKey) []ledger.Lot {
	lots = slices.Clone(lots)
	for i := range lots {
		basis := &lots[i].Basis
		if rate.IsZero() && !basis.IsZero() {
			a.unrated[key] = true
		}
		*basis = num.Convert(*basis, rate)
	}
	return lots
}

// split folds a split in. known says whether its lots are in the book: those of contracts in base
// currency are not.
func (a *abroad) split(s *ledger.Split, known bool) {
	paid := *s
	paid.Rate = ledger.Decimal{} // every basis is in base currency
	a.book.Apply(&paid, 0)
	from, to := s.From.Key(), s.To.Key()
	if from != to && a.unrated[from] {
		if !s.SpinsOff() {
			delete(a.unrated, from)
		}
		a.unrated[to] = true
	}
	if !known {
		a.unrated[to] = true
	}
}
