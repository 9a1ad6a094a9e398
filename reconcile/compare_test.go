package reconcile_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
)

func TestReconcileNamesBreaks(t *testing.T) {
	b := newBench(t)
	b.Record(t, trade(1, xyz, "10", "10"), trade(2, xyz, "-4", "12"), trade(3, call, "1", "2"), trade(4, oil, "1", "60"),
		ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("1000"), Time: at(0)})
	basis, other, mark := dec("60.6"), dec("1"), dec("61")
	statement := reconcile.Statement{
		Closings:     []reconcile.Closing{{ExecID: "exec-2", Instrument: xyz, Quantity: dec("-4"), Realized: dec("6.61")}},
		Positions:    []reconcile.Position{{Instrument: xyz, Quantity: dec("6"), Basis: &basis}, {Instrument: call, Quantity: dec("1")}, {Instrument: oil, Quantity: dec("1"), Mark: &mark}},
		AllPositions: true,
		Cash:         []reconcile.Cash{{Currency: "USD", Balance: dec("1744")}},
	}
	result, err := b.Portfolio.Reconcile(t.Context(), statement)
	require.NoError(t, err)
	require.Empty(t, result.Breaks, "6.6 against 6.61 is less than rounding explains, and the future's 999 are settled daily")
	require.Empty(t, result.Unchecked)
	require.Equal(t, 6, result.Compared)
	require.Equal(t, 1, result.Tolerated, "the realized figure differs by less than is allowed")
	require.Equal(t, "0.01", result.Largest.String())

	statement.Closings[0].Realized = dec("6.65")
	statement.Closings = append(statement.Closings, reconcile.Closing{ExecID: "unknown", Instrument: xyz, Quantity: dec("1")})
	statement.Positions = []reconcile.Position{{Instrument: xyz, Quantity: dec("7"), Basis: &other}, {Instrument: put, Quantity: dec("-1")}}
	statement.Cash = append(statement.Cash, reconcile.Cash{Currency: "EUR", Balance: dec("0.02")}, reconcile.Cash{Currency: "GBP", Balance: dec("5"), Partial: true})
	result, err = b.Portfolio.Reconcile(t.Context(), statement)
	require.NoError(t, err)
	var breaks []string
	for _, br := range result.Breaks {
		breaks = append(breaks, br.String())
	}
	require.Equal(t, []string{
		"STK:XYZ:USD execution exec-2: realized is 6.6, the broker says 6.65 (-0.05 off)",
		"STK:XYZ:USD: quantity is 6, the broker says 7 (-1 off)",
		"STK:XYZ:USD: cost_basis is 60.6, the broker says 1 (59.6 off)",
		"OPT:XYZ:20260320:P:50:100:USD: quantity is 0, the broker says -1 (1 off)",
		"FUT:CL:20261120:1000:USD: quantity is 1, the broker says 0 (1 off)",
		"OPT:XYZ:20260320:C:50:100:USD: quantity is 1, the broker says 0 (1 off)",
		"EUR: cash is 0, the broker says 0.02 (-0.02 off)",
	}, breaks)
	require.Len(t, result.Unchecked, 3, "an unknown execution, dollars with a future unmarked, and pounds without movements: %v", result.Unchecked)

	statement.Tolerance = dec("100")
	result, err = b.Portfolio.Reconcile(t.Context(), statement)
	require.NoError(t, err)
	require.Len(t, result.Breaks, 4, "quantities alone have no tolerance")
}

// The tolerance follows the money, and not the number of units.
func TestExplained(t *testing.T) {
	for money, want := range map[string]string{"1205": "0.03", "-1205": "0.03", "9": "0.009", "0.5": "0.0005", "0": "0.00001", "0.001": "0.00001"} {
		require.Equal(t, want, reconcile.Explained(dec(money), 2).String(), "of %s", money)
	}
	require.Equal(t, "0.00005", reconcile.Explained(dec("0"), 50).String(), "each lot is rounded")
}

func TestManyUnitsExplainNoDifference(t *testing.T) {
	b := newBench(t)
	b.Record(t, trade(1, xyz, "100000", "0.012"), trade(2, xyz, "-100000", "0.015"))
	s := reconcile.Statement{Closings: []reconcile.Closing{{ExecID: "exec-2", Instrument: xyz, Quantity: dec("-100000"), Realized: dec("297.9")}}}
	result, err := b.Portfolio.Reconcile(t.Context(), s)
	require.NoError(t, err)
	require.Len(t, result.Breaks, 1, "298 against 297.9 is more than rounding explains")
	require.Zero(t, result.Tolerated)
}
