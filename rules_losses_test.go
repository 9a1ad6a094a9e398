package accounts_test

import (
	"fmt"
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
	d.hold(t, xyz, "1000", "100")
	d.mark(t, abc, "10")
	d.equityPoint(t)
	return d
}

// fallTo marks XYZ a second later.
func (d *desk) fallTo(t testing.TB, price string) {
	t.Helper()
	d.advance(time.Second)
	d.mark(t, xyz, price)
}

func (d *desk) state() risk.Report { return d.portfolio.Snapshot().Risk }

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
			breaches, err := d.manager.Subscribe(t.Context(), accounts.EventBreach)
			require.NoError(t, err)
			d.fallTo(t, c.price)
			require.Equal(t, c.severity, d.state().Severity, "the snapshot shows it at once, before anything is written")
			require.Equal(t, allSaid(d.portfolio.Check(order("", xyz, "1")).Violations), append([]string{}, c.add...), "adding to what is held")
			require.Equal(t, allSaid(d.portfolio.Check(order("", abc, "1")).Violations), append([]string{}, c.new...), "opening what is not held")
			if !c.reduces {
				got := d.accept(t, order("add", xyz, "0.01"))
				warned := c.severity >= risk.SeverityWarning
				require.Equal(t, warned, len(got.Warnings) > 0 && got.Warnings[0].Rule == risk.RuleDrawdown, "warnings: %v", got.Warnings)
				require.Equal(t, risk.TradingActive, d.state().State)
				if c.new != nil {
					d.refuse(t, order("new", abc, "1"), c.new...)
				} else {
					d.accept(t, order("new", abc, "0.01"))
				}
			} else {
				d.refuseAfter(t, order("add", xyz, "1"), append([]string{state}, c.add...)...)
				d.refuse(t, order("new", abc, "1"), append([]string{state}, c.new...)...)
				r := d.state()
				require.Equal(t, risk.TradingReducing, r.State, "trading must only reduce from then on")
				require.Equal(t, risk.RuleDrawdown, r.Cause)
			}
			if c.severity > risk.SeverityNormal {
				var b risk.Breach
				entry := d.lastEntry(t, risk.KindBreach, &b)
				require.Equal(t, c.severity, b.Severity, "the breach in the journal")
				e := await(t, breaches, func(e accounts.Event) bool { return e.Seq == entry.Seq })
				require.Equal(t, risk.RuleDrawdown, e.Rule)
				require.Contains(t, d.state().Breaches, risk.Incident{Time: b.Time, Rule: risk.RuleDrawdown, Severity: c.severity}, "the snapshot must show the breach")
			}
			d.exit(t, order("out", xyz, "-1000"))
		})
	}
}

// TestOnlyResumeLifts: what a severe drawdown began lasts over restarts and recovery, until a person resumes.
func TestOnlyResumeLifts(t *testing.T) {
	state := broken(risk.RuleState, "", "0", "0")
	d := losing(t, nil)
	d.fallTo(t, "39")
	d.equityPoint(t) // nobody orders anything: the equity point alone brings it
	require.Equal(t, risk.TradingReducing, d.state().State)
	d.restart(t)
	d.mark(t, xyz, "100")
	d.mark(t, abc, "10")
	d.refuse(t, order("recovered", xyz, "1"), state)
	require.Equal(t, risk.SeverityNormal, d.state().Severity, "it has recovered")
	d.restart(t)
	require.ErrorIs(t, d.portfolio.Resume(t.Context(), "blind"), accounts.ErrNoMark, "to resume, one must know where one stands")
	d.advance(time.Second)
	d.mark(t, xyz, "38")
	d.mark(t, abc, "10")
	require.NoError(t, d.portfolio.Resume(t.Context(), "seen"))
	require.Equal(t, "38000", d.portfolio.Snapshot().HighWater.String(), "the drawdown counts anew from the present equity")
	d.accept(t, order("in", abc, "1"))
	d.restart(t)
	d.mark(t, xyz, "38")
	d.mark(t, abc, "10")
	d.accept(t, order("after a restart", abc, "2"))
	d.fallTo(t, "15.2") // 60 % of 38,000
	d.accept(t, order("moderate", xyz, "0.01"))
	d.fallTo(t, "15.19")
	d.refuseAfter(t, order("severe again", xyz, "1"), state, broken(risk.RuleDrawdown, "severe", "0.600263", "0.6"))
}

// TestDailyLoss: at the limit, just over it, on the next day, and after a person resumed.
func TestDailyLoss(t *testing.T) {
	state := broken(risk.RuleState, "", "0", "0")
	d := losing(t, func(l *risk.Limits) { l.DailyLoss = risk.Limit{Amount: dec("4000")} })
	d.fallTo(t, "97")
	require.Equal(t, "3000", d.state().DayLoss.String())
	require.Empty(t, d.accept(t, order("3,000", xyz, "0.01")).Warnings)
	d.fallTo(t, "96.8") // 3,200 are 80 %
	got := d.accept(t, order("3,200", xyz, "0.02"))
	require.Equal(t, []string{broken(risk.RuleDailyLoss, "", "3200", "4000")}, allSaid(got.Warnings), "80 %% of the limit is its warning level")
	var b risk.Breach
	d.lastEntry(t, risk.KindBreach, &b)
	require.Equal(t, risk.SeverityWarning, b.Severity)
	d.fallTo(t, "96")
	d.accept(t, order("4,000", xyz, "0.03"))
	d.fallTo(t, "95.999")
	d.refuseAfter(t, order("4,001", xyz, "1"), state, broken(risk.RuleDailyLoss, "", "4001", "4000"))
	d.exit(t, order("out", xyz, "-1"))
	d.restart(t)
	d.fallTo(t, "99") // recovered
	d.refuse(t, order("recovered", xyz, "1"), state)

	d.advance(24 * time.Hour)
	d.mark(t, xyz, "96")
	d.refuse(t, order("next day", xyz, "1"), state)
	require.NoError(t, d.portfolio.Resume(t.Context(), "a new day"))
	d.accept(t, order("resumed", xyz, "1"))
}

// TestDailyLossByDay: the day begins at midnight in New York, from the last equity point before, and resuming begins it anew.
func TestDailyLossByDay(t *testing.T) {
	d := losing(t, func(l *risk.Limits) { l.DailyLoss = risk.Limit{Fraction: dec("0.05")} })
	d.fallTo(t, "97")
	d.equityPoint(t)
	d.fallTo(t, "96")
	require.Equal(t, "4000", d.state().DayLoss.String(), "from the point before the day, or the first one")
	d.set(time.Date(2026, 6, 2, 3, 59, 59, 0, time.UTC))
	require.Equal(t, "4000", d.state().DayLoss.String(), "a second before midnight it is the same day")
	d.set(time.Date(2026, 6, 2, 4, 0, 0, 0, time.UTC))
	require.Equal(t, "1000", d.state().DayLoss.String(), "at midnight the loss counts from the last point, at 97")
	d.restart(t)
	d.mark(t, xyz, "92")
	d.mark(t, abc, "10")
	require.Equal(t, "5000", d.state().DayLoss.String(), "a restart does not forget")
	over := broken(risk.RuleDailyLoss, "", "5000", "4850") // 5 % of 97,000
	require.Equal(t, []string{over}, allSaid(d.portfolio.Check(order("", xyz, "1")).Violations))
	d.refuseAfter(t, order("over", xyz, "1"), broken(risk.RuleState, "", "0", "0"), over)
	require.NoError(t, d.portfolio.Resume(t.Context(), "seen"))
	require.Equal(t, "0", d.state().DayLoss.String(), "whoever resumes has seen the loss")
	d.accept(t, order("resumed", xyz, "0.01"))
	d.fallTo(t, "87.4") // 4,600 lost, 5 % of 92,000
	d.accept(t, order("at", xyz, "0.02"))
	d.fallTo(t, "87.399")
	d.refuseAfter(t, order("over again", xyz, "1"), broken(risk.RuleState, "", "0", "0"), broken(risk.RuleDailyLoss, "", "4601", "4600"))
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
			d.fallTo(t, "90")
			d.equityPoint(t)
			before := d.state()
			require.Equal(t, "10000 0.1", fmt.Sprint(before.DayLoss, " ", before.Drawdown))
			d.cash(t, c.kind, "USD", c.amount)
			after := d.state()
			require.Equal(t, "10000 0.1", fmt.Sprint(after.DayLoss, " ", after.Drawdown), "capital that comes or goes is no profit and no loss")
			require.Equal(t, c.highWater, d.portfolio.Snapshot().HighWater.String())
			d.accept(t, order("at", xyz, "0.01"))
			d.restart(t)
			d.fallTo(t, "89.999")
			require.Equal(t, "10001", d.state().DayLoss.String())
			d.refuseAfter(t, order("over", xyz, "0.01"), broken(risk.RuleState, "", "0", "0"), broken(risk.RuleDailyLoss, "", "10001", "10000"))
			d.equityPoint(t)
			require.Equal(t, "10001", d.state().DayLoss.String(), "an equity point during the day changes nothing")
		})
	}
}

// TestFirstOrderMakesAPoint: without any equity point the first order that is decided makes one to count losses from.
func TestFirstOrderMakesAPoint(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.DailyLoss = risk.Limit{Amount: dec("100")} })
	d.hold(t, xyz, "1000", "100")
	require.Equal(t, "0", d.portfolio.Snapshot().HighWater.String())
	d.accept(t, order("first", xyz, "1"))
	require.Equal(t, "100000", d.portfolio.Snapshot().HighWater.String())
	d.fallTo(t, "99.9")
	d.accept(t, order("at", xyz, "1"))
	d.fallTo(t, "99.899")
	d.refuseAfter(t, order("over", xyz, "1"), broken(risk.RuleState, "", "0", "0"), broken(risk.RuleDailyLoss, "", "101", "100"))
}

// TestWarnings: from 80 % of a limit on its use is a warning: in the decision, in the journal, as an event and in the snapshot.
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
			require.Empty(t, d.accept(t, tagged(order("below", xyz, c.below))).Warnings, "below the warning level")
			require.NoError(t, d.portfolio.Release(t.Context(), "below", "cancelled"))
			got := d.accept(t, tagged(order("at", xyz, c.at)))
			require.Equal(t, []string{broken(rule, c.subject, c.actual, c.limit)}, allSaid(got.Warnings))
			require.Contains(t, got.String(), "allowed, with a warning: "+string(rule))
			var h risk.Hold
			entry := d.lastEntry(t, risk.KindHold, &h)
			e := await(t, d.warnings, func(e accounts.Event) bool { return e.Seq == entry.Seq })
			require.Equal(t, accounts.Event{Kind: accounts.EventWarning, ProfileID: d.profile.ID, Seq: entry.Seq, Time: d.now(), Rule: rule}, e)
			var warned []string
			for _, u := range d.state().Usage {
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
		d.mark(t, s, "10")
		got := d.accept(t, order(ledger.OrderID(fmt.Sprint(i)), s, "1"))
		if i < 4 {
			require.Empty(t, got.Warnings, "order %d", i)
			continue
		}
		require.ElementsMatch(t, []string{broken(risk.RuleOrders, "", "4", "5"), broken(risk.RulePositions, "", "4", "5")}, allSaid(got.Warnings), "the fourth of five")
	}
	for range 4 {
		d.fill(t, "", xyz, "1", "100")
	}
	got := d.accept(t, order("trades", xyz, "1"))
	require.Contains(t, allSaid(got.Warnings), broken(risk.RuleTrades, "", "5", "5"), "four trades were made, and this would be the fifth")
}

// TestDepositDoesNotHideALoss: before capital that comes while the profile is down, a point is written.
func TestDepositDoesNotHideALoss(t *testing.T) {
	d := losing(t, nil)
	d.fallTo(t, "50")
	d.cash(t, ledger.Deposit, "USD", "150000")
	require.Equal(t, "0.5", d.state().Drawdown.String(), "100,000 fell to 50,000; what came after is in proportion")
	d.cash(t, ledger.Withdrawal, "USD", "-150000")
	require.Equal(t, "0.5", d.state().Drawdown.String(), "and so is what went")
	p, err := d.portfolio.Performance(t.Context(), performance.Window{})
	require.NoError(t, err)
	require.InDelta(t, -0.5, *p.TimeWeighted, 1e-9, "half was lost, whatever came and went")
}
