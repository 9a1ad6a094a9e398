package ledger

// Completion says what an amendment adds to a fact: what was not known when the fact was recorded.
// The broker tells a fill first and its commission later; one source knows the order, and another
// the conversion rate. Of cash movements, openings and transfers the rate alone can be completed.
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

// Complete returns the amendment by which f, a cash movement, opening or transfer, completes the
// same fact that the journal has: by the conversion rate that was not known. was is the fact as
// first recorded, and place the number of its entry. Complete returns nil if there is nothing to
// record: of capital that counts at its MarketRate the rate is known. Other capital then counts at
// the rate told, and not any longer at that of the day. That is no gain and no loss of the day;
// returns show the difference in the period in which the rate was told.
//
// Errors: ErrIDReused if f contradicts the fact in force, see [Differences].
func (b *Book) Complete(f, was Payload, place int64) (*Amendment, error) {
	if a, changed := b.changes[place]; changed && a.Completes != (Completion{}) {
		was = a.Fact()
	}
	if err := CheckSame(was, f); err != nil {
		return nil, err
	}
	a := &Amendment{Place: place, Completes: Completion{Rate: true}}
	lacks := false
	switch was := factIn(was).(type) {
	case *CashMovement:
		full, rate := *was, f.(*CashMovement).FXRate
		lacks, full.FXRate = was.rate().IsZero() && !rate.IsZero(), rate
		a.Cash = &full
	case *Opening:
		full, rate := *was, f.(*Opening).FXRate
		lacks, full.FXRate = was.FXRate.IsZero() && was.MarketRate.IsZero() && !rate.IsZero(), rate
		a.Opening = &full
	case *Transfer:
		full, rate := *was, f.(*Transfer).FXRate
		lacks, full.FXRate = was.FXRate.IsZero() && was.MarketRate.IsZero() && !rate.IsZero(), rate
		a.Transfer = &full
	}
	if !lacks {
		return nil, nil
	}
	return a, nil
}

// Capital returns the capital in cash or in kind that an amendment completes: its currency, how
// much of that it is, and the conversion rate that was told; false for other amendments.
func (a *Amendment) Capital() (c Currency, amount, rate Decimal, ok bool) {
	switch f := a.Fact().(type) {
	case *CashMovement:
		c, amount, rate, ok = f.Currency, f.Amount, f.FXRate, f.Kind.IsCapital()
	case *Opening:
		c, amount, rate, ok = f.currency(), f.Worth(), f.FXRate, true
	case *Transfer:
		c, amount, rate, ok = f.currency(), f.Worth(), f.FXRate, true
	}
	return c, amount, rate, ok && a.Completes.Rate
}
