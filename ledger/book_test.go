package ledger_test

import (
	"testing"

	"github.com/quagmt/udecimal"
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
			_, err := b.Portfolio.Record(t.Context(), ledger.Facts(c.trades)...)
			require.NoError(t, err)
			requirePosition(t, b.Portfolio, c.in, c.quantity, c.basis, c.realized)
			requireCash(t, b.Portfolio, "USD", c.cash)
			require.NoError(t, b.Portfolio.Verify(t.Context()))
		})
	}
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
	b.Record(t, move("1", ledger.Deposit, "USD", "10000", "0"), move("2", ledger.Dividend, "EUR", "5", "1.1"),
		move("3", ledger.Fee, "USD", "-3", "0"), move("4", ledger.Interest, "USD", "1.5", "0"), move("5", ledger.Tax, "EUR", "-1", "1.1"),
		move("6", ledger.Deposit, "EUR", "100", "1.1"), exchange, buy, sell)
	requireCash(t, b.Portfolio, "USD", "8896.5")
	requireCash(t, b.Portfolio, "EUR", "1202")
	pos, _ := b.Portfolio.Position(sap.Key())
	require.Equal(t, "98", pos.Realized.String())
	require.Equal(t, "117.6", pos.RealizedBase.String(), "98 EUR at the closing's own rate of 1.2")

	_, err := b.Portfolio.Equity()
	var missing *accounts.MissingError
	require.ErrorAs(t, err, &missing, "equity without a rate for EUR must be refused")
	require.Equal(t, []ledger.Currency{"EUR"}, missing.Rates)
	require.NoError(t, b.Portfolio.MarkFX(ledger.FXRate{Currency: "EUR", Rate: dec("1.25"), Time: at(4)}))
	equity, err := b.Portfolio.Equity()
	require.NoError(t, err)
	require.Equal(t, "10399", equity.String(), "8896.5 + 1202 × 1.25")
	s := b.Portfolio.Snapshot()
	require.Equal(t, "10110", s.Capital.String(), "10000 + 100 × 1.1")
	require.Equal(t, "117.6", s.Realized.String())
}

func TestManyPlacesLoseNoMoney(t *testing.T) {
	third, err := udecimal.MustParse("100").Div(udecimal.MustParse("3"))
	require.NoError(t, err)
	b := newBench(t)
	b.Record(t, trade(1, xyz, "0.4", "100"),
		ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "EUR", Amount: dec("10.49"), FXRate: third, Time: at(1)})
	require.NoError(t, b.Portfolio.Mark(ledger.Mark{Instrument: xyz, Price: third, Time: at(2)}))
	require.Equal(t, "13.333333333333", b.Portfolio.Snapshot().Open[0].Value.String())
	require.Equal(t, "349.666666666667", b.Portfolio.Cash()["EUR"].CapitalBase.String())

	eth := ledger.Instrument{SecType: ledger.Crypto, Symbol: "ETH", Currency: "USD"}
	buy, sell := trade(3, eth, "0.400000000000000001", "4"), trade(4, eth, "-0.300000000000000001", "4")
	buy.Commission, sell.Commission = dec("0.96"), dec("0")
	b.Record(t, buy, sell)
	pos, _ := b.Portfolio.Position(eth.Key())
	require.Equal(t, "0.64", pos.Basis.RoundBank(9).String())
	require.Equal(t, "-0.72", pos.Realized.RoundBank(9).String())
}

func TestAPositionWithoutWorthStillHasALoss(t *testing.T) {
	b := newBench(t)
	sap := ledger.NewOption("SAP", 20271217, ledger.Call, dec("100"), "EUR")
	sap.Multiplier = dec("1")
	b.Record(t, trade(1, sap, "10", "100"))
	require.NoError(t, b.Portfolio.Mark(ledger.Mark{Instrument: sap, Price: dec("0"), Time: at(2)}))
	require.NotNil(t, b.Portfolio.Snapshot().Missing, "its loss needs a rate")
	require.NoError(t, b.Portfolio.MarkFX(ledger.FXRate{Currency: "EUR", Rate: dec("1.1"), Time: at(2)}))
	require.Equal(t, "-1101.1", b.Portfolio.Snapshot().Unrealized.String())
}
