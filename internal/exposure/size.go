package exposure

import (
	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Measure is what an order is sized by. Amounts are in base currency.
type Measure struct {
	Limits risk.Limits // in force; shared with the account
	Equity ledger.Decimal
	// Known is true if equity is known. If not, Lacking names a contract without a mark or a rate.
	Known   bool
	Lacking string
	// Unit is the exposure of one unit of the contract; zero if not known.
	Unit ledger.Decimal
	// Left is the quantity of the order that closes the position, less what working orders close
	// already; zero for none.
	Left ledger.Decimal
}

// Measure returns what an order is sized by in the account at the market. Of the order only the
// contract and the price matter. sells is true for an order that would sell to open.
func (j *Judge) Measure(a *Account, m Market, o *risk.Order, sells bool) Measure {
	j.order = *o
	j.locate(a, m)
	out := Measure{Limits: m.Policy.limits, Equity: j.exposure.bounds.equity, Known: j.exposure.bounds.known,
		Left: j.after.left()}
	if !out.Known {
		out.Lacking = j.exposure.lacking()
	}
	price := num.Max(j.order.Price.Abs(), j.terms.mark.Abs())
	if sells && j.terms.instrument.IsOption() {
		price = j.terms.instrument.Strike
	}
	out.Unit = num.Convert(price, j.terms.units)
	return out
}
