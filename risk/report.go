package risk

import (
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Report says where a profile stands against its limits. It is a part of a snapshot. Money is in
// base currency.
type Report struct {
	Status ProfileStatus `json:"status"`
	State  TradingState  `json:"state"`
	Cause  Rule          `json:"cause,omitempty"`  // of the state; empty for a person's decision
	Reason string        `json:"reason,omitempty"` // of the state
	Since  time.Time     `json:"since,omitzero"`   // when the state began; zero if it never changed

	Limits   Limits         `json:"limits"`   // in force
	Orders   []WorkingOrder `json:"orders"`   // ordered by id
	Breaches []Incident     `json:"breaches"` // the newest refusals and breaches, at most 32, the newest last

	// The following mean something only while the snapshot's Missing and Unrated are nil.

	Severity Severity       `json:"severity"`
	Drawdown ledger.Decimal `json:"drawdown"` // from the high-water mark, as a fraction of it
	DayLoss  ledger.Decimal `json:"day_loss"` // since the last equity point before today; zero or less when nothing was lost
	Gross    ledger.Decimal `json:"gross"`    // exposure held and working
	Net      ledger.Decimal `json:"net"`      // the worse of its two extremes, by magnitude
	Margin   ledger.Decimal `json:"margin"`   // what the buying power rule takes to be needed
	Usage    []Usage        `json:"usage"`    // of every limit on the whole profile, and of each position, underlying, strategy and sector
}

// Usage is the used part of one limit.
type Usage struct {
	Rule    Rule           `json:"rule"`
	Subject string         `json:"subject,omitempty"`
	Used    ledger.Decimal `json:"used"`
	Limit   ledger.Decimal `json:"limit"`
	Warning bool           `json:"warning,omitempty"` // the warning level is reached
}

// Incident is a refusal or a breach as a report shows it.
type Incident struct {
	Time     time.Time      `json:"time"`
	OrderID  ledger.OrderID `json:"order_id,omitempty"` // empty for a breach that no order made
	Rule     Rule           `json:"rule"`               // the first one broken
	Severity Severity       `json:"severity,omitempty"` // of a drawdown
}
