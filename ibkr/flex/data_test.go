//go:build statements

package flex

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// readData reads a real statement from the folder that make test-statements is given. Real
// statements are not part of the project.
func readData(t *testing.T, name string) []*Statement {
	t.Helper()
	f, err := os.Open(filepath.Join(os.Getenv("ACCOUNTS_TESTDATA"), "flex", name))
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

func TestActivity2025(t *testing.T) {
	all := readData(t, "activity-2025.csv")
	require.Len(t, all, 1)
	st := all[0]
	require.Equal(t, "U0000001", st.AccountID)
	require.Equal(t, ledger.Date(20250101), st.From)
	require.Equal(t, ledger.Date(20250912), st.To)
	require.Equal(t, 367, st.Trades.Len())
	require.Equal(t, map[string]int{"ASSET_SUMMARY": 3}, st.SkippedRows)
	kinds := map[ledger.SecType]int{}
	var realized, proceeds, commission, cost, netCash ledger.Decimal
	for _, tr := range st.Trades.All() {
		kinds[tr.SecType]++
		realized, cost = realized.Add(tr.Realized.Value), cost.Add(tr.Cost.Value)
		proceeds, commission = proceeds.Add(tr.Proceeds.Value), commission.Add(tr.Commission.Value)
		netCash = netCash.Add(tr.NetCash.Value)
		require.False(t, tr.DateOnly)
	}
	require.Equal(t, map[ledger.SecType]int{ledger.Stock: 263, ledger.Option: 104}, kinds)
	require.Equal(t, "16727.040531", realized.String())
	require.Equal(t, "-46340.41215", proceeds.String())
	require.Equal(t, "-327.886603377", commission.String())
	require.Equal(t, "63895.2743504", cost.String())
	require.Equal(t, "-46668.298753377", netCash.String())

	require.True(t, st.HasPositions)
	require.Len(t, st.Positions, 18)
	var basis, unrealized, quantity ledger.Decimal
	for _, p := range st.Positions {
		basis, unrealized, quantity = basis.Add(p.CostBasis.Value), unrealized.Add(p.Unrealized.Value), quantity.Add(p.Quantity)
	}
	require.Equal(t, "324482.828861", basis.String())
	require.Equal(t, "10442.511139", unrealized.String())
	require.Equal(t, "13907", quantity.String())
}

func TestMixedAssets(t *testing.T) {
	st := readData(t, "mixed-assets.xml")[0]
	kinds := map[ledger.SecType]int{}
	for _, tr := range st.Trades.All() {
		kinds[tr.SecType]++
	}
	require.Equal(t, map[ledger.SecType]int{ledger.Stock: 1, ledger.Option: 2, ledger.Future: 8, ledger.FutureOption: 4}, kinds)
	require.Equal(t, "U1234567", st.AccountID, "rows of the segment U1234567F belong to it")
	require.Len(t, st.CashReport, 5)
	require.True(t, st.CashReport[0].Base)
	require.Equal(t, "93035.705712123", st.CashReport[0].Ending.Value.String())
}

func TestTwoAccounts(t *testing.T) {
	all := readData(t, "pp-26.xml")
	require.Len(t, all, 2)
	require.Equal(t, "U1234567", all[0].AccountID)
	require.Equal(t, ledger.Currency("USD"), all[0].BaseCurrency)
	require.Equal(t, 1, all[0].Trades.Len())
	require.Equal(t, "U1234568", all[1].AccountID)
	require.Equal(t, ledger.Currency("EUR"), all[1].BaseCurrency)
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
			require.Equal(t, want.trades, st.Trades.Len())
			require.Len(t, st.Positions, want.positions)
			require.Len(t, st.Cash, want.cash)
			require.Len(t, st.CorporateActions, want.actions)
		})
	}
}

func TestFlip(t *testing.T) {
	st := readData(t, "flip-clz8.xml")[0]
	require.Equal(t, "C;O", st.Trades.At(1).OpenClose)
	require.Equal(t, some("-34.74"), st.Trades.At(1).Realized)
	require.Equal(t, ledger.InstrumentKey("FUT:CL:20181119:1000:USD"), st.Trades.At(1).Key())
	require.Equal(t, map[string]int{"CLOSED_LOT": 1}, st.SkippedRows)
}

// importData imports every statement of a real file, each account into a profile of its own, and
// makes sure that nothing breaks.
func importData(t *testing.T, name string) (all []*Statement, books []*accounts.Portfolio, plans []*Plan) {
	t.Helper()
	all = readData(t, name)
	for _, st := range all {
		p := freshFor(t, st.AccountID, st.Base())
		plan, added, err := Import(context.Background(), p, st)
		require.NoError(t, err, "%s must import", name)
		require.Positive(t, added, "%s has something in it", name)
		r, err := p.Reconcile(context.Background(), plan.Broker)
		require.NoError(t, err)
		require.Empty(t, r.Breaks, "%s must agree with the broker", name)
		require.NoError(t, p.Verify(context.Background()))
		_, added, err = Import(context.Background(), p, st)
		require.NoError(t, err)
		require.Zero(t, added, "%s again must add nothing", name)
		books, plans = append(books, p), append(plans, plan)
	}
	return all, books, plans
}

func TestImportedFiles(t *testing.T) {
	for _, name := range []string{"flip-clz8.xml", "mixed-assets.xml", "pp-01.xml", "pp-02.xml", "pp-17.xml", "pp-23.xml", "pp-26.xml", "activity-2025.csv"} {
		t.Run(name, func(t *testing.T) { importData(t, name) })
	}
}

func TestActivity2025Import(t *testing.T) {
	all, books, plans := importData(t, "activity-2025.csv")
	st, p, plan := all[0], books[0], plans[0]
	before := map[int64]bool{}
	for _, l := range plan.Inferred {
		before[l.Instrument.ConID] = true
	}
	closings, err := p.Closings(context.Background(), accounts.TradeFilter{})
	require.NoError(t, err)
	off, rows := map[string]string{}, maps.Collect(plan.Rows())
	for _, recorded := range closings {
		c := recorded.Value
		row := rows[c.Trade.ExecID]
		require.True(t, row.Closes && row.Realized.Valid, "%s: the book closes what the broker does not", row.Symbol)
		require.True(t, before[row.ConID] || !c.Inferred, "%s was flat at the beginning, but a lot is flagged", row.Symbol)
		if diff := c.Realized.Sub(row.Realized.Value); diff.Abs().GreaterThan(dec("0.01")) {
			off[row.Symbol] = diff.String()
		}
	}
	require.Len(t, closings, 81)
	require.Equal(t, map[string]string{"GPRK  250221C00012500": "0.021"}, off, "closings that are more than a cent off")
	require.Len(t, p.Positions(), len(st.Positions))
	for i := range st.Positions {
		row := &st.Positions[i]
		pos, ok := p.Position(row.Key())
		require.True(t, ok, row.LocalSymbol)
		require.Equal(t, row.Quantity.String(), pos.Quantity.String(), row.LocalSymbol)
		require.True(t, pos.Basis.Sub(row.CostBasis.Value).Abs().LessThan(dec("0.01")), "%s: %s, the broker says %s", row.LocalSymbol, pos.Basis, row.CostBasis.Value)
	}
}

// realized sums up what a book realized in one currency.
func realized(p *accounts.Portfolio, currency ledger.Currency) (sum ledger.Decimal) {
	for _, pos := range p.Snapshot().Closed {
		if pos.Instrument.Currency == currency {
			sum = sum.Add(pos.Realized)
		}
	}
	for _, pos := range p.Positions() {
		if pos.Instrument.Currency == currency {
			sum = sum.Add(pos.Realized)
		}
	}
	return sum
}

func TestFlipImport(t *testing.T) {
	_, books, _ := importData(t, "flip-clz8.xml")
	require.Equal(t, "-34.74", realized(books[0], "USD").String())
}

func TestTenderImport(t *testing.T) {
	_, books, _ := importData(t, "pp-01.xml")
	require.Equal(t, "2358", realized(books[0], "CAD").String())
}

func TestTwoAccountsImport(t *testing.T) {
	_, books, _ := importData(t, "pp-26.xml")
	require.Len(t, books, 2)
	require.Len(t, books[0].Snapshot().Closed, 1)
	require.Empty(t, books[1].Snapshot().Closed, "what one account traded must not show in the other")
	first, second := books[0].Cash()["EUR"], books[1].Cash()["EUR"]
	require.Equal(t, "13.9", first.Balance().String())
	require.Equal(t, "63.44", second.Balance().String())
}

func TestCashOfFiles(t *testing.T) {
	_, books, plans := importData(t, "mixed-assets.xml")
	require.Len(t, plans[0].Broker.Cash, 4)
	for _, theirs := range plans[0].Broker.Cash {
		ours := books[0].Cash()[theirs.Currency]
		require.True(t, ours.Balance().Sub(theirs.Balance).Abs().LessThan(dec("0.01")), "cash in %s is %s, the broker says %s", theirs.Currency, ours.Balance(), theirs.Balance)
	}
	_, books, plans = importData(t, "pp-17.xml")
	require.Len(t, plans[0].Broker.Cash, 1)
	ours := books[0].Cash()[plans[0].Broker.Cash[0].Currency]
	require.Equal(t, "57.505297533", ours.Balance().String())
}
