package exposure_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// of gives an order a strategy.
func of(strategy string, o risk.Order) risk.Order { o.Strategy = strategy; return o }

// in gives an order a sector.
func in(sector string, o risk.Order) risk.Order { o.Sector = sector; return o }

// used is what is used of a limit by a subject, "" if there is no such subject.
func used(d *desk, rule risk.Rule, subject string) string {
	for _, u := range d.Portfolio.Snapshot().Risk.Usage {
		if u.Rule == rule && u.Subject == subject {
			return u.Used.String()
		}
	}
	return ""
}

// TestStrategyExposure: an order counts to its strategy while it works, its fills afterwards, and what is closed by
// whomever closes strategies' parts in the order of their names.
func TestStrategyExposure(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.StrategyExposure = risk.Limit{Amount: dec("10000")} })
	requireUsed := func(a, b, why string) {
		t.Helper()
		require.Equal(t, []string{a, b}, []string{used(d, risk.RuleStrategy, "alpha"), used(d, risk.RuleStrategy, "beta")}, why)
	}
	over := func(o risk.Order, actual string) {
		t.Helper()
		d.Refuse(t, o, broken(risk.RuleStrategy, o.Strategy, actual, "10000"))
	}
	d.Accept(t, of("alpha", order("a1", xyz, "60")))
	d.Accept(t, of("beta", order("b1", xyz, "100")))
	d.Accept(t, order("none", xyz, "500"))
	requireUsed("6000", "10000", "working")
	over(of("beta", order("b2", xyz, "0.01")), "10001")
	d.Fill(t, "a1", xyz, "20", "100")
	requireUsed("6000", "10000", "20 held, 40 working")
	d.Fill(t, "b1", xyz, "100", "100")
	requireUsed("6000", "10000", "one filled, the other in part")
	over(of("alpha", order("a2", xyz, "40.01")), "10001")
	require.NoError(t, d.Portfolio.Release(t.Context(), "a1", "cancelled"))
	requireUsed("2000", "10000", "a release gives back what was not filled")
	d.Mark(t, abc, "10")
	over(of("beta", order("b3", abc, "1")), "10010")
	d.Restart(t)
	d.Mark(t, xyz, "100")
	d.Mark(t, abc, "10")
	requireUsed("2000", "10000", "a restart forgets no attribution")
	d.Fill(t, "", xyz, "-10", "100")
	requireUsed("1000", "10000", "110 are left, alpha's part is closed first")
	d.Fill(t, "", xyz, "-30", "100")
	requireUsed("", "8000", "80 are left, all beta's")
	d.Exit(t, of("beta", order("out", xyz, "-80")))
	d.Fill(t, "out", xyz, "-80", "100")
	requireUsed("", "", "nothing is left")
	d.Fill(t, "none", xyz, "500", "100")
	requireUsed("", "", "orders without a strategy count to none")
	d.Accept(t, of("beta", order("b4", xyz, "100")))
}

// TestStrategiesAgainstEachOther: a strategy's own part counts as though it had the contract alone.
func TestStrategiesAgainstEachOther(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.StrategyExposure = risk.Limit{Amount: dec("10000")} })
	d.Accept(t, of("alpha", order("a1", xyz, "50")))
	d.Fill(t, "a1", xyz, "50", "100")
	d.Refuse(t, of("beta", order("b1", xyz, "-100.01")), broken(risk.RuleStrategy, "beta", "10001", "10000"))
	d.Accept(t, of("beta", order("b2", xyz, "-100")))
	d.Mark(t, lateCall, "2")
	d.Accept(t, of("alpha", order("a2", lateCall, "-1"))) // 5,000 at its strike
	d.Refuse(t, of("alpha", order("a3", lateCall, "-1")), broken(risk.RuleStrategy, "alpha", "15000", "10000"))
	d.Accept(t, of("alpha", order("a4", lateCall, "25"))) // long it is 5,000 too, and it cannot be both
}

// TestSectorExposure: a sector is the underlying's, with all contracts on it, as the newest order says.
func TestSectorExposure(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.SectorExposure = risk.Limit{Fraction: dec("0.2")} })
	over := func(o risk.Order, sector, actual string) {
		t.Helper()
		d.Refuse(t, o, broken(risk.RuleSector, sector, actual, "20000"))
	}
	d.Mark(t, lateCall, "2")
	d.Mark(t, abc, "10")
	d.Accept(t, in("tech", order("1", xyz, "100")))
	d.Fill(t, "1", xyz, "100", "100")
	d.Accept(t, order("2", lateCall, "25")) // 5,000 more, of the same underlying
	require.Equal(t, "15000", used(d, risk.RuleSector, "tech"))
	over(order("3", xyz, "50.01"), "tech", "20001")
	over(in("tech", order("4", abc, "500.1")), "tech", "20001")
	d.Accept(t, in("tech", order("5", abc, "500")))
	over(order("6", lateCall, "1", "0.01"), "tech", "20200")
	d.Accept(t, in("energy", order("7", abc, "1500"))) // ABC moves with all that is working
	require.Equal(t, []string{"15000", "20000"}, []string{used(d, risk.RuleSector, "tech"), used(d, risk.RuleSector, "energy")})
	over(in("energy", order("8", xyz, "1")), "energy", "35100") // XYZ would move with all that is held
	over(order("9", abc, "1"), "energy", "20010")
	d.Restart(t)
	d.Mark(t, xyz, "100")
	d.Mark(t, lateCall, "2")
	d.Mark(t, abc, "10")
	over(order("10", abc, "1"), "energy", "20010")
	d.Exit(t, in("energy", order("11", xyz, "-100"))) // it reduces, whatever it is called
}

// TestForeignCurrency: everything is held against limits in base currency, at live rates.
func TestForeignCurrency(t *testing.T) {
	key := string(sap.Key())
	d := newDesk(t, func(l *risk.Limits) {
		l.OrderNotional, l.PositionSize = risk.Limit{Amount: dec("11000")}, risk.Limit{Fraction: dec("0.2")}
	})
	d.Rate(t, "EUR", "1.1")
	d.Mark(t, sap, "200")
	d.Accept(t, order("at", sap, "50")) // 50 × 200 × 1.1 = 11,000
	d.Refuse(t, order("over", sap, "50.1"), broken(risk.RuleNotional, "", "11022", "11000"), broken(risk.RulePosition, key, "22022", "20000"))
	d.Fill(t, "at", sap, "50", "200")
	require.Equal(t, "11000", used(d, risk.RulePosition, key))
	d.Rate(t, "EUR", "1.2")
	require.Equal(t, "12000", used(d, risk.RulePosition, key), "another rate makes another exposure")
	equity, err := d.Portfolio.Equity()
	require.NoError(t, err)
	require.Equal(t, "100000", equity.String(), "−10,000 EUR and 50 × 200 EUR")
	d.Refuse(t, order("position", sap, "33.4"), broken(risk.RulePosition, key, "20016", "20000"))
	d.Accept(t, order("room", sap, "33"))

	p := accounts.Optimal100K("DU1000100") // the other way around: USD stock in a book kept in EUR
	p.BaseCurrency, p.Limits = "EUR", loose()
	p.Limits.OrderNotional = risk.Limit{Amount: dec("9000")}
	e := newDeskFor(t, p, "100000")
	e.Refuse(t, order("no rate", xyz, "1"), broken(risk.RuleNoFX, "USD", "0", "0"))
	e.Rate(t, "USD", "0.9")
	e.Accept(t, order("at", xyz, "100"))
	e.Refuse(t, order("over", xyz, "100.1"), broken(risk.RuleNotional, "", "9009", "9000"))
}

// TestForex: a currency pair is held at its full amount while it works, and is no position once it is filled.
func TestForex(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) {
		l.OrderNotional = risk.Limit{Amount: dec("11000")}
		l.OpenPositions = 1
	})
	d.Refuse(t, order("no mark", euro, "1"), broken(risk.RuleNoMark, string(euro.Key()), "0", "0"))
	d.Mark(t, euro, "1.1")
	d.Rate(t, "EUR", "1.1")
	d.Accept(t, order("at", euro, "10000"))
	d.Refuse(t, order("over", euro, "-10000.1"), broken(risk.RuleNotional, "", "11000.11", "11000"))
	d.Refuse(t, order("second", xyz, "1"), broken(risk.RulePositions, "", "2", "1"))
	d.Fill(t, "at", euro, "10000", "1.1")
	require.Equal(t, "0", d.Portfolio.Snapshot().Risk.Gross.String())
	require.Empty(t, d.Portfolio.Snapshot().Risk.Orders)
	d.Accept(t, order("third", xyz, "1"))
}

// TestFuturesNotional: futures count their whole notional as exposure, and a share of it as margin.
func TestFuturesNotional(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) {
		l.GrossExposure = risk.Limit{Fraction: dec("1.2")}
		l.FuturesMargin = dec("0.3")
	})
	d.Mark(t, oil, "60")
	d.Accept(t, order("1", oil, "2")) // 120,000, 30 % are 36,000
	needs(t, d, "36000", "two contracts")
	d.Refuse(t, order("2", oil, "1"), broken(risk.RuleGross, "", "180000", "120000"))
	d.Tighten(t, func(l *risk.Limits) { l.GrossExposure = risk.Limit{} })
	d.Accept(t, order("3", oil, "3"))
	d.Refuse(t, order("4", oil, "1"), broken(risk.RuleBuyingPower, "", "108000", "100000"))
	colgate := ledger.NewStock("CL", "USD")
	d.Mark(t, colgate, "80")
	d.Tighten(t, func(l *risk.Limits) { l.UnderlyingSize = risk.Limit{Amount: dec("10000")} })
	d.Accept(t, order("5", colgate, "10")) // it is not crude oil
}

// TestInstrumentKinds: nothing is opened of a kind that is not listed; an empty list opens nothing.
func TestInstrumentKinds(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.SecTypes = []ledger.SecType{ledger.Option} })
	d.Mark(t, lateCall, "2")
	d.Accept(t, order("option", lateCall, "1"))
	d.Refuse(t, order("stock", xyz, "1"), broken(risk.RuleInstrument, "STK", "0", "0"))
	d.Tighten(t, func(l *risk.Limits) { l.SecTypes = nil })
	d.Refuse(t, order("nothing", lateCall, "2"), broken(risk.RuleInstrument, "OPT", "0", "0"))
}

// An exit is held against no limit: it cannot take its underlying to a sector that has no room for it.
func TestAnExitMovesNothingToAnotherSector(t *testing.T) {
	abc := ledger.NewStock("ABC", "USD")
	d := newDesk(t, func(l *risk.Limits) { l.SectorExposure = risk.Limit{Amount: dec("20000")} })
	d.Mark(t, abc, "100")
	in := func(sector string, o risk.Order) risk.Order { o.Sector = sector; return o }
	d.Accept(t, in("tech", order("a", xyz, "200")))
	d.Fill(t, "a", xyz, "200", "100")
	d.Accept(t, in("bank", order("b", abc, "200")))
	d.Fill(t, "b", abc, "200", "100")
	d.Exit(t, in("bank", order("c", xyz, "-1")))
	for range 2 {
		for _, u := range d.Portfolio.Snapshot().Risk.Usage {
			require.False(t, u.Rule == risk.RuleSector && u.Used.GreaterThan(u.Limit), "sector %s has %s of %s", u.Subject, u.Used, u.Limit)
		}
		d.Restart(t)
		d.Mark(t, xyz, "100")
		d.Mark(t, abc, "100")
	}
}
