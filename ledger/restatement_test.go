package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

func TestCorrections(t *testing.T) {
	version := func(n, price string) ledger.Trade {
		tr := trade(1, xyz, "10", price)
		tr.ExecID = ledger.ExecID("0000d514.5159662d.01." + n)
		return tr
	}
	t.Run("the higher number wins, in whatever order", func(t *testing.T) {
		for _, order := range [][]string{{"01", "02", "03"}, {"03", "02", "01"}, {"02", "03", "01"}, {"01", "03", "02"}, {"02", "01", "03"}} {
			b := newBench(t)
			for _, n := range order {
				_, err := b.Portfolio.Record(t.Context(), version(n, n))
				require.NoError(t, err)
			}
			b.Record(t, trade(2, xyz, "-10", "10"))
			requirePosition(t, b.Portfolio, xyz, "0", "0", "68")
			require.NoError(t, b.Portfolio.Verify(t.Context()), "order %v", order)
			require.Equal(t, int64(2), b.Portfolio.Snapshot().Trades)
		}
	})
	t.Run("all versions at once", func(t *testing.T) {
		b := newBench(t)
		added, err := b.Portfolio.Record(t.Context(), version("01", "10"), version("02", "11"), version("01", "10"))
		require.NoError(t, err)
		require.Equal(t, 2, added)
		requirePosition(t, b.Portfolio, xyz, "10", "111", "0")
	})
	t.Run("after the lot was consumed", func(t *testing.T) {
		b := newBench(t)
		b.Record(t, version("01", "10"), trade(2, xyz, "-10", "12"))
		requirePosition(t, b.Portfolio, xyz, "0", "0", "18")
		b.Record(t, version("02", "11"))
		requirePosition(t, b.Portfolio, xyz, "0", "0", "8")
		requireCash(t, b.Portfolio, "USD", "8")
		requirePosition(t, b.Reopen(t), xyz, "0", "0", "8")
	})
	t.Run("of another contract", func(t *testing.T) {
		b := newBench(t)
		b.Record(t, version("01", "10"))
		other := version("02", "10")
		other.Instrument = ledger.NewStock("ABC", "USD")
		_, err := b.Portfolio.Record(t.Context(), trade(5, xyz, "1", "1"), other)
		require.ErrorIs(t, err, ledger.ErrExecutionMismatch)
		requirePosition(t, b.Portfolio, xyz, "10", "101", "0")
	})
}

func TestCancellations(t *testing.T) {
	cancel := func(id string, victim ledger.Trade) ledger.Cancellation {
		return ledger.Cancellation{ExecID: ledger.ExecID(id), Cancels: victim.ExecID, Time: at(100)}
	}
	first, second, sale := trade(1, xyz, "10", "10"), trade(2, xyz, "10", "20"), trade(3, xyz, "-10", "30")
	t.Run("of the first lot after a sale: the sale consumed the second", func(t *testing.T) {
		b := newBench(t)
		b.Record(t, first, second, sale, cancel("c", first))
		requirePosition(t, b.Portfolio, xyz, "0", "0", "98")
		requireCash(t, b.Portfolio, "USD", "98")
		require.NoError(t, errOf(b.Portfolio.Record(t.Context(), cancel("c", first), cancel("again", first))))
		require.Equal(t, int64(6), b.Portfolio.Seq(), "three trades, an amendment, and what it changes in the book and in the day's counts")
		require.NoError(t, b.Portfolio.Verify(t.Context()))
		requirePosition(t, b.Reopen(t), xyz, "0", "0", "98")
	})
	t.Run("of everything", func(t *testing.T) {
		b := newBench(t)
		b.Record(t, first, cancel("c", first))
		_, held := b.Portfolio.Position(xyz.Key())
		require.False(t, held, "as though it had never been")
		requireCash(t, b.Portfolio, "USD", "0")
	})
	t.Run("of nothing", func(t *testing.T) {
		b := newBench(t)
		b.Record(t, first)
		_, err := b.Portfolio.Record(t.Context(), second, cancel("c", sale))
		require.ErrorIs(t, err, accounts.ErrExecutionNotFound)
		requirePosition(t, b.Portfolio, xyz, "10", "101", "0")
	})
	t.Run("a correction brings it back", func(t *testing.T) {
		b := newBench(t)
		v1, v2 := first, first
		v1.ExecID, v2.ExecID = "0001.0001.01.01", "0001.0001.01.02"
		v2.Price = dec("11")
		b.Record(t, v1)
		b.Record(t, cancel("c", v1))
		b.Record(t, v2)
		requirePosition(t, b.Portfolio, xyz, "10", "111", "0")
		require.NoError(t, errOf(b.Portfolio.Record(t.Context(), cancel("late", v1))), "of a version that is not in force any longer")
		requirePosition(t, b.Portfolio, xyz, "10", "111", "0")
		require.NoError(t, b.Portfolio.Verify(t.Context()))
	})
}

func TestLateTradesTakeTheirPlace(t *testing.T) {
	b := newBench(t)
	b.Record(t, trade(2, xyz, "10", "20"), trade(4, xyz, "-10", "30"))
	requirePosition(t, b.Portfolio, xyz, "0", "0", "98")
	b.Record(t, trade(1, xyz, "10", "10")) // was first: the sale consumed it
	requirePosition(t, b.Portfolio, xyz, "10", "201", "198")
	b.Record(t, trade(3, xyz, "10", "1")) // joins what is held: no restatement needed
	requirePosition(t, b.Portfolio, xyz, "20", "212", "198")
	var trades []string
	for tr, err := range b.Portfolio.Trades(t.Context(), accounts.TradeFilter{}) {
		require.NoError(t, err)
		trades = append(trades, string(tr.Value.ExecID))
	}
	require.Equal(t, []string{"exec-2", "exec-4", "exec-1", "exec-3"}, trades, "as recorded")
	require.NoError(t, b.Portfolio.Verify(t.Context()))
}

// TestLateFactsOfConnectedContracts tells in the wrong order what happened to contracts that
// depend on each other.
func TestLateFactsOfConnectedContracts(t *testing.T) {
	sold := trade(1, put, "-1", "2")
	assigned, bought := exerciseOf(ledger.Assignment, 2, put, "1"), delivery(ledger.Assignment, 2, xyz, "100", "50")
	sale := trade(9, xyz, "-100", "55")
	abc := ledger.NewStock("ABC", "USD")
	rename := ledger.Split{ID: "rename", From: abc, To: xyz, Numerator: dec("1"), Denominator: dec("1"), Time: at(50)}
	for name, c := range map[string]struct {
		batches                   [][]ledger.Fact
		quantity, basis, realized string
	}{
		"an assignment before a sale":     {[][]ledger.Fact{{sale}, {sold, assigned, bought}}, "0", "0", "698"},
		"the option after its delivery":   {[][]ledger.Fact{{bought}, {sold, assigned}}, "100", "4801", "0"},
		"one by one, backwards":           {[][]ledger.Fact{{sale}, {bought}, {assigned}, {sold}}, "0", "0", "698"},
		"a purchase under a former name":  {[][]ledger.Fact{{trade(60, xyz, "-10", "30")}, {trade(1, abc, "10", "10"), rename}}, "0", "0", "198"},
		"a purchase, and then its rename": {[][]ledger.Fact{{trade(60, xyz, "-10", "30")}, {trade(1, abc, "10", "10")}, {rename}}, "0", "0", "198"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			for _, batch := range c.batches {
				b.Record(t, batch...)
			}
			requirePosition(t, b.Portfolio, xyz, c.quantity, c.basis, c.realized)
			require.NoError(t, b.Portfolio.Verify(t.Context()))
			for _, batch := range c.batches {
				added, err := b.Portfolio.Record(t.Context(), batch...)
				require.NoError(t, err)
				require.Zero(t, added)
			}
		})
	}
}

func TestANewerVersionCanBeCancelledAfterAnOlder(t *testing.T) {
	v1, v3 := trade(1, xyz, "10", "5"), trade(1, xyz, "10", "5")
	v1.ExecID, v3.ExecID = "0001.aaaa.01.01", "0001.aaaa.01.03"
	k1 := ledger.Cancellation{ExecID: "k1", Cancels: v1.ExecID, Time: at(2)}
	k3 := ledger.Cancellation{ExecID: "k3", Cancels: v3.ExecID, Time: at(3)}
	for _, order := range [][]ledger.Fact{{v1, k1, k3, v3}, {v1, k1, v3, k3}, {v1, v3, k1, k3}, {v3, v1, k3, k1}} {
		b := newBench(t)
		for range 2 {
			for _, f := range order {
				_, err := b.Portfolio.Record(t.Context(), f)
				require.NoError(t, err)
			}
		}
		require.Empty(t, b.Portfolio.Positions())
		require.NoError(t, b.Portfolio.Verify(t.Context()))
	}
}
