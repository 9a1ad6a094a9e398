package ledger

// Closed is the part of a position that a trade closed, and its gain; zero if the trade closed
// nothing.
type Closed struct {
	Quantity Decimal `json:"quantity"`           // the part that closed, with the trade's sign
	Basis    Decimal `json:"basis"`              // basis of the lots consumed; negative for short lots
	Realized Decimal `json:"realized"`           // after the costs of both sides, in the contract's currency
	Inferred bool    `json:"inferred,omitempty"` // at least one lot was inferred from a statement
	Ended    bool    `json:"ended,omitempty"`    // the position was flat afterwards, or had the other direction
}

// Closing is a trade that closed a position or a part of it, with the part it closed.
type Closing struct {
	Trade Trade `json:"trade"`
	Closed
}
