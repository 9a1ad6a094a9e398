package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

func TestSplits(t *testing.T) {
	split := func(id string, from, to ledger.Instrument, n, m string, minute int) ledger.Split {
		return ledger.Split{ID: id, From: from, To: to, Numerator: dec(n), Denominator: dec(m), Time: at(minute)}
	}
	renamed := ledger.NewStock("ABC", "USD")
	t.Run("forward, lot by lot", func(t *testing.T) {
		b := newBench(t)
		b.Record(t, trade(1, xyz, "10", "100"), trade(2, xyz, "5", "110"), split("s", xyz, xyz, "4", "1", 3), trade(4, xyz, "-42", "30"))
		requirePosition(t, b.Portfolio, xyz, "18", "495.9", "202.9")
	})
	t.Run("reverse, into another contract", func(t *testing.T) {
		b := newBench(t)
		b.Record(t, trade(1, xyz, "-50", "2"), split("s", xyz, renamed, "1", "25", 3))
		requirePosition(t, b.Portfolio, xyz, "0", "0", "0")
		requirePosition(t, b.Portfolio, renamed, "-2", "-99", "0")
	})
	t.Run("parts of an uneven ratio add up", func(t *testing.T) {
		b := newBench(t)
		b.Record(t, trade(1, xyz, "10", "3"), trade(2, xyz, "10", "3"), trade(3, xyz, "1", "3"), split("s", xyz, xyz, "1", "3", 4))
		pos, _ := b.Portfolio.Position(xyz.Key())
		require.Equal(t, "7", pos.Quantity.String())
		requireLots(t, pos)
	})
	t.Run("told late, after trades in the new units", func(t *testing.T) {
		b := newBench(t)
		b.Record(t, trade(1, xyz, "10", "100"))
		b.Record(t, trade(4, xyz, "-20", "30"))
		b.Record(t, split("s", xyz, xyz, "4", "1", 3))
		requirePosition(t, b.Portfolio, xyz, "20", "500.5", "98.5")
		require.NoError(t, b.Portfolio.Verify(t.Context()))
	})
	t.Run("of nothing", func(t *testing.T) {
		b := newBench(t)
		err := errOf(b.Portfolio.Record(t.Context(), split("s", xyz, xyz, "4", "1", 3)))
		require.ErrorIs(t, err, accounts.ErrPositionNotFound)
		require.Zero(t, b.Portfolio.Seq(), "nothing may be recorded")
	})
}

func TestSplitsNeverMixLongAndShort(t *testing.T) {
	a, c := ledger.NewStock("AAA", "USD"), ledger.NewStock("BBB", "USD")
	b := newBench(t)
	b.Record(t, trade(2, c, "8", "10"), trade(3, c, "-5", "12"), trade(4, a, "10", "10"),
		ledger.Split{ID: "s", From: a, To: c, Numerator: dec("1"), Denominator: dec("1"), Time: at(7)},
		ledger.Cancellation{ExecID: "k", Cancels: "exec-2", Time: at(8)})
	requirePosition(t, b.Portfolio, c, "5", "50.5", "8.5")
	require.NoError(t, b.Portfolio.Verify(t.Context()))
}

func TestSplitsKeepTheBasis(t *testing.T) {
	b := newBench(t)
	for i := range 5 {
		b.Record(t, trade(i, xyz, "1", "10"))
	}
	b.Record(t, ledger.Split{ID: "s", From: xyz, To: xyz, Numerator: dec("0.6"), Denominator: dec("1000000000000"), Time: at(9)})
	pos, _ := b.Portfolio.Position(xyz.Key())
	requireLots(t, pos)
	require.Equal(t, "0.000000000003 55", pos.Quantity.String()+" "+pos.Basis.String())
	err := errOf(b.Portfolio.Record(t.Context(), ledger.Split{ID: "s2", From: xyz, To: xyz, Numerator: dec("1"), Denominator: dec("1000000000000"), Time: at(10)}))
	require.ErrorIs(t, err, invalid.Err, "nothing would be left")
	err = errOf(b.Portfolio.Record(t.Context(), ledger.Split{ID: "s3", From: xyz, To: ledger.Instrument{SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"},
		Numerator: dec("1"), Denominator: dec("1"), Time: at(10)}))
	require.ErrorIs(t, err, invalid.Err, "a currency pair is no position")
}
