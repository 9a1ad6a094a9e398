package broker_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/broker/paper"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// The kill switch cancels what works, whatever else cannot be had from the broker.
func TestTheKillSwitchNeedsNothingElse(t *testing.T) {
	for name, broken := range map[string]func(*rig, *hooks, func()){
		"executions": func(_ *rig, h *hooks, asked func()) {
			h.executions = func(context.Context, broker.AccountID, time.Time) (broker.Executions, error) {
				asked()
				return broker.Executions{}, errGone
			}
		},
		"orders": func(_ *rig, h *hooks, asked func()) {
			h.orders = func(context.Context, broker.AccountID) (broker.Answer[broker.Order], error) {
				asked()
				return broker.Answer[broker.Order]{}, errGone
			}
		},
		"orders that are missing": func(r *rig, h *hooks, asked func()) {
			h.orders = func(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Order], error) {
				asked()
				return noOrders(r)(ctx, a)
			}
		},
		"accounts": func(r *rig, h *hooks, asked func()) {
			r.paper.Fail(paper.OpAccounts, "", paper.Paced, "", 1000)
			h.executions = func(context.Context, broker.AccountID, time.Time) (broker.Executions, error) {
				return broker.Executions{}, errGone
			}
			h.orders = func(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Order], error) {
				asked()
				return r.paper.Orders(ctx, a)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, h := hookedRig(t, 1, nil)
			_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "99"), day("99"))
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var looks atomic.Int32
			var now hooks
			p := r.portfolio(t, 0)
			broken(r, &now, func() {
				if p.Snapshot().Risk.State == risk.TradingHalted && looks.Add(1) == 4 {
					cancel()
				}
			})
			h.answer(now)
			report, err := r.engine.Halt(ctx, "stop")
			require.NoError(t, err)
			require.Equal(t, []ledger.OrderID{"a"}, report[0].Working, "it is not known that the order has ended")
			list, err := r.paper.Orders(t.Context(), "DU1000200")
			require.NoError(t, err)
			require.Equal(t, broker.OrderCancelled, list.List[0].Status, "the order works after the kill switch")
		})
	}
}

// Where the halt cannot be written, what works is cancelled all the same.
func TestTheKillSwitchWithoutAStore(t *testing.T) {
	r, _, s := stoppedRig(t, nil)
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "99"), day("99"))
	require.NoError(t, err)
	_, err = r.engine.Halt(t.Context(), "")
	require.ErrorIs(t, err, broker.ErrInvalid)
	list, err := r.paper.Orders(t.Context(), "DU1000200")
	require.NoError(t, err)
	require.Equal(t, broker.OrderWorking, list.List[0].Status, "a wrong reason changes nothing")
	s.next(func() error { return accounts.ErrUnavailable })
	report, err := r.engine.Halt(t.Context(), "stop")
	require.ErrorIs(t, err, accounts.ErrUnavailable)
	require.ErrorIs(t, report[0].Err, accounts.ErrUnavailable)
	list, err = r.paper.Orders(t.Context(), "DU1000200")
	require.NoError(t, err)
	require.Equal(t, broker.OrderCancelled, list.List[0].Status)
}

// A halt that calls back an order whose dispatch is on its way to the store says so: the dispatch is not called back.
func TestAHaltRecallsNoDispatch(t *testing.T) {
	r, _, s := stoppedRig(t, func(c *broker.Config) { c.LeaseFor = 100 * time.Millisecond })
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("works", "10", "99"), day("99"))
	require.NoError(t, err)
	_, err = r.portfolio(t, 0).Reserve(t.Context(), order("held", "11", "99"))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	halted := make(chan error, 1)
	s.next(func() error { // the dispatch
		go func() { _, err := r.engine.Halt(ctx, "stop"); halted <- err }()
		for ctx.Err() == nil { // what is on its way is called back before what works is cancelled
			list, err := r.paper.Orders(ctx, "DU1000200")
			if err != nil || list.List[0].Status == broker.OrderCancelled {
				return err
			}
			runtime.Gosched()
		}
		return ctx.Err()
	})
	_, err = r.engine.Send(t.Context(), r.ids[0], "held", day("99"))
	require.ErrorContains(t, err, "the profile was halted while the order was on its way")
	require.NoError(t, <-halted)
	list, err := r.paper.Orders(t.Context(), "DU1000200")
	require.NoError(t, err)
	require.Len(t, list.List, 1, "the order is at the broker")
}

// A store that does not answer does not keep orders from being cancelled.
func TestTheKillSwitchWithASilentStore(t *testing.T) {
	r, _, s := stoppedRig(t, func(c *broker.Config) { c.LeaseFor = 100 * time.Millisecond })
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "99"), day("99"))
	require.NoError(t, err)
	silent, halted := make(chan struct{}), make(chan error, 1)
	s.next(func() error { <-silent; return accounts.ErrUnavailable })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() { _, err := r.engine.Halt(ctx, "stop"); halted <- err }()
	for {
		list, err := r.paper.Orders(t.Context(), "DU1000200")
		require.NoError(t, err)
		if list.List[0].Status == broker.OrderCancelled {
			break
		}
		require.NoError(t, ctx.Err(), "the order works while the store is silent")
		runtime.Gosched()
	}
	close(silent)
	require.ErrorIs(t, <-halted, accounts.ErrUnavailable)
}

// An order whose hold has ended and that works still is in the kill switch's report.
func TestTheKillSwitchTellsOfOrphans(t *testing.T) {
	r, h := hookedRig(t, 1, nil)
	ack, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "99"), day("99"))
	require.NoError(t, err)
	require.NoError(t, r.engine.Settle(t.Context(), r.ids[0], "a", "a person is wrong"))
	require.NoError(t, r.paper.SetStatus("DU1000200", ack.BrokerID, broker.OrderCancelling, ""))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var looks atomic.Int32
	p := r.portfolio(t, 0)
	h.answer(hooks{orders: func(_ context.Context, a broker.AccountID) (broker.Answer[broker.Order], error) {
		if p.Snapshot().Risk.State == risk.TradingHalted && looks.Add(1) == 4 {
			cancel()
		}
		return r.paper.Orders(t.Context(), a)
	}})
	report, err := r.engine.Halt(ctx, "stop")
	require.NoError(t, err)
	require.Equal(t, []ledger.OrderID{"a"}, report[0].Working)
	require.Error(t, ctx.Err(), "the kill switch was content with an order that works")
}

// The kill switch ends after the engine was closed, and does not hide that nothing was cancelled.
func TestTheKillSwitchOfAClosedEngine(t *testing.T) {
	r := newRig(t, 1, nil)
	r.sync(t)
	require.NoError(t, r.engine.Close())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	report, err := r.engine.Halt(ctx, "stop")
	require.NoError(t, err)
	require.NoError(t, ctx.Err(), "the kill switch waits for nothing")
	require.ErrorIs(t, report[0].Problem, broker.ErrClosed)
	require.Equal(t, risk.TradingHalted, r.portfolio(t, 0).Snapshot().Risk.State)
	cancel()
	_, err = r.engine.Halt(ctx, "again")
	require.Error(t, err, "a halt that was not written")
}
