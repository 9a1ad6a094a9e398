package exposure_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

var (
	sap  = ledger.NewStock("SAP", "EUR")
	euro = ledger.Instrument{SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"}
)

// TestRulesOfTheUnknown: what cannot be told refuses an now, with a code of its own, and at the last moment at which
// it still counts as known it does not. Exits need to know none of it.
func TestRulesOfTheUnknown(t *testing.T) {
	key := func(i ledger.Instrument) string { return string(i.Key()) }
	none := func(rule risk.Rule, subject string) string { return broken(rule, subject, "0", "0") }
	const tick = time.Microsecond
	euros := func(t *testing.T, d *desk) { d.Rate(t, "EUR", "1.1"); d.Hold(t, sap, "10", "100") }
	for name, c := range map[string]struct {
		set     func(t *testing.T, d *desk) // up to the last moment at which it is known
		lose    func(t *testing.T, d *desk)
		opens   risk.Order
		refused []string
		exit    risk.Order
	}{
		"no mark of the contract": {
			lose: func(*testing.T, *desk) {}, opens: order("in", abc, "1", "10"),
			refused: []string{none(risk.RuleNoMark, key(abc))}, exit: order("out", xyz, "-1"),
		},
		"no mark of the contract, which is held": {
			lose:    func(t *testing.T, d *desk) { d.Fill(t, "", abc, "5", "10") },
			opens:   order("in", abc, "1", "10"),
			refused: []string{none(risk.RuleNoMark, key(abc)), none(risk.RuleEquity, key(abc))}, exit: order("out", abc, "-5"),
		},
		"a mark of zero": {
			set:     func(t *testing.T, d *desk) { d.Hold(t, abc, "5", "10") },
			lose:    func(t *testing.T, d *desk) { d.Mark(t, abc, "0") },
			opens:   order("in", abc, "1000000"),
			refused: []string{none(risk.RuleNoMark, key(abc)), none(risk.RuleEquity, key(abc))}, exit: order("out", abc, "-5"),
		},
		"a stale mark": {
			set:     func(_ *testing.T, d *desk) { d.Advance(5 * time.Minute) },
			lose:    func(t *testing.T, d *desk) { d.Advance(tick) },
			opens:   order("in", xyz, "1"),
			refused: []string{none(risk.RuleStaleMark, key(xyz)), none(risk.RuleEquity, key(xyz))}, exit: order("out", xyz, "-1"),
		},
		"another holding without a mark": {
			set:     func(t *testing.T, d *desk) { d.Hold(t, abc, "5", "10") },
			lose:    func(t *testing.T, d *desk) { d.Restart(t); d.Mark(t, xyz, "100") },
			opens:   order("in", xyz, "1"),
			refused: []string{none(risk.RuleEquity, key(abc))}, exit: order("out", abc, "-5"),
		},
		"another holding with a stale mark": {
			set: func(t *testing.T, d *desk) {
				d.Hold(t, abc, "5", "10")
				d.Advance(5 * time.Minute)
				d.Mark(t, xyz, "100")
			},
			lose:    func(t *testing.T, d *desk) { d.Advance(tick) },
			opens:   order("in", xyz, "1"),
			refused: []string{none(risk.RuleEquity, key(abc))}, exit: order("out", abc, "-5"),
		},
		"a working order in a contract with a stale mark": {
			set: func(t *testing.T, d *desk) {
				d.Mark(t, abc, "10")
				d.Accept(t, order("works", abc, "5"))
				d.Advance(5 * time.Minute)
				d.Mark(t, xyz, "100")
			},
			lose:    func(t *testing.T, d *desk) { d.Advance(tick) },
			opens:   order("in", xyz, "1"),
			refused: []string{none(risk.RuleEquity, key(abc))}, exit: order("out", xyz, "-1"),
		},
		"no rate": {
			lose:    func(t *testing.T, d *desk) { d.Mark(t, sap, "100") },
			opens:   order("in", sap, "1"),
			refused: []string{none(risk.RuleNoFX, "EUR")}, exit: order("out", xyz, "-1"),
		},
		"no rate for what is held": {
			set:     euros,
			lose:    func(t *testing.T, d *desk) { d.Restart(t); d.Mark(t, xyz, "100"); d.Mark(t, sap, "100") },
			opens:   order("in", sap, "1"),
			refused: []string{none(risk.RuleNoFX, "EUR"), none(risk.RuleEquity, key(sap))}, exit: order("out", sap, "-10"),
		},
		"a stale rate": {
			set: func(t *testing.T, d *desk) {
				d.Rate(t, "EUR", "1.1")
				d.Advance(time.Hour)
				d.Mark(t, sap, "100")
				d.Mark(t, xyz, "100")
			},
			lose:    func(t *testing.T, d *desk) { d.Advance(tick) },
			opens:   order("in", sap, "1"),
			refused: []string{none(risk.RuleStaleFX, "EUR")}, exit: order("out", xyz, "-1"),
		},
		"a stale rate of another holding": {
			set: func(t *testing.T, d *desk) {
				euros(t, d)
				d.Advance(time.Hour)
				d.Mark(t, sap, "100")
				d.Mark(t, xyz, "100")
			},
			lose:    func(t *testing.T, d *desk) { d.Advance(tick) },
			opens:   order("in", xyz, "1"),
			refused: []string{none(risk.RuleEquity, "")}, exit: order("out", sap, "-10"),
		},
		"cash that cannot be converted": {
			lose:    func(t *testing.T, d *desk) { d.Cash(t, ledger.Interest, "EUR", "100") },
			opens:   order("in", xyz, "1"),
			refused: []string{none(risk.RuleEquity, "cash")}, exit: order("out", xyz, "-1"),
		},
		"cash at a stale rate": {
			set: func(t *testing.T, d *desk) {
				d.Rate(t, "EUR", "1.1")
				d.Cash(t, ledger.Interest, "EUR", "100")
				d.Advance(time.Hour)
				d.Mark(t, xyz, "100")
			},
			lose:    func(t *testing.T, d *desk) { d.Advance(tick) },
			opens:   order("in", xyz, "1"),
			refused: []string{none(risk.RuleEquity, "cash")}, exit: order("out", xyz, "-1"),
		},
		"equity of zero": { // 100 XYZ at 100 and nothing else
			set:     func(t *testing.T, d *desk) { d.Cash(t, ledger.Withdrawal, "USD", "-99999.99") },
			lose:    func(t *testing.T, d *desk) { d.Cash(t, ledger.Withdrawal, "USD", "-0.01") },
			opens:   order("in", xyz, "0.0001"),
			refused: []string{none(risk.RuleEquity, "")}, exit: order("out", xyz, "-1"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, func(l *risk.Limits) { l.Leverage = dec("99"); l.FuturesMargin = dec("0.01") })
			d.Mark(t, ledger.NewStock("OTHER", "USD"), "1") // nobody holds it
			if name != "equity of zero" {
				d.Fill(t, "", xyz, "100", "100")
			}
			if c.set != nil {
				c.set(t, d)
				if name != "no rate for what is held" && name != "equity of zero" {
					ok := c.opens
					ok.Quantity = dec("1")
					got := d.Portfolio.Check(ok)
					require.True(t, got.Allowed, "at the last moment the order must be allowed: %s", got)
				}
			}
			c.lose(t, d)
			d.Refuse(t, c.opens, c.refused...)
			if name != "equity of zero" {
				d.Exit(t, c.exit)
			}
		})
	}
}

// TestLimitsUnknown: a store may hold limits that are not valid, written by other hands. They
// permit nothing but exits.
func TestLimitsUnknown(t *testing.T) {
	for name, spoil := range map[string]func(l *risk.Limits){
		"negative":     func(l *risk.Limits) { l.PositionSize.Amount = dec("-1") },
		"empty":        func(l *risk.Limits) { *l = risk.Limits{} },
		"unknown zone": func(l *risk.Limits) { l.TimeZone = "Europe/Atlantis" },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			d.Hold(t, xyz, "100", "100")
			p := d.Profile.Clone()
			spoil(p.Limits)
			require.NoError(t, d.Store.UpdateProfile(t.Context(), p), "the store judges no limits")
			d.Restart(t)
			d.Mark(t, xyz, "100")
			d.Refuse(t, order("in", xyz, "1"), broken(risk.RuleNoLimits, "", "0", "0"))
			d.Refuse(t, order("flip", xyz, "-100.01"), broken(risk.RuleNoLimits, "", "0", "0"))
			d.Exit(t, order("out", xyz, "-100"))
		})
	}
}

// TestMalformedOrders: what is no order is told apart from what is refused, and leaves no trace.
func TestMalformedOrders(t *testing.T) {
	d := newDesk(t, nil)
	seq := d.Portfolio.Seq()
	odd := func(change func(o *risk.Order)) risk.Order {
		o := order("odd", xyz, "1", "100")
		change(&o)
		return o
	}
	type o = risk.Order
	for name, c := range map[string]struct {
		order risk.Order
		err   error
	}{
		"no quantity":           {odd(func(o *o) { o.Quantity = dec("0") }), accounts.ErrInvalid},
		"quantity too large":    {odd(func(o *o) { o.Quantity = dec("999999999999999").Add(dec("1")) }), accounts.ErrInvalid},
		"negative price":        {odd(func(o *o) { o.Price = dec("-1") }), accounts.ErrInvalid},
		"negative CFD price":    {odd(func(o *o) { o.Instrument.SecType, o.Price = ledger.CFD, dec("-1") }), accounts.ErrInvalid},
		"long id":               {odd(func(o *o) { o.ID = ledger.OrderID(strings.Repeat("x", 101)) }), accounts.ErrInvalid},
		"id with a line break":  {odd(func(o *o) { o.ID = "a\nb" }), accounts.ErrInvalid},
		"long strategy":         {odd(func(o *o) { o.Strategy = strings.Repeat("x", 51) }), accounts.ErrInvalid},
		"long sector":           {odd(func(o *o) { o.Sector = strings.Repeat("x", 51) }), accounts.ErrInvalid},
		"long signal":           {odd(func(o *o) { o.Signal = risk.SignalID(strings.Repeat("x", 50)) }), accounts.ErrInvalid},
		"unknown kind":          {odd(func(o *o) { o.Instrument.SecType = "IND" }), accounts.ErrInvalid},
		"no instrument":         {odd(func(o *o) { o.Instrument = ledger.Instrument{} }), accounts.ErrInvalid},
		"future, no multiplier": {odd(func(o *o) { o.Instrument = oil; o.Instrument.Multiplier = dec("0") }), accounts.ErrInvalid},
		"option, no expiry":     {odd(func(o *o) { o.Instrument = lateCall; o.Instrument.Expiry = 0 }), accounts.ErrInvalid},
		"too many places":       {odd(func(o *o) { o.Quantity, o.Price = dec("0.0000000001"), dec("0.0000000001") }), accounts.ErrInexact},
		"too much money":        {odd(func(o *o) { o.Quantity, o.Price = dec("999999999999"), dec("9999999") }), accounts.ErrInexact},
	} {
		got := d.Portfolio.Check(c.order)
		require.Len(t, got.Violations, 1, "%s: Check must give one reason", name)
		require.Equal(t, risk.RuleInvalid, got.Violations[0].Rule, "%s: Check gives another reason: %s", name, got)
		require.False(t, got.Allowed, "%s: Check allows it", name)
		_, err := d.Portfolio.Reserve(t.Context(), c.order)
		require.ErrorIs(t, err, c.err, "%s: Reserve returns another error", name)
		require.NotErrorIs(t, err, accounts.ErrRefused, "%s is not an order that was refused", name)
	}
	_, err := d.Portfolio.Reserve(t.Context(), order("", xyz, "1"))
	require.ErrorIs(t, err, accounts.ErrInvalid, "an order to be held needs an id")
	require.True(t, d.Portfolio.Check(order("", xyz, "1")).Allowed, "one to be checked does not")
	require.Equal(t, seq, d.Portfolio.Seq(), "a malformed order left something in the journal")
	require.Empty(t, d.Portfolio.Snapshot().Risk.Breaches, "a malformed order is no refusal")
}

// The margin of a short option is made of its underlying's mark: an old one tells nothing.
func TestAShortOptionNeedsARecentMarkOfItsUnderlying(t *testing.T) {
	d := newDesk(t, nil)
	option := ledger.NewOption("XYZ", 20270115, ledger.Call, dec("100"), "USD")
	d.Mark(t, xyz, "20")
	d.Mark(t, option, "5")
	d.Accept(t, order("while it is fresh", option, "-1"))
	d.Advance(5*time.Minute + time.Second)
	d.Mark(t, option, "5")
	got := d.Portfolio.Check(order("stale", option, "-2"))
	require.True(t, got.Broken(risk.RuleStaleMark), got.String())
	require.True(t, got.Broken(risk.RuleEquity), "what is held is margined by it: %s", got)
	require.NoError(t, d.Portfolio.Release(t.Context(), "while it is fresh", "cancelled"))
	require.True(t, d.Portfolio.Check(order("long", option, "1")).Allowed, "what is bought needs no margin")
	d.Mark(t, xyz, "20")
	d.Accept(t, order("fresh again", option, "-2"))
}

// TestLimitsInAnUnknownZonePermitNothing: a store may hold what another machine, with other zones, has accepted.
func TestLimitsInAnUnknownZonePermitNothing(t *testing.T) {
	d := newDesk(t, nil)
	p := d.Profile.Clone()
	p.Limits.TimeZone = "Europe/Atlantis"
	require.NoError(t, d.Store.UpdateProfile(t.Context(), p))
	d.Restart(t)
	d.Mark(t, xyz, "100")
	got := d.Portfolio.Check(order("o", xyz, "0.0001"))
	require.Equal(t, []string{broken(risk.RuleNoLimits, "", "0", "0")}, allSaid(got.Violations))
	d.Fill(t, "", xyz, "1", "100")
	require.True(t, d.Portfolio.Check(order("out", xyz, "-1")).Allowed, "the way out is never barred")
}

// An option that a fill makes short is margined by its underlying's mark from then on, though its
// own mark is the same.
func TestAFillThatMakesAnOptionShortAgesItsUnderlyingsMark(t *testing.T) {
	d := newDesk(t, nil)
	d.Advance(4 * time.Minute)
	d.Mark(t, abc, "10")
	d.Mark(t, lateCall, "2")
	d.Fill(t, "", lateCall, "1", "2")
	require.True(t, d.Portfolio.Check(order("before", abc, "1")).Allowed, "what is held long needs no mark but its own")
	d.Fill(t, "", lateCall, "-3", "2")
	d.Advance(2 * time.Minute)
	got := d.Portfolio.Check(order("after", abc, "1"))
	require.Equal(t, []string{broken(risk.RuleEquity, "XYZ", "0", "0")}, allSaid(got.Violations), "XYZ was marked six minutes ago")
	d.Fill(t, "", lateCall, "2", "2")
	require.True(t, d.Portfolio.Check(order("again", abc, "1")).Allowed, "nothing is short any longer")
}

// TestTheOldestMarkIsNamedByItsKey: of several that are equally old, whatever came first.
func TestTheOldestMarkIsNamedByItsKey(t *testing.T) {
	for _, list := range [][]string{{"AAA", "BBB", "CCC"}, {"CCC", "BBB", "AAA"}, {"BBB", "CCC", "AAA"}} {
		d := newDesk(t, nil)
		require.True(t, d.Portfolio.Check(order("first", xyz, "1")).Allowed, "nothing is held, and what will be comes to a list that is there")
		for _, symbol := range list {
			d.Hold(t, ledger.NewStock(symbol, "USD"), "1", "10")
		}
		d.Advance(6 * time.Minute)
		d.Mark(t, xyz, "100")
		want := broken(risk.RuleEquity, "STK:AAA:USD", "0", "0")
		require.Equal(t, []string{want}, allSaid(d.Portfolio.Check(order("o", xyz, "1")).Violations), "held in the order %v", list)
		d.Fill(t, "", ledger.NewStock(list[0], "USD"), "-1", "10") // the last takes its place in the list
		d.Fill(t, "", ledger.NewStock(list[0], "USD"), "1", "10")
		require.Equal(t, []string{want}, allSaid(d.Portfolio.Check(order("o", xyz, "1")).Violations), "held again in the order %v", list)
	}
}
