package flex

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

// planAllocs counts what planning the rows allocates.
func planAllocs(t *testing.T, rows []string) float64 {
	t.Helper()
	st := read(t, january(rows...))
	return testing.AllocsPerRun(1, func() {
		_, err := NewPlan(st, Held{})
		require.NoError(t, err)
	})
}

// Fills of one day, quantity and price are as many without ids and times as there are: each is told apart at once.
func TestEffortOfAlikeRows(t *testing.T) {
	alike := func(n int) (rows []string) {
		for range n {
			rows = append(rows, trade(`tradeID="" dateTime="20250110"`))
		}
		return rows
	}
	require.Less(t, planAllocs(t, alike(2000))/planAllocs(t, alike(500)), 6.0, "four times as many rows take about four times as much")
	plan, err := NewPlan(read(t, january(alike(3)...)), Held{})
	require.NoError(t, err)
	var ids []string
	for f := range plan.Facts() {
		if trade, is := f.(*ledger.Trade); is {
			ids = append(ids, string(trade.ExecID))
		}
	}
	const id = "row-20250110050000-1-NU-10-12.5"
	require.Equal(t, []string{id, id + "/2", id + "/3"}, ids)
}

// What a cancellation takes back is looked for once among the executions, and not once for each id that it may name.
func TestEffortOfCancellations(t *testing.T) {
	const trades, cancellations = 400, 40
	var rows []string
	for i := range trades {
		rows = append(rows, fill(fmt.Sprint(i), "20250110;100000", "10", fmt.Sprint(i+1), "-1", ""))
	}
	for i := range cancellations {
		rows = append(rows, fill(fmt.Sprint(trades+i), "20250111;100000", "-10", fmt.Sprint(i+1), "1", `transactionType="TradeCancel"`))
	}
	require.Less(t, planAllocs(t, rows), 3.0*trades*cancellations)
}
