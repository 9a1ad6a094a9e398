package accounts_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

func TestEquityFollowsMarks(t *testing.T) {
	b := newBench(t)
	b.Record(t, ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("10000"), Time: at(0)},
		trade(1, xyz, "100", "10"), trade(2, call, "-1", "2"), trade(3, oil, "1", "60"))
	_, err := b.Portfolio.Equity()
	var missing *accounts.MissingError
	require.ErrorAs(t, err, &missing)
	require.Len(t, missing.Marks, 3, "all three positions lack a mark")
	require.ErrorIs(t, b.Portfolio.RecordEquity(t.Context(), at(5)), accounts.ErrNoMark, "an equity point may not be made up")

	mark := func(i ledger.Instrument, price string, minute int) ledger.Mark {
		return ledger.Mark{Instrument: i, Price: dec(price), Time: at(minute)}
	}
	require.NoError(t, b.Portfolio.Mark(mark(xyz, "11", 5), mark(call, "1.5", 5), mark(oil, "62", 5)))
	require.NoError(t, b.Portfolio.Mark(mark(xyz, "99", 4)), "an older mark is no error")
	equity, err := b.Portfolio.Equity()
	require.NoError(t, err)
	require.Equal(t, "12147", equity.String(), "cash 9198 + 1100 − 150 + 1999 on the future")
	require.NoError(t, b.Portfolio.RecordEquity(t.Context(), at(5)))
	require.NoError(t, b.Portfolio.RecordEquity(t.Context(), at(5)), "the same point again changes nothing")
	require.NoError(t, b.Portfolio.Mark(mark(xyz, "1", 6)))
	require.NoError(t, b.Portfolio.RecordEquity(t.Context(), at(6)))
	require.Equal(t, "12147", b.Portfolio.Snapshot().HighWater.String(), "the high-water mark never falls")
	require.Equal(t, int64(6), b.Portfolio.Seq(), "four facts and two equity points: marks that are old by now tell of no drawdown")
	require.Equal(t, "12147", b.Reopen(t).Snapshot().HighWater.String(), "the high-water mark survives a restart")

	require.ErrorIs(t, b.Portfolio.Mark(mark(xyz, "-1", 7)), accounts.ErrInvalid)
	require.ErrorIs(t, b.Portfolio.Mark(ledger.Mark{Instrument: xyz, Price: dec("1"), Time: now.Add(time.Hour)}), accounts.ErrFutureTime)
	require.ErrorIs(t, b.Portfolio.MarkFX(ledger.FXRate{Currency: "USD", Rate: dec("2"), Time: at(7)}), accounts.ErrCurrencyMismatch)
}
