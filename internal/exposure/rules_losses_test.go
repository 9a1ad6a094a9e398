package exposure_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/risk"
)

// losing is a desk with all of its 100,000 in 1,000 XYZ at 100 and an equity point, so that a point of XYZ is 1 %.
func losing(t *testing.T, tighten func(l *risk.Limits)) *desk {
	t.Helper()
	d := newDesk(t, func(l *risk.Limits) {
		l.MarkAge = 100 * time.Hour
		if tighten != nil {
			tighten(l)
		}
	})
	d.Hold(t, xyz, "1000", "100")
	d.Mark(t, abc, "10")
	d.EquityPoint(t)
	return d
}

// fallTo marks XYZ a second later.
func fallTo(t testing.TB, d *desk, price string) {
	t.Helper()
	d.Advance(time.Second)
	d.Mark(t, xyz, price)
}

func standing(d *desk) risk.Report { return d.Portfolio.Snapshot().Risk }

// TestDrawdownSeverities: at a threshold the milder severity holds, just over it the next; each means what it says.
func TestDrawdownSeverities(t *testing.T) {
	dd := func(severity, actual, limit string) string {
		return broken(risk.RuleDrawdown, severity, actual, limit)
	}
	state := broken(risk.RuleState, "", "0", "0")
	for _, c := range []struct {
		price    string
		severity risk.Severity
		add, new []string // what adding to XYZ and opening ABC break by Check
		reduces  bool     // trading only reduces from then on
	}{
		{"80", risk.SeverityNormal, nil, nil, false},
		{"79.999", risk.SeverityWarning, nil, nil, false},
		{"60", risk.SeverityWarning, nil, nil, false},
		{"59.999", risk.SeverityModerate, nil, []string{dd("moderate", "0.40001", "0.4")}, false},
		{"40", risk.SeverityModerate, nil, []string{dd("moderate", "0.6", "0.4")}, false},
		{"39.999", risk.SeveritySevere, []string{dd("severe", "0.60001", "0.6")}, []string{dd("severe", "0.60001", "0.6")}, true},
		{"20", risk.SeveritySevere, []string{dd("severe", "0.8", "0.6")}, []string{dd("severe", "0.8", "0.6")}, true},
		{"19.999", risk.SeverityCritical, []string{dd("critical", "0.80001", "0.6")}, []string{dd("critical", "0.80001", "0.6")}, true},
	} {
		t.Run("XYZ at "+c.price, func(t *testing.T) {
			d := losing(t, nil)
			breaches, err := d.Manager.Subscribe(t.Context(), accounts.EventBreach)
			require.NoError(t, err)
			fallTo(t, d, c.price)
			require.Equal(t, c.severity, standing(d).Severity, "the snapshot shows it at once, before anything is written")
			first := []string{}
			if c.reduces { // Check says what Reserve will, which writes the change of state first
				first = append(first, state)
			}
			require.Equal(t, allSaid(d.Portfolio.Check(order("", xyz, "1")).Violations), append(slices.Clone(first), c.add...), "adding to what is held")
			require.Equal(t, allSaid(d.Portfolio.Check(order("", abc, "1")).Violations), append(slices.Clone(first), c.new...), "opening what is not held")
			if !c.reduces {
				got := d.Accept(t, order("add", xyz, "0.01"))
				warned := c.severity >= risk.SeverityWarning
				require.Equal(t, warned, len(got.Warnings) > 0 && got.Warnings[0].Rule == risk.RuleDrawdown, "warnings: %v", got.Warnings)
				require.Equal(t, risk.TradingActive, standing(d).State)
				if c.new != nil {
					d.Refuse(t, order("new", abc, "1"), c.new...)
				} else {
					d.Accept(t, order("new", abc, "0.01"))
				}
			} else {
				d.RefuseAfter(t, order("add", xyz, "1"), append([]string{state}, c.add...)...)
				d.Refuse(t, order("new", abc, "1"), append([]string{state}, c.new...)...)
				r := standing(d)
				require.Equal(t, risk.TradingReducing, r.State, "trading must only reduce from then on")
				require.Equal(t, risk.RuleDrawdown, r.Cause)
			}
			if c.severity > risk.SeverityNormal {
				var b risk.Breach
				entry := d.LastEntry(t, risk.KindBreach, &b)
				require.Equal(t, c.severity, b.Severity, "the breach in the journal")
				e := await(t, breaches, func(e accounts.Event) bool { return e.Seq == entry.Seq })
				require.Equal(t, risk.RuleDrawdown, e.Rule)
				require.Contains(t, standing(d).Breaches, risk.Incident{Time: b.Time, Rule: risk.RuleDrawdown, Severity: c.severity}, "the snapshot must show the breach")
			}
			d.Exit(t, order("out", xyz, "-1000"))
		})
	}
}

// TestOnlyResumeLifts: what a severe drawdown began lasts over restarts and recovery, until a person resumes.
func TestOnlyResumeLifts(t *testing.T) {
	state := broken(risk.RuleState, "", "0", "0")
	d := losing(t, nil)
	fallTo(t, d, "39")
	d.EquityPoint(t) // nobody orders anything: the equity point alone brings it
	require.Equal(t, risk.TradingReducing, standing(d).State)
	d.Restart(t)
	d.Mark(t, xyz, "100")
	d.Mark(t, abc, "10")
	d.Refuse(t, order("recovered", xyz, "1"), state)
	require.Equal(t, risk.SeverityNormal, standing(d).Severity, "it has recovered")
	d.Restart(t)
	require.ErrorIs(t, d.Portfolio.Resume(t.Context(), "blind"), accounts.ErrNoMark, "to resume, one must know where one stands")
	d.Advance(time.Second)
	d.Mark(t, xyz, "38")
	d.Mark(t, abc, "10")
	require.NoError(t, d.Portfolio.Resume(t.Context(), "seen"))
	require.Equal(t, "38000", d.Portfolio.Snapshot().HighWater.String(), "the drawdown counts anew from the present equity")
	d.Accept(t, order("in", abc, "1"))
	d.Restart(t)
	d.Mark(t, xyz, "38")
	d.Mark(t, abc, "10")
	d.Accept(t, order("after a restart", abc, "2"))
	fallTo(t, d, "15.2") // 60 % of 38,000
	d.Accept(t, order("moderate", xyz, "0.01"))
	fallTo(t, d, "15.19")
	d.RefuseAfter(t, order("severe again", xyz, "1"), state, broken(risk.RuleDrawdown, "severe", "0.600263", "0.6"))
}

// TestDailyLoss: at the limit, just over it, on the next day, and after a person resumed.
func TestDailyLoss(t *testing.T) {
	state := broken(risk.RuleState, "", "0", "0")
	d := losing(t, func(l *risk.Limits) { l.DailyLoss = risk.Limit{Amount: dec("4000")} })
	fallTo(t, d, "97")
	require.Equal(t, "3000", standing(d).DayLoss.String())
	require.Empty(t, d.Accept(t, order("3,000", xyz, "0.01")).Warnings)
	fallTo(t, d, "96.8") // 3,200 are 80 %
	got := d.Accept(t, order("3,200", xyz, "0.02"))
	require.Equal(t, []string{broken(risk.RuleDailyLoss, "", "3200", "4000")}, allSaid(got.Warnings), "80 %% of the limit is its warning level")
	var b risk.Breach
	d.LastEntry(t, risk.KindBreach, &b)
	require.Equal(t, risk.SeverityWarning, b.Severity)
	fallTo(t, d, "96")
	d.Accept(t, order("4,000", xyz, "0.03"))
	fallTo(t, d, "95.999")
	d.RefuseAfter(t, order("4,001", xyz, "1"), state, broken(risk.RuleDailyLoss, "", "4001", "4000"))
	d.Exit(t, order("out", xyz, "-1"))
	d.Restart(t)
	fallTo(t, d, "99") // recovered
	d.Refuse(t, order("recovered", xyz, "1"), state)

	d.Advance(24 * time.Hour)
	d.Mark(t, xyz, "96")
	d.Refuse(t, order("next day", xyz, "1"), state)
	require.NoError(t, d.Portfolio.Resume(t.Context(), "a new day"))
	d.Accept(t, order("resumed", xyz, "1"))
}

// TestDailyLossByDay: the day begins at midnight in New York, from the last equity point before,
// and resuming begins it anew.
func TestDailyLossByDay(t *testing.T) {
	d := losing(t, func(l *risk.Limits) { l.DailyLoss = risk.Limit{Fraction: dec("0.05")} })
	fallTo(t, d, "97")
	d.EquityPoint(t)
	fallTo(t, d, "96")
	require.Equal(t, "4000", standing(d).DayLoss.String(), "from the point before the day, or the first one")
	d.Set(time.Date(2026, 6, 2, 3, 59, 59, 0, time.UTC))
	require.Equal(t, "4000", standing(d).DayLoss.String(), "a second before midnight it is the same day")
	d.Set(time.Date(2026, 6, 2, 4, 0, 0, 0, time.UTC))
	require.Equal(t, "1000", standing(d).DayLoss.String(), "at midnight the loss counts from the last point, at 97")
	d.Restart(t)
	d.Mark(t, xyz, "92")
	d.Mark(t, abc, "10")
	require.Equal(t, "5000", standing(d).DayLoss.String(), "a restart does not forget")
	over := broken(risk.RuleDailyLoss, "", "5000", "4850") // 5 % of 97,000
	require.Equal(t, []string{broken(risk.RuleState, "", "0", "0"), over}, allSaid(d.Portfolio.Check(order("", xyz, "1")).Violations))
	d.RefuseAfter(t, order("over", xyz, "1"), broken(risk.RuleState, "", "0", "0"), over)
	require.NoError(t, d.Portfolio.Resume(t.Context(), "seen"))
	require.Equal(t, "0", standing(d).DayLoss.String(), "whoever resumes has seen the loss")
	d.Accept(t, order("resumed", xyz, "0.01"))
	fallTo(t, d, "87.4") // 4,600 lost, 5 % of 92,000
	d.Accept(t, order("at", xyz, "0.02"))
	fallTo(t, d, "87.399")
	d.RefuseAfter(t, order("over again", xyz, "1"), broken(risk.RuleState, "", "0", "0"), broken(risk.RuleDailyLoss, "", "4601", "4600"))
}

// TestCapitalIsNeutral: deposits and withdrawals are neither profit nor loss, to the day's loss and to the drawdown.
func TestCapitalIsNeutral(t *testing.T) {
	for _, c := range []struct {
		kind      ledger.CashKind
		amount    string
		highWater string // 100,000, and in proportion what came or went at 90,000: × 190/90 and × 60/90
	}{
		{ledger.Deposit, "100000", "211111.111111111111"},
		{ledger.Withdrawal, "-30000", "66666.666666666667"},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			d := losing(t, func(l *risk.Limits) { l.DailyLoss = risk.Limit{Amount: dec("10000")} })
			fallTo(t, d, "90")
			d.EquityPoint(t)
			before := standing(d)
			require.Equal(t, "10000 0.1", fmt.Sprint(before.DayLoss, " ", before.Drawdown))
			d.Cash(t, c.kind, "USD", c.amount)
			after := standing(d)
			require.Equal(t, "10000 0.1", fmt.Sprint(after.DayLoss, " ", after.Drawdown), "capital that comes or goes is no profit and no loss")
			require.Equal(t, c.highWater, d.Portfolio.Snapshot().HighWater.String())
			d.Accept(t, order("at", xyz, "0.01"))
			d.Restart(t)
			fallTo(t, d, "89.999")
			require.Equal(t, "10001", standing(d).DayLoss.String())
			d.RefuseAfter(t, order("over", xyz, "0.01"), broken(risk.RuleState, "", "0", "0"), broken(risk.RuleDailyLoss, "", "10001", "10000"))
			d.EquityPoint(t)
			require.Equal(t, "10001", standing(d).DayLoss.String(), "an equity point during the day changes nothing")
		})
	}
}

// TestFirstOrderMakesAPoint: without any equity point the first order that is decided makes one to count losses from.
func TestFirstOrderMakesAPoint(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.DailyLoss = risk.Limit{Amount: dec("100")} })
	d.Hold(t, xyz, "1000", "100")
	require.Equal(t, "0", d.Portfolio.Snapshot().HighWater.String())
	d.Accept(t, order("first", xyz, "1"))
	require.Equal(t, "100000", d.Portfolio.Snapshot().HighWater.String())
	fallTo(t, d, "99.9")
	d.Accept(t, order("at", xyz, "1"))
	fallTo(t, d, "99.899")
	d.RefuseAfter(t, order("over", xyz, "1"), broken(risk.RuleState, "", "0", "0"), broken(risk.RuleDailyLoss, "", "101", "100"))
}

// TestWarnings: from 80 % of a limit on its use is a warning: in the decision, in the journal, as
// an event and in the snapshot.
func TestWarnings(t *testing.T) {
	type limits = risk.Limits
	amount := func(s string) risk.Limit { return risk.Limit{Amount: dec(s)} }
	tagged := func(o risk.Order) risk.Order { o.Strategy, o.Sector = "trend", "tech"; return o }
	for rule, c := range map[risk.Rule]struct {
		limits        func(l *limits)
		below, at     string // shares of XYZ
		subject       string
		actual, limit string
		inUsage       bool
	}{
		risk.RuleNotional:    {func(l *limits) { l.OrderNotional = amount("10000") }, "79.99", "80", "", "8000", "10000", false},
		risk.RulePosition:    {func(l *limits) { l.PositionSize = amount("10000") }, "79.99", "80", "STK:XYZ:USD", "8000", "10000", true},
		risk.RuleUnderlying:  {func(l *limits) { l.UnderlyingSize = amount("10000") }, "79.99", "80", "XYZ", "8000", "10000", true},
		risk.RuleGross:       {func(l *limits) { l.GrossExposure = amount("10000") }, "79.99", "80", "", "8000", "10000", true},
		risk.RuleNet:         {func(l *limits) { l.NetExposure = amount("10000") }, "-79.99", "-80", "", "8000", "10000", true},
		risk.RuleLeverage:    {func(l *limits) { l.Leverage = dec("0.1") }, "79.99", "80", "", "8000", "10000", true},
		risk.RuleStrategy:    {func(l *limits) { l.StrategyExposure = amount("10000") }, "79.99", "80", "trend", "8000", "10000", true},
		risk.RuleSector:      {func(l *limits) { l.SectorExposure = amount("10000") }, "79.99", "80", "tech", "8000", "10000", true},
		risk.RuleBuyingPower: {nil, "1599.99", "1600", "", "80000", "100000", true},
	} {
		t.Run(string(rule), func(t *testing.T) {
			d := newDesk(t, c.limits)
			require.Empty(t, d.Accept(t, tagged(order("below", xyz, c.below))).Warnings, "below the warning level")
			require.NoError(t, d.Portfolio.Release(t.Context(), "below", "cancelled"))
			got := d.Accept(t, tagged(order("at", xyz, c.at)))
			require.Equal(t, []string{broken(rule, c.subject, c.actual, c.limit)}, allSaid(got.Warnings))
			require.Contains(t, got.String(), "allowed, with a warning: "+string(rule))
			var h risk.Hold
			entry := d.LastEntry(t, risk.KindHold, &h)
			e := await(t, d.Warnings, func(e accounts.Event) bool { return e.Seq == entry.Seq })
			require.Equal(t, accounts.Event{Kind: accounts.EventWarning, ProfileID: d.Profile.ID, Seq: entry.Seq, Time: d.Now(), Rule: rule}, e)
			var warned []string
			for _, u := range standing(d).Usage {
				if u.Warning {
					warned = append(warned, said(risk.Violation{Rule: u.Rule, Subject: u.Subject, Actual: u.Used, Limit: u.Limit}))
				}
			}
			if c.inUsage {
				require.Equal(t, allSaid(got.Warnings), warned, "the snapshot's usage")
			}
		})
	}
}

// TestCountWarnings: counts warn like amounts.
func TestCountWarnings(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) {
		l.OrdersPerDay, l.OrdersPerMinute, l.TradesPerDay, l.OpenPositions = 5, 10, 5, 5
	})
	for i := 1; i <= 4; i++ {
		s := ledger.NewStock(fmt.Sprint("S", i), "USD")
		d.Mark(t, s, "10")
		got := d.Accept(t, order(ledger.OrderID(fmt.Sprint(i)), s, "1"))
		if i < 4 {
			require.Empty(t, got.Warnings, "order %d", i)
			continue
		}
		require.ElementsMatch(t, []string{broken(risk.RuleOrders, "", "4", "5"), broken(risk.RulePositions, "", "4", "5")}, allSaid(got.Warnings), "the fourth of five")
	}
	for range 4 {
		d.Fill(t, "", xyz, "1", "100")
	}
	got := d.Accept(t, order("trades", xyz, "1"))
	require.Contains(t, allSaid(got.Warnings), broken(risk.RuleTrades, "", "5", "5"), "four trades were made, and this would be the fifth")
}

// TestDepositDoesNotHideALoss: before capital that comes while the profile is down, a point is written.
func TestDepositDoesNotHideALoss(t *testing.T) {
	d := losing(t, nil)
	fallTo(t, d, "50")
	d.Cash(t, ledger.Deposit, "USD", "150000")
	require.Equal(t, "0.5", standing(d).Drawdown.String(), "100,000 fell to 50,000; what came after is in proportion")
	d.Cash(t, ledger.Withdrawal, "USD", "-150000")
	require.Equal(t, "0.5", standing(d).Drawdown.String(), "and so is what went")
	p, err := d.Portfolio.Performance(t.Context(), performance.Window{})
	require.NoError(t, err)
	require.InDelta(t, -0.5, *p.TimeWeighted, 1e-9, "half was lost, whatever came and went")
}

// An equity point that is brought in after a withdrawal, behind a newer one or as the first, tells of no drawdown.
func TestAWithdrawalIsNoDrawdownOfAnOlderPoint(t *testing.T) {
	for name, first := range map[string]bool{"the first point": true, "behind a newer one": false} {
		d := newDesk(t, nil)
		d.Advance(24 * time.Hour)
		d.Cash(t, ledger.Withdrawal, "USD", "-80000")
		d.Mark(t, xyz, "100")
		if !first {
			d.EquityPoint(t)
		}
		d.Record(t, ledger.EquityPoint{Time: now.Add(time.Hour), Equity: dec("100000"), Cash: dec("100000"), Capital: dec("100000")})
		report := d.Portfolio.Snapshot().Risk
		require.True(t, report.Drawdown.IsZero(), "%s: a drawdown of %s", name, report.Drawdown)
		d.Accept(t, order("a", xyz, "1"))
		d.Record(t, ledger.EquityPoint{Time: now.Add(2 * time.Hour), Equity: dec("105000"), Cash: dec("105000"), Capital: dec("100000")})
		require.Equal(t, "25000", d.Portfolio.Snapshot().HighWater.String(), "%s: what was lost from there is", name)
		live := d.Portfolio.Snapshot()
		d.Restart(t)
		require.Equal(t, live.HighWater, d.Portfolio.Snapshot().HighWater, name)
	}
}
