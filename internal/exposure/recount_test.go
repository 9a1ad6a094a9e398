package exposure_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// execution is a trade of a desk in XYZ, at a number of seconds from the desk's beginning.
func execution(d *desktest.Desk, root, version int, order ledger.OrderID, quantity, price string, at time.Duration) ledger.Trade {
	return ledger.Trade{ExecID: ledger.ExecID(fmt.Sprintf("0001.%04d.01.%02d", root, version)), OrderID: order, Instrument: xyz,
		Quantity: dec(quantity), Price: dec(price), Time: desktest.Now.Add(at)}
}

// remaining returns what is left of the working orders, by id, of a report that every process agrees on.
func remaining(t *testing.T, d *desktest.Desk) map[ledger.OrderID]string {
	t.Helper()
	left := map[ledger.OrderID]string{}
	for _, o := range d.Portfolio.Snapshot().Risk.Orders {
		left[o.ID] = o.Remaining().String()
	}
	again := d.Reopen(t).Snapshot().Risk.Orders
	require.Len(t, again, len(left), "another process has other working orders")
	for _, o := range again {
		require.Equal(t, left[o.ID], o.Remaining().String(), "another process has another remainder of %s", o.ID)
	}
	require.NoError(t, d.Portfolio.Verify(t.Context()))
	return left
}

// What is left of an order follows the executions in force.
func TestAnOrdersRemainderFollowsItsExecutions(t *testing.T) {
	fill := func(version int, quantity string) func(*desktest.Desk) ledger.Fact {
		return func(d *desktest.Desk) ledger.Fact { return execution(d, 1, version, "o", quantity, "100", time.Second) }
	}
	cancel := func(*desktest.Desk) ledger.Fact {
		return ledger.Cancellation{ExecID: "c", Cancels: "0001.0001.01.01", Time: desktest.Now.Add(time.Minute)}
	}
	more := func(d *desktest.Desk) ledger.Fact { return execution(d, 2, 1, "o", "50", "100", 2*time.Second) }
	for name, c := range map[string]struct {
		facts []func(*desktest.Desk) ledger.Fact
		left  map[ledger.OrderID]string
	}{
		"filled in part, and corrected to less":       {[]func(*desktest.Desk) ledger.Fact{fill(1, "60"), fill(2, "50")}, map[ledger.OrderID]string{"o": "50"}},
		"filled in part, and corrected to more":       {[]func(*desktest.Desk) ledger.Fact{fill(1, "60"), fill(2, "80")}, map[ledger.OrderID]string{"o": "20"}},
		"filled in part, and corrected to the whole":  {[]func(*desktest.Desk) ledger.Fact{fill(1, "60"), fill(2, "100")}, map[ledger.OrderID]string{}},
		"filled whole, and corrected to less":         {[]func(*desktest.Desk) ledger.Fact{fill(1, "100"), fill(2, "10")}, map[ledger.OrderID]string{"o": "90"}},
		"filled whole, and cancelled":                 {[]func(*desktest.Desk) ledger.Fact{fill(1, "100"), cancel}, map[ledger.OrderID]string{"o": "100"}},
		"filled in part, and cancelled":               {[]func(*desktest.Desk) ledger.Fact{fill(1, "60"), cancel}, map[ledger.OrderID]string{"o": "100"}},
		"filled by two, and one of them is cancelled": {[]func(*desktest.Desk) ledger.Fact{fill(1, "50"), more, cancel}, map[ledger.OrderID]string{"o": "50"}},
		"corrected twice":                             {[]func(*desktest.Desk) ledger.Fact{fill(1, "100"), fill(2, "10"), fill(3, "70")}, map[ledger.OrderID]string{"o": "30"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := desktest.NewDesk(t, nil)
			d.Accept(t, desktest.Order("o", xyz, "100"))
			for _, f := range c.facts {
				d.Record(t, f(d))
			}
			require.Equal(t, c.left, remaining(t, d))
			if left, works := c.left["o"]; works {
				require.NoError(t, d.Portfolio.Release(t.Context(), "o", "cancelled"), "what works can be released: %s", left)
			}
			require.Empty(t, remaining(t, d))
		})
	}
}

// An order that was released does not come back, whatever becomes of its executions.
func TestAReleasedOrderStaysReleased(t *testing.T) {
	d := desktest.NewDesk(t, nil)
	d.Accept(t, desktest.Order("o", xyz, "100"))
	d.Record(t, execution(d, 1, 1, "o", "60", "100", time.Second))
	require.NoError(t, d.Portfolio.Release(t.Context(), "o", "cancelled"))
	d.Record(t, execution(d, 1, 2, "o", "50", "100", time.Second))
	require.Empty(t, remaining(t, d))
	d.Record(t, ledger.Cancellation{ExecID: "c", Cancels: "0001.0001.01.02", Time: d.Now()})
	require.Empty(t, remaining(t, d))
}

// What works again after a correction counts against the limits.
func TestARestoredRemainderCountsAgainstLimits(t *testing.T) {
	d := desktest.NewDesk(t, func(l *risk.Limits) { l.GrossExposure = risk.Limit{Amount: dec("15000")} })
	d.Accept(t, desktest.Order("o", xyz, "100"))
	d.Record(t, execution(d, 1, 1, "o", "100", "100", 0), execution(d, 1, 2, "o", "10", "100", 0))
	got := d.Portfolio.Check(desktest.Order("", xyz, "60", "100"))
	require.True(t, got.Broken(risk.RuleGross), "90 are still working: %s", got)
	require.True(t, d.Portfolio.Check(desktest.Order("", xyz, "50", "100")).Allowed, "50 fit beside 10 and 90")
}

// The proceeds of a sale that is corrected, cancelled or late settle when those of any sale do.
func TestCorrectedAndLateSalesSettleLater(t *testing.T) {
	cash := func(l *risk.Limits) {
		l.Account, l.ShortSelling, l.UncoveredOptions = risk.CashAccount, false, false
	}
	desk := func(t *testing.T) *desktest.Desk {
		d := desktest.NewDesk(t, cash)
		d.Cash(t, ledger.Withdrawal, "USD", "-90000")
		d.Record(t, execution(d, 1, 1, "", "100", "100", 0)) // all cash is spent
		d.Mark(t, xyz, "100")
		return d
	}
	buys := func(d *desktest.Desk, quantity string) bool {
		return d.Portfolio.Check(desktest.Order("", xyz, quantity)).Allowed
	}
	t.Run("corrected upward", func(t *testing.T) {
		d := desk(t)
		d.Record(t, execution(d, 2, 1, "", "-100", "1", time.Second))
		require.False(t, buys(d, "1"), "100 settle tomorrow")
		d.Record(t, execution(d, 2, 2, "", "-100", "100", time.Second))
		require.False(t, buys(d, "1"), "10,000 settle tomorrow")
	})
	t.Run("cancelled, so that the cash is what it was", func(t *testing.T) {
		d := desk(t)
		d.Cash(t, ledger.Deposit, "USD", "5000")
		d.Record(t, execution(d, 2, 1, "", "-100", "100", time.Second))
		require.True(t, buys(d, "50"), "5,000 are settled")
		d.Record(t, ledger.Cancellation{ExecID: "c", Cancels: "0001.0002.01.01", Time: d.Now()})
		require.True(t, buys(d, "50"), "5,000 are settled still")
		require.False(t, buys(d, "51"))
	})
	t.Run("late", func(t *testing.T) {
		d := desk(t)
		d.Record(t, execution(d, 3, 1, "", "-50", "100", 2*time.Second))
		d.Record(t, execution(d, 2, 1, "", "-50", "100", time.Second))
		require.False(t, buys(d, "1"), "10,000 settle tomorrow")
	})
}

// A day trade is one whatever the order in which its executions are told.
func TestDayTradesFollowTheOrderOfExecutions(t *testing.T) {
	d := desktest.NewDesk(t, func(l *risk.Limits) { l.DayTrading = []risk.DatedPolicy{{Policy: risk.PatternDayTrader}} })
	d.Cash(t, ledger.Withdrawal, "USD", "-80000")
	opens := func() risk.Decision { return d.Portfolio.Check(desktest.Order("", xyz, "1")) }
	for i := range 3 { // bought, sold, bought, and the sale is told after the second purchase
		s := time.Duration(i) * time.Minute
		d.Set(desktest.Now.Add(s + 30*time.Second))
		d.Mark(t, xyz, "100")
		require.True(t, opens().Allowed, "after %d day trades: %s", i, opens())
		d.Record(t, execution(d, 3*i, 1, "", "1", "100", s))
		d.Record(t, execution(d, 3*i+2, 1, "", "1", "100", s+20*time.Second))
		d.Record(t, execution(d, 3*i+1, 1, "", "-1", "100", s+10*time.Second))
	}
	d.Mark(t, xyz, "100")
	require.True(t, opens().Broken(risk.RuleDayTrades), "the fourth would be let pass: %s", opens())
	d.Record(t, ledger.Cancellation{ExecID: "c", Cancels: "0001.0001.01.01", Time: d.Now()})
	require.True(t, opens().Allowed, "one of the three was none: %s", opens())
	require.NoError(t, d.Portfolio.Verify(t.Context()))
}

// Yesterday's day trades count though they are told behind the orders of today.
func TestDayTradesOfEarlierDaysCountWhenTheyAreToldToday(t *testing.T) {
	d := desktest.NewDesk(t, func(l *risk.Limits) { l.DayTrading = []risk.DatedPolicy{{Policy: risk.PatternDayTrader}} })
	d.Cash(t, ledger.Withdrawal, "USD", "-80000")
	d.Advance(24 * time.Hour)
	d.Mark(t, xyz, "100")
	d.Accept(t, desktest.Order("today", xyz, "1", "90"))
	for i := range 6 {
		quantity := []string{"2", "-1"}[i%2]
		d.Record(t, execution(d, i, 1, "", quantity, "100", time.Duration(i)*time.Second))
	}
	got := d.Portfolio.Check(desktest.Order("", xyz, "1"))
	require.True(t, got.Broken(risk.RuleDayTrades), "three day trades of yesterday: %s", got)
}
