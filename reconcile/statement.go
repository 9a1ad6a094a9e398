package reconcile

import "github.com/ai-ots/accounts/ledger"

// Statement is what the broker states about an account. Figures that it does not mention are not
// compared.
type Statement struct {
	Closings  []Closing  `json:"closings"`
	Positions []Position `json:"positions"`
	// AllPositions says that what Positions does not list is flat.
	AllPositions bool   `json:"all_positions,omitempty"`
	Cash         []Cash `json:"cash"`
	// Tolerance is the difference allowed in each figure of P&L, basis and cash, in its currency.
	// Zero stands for what the broker's rounding explains: [Explained] of the money that moved, and
	// 0.01 of a balance. Quantities must be equal, however many units there are.
	Tolerance ledger.Decimal `json:"tolerance,omitzero"`
}

// Closing is the realized P&L that the broker states for a trade.
type Closing struct {
	ExecID     ledger.ExecID     `json:"exec_id"`
	Instrument ledger.Instrument `json:"instrument"`
	Quantity   ledger.Decimal    `json:"quantity"` // the whole trade's, signed
	Realized   ledger.Decimal    `json:"realized"` // FIFO P&L in the instrument's currency
}

// Position is a position that the broker states.
type Position struct {
	Instrument ledger.Instrument `json:"instrument"`
	Quantity   ledger.Decimal    `json:"quantity"`        // negative for short
	Basis      *ledger.Decimal   `json:"basis,omitempty"` // cost basis, negative for short; nil if the broker does not say
	Mark       *ledger.Decimal   `json:"mark,omitempty"`  // closing price; nil if the broker does not say
}

// Cash is the balance that the broker states for a currency.
type Cash struct {
	Currency ledger.Currency `json:"currency"`
	Balance  ledger.Decimal  `json:"balance"`
	// Partial says that the statement does not list all that moved the balance: then a difference
	// is not a break but leaves it unchecked.
	Partial bool `json:"partial,omitempty"`
}
