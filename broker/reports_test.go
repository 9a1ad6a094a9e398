package broker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
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

// The tests of this file are public reports of what went wrong between trading systems and brokers, and have
// their numbers in the list of the reports. Those about the wire are package cpapi's.

// hooked is a session in which a test answers some calls itself.
type hooked struct {
	broker.Broker
	mu  sync.Mutex
	now hooks
}

// hooks are the calls that a test answers; nil for those that it does not.
type hooks struct {
	orders     func(context.Context, broker.AccountID) (broker.Answer[broker.Order], error)
	executions func(context.Context, broker.AccountID, time.Time) (broker.Executions, error)
	positions  func(context.Context, broker.AccountID) (broker.Answer[broker.Position], error)
	place      func(context.Context, broker.AccountID, broker.Ticket) (broker.Ack, error)
	quotes     func(context.Context, []ledger.Instrument) ([]broker.Quote, error)
	status     func() broker.Status
}

// answer sets the calls that the test answers from now on.
func (h *hooked) answer(now hooks) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = now
}

func (h *hooked) hooks() hooks {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hooked) Close() error { return nil }

func (h *hooked) Orders(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Order], error) {
	if f := h.hooks().orders; f != nil {
		return f(ctx, a)
	}
	return h.Broker.Orders(ctx, a)
}

func (h *hooked) Executions(ctx context.Context, a broker.AccountID, since time.Time) (broker.Executions, error) {
	if f := h.hooks().executions; f != nil {
		return f(ctx, a, since)
	}
	return h.Broker.Executions(ctx, a, since)
}

func (h *hooked) Positions(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Position], error) {
	if f := h.hooks().positions; f != nil {
		return f(ctx, a)
	}
	return h.Broker.Positions(ctx, a)
}

func (h *hooked) Place(ctx context.Context, a broker.AccountID, t broker.Ticket) (broker.Ack, error) {
	if f := h.hooks().place; f != nil {
		return f(ctx, a, t)
	}
	return h.Broker.Place(ctx, a, t)
}

func (h *hooked) Quotes(ctx context.Context, contracts []ledger.Instrument) ([]broker.Quote, error) {
	if f := h.hooks().quotes; f != nil {
		return f(ctx, contracts)
	}
	return h.Broker.Quotes(ctx, contracts)
}

func (h *hooked) Status() broker.Status {
	if f := h.hooks().status; f != nil {
		return f()
	}
	return h.Broker.Status()
}

// hookedRig is a rig in step, with a session that a test can change.
func hookedRig(t *testing.T, n int, change func(*broker.Config)) (*rig, *hooked) {
	r := newBareRig(t, n)
	h := &hooked{Broker: r.paper}
	r.engine = r.start(t, r.manager, func(c *broker.Config) {
		c.Connect = func(context.Context) (broker.Broker, error) { return h, nil }
		if change != nil {
			change(c)
		}
	})
	r.sync(t)
	return r, h
}

var errGone = errors.New("no answer")

// 1 and 6 (erdewit/ib_insync#442, nautilus#878): what several accounts hold is never summed, and "All" is none.
func TestReport1EveryAccountIsAskedForItself(t *testing.T) {
	r, _ := hookedRig(t, 3, nil)
	for n := range r.ids {
		_, err := r.engine.Submit(t.Context(), r.ids[n], order("a", []string{"1", "2", "4"}[n], "101"), day("101"))
		require.NoError(t, err)
	}
	r.sync(t)
	r.agree(t)
	require.NoError(t, r.paper.Open(broker.Account{ID: "All", Kind: broker.Group, Mode: accounts.ModePaper, Currency: "USD", Tradable: true}))
	list, err := r.engine.Discover(t.Context())
	require.NoError(t, err)
	verdicts := map[broker.AccountID]broker.Verdict{}
	for _, c := range list {
		verdicts[c.Account.ID] = c.Verdict
	}
	require.Equal(t, broker.NotWhole, verdicts["All"])
	require.Equal(t, broker.Linked, verdicts["DU1000200"])
}

// 2 (stoqey/ibkr#66): rows of other accounts are dropped, and told of.
func TestReport2RowsOfOtherAccounts(t *testing.T) {
	r, h := hookedRig(t, 2, nil)
	_, err := r.engine.Submit(t.Context(), r.ids[1], order("a", "5", "101"), day("101"))
	require.NoError(t, err)
	h.answer(hooks{executions: func(ctx context.Context, _ broker.AccountID, since time.Time) (broker.Executions, error) {
		x, err := r.paper.Executions(ctx, "DU1000201", since)
		return x, err // of the other account, whichever was asked for
	}})
	r.sync(t)
	require.Empty(t, r.portfolio(t, 0).Positions(), "an execution of another account was booked")
	require.Contains(t, r.kinds(""), broker.NoticeForeignRow)
	r.agree(t)
}

// 3 (thetagang#646): an account that never answers holds up itself alone.
func TestReport3AnAccountThatDoesNotAnswer(t *testing.T) {
	r, h := hookedRig(t, 2, nil)
	h.answer(hooks{positions: func(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Position], error) {
		if a == "DU1000200" {
			return broker.Answer[broker.Position]{}, errGone
		}
		return r.paper.Positions(ctx, a)
	}})
	r.Advance(time.Second)
	require.ErrorIs(t, r.engine.Sync(t.Context()), errGone)
	status := r.engine.Status().Accounts
	require.Equal(t, map[broker.AccountID]bool{"DU1000200": false, "DU1000201": true},
		map[broker.AccountID]bool{status[0].Account: status[0].Ready, status[1].Account: status[1].Ready})
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "1", "101"), day("101"))
	require.ErrorIs(t, err, broker.ErrNotReady)
	_, err = r.engine.Submit(t.Context(), r.ids[1], order("a", "1", "101"), day("101"))
	require.NoError(t, err)
}

// 7 and 8 (nautilus#5007, #4228): a read that failed is an error, and an answer that is not complete says
// nothing of what it lacks.
func TestReport8UnknownIsNotEmpty(t *testing.T) {
	r, _ := hookedRig(t, 1, nil)
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("fills", "5", "101"), day("101"))
	require.NoError(t, err)
	_, err = r.engine.Submit(t.Context(), r.ids[0], order("works", "6", "99"), day("99"))
	require.NoError(t, err)
	r.sync(t)
	for _, op := range []paper.Op{paper.OpOrders, paper.OpExecutions, paper.OpPositions, paper.OpCash} {
		for _, fault := range []paper.Fault{paper.Incomplete, paper.Disconnected} {
			if op == paper.OpCash && fault == paper.Incomplete {
				continue // cash is not held against the book
			}
			before := count(r.kinds(""), broker.NoticeNotReady)
			r.paper.Fail(op, "", fault, "", 2)
			r.Advance(72 * time.Hour)
			for range 3 { // some of the looks are the engine's own
				_ = r.engine.Sync(t.Context())
			}
			require.Greater(t, count(r.kinds(""), broker.NoticeNotReady), before, "%s %s", op, fault)
			require.Equal(t, []ledger.OrderID{"works"}, r.held(t, 0), "%s %s", op, fault)
			require.Empty(t, r.engine.Status().Accounts[0].Breaks, "%s %s", op, fault)
			r.sync(t)
		}
	}
	r.agree(t)
}

// count returns how often a kind is in a list.
func count(list []broker.NoticeKind, kind broker.NoticeKind) (n int) {
	for _, k := range list {
		if k == kind {
			n++
		}
	}
	return n
}

// 9 (nautilus#4247): the broker uses its ids again; an execution belongs to the order whose reference it has,
// in the same contract and on the same side.
func TestReport9AReferenceInAnotherContract(t *testing.T) {
	r, h := hookedRig(t, 1, nil)
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "99"), day("99"))
	require.NoError(t, err)
	h.answer(hooks{executions: func(ctx context.Context, a broker.AccountID, since time.Time) (broker.Executions, error) {
		x, err := r.paper.Executions(ctx, a, since)
		for i := range x.List {
			x.List[i].Ref = broker.RefOf(r.ids[0], "a")
		}
		return x, err
	}})
	_, err = r.paper.PlaceByHand("DU1000200", broker.Ticket{Order: risk.Order{ID: "hand", Instrument: call, Quantity: dec("2"), Price: dec("6")},
		Terms: broker.Terms{Type: broker.LimitOrder, Limit: dec("6"), TIF: broker.Day}})
	require.NoError(t, err)
	r.sync(t)
	require.Equal(t, []ledger.OrderID{"a"}, r.held(t, 0), "another contract's execution fills no order")
	require.Contains(t, r.kinds("a"), broker.NoticeMismatch)
	r.agree(t)
}

// 10 (nautilus#4970): a fill that comes before the answer to the order finds its order.
func TestReport10AFillBeforeTheAnswer(t *testing.T) {
	r, h := hookedRig(t, 1, nil)
	h.answer(hooks{place: func(ctx context.Context, a broker.AccountID, ticket broker.Ticket) (broker.Ack, error) {
		ack, err := r.paper.Place(ctx, a, ticket)
		require.NoError(t, r.engine.Sync(ctx), "the engine looks while the order is on its way")
		require.Empty(t, r.held(t, 0), "the fill is booked under its order")
		return ack, err
	}})
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "101"), day("101"))
	require.NoError(t, err)
	require.NotContains(t, r.kinds(""), broker.NoticeForeignFill)
	require.NotContains(t, r.kinds(""), broker.NoticeOrphan)
	r.agree(t)
}

// An order that is sent while the broker is asked for its orders is no orphan, and not missing.
func TestAnOrderThatIsSentDuringALook(t *testing.T) {
	r, h := hookedRig(t, 1, nil)
	var looks atomic.Int32
	h.answer(hooks{orders: func(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Order], error) {
		before, err := r.paper.Orders(ctx, a)
		n := looks.Add(1)
		if n > 4 || err != nil {
			return before, err
		}
		_, err = r.engine.Submit(ctx, r.ids[0], order(ledger.OrderID(fmt.Sprint(n)), fmt.Sprint(n), "99"), day("99"))
		require.NoError(t, err)
		if n%2 == 0 {
			return r.paper.Orders(ctx, a)
		}
		return before, nil // as of before the order
	}})
	for looks.Load() <= 4 {
		r.sync(t)
	}
	require.Empty(t, r.engine.Status().Accounts[0].Questions)
	require.Empty(t, r.engine.Status().Accounts[0].External)
	require.NotContains(t, r.kinds(""), broker.NoticeOrphan)
	require.NotContains(t, r.kinds(""), broker.NoticeUnknown)
	require.Len(t, r.held(t, 0), 4)
}

// 11 and 19 (nautilus#4564, ibind's retries): an order whose answer was lost is never sent again; two orders
// under one reference are both told of, and held until both have ended.
func TestReport11TwoOrdersUnderOneReference(t *testing.T) {
	r, h := hookedRig(t, 1, nil)
	var placed atomic.Int32
	place := func(ctx context.Context, a broker.AccountID, ticket broker.Ticket) (broker.Ack, error) {
		placed.Add(1)
		_, err := r.paper.Place(ctx, a, ticket)
		require.NoError(t, err)
		return broker.Ack{}, broker.ErrOutcomeUnknown
	}
	h.answer(hooks{place: place, orders: func(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Order], error) {
		x, err := r.paper.Orders(ctx, a)
		if len(x.List) > 0 {
			second := x.List[0]
			second.BrokerID, second.Status = "another", broker.OrderWorking
			x.List = append(x.List, second)
		}
		return x, err
	}})
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "99"), day("99"))
	require.ErrorIs(t, err, broker.ErrOutcomeUnknown)
	r.sync(t)
	require.Contains(t, r.kinds("a"), broker.NoticeTwice)
	require.Contains(t, r.kinds("a"), broker.NoticeFound)
	require.NoError(t, r.engine.Cancel(t.Context(), r.ids[0], "a"))
	r.sync(t)
	require.Equal(t, []ledger.OrderID{"a"}, r.held(t, 0), "the second works still")
	require.Equal(t, int32(1), placed.Load(), "the order was sent again")
}

// 12 (nautilus#5057): orders of an earlier process are managed by the next.
func TestReport12OrdersOfAnEarlierProcess(t *testing.T) {
	r := newRig(t, 1, nil)
	r.sync(t)
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "99"), day("99"))
	require.NoError(t, err)
	require.NoError(t, r.engine.Close())
	r.manager = r.newManager(t)
	r.engine = r.start(t, r.manager, nil)
	r.sync(t)
	require.Equal(t, []ledger.OrderID{"a"}, r.held(t, 0))
	require.NoError(t, r.engine.Cancel(t.Context(), r.ids[0], "a"))
	r.sync(t)
	require.Empty(t, r.held(t, 0))
}

// 13 (Lean.IB#249): what filled while there was no session is booked when there is one again.
func TestReport13FillsDuringAnOutage(t *testing.T) {
	r := newRig(t, 1, nil)
	r.sync(t)
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "99"), day("99"))
	require.NoError(t, err)
	r.sync(t)
	r.paper.SetSession(broker.SessionDisconnected, "the line is down")
	require.ErrorIs(t, r.engine.Sync(t.Context()), broker.ErrNotConnected)
	r.Advance(time.Minute)
	require.NoError(t, r.paper.Price(stock, dec("98")))
	r.Advance(72 * time.Hour)
	r.paper.SetSession(broker.SessionUsable, "")
	r.sync(t)
	require.Empty(t, r.held(t, 0))
	r.agree(t)
}

// 14 (Lean.IB#242): no order is sent just before the session is known to end.
func TestReport14BeforeTheReset(t *testing.T) {
	r, h := hookedRig(t, 1, nil)
	h.answer(hooks{status: func() broker.Status {
		s := r.paper.Status()
		s.Reset = r.Now().Add(time.Minute)
		return s
	}})
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "99"), day("99"))
	require.ErrorIs(t, err, broker.ErrNotReady)
	require.Empty(t, r.held(t, 0))
}

// 15 (Lean#5839): what the broker trades of its own is booked, and told of.
func TestReport15ALiquidation(t *testing.T) {
	r := newRig(t, 1, nil)
	r.sync(t)
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "101"), day("101"))
	require.NoError(t, err)
	_, err = r.paper.PlaceByHand("DU1000200", broker.Ticket{Order: risk.Order{ID: "x", Instrument: stock, Quantity: dec("-5"), Price: dec("90")},
		Terms: broker.Terms{Type: broker.LimitOrder, Limit: dec("90"), TIF: broker.Day}})
	require.NoError(t, err)
	r.sync(t)
	require.Contains(t, r.kinds(""), broker.NoticeForeignFill)
	r.agree(t)
}

// 22 (ib_insync#364): a correction replaces its execution.
func TestReport22ACorrection(t *testing.T) {
	r := newRig(t, 1, nil)
	r.sync(t)
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "101"), day("101"))
	require.NoError(t, err)
	r.sync(t)
	x, err := r.paper.Executions(t.Context(), "DU1000200", time.Time{})
	require.NoError(t, err)
	_, err = r.paper.Correct("DU1000200", x.List[0].Trade.ExecID, dec("3"), dec("100.5"))
	require.NoError(t, err)
	r.sync(t)
	r.agree(t)
	p, _ := r.portfolio(t, 0).Position(stock.Key())
	require.Equal(t, "3", p.Quantity.String())
}

// 29 (nautilus#3176): a difference is a break, never an order or a fact.
func TestReport29ADifferenceIsABreak(t *testing.T) {
	r, h := hookedRig(t, 1, func(c *broker.Config) { c.ReduceOnBreak = true })
	seq := r.portfolio(t, 0).Seq()
	h.answer(hooks{positions: func(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Position], error) {
		x, err := r.paper.Positions(ctx, a)
		x.List = append(x.List, broker.Position{Instrument: stock, Quantity: dec("7")})
		return x, err
	}})
	r.sync(t)
	r.sync(t)
	breaks := r.engine.Status().Accounts[0].Breaks
	require.Len(t, breaks, 1)
	require.Equal(t, "-7", breaks[0].Difference.String())
	require.Equal(t, risk.TradingReducing, r.portfolio(t, 0).Snapshot().Risk.State)
	for x, err := range r.portfolio(t, 0).Facts(t.Context(), accounts.Page{After: seq}) {
		require.NoError(t, err)
		require.Fail(t, "a difference was booked", "%v", x.Value)
	}
	h.answer(hooks{})
	r.sync(t)
	require.Empty(t, r.engine.Status().Accounts[0].Breaks)
	require.Contains(t, r.kinds(""), broker.NoticeBreakGone)
}

// 30 (OpenAlice#1126): an order that is inactive for a while is not over; and one that has ended holds what it
// held until its executions are in.
func TestReport30OnlyTheEndIsTheEnd(t *testing.T) {
	r, h := hookedRig(t, 1, nil)
	ack, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "99"), day("99"))
	require.NoError(t, err)
	require.NoError(t, r.paper.SetStatus("DU1000200", ack.BrokerID, broker.OrderInactive, "expired"))
	r.sync(t)
	require.Equal(t, []ledger.OrderID{"a"}, r.held(t, 0))
	require.NoError(t, r.paper.SetStatus("DU1000200", ack.BrokerID, broker.OrderWorking, ""))
	h.answer(hooks{executions: func(ctx context.Context, a broker.AccountID, since time.Time) (broker.Executions, error) {
		x, err := r.paper.Executions(ctx, a, since)
		x.List = nil // they lag
		return x, err
	}})
	require.NoError(t, r.paper.Price(stock, dec("98")))
	r.sync(t)
	r.sync(t)
	require.Equal(t, []ledger.OrderID{"a"}, r.held(t, 0), "the order has filled, and the book does not have its executions")
	require.Contains(t, r.kinds("a"), broker.NoticeOverdue)
	h.answer(hooks{})
	r.sync(t)
	require.Empty(t, r.held(t, 0))
	r.agree(t)
}
