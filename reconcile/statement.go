package reconcile

import "github.com/ai-ots/accounts/ledger"

// Statement is what the broker states about an account. Figures that it does not mention are not
// compared.
type Statement struct {
	Closings  []Closing
	Positions []Position
	// AllPositions says that what Positions does not list is flat.
	AllPositions bool
	Cash         []Cash
	// Tolerance is the difference allowed per unit of quantity; 0.01 if left zero. Cash has no
	// quantity and is allowed it once. Quantities must be equal.
	Tolerance ledger.Decimal
}

// Closing is the realized P&L that the broker states for a trade.
type Closing struct {
	ExecID     ledger.ExecID
	Instrument ledger.Instrument
	Quantity   ledger.Decimal // the whole trade's, signed
	Realized   ledger.Decimal // FIFO P&L in the instrument's currency
}

// Position is a position that the broker states.
type Position struct {
	Instrument ledger.Instrument
	Quantity   ledger.Decimal  // negative for short
	Basis      *ledger.Decimal // cost basis, negative for short; nil if the broker does not say
	Mark       *ledger.Decimal // closing price; nil if the broker does not say
}

// Cash is the balance that the broker states for a currency.
type Cash struct {
	Currency ledger.Currency
	Balance  ledger.Decimal
	// Partial says that the statement does not list all that moved the balance: then a difference
	// is not a break but leaves it unchecked.
	Partial bool
}
