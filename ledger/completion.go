package ledger

// Completion says what an amendment adds to an execution: what was not known when the execution was
// recorded. The broker tells a fill first and its commission later; one source knows the order, and
// another the conversion rate.
type Completion struct {
	Costs bool `json:"costs,omitempty"` // the commission and the taxes of a trade with CommissionPending
	Order bool `json:"order,omitempty"` // the order that was filled
	Rate  bool `json:"rate,omitempty"`  // the conversion rate
}

// key returns the key of the amendment that completes an execution. What a key stands for is
// completed once, so no two amendments of a journal have the same key.
func (c Completion) key(id ExecID) string {
	switch {
	case c.Costs:
		return "f:" + string(id)
	case c.Order:
		return "n:" + string(id)
	}
	return "r:" + string(id)
}

// complete returns the amendment by which t completes the trade in force at a place, of which t is
// the same execution; nil if it adds nothing.
func complete(t, inForce *Trade, place int64) *Amendment {
	full := inForce.Bare()
	c := Completion{
		Costs: inForce.CommissionPending && !t.CommissionPending,
		Order: inForce.OrderID == "" && t.OrderID != "",
		Rate:  inForce.FXRate.IsZero() && !t.FXRate.IsZero(),
	}
	if c.Costs {
		full.CommissionPending = false
		full.Commission, full.CommissionCurrency, full.Taxes = t.Commission, t.CommissionCurrency, t.Taxes
	}
	if c.Order {
		full.OrderID = t.OrderID
	}
	if c.Rate {
		full.FXRate = t.FXRate
	}
	if c == (Completion{}) {
		return nil
	}
	full.derive()
	return &Amendment{Place: place, Trade: &full, Completes: c, was: inForce}
}
