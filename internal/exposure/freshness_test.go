package exposure_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Marks of days ago begin no count of losses: what was never lost is no drawdown.
func TestOldMarksBeginNoCountOfLosses(t *testing.T) {
	d := newDesk(t, nil)
	d.Hold(t, abc, "900", "100")
	d.Mark(t, abc, "200")
	d.Advance(48 * time.Hour)
	d.Mark(t, xyz, "100")
	_, err := d.Portfolio.Reserve(t.Context(), order("a", xyz, "1"))
	require.Error(t, err, "the mark of ABC is two days old")
	require.Equal(t, "0", d.Portfolio.Snapshot().HighWater.String(), "a high-water mark of old marks")
	d.Mark(t, abc, "100")
	_, err = d.Portfolio.Reserve(t.Context(), order("b", xyz, "1"))
	require.NoError(t, err, "a loss that never was")
	require.Equal(t, risk.TradingActive, d.Portfolio.Snapshot().Risk.State)
}

// A loss that old marks show stops nothing; the same loss by marks of now does.
func TestOldMarksTellOfNoLoss(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) {
		l.Drawdown = risk.DrawdownLimits{Warning: dec("0.05"), Moderate: dec("0.1"), Severe: dec("0.2"), Critical: dec("0.3")}
	})
	d.Hold(t, abc, "900", "100")
	d.EquityPoint(t)
	d.Mark(t, abc, "60")
	d.Advance(time.Hour)
	_, err := d.Portfolio.Reserve(t.Context(), order("a", xyz, "1"))
	require.Error(t, err)
	require.Equal(t, risk.TradingActive, d.Portfolio.Snapshot().Risk.State, "stopped by marks of an hour ago")
	d.Mark(t, abc, "60")
	_, err = d.Portfolio.Reserve(t.Context(), order("b", xyz, "1"))
	require.Error(t, err)
	require.Equal(t, risk.TradingReducing, d.Portfolio.Snapshot().Risk.State, "a third of the account is lost")
}

// A mark of zero says that a price is not known: it hides no position. A worthless option is worth zero.
func TestAMarkOfZeroHidesNothing(t *testing.T) {
	for name, i := range map[string]ledger.Instrument{"stock": abc, "fund": {Symbol: "FND", SecType: ledger.Fund, Currency: "USD"}} {
		d := newDesk(t, nil)
		d.Hold(t, i, "-10", "100")
		d.Mark(t, i, "0")
		got := d.Portfolio.Check(order("", xyz, "1"))
		require.True(t, got.Broken(risk.RuleEquity), "a held short %s without a price: %s", name, got)
		require.True(t, got.Undecided(), "it may be decided once there is a price: %s", got)
	}
	d := newDesk(t, nil)
	call := ledger.NewOption("XYZ", 20271217, ledger.Call, dec("900"), "USD")
	d.Mark(t, call, "1")
	d.Hold(t, call, "1", "1")
	d.Mark(t, call, "0")
	require.True(t, d.Portfolio.Check(order("", xyz, "1")).Allowed, "an option that is worth nothing")
}

// A mark from a clock that is ahead hides none that comes after it.
func TestAMarkFromAFastClockHidesNothing(t *testing.T) {
	d := newDesk(t, nil)
	mark := func(price string, ahead time.Duration) {
		require.NoError(t, d.Portfolio.Mark(ledger.Mark{Instrument: abc, Price: dec(price), Time: d.Now().Add(ahead)}))
	}
	d.Hold(t, abc, "10", "100")
	mark("100", 5*time.Minute)
	d.Advance(time.Second)
	mark("50", 0)
	v, ok := d.Portfolio.Position(abc.Key())
	require.True(t, ok)
	require.Equal(t, "10", v.Quantity.String())
	require.Equal(t, "99500", d.Portfolio.Snapshot().Equity.String(), "the later mark counts")
	require.NoError(t, d.Portfolio.MarkFX(ledger.FXRate{Currency: "EUR", Rate: dec("2"), Time: d.Now().Add(5 * time.Minute)}))
	d.Advance(time.Second)
	d.Rate(t, "EUR", "1")
	d.Cash(t, ledger.Deposit, "EUR", "100")
	require.Equal(t, "99600", d.Portfolio.Snapshot().Equity.String(), "the later rate counts")
}

// A duplicate is found behind an order that a process with a slower clock has written.
func TestADuplicateIsFoundBehindASlowerClock(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.DuplicateWindow, l.OrdersPerMinute = 30*time.Second, 3 })
	d.Accept(t, order("one", xyz, "1", "100"))
	d.Advance(-time.Minute)
	d.Accept(t, order("slow", xyz, "2", "100"))
	d.Advance(time.Minute + time.Second)
	d.Mark(t, xyz, "100")
	require.True(t, d.Portfolio.Check(order("two", xyz, "1", "100")).Broken(risk.RuleDuplicate), "the same order a second ago")
	d.Accept(t, order("three", xyz, "3", "100"))
	d.Accept(t, order("four", xyz, "4", "100"))
	require.True(t, d.Portfolio.Check(order("five", xyz, "5", "100")).Broken(risk.RuleOrderRate), "three in a minute, whatever lies between them")
}
