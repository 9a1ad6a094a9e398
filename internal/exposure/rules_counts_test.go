package exposure_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// TestDuplicates: the same contract, side, quantity and price within the window is the same order sent twice.
func TestDuplicates(t *testing.T) {
	window := 5 * time.Second
	dup := broken(risk.RuleDuplicate, "STK:XYZ:USD", "0", "0")
	d := newDesk(t, func(l *risk.Limits) { l.DuplicateWindow = window })
	d.Mark(t, abc, "10")
	d.Accept(t, order("first", xyz, "10", "100"))
	d.Refuse(t, order("at once", xyz, "10", "100"), dup)
	d.Refuse(t, order("same price", xyz, "10.0", "100.00"), dup)
	d.Accept(t, order("contract", abc, "10", "10"))
	d.Accept(t, order("side", xyz, "-10", "100"))
	d.Accept(t, order("quantity", xyz, "10.01", "100"))
	d.Accept(t, order("price", xyz, "10", "100.01"))
	d.Accept(t, order("market", xyz, "10"))
	require.NoError(t, d.Portfolio.Release(t.Context(), "first", "rejected"))
	d.Advance(window - time.Microsecond)
	d.Refuse(t, order("just inside", xyz, "10", "100"), dup)
	d.Restart(t)
	d.Mark(t, xyz, "100")
	d.Mark(t, abc, "10")
	d.Refuse(t, order("restart", xyz, "10", "100"), dup)
	d.Advance(time.Microsecond)
	d.Accept(t, order("just outside", xyz, "10", "100")) // refused ones do not count
	d.Refuse(t, order("anew", xyz, "10", "100"), dup)

	d.Fill(t, "just outside", xyz, "10", "100")
	d.Fill(t, "", xyz, "10", "100")
	require.NoError(t, d.Portfolio.Release(t.Context(), "side", "cancelled"))
	d.Exit(t, order("exit", xyz, "-10", "100"))
	d.Exit(t, order("another exit", xyz, "-10", "100"))
}

// TestOrderRate: so many orders in any 60 seconds; refused ones do not count, released ones do.
func TestOrderRate(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.OrdersPerMinute = 3 })
	over := broken(risk.RuleOrderRate, "", "4", "3")
	d.Accept(t, order("1", xyz, "1"))
	d.Advance(30 * time.Second)
	d.Accept(t, order("2", xyz, "2"))
	d.Accept(t, order("3", xyz, "3"))
	require.NoError(t, d.Portfolio.Release(t.Context(), "3", "cancelled"))
	d.Refuse(t, order("4", xyz, "4"), over)
	d.Advance(30*time.Second - time.Microsecond)
	d.Refuse(t, order("5", xyz, "5"), over)
	d.Advance(time.Microsecond)
	d.Accept(t, order("6", xyz, "6")) // the first is a minute old
	d.Refuse(t, order("7", xyz, "7"), over)
	d.Restart(t)
	d.Mark(t, xyz, "100")
	d.Refuse(t, order("8", xyz, "8"), over)
}

// TestCountsByDay: orders and trades are counted by the day in New York, or wherever the limits say.
func TestCountsByDay(t *testing.T) {
	for _, c := range []struct {
		zone     string
		midnight time.Time
	}{
		{"", time.Date(2026, 6, 2, 4, 0, 0, 0, time.UTC)},
		{"America/New_York", time.Date(2026, 12, 2, 5, 0, 0, 0, time.UTC)},
		{"Asia/Tokyo", time.Date(2026, 6, 2, 15, 0, 0, 0, time.UTC)},
	} {
		t.Run(c.zone+c.midnight.String(), func(t *testing.T) {
			d := newDesk(t, func(l *risk.Limits) { l.TimeZone, l.OrdersPerDay, l.TradesPerDay = c.zone, 2, 2 })
			d.Set(c.midnight.Add(-time.Hour))
			d.Mark(t, xyz, "100")
			d.Accept(t, order("1", xyz, "1"))
			d.Fill(t, "1", xyz, "1", "100")
			d.Set(c.midnight.Add(-time.Microsecond))
			d.Mark(t, xyz, "100")
			d.Accept(t, order("2", xyz, "1"))
			d.Refuse(t, order("3", xyz, "1"), broken(risk.RuleOrders, "", "3", "2"))
			d.Fill(t, "2", xyz, "0.5", "100") // each execution is a trade
			d.Refuse(t, order("4", xyz, "1"), broken(risk.RuleOrders, "", "3", "2"), broken(risk.RuleTrades, "", "3", "2"))
			d.Restart(t)
			d.Mark(t, xyz, "100")
			d.Refuse(t, order("5", xyz, "1"), broken(risk.RuleOrders, "", "3", "2"), broken(risk.RuleTrades, "", "3", "2"))
			d.Set(c.midnight)
			d.Mark(t, xyz, "100")
			d.Accept(t, order("6", xyz, "1"))
			d.Fills++
			d.Record(t, ledger.Trade{ExecID: "late", Instrument: xyz, Quantity: dec("1"), Price: dec("100"), Time: c.midnight.Add(-time.Minute)})
			d.Accept(t, order("7", xyz, "1"))
			d.Refuse(t, order("8", xyz, "1"), broken(risk.RuleOrders, "", "3", "2")) // the late trade was yesterday's
		})
	}
}

// trader is a desk under the pattern-day-trader rule with 24,999.99 of equity, and the time it makes day trades at.
func trader(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t, func(l *risk.Limits) {
		l.MarkAge = 1000 * time.Hour
		l.DayTrading = []risk.DatedPolicy{{Policy: risk.PatternDayTrader}}
	})
	d.Cash(t, ledger.Withdrawal, "USD", "-75000.01")
	return d
}

func dayTrade(t testing.TB, d *desk) {
	t.Helper()
	d.Fill(t, "", xyz, "1", "100")
	d.Fill(t, "", xyz, "-1", "100")
}

// TestPatternDayTrader: below 25,000 USD nothing is opened after three day trades in five business days.
func TestPatternDayTrader(t *testing.T) {
	third := broken(risk.RuleDayTrades, "", "3", "3")
	d := trader(t)
	dayTrade(t, d)
	dayTrade(t, d)
	d.Accept(t, order("two", xyz, "1"))
	dayTrade(t, d)
	d.Refuse(t, order("three", xyz, "1"), third)
	d.Cash(t, ledger.Deposit, "USD", "0.01") // 25,000 exactly
	d.Accept(t, order("rich", xyz, "2"))
	require.NoError(t, d.Portfolio.Release(t.Context(), "rich", "cancelled"))
	d.Cash(t, ledger.Withdrawal, "USD", "-0.01")
	d.Restart(t)
	d.Mark(t, xyz, "100")
	d.Refuse(t, order("restart", xyz, "1"), third)

	d.Tighten(t, func(l *risk.Limits) { l.Account = risk.CashAccount })
	d.Accept(t, order("cash accounts are free", xyz, "3"))
	d.Tighten(t, func(l *risk.Limits) { l.Account, l.DayTrading = risk.MarginAccount, nil })
	d.Accept(t, order("no policy", xyz, "4"))
}

// TestPatternDayTraderWindow: Monday's day trades count up to Friday, and no longer on the next
// Monday; a holiday is no business day.
func TestPatternDayTraderWindow(t *testing.T) {
	day := func(month time.Month, day int) time.Time { return time.Date(2026, month, day, 15, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct{ made, counts, free time.Time }{
		"a week":                     {day(6, 1), day(6, 5), day(6, 8)},
		"from the middle of a week":  {day(6, 3), day(6, 9), day(6, 10)},
		"with Juneteenth in between": {day(6, 15), day(6, 22), day(6, 23)}, // 15, 16, 17, 18, not 19, 22
		"with Good Friday":           {day(4, 1), day(4, 8), day(4, 9)},    // 1, 2, not 3, 6, 7, 8
	} {
		t.Run(name, func(t *testing.T) {
			d := trader(t)
			d.Set(c.made.Add(time.Hour)) // the desk opened at another time; what counts is when trades were made
			for range 3 {
				dayTrade(t, d)
			}
			d.Set(c.counts)
			require.NoError(t, d.Portfolio.Mark(ledger.Mark{Instrument: xyz, Price: dec("100"), Time: c.counts}))
			d.Restart(t)
			d.Mark(t, xyz, "100")
			d.Refuse(t, order("counts", xyz, "1"), broken(risk.RuleDayTrades, "", "3", "3"))
			d.Set(c.free)
			d.Mark(t, xyz, "100")
			d.Accept(t, order("free", xyz, "1"))
		})
	}
}

// TestWhatIsADayTrade counts by what is refused: two day trades are made before.
func TestWhatIsADayTrade(t *testing.T) {
	for name, c := range map[string]struct {
		trade func(t *testing.T, d *desk)
		is    bool
	}{
		"bought and sold": {func(t *testing.T, d *desk) { dayTrade(t, d) }, true},
		"sold short and bought": {func(t *testing.T, d *desk) {
			d.Fill(t, "", xyz, "-1", "100")
			d.Fill(t, "", xyz, "1", "100")
		}, true},
		"flipped":     {func(t *testing.T, d *desk) { d.Fill(t, "", xyz, "1", "100"); d.Fill(t, "", xyz, "-2", "100") }, true},
		"bought only": {func(t *testing.T, d *desk) { d.Fill(t, "", xyz, "1", "100") }, false},
		"sold the next day": {func(t *testing.T, d *desk) {
			d.Fill(t, "", xyz, "1", "100")
			d.Advance(24 * time.Hour)
			d.Fill(t, "", xyz, "-1", "100")
		}, false},
		"sold what was held, and bought again": {func(t *testing.T, d *desk) {
			d.Fill(t, "", abc, "1", "10")
			d.Advance(24 * time.Hour)
			d.Fill(t, "", abc, "-1", "10")
			d.Fill(t, "", abc, "1", "10")
			d.Mark(t, abc, "10")
		}, false},
		"different contracts": {func(t *testing.T, d *desk) {
			d.Fill(t, "", abc, "1", "10")
			d.Mark(t, abc, "10")
			d.Fill(t, "", xyz, "-1", "100")
		}, false},
		"expired": {func(t *testing.T, d *desk) {
			today := option("XYZ", 20260601, ledger.Call, "200")
			d.Fill(t, "", today, "1", "1")
			d.Record(t, ledger.Trade{ExecID: "expiry", Kind: ledger.Expiry, Instrument: today, Quantity: dec("-1"), Time: d.Now()})
		}, false},
		"a late fill of the day before does not hide the opening": {func(t *testing.T, d *desk) {
			d.Fill(t, "", xyz, "2", "100")
			d.Record(t, ledger.Trade{ExecID: "late", Instrument: xyz, Quantity: dec("1"), Price: dec("100"), Time: d.Now().AddDate(0, 0, -3)})
			d.Fill(t, "", xyz, "-2", "100")
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := trader(t)
			dayTrade(t, d)
			dayTrade(t, d)
			c.trade(t, d)
			got := d.Portfolio.Check(order("", xyz, "5"))
			require.Equal(t, c.is, got.Broken(risk.RuleDayTrades), "%s", got)
			require.Equal(t, !c.is, got.Allowed, "%s", got)
		})
	}
	d := trader(t)
	d.Fill(t, "", xyz, "4", "100")
	for range 4 { // one now, closed in four parts, is one day trade
		d.Fill(t, "", xyz, "-1", "100")
	}
	dayTrade(t, d)
	d.Accept(t, order("two", xyz, "1"))
}

// TestDatedPolicies: on the day from which it holds another policy takes over.
func TestDatedPolicies(t *testing.T) {
	d := trader(t)
	d.Tighten(t, func(l *risk.Limits) {
		l.DayTrading = []risk.DatedPolicy{
			{Policy: risk.PatternDayTrader}, {From: 20260603, Policy: risk.DayTradesFree}, {From: 20260604, Policy: risk.IntradayMargin},
		}
	})
	last := func(day int) { d.Set(time.Date(2026, 6, day, 3, 59, 59, 999999000, time.UTC)); d.Mark(t, xyz, "100") } // in New York, the day before
	for range 3 {
		dayTrade(t, d)
	}
	last(3)
	pattern := broken(risk.RuleDayTrades, "", "3", "3")
	d.Refuse(t, order("pattern", xyz, "1"), pattern)
	d.Advance(time.Microsecond)
	d.Accept(t, order("free", xyz, "1"))
	last(4)
	require.Equal(t, []string{broken(risk.RuleBuyingPower, "", "50050", "24999.99")}, allSaid(d.Portfolio.Check(order("", xyz, "1000")).Violations))
	d.Advance(time.Microsecond)
	require.Equal(t, []string{broken(risk.RuleBuyingPower, "", "50050", "24999.99"), broken(risk.RuleDayTrades, "", "25025", "24999.99")},
		allSaid(d.Portfolio.Check(order("", xyz, "1000")).Violations), "25 %% of 100,100 are more than there is")
	d.Accept(t, order("intraday", xyz, "2"))
}

// TestWorkingOrdersCount: every working order counts at once and in full, in whichever combination of fills is worst.
func TestWorkingOrdersCount(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.PositionSize = risk.Limit{Amount: dec("10000")} })
	size := func(actual string) string { return broken(risk.RulePosition, "STK:XYZ:USD", actual, "10000") }
	for i := range 4 {
		d.Accept(t, order(ledger.OrderID(fmt.Sprint("buy", i)), xyz, "20")) // 8,000
	}
	d.Refuse(t, order("one too many", xyz, "20.01"), size("10001"))
	d.Accept(t, order("sell", xyz, "-100")) // alone it makes 10,000 short, whatever else
	d.Refuse(t, order("sell more", xyz, "-0.01"), size("10001"))
	d.Accept(t, order("buy", xyz, "20"))
	d.Refuse(t, order("buy more", xyz, "0.01"), size("10001"))
	d.Fill(t, "buy0", xyz, "15", "100") // what is filled moves from working to held
	d.Refuse(t, order("still", xyz, "0.01"), size("10001"))
	require.NoError(t, d.Portfolio.Release(t.Context(), "buy0", "cancelled")) // 5 are given back
	d.Refuse(t, order("over", xyz, "5.01"), size("10001"))
	d.Accept(t, order("back", xyz, "5"))
	d.Refuse(t, order("less short", xyz, "-15.01"), size("10001")) // 15 held, 100 being sold: 15 more make 100 short
	d.Accept(t, order("short", xyz, "-15"))
	d.Fill(t, "", xyz, "1", "100") // of no order: it counts on top
	d.Refuse(t, order("unnamed", xyz, "0.01"), size("10101"))

	high := newDesk(t, func(l *risk.Limits) { l.PositionSize = risk.Limit{Amount: dec("10000")} })
	high.Accept(t, order("at its own price", xyz, "50", "120"))
	high.Accept(t, order("at the mark", xyz, "40", "90"))
	high.Refuse(t, order("over", xyz, "0.01", "1"), size("10001"))
	high.Fill(t, "at its own price", xyz, "50", "120") // 5,000 at the mark
	high.Accept(t, order("room", xyz, "10", "90"))

	flip := newDesk(t, nil)
	flip.Hold(t, xyz, "-10", "100")
	flip.Accept(t, order("first", xyz, "20", "100"))
	flip.Accept(t, order("second", xyz, "10", "120"))
	require.Equal(t, "2400", flip.Portfolio.Snapshot().Risk.Gross.String(), "20 long if both fill, at the higher price at most")
	flip.Accept(t, order("third", xyz, "-30", "130"))
	require.Equal(t, "4900", flip.Portfolio.Snapshot().Risk.Gross.String(), "40 short if the sale alone fills: 10 × 100 + 30 × 130")
	long := newDesk(t, nil)
	long.Hold(t, xyz, "10", "100")
	long.Accept(t, order("first", xyz, "-20", "100"))
	long.Accept(t, order("second", xyz, "-10", "120"))
	require.Equal(t, "2400", long.Portfolio.Snapshot().Risk.Gross.String(), "20 short if both fill, at the higher price at most")
}

// TestBrokerAheadOfMidnight: a fill by a broker whose clock is ahead, and past midnight, does not
// stop orders from being counted.
func TestBrokerAheadOfMidnight(t *testing.T) {
	midnight := time.Date(2026, 6, 2, 4, 0, 0, 0, time.UTC)
	d := newDesk(t, func(l *risk.Limits) { l.OrdersPerDay = 2 })
	d.Set(midnight.Add(-time.Minute))
	d.Mark(t, xyz, "100")
	d.Record(t, ledger.Trade{ExecID: "ahead", Instrument: xyz, Quantity: dec("1"), Price: dec("100"), Time: midnight.Add(time.Minute)})
	d.Accept(t, order("1", xyz, "1"))
	d.Accept(t, order("2", xyz, "2"))
	d.Refuse(t, order("3", xyz, "3"), broken(risk.RuleOrders, "", "3", "2"))
}

// Where the clock is put forward over midnight, the day begins later, also if Check asked for the day
// before that.
func TestDaysThatDoNotBeginAtMidnight(t *testing.T) {
	for name, day := range map[string][3]int{"America/Santiago": {2026, 9, 6}, "America/Havana": {2026, 3, 8}, "Africa/Cairo": {2026, 4, 24}} {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		at := func(days, hour, minute int) time.Time {
			return time.Date(day[0], time.Month(day[1]), day[2]+days, hour, minute, 0, 0, zone)
		}
		d := newDesk(t, func(l *risk.Limits) { l.TimeZone, l.TradesPerDay, l.MarkAge = name, 1, 1000*time.Hour })
		d.Set(at(-1, 22, 0))
		d.Mark(t, xyz, "100")
		d.Accept(t, order("first", xyz, "1"))
		d.Set(at(0, 1, 30))
		d.Portfolio.Check(order("peek", xyz, "1"))
		d.Record(t, ledger.Trade{ExecID: "late", Instrument: xyz, Quantity: dec("1"), Price: dec("100"), Time: at(-1, 23, 30)})
		live := d.Portfolio.Check(order("x", xyz, "2"))
		d.Restart(t)
		d.Mark(t, xyz, "100")
		require.Equal(t, live, d.Portfolio.Check(order("x", xyz, "2")), "%s: a restart changed what day it was", name)
	}
}
