package accounts_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
)

// What was kept up entry by entry is what the whole journal tells, corrections, late trades and
// cancellations included.
func TestPerformanceFollowsTheJournal(t *testing.T) {
	b := newBench(t)
	check := func(what string) {
		t.Helper()
		kept, err := b.Portfolio.Performance(t.Context(), performance.Window{})
		require.NoError(t, err)
		read, err := b.Reopen(t).Performance(t.Context(), performance.Window{})
		require.NoError(t, err)
		require.Equal(t, asJSON(t, read), asJSON(t, kept), what)
	}
	check("nothing yet")
	b.Record(t, trade(1, xyz, "100", "10"), trade(5, xyz, "-100", "12"))
	check("a closing")
	b.Record(t, ledger.CashMovement{ID: "f", Kind: ledger.Fee, Currency: "USD", Amount: dec("-3.5"), Time: at(6)}, point(at(7), "1000", "1000"))
	check("a fee and a point")
	b.Record(t, trade(3, xyz, "-50", "11"))
	check("a late trade")
	b.Record(t, ledger.Cancellation{ExecID: "k", Cancels: "exec-5", Time: at(8)})
	check("a cancellation")
	b.Record(t, point(at(4), "900", "1000"))
	check("an older point")
	p, err := b.Portfolio.Performance(t.Context(), performance.Window{From: at(4), To: at(7)})
	require.NoError(t, err)
	require.Equal(t, []int{2, 0}, []int{p.Points, p.Trades}, "the window has two points and no trade in force")
	require.Equal(t, "3.5", p.Fees.String())
	_, err = b.Portfolio.Performance(t.Context(), performance.Window{From: at(4), To: at(3)})
	require.ErrorIs(t, err, accounts.ErrInvalid)
}

func asJSON(t require.TestingT, v any) string {
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}
