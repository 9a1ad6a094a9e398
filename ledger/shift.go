package ledger

import (
	"time"

	"github.com/ai-ots/accounts/internal/num"
)

// Shift says that the derived equity points of Since and later which stand in the journal before the
// entry with the shift do not contain By: an execution of Since was corrected, completed, cancelled or told after
// they were taken. What follows from the points counts them with the shift.
//
// By is what the change of the execution is worth at the price of the execution itself: all of a
// corrected price and of a commission that came later, and the costs alone of a quantity. What a
// quantity gained or lost since is in no shift: prices of that time are not known.
type Shift struct {
	Since time.Time `json:"since"`
	By    Decimal   `json:"by"` // in base currency, above zero where equity was higher than the points say
}

// Shift returns the shift that the amendment makes, at the execution's own conversion rate or else the
// present one; false if there is none: the amendment is of no execution, changes no worth, or its
// currency has no rate. The amendment is one that [Book.Place], [Book.Correct] or [Book.Cancel] made.
func (a *Amendment) Shift(p *Prices) (Shift, bool) {
	is, was := a.Trade, a.was
	known := is
	if known == nil {
		known = was
	}
	if known == nil || known.Kind != Execution || was != nil && was.Kind != Execution {
		return Shift{}, false
	}
	rate := known.FXRate
	if known.Instrument.Currency == p.Base {
		rate = num.One
	} else if rate.IsZero() {
		rate, _, _ = p.Rate(known.Instrument.Currency)
	}
	s := Shift{Since: known.Time}
	if was != nil && was.Time.Before(s.Since) {
		s.Since = was.Time
	}
	by := worthAt(is, known.Price).Sub(worthAt(was, known.Price))
	s.By = num.Trim(num.Convert(by, rate))
	return s, !s.By.IsZero()
}

// worthAt is what an execution adds to equity at a price, in its contract's currency; zero for none.
func worthAt(t *Trade, price Decimal) Decimal {
	if t == nil {
		return Decimal{}
	}
	worth := num.Convert(num.Convert(t.Quantity, price), t.Instrument.Multiplier).Add(t.Amount()).Sub(t.Taxes)
	if t.CommissionCurrency == "" || t.CommissionCurrency == t.Instrument.Currency {
		worth = worth.Sub(t.Commission)
	}
	return worth
}
