package accounts_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// TestARefusedFactLeavesNothing records a fact that no book can accept beside a good one, for each
// reason that there is.
func TestARefusedFactLeavesNothing(t *testing.T) {
	change := func(f func(*ledger.Trade)) ledger.Trade {
		tr := trade(1, xyz, "10", "10")
		f(&tr)
		return tr
	}
	for name, c := range map[string]struct {
		fact ledger.Fact
		want error
	}{
		"no fact":                    {nil, accounts.ErrInvalid},
		"a pointer to nothing":       {(*ledger.Trade)(nil), accounts.ErrInvalid},
		"zero quantity":              {change(func(tr *ledger.Trade) { tr.Quantity = dec("0") }), accounts.ErrInvalid},
		"no cash":                    {ledger.CashMovement{Kind: ledger.Deposit, Currency: "USD", Time: at(1)}, accounts.ErrInvalid},
		"a split by nothing":         {ledger.Split{ID: "s", From: xyz, To: xyz, Numerator: dec("2"), Time: at(1)}, accounts.ErrInvalid},
		"a balance of no lots":       {ledger.Opening{Instrument: xyz, Time: at(1)}, accounts.ErrInvalid},
		"a transfer from nothing":    {ledger.Transfer{ID: "x", Instrument: xyz, Quantity: dec("-2"), Time: at(30)}, accounts.ErrInvalid},
		"a transfer of nothing held": {ledger.Transfer{ID: "x", Instrument: call, Quantity: dec("-2"), Time: at(30)}, accounts.ErrPositionNotFound},
		"a transfer of lots that do not add up": {ledger.Transfer{ID: "x", Instrument: xyz, Quantity: dec("2"), Time: at(30),
			Lots: []ledger.Lot{{Quantity: dec("1"), Basis: dec("1"), OpenedAt: at(1)}}}, accounts.ErrInvalid},
		"a transfer against the position": {ledger.Transfer{ID: "x", Instrument: xyz, Quantity: dec("-2"), Time: at(30),
			Lots: []ledger.Lot{{Quantity: dec("-2"), Basis: dec("-1"), OpenedAt: at(1)}}}, accounts.ErrInvalid},
		"a cancelled nothing":  {ledger.Cancellation{ExecID: "c", Time: at(1)}, accounts.ErrInvalid},
		"a point at no time":   {ledger.EquityPoint{}, accounts.ErrInvalid},
		"an oversized product": {change(func(tr *ledger.Trade) { tr.Quantity, tr.Price = dec("999999999999"), dec("9999999") }), accounts.ErrInexact},
		"a foreign commission": {change(func(tr *ledger.Trade) { tr.CommissionCurrency = "EUR" }), accounts.ErrCurrencyMismatch},
		"a time in the future": {change(func(tr *ledger.Trade) { tr.Time = now.Add(6 * time.Minute) }), accounts.ErrFutureTime},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			_, err := b.Portfolio.Record(t.Context(), trade(9, xyz, "1", "1"), c.fact)
			require.ErrorIs(t, err, c.want)
			require.Zero(t, b.Portfolio.Seq(), "nothing may be recorded, the good fact included")
			require.Empty(t, readAll(t, b.Store, b.Profile.ID))
		})
	}
}
