package broker_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/broker/paper"
	"github.com/ai-ots/accounts/ledger"
)

// TestAnOrdersWay: held, dispatched, sent, filled, booked.
func TestAnOrdersWay(t *testing.T) {
	r := newRig(t, 2, nil)
	r.sync(t)
	ack, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "10", "99"), day("99"))
	require.NoError(t, err)
	require.NotEmpty(t, ack.BrokerID)
	_, err = r.engine.Send(t.Context(), r.ids[0], "a", day("99"))
	require.ErrorIs(t, err, accounts.ErrDispatched)
	require.NoError(t, r.paper.Price(stock, dec("98")))
	r.sync(t)
	require.Empty(t, r.held(t, 0), "an order that is filled holds nothing")
	r.agree(t)
	require.Equal(t, []broker.NoticeKind{broker.NoticeSent}, r.kinds("a"))

	require.NoError(t, r.paper.Price(stock, dec("100")))
	_, err = r.engine.Submit(t.Context(), r.ids[1], order("a", "5", "99"), day("99"))
	require.NoError(t, err, "every profile has orders of its own")
	r.sync(t)
	require.Equal(t, []ledger.OrderID{"a"}, r.held(t, 1), "an order that works stays held")
	require.NoError(t, r.engine.Cancel(t.Context(), r.ids[1], "a"))
	r.sync(t)
	require.Empty(t, r.held(t, 1), "an order that was cancelled holds nothing")
	r.agree(t)
}

// TestOutcomes: what becomes of an order by what the broker's answer was.
func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		fault paper.Fault
		is    error
		held  bool
		found bool // the broker has the order
	}{
		"rejected":     {paper.Rejected, broker.ErrRejected, false, false},
		"paced":        {paper.Paced, broker.ErrPaced, false, false},
		"disconnected": {paper.Disconnected, broker.ErrNotConnected, false, false},
		"lost answer":  {paper.LostAnswer, broker.ErrOutcomeUnknown, true, true},
		"lost request": {paper.LostRequest, broker.ErrOutcomeUnknown, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1, nil)
			r.sync(t)
			r.paper.Fail(paper.OpPlace, "", c.fault, "no", 1)
			_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "10", "99"), day("99"))
			require.ErrorIs(t, err, c.is)
			for range 3 {
				require.Equal(t, c.held, len(r.held(t, 0)) == 1, "whether the order is held")
				r.sync(t)
			}
			question := []ledger.OrderID{}
			if c.held && !c.found {
				question = append(question, "a")
			}
			require.Equal(t, question, r.engine.Status().Accounts[0].Questions)
			require.Equal(t, c.found, slices.Contains(r.kinds("a"), broker.NoticeFound), "whether the order was found")
			if c.found {
				require.NoError(t, r.engine.Cancel(t.Context(), r.ids[0], "a"))
			} else {
				r.Advance(48 * time.Hour) // an order for the day ends with its session
			}
			r.sync(t)
			require.Empty(t, r.held(t, 0))
			require.Empty(t, r.engine.Status().Accounts[0].Questions)
			r.agree(t)
		})
	}
}

// TestAPersonSettles: an order that is good till cancelled and that the broker does not know stays a
// question until a person answers it.
func TestAPersonSettles(t *testing.T) {
	r := newRig(t, 1, nil)
	r.sync(t)
	r.paper.Fail(paper.OpPlace, "", paper.LostRequest, "", 1)
	gtc := broker.Terms{Type: broker.LimitOrder, Limit: dec("101"), TIF: broker.GoodTillCanceled}
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "10", "101"), gtc)
	require.ErrorIs(t, err, broker.ErrOutcomeUnknown)
	r.Advance(30 * 24 * time.Hour)
	r.sync(t)
	r.sync(t)
	require.Len(t, r.held(t, 0), 1)
	require.NoError(t, r.engine.Settle(t.Context(), r.ids[0], "a", "the broker's desk says there is none"))
	require.Empty(t, r.held(t, 0))
	require.Empty(t, r.engine.Status().Accounts[0].Questions)
}

// TestTheKillSwitch: it halts, cancels what works, and leaves nothing behind; nothing is sent after it.
func TestTheKillSwitch(t *testing.T) {
	r := newRig(t, 2, nil)
	r.sync(t)
	for n := range r.ids {
		_, err := r.engine.Submit(t.Context(), r.ids[n], order("works", "10", "99"), day("99"))
		require.NoError(t, err)
		_, err = r.portfolio(t, n).Reserve(t.Context(), order("held", "11", "99"))
		require.NoError(t, err)
	}
	report, err := r.engine.Halt(t.Context(), "stop")
	require.NoError(t, err)
	require.Len(t, report, 2)
	for n, h := range report {
		require.NoError(t, h.Problem)
		require.Empty(t, h.Working, "what works after the kill switch")
		require.Equal(t, []ledger.OrderID{"held"}, r.held(t, n), "what was not sent stays held")
		_, err := r.engine.Send(t.Context(), r.ids[n], "held", day("99"))
		require.ErrorIs(t, err, accounts.ErrRefused, "an order that was held before the halt")
		require.NoError(t, r.engine.Cancel(t.Context(), r.ids[n], "held"))
	}
	r.agree(t)
}
