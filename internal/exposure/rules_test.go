package exposure_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// TestRuleAtItsLimit holds, for each rule that has a figure, an order that comes exactly to the limit, and one that
// is over it by the smallest step. Equity is 100,000 and XYZ at 100 throughout, unless set up otherwise.
func TestRuleAtItsLimit(t *testing.T) {
	amount := func(s string) risk.Limit { return risk.Limit{Amount: dec(s)} }
	fraction := func(s string) risk.Limit { return risk.Limit{Fraction: dec(s)} }
	tagged := func(o risk.Order) risk.Order { o.Strategy, o.Sector = "trend", "tech"; return o }
	type limits = risk.Limits
	for name, c := range map[string]struct {
		limits  func(l *limits)
		set     func(t *testing.T, d *desk)
		at      risk.Order
		over    risk.Order
		counts  bool // the one over the limit comes after the one at it
		refused []string
	}{
		"order quantity": {
			limits: func(l *limits) { l.OrderQuantity = dec("10") },
			at:     order("at", xyz, "10"), over: order("over", xyz, "10.000000001"),
			refused: []string{broken(risk.RuleQuantity, "", "10.000000001", "10")},
		},
		"a currency in a cash account": { // 1,000 are there, and 400 of them are for sale
			limits: func(l *limits) { l.Account = risk.CashAccount },
			set: func(t *testing.T, d *desk) {
				d.Rate(t, "EUR", "1.25")
				d.Mark(t, euro, "1.25")
				d.Cash(t, ledger.Deposit, "EUR", "1000")
				d.Accept(t, order("first", euro, "-400"))
			},
			at: order("at", euro, "-600"), over: order("over", euro, "-601"),
			refused: []string{broken(risk.RuleShort, string(euro.Key()), "1", "0")},
		},
		"order quantity of a sale": {
			limits: func(l *limits) { l.OrderQuantity = dec("10") },
			at:     order("at", xyz, "-10"), over: order("over", xyz, "-11"),
			refused: []string{broken(risk.RuleQuantity, "", "11", "10")},
		},
		"notional, amount": { // 10 × 100 = 1,000; at a limit of 100.01, 1,000.10
			limits: func(l *limits) { l.OrderNotional = amount("1000") },
			at:     order("at", xyz, "10", "99"), over: order("over", xyz, "10", "100.01"),
			refused: []string{broken(risk.RuleNotional, "", "1000.1", "1000")},
		},
		"notional, fraction": { // 6 % of 100,000
			limits: func(l *limits) { l.OrderNotional = fraction("0.06") },
			at:     order("at", xyz, "60"), over: order("over", xyz, "61"),
			refused: []string{broken(risk.RuleNotional, "", "6100", "6000")},
		},
		"notional, the smaller of both": {
			limits: func(l *limits) { l.OrderNotional = risk.Limit{Amount: dec("7000"), Fraction: dec("0.06")} },
			at:     order("at", xyz, "-60"), over: order("over", xyz, "-61"),
			refused: []string{broken(risk.RuleNotional, "", "6100", "6000")},
		},
		"notional, the amount the smaller": {
			limits: func(l *limits) { l.OrderNotional = risk.Limit{Amount: dec("5000"), Fraction: dec("0.06")} },
			at:     order("at", xyz, "50"), over: order("over", xyz, "51"),
			refused: []string{broken(risk.RuleNotional, "", "5100", "5000")},
		},
		"notional of a long option is its premium": { // 4 × 2.50 × 100 = 1,000
			limits: func(l *limits) { l.OrderNotional = amount("1000") },
			set:    func(t *testing.T, d *desk) { d.Mark(t, lateCall, "2.50") },
			at:     order("at", lateCall, "4"), over: order("over", lateCall, "5"),
			refused: []string{broken(risk.RuleNotional, "", "1250", "1000")},
		},
		"notional of a short option is its strike": { // 2 × 50 × 100 = 10,000, at whatever premium
			limits: func(l *limits) { l.OrderNotional = amount("10000") },
			set:    func(t *testing.T, d *desk) { d.Mark(t, latePut, "0.05") },
			at:     order("at", latePut, "-2"), over: order("over", latePut, "-3"),
			refused: []string{broken(risk.RuleNotional, "", "15000", "10000")},
		},
		"notional of a future": { // 1 × 60 × 1,000; a limit price of 60.001 makes 60,001
			limits: func(l *limits) { l.OrderNotional = amount("60000") },
			set:    func(t *testing.T, d *desk) { d.Mark(t, oil, "60") },
			at:     order("at", oil, "-1", "59"), over: order("over", oil, "1", "60.001"),
			refused: []string{broken(risk.RuleNotional, "", "60001", "60000")},
		},
		"collar of a purchase": { // 100 + 5 %
			limits: func(l *limits) { l.PriceCollar = dec("0.05") },
			at:     order("at", xyz, "1", "105"), over: order("over", xyz, "1", "105.01"),
			refused: []string{broken(risk.RuleCollar, "STK:XYZ:USD", "105.01", "105")},
		},
		"collar of a sale": { // 100 − 5 %
			limits: func(l *limits) { l.PriceCollar = dec("0.05") },
			at:     order("at", xyz, "-1", "95"), over: order("over", xyz, "-1", "94.99"),
			refused: []string{broken(risk.RuleCollar, "STK:XYZ:USD", "94.99", "95")},
		},
		"collar of an option": { // 2 + 50 %
			limits: func(l *limits) { l.OptionCollar = dec("0.5") },
			set:    func(t *testing.T, d *desk) { d.Mark(t, lateCall, "2") },
			at:     order("at", lateCall, "1", "3"), over: order("over", lateCall, "1", "3.01"),
			refused: []string{broken(risk.RuleCollar, string(lateCall.Key()), "3.01", "3")},
		},
		"collar of a future below zero": { // −40 + 5 % of 40 is −38
			limits: func(l *limits) { l.PriceCollar = dec("0.05") },
			set:    func(t *testing.T, d *desk) { d.Mark(t, oil, "-40") },
			at:     order("at", oil, "1", "-38"), over: order("over", oil, "1", "-37.99"),
			refused: []string{broken(risk.RuleCollar, string(oil.Key()), "-37.99", "-38")},
		},
		"position, with what is held": { // 150 held and 50 more are 20,000
			limits: func(l *limits) { l.PositionSize = fraction("0.2") },
			set:    func(t *testing.T, d *desk) { d.Hold(t, xyz, "150", "100") },
			at:     order("at", xyz, "50"), over: order("over", xyz, "50.0001"),
			refused: []string{broken(risk.RulePosition, "STK:XYZ:USD", "20000.01", "20000")},
		},
		"position of a contract that is new": {
			limits: func(l *limits) { l.PositionSize = amount("5000") },
			at:     order("at", xyz, "50"), over: order("over", xyz, "51"),
			refused: []string{broken(risk.RulePosition, "STK:XYZ:USD", "5100", "5000")},
		},
		"position, flipped": { // 100 sold of 50 held leave 50 short
			limits: func(l *limits) { l.PositionSize = amount("5000") },
			set:    func(t *testing.T, d *desk) { d.Hold(t, xyz, "50", "100") },
			at:     order("at", xyz, "-100"), over: order("over", xyz, "-101"),
			refused: []string{broken(risk.RulePosition, "STK:XYZ:USD", "5100", "5000")},
		},
		"underlying, stock and options": { // 100 × 100 + 1 × 2 × 100 + 1 × 50 × 100 = 15,200
			limits: func(l *limits) { l.UnderlyingSize = amount("15200") },
			set: func(t *testing.T, d *desk) {
				d.Hold(t, xyz, "100", "100")
				d.Hold(t, lateCall, "1", "2")
				d.Mark(t, latePut, "1")
			},
			at: order("at", latePut, "-1"), over: order("over", latePut, "-2"),
			refused: []string{broken(risk.RuleUnderlying, "XYZ", "20200", "15200")},
		},
		"open positions": {
			limits: func(l *limits) { l.OpenPositions = 2 },
			set: func(t *testing.T, d *desk) {
				d.Hold(t, xyz, "1", "100")
				d.Mark(t, abc, "10")
				d.Mark(t, oil, "60")
				d.Accept(t, order("adds", xyz, "1"))
			},
			at: order("at", abc, "1"), over: order("over", oil, "1"),
			counts: true, refused: []string{broken(risk.RulePositions, "", "3", "2")},
		},
		"gross": { // 300 long XYZ and 2,000 short ABC at 10 are 50,000
			limits: func(l *limits) { l.GrossExposure = fraction("0.5") },
			set:    func(t *testing.T, d *desk) { d.Hold(t, xyz, "300", "100"); d.Mark(t, abc, "10") },
			at:     order("at", abc, "-2000"), over: order("over", abc, "-2001"),
			refused: []string{broken(risk.RuleGross, "", "50010", "50000")},
		},
		"net, long": { // 300 × 100 − 1,000 × 10 + 100 × 100 = 30,000
			limits: func(l *limits) { l.NetExposure = amount("30000") },
			set:    func(t *testing.T, d *desk) { d.Hold(t, xyz, "300", "100"); d.Hold(t, abc, "-1000", "10") },
			at:     order("at", xyz, "100"), over: order("over", xyz, "101"),
			refused: []string{broken(risk.RuleNet, "", "30100", "30000")},
		},
		"net, short": { // 100 × 100 − 4,000 × 10 = −30,000
			limits: func(l *limits) { l.NetExposure = amount("30000") },
			set:    func(t *testing.T, d *desk) { d.Hold(t, xyz, "100", "100"); d.Mark(t, abc, "10") },
			at:     order("at", abc, "-4000"), over: order("over", abc, "-4001"),
			refused: []string{broken(risk.RuleNet, "", "30010", "30000")},
		},
		"net, a long put is short": { // 100 × 100 held long, a put bought for 20,000 goes against it: −10,000
			limits: func(l *limits) { l.NetExposure = amount("10000") },
			set:    func(t *testing.T, d *desk) { d.Hold(t, xyz, "100", "100"); d.Mark(t, latePut, "10") },
			at:     order("at", latePut, "20"), over: order("over", latePut, "21"),
			refused: []string{broken(risk.RuleNet, "", "11000", "10000")},
		},
		"leverage": { // 1.5 times 100,000; XYZ bought costs half
			limits: func(l *limits) { l.Leverage = dec("1.5") },
			at:     order("at", xyz, "1500"), over: order("over", xyz, "1501"),
			refused: []string{broken(risk.RuleLeverage, "", "150100", "150000")},
		},
		"strategy": {
			limits: func(l *limits) { l.StrategyExposure = fraction("0.1") },
			at:     tagged(order("at", xyz, "100")), over: tagged(order("over", xyz, "101")),
			refused: []string{broken(risk.RuleStrategy, "trend", "10100", "10000")},
		},
		"sector": {
			limits: func(l *limits) { l.SectorExposure = fraction("0.1") },
			at:     tagged(order("at", xyz, "100")), over: tagged(order("over", xyz, "101")),
			refused: []string{broken(risk.RuleSector, "tech", "10100", "10000")},
		},
		"buying power by Regulation T": { // half of 2,000 × 100 is all equity
			at: order("at", xyz, "2000"), over: order("over", xyz, "2000.01"),
			refused: []string{broken(risk.RuleBuyingPower, "", "100000.5", "100000")},
		},
		"buying power of a cash account": { // all of it, and not half
			limits: func(l *limits) { l.Account = risk.CashAccount },
			at:     order("at", xyz, "1000"), over: order("over", xyz, "1000.01"),
			refused: []string{broken(risk.RuleBuyingPower, "", "100001", "100000")},
		},
		"orders a day": {
			limits: func(l *limits) { l.OrdersPerDay = 2 },
			set:    func(t *testing.T, d *desk) { d.Accept(t, order("first", xyz, "1")) },
			at:     order("at", xyz, "2"), over: order("over", xyz, "3"),
			counts: true, refused: []string{broken(risk.RuleOrders, "", "3", "2")},
		},
		"orders a minute": {
			limits: func(l *limits) { l.OrdersPerMinute = 2 },
			set:    func(t *testing.T, d *desk) { d.Accept(t, order("first", xyz, "1")) },
			at:     order("at", xyz, "2"), over: order("over", xyz, "3"),
			counts: true, refused: []string{broken(risk.RuleOrderRate, "", "3", "2")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, over := range []bool{false, true} {
				d := newDesk(t, c.limits)
				if c.set != nil {
					c.set(t, d)
				}
				if !over {
					d.Accept(t, c.at)
					continue
				}
				if c.counts {
					d.Accept(t, c.at)
				}
				d.Refuse(t, c.over, c.refused...)
			}
		})
	}
}

// TestExitsAlwaysPossible sets up, for each rule that refuses openings, the situation in which it does, and closes a
// position in it: at once and in full, in two halves, but not one share more.
func TestExitsAlwaysPossible(t *testing.T) {
	type limits = risk.Limits
	tightened := func(by func(l *limits)) func(t *testing.T, d *desk) {
		return func(t *testing.T, d *desk) { d.Tighten(t, by) }
	}
	for rule, set := range map[risk.Rule]func(t *testing.T, d *desk){
		risk.RuleState: func(t *testing.T, d *desk) { require.NoError(t, d.Portfolio.Reduce(t.Context(), "test")) },
		risk.RuleStatus: func(t *testing.T, d *desk) {
			d.Change(t, func(p *accounts.AccountProfile) { p.Status = accounts.StatusSuspended })
		},
		risk.RuleInstrument: tightened(func(l *limits) { l.SecTypes = []ledger.SecType{ledger.Option} }),
		risk.RuleSymbol:     tightened(func(l *limits) { l.AllowedSymbols = []string{"ABC"} }),
		risk.RuleRestricted: tightened(func(l *limits) { l.RestrictedSymbols = []string{"XYZ"} }),
		risk.RuleQuantity:   tightened(func(l *limits) { l.OrderQuantity = dec("0.5") }),
		risk.RuleNotional:   tightened(func(l *limits) { l.OrderNotional = risk.Limit{Amount: dec("1")} }),
		risk.RuleOrderRate: func(t *testing.T, d *desk) {
			d.Accept(t, order("before", xyz, "1"))
			d.Tighten(t, func(l *limits) { l.OrdersPerMinute = 1 })
		},
		risk.RuleOrders: func(t *testing.T, d *desk) {
			d.Accept(t, order("before", xyz, "1"))
			d.Tighten(t, func(l *limits) { l.OrdersPerDay = 1 })
		},
		risk.RuleTrades:    tightened(func(l *limits) { l.TradesPerDay = 1 }), // the purchase was one
		risk.RuleNoMark:    func(t *testing.T, d *desk) { d.Restart(t); d.Mark(t, abc, "10") },
		risk.RuleStaleMark: func(_ *testing.T, d *desk) { d.Advance(5*time.Minute + time.Microsecond) },
		risk.RulePosition:  tightened(func(l *limits) { l.PositionSize = risk.Limit{Amount: dec("1")} }),
		risk.RuleUnderlying: tightened(func(l *limits) {
			l.UnderlyingSize = risk.Limit{Amount: dec("1")}
		}),
		risk.RulePositions: func(t *testing.T, d *desk) {
			d.Hold(t, abc, "1", "10")
			d.Tighten(t, func(l *limits) { l.OpenPositions = 1 })
		},
		risk.RuleGross:       tightened(func(l *limits) { l.GrossExposure = risk.Limit{Amount: dec("1")} }),
		risk.RuleNet:         tightened(func(l *limits) { l.NetExposure = risk.Limit{Amount: dec("1")} }),
		risk.RuleLeverage:    tightened(func(l *limits) { l.Leverage = dec("0.000001") }),
		risk.RuleBuyingPower: func(t *testing.T, d *desk) { d.Cash(t, ledger.Withdrawal, "USD", "-95000") }, // 5,000 is what 10,000 need
		risk.RuleEquity:      func(t *testing.T, d *desk) { d.Fill(t, "", abc, "1", "10") },
		risk.RuleDailyLoss: func(t *testing.T, d *desk) {
			d.EquityPoint(t)
			d.Mark(t, xyz, "90")
			d.Tighten(t, func(l *limits) { l.DailyLoss = risk.Limit{Amount: dec("999")} })
			d.EquityPoint(t) // which writes the breach
		},
		risk.RuleDrawdown: func(t *testing.T, d *desk) {
			d.EquityPoint(t)
			d.Mark(t, xyz, "90") // 1 %
			d.Tighten(t, func(l *limits) {
				l.Drawdown = risk.DrawdownLimits{Warning: dec("0.001"), Moderate: dec("0.002"), Severe: dec("0.003"), Critical: dec("0.004")}
			})
			d.EquityPoint(t)
		},
		risk.RuleDayTrades: func(t *testing.T, d *desk) {
			for range 3 {
				d.Hold(t, abc, "1", "10")
				d.Hold(t, abc, "-1", "10")
			}
			d.Cash(t, ledger.Withdrawal, "USD", "-80000")
			d.Tighten(t, func(l *limits) { l.DayTrading = []risk.DatedPolicy{{Policy: risk.PatternDayTrader}} })
		},
	} {
		t.Run(string(rule), func(t *testing.T) {
			d := newDesk(t, nil)
			d.Hold(t, xyz, "100", "100")
			set(t, d)
			more := order("more", xyz, "1")
			got := d.Portfolio.Check(more)
			require.True(t, got.Broken(rule), "the situation must be one in which the rule refuses: %s", got)
			d.RefuseAfter(t, more, allSaid(d.Portfolio.Check(more).Violations)...)

			all := d.Portfolio.Check(order("all", xyz, "-100"))
			require.True(t, all.Allowed && all.Reduces, "closing everything must be possible: %s", all)
			d.Exit(t, order("half", xyz, "-50"))
			d.Exit(t, order("rest", xyz, "-50"))
			for id, quantity := range map[ledger.OrderID]string{"over": "-0.01", "flip": "-100"} {
				o := order(id, xyz, quantity)
				got = d.Portfolio.Check(o)
				require.False(t, got.Reduces, "order %q and the two exits together would pass through zero", id)
			}
		})
	}
}

// TestFlipIsNoExit: where only reducing is allowed, nothing passes through zero, in one order or in
// several, long or short.
func TestFlipIsNoExit(t *testing.T) {
	for _, c := range []struct{ held, exit, flip, half string }{
		{"100", "-100", "-100.01", "-60"},
		{"-100", "100", "100.01", "60"},
	} {
		t.Run("held "+c.held, func(t *testing.T) {
			d := newDesk(t, nil)
			d.Hold(t, xyz, c.held, "100")
			d.Mark(t, lateCall, "2")
			require.NoError(t, d.Portfolio.Reduce(t.Context(), "test"))
			state := broken(risk.RuleState, "", "0", "0")
			d.Refuse(t, order("flip", xyz, c.flip), state)
			d.Refuse(t, order("adds", xyz, c.held), state)
			d.Refuse(t, order("option", lateCall, "1"), state)
			d.Exit(t, order("half", xyz, c.half))
			d.Refuse(t, order("second", xyz, c.half), state)
			d.Fill(t, "half", xyz, c.half, "100") // 40 are left
			d.Refuse(t, order("third", xyz, c.half), state)
			require.True(t, d.Portfolio.Check(order("", xyz, c.exit[:len(c.exit)-3]+"40")).Reduces, "what is left may be closed")
		})
	}
	d := newDesk(t, nil)
	require.NoError(t, d.Portfolio.Reduce(t.Context(), "test"))
	d.Refuse(t, order("from flat", xyz, "-1"), broken(risk.RuleState, "", "0", "0"))
	d.Fill(t, "", xyz, "100", "100")
	d.Exit(t, order("exit", xyz, "-100"))
	require.NoError(t, d.Portfolio.Release(t.Context(), "exit", "cancelled"))
	d.Exit(t, order("again", xyz, "-100"))
}

// TestStateAndStatus: halted and archived accept nothing at all, and a restart does not forget.
func TestStateAndStatus(t *testing.T) {
	state, status := broken(risk.RuleState, "", "0", "0"), broken(risk.RuleStatus, "", "0", "0")
	d := newDesk(t, nil)
	d.Hold(t, xyz, "100", "100")
	require.NoError(t, d.Portfolio.Halt(t.Context(), "feed gone mad"))
	for i := range 2 {
		got := d.Refuse(t, order(ledger.OrderID(fmt.Sprint("buy", i)), xyz, "1"), state)
		require.Contains(t, got.String(), "halted: feed gone mad", "the refusal must say why")
		d.Refuse(t, order(ledger.OrderID(fmt.Sprint("exit", i)), xyz, "-1"), state)
		d.Restart(t)
		d.Mark(t, xyz, "100")
	}
	require.NoError(t, d.Portfolio.Reduce(t.Context(), "only out"))
	d.Exit(t, order("out", xyz, "-1"))
	require.NoError(t, d.Portfolio.Resume(t.Context(), "feed is well"))
	d.Accept(t, order("in", xyz, "1"))

	for _, s := range []accounts.ProfileStatus{accounts.StatusInactive, accounts.StatusSuspended} {
		d.Change(t, func(p *accounts.AccountProfile) { p.Status = s })
		d.Refuse(t, order(ledger.OrderID("buy "+s), xyz, "1"), status)
		d.Exit(t, order(ledger.OrderID("exit "+s), xyz, "-1"))
	}
	require.NoError(t, d.Manager.ArchiveProfile(t.Context(), d.Profile.ID))
	d.Refuse(t, order("late buy", xyz, "1"), status)
	d.Refuse(t, order("late exit", xyz, "-1"), status)
}
