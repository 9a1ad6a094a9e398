package accounts_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

var renumbered = ledger.Instrument{SecType: ledger.Stock, Symbol: "XYZN", Currency: "USD", ConID: 2}

func exchange(id string, from, to ledger.Instrument, n, m string, minute int) ledger.Split {
	return ledger.Split{ID: id, From: from, To: to, Numerator: dec(n), Denominator: dec(m), Time: at(minute)}
}

// recordAgain records facts that the journal has already.
func recordAgain(t *testing.T, b *bench, facts ...ledger.Fact) {
	t.Helper()
	seq := b.Portfolio.Seq()
	added, err := b.Portfolio.Record(t.Context(), facts...)
	require.NoError(t, err, "what is known must pass, even if it would not fit the book any longer")
	require.Zero(t, added, "what is known must not count as new")
	require.Equal(t, seq, b.Portfolio.Seq())
}

func TestKnownFactsThatWouldNotFitAnyLonger(t *testing.T) {
	t.Run("a split whose contract is gone", func(t *testing.T) {
		b := newBench(t)
		facts := []ledger.Fact{trade(1, xyz, "50", "2"), exchange("s", xyz, renumbered, "1", "25", 2)}
		b.Record(t, facts...)
		recordAgain(t, b, facts...)
		recordAgain(t, b, facts[1])
	})
	t.Run("an opening balance against what is held now", func(t *testing.T) {
		b := newBench(t)
		opening := ledger.Opening{ID: "o", Instrument: xyz, Time: at(0), Lots: []ledger.Lot{{Quantity: dec("5"), Basis: dec("10"), OpenedAt: at(0)}}}
		b.Record(t, opening, trade(1, xyz, "-9", "2"))
		recordAgain(t, b, opening)
	})
	t.Run("among new ones", func(t *testing.T) {
		b := newBench(t)
		old := []ledger.Fact{trade(1, xyz, "50", "2"), exchange("s", xyz, renumbered, "1", "25", 2)}
		b.Record(t, old...)
		added, err := b.Portfolio.Record(t.Context(), append(old, trade(3, renumbered, "1", "2"))...)
		require.NoError(t, err)
		require.Equal(t, 1, added)
		requirePosition(t, b.Portfolio, renumbered, "3", "104", "0")
	})
}

func TestSplitAfterACancelledClosing(t *testing.T) {
	b := newBench(t)
	b.Record(t, trade(1, xyz, "10", "5"), trade(2, xyz, "-10", "6"),
		ledger.Cancellation{ExecID: "c", Cancels: "exec-2", Time: at(3)}, exchange("s", xyz, xyz, "2", "1", 4))
	requirePosition(t, b.Portfolio, xyz, "20", "51", "0")
	require.NoError(t, b.Portfolio.Verify(t.Context()))
}

func TestVerifyAfterTheOnlyTradeIsCancelled(t *testing.T) {
	b := newBench(t)
	b.Record(t, trade(1, xyz, "10", "5"), ledger.Cancellation{ExecID: "c", Cancels: "exec-1", Time: at(3)})
	requirePosition(t, b.Portfolio, xyz, "0", "0", "0")
	require.NoError(t, b.Portfolio.Verify(t.Context()), "a contract of which nothing is in force is as good as none")
}

func TestFlatContractTakesOverTheBrokersNames(t *testing.T) {
	b := newBench(t)
	first, second := xyz, xyz
	first.ConID, second.ConID = 1, 2
	b.Record(t, trade(1, first, "10", "5"), trade(2, second, "-10", "5"))
	pos, _ := b.Portfolio.Position(xyz.Key())
	require.Equal(t, int64(1), pos.Instrument.ConID, "what is held keeps its names")
	b.Record(t, trade(3, second, "4", "5"))
	pos, _ = b.Portfolio.Position(xyz.Key())
	require.Equal(t, int64(2), pos.Instrument.ConID, "what is bought anew has its own")
}

func TestFacts(t *testing.T) {
	b := newBench(t)
	cash := ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("10"), Time: at(0)}
	fill := trade(1, xyz, "10", "5")
	fill.ExecID = "a.b.c.01"
	corrected := fill
	corrected.ExecID, corrected.Price = "a.b.c.02", dec("6")
	b.Record(t, cash, fill)
	b.Record(t, corrected)
	b.Record(t, ledger.Cancellation{ExecID: "k", Cancels: "a.b.c.02", Time: at(9)})
	var got []ledger.Fact
	for f, err := range b.Portfolio.Facts(t.Context(), accounts.Page{}) {
		require.NoError(t, err)
		got = append(got, f.Value)
	}
	require.Len(t, got, 4, "all that was recorded, and no restatements")
	require.Equal(t, cash, got[0])
	require.Equal(t, ledger.ExecID("a.b.c.01"), got[1].(ledger.Trade).ExecID, "what was corrected since is still told")
	require.Equal(t, ledger.ExecID("a.b.c.02"), got[2].(ledger.Trade).ExecID)
	require.Equal(t, ledger.ExecID("a.b.c.02"), got[3].(ledger.Cancellation).Cancels)
	for range b.Portfolio.Facts(t.Context(), accounts.Page{}) {
		break // leaving early is allowed
	}
}
