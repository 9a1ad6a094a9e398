package ledger

import "time"

// Position is the position that a profile holds, or once held, in one contract. Money is in the
// contract's currency unless a field says otherwise.
type Position struct {
	Instrument Instrument `json:"instrument"`
	Quantity   Decimal    `json:"quantity"` // negative for short, zero for flat
	Basis      Decimal    `json:"basis"`    // the sum of the lots' bases
	Realized   Decimal    `json:"realized"` // P&L of all closings, after commissions and taxes of both sides
	// RealizedBase is Realized in the profile's base currency, each closing at its own trade's
	// FXRate. Closings without a rate are not part of it; Unconverted is their sum in the
	// contract's currency.
	RealizedBase Decimal   `json:"realized_base"`
	Unconverted  Decimal   `json:"unconverted,omitzero"`
	Commissions  Decimal   `json:"commissions"` // of all trades, costs positive
	Taxes        Decimal   `json:"taxes,omitzero"`
	LastTrade    time.Time `json:"last_trade,omitzero"` // of the newest trade, split or opening by its own time
	LastClose    time.Time `json:"last_close,omitzero"` // of the newest trade or split that reduced or changed lots
	// Lots are in the order in which they will be consumed: by opening time. Positions that go to a
	// store have none.
	Lots []Lot `json:"lots,omitempty"`
}

// Lot is the quantity that one opening trade left, and its cost.
type Lot struct {
	ExecID   ExecID  `json:"exec_id,omitempty"` // the trade that opened it; empty for an opening balance
	Quantity Decimal `json:"quantity"`          // negative for a short lot; never zero
	// Basis is the cost with commission and taxes, in the contract's currency; negative for a short
	// lot.
	Basis    Decimal   `json:"basis"`
	OpenedAt time.Time `json:"opened_at"`
	// Inferred is true if the opening was not seen: quantity and basis come from a statement.
	Inferred bool `json:"inferred,omitempty"`
}
