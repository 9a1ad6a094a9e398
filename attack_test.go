package accounts_test

import (
	"testing"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// What once broke the books, each in its smallest form.

func TestCancellingOnAPortfolioThatIsBehind(t *testing.T) {
	for range 50 {
		b := newBench(t)
		behind := b.reopen(t)
		b.record(t, trade(1, xyz, "10", "5"))
		_, err := behind.Record(t.Context(),
			ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("1"), Time: at(2)},
			ledger.Cancellation{ExecID: "k", Cancels: "exec-1", Time: at(3)})
		require.NoError(t, err)
		require.Empty(t, behind.Positions())
		require.NoError(t, behind.Verify(t.Context()))
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
				_, err := b.portfolio.Record(t.Context(), f)
				require.NoError(t, err)
			}
		}
		require.Empty(t, b.portfolio.Positions())
		require.NoError(t, b.portfolio.Verify(t.Context()))
	}
}

func TestManyPlacesLoseNoMoney(t *testing.T) {
	third, err := udecimal.MustParse("100").Div(udecimal.MustParse("3"))
	require.NoError(t, err)
	b := newBench(t)
	b.record(t, trade(1, xyz, "0.4", "100"),
		ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "EUR", Amount: dec("10.49"), FXRate: third, Time: at(1)})
	require.NoError(t, b.portfolio.Mark(ledger.Mark{Instrument: xyz, Price: third, Time: at(2)}))
	require.Equal(t, "13.333333333333", b.portfolio.Snapshot().Open[0].Value.String())
	require.Equal(t, "349.666666666667", b.portfolio.Cash()["EUR"].CapitalBase.String())

	eth := ledger.Instrument{SecType: ledger.Crypto, Symbol: "ETH", Currency: "USD"}
	buy, sell := trade(3, eth, "0.400000000000000001", "4"), trade(4, eth, "-0.300000000000000001", "4")
	buy.Commission, sell.Commission = dec("0.96"), dec("0")
	b.record(t, buy, sell)
	pos, _ := b.portfolio.Position(eth.Key())
	require.Equal(t, "0.64", pos.Basis.RoundBank(9).String())
	require.Equal(t, "-0.72", pos.Realized.RoundBank(9).String())
}

func TestAPositionMarkedAtZeroStillHasALoss(t *testing.T) {
	b := newBench(t)
	sap := ledger.NewStock("SAP", "EUR")
	b.record(t, trade(1, sap, "10", "100"))
	require.NoError(t, b.portfolio.Mark(ledger.Mark{Instrument: sap, Price: dec("0"), Time: at(2)}))
	require.NotNil(t, b.portfolio.Snapshot().Missing, "its loss needs a rate")
	require.NoError(t, b.portfolio.MarkFX(ledger.FXRate{Currency: "EUR", Rate: dec("1.1"), Time: at(2)}))
	require.Equal(t, "-1101.1", b.portfolio.Snapshot().Unrealized.String())
}

func TestSplitsNeverMixLongAndShort(t *testing.T) {
	a, c := ledger.NewStock("AAA", "USD"), ledger.NewStock("BBB", "USD")
	b := newBench(t)
	b.record(t, trade(2, c, "8", "10"), trade(3, c, "-5", "12"), trade(4, a, "10", "10"),
		ledger.Split{ID: "s", From: a, To: c, Numerator: dec("1"), Denominator: dec("1"), Time: at(7)},
		ledger.Cancellation{ExecID: "k", Cancels: "exec-2", Time: at(8)})
	requirePosition(t, b.portfolio, c, "5", "50.5", "8.5")
	require.NoError(t, b.portfolio.Verify(t.Context()))
}

func TestSplitsKeepTheBasis(t *testing.T) {
	b := newBench(t)
	for i := range 5 {
		b.record(t, trade(i, xyz, "1", "10"))
	}
	b.record(t, ledger.Split{ID: "s", From: xyz, To: xyz, Numerator: dec("0.6"), Denominator: dec("1000000000000"), Time: at(9)})
	pos, _ := b.portfolio.Position(xyz.Key())
	requireLots(t, pos)
	require.Equal(t, "0.000000000003 55", pos.Quantity.String()+" "+pos.Basis.String())
	err := errOf(b.portfolio.Record(t.Context(), ledger.Split{ID: "s2", From: xyz, To: xyz, Numerator: dec("1"), Denominator: dec("1000000000000"), Time: at(10)}))
	require.ErrorIs(t, err, accounts.ErrInvalid, "nothing would be left")
	err = errOf(b.portfolio.Record(t.Context(), ledger.Split{ID: "s3", From: xyz, To: ledger.Instrument{SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"},
		Numerator: dec("1"), Denominator: dec("1"), Time: at(10)}))
	require.ErrorIs(t, err, accounts.ErrInvalid, "a currency pair is no position")
}

func TestOpeningsTakeTheirPlaceByTime(t *testing.T) {
	lots := func(id string, minute int, q, basis string) ledger.Opening {
		return ledger.Opening{ID: id, Instrument: xyz, Time: at(minute), Lots: []ledger.Lot{{Quantity: dec(q), Basis: dec(basis), OpenedAt: at(-100)}}}
	}
	opening, buy, sell := lots("o", 10, "10", "100"), trade(5, xyz, "5", "20"), trade(7, xyz, "-5", "30")
	for _, order := range [][]ledger.Fact{{buy, sell, opening}, {opening, buy, sell}} {
		b := newBench(t)
		for _, f := range order {
			b.record(t, f)
		}
		requirePosition(t, b.portfolio, xyz, "10", "100", "48")
		require.NoError(t, b.portfolio.Verify(t.Context()))
	}
	b := newBench(t)
	b.record(t, lots("o1", 1, "10", "100"), trade(10, xyz, "1", "20"))
	b.record(t, lots("o2", 5, "-10", "-150"))
	b.record(t, ledger.Cancellation{ExecID: "k", Cancels: "exec-10", Time: at(11)})
	requirePosition(t, b.portfolio, xyz, "0", "0", "50")
	require.NoError(t, b.portfolio.Verify(t.Context()))
}
