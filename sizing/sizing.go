package sizing

import (
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Sizing is what an order is sized by. What Limits point to is shared: a sizer must not change it.
type Sizing struct {
	Profile    string            `json:"profile"` // the id of the profile that is sized for
	Signal     risk.SignalID     `json:"signal"`
	Instrument ledger.Instrument `json:"instrument"`
	Sells      bool              `json:"sells"`          // the order would sell to open
	Price      ledger.Decimal    `json:"price,omitzero"` // the limit per unit in the instrument's currency; zero for an order at the market
	Strategy   string            `json:"strategy,omitempty"`
	Sector     string            `json:"sector,omitempty"`

	// What the signal says of its odds; zero if not known.

	Confidence ledger.Decimal `json:"confidence,omitzero"` // that the trade wins, 0 to 1
	Volatility ledger.Decimal `json:"volatility,omitzero"` // of the contract, annualized, 0.2 for 20 %
	Payoff     ledger.Decimal `json:"payoff,omitzero"`     // average win ÷ average loss

	Limits risk.Limits    `json:"limits"` // in force
	Equity ledger.Decimal `json:"equity"` // of the profile, in its base currency
	Unit   ledger.Decimal `json:"unit"`   // what one unit puts at risk, in base currency: see RiskLimits
}

// Sizer says how much a signal puts at risk in a profile. It must be safe for concurrent use, and
// must not call the profile's portfolio.
type Sizer interface {
	// Notional returns the amount in base currency; the order is for as many whole units as it is
	// enough for. Zero or less makes no order. An error, of which 200 bytes are kept, is the reason of a
	// refusal, and so is a panic.
	Notional(Sizing) (ledger.Decimal, error)
}

// Func is a function as a Sizer.
type Func func(Sizing) (ledger.Decimal, error)

// Notional calls f.
func (f Func) Notional(s Sizing) (ledger.Decimal, error) { return f(s) }
