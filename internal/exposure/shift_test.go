package exposure_test

import (
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

// A price that was told wrong makes no drawdown when it is corrected: the equity points of before are
// counted with what they would have been.
func TestACorrectedPriceIsNoDrawdown(t *testing.T) {
	d := desktest.NewDesk(t, func(l *risk.Limits) {
		l.Drawdown = risk.DrawdownLimits{Warning: dec("0.05"), Moderate: dec("0.1"), Severe: dec("0.15"), Critical: dec("0.2")}
	})
	d.Hold(t, xyz, "500", "100")
	d.EquityPoint(t)
	d.Advance(time.Hour)
	sale := execution(d, 1, 1, "", "-100", "1000", time.Hour) // it was 100
	d.Record(t, sale)
	d.Mark(t, xyz, "100")
	d.Advance(time.Hour)
	d.Mark(t, xyz, "100")
	d.EquityPoint(t)
	require.Equal(t, "190000", d.Portfolio.Snapshot().HighWater.String())
	sale.ExecID, sale.Price = "0001.0001.01.02", dec("100")
	d.Record(t, sale)
	s := d.Portfolio.Snapshot()
	require.Equal(t, "100000", s.HighWater.String(), "the mark is that of the corrected points")
	require.Equal(t, "0", s.Risk.Drawdown.String())
	require.Equal(t, "0", s.Risk.DayLoss.String())
	require.Equal(t, risk.TradingActive, s.Risk.State)
	d.Accept(t, order("o", xyz, "1"))
	require.Equal(t, s.HighWater.String(), d.Reopen(t).Snapshot().HighWater.String(), "another process has another mark")
	p, err := d.Portfolio.Performance(t.Context(), performance.Window{})
	require.NoError(t, err)
	require.InDelta(t, 0, *p.MaxDrawdown, 1e-12)
	require.InDelta(t, 0, *p.TimeWeighted, 1e-12)
}

// What a correction of yesterday's execution brings or costs is not of today.
func TestACorrectionOfYesterdayIsNotOfToday(t *testing.T) {
	for price, loss := range map[string]string{"90": "2000", "110": "2000"} { // of the sale, told as 100
		d := desktest.NewDesk(t, func(l *risk.Limits) { l.DailyLoss = risk.Limit{Fraction: dec("0.03")} })
		d.Hold(t, xyz, "600", "100")
		sale := execution(d, 1, 1, "", "-100", "100", time.Second)
		d.Record(t, sale)
		d.Advance(time.Minute)
		d.Mark(t, xyz, "100")
		d.EquityPoint(t)
		d.Advance(24 * time.Hour)
		d.Mark(t, xyz, "96") // 2,000 of the 500 that are held
		require.Equal(t, loss, d.Portfolio.Snapshot().Risk.DayLoss.String())
		sale.ExecID, sale.Price = "0001.0001.01.02", dec(price)
		d.Record(t, sale)
		require.Equal(t, loss, d.Portfolio.Snapshot().Risk.DayLoss.String(), "the sale was at %s", price)
	}
}

// Prices and commissions that are told late or wrong, and corrected, lead to what they lead to where
// they are told right at once: the same return, drawdown, high-water mark and loss of the day.
func TestPropertyCorrectionsLeaveNothingBehind(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		right, wrong := desktest.NewDesk(t, nil), desktest.NewDesk(t, nil)
		both := []*desktest.Desk{right, wrong}
		var amends []ledger.Trade // what is to be told of the executions that were told wrong
		n := 0
		for range rapid.IntRange(2, 15).Draw(rt, "steps") {
			by := time.Duration(rapid.IntRange(1, 20).Draw(rt, "hours")) * time.Hour
			mark := fmt.Sprint(rapid.IntRange(80, 120).Draw(rt, "mark"))
			for _, d := range both {
				d.Advance(by)
				d.Mark(t, xyz, mark)
			}
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0, 1:
				n++
				told := ledger.Trade{ExecID: ledger.ExecID(fmt.Sprintf("0001.%04d.01.01", n)), Instrument: xyz, Time: right.Now(),
					Quantity: dec(fmt.Sprint(rapid.SampledFrom([]int{-50, -20, 10, 20, 60}).Draw(rt, "quantity"))),
					Price:    dec(mark), Commission: dec("1")}
				right.Record(t, told)
				if rapid.Bool().Draw(rt, "told right") {
					wrong.Record(t, told)
					break
				}
				later := told
				if rapid.Bool().Draw(rt, "commission later") {
					told.CommissionPending, told.Commission = true, ledger.Decimal{}
				} else {
					told.Price = dec(fmt.Sprint(rapid.IntRange(50, 150).Draw(rt, "wrong price")))
					later.ExecID = ledger.ExecID(fmt.Sprintf("0001.%04d.01.02", n))
				}
				wrong.Record(t, told)
				amends = append(amends, later)
			case 2:
				for _, d := range both {
					d.EquityPoint(t)
				}
			case 3:
				if len(amends) > 0 {
					k := rapid.IntRange(0, len(amends)-1).Draw(rt, "amended")
					wrong.Record(t, amends[k])
					amends = append(amends[:k], amends[k+1:]...)
				}
			}
		}
		for _, a := range amends {
			wrong.Record(t, a)
		}
		require.NoError(rt, wrong.Portfolio.Verify(t.Context()))
		a, b := right.Portfolio.Snapshot(), wrong.Portfolio.Snapshot()
		require.Equal(rt, a.Equity.String(), b.Equity.String(), "equity")
		require.Equal(rt, a.Risk.DayLoss.String(), b.Risk.DayLoss.String(), "the loss of the day")
		require.Equal(rt, a.HighWater.String(), b.HighWater.String(), "the high-water mark")
		require.Equal(rt, a.Risk.Drawdown.String(), b.Risk.Drawdown.String(), "the drawdown")
		x, err := right.Portfolio.Performance(t.Context(), performance.Window{})
		require.NoError(rt, err)
		y, err := wrong.Portfolio.Performance(t.Context(), performance.Window{})
		require.NoError(rt, err)
		same := func(what string, x, y *float64) {
			require.Equal(rt, x == nil, y == nil, what)
			if x != nil {
				require.InDelta(rt, *x, *y, 1e-9, what)
			}
		}
		same("return", x.TimeWeighted, y.TimeWeighted)
		same("greatest drawdown", x.MaxDrawdown, y.MaxDrawdown)
	})
}
