package accounts_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/sizing"
)

// Routed again when one profile's order is filled, a signal for all or none leaves the others' orders at work:
// all took it when it was routed first.
func TestAllOrNoneRoutedAgainAfterAFill(t *testing.T) {
	f := newFleet(t)
	out := f.route(t, buy("s"), accounts.AllOrNone())
	fill := trade(1, xyz, "25", "100")
	fill.OrderID = out[0].Order.ID
	_, err := f.open(t, "p1").Record(t.Context(), fill)
	require.NoError(t, err)
	require.Equal(t, []string{"order_done", "held", "held", "held"}, rules(f.route(t, buy("s"), accounts.AllOrNone())))
	require.Equal(t, []int{0, 1, 1, 1}, f.working(t), "orders that may be at the broker must stay held")
}

func TestASizerThatPanicsFailsItsProfileAlone(t *testing.T) {
	f := newFleet(t)
	out := f.route(t, buy("s"), accounts.WithSizer(sizing.Func(func(s sizing.Sizing) (ledger.Decimal, error) {
		if s.Profile == "p2" {
			panic("no model")
		}
		return dec("200"), nil
	})))
	require.Equal(t, []string{"held", "order_size", "held", "held"}, rules(out))
	require.Contains(t, out[1].Decision.Violations[0].Reason, "no model")
}

func TestASizersReasonIsKeptShortAndTheSame(t *testing.T) {
	f := newFleet(t)
	out := f.route(t, buy("s"), accounts.WithSizer(sizing.Func(func(sizing.Sizing) (ledger.Decimal, error) {
		return dec("1"), errors.New(strings.Repeat("\xff\nä", 1<<20))
	})))
	reason := out[0].Decision.Violations[0].Reason
	require.Less(t, len(reason), 1000, "a journal is no place for a log")
	again, err := newManagerOn(t, f.store).Route(t.Context(), buy("s"))
	require.NoError(t, err)
	require.Equal(t, reason, again[0].Decision.Violations[0].Reason)
}

// A manager that opened the profile before any order was decided can let go of one that another has held.
func TestReleaseByAManagerThatIsBehind(t *testing.T) {
	for range 20 { // it may happen to have heard of the order
		d := newDesk(t, nil)
		behind, err := d.another(t).Portfolio(t.Context(), d.profile.ID)
		require.NoError(t, err)
		d.accept(t, order("a", xyz, "10"))
		require.NoError(t, behind.Release(t.Context(), "a", "cancelled"))
		require.ErrorIs(t, behind.Release(t.Context(), "b", "cancelled"), accounts.ErrOrderNotFound)
	}
}

// An exit is held against no limit: it cannot take its underlying to a sector that has no room for it.
func TestAnExitMovesNothingToAnotherSector(t *testing.T) {
	abc := ledger.NewStock("ABC", "USD")
	d := newDesk(t, func(l *risk.Limits) { l.SectorExposure = risk.Limit{Amount: dec("20000")} })
	d.mark(t, abc, "100")
	in := func(sector string, o risk.Order) risk.Order { o.Sector = sector; return o }
	d.accept(t, in("tech", order("a", xyz, "200")))
	d.fill(t, "a", xyz, "200", "100")
	d.accept(t, in("bank", order("b", abc, "200")))
	d.fill(t, "b", abc, "200", "100")
	d.exit(t, in("bank", order("c", xyz, "-1")))
	for range 2 {
		for _, u := range d.portfolio.Snapshot().Risk.Usage {
			require.False(t, u.Rule == risk.RuleSector && u.Used.GreaterThan(u.Limit), "sector %s has %s of %s", u.Subject, u.Used, u.Limit)
		}
		d.restart(t)
		d.mark(t, xyz, "100")
		d.mark(t, abc, "100")
	}
}

// The margin of a short option is made of its underlying's mark: an old one tells nothing.
func TestAShortOptionNeedsARecentMarkOfItsUnderlying(t *testing.T) {
	d := newDesk(t, nil)
	option := ledger.NewOption("XYZ", 20270115, ledger.Call, dec("100"), "USD")
	d.mark(t, xyz, "20")
	d.mark(t, option, "5")
	d.accept(t, order("while it is fresh", option, "-1"))
	d.advance(5*time.Minute + time.Second)
	d.mark(t, option, "5")
	got := d.portfolio.Check(order("stale", option, "-2"))
	require.True(t, got.Broken(risk.RuleStaleMark), got.String())
	require.True(t, got.Broken(risk.RuleEquity), "what is held is margined by it: %s", got)
	require.NoError(t, d.portfolio.Release(t.Context(), "while it is fresh", "cancelled"))
	require.True(t, d.portfolio.Check(order("long", option, "1")).Allowed, "what is bought needs no margin")
	d.mark(t, xyz, "20")
	d.accept(t, order("fresh again", option, "-2"))
}

// Where the clock is put forward over midnight, the day begins later, whoever asked for it before.
func TestDaysThatDoNotBeginAtMidnight(t *testing.T) {
	for name, day := range map[string][3]int{"America/Santiago": {2026, 9, 6}, "America/Havana": {2026, 3, 8}, "Africa/Cairo": {2026, 4, 24}} {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		at := func(days, hour, minute int) time.Time {
			return time.Date(day[0], time.Month(day[1]), day[2]+days, hour, minute, 0, 0, zone)
		}
		d := newDesk(t, func(l *risk.Limits) { l.TimeZone, l.TradesPerDay, l.MarkAge = name, 1, 1000*time.Hour })
		d.set(at(-1, 22, 0))
		d.mark(t, xyz, "100")
		d.accept(t, order("first", xyz, "1"))
		d.set(at(0, 1, 30))
		d.portfolio.Check(order("peek", xyz, "1"))
		d.record(t, ledger.Trade{ExecID: "late", Instrument: xyz, Quantity: dec("1"), Price: dec("100"), Time: at(-1, 23, 30)})
		live := d.portfolio.Check(order("x", xyz, "2"))
		d.restart(t)
		d.mark(t, xyz, "100")
		require.Equal(t, live, d.portfolio.Check(order("x", xyz, "2")), "%s: a restart changed what day it was", name)
	}
}

func TestARecoveryIsNotMissedByARounding(t *testing.T) {
	b := newBench(t)
	for i, e := range []string{"99000", "107552", "71826", "107552", "100000"} {
		_, err := b.portfolio.Record(t.Context(), ledger.EquityPoint{Time: day0.AddDate(0, 0, i), Equity: dec(e), Cash: dec(e), Capital: dec("99000")})
		require.NoError(t, err)
	}
	p, err := b.portfolio.Performance(t.Context(), performance.Window{})
	require.NoError(t, err)
	require.Equal(t, ledger.DateOf(day0.AddDate(0, 0, 3)), p.DrawdownRecovery)
	require.Equal(t, 2, p.DrawdownDays)
}

// An index beyond all numbers is not defined, and does not take the comparison's JSON with it.
func TestFiguresBeyondNumbersAreNone(t *testing.T) {
	b := newBench(t)
	small, big := dec("0.000000000001"), dec("100000000000000")
	capital := small
	for i := range 14 {
		for j, e := range []ledger.Decimal{small, big} {
			_, err := b.portfolio.Record(t.Context(), ledger.EquityPoint{Time: day0.AddDate(0, 0, 2*i+j), Equity: e, Cash: e, Capital: capital})
			require.NoError(t, err)
		}
		capital = capital.Sub(big).Add(small)
	}
	c, err := b.manager.Compare(t.Context(), performance.Window{})
	require.NoError(t, err)
	require.Nil(t, c.Standings[0].Performance.TimeWeighted)
	text, err := json.Marshal(c)
	require.NoError(t, err)
	require.NotContains(t, string(text), ":-0,")
}

// An equity point that is brought in after a withdrawal, behind a newer one or as the first, tells of no drawdown.
func TestAWithdrawalIsNoDrawdownOfAnOlderPoint(t *testing.T) {
	for name, first := range map[string]bool{"the first point": true, "behind a newer one": false} {
		d := newDesk(t, nil)
		d.advance(24 * time.Hour)
		d.cash(t, ledger.Withdrawal, "USD", "-80000")
		d.mark(t, xyz, "100")
		if !first {
			d.equityPoint(t)
		}
		d.record(t, ledger.EquityPoint{Time: opening.Add(time.Hour), Equity: dec("100000"), Cash: dec("100000"), Capital: dec("100000")})
		report := d.portfolio.Snapshot().Risk
		require.True(t, report.Drawdown.IsZero(), "%s: a drawdown of %s", name, report.Drawdown)
		d.accept(t, order("a", xyz, "1"))
		d.record(t, ledger.EquityPoint{Time: opening.Add(2 * time.Hour), Equity: dec("105000"), Cash: dec("105000"), Capital: dec("100000")})
		require.Equal(t, "25000", d.portfolio.Snapshot().HighWater.String(), "%s: what was lost from there is", name)
		live := d.portfolio.Snapshot()
		d.restart(t)
		require.Equal(t, live.HighWater, d.portfolio.Snapshot().HighWater, name)
	}
}
