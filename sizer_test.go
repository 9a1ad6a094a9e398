package accounts_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/sizing"
)

// TestSizers checks each sizer against amounts worked out by hand, at an equity of 100,000 and a limit of 6 % per order.
func TestSizers(t *testing.T) {
	signal := func(confidence, volatility, payoff string) sizing.Sizing {
		return sizing.Sizing{Confidence: dec(confidence), Volatility: dec(volatility), Payoff: dec(payoff)}
	}
	at := func(s sizing.Sizing, l risk.Limits, equity string) sizing.Sizing {
		s.Limits, s.Equity = l, dec(equity)
		return s
	}
	none := sizing.Sizing{}
	limited := risk.Limits{OrderNotional: risk.Limit{Fraction: dec("0.06")}}
	for name, c := range map[string]struct {
		sizer  sizing.Sizer
		signal sizing.Sizing
		want   string // empty for ErrInvalid
	}{
		"by the limits":                    {sizing.FixedFraction{}, none, "6000"},
		"fraction":                         {sizing.FixedFraction{Fraction: dec("0.025")}, none, "2500"},
		"fraction of 100":                  {sizing.FixedFraction{Fraction: dec("100")}, none, "10000000"},
		"fraction above 100":               {sizing.FixedFraction{Fraction: dec("100.01")}, none, ""},
		"negative fraction":                {sizing.FixedFraction{Fraction: dec("-0.01")}, none, ""},
		"notional":                         {sizing.FixedNotional{Amount: dec("1234.56")}, none, "1234.56"},
		"no notional":                      {sizing.FixedNotional{}, none, ""},
		"negative notional":                {sizing.FixedNotional{Amount: dec("-1")}, none, ""},
		"absurd notional":                  {sizing.FixedNotional{Amount: dec("999999999999999").Add(dec("1"))}, none, ""},
		"confidence by the limits":         {sizing.ConfidenceWeighted{}, signal("0.75", "0", "0"), "4500"},
		"confidence":                       {sizing.ConfidenceWeighted{Fraction: dec("0.1")}, signal("0.6", "0", "0"), "6000"},
		"full confidence":                  {sizing.ConfidenceWeighted{Fraction: dec("0.1")}, signal("1", "0", "0"), "10000"},
		"no confidence":                    {sizing.ConfidenceWeighted{Fraction: dec("0.1")}, none, ""},
		"confidence of a bad fraction":     {sizing.ConfidenceWeighted{Fraction: dec("-0.1")}, signal("1", "0", "0"), ""},
		"volatility":                       {sizing.VolatilityTarget{Target: dec("0.01"), Max: dec("0.5")}, signal("0", "0.25", "0"), "4000"}, // 1 % ÷ 25 % of 100,000
		"volatility, capped":               {sizing.VolatilityTarget{Target: dec("0.02"), Max: dec("0.05")}, signal("0", "0.1", "0"), "5000"}, // 20,000, but 5 %
		"volatility, capped by the limits": {sizing.VolatilityTarget{Target: dec("0.02")}, signal("0", "0.2", "0"), "6000"},                   // 10,000, but 6 %
		"next to no volatility":            {sizing.VolatilityTarget{Target: dec("0.02")}, signal("0", "0.0000000001", "0"), "6000"},
		"no volatility":                    {sizing.VolatilityTarget{Target: dec("0.02")}, none, ""},
		"no target":                        {sizing.VolatilityTarget{}, signal("0", "0.2", "0"), ""},
		"negative target":                  {sizing.VolatilityTarget{Target: dec("-0.02")}, signal("0", "0.2", "0"), ""},
		"absurd target":                    {sizing.VolatilityTarget{Target: dec("101")}, signal("0", "0.2", "0"), ""},
		"bad cap of volatility":            {sizing.VolatilityTarget{Target: dec("0.02"), Max: dec("-1")}, signal("0", "0.2", "0"), ""},
		"Kelly":                            {sizing.FractionalKelly{Part: dec("1"), Max: dec("1")}, signal("0.6", "0", "1"), "20000"},   // 0.6 − 0.4 ÷ 1
		"half Kelly":                       {sizing.FractionalKelly{Part: dec("0.5"), Max: dec("1")}, signal("0.5", "0", "2"), "12500"}, // (0.5 − 0.5 ÷ 2) ÷ 2
		"a sure thing":                     {sizing.FractionalKelly{Part: dec("0.25"), Max: dec("1")}, signal("1", "0", "3"), "25000"},  // 1 − 0
		"Kelly, capped":                    {sizing.FractionalKelly{Part: dec("0.5"), Max: dec("0.1")}, signal("0.5", "0", "2"), "10000"},
		"Kelly, capped by the limits":      {sizing.FractionalKelly{Part: dec("0.5")}, signal("0.5", "0", "2"), "6000"},
		"even odds":                        {sizing.FractionalKelly{Part: dec("1")}, signal("0.5", "0", "1"), "0"}, // 0.5 − 0.5
		"odds against it":                  {sizing.FractionalKelly{Part: dec("1")}, signal("0.4", "0", "1"), "0"}, // 0.4 − 0.6, and never a short sale
		"Kelly without confidence":         {sizing.FractionalKelly{Part: dec("1")}, signal("0", "0", "1"), ""},
		"Kelly without payoff":             {sizing.FractionalKelly{Part: dec("1")}, signal("0.5", "0", "0"), ""},
		"Kelly, no part":                   {sizing.FractionalKelly{}, signal("0.6", "0", "1"), ""},
		"Kelly, negative part":             {sizing.FractionalKelly{Part: dec("-0.5")}, signal("0.6", "0", "1"), ""},
		"Kelly, more than all":             {sizing.FractionalKelly{Part: dec("1.01")}, signal("0.6", "0", "1"), ""},
		"bad cap of Kelly":                 {sizing.FractionalKelly{Part: dec("1"), Max: dec("101")}, signal("0.6", "0", "1"), ""},
	} {
		got, err := c.sizer.Notional(at(c.signal, limited, "100000"))
		if c.want == "" {
			require.ErrorIs(t, err, accounts.ErrInvalid, name)
			require.False(t, got.IsPos(), "%s: an error and an amount of %s", name, got)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.want, got.String(), name)
	}
	for _, s := range []sizing.Sizer{sizing.FixedFraction{}, sizing.ConfidenceWeighted{}, sizing.VolatilityTarget{Target: dec("0.1")}, sizing.FractionalKelly{Part: dec("1")}} {
		_, err := s.Notional(at(signal("0.6", "0.2", "1"), risk.Limits{}, "100000"))
		require.ErrorIs(t, err, accounts.ErrInvalid, "%T: neither a fraction nor a limit says how much", s)
		got, err := s.Notional(at(signal("0.6", "0.2", "1"), limited, "-100000"))
		require.NoError(t, err)
		require.False(t, got.IsPos(), "%T puts %s at risk with nothing left", s, got)
	}
}

// send routes a signal to the desk's profile.
func (d *desk) send(t testing.TB, s accounts.Signal, opts ...accounts.RouteOption) accounts.Allocation {
	t.Helper()
	out, err := d.manager.Route(t.Context(), s, opts...)
	require.NoError(t, err)
	require.Len(t, out, 1)
	return out[0]
}

// TestWholeUnits: orders are for whole units that the amount is enough for, rounded down.
func TestWholeUnits(t *testing.T) {
	for name, c := range map[string]struct {
		instrument ledger.Instrument
		price      string // of the mark
		limit      string // of the signal
		action     accounts.SignalAction
		amount     string
		quantity   string // empty for none
	}{
		"to the cent":               {xyz, "100", "", accounts.SignalBuy, "1000", "10"},
		"a cent less":               {xyz, "100", "", accounts.SignalBuy, "999.99", "9"},
		"short":                     {xyz, "100", "", accounts.SignalSell, "1999.99", "-19"},
		"a limit above the mark":    {xyz, "100", "125", accounts.SignalBuy, "1000", "8"},
		"a limit below the mark":    {xyz, "100", "90", accounts.SignalBuy, "1000", "10"},
		"a third":                   {xyz, "3", "", accounts.SignalBuy, "10", "3"},
		"less than one":             {xyz, "100", "", accounts.SignalBuy, "99.99", ""},
		"premium":                   {lateCall, "2.5", "", accounts.SignalBuy, "999.99", "3"},    // 250 each
		"strike":                    {lateCall, "2.5", "", accounts.SignalSell, "9999.99", "-1"}, // 5,000 each
		"less than a strike":        {lateCall, "2.5", "", accounts.SignalSell, "4999.99", ""},
		"future":                    {oil, "60", "", accounts.SignalBuy, "179999", "2"},
		"the smallest short amount": {xyz, "0.000000001", "", accounts.SignalBuy, "0.0000000019", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			d.mark(t, c.instrument, "0.000000001")
			d.advance(time.Second)
			d.mark(t, c.instrument, c.price)
			s := accounts.Signal{ID: "s", Instrument: c.instrument, Action: c.action}
			if c.limit != "" {
				s.Price = dec(c.limit)
			}
			got := d.send(t, s, accounts.WithSizer(sizing.FixedNotional{Amount: dec(c.amount)}))
			if c.quantity == "" {
				require.True(t, got.Decision.Broken(risk.RuleSize), "%s", got.Decision)
				require.ErrorIs(t, got.Err, accounts.ErrRefused)
				require.Empty(t, d.portfolio.Snapshot().Risk.Orders)
				return
			}
			require.True(t, got.Held(), "%s", got.Decision)
			require.Equal(t, c.quantity, got.Order.Quantity.String())
			require.Equal(t, c.quantity, d.portfolio.Snapshot().Risk.Orders[0].Quantity.String())
		})
	}
}

// TestRulesBeforeThereIsAnOrder are those of Route: no size, an expired signal, another profile's refusal; each is durable.
func TestRulesBeforeThereIsAnOrder(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.OrderNotional = risk.Limit{Amount: dec("1000")} })
	signal := func(id risk.SignalID) accounts.Signal { s := buy(id); s.Strategy, s.Sector = "", ""; return s }
	refused := func(got accounts.Allocation, rule risk.Rule) {
		t.Helper()
		require.ErrorIs(t, got.Err, accounts.ErrRefused, "rule %s", rule)
		require.Equal(t, rule, got.Decision.Violations[0].Rule, "%s", got.Decision)
		var r risk.Refusal
		d.lastEntry(t, risk.KindRefusal, &r)
		require.Equal(t, got.Order.ID, r.Order.ID, "the refusal must be durable")
		require.Equal(t, rule, r.Violations[0].Rule)
	}
	expiring := signal("expiring")
	expiring.Expires = d.now()
	require.True(t, d.send(t, expiring).Held(), "at the moment it expires it is still good")
	expired := signal("expired")
	expired.Expires = d.now().Add(-time.Microsecond)
	refused(d.send(t, expired), risk.RuleExpired)

	refused(d.send(t, signal("failing"), accounts.WithSizer(sizing.Func(func(sizing.Sizing) (ledger.Decimal, error) {
		return dec("100"), errors.New("no idea")
	}))), risk.RuleSize)
	refused(d.send(t, signal("negative"), accounts.WithSizer(sizing.Func(func(sizing.Sizing) (ledger.Decimal, error) {
		return dec("-100"), nil
	}))), risk.RuleSize)
	refused(d.send(t, signal("odds"), accounts.WithSizer(sizing.FractionalKelly{Part: dec("1")})), risk.RuleSize)
	refused(d.send(t, signal("large"), accounts.WithSizer(sizing.FixedNotional{Amount: dec("1100")})), risk.RuleNotional)

	closing := signal("flat")
	closing.Action = accounts.SignalClose
	refused(d.send(t, closing), risk.RuleSize)
	d.fill(t, "", xyz, "7.5", "100")
	closing.ID = "closing"
	got := d.send(t, closing)
	require.True(t, got.Held() && got.Decision.Reduces, "%s", got.Decision)
	require.Equal(t, "-7.5", got.Order.Quantity.String(), "a closing order is for all there is")
	closing.ID = "again"
	refused(d.send(t, closing), risk.RuleSize)

	d.fill(t, "", abc, "1", "10") // without a mark
	refused(d.send(t, signal("unknown")), risk.RuleEquity)
	d.mark(t, abc, "10")
	unmarked := signal("unmarked")
	unmarked.Instrument = ledger.NewStock("NOMARK", "USD")
	refused(d.send(t, unmarked), risk.RuleNoMark)
}

// TestAllOrNone: one profile's refusal lets go of the other's order, for a reason of its own.
func TestAllOrNone(t *testing.T) {
	f := newFleet(t)
	require.NoError(t, f.open(t, "p3").Halt(t.Context(), "test"))
	out, err := f.manager.Route(t.Context(), buy("s"), accounts.ToProfiles("p1", "p3"), accounts.AllOrNone())
	require.NoError(t, err)
	require.True(t, out[0].Decision.Broken(risk.RuleAllOrNone), "%s", out[0].Decision)
	require.True(t, out[1].Decision.Broken(risk.RuleState), "%s", out[1].Decision)
	for _, a := range out {
		require.ErrorIs(t, a.Err, accounts.ErrRefused)
		require.Empty(t, f.open(t, a.ProfileID).Snapshot().Risk.Orders, "nothing may be held of it")
	}
	again, err := f.manager.Route(t.Context(), buy("s"), accounts.ToProfiles("p1"))
	require.NoError(t, err)
	require.True(t, again[0].Decision.Broken(risk.RuleDone), "an order that was let go is done: %s", again[0].Decision)
}
