package sizing

import (
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Sizing is what an order is sized by. A sizer must not change what its pointers and slices lead
// to: the limits are shared.
type Sizing struct {
	Profile    string            `json:"profile"` // the id of the profile that is sized for
	Signal     risk.SignalID     `json:"signal"`
	Instrument ledger.Instrument `json:"instrument"`
	Sells      bool              `json:"sells"` // the order would sell to open
	// Price is the limit per unit in the contract's currency; zero for an order at the market.
	Price    ledger.Decimal `json:"price,omitzero"`
	Strategy string         `json:"strategy,omitempty"`
	Sector   string         `json:"sector,omitempty"`

	// What the signal says of its odds; zero if not known.

	Confidence ledger.Decimal `json:"confidence,omitzero"` // that the trade wins, 0 to 1
	Volatility ledger.Decimal `json:"volatility,omitzero"` // of the contract, annualized, 0.2 for 20 %
	Payoff     ledger.Decimal `json:"payoff,omitzero"`     // average win ÷ average loss

	Limits risk.Limits    `json:"limits"` // in force
	Equity ledger.Decimal `json:"equity"` // of the profile, in its base currency
	Unit   ledger.Decimal `json:"unit"`   // exposure of one unit, in base currency; see risk.Limits
}

// Sizer says how much a signal puts at risk in a profile. It must be safe for concurrent use,
// return quickly, and not call the profile's portfolio, which waits for it.
type Sizer interface {
	// Notional returns the exposure of the order in base currency. The order is for as many whole
	// units as the exposure is enough for; zero or less makes no order. An error refuses the order,
	// and its first 200 bytes are the reason. A panic refuses the order too.
	Notional(Sizing) (ledger.Decimal, error)
}

// Func is a function that implements [Sizer].
type Func func(Sizing) (ledger.Decimal, error)

// Notional calls f.
func (f Func) Notional(s Sizing) (ledger.Decimal, error) { return f(s) }
