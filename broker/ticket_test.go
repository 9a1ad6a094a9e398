package broker_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

var (
	dec = ledger.MustDecimal
	xyz = ledger.NewStock("XYZ", "USD")
)

func TestReferences(t *testing.T) {
	for ref, valid := range map[broker.Ref]bool{
		"": false, "a": true, "A.b-c_9": true, "a b": false, "a/b": false, "ä": false, "a\n": false, "a:b": false,
		broker.Ref(strings.Repeat("r", broker.MaxRef)): true, broker.Ref(strings.Repeat("r", broker.MaxRef+1)): false,
	} {
		require.Equal(t, valid, ref.Valid(), "%q", ref)
	}
}

func TestReferencesOfOrders(t *testing.T) {
	seen := map[broker.Ref]string{}
	for _, profile := range []accounts.ProfileID{"a", "b", "a\x00o", ""} {
		for _, id := range []ledger.OrderID{"o", "p", "2026-06-01 signal@a", "o\x00o"} {
			ref, what := broker.RefOf(profile, id), fmt.Sprintf("%q of %q", id, profile)
			require.True(t, ref.Valid(), what)
			require.Empty(t, seen[ref], what)
			require.Equal(t, ref, broker.RefOf(profile, id), "%s is not the same again", what)
			seen[ref] = what
		}
	}
	require.Equal(t, broker.Ref("c3cdeda6322596875b8b436707dc3b02"), broker.RefOf("profile", "order"), "references are for ever")
}

func TestTerms(t *testing.T) {
	oil := ledger.Instrument{SecType: ledger.Future, Symbol: "CL", Currency: "USD", Expiry: 20270120, Multiplier: dec("1000")}
	for name, c := range map[string]struct {
		terms    broker.Terms
		contract ledger.Instrument
		quantity string
		worst    string
		wrong    []string
	}{
		"limit":                     {broker.Terms{Type: broker.LimitOrder, Limit: dec("10"), TIF: broker.Day}, xyz, "1", "10", nil},
		"market":                    {broker.Terms{Type: broker.MarketOrder, TIF: broker.Day}, xyz, "1", "0", nil},
		"stop":                      {broker.Terms{Type: broker.StopOrder, Stop: dec("10"), TIF: broker.GoodTillCanceled}, xyz, "1", "10", nil},
		"stop-limit to buy":         {broker.Terms{Type: broker.StopLimitOrder, Stop: dec("10"), Limit: dec("11"), TIF: broker.Day}, xyz, "1", "11", nil},
		"stop-limit to sell":        {broker.Terms{Type: broker.StopLimitOrder, Stop: dec("10"), Limit: dec("9"), TIF: broker.Day}, xyz, "-1", "9", nil},
		"stop at its limit":         {broker.Terms{Type: broker.StopLimitOrder, Stop: dec("10"), Limit: dec("10"), TIF: broker.Day}, xyz, "1", "10", nil},
		"a future below zero":       {broker.Terms{Type: broker.LimitOrder, Limit: dec("-3"), TIF: broker.Day}, oil, "1", "-3", nil},
		"a stock below zero":        {broker.Terms{Type: broker.LimitOrder, Limit: dec("-3"), TIF: broker.Day}, xyz, "1", "-3", []string{"Limit"}},
		"nothing":                   {broker.Terms{}, xyz, "1", "0", []string{"Type", "TIF"}},
		"market with prices":        {broker.Terms{Type: broker.MarketOrder, Limit: dec("1"), Stop: dec("1"), TIF: broker.Day}, xyz, "1", "0", []string{"Limit", "Stop"}},
		"limit without one":         {broker.Terms{Type: broker.LimitOrder, TIF: broker.Day}, xyz, "1", "0", []string{"Limit"}},
		"stop-limit without either": {broker.Terms{Type: broker.StopLimitOrder, TIF: broker.Day}, xyz, "1", "0", []string{"Limit", "Stop"}},
		"buy limit below its stop":  {broker.Terms{Type: broker.StopLimitOrder, Stop: dec("10"), Limit: dec("9"), TIF: broker.Day}, xyz, "1", "9", []string{"Limit"}},
		"sell limit above its stop": {broker.Terms{Type: broker.StopLimitOrder, Stop: dec("10"), Limit: dec("11"), TIF: broker.Day}, xyz, "-1", "11", []string{"Limit"}},
		"too much":                  {broker.Terms{Type: broker.LimitOrder, Limit: dec("999999999999999").Add(dec("1")), TIF: broker.Day}, xyz, "1", "1000000000000000", []string{"Limit"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.worst, c.terms.Worst().String())
			var fields []string
			err := c.terms.Validate(&c.contract, dec(c.quantity))
			if wrong := (*invalid.Error)(nil); errors.As(err, &wrong) {
				for _, f := range wrong.Fields {
					fields = append(fields, f.Name)
				}
			}
			require.Equal(t, c.wrong, fields, "%v", err)
			require.Equal(t, len(c.wrong) > 0, errors.Is(err, broker.ErrInvalid))
		})
	}
}

// A ticket is valid only if its order is held at the worst price of the terms.
func TestTickets(t *testing.T) {
	k := broker.Ticket{Ref: "r", Order: risk.Order{ID: "o", Instrument: xyz, Quantity: dec("1"), Price: dec("10.0")},
		Terms: broker.Terms{Type: broker.LimitOrder, Limit: dec("10"), TIF: broker.Day}}
	require.NoError(t, k.Validate())
	k.Order.Price = dec("9")
	require.ErrorIs(t, k.Validate(), broker.ErrInvalid, "held at less than it may cost")
	k.Order.Price, k.Order.ID = dec("10"), ""
	require.ErrorIs(t, k.Validate(), broker.ErrInvalid, "an order without an id")
	k.Order.ID, k.Order.Quantity = "o", dec("0.00000000000000001")
	k.Order.Price, k.Terms.Limit = dec("0.001"), dec("0.001")
	require.ErrorIs(t, k.Validate(), ledger.ErrInexact)
}

func TestMarksOfQuotes(t *testing.T) {
	at := time.Date(2026, 6, 1, 15, 0, 0, 0, time.UTC)
	full := broker.Quote{Instrument: xyz, Bid: dec("10"), Ask: dec("10.5"), Last: dec("12"), Time: at}
	for name, c := range map[string]struct {
		change func(q *broker.Quote)
		price  string // empty for no price of now
	}{
		"bid and ask": {func(*broker.Quote) {}, "10.25"},
		"no bid":      {func(q *broker.Quote) { q.Bid = ledger.Decimal{} }, "12"},
		"crossed":     {func(q *broker.Quote) { q.Ask = dec("9") }, "12"},
		"nothing":     {func(q *broker.Quote) { *q = broker.Quote{Instrument: xyz, Time: at} }, ""},
		"no time":     {func(q *broker.Quote) { q.Time = time.Time{} }, ""},
		"delayed":     {func(q *broker.Quote) { q.Delayed = true }, ""},
		"halted":      {func(q *broker.Quote) { q.Halted = true }, ""},
		"of a close":  {func(q *broker.Quote) { q.Closing = true }, ""},
	} {
		q := full
		c.change(&q)
		m, ok := q.Mark()
		require.Equal(t, c.price != "", ok, name)
		if ok {
			require.Equal(t, []string{c.price, at.String()}, []string{m.Price.String(), m.Time.String()}, name)
		}
	}
}

func TestSessions(t *testing.T) {
	for s, want := range map[broker.SessionState]error{
		broker.SessionUsable: nil, broker.SessionDisconnected: broker.ErrNotConnected, broker.SessionCompeting: broker.ErrCompeting,
		broker.SessionLoginNeeded: broker.ErrLoginNeeded, broker.SessionClosed: broker.ErrClosed, "": broker.ErrNotConnected,
	} {
		require.ErrorIs(t, s.Err(), want, "%q", s)
		require.Equal(t, want == nil, broker.Status{Session: s}.Usable(), "%q", s)
	}
	for s, ended := range map[broker.OrderStatus]bool{broker.OrderPending: false, broker.OrderWorking: false, broker.OrderCancelling: false,
		broker.OrderInactive: false, broker.OrderFilled: true, broker.OrderCancelled: true, broker.OrderExpired: true, "": false, "new": false} {
		require.Equal(t, ended, s.Terminal(), "%q", s)
	}
}

func TestRejectionsAndJSON(t *testing.T) {
	err := error(&broker.RejectionError{Ref: "r", Reason: "no funds"})
	require.ErrorIs(t, err, broker.ErrRejected)
	require.Equal(t, `order "r": the broker rejected the order: "no funds"`, err.Error())
	require.ErrorIs(t, broker.ErrOutcomeUnknown, accounts.ErrOutcomeUnknown)
	for want, v := range map[string]any{
		`{"list":[],"as_of":"0001-01-01T00:00:00Z","complete":false}`:                               broker.Answer[broker.Order]{},
		`{"list":[],"as_of":"0001-01-01T00:00:00Z","complete":false,"from":"0001-01-01T00:00:00Z"}`: broker.Executions{},
	} {
		got, err := json.Marshal(v)
		require.NoError(t, err)
		require.JSONEq(t, want, string(got))
	}
}
