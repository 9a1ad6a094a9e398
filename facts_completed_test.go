package accounts_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// pending returns a trade of which the commission is not known yet.
func pending(n int, i ledger.Instrument, quantity, price string) ledger.Trade {
	t := trade(n, i, quantity, price)
	t.Commission, t.CommissionPending = ledger.Decimal{}, true
	return t
}

// charged returns the same trade with its commission.
func charged(t ledger.Trade, commission string) ledger.Trade {
	t.Commission, t.CommissionPending = dec(commission), false
	return t
}

func requireCash(t *testing.T, p *accounts.Portfolio, c ledger.Currency, want string) {
	t.Helper()
	cash := p.Cash()[c]
	require.Equal(t, want, cash.Balance().String(), "cash in %s", c)
}

// completes records a fact that completes an execution.
func completes(t *testing.T, p *accounts.Portfolio, f ledger.Trade) {
	t.Helper()
	added, err := p.Record(t.Context(), f)
	require.NoError(t, err, "complete %s", f.ExecID)
	require.Equal(t, 1, added, "what completes is new")
	require.NoError(t, p.Verify(t.Context()))
}

func TestCommissionThatComesLater(t *testing.T) {
	t.Run("of a lot that is held", func(t *testing.T) {
		b := newBench(t)
		f := pending(1, xyz, "10", "5")
		b.Record(t, f)
		requirePosition(t, b.Portfolio, xyz, "10", "50", "0")
		recordAgain(t, b, f)
		completes(t, b.Portfolio, charged(f, "1.5"))
		requirePosition(t, b.Portfolio, xyz, "10", "51.5", "0")
		recordAgain(t, b, charged(f, "1.5"))
		recordAgain(t, b, f)
		require.ErrorIs(t, errOf(b.Portfolio.Record(t.Context(), charged(f, "1.6"))), accounts.ErrIDReused)
		requirePosition(t, b.Reopen(t), xyz, "10", "51.5", "0")
	})
	t.Run("of a lot that was sold since", func(t *testing.T) {
		b := newBench(t)
		buy, sell := pending(1, xyz, "10", "5"), pending(2, xyz, "-4", "8")
		b.Record(t, buy, sell)
		completes(t, b.Portfolio, charged(sell, "1"))
		completes(t, b.Portfolio, charged(buy, "5"))
		requirePosition(t, b.Portfolio, xyz, "6", "33", "9")
		requireCash(t, b.Portfolio, "USD", "-24")
		require.EqualValues(t, 2, b.Portfolio.Snapshot().Trades, "a completion is no trade of its own")
	})
	t.Run("taxes come with it", func(t *testing.T) {
		b := newBench(t)
		f := pending(1, xyz, "10", "5")
		b.Record(t, f)
		f = charged(f, "1")
		f.Taxes = dec("0.25")
		completes(t, b.Portfolio, f)
		requirePosition(t, b.Portfolio, xyz, "10", "51.25", "0")
	})
	t.Run("none, for there was none", func(t *testing.T) {
		b := newBench(t)
		f := pending(1, xyz, "10", "5")
		b.Record(t, f)
		completes(t, b.Portfolio, charged(f, "0"))
		require.ErrorIs(t, errOf(b.Portfolio.Record(t.Context(), charged(f, "1"))), accounts.ErrIDReused)
	})
	t.Run("with the fill in one call", func(t *testing.T) {
		b := newBench(t)
		f := pending(1, xyz, "10", "5")
		added, err := b.Portfolio.Record(t.Context(), f, charged(f, "1"), trade(2, xyz, "-10", "6"))
		require.NoError(t, err)
		require.Equal(t, 3, added)
		requirePosition(t, b.Portfolio, xyz, "0", "0", "8")
		require.NoError(t, b.Portfolio.Verify(t.Context()))
		other := pending(3, xyz, "10", "5")
		require.ErrorIs(t, errOf(b.Portfolio.Record(t.Context(), other, charged(other, "1"), charged(other, "2"))),
			accounts.ErrIDReused, "two commissions in one call")
	})
	t.Run("of a version that was replaced or cancelled", func(t *testing.T) {
		b := newBench(t)
		v1, v2 := pending(1, xyz, "10", "5"), pending(1, xyz, "10", "6")
		v1.ExecID, v2.ExecID = "0001.aaaa.01.01", "0001.aaaa.01.02"
		b.Record(t, v1, v2)
		recordAgain(t, b, charged(v1, "1"))
		completes(t, b.Portfolio, charged(v2, "2"))
		requirePosition(t, b.Portfolio, xyz, "10", "62", "0")
		b.Record(t, ledger.Cancellation{ExecID: "k", Cancels: v2.ExecID, Time: at(5)})
		recordAgain(t, b, charged(v2, "3"))
		require.Empty(t, b.Portfolio.Snapshot().Open)
		require.NoError(t, b.Portfolio.Verify(t.Context()))
	})
	t.Run("of a currency trade, in the other currency", func(t *testing.T) {
		b := newBench(t)
		f := pending(1, ledger.Instrument{SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"}, "100", "1.1")
		b.Record(t, f)
		f = charged(f, "2")
		f.CommissionCurrency = "EUR"
		completes(t, b.Portfolio, f)
		requireCash(t, b.Portfolio, "EUR", "98")
		requireCash(t, b.Portfolio, "USD", "-110")
	})
	t.Run("a commission and a mark that it is pending", func(t *testing.T) {
		f := pending(1, xyz, "10", "5")
		f.Commission = dec("1")
		b := newBench(t)
		require.ErrorIs(t, errOf(b.Portfolio.Record(t.Context(), f)), accounts.ErrInvalid)
	})
}

// Two processes that hear of the same commission write it once; of two commissions, one wins.
func TestCommissionFromTwoProcesses(t *testing.T) {
	d := newDesk(t, nil)
	f := pending(1, xyz, "10", "5")
	d.Record(t, f)
	second, err := d.Another(t).Portfolio(t.Context(), d.Profile.ID)
	require.NoError(t, err)
	completes(t, d.Portfolio, charged(f, "1"))
	seq := d.Portfolio.Seq()
	added, err := second.Record(t.Context(), charged(f, "1"))
	require.NoError(t, err)
	require.Zero(t, added)
	require.Equal(t, seq, second.Seq(), "nothing is written again")
	require.ErrorIs(t, errOf(second.Record(t.Context(), charged(f, "2"))), accounts.ErrIDReused)
}

// A fill whose order is told later fills that order, and is not counted beside it.
func TestOrderThatIsToldLater(t *testing.T) {
	d := newDesk(t, nil)
	o := order("o", xyz, "10")
	o.Strategy = "trend"
	d.Accept(t, o)
	f := trade(1, xyz, "10", "100")
	f.Time = d.Now()
	d.Record(t, f)
	require.Len(t, d.Portfolio.Snapshot().Risk.Orders, 1, "nothing tells that this filled the order")
	f.OrderID = "o"
	completes(t, d.Portfolio, f)
	for _, p := range []*accounts.Portfolio{d.Portfolio, d.Open(t)} {
		require.Empty(t, p.Snapshot().Risk.Orders, "the order is filled")
		pos, _ := p.Position(xyz.Key())
		require.Equal(t, "10", pos.Quantity.String())
	}
	recordAgain(t, d.Bench, f)
	f.OrderID = ""
	recordAgain(t, d.Bench, f)
	f.OrderID = "other"
	require.ErrorIs(t, errOf(d.Portfolio.Record(t.Context(), f)), accounts.ErrIDReused)
}

// What is told one by one, from several sources, ends as what is told at once.
func TestCompletedOneByOne(t *testing.T) {
	sap := ledger.NewStock("SAP", "EUR")
	full := trade(1, sap, "10", "90")
	full.Commission, full.Taxes, full.OrderID, full.FXRate = dec("1"), dec("0.5"), "o", dec("1.1")
	sale := trade(2, sap, "-10", "95")
	sale.FXRate = dec("1.2")
	b, plain := newBench(t), newBench(t)
	plain.Record(t, full, sale)
	one := pending(1, sap, "10", "90")
	b.Record(t, one, sale)
	one.OrderID = "o"
	completes(t, b.Portfolio, one)
	rated := pending(1, sap, "10", "90")
	rated.FXRate = dec("1.1")
	completes(t, b.Portfolio, rated)
	costs := pending(1, sap, "10", "90")
	costs.Commission, costs.Taxes, costs.CommissionPending = full.Commission, full.Taxes, false
	completes(t, b.Portfolio, costs)
	require.Equal(t, figures(plain.Portfolio), figures(b.Portfolio))
	for got, err := range b.Portfolio.Trades(t.Context(), accounts.TradeFilter{}) {
		require.NoError(t, err)
		want, err := ledger.Normalize(full)
		require.NoError(t, err)
		require.Empty(t, ledger.Differences(want, &got.Value), "the trade in force is not the whole one")
		require.Equal(t, full.OrderID, got.Value.OrderID)
		break
	}
	recordAgain(t, b, full)
}

// The live interfaces of the broker tell milliseconds, statements seconds.
func TestTimesOfOtherPrecision(t *testing.T) {
	b := newBench(t)
	f := trade(1, xyz, "10", "5")
	f.Time = at(1).Add(123 * time.Millisecond)
	b.Record(t, f)
	f.Time = at(1)
	recordAgain(t, b, f)
	for _, other := range []time.Duration{124 * time.Millisecond, time.Second, -time.Millisecond} {
		f.Time = at(1).Add(other)
		require.ErrorIs(t, errOf(b.Portfolio.Record(t.Context(), f)), accounts.ErrIDReused, "%s", other)
	}
}
