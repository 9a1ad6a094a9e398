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
	t.Run("a spin-off, lot by lot", func(t *testing.T) {
		b := newBench(t)
		off := split("s", xyz, renamed, "1", "4", 3)
		off.Part, off.Whole = dec("1"), dec("4")
		b.Record(t, trade(1, xyz, "100", "10"), trade(2, xyz, "60", "20"), off, trade(4, renamed, "-25", "30"))
		requirePosition(t, b.Portfolio, xyz, "160", "1651.5", "0")
		requirePosition(t, b.Portfolio, renamed, "15", "300.25", "498.75")
		pos, _ := b.Portfolio.Position(renamed.Key())
		requireLots(t, pos)
		require.Equal(t, at(2), pos.Lots[0].OpenedAt, "what came was opened when the old lot was")
		require.NoError(t, b.Portfolio.Verify(t.Context()))
	})
	t.Run("a spin-off of a short position, told late", func(t *testing.T) {
		b := newBench(t)
		off := split("s", xyz, renamed, "1", "2", 3)
		off.Part, off.Whole = dec("0"), dec("1")
		b.Record(t, trade(1, xyz, "-10", "10"), trade(4, xyz, "4", "9"))
		b.Record(t, off)
		requirePosition(t, b.Portfolio, xyz, "-6", "-59.4", "2.6")
		requirePosition(t, b.Portfolio, renamed, "-5", "0", "0")
		require.NoError(t, b.Portfolio.Verify(t.Context()))
	})
	t.Run("into another currency", func(t *testing.T) {
		b := newBench(t)
		abroad := ledger.NewStock("ABC", "EUR")
		merger := split("s", xyz, abroad, "1", "2", 3)
		require.ErrorIs(t, errOf(b.Portfolio.Record(t.Context(), merger)), accounts.ErrCurrencyMismatch, "a rate is missing")
		merger.Rate = dec("0.9")
		b.Record(t, trade(1, xyz, "10", "10"), merger)
		requirePosition(t, b.Portfolio, xyz, "0", "0", "0")
		requirePosition(t, b.Portfolio, abroad, "5", "90.9", "0")
		require.NoError(t, b.Portfolio.Verify(t.Context()))
	})
	t.Run("a spin-off of itself", func(t *testing.T) {
		off := split("s", xyz, xyz, "1", "4", 3)
		off.Part, off.Whole = dec("1"), dec("4")
		require.ErrorIs(t, errOf(newBench(t).Portfolio.Record(t.Context(), off)), invalid.Err)
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
