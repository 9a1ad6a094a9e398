package ledger

import "github.com/ai-ots/accounts/internal/num"

// Shift says that the derived equity points which stand in the journal behind the entry Behind, and
// before the entry with the shift, do not contain By: the execution that entry Behind recorded was
// corrected, completed or cancelled after they were taken. What follows from the points counts them
// with the shift. Points before the execution was recorded contain nothing of it, whatever their
// times and its own.
//
// By is what the change of the execution is worth at the price of the execution itself: all of a
// corrected price and of a commission that came later, and the costs alone of a quantity. What a
// quantity gained or lost since is in no shift: prices of that time are not known.
type Shift struct {
	Behind int64   `json:"behind"`
	By     Decimal `json:"by"` // in base currency, above zero where equity was higher than the points say
}

// Shift returns the shift that the amendment makes, at the execution's own conversion rate or else
// the present one; false if there is none: the amendment is of no execution that was recorded
// before, changes no worth, or its currency has no rate. The amendment is one that [Book.Correct]
// or [Book.Cancel] made.
func (a *Amendment) Shift(p *Prices) (Shift, bool) {
	is, was := a.Trade, a.was
	if was == nil || was.Kind != Execution || is != nil && is.Kind != Execution {
		return Shift{}, false
	}
	known := is
	if known == nil {
		known = was
	}
	rate := known.FXRate
	if known.Instrument.Currency == p.Base {
		rate = num.One
	} else if rate.IsZero() {
		rate, _, _ = p.Rate(known.Instrument.Currency)
	}
	by := worthAt(is, known.Price).Sub(worthAt(was, known.Price))
	s := Shift{Behind: a.Place, By: num.Trim(num.Convert(by, rate))}
	return s, !s.By.IsZero()
}

// worthAt is what an execution adds to equity at a price, in its contract's currency; zero for
// none.
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
