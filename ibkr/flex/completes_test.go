package flex

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

// A fill that was recorded when it happened gets its commission from the statement; in all else it
// stays what the live interface told.
func TestStatementCompletesAFill(t *testing.T) {
	m, err := accounts.New(memstore.New())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	profile, err := m.CreateProfile(t.Context(), accounts.Aggressive25K("DU1000025"))
	require.NoError(t, err)
	p, err := m.Portfolio(t.Context(), profile.ID)
	require.NoError(t, err)
	at := time.Date(2025, 1, 6, 15, 15, 0, 250_000_000, time.UTC)
	xyz := ledger.NewStock("XYZ", "USD")
	live := ledger.Trade{ExecID: "0000aa01.677b0001.01.01", OrderID: "mine", Instrument: xyz, Quantity: ledger.MustDecimal("50"),
		Price: ledger.MustDecimal("40.1"), CommissionPending: true, Time: at}
	_, err = p.Record(t.Context(), live)
	require.NoError(t, err)

	row := Trade{Line: 3, Contract: Contract{Instrument: xyz}, ExecID: string(live.ExecID), TransactionID: "7", OrderID: "4711",
		Quantity: live.Quantity, Price: live.Price, Time: at.Truncate(time.Second)}
	st := func() *Statement { return &Statement{AccountID: "DU1000025", Trades: NewTrades(row)} }
	imported := func(want int) {
		t.Helper()
		_, added, err := Import(t.Context(), p, st())
		require.NoError(t, err)
		require.Equal(t, want, added)
		require.NoError(t, p.Verify(t.Context()))
	}
	imported(0) // it does not tell the commission either
	row.Commission = Optional{Value: ledger.MustDecimal("-1"), Valid: true}
	row.Taxes = ledger.MustDecimal("-0.1")
	imported(1)
	imported(0)
	pos, _ := p.Position(xyz.Key())
	require.Equal(t, "2006.1", pos.Basis.String())
	for got, err := range p.Trades(t.Context(), accounts.TradeFilter{}) {
		require.NoError(t, err)
		want := live
		want.Kind, want.CommissionPending = ledger.Execution, false
		want.Commission, want.Taxes = ledger.MustDecimal("1"), ledger.MustDecimal("0.1")
		require.Equal(t, want, got.Value)
	}
	live.Commission, live.Taxes, live.CommissionPending = ledger.MustDecimal("1"), ledger.MustDecimal("0.1"), false
	added, err := p.Record(t.Context(), live)
	require.NoError(t, err, "the live report of the commission, when it comes at last")
	require.Zero(t, added)
	live.Commission = ledger.MustDecimal("2")
	_, err = p.Record(t.Context(), live)
	require.ErrorIs(t, err, accounts.ErrIDReused)
}

// A fill that a statement brought first names no order, and the live one that names it fills the
// order.
func TestStatementNamesNoOrder(t *testing.T) {
	row := Trade{Contract: Contract{Instrument: ledger.NewStock("XYZ", "USD")}, ExecID: "e", OrderID: "4711", Quantity: ledger.MustDecimal("1"),
		Price: ledger.MustDecimal("2"), Commission: Optional{Valid: true}, Time: time.Date(2025, 1, 6, 15, 15, 0, 0, time.UTC)}
	plan, err := NewPlan(&Statement{Trades: NewTrades(row)}, Held{})
	require.NoError(t, err)
	require.Equal(t, 1, plan.Size())
	require.Empty(t, slices.Collect(plan.Facts())[0].(*ledger.Trade).OrderID, "the broker's number is not what the sender called the order")
	require.Equal(t, "4711", maps.Collect(plan.Rows())["e"].Trade.OrderID, "the number is still told")
}
