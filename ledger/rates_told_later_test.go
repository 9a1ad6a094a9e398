package ledger_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts/ledger"
)

// unrated returns a fact without its conversion rate.
func unrated(f ledger.Fact) ledger.Fact {
	switch f := f.(type) {
	case ledger.CashMovement:
		f.FXRate = ledger.Decimal{}
		return f
	case ledger.Opening:
		f.FXRate = ledger.Decimal{}
		return f
	case ledger.Transfer:
		f.FXRate = ledger.Decimal{}
		return f
	case ledger.Trade:
		f.FXRate = ledger.Decimal{}
		return f
	}
	return f
}

func drawAbroad(t *rapid.T, n int) ledger.Fact {
	sap := ledger.NewStock("SAP", "EUR")
	rate := dec(fmt.Sprintf("1.%d", rapid.IntRange(1, 30).Draw(t, "rate")))
	amount := dec(fmt.Sprint(rapid.IntRange(1, 900).Draw(t, "amount")))
	lots := []ledger.Lot{{Quantity: dec("4"), Basis: amount, OpenedAt: at(0)}}
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		return ledger.CashMovement{ID: fmt.Sprint("c", n), Kind: ledger.Deposit, Currency: "EUR", Amount: amount, FXRate: rate, Time: at(n)}
	case 1:
		return ledger.CashMovement{ID: fmt.Sprint("c", n), Kind: ledger.Withdrawal, Currency: "EUR", Amount: amount.Neg(), FXRate: rate, Time: at(n)}
	case 2:
		return ledger.Opening{ID: fmt.Sprint("o", n), Instrument: sap, Lots: lots, FXRate: rate, Price: amount, Time: at(n)}
	case 3:
		return ledger.Transfer{ID: fmt.Sprint("x", n), Instrument: sap, Quantity: dec("4"), Lots: lots, FXRate: rate, Time: at(n)}
	case 4:
		return ledger.Transfer{ID: fmt.Sprint("x", n), Instrument: sap, Quantity: dec("-1"), FXRate: rate, Time: at(n)}
	}
	f := trade(n, sap, fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "quantity")), amount.String())
	f.FXRate, f.Time = rate, at(n)
	return f
}

// written returns the JSON of a value.
func written(t require.TestingT, v any) string {
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

// A rate that is told later makes of the journal what it would have made at once, in whatever order rates
// are told, and once.
func TestPropertyRatesToldLater(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		once, later := newBench(t), newBench(t)
		var told []ledger.Fact
		for n := range rapid.IntRange(1, 15).Draw(rt, "facts") {
			f := drawAbroad(rt, n)
			if _, err := once.Portfolio.Record(t.Context(), f); err != nil {
				require.ErrorIs(rt, err, ledger.ErrPositionNotFound)
				continue
			}
			later.Record(t, unrated(f))
			told = append(told, f)
		}
		for _, f := range rapid.Permutation(told).Draw(rt, "order") {
			added, err := later.Portfolio.Record(t.Context(), f)
			require.NoError(rt, err)
			require.Equal(rt, 1, added, "%T", f)
			added, err = later.Portfolio.Record(t.Context(), f, unrated(f))
			require.NoError(rt, err)
			require.Zero(rt, added, "a rate counts twice: %T", f)
		}
		require.NoError(rt, later.Portfolio.Verify(t.Context()))
		want, got := once.Portfolio.Snapshot(), later.Portfolio.Snapshot()
		require.Equal(rt, written(rt, want.Cash), written(rt, got.Cash))
		require.Equal(rt, written(rt, want.Open), written(rt, got.Open))
		require.Equal(rt, []string{want.Capital.String(), whole(want.InKind)}, []string{got.Capital.String(), whole(got.InKind)}, "capital")
		require.Empty(rt, got.Unrated)
		again := later.Reopen(t).Snapshot()
		require.Equal(rt, written(rt, got.Cash), written(rt, again.Cash))
		require.Equal(rt, whole(got.InKind), whole(again.InKind))
	})
}

// Another rate than the one that was told later is refused.
func TestAnotherRateIsRefused(t *testing.T) {
	b := newBench(t)
	m := ledger.CashMovement{ID: "c", Kind: ledger.Deposit, Currency: "EUR", Amount: dec("10"), Time: at(1)}
	b.Record(t, m)
	m.FXRate = dec("1.1")
	b.Record(t, m)
	m.FXRate = dec("1.2")
	require.ErrorIs(t, errOf(b.Portfolio.Record(t.Context(), m)), ledger.ErrIDReused)
	require.Equal(t, "11", whole(b.Portfolio.Snapshot().Capital))
}
