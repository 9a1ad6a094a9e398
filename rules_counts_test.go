package accounts_test

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
	d.mark(t, abc, "10")
	d.accept(t, order("first", xyz, "10", "100"))
	d.refuse(t, order("at once", xyz, "10", "100"), dup)
	d.refuse(t, order("same price", xyz, "10.0", "100.00"), dup)
	d.accept(t, order("contract", abc, "10", "10"))
	d.accept(t, order("side", xyz, "-10", "100"))
	d.accept(t, order("quantity", xyz, "10.01", "100"))
	d.accept(t, order("price", xyz, "10", "100.01"))
	d.accept(t, order("market", xyz, "10"))
	require.NoError(t, d.portfolio.Release(t.Context(), "first", "rejected"))
	d.advance(window - time.Microsecond)
	d.refuse(t, order("just inside", xyz, "10", "100"), dup)
	d.restart(t)
	d.mark(t, xyz, "100")
	d.mark(t, abc, "10")
	d.refuse(t, order("restart", xyz, "10", "100"), dup)
	d.advance(time.Microsecond)
	d.accept(t, order("just outside", xyz, "10", "100")) // refused ones do not count
	d.refuse(t, order("anew", xyz, "10", "100"), dup)

	d.fill(t, "just outside", xyz, "10", "100")
	d.fill(t, "", xyz, "10", "100")
	require.NoError(t, d.portfolio.Release(t.Context(), "side", "cancelled"))
	d.exit(t, order("exit", xyz, "-10", "100"))
	d.exit(t, order("another exit", xyz, "-10", "100"))
}

// TestOrderRate: so many orders in any 60 seconds; refused ones do not count, released ones do.
func TestOrderRate(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.OrdersPerMinute = 3 })
	over := broken(risk.RuleOrderRate, "", "4", "3")
	d.accept(t, order("1", xyz, "1"))
	d.advance(30 * time.Second)
	d.accept(t, order("2", xyz, "2"))
	d.accept(t, order("3", xyz, "3"))
	require.NoError(t, d.portfolio.Release(t.Context(), "3", "cancelled"))
	d.refuse(t, order("4", xyz, "4"), over)
	d.advance(30*time.Second - time.Microsecond)
	d.refuse(t, order("5", xyz, "5"), over)
	d.advance(time.Microsecond)
	d.accept(t, order("6", xyz, "6")) // the first is a minute old
	d.refuse(t, order("7", xyz, "7"), over)
	d.restart(t)
	d.mark(t, xyz, "100")
	d.refuse(t, order("8", xyz, "8"), over)
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
			d.set(c.midnight.Add(-time.Hour))
			d.mark(t, xyz, "100")
			d.accept(t, order("1", xyz, "1"))
			d.fill(t, "1", xyz, "1", "100")
			d.set(c.midnight.Add(-time.Microsecond))
			d.mark(t, xyz, "100")
			d.accept(t, order("2", xyz, "1"))
			d.refuse(t, order("3", xyz, "1"), broken(risk.RuleOrders, "", "3", "2"))
			d.fill(t, "2", xyz, "0.5", "100") // each execution is a trade
			d.refuse(t, order("4", xyz, "1"), broken(risk.RuleOrders, "", "3", "2"), broken(risk.RuleTrades, "", "3", "2"))
			d.restart(t)
			d.mark(t, xyz, "100")
			d.refuse(t, order("5", xyz, "1"), broken(risk.RuleOrders, "", "3", "2"), broken(risk.RuleTrades, "", "3", "2"))
			d.set(c.midnight)
			d.mark(t, xyz, "100")
			d.accept(t, order("6", xyz, "1"))
			d.fills++
			d.record(t, ledger.Trade{ExecID: "late", Instrument: xyz, Quantity: dec("1"), Price: dec("100"), Time: c.midnight.Add(-time.Minute)})
			d.accept(t, order("7", xyz, "1"))
			d.refuse(t, order("8", xyz, "1"), broken(risk.RuleOrders, "", "3", "2")) // the late trade was yesterday's
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
	d.cash(t, ledger.Withdrawal, "USD", "-75000.01")
	return d
}

func (d *desk) dayTrade(t testing.TB) {
	t.Helper()
	d.fill(t, "", xyz, "1", "100")
	d.fill(t, "", xyz, "-1", "100")
}

// TestPatternDayTrader: below 25,000 USD nothing is opened after three day trades in five business days.
func TestPatternDayTrader(t *testing.T) {
	third := broken(risk.RuleDayTrades, "", "3", "3")
	d := trader(t)
	d.dayTrade(t)
	d.dayTrade(t)
	d.accept(t, order("two", xyz, "1"))
	d.dayTrade(t)
	d.refuse(t, order("three", xyz, "1"), third)
	d.cash(t, ledger.Deposit, "USD", "0.01") // 25,000 exactly
	d.accept(t, order("rich", xyz, "2"))
	require.NoError(t, d.portfolio.Release(t.Context(), "rich", "cancelled"))
	d.cash(t, ledger.Withdrawal, "USD", "-0.01")
	d.restart(t)
	d.mark(t, xyz, "100")
	d.refuse(t, order("restart", xyz, "1"), third)

	d.tighten(t, func(l *risk.Limits) { l.Account = risk.CashAccount })
	d.accept(t, order("cash accounts are free", xyz, "3"))
	d.tighten(t, func(l *risk.Limits) { l.Account, l.DayTrading = risk.MarginAccount, nil })
	d.accept(t, order("no policy", xyz, "4"))
}

// TestPatternDayTraderWindow: Monday's day trades count up to Friday, and no longer on the next Monday; a holiday is no
// business day.
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
			d.set(c.made.Add(time.Hour)) // the desk opened at another time; what counts is when trades were made
			for range 3 {
				d.dayTrade(t)
			}
			d.set(c.counts)
			require.NoError(t, d.portfolio.Mark(ledger.Mark{Instrument: xyz, Price: dec("100"), Time: c.counts}))
			d.restart(t)
			d.mark(t, xyz, "100")
			d.refuse(t, order("counts", xyz, "1"), broken(risk.RuleDayTrades, "", "3", "3"))
			d.set(c.free)
			d.mark(t, xyz, "100")
			d.accept(t, order("free", xyz, "1"))
		})
	}
}

// TestWhatIsADayTrade counts by what is refused: two day trades are made before.
func TestWhatIsADayTrade(t *testing.T) {
	for name, c := range map[string]struct {
		trade func(t *testing.T, d *desk)
		is    bool
	}{
		"bought and sold": {func(t *testing.T, d *desk) { d.dayTrade(t) }, true},
		"sold short and bought": {func(t *testing.T, d *desk) {
			d.fill(t, "", xyz, "-1", "100")
			d.fill(t, "", xyz, "1", "100")
		}, true},
		"flipped":     {func(t *testing.T, d *desk) { d.fill(t, "", xyz, "1", "100"); d.fill(t, "", xyz, "-2", "100") }, true},
		"bought only": {func(t *testing.T, d *desk) { d.fill(t, "", xyz, "1", "100") }, false},
		"sold the next day": {func(t *testing.T, d *desk) {
			d.fill(t, "", xyz, "1", "100")
			d.advance(24 * time.Hour)
			d.fill(t, "", xyz, "-1", "100")
		}, false},
		"sold what was held, and bought again": {func(t *testing.T, d *desk) {
			d.fill(t, "", abc, "1", "10")
			d.advance(24 * time.Hour)
			d.fill(t, "", abc, "-1", "10")
			d.fill(t, "", abc, "1", "10")
			d.mark(t, abc, "10")
		}, false},
		"different contracts": {func(t *testing.T, d *desk) {
			d.fill(t, "", abc, "1", "10")
			d.mark(t, abc, "10")
			d.fill(t, "", xyz, "-1", "100")
		}, false},
		"expired": {func(t *testing.T, d *desk) {
			today := option("XYZ", 20260601, ledger.Call, "200")
			d.fill(t, "", today, "1", "1")
			d.record(t, ledger.Trade{ExecID: "expiry", Kind: ledger.Expiry, Instrument: today, Quantity: dec("-1"), Time: d.now()})
		}, false},
		"a late fill of the day before does not hide the opening": {func(t *testing.T, d *desk) {
			d.fill(t, "", xyz, "2", "100")
			d.record(t, ledger.Trade{ExecID: "late", Instrument: xyz, Quantity: dec("1"), Price: dec("100"), Time: d.now().AddDate(0, 0, -3)})
			d.fill(t, "", xyz, "-2", "100")
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := trader(t)
			d.dayTrade(t)
			d.dayTrade(t)
			c.trade(t, d)
			got := d.portfolio.Check(order("", xyz, "5"))
			require.Equal(t, c.is, got.Broken(risk.RuleDayTrades), "%s", got)
			require.Equal(t, !c.is, got.Allowed, "%s", got)
		})
	}
	d := trader(t)
	d.fill(t, "", xyz, "4", "100")
	for range 4 { // one opening, closed in four parts, is one day trade
		d.fill(t, "", xyz, "-1", "100")
	}
	d.dayTrade(t)
	d.accept(t, order("two", xyz, "1"))
}

// TestDatedPolicies: on the day from which it holds another policy takes over.
func TestDatedPolicies(t *testing.T) {
	d := trader(t)
	d.tighten(t, func(l *risk.Limits) {
		l.DayTrading = []risk.DatedPolicy{
			{Policy: risk.PatternDayTrader}, {From: 20260603, Policy: risk.DayTradesFree}, {From: 20260604, Policy: risk.IntradayMargin},
		}
	})
	last := func(day int) { d.set(time.Date(2026, 6, day, 3, 59, 59, 999999000, time.UTC)); d.mark(t, xyz, "100") } // in New York, the day before
	for range 3 {
		d.dayTrade(t)
	}
	last(3)
	pattern := broken(risk.RuleDayTrades, "", "3", "3")
	d.refuse(t, order("pattern", xyz, "1"), pattern)
	d.advance(time.Microsecond)
	d.accept(t, order("free", xyz, "1"))
	last(4)
	require.Equal(t, []string{broken(risk.RuleBuyingPower, "", "50050", "24999.99")}, allSaid(d.portfolio.Check(order("", xyz, "1000")).Violations))
	d.advance(time.Microsecond)
	require.Equal(t, []string{broken(risk.RuleBuyingPower, "", "50050", "24999.99"), broken(risk.RuleDayTrades, "", "25025", "24999.99")},
		allSaid(d.portfolio.Check(order("", xyz, "1000")).Violations), "25 %% of 100,100 are more than there is")
	d.accept(t, order("intraday", xyz, "2"))
}

// TestWorkingOrdersCount: every working order counts at once and in full, in whichever combination of fills is worst.
func TestWorkingOrdersCount(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.PositionSize = risk.Limit{Amount: dec("10000")} })
	size := func(actual string) string { return broken(risk.RulePosition, "STK:XYZ:USD", actual, "10000") }
	for i := range 4 {
		d.accept(t, order(ledger.OrderID(fmt.Sprint("buy", i)), xyz, "20")) // 8,000
	}
	d.refuse(t, order("one too many", xyz, "20.01"), size("10001"))
	d.accept(t, order("sell", xyz, "-100")) // alone it makes 10,000 short, whatever else
	d.refuse(t, order("sell more", xyz, "-0.01"), size("10001"))
	d.accept(t, order("buy", xyz, "20"))
	d.refuse(t, order("buy more", xyz, "0.01"), size("10001"))
	d.fill(t, "buy0", xyz, "15", "100") // what is filled moves from working to held
	d.refuse(t, order("still", xyz, "0.01"), size("10001"))
	require.NoError(t, d.portfolio.Release(t.Context(), "buy0", "cancelled")) // 5 are given back
	d.refuse(t, order("over", xyz, "5.01"), size("10001"))
	d.accept(t, order("back", xyz, "5"))
	d.refuse(t, order("less short", xyz, "-15.01"), size("10001")) // 15 held, 100 being sold: 15 more make 100 short
	d.accept(t, order("short", xyz, "-15"))
	d.fill(t, "", xyz, "1", "100") // of no order: it counts on top
	d.refuse(t, order("unnamed", xyz, "0.01"), size("10101"))

	high := newDesk(t, func(l *risk.Limits) { l.PositionSize = risk.Limit{Amount: dec("10000")} })
	high.accept(t, order("at its own price", xyz, "50", "120"))
	high.accept(t, order("at the mark", xyz, "40", "90"))
	high.refuse(t, order("over", xyz, "0.01", "1"), size("10001"))
	high.fill(t, "at its own price", xyz, "50", "120") // 5,000 at the mark
	high.accept(t, order("room", xyz, "10", "90"))

	flip := newDesk(t, nil)
	flip.hold(t, xyz, "-10", "100")
	flip.accept(t, order("first", xyz, "20", "100"))
	flip.accept(t, order("second", xyz, "10", "120"))
	require.Equal(t, "2400", flip.portfolio.Snapshot().Risk.Gross.String(), "20 long if both fill, at the higher price at most")
	flip.accept(t, order("third", xyz, "-30", "130"))
	require.Equal(t, "4900", flip.portfolio.Snapshot().Risk.Gross.String(), "40 short if the sale alone fills: 10 × 100 + 30 × 130")
	long := newDesk(t, nil)
	long.hold(t, xyz, "10", "100")
	long.accept(t, order("first", xyz, "-20", "100"))
	long.accept(t, order("second", xyz, "-10", "120"))
	require.Equal(t, "2400", long.portfolio.Snapshot().Risk.Gross.String(), "20 short if both fill, at the higher price at most")
}

// TestBrokerAheadOfMidnight: a fill by a broker whose clock is ahead, and past midnight, does not stop orders from being counted.
func TestBrokerAheadOfMidnight(t *testing.T) {
	midnight := time.Date(2026, 6, 2, 4, 0, 0, 0, time.UTC)
	d := newDesk(t, func(l *risk.Limits) { l.OrdersPerDay = 2 })
	d.set(midnight.Add(-time.Minute))
	d.mark(t, xyz, "100")
	d.record(t, ledger.Trade{ExecID: "ahead", Instrument: xyz, Quantity: dec("1"), Price: dec("100"), Time: midnight.Add(time.Minute)})
	d.accept(t, order("1", xyz, "1"))
	d.accept(t, order("2", xyz, "2"))
	d.refuse(t, order("3", xyz, "3"), broken(risk.RuleOrders, "", "3", "2"))
}
