package accounts_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// TestSizers checks each sizer against amounts worked out by hand, at an equity of 100,000 and a limit of 6 % per order.
func TestSizers(t *testing.T) {
	signal := func(confidence, volatility, payoff string) accounts.Sizing {
		return accounts.Sizing{Confidence: dec(confidence), Volatility: dec(volatility), Payoff: dec(payoff)}
	}
	at := func(s accounts.Sizing, l accounts.RiskLimits, equity string) accounts.Sizing {
		s.Limits, s.Equity = l, dec(equity)
		return s
	}
	none := accounts.Sizing{}
	limited := accounts.RiskLimits{OrderNotional: accounts.Limit{Fraction: dec("0.06")}}
	for name, c := range map[string]struct {
		sizer  accounts.Sizer
		signal accounts.Sizing
		want   string // empty for ErrInvalid
	}{
		"by the limits":                    {accounts.FixedFraction{}, none, "6000"},
		"fraction":                         {accounts.FixedFraction{Fraction: dec("0.025")}, none, "2500"},
		"fraction of 100":                  {accounts.FixedFraction{Fraction: dec("100")}, none, "10000000"},
		"fraction above 100":               {accounts.FixedFraction{Fraction: dec("100.01")}, none, ""},
		"negative fraction":                {accounts.FixedFraction{Fraction: dec("-0.01")}, none, ""},
		"notional":                         {accounts.FixedNotional{Amount: dec("1234.56")}, none, "1234.56"},
		"no notional":                      {accounts.FixedNotional{}, none, ""},
		"negative notional":                {accounts.FixedNotional{Amount: dec("-1")}, none, ""},
		"absurd notional":                  {accounts.FixedNotional{Amount: dec("999999999999999").Add(dec("1"))}, none, ""},
		"confidence by the limits":         {accounts.ConfidenceWeighted{}, signal("0.75", "0", "0"), "4500"},
		"confidence":                       {accounts.ConfidenceWeighted{Fraction: dec("0.1")}, signal("0.6", "0", "0"), "6000"},
		"full confidence":                  {accounts.ConfidenceWeighted{Fraction: dec("0.1")}, signal("1", "0", "0"), "10000"},
		"no confidence":                    {accounts.ConfidenceWeighted{Fraction: dec("0.1")}, none, ""},
		"confidence of a bad fraction":     {accounts.ConfidenceWeighted{Fraction: dec("-0.1")}, signal("1", "0", "0"), ""},
		"volatility":                       {accounts.VolatilityTarget{Target: dec("0.01"), Max: dec("0.5")}, signal("0", "0.25", "0"), "4000"}, // 1 % ÷ 25 % of 100,000
		"volatility, capped":               {accounts.VolatilityTarget{Target: dec("0.02"), Max: dec("0.05")}, signal("0", "0.1", "0"), "5000"}, // 20,000, but 5 %
		"volatility, capped by the limits": {accounts.VolatilityTarget{Target: dec("0.02")}, signal("0", "0.2", "0"), "6000"},                   // 10,000, but 6 %
		"next to no volatility":            {accounts.VolatilityTarget{Target: dec("0.02")}, signal("0", "0.0000000001", "0"), "6000"},
		"no volatility":                    {accounts.VolatilityTarget{Target: dec("0.02")}, none, ""},
		"no target":                        {accounts.VolatilityTarget{}, signal("0", "0.2", "0"), ""},
		"negative target":                  {accounts.VolatilityTarget{Target: dec("-0.02")}, signal("0", "0.2", "0"), ""},
		"absurd target":                    {accounts.VolatilityTarget{Target: dec("101")}, signal("0", "0.2", "0"), ""},
		"bad cap of volatility":            {accounts.VolatilityTarget{Target: dec("0.02"), Max: dec("-1")}, signal("0", "0.2", "0"), ""},
		"Kelly":                            {accounts.FractionalKelly{Part: dec("1"), Max: dec("1")}, signal("0.6", "0", "1"), "20000"},   // 0.6 − 0.4 ÷ 1
		"half Kelly":                       {accounts.FractionalKelly{Part: dec("0.5"), Max: dec("1")}, signal("0.5", "0", "2"), "12500"}, // (0.5 − 0.5 ÷ 2) ÷ 2
		"a sure thing":                     {accounts.FractionalKelly{Part: dec("0.25"), Max: dec("1")}, signal("1", "0", "3"), "25000"},  // 1 − 0
		"Kelly, capped":                    {accounts.FractionalKelly{Part: dec("0.5"), Max: dec("0.1")}, signal("0.5", "0", "2"), "10000"},
		"Kelly, capped by the limits":      {accounts.FractionalKelly{Part: dec("0.5")}, signal("0.5", "0", "2"), "6000"},
		"even odds":                        {accounts.FractionalKelly{Part: dec("1")}, signal("0.5", "0", "1"), "0"}, // 0.5 − 0.5
		"odds against it":                  {accounts.FractionalKelly{Part: dec("1")}, signal("0.4", "0", "1"), "0"}, // 0.4 − 0.6, and never a short sale
		"Kelly without confidence":         {accounts.FractionalKelly{Part: dec("1")}, signal("0", "0", "1"), ""},
		"Kelly without payoff":             {accounts.FractionalKelly{Part: dec("1")}, signal("0.5", "0", "0"), ""},
		"Kelly, no part":                   {accounts.FractionalKelly{}, signal("0.6", "0", "1"), ""},
		"Kelly, negative part":             {accounts.FractionalKelly{Part: dec("-0.5")}, signal("0.6", "0", "1"), ""},
		"Kelly, more than all":             {accounts.FractionalKelly{Part: dec("1.01")}, signal("0.6", "0", "1"), ""},
		"bad cap of Kelly":                 {accounts.FractionalKelly{Part: dec("1"), Max: dec("101")}, signal("0.6", "0", "1"), ""},
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
	for _, s := range []accounts.Sizer{accounts.FixedFraction{}, accounts.ConfidenceWeighted{}, accounts.VolatilityTarget{Target: dec("0.1")}, accounts.FractionalKelly{Part: dec("1")}} {
		_, err := s.Notional(at(signal("0.6", "0.2", "1"), accounts.RiskLimits{}, "100000"))
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
		instrument accounts.Instrument
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
			got := d.send(t, s, accounts.WithSizer(accounts.FixedNotional{Amount: dec(c.amount)}))
			if c.quantity == "" {
				require.True(t, got.Decision.Broken(accounts.RuleSize), "%s", got.Decision)
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
	d := newDesk(t, func(l *accounts.RiskLimits) { l.OrderNotional = accounts.Limit{Amount: dec("1000")} })
	signal := func(id accounts.SignalID) accounts.Signal { s := buy(id); s.Strategy, s.Sector = "", ""; return s }
	refused := func(got accounts.Allocation, rule accounts.Rule) {
		t.Helper()
		require.ErrorIs(t, got.Err, accounts.ErrRefused, "rule %s", rule)
		require.Equal(t, rule, got.Decision.Violations[0].Rule, "%s", got.Decision)
		var r accounts.Refusal
		d.lastEntry(t, accounts.KindRefusal, &r)
		require.Equal(t, got.Order.ID, r.Order.ID, "the refusal must be durable")
		require.Equal(t, rule, r.Violations[0].Rule)
	}
	expiring := signal("expiring")
	expiring.Expires = d.now()
	require.True(t, d.send(t, expiring).Held(), "at the moment it expires it is still good")
	expired := signal("expired")
	expired.Expires = d.now().Add(-time.Microsecond)
	refused(d.send(t, expired), accounts.RuleExpired)

	refused(d.send(t, signal("failing"), accounts.WithSizer(accounts.SizerFunc(func(accounts.Sizing) (accounts.Decimal, error) {
		return dec("100"), errors.New("no idea")
	}))), accounts.RuleSize)
	refused(d.send(t, signal("negative"), accounts.WithSizer(accounts.SizerFunc(func(accounts.Sizing) (accounts.Decimal, error) {
		return dec("-100"), nil
	}))), accounts.RuleSize)
	refused(d.send(t, signal("odds"), accounts.WithSizer(accounts.FractionalKelly{Part: dec("1")})), accounts.RuleSize)
	refused(d.send(t, signal("large"), accounts.WithSizer(accounts.FixedNotional{Amount: dec("1100")})), accounts.RuleNotional)

	closing := signal("flat")
	closing.Action = accounts.SignalClose
	refused(d.send(t, closing), accounts.RuleSize)
	d.fill(t, "", xyz, "7.5", "100")
	closing.ID = "closing"
	got := d.send(t, closing)
	require.True(t, got.Held() && got.Decision.Reduces, "%s", got.Decision)
	require.Equal(t, "-7.5", got.Order.Quantity.String(), "a closing order is for all there is")
	closing.ID = "again"
	refused(d.send(t, closing), accounts.RuleSize)

	d.fill(t, "", abc, "1", "10") // without a mark
	refused(d.send(t, signal("unknown")), accounts.RuleEquity)
	d.mark(t, abc, "10")
	unmarked := signal("unmarked")
	unmarked.Instrument = accounts.NewStock("NOMARK", "USD")
	refused(d.send(t, unmarked), accounts.RuleNoMark)
}

// TestAllOrNone: one profile's refusal lets go of the other's order, for a reason of its own.
func TestAllOrNone(t *testing.T) {
	f := newFleet(t)
	require.NoError(t, f.open(t, "p3").Halt(t.Context(), "test"))
	out, err := f.manager.Route(t.Context(), buy("s"), accounts.ToProfiles("p1", "p3"), accounts.AllOrNone())
	require.NoError(t, err)
	require.True(t, out[0].Decision.Broken(accounts.RuleAllOrNone), "%s", out[0].Decision)
	require.True(t, out[1].Decision.Broken(accounts.RuleState), "%s", out[1].Decision)
	for _, a := range out {
		require.ErrorIs(t, a.Err, accounts.ErrRefused)
		require.Empty(t, f.open(t, a.ProfileID).Snapshot().Risk.Orders, "nothing may be held of it")
	}
	again, err := f.manager.Route(t.Context(), buy("s"), accounts.ToProfiles("p1"))
	require.NoError(t, err)
	require.True(t, again[0].Decision.Broken(accounts.RuleDone), "an order that was let go is done: %s", again[0].Decision)
}
