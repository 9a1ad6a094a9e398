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

func TestRouteRefusesWhatIsNoSignal(t *testing.T) {
	f := newFleet(t)
	for name, change := range map[string]func(*accounts.Signal){
		"no id":                 func(s *accounts.Signal) { s.ID = "" },
		"a long id":             func(s *accounts.Signal) { s.ID = risk.SignalID(strings.Repeat("x", 50)) },
		"an id of two lines":    func(s *accounts.Signal) { s.ID = "a\nb" },
		"no action":             func(s *accounts.Signal) { s.Action = "" },
		"an unknown action":     func(s *accounts.Signal) { s.Action = "hold" },
		"no contract":           func(s *accounts.Signal) { s.Instrument = ledger.Instrument{} },
		"a negative price":      func(s *accounts.Signal) { s.Price = dec("-1") },
		"confidence above 1":    func(s *accounts.Signal) { s.Confidence = dec("1.01") },
		"negative confidence":   func(s *accounts.Signal) { s.Confidence = dec("-0.1") },
		"negative volatility":   func(s *accounts.Signal) { s.Volatility = dec("-0.2") },
		"a negative payoff":     func(s *accounts.Signal) { s.Payoff = dec("-1") },
		"a tag of many letters": func(s *accounts.Signal) { s.Strategy = strings.Repeat("x", 1000) },
	} {
		s := buy("s")
		change(&s)
		_, err := f.manager.Route(t.Context(), s)
		require.ErrorIs(t, err, accounts.ErrInvalid, name)
	}
	for name, o := range map[string]accounts.RouteOption{
		"no option": nil, "no sizer": accounts.WithSizer(nil), "a negative timeout": accounts.ProfileTimeout(-time.Second),
	} {
		_, err := f.manager.Route(t.Context(), buy("s"), o)
		require.ErrorIs(t, err, accounts.ErrInvalid, name)
	}
	require.Equal(t, []int{0, 0, 0, 0}, f.working(t))
	require.Equal(t, int64(1), lastSeq(t, f.store, "p1"), "nothing is written but the deposit")
}

// What keeps a signal from becoming an order is a refusal with its reason, durable like every decision.
func TestRouteRefusesInTheProfile(t *testing.T) {
	amount := func(s string) sizing.Func {
		return func(sizing.Sizing) (ledger.Decimal, error) { return dec(s), nil }
	}
	unmarked := ledger.NewStock("NEW", "USD")
	for name, c := range map[string]struct {
		change func(*accounts.Signal)
		sizer  sizing.Sizer
		rule   string
	}{
		"expired":                      {func(s *accounts.Signal) { s.Expires = now.Add(-time.Second) }, sizing.FixedFraction{}, "expired"},
		"at the market without a mark": {func(s *accounts.Signal) { s.Instrument = unmarked }, sizing.FixedFraction{}, "mark_missing"},
		"nothing to close":             {func(s *accounts.Signal) { s.Action = accounts.SignalClose }, sizing.FixedFraction{}, "order_size"},
		"a sizer that fails":           {nil, sizing.Func(func(sizing.Sizing) (ledger.Decimal, error) { return dec("1"), errors.New("no model") }), "order_size"},
		"less than one unit":           {nil, amount("99.99"), "order_size"},
		"no size":                      {nil, amount("0"), "order_size"},
		"a negative size":              {nil, amount("-5000"), "order_size"},
		"an absurd size":               {nil, amount("999999999999999"), "order_quantity"},
		"confidence not stated":        {nil, sizing.ConfidenceWeighted{}, "order_size"},
	} {
		f := newFleet(t)
		s := buy("s")
		if c.change != nil {
			c.change(&s)
		}
		out := f.route(t, s, accounts.WithSizer(c.sizer))
		require.Equal(t, []string{c.rule, c.rule, c.rule, c.rule}, rules(out), name)
		require.Equal(t, []int{0, 0, 0, 0}, f.working(t), name)
		entries := readAll(t, f.store, "p1")
		payload, err := entries[len(entries)-1].Decode()
		require.NoError(t, err, name)
		require.IsType(t, &risk.Refusal{}, payload, "%s: the refusal is journaled", name)
		require.Equal(t, risk.SignalID("s"), payload.(*risk.Refusal).Order.Signal, name)
	}
}

func TestRouteClosesWhatIsLeftToClose(t *testing.T) {
	f := newFleet(t)
	p1, p2, p3 := f.open(t, "p1"), f.open(t, "p2"), f.open(t, "p3")
	record := func(p *accounts.Portfolio, quantity string) {
		_, err := p.Record(t.Context(), trade(1, xyz, quantity, "100"))
		require.NoError(t, err)
	}
	record(p1, "10")
	record(p2, "-10")
	record(p3, "10")
	_, err := p3.Reserve(t.Context(), order("half", xyz, "-4", "100"))
	require.NoError(t, err)
	for _, p := range []*accounts.Portfolio{p1, p2, p3} {
		require.NoError(t, p.Halt(t.Context(), "test"))
		require.NoError(t, p.Resume(t.Context(), "test"))
	}
	shut := accounts.Signal{ID: "shut", Instrument: xyz, Action: accounts.SignalClose}
	out := f.route(t, shut, accounts.WithSizer(sizing.FixedNotional{Amount: dec("1")}))
	require.Equal(t, []string{"held", "held", "held", "order_size"}, rules(out), "not sized, and nothing where nothing is held")
	for i, quantity := range []string{"-10", "10", "-6"} {
		require.Equal(t, quantity, out[i].Order.Quantity.String(), "profile %s closes what is not being closed already", out[i].ProfileID)
	}
	again := shut
	again.ID = "again"
	require.Equal(t, []string{"order_size", "order_size", "order_size", "order_size"}, rules(f.route(t, again)), "all of it is being closed")
	require.Equal(t, out[0].Order.Quantity.String(), f.route(t, shut)[0].Order.Quantity.String(), "the same signal, the same order")
}

// A sizer sees the profile it sizes for, and nothing of any other.
func TestRouteSizesEachByItsOwn(t *testing.T) {
	f := newFleet(t)
	want := map[accounts.ProfileID]string{"p1": "25000", "p2": "50000", "p3": "100000", "p4": "250000"}
	out := f.route(t, buy("s"), accounts.WithSizer(sizing.Func(func(s sizing.Sizing) (ledger.Decimal, error) {
		if want[accounts.ProfileID(s.Profile)] != s.Equity.String() {
			return ledger.Decimal{}, errors.New("equity of another profile: " + s.Equity.String())
		}
		if s.Unit.String() != "100" {
			return ledger.Decimal{}, errors.New("unit " + s.Unit.String())
		}
		return dec("250"), nil
	})))
	for _, a := range out {
		require.True(t, a.Held(), "profile %s: %v", a.ProfileID, a.Err)
		require.Equal(t, "2", a.Order.Quantity.String(), "250 is enough for two whole units of 100")
	}
}
