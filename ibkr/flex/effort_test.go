package flex

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

// reads is a store that counts how often the journal is read.
type reads struct {
	accounts.Store
	journals atomic.Int64
}

// Entries implements accounts.Store.
func (s *reads) Entries(ctx context.Context, p accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	s.journals.Add(1)
	return s.Store.Entries(ctx, p, after)
}

// planAllocs counts what planning the rows allocates.
func planAllocs(t *testing.T, rows []string) float64 {
	t.Helper()
	st := read(t, january(rows...))
	return testing.AllocsPerRun(1, func() {
		_, err := NewPlan(st, Held{})
		require.NoError(t, err)
	})
}

// Fills of one day, quantity and price are as many without ids and times as there are: each is told
// apart at once.
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

// What a cancellation takes back is looked for once among the executions, and not once for each id
// that it may name.
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

// What was booked in the place of what a cancellation takes back, and shares the commission that it
// keeps, is looked for among the executions of the contract and time, and not among all.
func TestEffortOfKeptCommissions(t *testing.T) {
	const trades = 400
	var rows []string
	for i := range trades {
		price := fmt.Sprint(i + 1)
		rows = append(rows, fill(fmt.Sprint(i), "20250110;100000", "10", price, "-1", ""), fill(fmt.Sprint(trades+i), "20250111;100000", "-10", price, "0.5",
			fmt.Sprintf(`transactionType="TradeCancel" origTransactionID="%d"`, i)))
	}
	require.Less(t, planAllocs(t, rows), 0.5*trades*trades)
}

// A statement that was imported in whole parts is not planned anew for the beginning of each of
// them when it is imported again.
func TestEffortOfImportingAgain(t *testing.T) {
	var rows []string
	for i := range 120 {
		rows = append(rows, fill(fmt.Sprint(i), fmt.Sprintf("20250110;10%02d%02d", i/60, i%60), "10", "5", "-1", ""))
	}
	st := read(t, january(rows...))
	store := &reads{Store: memstore.New()}
	p := freshIn(t, store, "U1234567", "USD")
	_, added, err := Import(t.Context(), p, st, inParts(10, 4))
	require.NoError(t, err)
	require.Equal(t, 120, added)
	before := store.journals.Load()
	_, added, err = Import(t.Context(), p, st, inParts(10, 4))
	require.NoError(t, err)
	require.Zero(t, added)
	require.Less(t, store.journals.Load()-before, int64(6), "how often the journal is read")
}

// What the broker says where it refuses is kept up to a bound, whatever comes.
func TestEffortOfARefusal(t *testing.T) {
	said := strings.Repeat("<Status>Fail</Status><ErrorMessage>x</ErrorMessage>", 20_000)
	var refusal *ResponseError
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := ReadAll(strings.NewReader("<FlexStatementResponse><ErrorCode>1019</ErrorCode>" + said + "</FlexStatementResponse>"))
	runtime.ReadMemStats(&after)
	require.ErrorAs(t, err, &refusal)
	require.ErrorIs(t, err, ErrNotReady)
	require.Less(t, len(refusal.Status), 1100)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(100<<20), "bytes")
}
