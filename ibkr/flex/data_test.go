package flex

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ai-ots/accounts"
	"github.com/stretchr/testify/require"
)

// readData reads a real statement, which is not part of the project.
func readData(t *testing.T, name string) []*Statement {
	t.Helper()
	dir := os.Getenv("ACCOUNTS_TESTDATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(dir, "flex", name))
	if os.IsNotExist(err) {
		t.Skipf("real statements are not there: %v; set ACCOUNTS_TESTDATA to their folder", err)
	}
	require.NoError(t, err)
	defer f.Close()
	all, err := ReadAll(f)
	require.NoError(t, err)
	for _, st := range all {
		require.Empty(t, st.Issues)
		requireValid(t, st)
	}
	return all
}

// requireValid checks what holds for every statement, whatever it was read from.
func requireValid(t *testing.T, st *Statement) {
	t.Helper()
	for _, tr := range st.Trades {
		require.NoError(t, tr.Validate())
		require.False(t, tr.Time.IsZero())
		require.True(t, tr.TradeDate.Valid())
	}
	for _, p := range st.Positions {
		require.NoError(t, p.Validate())
		require.Positive(t, p.Rows)
	}
	for _, a := range st.CorporateActions {
		require.NoError(t, a.Validate())
	}
	for _, m := range st.Cash {
		require.True(t, m.Currency.Valid())
		require.False(t, m.Time.IsZero())
	}
}

func TestActivity2025(t *testing.T) {
	all := readData(t, "activity-2025.csv")
	require.Len(t, all, 1)
	st := all[0]
	require.Equal(t, "U0000001", st.AccountID)
	require.Equal(t, accounts.Date(20250101), st.From)
	require.Equal(t, accounts.Date(20250912), st.To)
	require.Len(t, st.Trades, 367)
	require.Equal(t, map[string]int{"ASSET_SUMMARY": 3}, st.SkippedRows)
	kinds := map[accounts.SecType]int{}
	var realized, proceeds, commission, cost, netCash accounts.Decimal
	for _, tr := range st.Trades {
		kinds[tr.SecType]++
		realized, cost = realized.Add(tr.Realized.Value), cost.Add(tr.Cost.Value)
		proceeds, commission = proceeds.Add(tr.Proceeds.Value), commission.Add(tr.Commission.Value)
		netCash = netCash.Add(tr.NetCash.Value)
		require.False(t, tr.DateOnly)
	}
	require.Equal(t, map[accounts.SecType]int{accounts.Stock: 263, accounts.Option: 104}, kinds)
	require.Equal(t, "16727.040531", realized.String())
	require.Equal(t, "-46340.41215", proceeds.String())
	require.Equal(t, "-327.886603377", commission.String())
	require.Equal(t, "63895.2743504", cost.String())
	require.Equal(t, "-46668.298753377", netCash.String())

	require.True(t, st.HasPositions)
	require.Len(t, st.Positions, 18)
	var basis, unrealized, quantity accounts.Decimal
	for _, p := range st.Positions {
		basis, unrealized, quantity = basis.Add(p.CostBasis.Value), unrealized.Add(p.Unrealized.Value), quantity.Add(p.Quantity)
	}
	require.Equal(t, "324482.828861", basis.String())
	require.Equal(t, "10442.511139", unrealized.String())
	require.Equal(t, "13907", quantity.String())
}

func TestMixedAssets(t *testing.T) {
	st := readData(t, "mixed-assets.xml")[0]
	kinds := map[accounts.SecType]int{}
	for _, tr := range st.Trades {
		kinds[tr.SecType]++
	}
	require.Equal(t, map[accounts.SecType]int{accounts.Stock: 1, accounts.Option: 2, accounts.Future: 8, accounts.FutureOption: 4}, kinds)
	require.Equal(t, "U1234567", st.AccountID, "rows of the segment U1234567F belong to it")
	require.Len(t, st.CashReport, 5)
	require.True(t, st.CashReport[0].Base)
	require.Equal(t, "93035.705712123", st.CashReport[0].Ending.Value.String())
}

func TestTwoAccounts(t *testing.T) {
	all := readData(t, "pp-26.xml")
	require.Len(t, all, 2)
	require.Equal(t, "U1234567", all[0].AccountID)
	require.Equal(t, accounts.Currency("USD"), all[0].BaseCurrency)
	require.Len(t, all[0].Trades, 1)
	require.Equal(t, "U1234568", all[1].AccountID)
	require.Equal(t, accounts.Currency("EUR"), all[1].BaseCurrency)
	require.Len(t, all[1].Cash, 2)
}

func TestOtherStatements(t *testing.T) {
	for name, want := range map[string]struct{ trades, positions, cash, actions int }{
		"flip-clz8.xml": {2, 0, 0, 0},
		"pp-01.xml":     {14, 0, 7, 5},
		"pp-02.xml":     {9, 0, 4, 0},
		"pp-17.xml":     {0, 13, 6, 0}, // three fees and the tax on each
		"pp-23.xml":     {0, 0, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			st := readData(t, name)[0]
			require.Len(t, st.Trades, want.trades)
			require.Len(t, st.Positions, want.positions)
			require.Len(t, st.Cash, want.cash)
			require.Len(t, st.CorporateActions, want.actions)
		})
	}
}

func TestFlip(t *testing.T) {
	st := readData(t, "flip-clz8.xml")[0]
	require.Equal(t, "C;O", st.Trades[1].OpenClose)
	require.Equal(t, some("-34.74"), st.Trades[1].Realized)
	require.Equal(t, accounts.InstrumentKey("FUT:CL:20181119:1000:USD"), st.Trades[1].Key())
	require.Equal(t, map[string]int{"CLOSED_LOT": 1}, st.SkippedRows)
}
