package accounts_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

func TestFoldOfTrades(t *testing.T) {
	fractional := trade(2, xyz, "-0.5", "12")
	rebate := trade(1, xyz, "100", "10")
	rebate.Commission = dec("-0.25")
	taxed := trade(2, xyz, "-100", "11")
	taxed.Taxes = dec("0.5")
	bond := ledger.Trade{ExecID: "b", Instrument: ledger.Instrument{SecType: ledger.Bond, Symbol: "T 4 30", Currency: "USD"},
		Quantity: dec("10000"), Price: dec("98.5"), Proceeds: dec("-9850"), Commission: dec("5"), Time: at(1)}
	for _, c := range []struct {
		name                      string
		trades                    []ledger.Trade
		in                        ledger.Instrument
		quantity, basis, realized string
		cash                      string
	}{
		{"opens long with the commission inside", []ledger.Trade{trade(1, xyz, "100", "10")}, xyz, "100", "1001", "0", "-1001"},
		{"opens short with the commission inside", []ledger.Trade{trade(1, xyz, "-100", "10")}, xyz, "-100", "-999", "0", "999"},
		{"closes in part pro rata", []ledger.Trade{trade(1, xyz, "100", "10"), trade(2, xyz, "-40", "12")}, xyz, "60", "600.6", "78.6", "-522"},
		{"first in, first out", []ledger.Trade{trade(1, xyz, "10", "10"), trade(2, xyz, "10", "20"), trade(3, xyz, "-15", "30")}, xyz, "5", "100.5", "247.5", "147"},
		{"closes short", []ledger.Trade{trade(1, xyz, "-100", "10"), trade(2, xyz, "100", "8")}, xyz, "0", "0", "198", "198"},
		{"flips from long to short", []ledger.Trade{trade(1, xyz, "10", "10"), trade(2, xyz, "-30", "12")}, xyz, "-20", "-239.333333333333", "18.666666666667", "258"},
		{"flips from short to long", []ledger.Trade{trade(1, oil, "-1", "60"), trade(2, oil, "2", "59")}, oil, "1", "59000.5", "998.5", "998.5"},
		{"fractions", []ledger.Trade{trade(1, xyz, "1.5", "10"), fractional}, xyz, "1", "10.666666666667", "-0.333333333333", "-11"},
		{"a rebate is a negative commission", []ledger.Trade{rebate}, xyz, "100", "999.75", "0", "-999.75"},
		{"taxes count like commission", []ledger.Trade{trade(1, xyz, "100", "10"), taxed}, xyz, "0", "0", "97.5", "97.5"},
		{"options have a multiplier", []ledger.Trade{trade(1, call, "-2", "1.5")}, call, "-2", "-299", "0", "299"},
		{"the broker's proceeds win", []ledger.Trade{bond}, bond.Instrument, "10000", "9855", "0", "-9855"},
		{"a future moves cash when it realizes", []ledger.Trade{trade(1, oil, "1", "60")}, oil, "1", "60001", "0", "0"},
		{"a future may have a negative price", []ledger.Trade{trade(1, oil, "1", "-37.63")}, oil, "1", "-37629", "0", "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			_, err := b.portfolio.Record(t.Context(), ledger.Facts(c.trades)...)
			require.NoError(t, err)
			requirePosition(t, b.portfolio, c.in, c.quantity, c.basis, c.realized)
			requireCash(t, b.portfolio, "USD", c.cash)
			require.NoError(t, b.portfolio.Verify(t.Context()))
		})
	}
}

// exerciseOf is the option's side of an exercise or assignment, and delivery the underlying's.
func exerciseOf(kind ledger.TradeKind, minute int, option ledger.Instrument, quantity string) ledger.Trade {
	o := trade(minute, option, quantity, "0")
	o.Kind, o.Commission, o.ExecID = kind, ledger.Decimal{}, o.ExecID+"-option"
	return o
}

func delivery(kind ledger.TradeKind, minute int, in ledger.Instrument, quantity, price string) ledger.Trade {
	d := trade(minute, in, quantity, price)
	d.Kind, d.Commission = kind, ledger.Decimal{}
	return d
}

func TestPremiumMovesIntoTheUnderlying(t *testing.T) {
	const assigned, exercised = ledger.Assignment, ledger.Exercise
	future := ledger.Instrument{SecType: ledger.FutureOption, Symbol: "CL", Underlying: "CL", Currency: "USD", Expiry: 20261117,
		Right: ledger.Call, Strike: dec("60"), Multiplier: dec("1000")}
	for _, c := range []struct {
		name                      string
		trades                    []ledger.Trade
		in                        ledger.Instrument
		quantity, basis, realized string
		cash                      string
	}{
		{"short put: the stock costs less", []ledger.Trade{trade(1, put, "-1", "2"), exerciseOf(assigned, 2, put, "1"), delivery(assigned, 2, xyz, "100", "50")},
			xyz, "100", "4801", "0", "-4801"},
		{"short call, covered: the sale brings more", []ledger.Trade{trade(0, xyz, "100", "45"), trade(1, call, "-1", "2"), exerciseOf(assigned, 2, call, "1"), delivery(assigned, 2, xyz, "-100", "50")},
			xyz, "0", "0", "698", "698"},
		{"long call: the stock costs more", []ledger.Trade{trade(1, call, "1", "2"), exerciseOf(exercised, 2, call, "-1"), delivery(exercised, 2, xyz, "100", "50")},
			xyz, "100", "5201", "0", "-5201"},
		{"long put: the sale brings less", []ledger.Trade{trade(0, xyz, "100", "55"), trade(1, put, "1", "2"), exerciseOf(exercised, 2, put, "-1"), delivery(exercised, 2, xyz, "-100", "50")},
			xyz, "0", "0", "-702", "-702"},
		{"the stock recorded before the option", []ledger.Trade{trade(1, put, "-1", "2"), delivery(assigned, 2, xyz, "100", "50"), exerciseOf(assigned, 2, put, "1")},
			xyz, "100", "4801", "0", "-4801"},
		{"one option, two deliveries", []ledger.Trade{trade(1, put, "-1", "2"), exerciseOf(assigned, 2, put, "1"),
			delivery(assigned, 2, xyz, "40", "50"), func() ledger.Trade { d := delivery(assigned, 2, xyz, "60", "50"); d.ExecID = "other"; return d }()},
			xyz, "100", "4801", "0", "-4801"},
		{"a future's premium is not paid twice", []ledger.Trade{trade(1, future, "1", "2"), exerciseOf(exercised, 2, future, "-1"), delivery(exercised, 2, oil, "1", "60"),
			trade(3, oil, "-1", "63")}, oil, "0", "0", "998", "998"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			for _, tr := range c.trades { // one by one, in this very order
				b.record(t, tr)
			}
			requirePosition(t, b.portfolio, c.in, c.quantity, c.basis, c.realized)
			requireCash(t, b.portfolio, "USD", c.cash)
			require.Empty(t, b.portfolio.Snapshot().Pending, "no premium may be left over")
			require.NoError(t, b.portfolio.Verify(t.Context()))
		})
	}
	t.Run("without its underlying the premium waits in sight", func(t *testing.T) {
		b := newBench(t)
		b.record(t, trade(1, put, "-1", "2"), exerciseOf(assigned, 2, put, "1"))
		requirePosition(t, b.portfolio, put, "0", "0", "0")
		pending := b.portfolio.Snapshot().Pending
		require.Len(t, pending, 1)
		require.Equal(t, "199", pending[0].Amount.String())
		require.Equal(t, "100", pending[0].Quantity.String())
	})
	t.Run("an option settled in cash is an ordinary closing", func(t *testing.T) {
		b := newBench(t)
		settled := trade(2, put, "1", "3")
		settled.Kind = assigned
		b.record(t, trade(1, put, "-1", "2"), settled)
		requirePosition(t, b.portfolio, put, "0", "0", "-102")
	})
}

func TestExpiry(t *testing.T) {
	b := newBench(t)
	expired := exerciseOf(ledger.Expiry, 2, call, "2")
	b.record(t, trade(1, call, "-2", "1.5"), expired)
	requirePosition(t, b.portfolio, call, "0", "0", "299")
	requireCash(t, b.portfolio, "USD", "299")
}

func TestSplits(t *testing.T) {
	split := func(id string, from, to ledger.Instrument, n, m string, minute int) ledger.Split {
		return ledger.Split{ID: id, From: from, To: to, Numerator: dec(n), Denominator: dec(m), Time: at(minute)}
	}
	renamed := ledger.NewStock("ABC", "USD")
	t.Run("forward, lot by lot", func(t *testing.T) {
		b := newBench(t)
		b.record(t, trade(1, xyz, "10", "100"), trade(2, xyz, "5", "110"), split("s", xyz, xyz, "4", "1", 3), trade(4, xyz, "-42", "30"))
		requirePosition(t, b.portfolio, xyz, "18", "495.9", "202.9")
	})
	t.Run("reverse, into another contract", func(t *testing.T) {
		b := newBench(t)
		b.record(t, trade(1, xyz, "-50", "2"), split("s", xyz, renamed, "1", "25", 3))
		requirePosition(t, b.portfolio, xyz, "0", "0", "0")
		requirePosition(t, b.portfolio, renamed, "-2", "-99", "0")
	})
	t.Run("parts of an uneven ratio add up", func(t *testing.T) {
		b := newBench(t)
		b.record(t, trade(1, xyz, "10", "3"), trade(2, xyz, "10", "3"), trade(3, xyz, "1", "3"), split("s", xyz, xyz, "1", "3", 4))
		pos, _ := b.portfolio.Position(xyz.Key())
		require.Equal(t, "7", pos.Quantity.String())
		requireLots(t, pos)
	})
	t.Run("told late, after trades in the new units", func(t *testing.T) {
		b := newBench(t)
		b.record(t, trade(1, xyz, "10", "100"))
		b.record(t, trade(4, xyz, "-20", "30"))
		b.record(t, split("s", xyz, xyz, "4", "1", 3))
		requirePosition(t, b.portfolio, xyz, "20", "500.5", "98.5")
		require.NoError(t, b.portfolio.Verify(t.Context()))
	})
	t.Run("of nothing", func(t *testing.T) {
		b := newBench(t)
		err := errOf(b.portfolio.Record(t.Context(), split("s", xyz, xyz, "4", "1", 3)))
		require.ErrorIs(t, err, accounts.ErrPositionNotFound)
		require.Zero(t, b.portfolio.Seq(), "nothing may be recorded")
	})
}

func TestOpeningBalances(t *testing.T) {
	b := newBench(t)
	lots := []ledger.Lot{
		{Quantity: dec("10"), Basis: dec("900"), OpenedAt: at(-100)},
		{Quantity: dec("5"), Basis: dec("600"), OpenedAt: at(-50), Inferred: true},
	}
	b.record(t, trade(1, xyz, "10", "100"), ledger.Opening{ID: "o", Instrument: xyz, Lots: lots, Time: at(0)})
	requirePosition(t, b.portfolio, xyz, "25", "2501", "0")
	requireCash(t, b.portfolio, "USD", "-1001")
	b.record(t, trade(2, xyz, "-12", "100")) // consumes the older lots first, though recorded later
	requirePosition(t, b.portfolio, xyz, "13", "1361", "59")
	closings, err := b.portfolio.Closings(t.Context(), accounts.TradeFilter{})
	require.NoError(t, err)
	require.Len(t, closings, 1)
	require.True(t, closings[0].Value.Inferred, "the closing consumed an inferred lot")

	lots[0].Basis = dec("1")
	pos, _ := b.portfolio.Position(xyz.Key())
	require.Equal(t, "360", pos.Lots[0].Basis.String(), "the book may not alias the caller's lots")

	err = errOf(b.portfolio.Record(t.Context(), ledger.Opening{ID: "against", Instrument: xyz, Time: at(3),
		Lots: []ledger.Lot{{Quantity: dec("-1"), Basis: dec("-1"), OpenedAt: at(0)}}}))
	require.ErrorIs(t, err, accounts.ErrInvalid, "short lots contradict a long position")
	requirePosition(t, b.portfolio, xyz, "13", "1361", "59")
}

func TestCashAndCurrencies(t *testing.T) {
	b := newBench(t)
	move := func(id string, kind ledger.CashKind, currency ledger.Currency, amount, rate string) ledger.CashMovement {
		return ledger.CashMovement{ID: id, Kind: kind, Currency: currency, Amount: dec(amount), FXRate: dec(rate), Time: at(0)}
	}
	euro := ledger.Instrument{SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"}
	sap := ledger.NewStock("SAP", "EUR")
	exchange := ledger.Trade{ExecID: "fx", Instrument: euro, Quantity: dec("1000"), Price: dec("1.1"), Commission: dec("2"), CommissionCurrency: "USD", Time: at(1)}
	buy, sell := trade(2, sap, "10", "90"), trade(3, sap, "-10", "100")
	buy.FXRate, sell.FXRate = dec("1.12"), dec("1.2")
	b.record(t, move("1", ledger.Deposit, "USD", "10000", "0"), move("2", ledger.Dividend, "EUR", "5", "1.1"),
		move("3", ledger.Fee, "USD", "-3", "0"), move("4", ledger.Interest, "USD", "1.5", "0"), move("5", ledger.Tax, "EUR", "-1", "1.1"),
		move("6", ledger.Deposit, "EUR", "100", "1.1"), exchange, buy, sell)
	requireCash(t, b.portfolio, "USD", "8896.5")
	requireCash(t, b.portfolio, "EUR", "1202")
	pos, _ := b.portfolio.Position(sap.Key())
	require.Equal(t, "98", pos.Realized.String())
	require.Equal(t, "117.6", pos.RealizedBase.String(), "98 EUR at the closing's own rate of 1.2")

	_, err := b.portfolio.Equity()
	var missing *accounts.MissingError
	require.ErrorAs(t, err, &missing, "equity without a rate for EUR must be refused")
	require.Equal(t, []ledger.Currency{"EUR"}, missing.Rates)
	require.NoError(t, b.portfolio.MarkFX(ledger.FXRate{Currency: "EUR", Rate: dec("1.25"), Time: at(4)}))
	equity, err := b.portfolio.Equity()
	require.NoError(t, err)
	require.Equal(t, "10399", equity.String(), "8896.5 + 1202 × 1.25")
	s := b.portfolio.Snapshot()
	require.Equal(t, "10110", s.Capital.String(), "10000 + 100 × 1.1")
	require.Equal(t, "117.6", s.Realized.String())
}

func TestEquityFollowsMarks(t *testing.T) {
	b := newBench(t)
	b.record(t, ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("10000"), Time: at(0)},
		trade(1, xyz, "100", "10"), trade(2, call, "-1", "2"), trade(3, oil, "1", "60"))
	_, err := b.portfolio.Equity()
	var missing *accounts.MissingError
	require.ErrorAs(t, err, &missing)
	require.Len(t, missing.Marks, 3, "all three positions lack a mark")
	require.ErrorIs(t, b.portfolio.RecordEquity(t.Context(), at(5)), accounts.ErrNoMark, "an equity point may not be made up")

	mark := func(i ledger.Instrument, price string, minute int) ledger.Mark {
		return ledger.Mark{Instrument: i, Price: dec(price), Time: at(minute)}
	}
	require.NoError(t, b.portfolio.Mark(mark(xyz, "11", 5), mark(call, "1.5", 5), mark(oil, "62", 5)))
	require.NoError(t, b.portfolio.Mark(mark(xyz, "99", 4)), "an older mark is no error")
	equity, err := b.portfolio.Equity()
	require.NoError(t, err)
	require.Equal(t, "12147", equity.String(), "cash 9198 + 1100 − 150 + 1999 on the future")
	require.NoError(t, b.portfolio.RecordEquity(t.Context(), at(5)))
	require.NoError(t, b.portfolio.RecordEquity(t.Context(), at(5)), "the same point again changes nothing")
	require.NoError(t, b.portfolio.Mark(mark(xyz, "1", 6)))
	require.NoError(t, b.portfolio.RecordEquity(t.Context(), at(6)))
	require.Equal(t, "12147", b.portfolio.Snapshot().HighWater.String(), "the high-water mark never falls")
	require.Equal(t, int64(7), b.portfolio.Seq(), "four facts, two equity points, and the drawdown of the second")
	require.Equal(t, "12147", b.reopen(t).Snapshot().HighWater.String(), "the high-water mark survives a restart")

	require.ErrorIs(t, b.portfolio.Mark(mark(xyz, "-1", 7)), accounts.ErrInvalid)
	require.ErrorIs(t, b.portfolio.Mark(ledger.Mark{Instrument: xyz, Price: dec("1"), Time: now.Add(time.Hour)}), accounts.ErrFutureTime)
	require.ErrorIs(t, b.portfolio.MarkFX(ledger.FXRate{Currency: "USD", Rate: dec("2"), Time: at(7)}), accounts.ErrCurrencyMismatch)
}
