package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

func TestOpeningBalances(t *testing.T) {
	b := newBench(t)
	lots := []ledger.Lot{
		{Quantity: dec("10"), Basis: dec("900"), OpenedAt: at(-100)},
		{Quantity: dec("5"), Basis: dec("600"), OpenedAt: at(-50), Inferred: true},
	}
	b.Record(t, trade(1, xyz, "10", "100"), ledger.Opening{ID: "o", Instrument: xyz, Lots: lots, Time: at(0)})
	requirePosition(t, b.Portfolio, xyz, "25", "2501", "0")
	requireCash(t, b.Portfolio, "USD", "-1001")
	b.Record(t, trade(2, xyz, "-12", "100")) // consumes the older lots first, though recorded later
	requirePosition(t, b.Portfolio, xyz, "13", "1361", "59")
	closings, err := b.Portfolio.Closings(t.Context(), accounts.TradeFilter{})
	require.NoError(t, err)
	require.Len(t, closings, 1)
	require.True(t, closings[0].Value.Inferred, "the closing consumed an inferred lot")

	lots[0].Basis = dec("1")
	pos, _ := b.Portfolio.Position(xyz.Key())
	require.Equal(t, "360", pos.Lots[0].Basis.String(), "the book may not alias the caller's lots")

	err = errOf(b.Portfolio.Record(t.Context(), ledger.Opening{ID: "against", Instrument: xyz, Time: at(3),
		Lots: []ledger.Lot{{Quantity: dec("-1"), Basis: dec("-1"), OpenedAt: at(0)}}}))
	require.ErrorIs(t, err, invalid.Err, "short lots contradict a long position")
	requirePosition(t, b.Portfolio, xyz, "13", "1361", "59")
}

func TestOpeningsTakeTheirPlaceByTime(t *testing.T) {
	lots := func(id string, minute int, q, basis string) ledger.Opening {
		return ledger.Opening{ID: id, Instrument: xyz, Time: at(minute), Lots: []ledger.Lot{{Quantity: dec(q), Basis: dec(basis), OpenedAt: at(-100)}}}
	}
	opening, buy, sell := lots("o", 10, "10", "100"), trade(5, xyz, "5", "20"), trade(7, xyz, "-5", "30")
	for _, order := range [][]ledger.Fact{{buy, sell, opening}, {opening, buy, sell}} {
		b := newBench(t)
		for _, f := range order {
			b.Record(t, f)
		}
		requirePosition(t, b.Portfolio, xyz, "10", "100", "48")
		require.NoError(t, b.Portfolio.Verify(t.Context()))
	}
	b := newBench(t)
	b.Record(t, lots("o1", 1, "10", "100"), trade(10, xyz, "1", "20"))
	b.Record(t, lots("o2", 5, "-10", "-150"))
	b.Record(t, ledger.Cancellation{ExecID: "k", Cancels: "exec-10", Time: at(11)})
	requirePosition(t, b.Portfolio, xyz, "0", "0", "50")
	require.NoError(t, b.Portfolio.Verify(t.Context()))
}
