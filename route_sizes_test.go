package accounts_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/sizing"
)

// send routes a signal to the desk's profile.
func send(t testing.TB, d *desk, s accounts.Signal, opts ...accounts.RouteOption) accounts.Allocation {
	t.Helper()
	out, err := d.Manager.Route(t.Context(), s, opts...)
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
			d.Mark(t, c.instrument, "0.000000001")
			d.Advance(time.Second)
			d.Mark(t, c.instrument, c.price)
			s := accounts.Signal{ID: "s", Instrument: c.instrument, Action: c.action}
			if c.limit != "" {
				s.Price = dec(c.limit)
			}
			got := send(t, d, s, accounts.WithSizer(sizing.FixedNotional{Amount: dec(c.amount)}))
			if c.quantity == "" {
				require.True(t, got.Decision.Broken(risk.RuleSize), "%s", got.Decision)
				require.ErrorIs(t, got.Err, accounts.ErrRefused)
				require.Empty(t, d.Portfolio.Snapshot().Risk.Orders)
				return
			}
			require.True(t, got.Held(), "%s", got.Decision)
			require.Equal(t, c.quantity, got.Order.Quantity.String())
			require.Equal(t, c.quantity, d.Portfolio.Snapshot().Risk.Orders[0].Quantity.String())
		})
	}
}

// TestRulesBeforeThereIsAnOrder are those of Route: no size, an expired signal, another profile's
// refusal; each is durable.
func TestRulesBeforeThereIsAnOrder(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.OrderNotional = risk.Limit{Amount: dec("1000")} })
	signal := func(id risk.SignalID) accounts.Signal { s := buy(id); s.Strategy, s.Sector = "", ""; return s }
	refused := func(got accounts.Allocation, rule risk.Rule) {
		t.Helper()
		require.ErrorIs(t, got.Err, accounts.ErrRefused, "rule %s", rule)
		require.Equal(t, rule, got.Decision.Violations[0].Rule, "%s", got.Decision)
		var r risk.Refusal
		d.LastEntry(t, risk.KindRefusal, &r)
		require.Equal(t, got.Order.ID, r.Order.ID, "the refusal must be durable")
		require.Equal(t, rule, r.Violations[0].Rule)
	}
	expiring := signal("expiring")
	expiring.Expires = d.Now()
	require.True(t, send(t, d, expiring).Held(), "at the moment it expires it is still good")
	expired := signal("expired")
	expired.Expires = d.Now().Add(-time.Microsecond)
	refused(send(t, d, expired), risk.RuleExpired)

	refused(send(t, d, signal("failing"), accounts.WithSizer(sizing.Func(func(sizing.Sizing) (ledger.Decimal, error) {
		return dec("100"), errors.New("no idea")
	}))), risk.RuleSize)
	refused(send(t, d, signal("negative"), accounts.WithSizer(sizing.Func(func(sizing.Sizing) (ledger.Decimal, error) {
		return dec("-100"), nil
	}))), risk.RuleSize)
	refused(send(t, d, signal("odds"), accounts.WithSizer(sizing.FractionalKelly{Part: dec("1")})), risk.RuleSize)
	refused(send(t, d, signal("large"), accounts.WithSizer(sizing.FixedNotional{Amount: dec("1100")})), risk.RuleNotional)

	closing := signal("flat")
	closing.Action = accounts.SignalClose
	refused(send(t, d, closing), risk.RuleSize)
	d.Fill(t, "", xyz, "7.5", "100")
	closing.ID = "closing"
	got := send(t, d, closing)
	require.True(t, got.Held() && got.Decision.Reduces, "%s", got.Decision)
	require.Equal(t, "-7.5", got.Order.Quantity.String(), "a closing order is for all there is")
	closing.ID = "again"
	refused(send(t, d, closing), risk.RuleSize)

	d.Fill(t, "", abc, "1", "10") // without a mark
	refused(send(t, d, signal("unknown")), risk.RuleEquity)
	d.Mark(t, abc, "10")
	unmarked := signal("unmarked")
	unmarked.Instrument = ledger.NewStock("NOMARK", "USD")
	refused(send(t, d, unmarked), risk.RuleNoMark)
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
	require.True(t, again[0].Decision.Broken(risk.RuleAllOrNone), "an order that was let go stays let go: %s", again[0].Decision)
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
