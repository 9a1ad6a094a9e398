package exposure_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/risk"
)

func falling(l *risk.Limits) {
	l.Drawdown = risk.DrawdownLimits{Warning: dec("0.05"), Moderate: dec("0.1"), Severe: dec("0.15"), Critical: dec("0.2")}
}

// A deposit in another currency, recorded without a rate, does not take a drawdown away: the entry has
// the rate of its time.
func TestAForeignDepositHidesNoDrawdown(t *testing.T) {
	d := desktest.NewDesk(t, falling)
	d.Rate(t, "EUR", "1.1")
	d.Hold(t, xyz, "500", "100")
	d.EquityPoint(t)
	d.Mark(t, xyz, "76") // 12,000 of 100,000: moderate
	d.Mark(t, abc, "10")
	require.True(t, d.Portfolio.Check(order("", abc, "1")).Broken(risk.RuleDrawdown))
	before := d.Portfolio.Snapshot().Risk.Drawdown
	d.Cash(t, ledger.Deposit, "EUR", "11000")
	after := d.Portfolio.Check(order("", abc, "1"))
	require.True(t, after.Broken(risk.RuleDrawdown), "a deposit made the drawdown go away: %s", after)
	require.Equal(t, before.String(), d.Portfolio.Snapshot().Risk.Drawdown.String())
	var m ledger.CashMovement
	d.LastEntry(t, ledger.KindCash, &m)
	require.Equal(t, "1.1", m.MarketRate.String(), "the rate of its time is in the entry")
	capital := d.Portfolio.Snapshot().Capital
	d.Advance(time.Second)
	d.Rate(t, "EUR", "2")
	require.Equal(t, capital.String(), d.Portfolio.Snapshot().Capital.String(), "capital moves with the rate of the day")
}

// A withdrawal in another currency is no drawdown.
func TestAForeignWithdrawalIsNoLoss(t *testing.T) {
	d := desktest.NewDesk(t, falling)
	d.Rate(t, "EUR", "1.1")
	d.Cash(t, ledger.Deposit, "EUR", "50000")
	d.EquityPoint(t)
	d.Cash(t, ledger.Withdrawal, "EUR", "-40000")
	d.Accept(t, order("o", xyz, "1"))
}

// A deposit that comes while equity is not known leaves the drawdown as it is, once equity is known.
func TestADepositWithoutMarksLeavesTheDrawdown(t *testing.T) {
	d := desktest.NewDesk(t, falling)
	d.Hold(t, xyz, "500", "100")
	d.EquityPoint(t)
	d.Mark(t, xyz, "91") // 4.5 %
	before := d.Portfolio.Snapshot().Risk
	d.Advance(time.Minute)
	d.Restart(t)
	d.Cash(t, ledger.Deposit, "USD", "100000")
	d.Mark(t, xyz, "91")
	require.Equal(t, before.Drawdown.String(), d.Portfolio.Snapshot().Risk.Drawdown.String())
	d.Accept(t, order("o", xyz, "1", "91")) // and the first decision adjusts the mark
	require.Equal(t, before.Drawdown.String(), d.Portfolio.Snapshot().Risk.Drawdown.String())
	d.Mark(t, xyz, "80")
	want := 1 - (1-0.045)*(1-5500/195500.)
	require.InDelta(t, want, d.Portfolio.Snapshot().Risk.Drawdown.InexactFloat64(), 1e-6, "what is lost after the deposit is lost of all")
	require.Equal(t, d.Portfolio.Snapshot().HighWater.String(), d.Reopen(t).Snapshot().HighWater.String())
}

// A position that is opened with an opening balance is capital, and no gain of the day.
func TestAnOpeningIsNoGain(t *testing.T) {
	d := desktest.NewDesk(t, func(l *risk.Limits) { l.DailyLoss = risk.Limit{Fraction: dec("0.03")} })
	d.Hold(t, xyz, "500", "100")
	d.EquityPoint(t)
	d.Advance(24 * time.Hour)
	d.Mark(t, xyz, "92") // 4,000 of 100,000
	d.Mark(t, abc, "50")
	loss, fall := d.Portfolio.Snapshot().Risk.DayLoss, d.Portfolio.Snapshot().Risk.Drawdown
	for n, basis := range []string{"5000", "2000", "9000"} { // whatever it cost
		d.Record(t, ledger.Opening{ID: fmt.Sprint("o", n), Instrument: abc, Time: d.Now(),
			Lots: []ledger.Lot{{Quantity: dec("100"), Basis: dec(basis), OpenedAt: desktest.Day0}}})
		require.Equal(t, loss.String(), d.Portfolio.Snapshot().Risk.DayLoss.String(), "opened at a basis of %s", basis)
		require.Equal(t, fall.String(), d.Portfolio.Snapshot().Risk.Drawdown.String(), "opened at a basis of %s", basis)
	}
	require.True(t, d.Portfolio.Check(order("", abc, "1")).Broken(risk.RuleDailyLoss), "the loss of the day is gone")
	require.NoError(t, d.Portfolio.Verify(t.Context()))
}

// A short position that is opened with an opening balance is no loss.
func TestAShortOpeningIsNoLoss(t *testing.T) {
	d := desktest.NewDesk(t, func(l *risk.Limits) { l.DailyLoss = risk.Limit{Fraction: dec("0.03")} })
	d.EquityPoint(t)
	d.Mark(t, abc, "50")
	d.Record(t, ledger.CashMovement{ID: "o", Kind: ledger.OpeningCash, Currency: "USD", Amount: dec("5000"), Time: d.Now()},
		ledger.Opening{ID: "o", Instrument: abc, Lots: []ledger.Lot{{Quantity: dec("-100"), Basis: dec("-5000"), OpenedAt: desktest.Day0}}, Time: d.Now()})
	d.Accept(t, order("n", xyz, "1"))
}

// Capital in kind that is late and of now stands behind the equity point that is written before it.
func TestLateTransfersStandBehindTheirPoint(t *testing.T) {
	d := desktest.NewDesk(t, nil)
	d.Hold(t, xyz, "500", "100")
	d.Mark(t, xyz, "100")
	d.EquityPoint(t)
	d.Advance(time.Minute)
	d.Mark(t, xyz, "100")
	for n, ago := range []time.Duration{0, 30 * time.Second} {
		d.Record(t, ledger.Transfer{ID: fmt.Sprint("x", n), Instrument: xyz, Quantity: dec("-10"), Time: d.Now().Add(-ago)})
	}
	var a ledger.Amendment
	e := d.LastEntry(t, ledger.KindAmendment, &a)
	require.Equal(t, e.Seq, a.Place, "the transfer takes the place of another entry")
	pos, _ := d.Portfolio.Position(xyz.Key())
	require.Equal(t, "480", pos.Quantity.String())
	require.NoError(t, d.Portfolio.Verify(t.Context()))
	s := d.Portfolio.Snapshot()
	require.Equal(t, []string{"-2000", "0"}, []string{s.InKind.String(), s.Risk.DayLoss.String()})
}

// transfer moves shares in or out, as many as there are.
func transfer(rt *rapid.T, d *desktest.Desk, n int) {
	i := rapid.SampledFrom([]ledger.Instrument{abc, sap, xyz}).Draw(rt, "contract")
	t := ledger.Transfer{ID: fmt.Sprint("x", n), Instrument: i, Quantity: dec("20"), Time: d.Now()}
	if held, _ := d.Portfolio.Position(i.Key()); held.Quantity.IsPos() && rapid.Bool().Draw(rt, "goes") {
		t.Quantity = dec("20").Neg()
		if held.Quantity.LessThan(dec("20")) {
			t.Quantity = held.Quantity.Neg()
		}
	} else {
		t.Lots = []ledger.Lot{{Quantity: t.Quantity, Basis: dec(fmt.Sprint(rapid.IntRange(500, 3000).Draw(rt, "basis"))), OpenedAt: desktest.Day0}}
	}
	_, err := d.Portfolio.Record(context.Background(), t)
	require.NoError(rt, err)
}

// Capital that comes and goes, in cash and in kind, in whatever currency, whether or not marks are known
// at the time, changes neither the loss of the day nor the drawdown, stops nothing, and is no return.
func TestPropertyFlowsAreNoProfit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := desktest.NewDesk(t, func(l *risk.Limits) { l.DailyLoss = risk.Limit{Fraction: dec("0.5")} })
		prices := func() {
			d.Mark(t, xyz, "100")
			d.Mark(t, abc, "50")
			d.Rate(t, "EUR", "1.1")
			d.Mark(t, sap, "80")
		}
		prices()
		d.Hold(t, xyz, "500", "100")
		d.EquityPoint(t)
		for n := range rapid.IntRange(1, 12).Draw(rt, "steps") {
			d.Advance(time.Duration(rapid.IntRange(1, 30).Draw(rt, "hours")) * time.Hour)
			blind := rapid.IntRange(0, 3).Draw(rt, "without marks") == 0
			if blind {
				d.Restart(t)
			} else {
				prices()
			}
			amount := dec(fmt.Sprint(rapid.IntRange(1, 20).Draw(rt, "thousands") * 1000))
			switch rapid.IntRange(0, 6).Draw(rt, "what") {
			case 0:
				d.Cash(t, ledger.Deposit, "USD", amount.String())
			case 1:
				d.Cash(t, ledger.Withdrawal, "USD", amount.Neg().Mul(dec("0.1")).String())
			case 2:
				if !blind {
					d.Cash(t, ledger.Deposit, "EUR", amount.String())
				}
			case 3:
				if !blind {
					i := rapid.SampledFrom([]ledger.Instrument{abc, sap}).Draw(rt, "contract")
					d.Record(t, ledger.Opening{ID: fmt.Sprint("o", n), Instrument: i, Time: d.Now(), Lots: []ledger.Lot{{Quantity: dec("20"),
						Basis: dec(fmt.Sprint(rapid.IntRange(500, 3000).Draw(rt, "basis"))), OpenedAt: desktest.Day0}}})
				}
			case 4:
				prices()
				d.EquityPoint(t)
			case 5:
				if !blind {
					transfer(rt, d, n)
				}
			case 6: // told later, without a rate that was known then
				if !blind {
					d.Record(t, ledger.Opening{ID: fmt.Sprint("p", n), Instrument: sap, Time: d.Now().Add(-time.Hour), Price: dec("80"), Lots: []ledger.Lot{
						{Quantity: dec("20"), Basis: dec("100"), OpenedAt: desktest.Day0}}})
				}
			}
			prices()
			s := d.Portfolio.Snapshot()
			require.Equal(rt, "0", s.Risk.DayLoss.RoundBank(6).String(), "the loss of the day")
			require.Equal(rt, "0", s.Risk.Drawdown.String(), "the drawdown")
			if rapid.Bool().Draw(rt, "order") {
				_, err := d.Portfolio.Reserve(t.Context(), order(ledger.OrderID(fmt.Sprint("r", n)), xyz, fmt.Sprint(n+1)))
				require.NoError(rt, err)
				require.NoError(rt, d.Portfolio.Release(t.Context(), ledger.OrderID(fmt.Sprint("r", n)), "done"))
			}
		}
		prices()
		d.EquityPoint(t)
		require.Equal(rt, risk.TradingActive, d.Portfolio.Snapshot().Risk.State)
		require.Empty(rt, d.Portfolio.Snapshot().Risk.Breaches)
		p, err := d.Portfolio.Performance(t.Context(), performance.Window{})
		require.NoError(rt, err)
		require.InDelta(rt, 0, *p.TimeWeighted, 1e-9, "capital alone is a return")
		require.NoError(rt, d.Portfolio.Verify(t.Context()))
	})
}
