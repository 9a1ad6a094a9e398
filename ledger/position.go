package ledger

import "time"

// Position is what a profile holds, or once held, of one contract. Money is in the instrument's
// currency.
type Position struct {
	Instrument Instrument `json:"instrument"`
	Quantity   Decimal    `json:"quantity"` // negative for short, zero for flat
	Basis      Decimal    `json:"basis"`    // the sum of the lots'
	Realized   Decimal    `json:"realized"` // P&L of all closings, after commissions and taxes of both sides
	// RealizedBase is Realized in the profile's base currency, each closing at its own trade's
	// FXRate; what closings without one realized is left out of it and summed up in Unconverted.
	RealizedBase Decimal   `json:"realized_base"`
	Unconverted  Decimal   `json:"unconverted,omitzero"`
	Commissions  Decimal   `json:"commissions"` // of all trades, costs positive
	Taxes        Decimal   `json:"taxes,omitzero"`
	LastTrade    time.Time `json:"last_trade,omitzero"` // of the newest trade, split or opening by its own time
	LastClose    time.Time `json:"last_close,omitzero"` // of the newest trade or split that reduced or changed lots
	// Lots are in the order in which they will be consumed: by opening time. Batches leave them out.
	Lots []Lot `json:"lots,omitempty"`
}

// Lot is what one opening trade left: a quantity and what it cost.
type Lot struct {
	ExecID   ExecID    `json:"exec_id,omitempty"` // the trade that opened it; empty for an opening balance
	Quantity Decimal   `json:"quantity"`          // negative for a short lot; never zero
	Basis    Decimal   `json:"basis"`             // cost with commission and taxes, in the instrument's currency; negative for a short lot
	OpenedAt time.Time `json:"opened_at"`
	Inferred bool      `json:"inferred,omitempty"` // the opening was not seen; quantity and basis come from a statement
}
