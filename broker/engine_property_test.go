package broker_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/broker/paper"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// world is a rig whose process is killed and started again while anything goes wrong.
type world struct {
	*rig
	tb     testing.TB
	life   *life
	orders int
}

// newWorld returns a world with two accounts.
func newWorld(tb testing.TB, t *rapid.T) *world {
	w := &world{rig: newRig(tb, 2, func(c *broker.Config) { c.Login = "setup" }), tb: tb}
	require.NoError(tb, w.engine.Close())
	options := paper.Options{Clock: w.Now, Commission: func(*ledger.Trade) ledger.Decimal { return dec("1.05") },
		LateCommissions: rapid.Bool().Draw(t, "late commissions"), Spread: dec("0.002")}
	if rapid.Bool().Draw(t, "in parts") {
		options.Liquidity = dec("4")
	}
	w.paper = paper.New(options)
	for n := range w.ids {
		require.NoError(tb, w.paper.Open(broker.Account{ID: broker.AccountID(fmt.Sprintf("DU10002%02d", n)), Kind: broker.WholeAccount,
			Mode: accounts.ModePaper, Currency: "USD", Tradable: true}, broker.Balance{Currency: "USD", Cash: dec("100000")}))
	}
	require.NoError(tb, w.paper.Price(stock, dec("100")))
	require.NoError(tb, w.paper.Price(call, dec("5")))
	w.restart(0)
	return w
}

// restart starts a process of so many steps in the place of the one before; zero for no end.
func (w *world) restart(steps int64) {
	require.NoError(w.tb, w.engine.Close())
	w.life = newLife(steps)
	l := w.life
	m, err := accounts.New(mortalStore{w.store, l}, accounts.WithClock(w.Now))
	require.NoError(w.tb, err)
	w.tb.Cleanup(func() { _ = m.Close() })
	w.manager = m
	w.engine = w.start(w.tb, m, func(c *broker.Config) {
		c.Connect = func(context.Context) (broker.Broker, error) { return mortalBroker{w.paper, l}, nil }
		c.Timeout = 10 * time.Second
	})
}

// try looks at the accounts; what goes wrong then is a part of the world.
func (w *world) try() {
	if w.engine.Sync(w.tb.Context()) == nil || !w.life.dead.Load() {
		return
	}
	w.restart(0)
}

// submit sends an order of any kind.
func (w *world) submit(t *rapid.T) {
	w.orders++
	o := risk.Order{ID: ledger.OrderID(fmt.Sprint("o-", w.orders)), Instrument: stock}
	price := 100.0
	if rapid.IntRange(0, 2).Draw(t, "contract") == 0 {
		o.Instrument, price = call, 5.0
	}
	o.Quantity = dec(fmt.Sprint(rapid.IntRange(1, 9).Draw(t, "quantity") * rapid.SampledFrom([]int{1, 1, -1}).Draw(t, "side")))
	at := func(name string) ledger.Decimal {
		return dec(fmt.Sprintf("%.2f", price*float64(rapid.IntRange(96, 104).Draw(t, name))/100))
	}
	terms := broker.Terms{TIF: rapid.SampledFrom([]broker.TimeInForce{broker.Day, broker.GoodTillCanceled}).Draw(t, "tif")}
	switch terms.Type = rapid.SampledFrom([]broker.OrderType{broker.LimitOrder, broker.LimitOrder, broker.MarketOrder, broker.StopOrder}).Draw(t, "type"); terms.Type {
	case broker.LimitOrder:
		terms.Limit = at("limit")
	case broker.StopOrder:
		terms.Stop = at("stop")
	}
	o.Price = terms.Worst()
	_, _ = w.engine.Submit(w.tb.Context(), w.ids[rapid.IntRange(0, 1).Draw(t, "account")], o, terms)
}

// fail lets some of the broker's next calls fail.
func (w *world) fail(t *rapid.T) {
	op := rapid.SampledFrom([]paper.Op{paper.OpAccounts, paper.OpPositions, paper.OpCash, paper.OpOrders, paper.OpExecutions,
		paper.OpPlace, paper.OpPlace, paper.OpPlace, paper.OpCancel, paper.OpQuotes}).Draw(t, "op")
	what := rapid.SampledFrom([]paper.Fault{paper.Paced, paper.Disconnected, paper.LostRequest, paper.LostAnswer, paper.LostAnswer,
		paper.Rejected, paper.Incomplete}).Draw(t, "fault")
	w.paper.Fail(op, "", what, "no", rapid.IntRange(1, 3).Draw(t, "n"))
}

// move changes prices.
func (w *world) move(t *rapid.T) {
	w.Advance(time.Second)
	require.NoError(w.tb, w.paper.Price(stock, dec(fmt.Sprint(rapid.IntRange(96, 104).Draw(t, "stock")))))
	require.NoError(w.tb, w.paper.Price(call, dec(fmt.Sprintf("%.2f", float64(rapid.IntRange(96, 104).Draw(t, "call"))/20))))
}

// some returns one of an account's orders or executions, if there is one.
func some[T any](t *rapid.T, list []T) (x T, ok bool) {
	if len(list) == 0 {
		return x, false
	}
	return list[rapid.IntRange(0, len(list)-1).Draw(t, "which")], true
}

// meddle lets the broker and others do something.
func (w *world) meddle(t *rapid.T) {
	account := broker.AccountID(fmt.Sprintf("DU10002%02d", rapid.IntRange(0, 1).Draw(t, "account")))
	orders, _ := w.paper.Orders(w.tb.Context(), account)
	executions, _ := w.paper.Executions(w.tb.Context(), account, time.Time{})
	switch rapid.IntRange(0, 5).Draw(t, "meddling") {
	case 0:
		_, _ = w.paper.PlaceByHand(account, broker.Ticket{Order: risk.Order{ID: "hand", Instrument: stock, Quantity: dec("3"), Price: dec("101")},
			Terms: broker.Terms{Type: broker.LimitOrder, Limit: dec("101"), TIF: broker.Day}})
	case 1:
		if o, ok := some(t, orders.List); ok {
			s := rapid.SampledFrom([]broker.OrderStatus{broker.OrderInactive, broker.OrderWorking, broker.OrderCancelled, broker.OrderCancelling}).Draw(t, "status")
			_ = w.paper.SetStatus(account, o.BrokerID, s, "the exchange says so")
		}
	case 2:
		if x, ok := some(t, executions.List); ok {
			_, _ = w.paper.Correct(account, x.Trade.ExecID, x.Trade.Quantity, x.Trade.Price.Add(dec("0.01")))
		}
	case 3:
		w.paper.TellCommissions()
	case 4:
		w.paper.SetSession(broker.SessionDisconnected, "maintenance")
		w.try()
		w.paper.SetSession(broker.SessionUsable, "")
	case 5:
		if o, ok := some(t, orders.List); ok {
			for n := range w.ids {
				for _, held := range w.portfolio(w.tb, n).Snapshot().Risk.Orders {
					if broker.Ref(held.Ref) == o.Ref {
						_ = w.engine.Cancel(w.tb.Context(), w.ids[n], held.ID)
					}
				}
			}
		}
	}
}

// settle ends all that goes wrong, and lets two days pass.
func (w *world) settle() {
	w.restart(0)
	w.paper.SetSession(broker.SessionUsable, "")
	for range 60 { // uses up the faults that are left
		_, _ = w.paper.Accounts(w.tb.Context())
		_, _ = w.paper.Quotes(w.tb.Context(), nil)
		for n := range w.ids {
			account := broker.AccountID(fmt.Sprintf("DU10002%02d", n))
			_, _ = w.paper.Positions(w.tb.Context(), account)
			_, _ = w.paper.Cash(w.tb.Context(), account)
			_, _ = w.paper.Orders(w.tb.Context(), account)
			_, _ = w.paper.Executions(w.tb.Context(), account, time.Time{})
			_ = w.paper.Cancel(w.tb.Context(), account, "none")
			_, _ = w.paper.Place(w.tb.Context(), account, broker.Ticket{})
		}
	}
	w.sync(w.tb)
	w.paper.TellCommissions()
	w.sync(w.tb)
	w.paper.EndDay()
	w.Advance(48 * time.Hour)
	w.sync(w.tb)
	w.sync(w.tb)
}

// TestWhateverBreaks: after any script of orders, fills, corrections, late commissions, rejections, cancellations,
// lost answers, broken sessions and kills at any step, each book is the broker's account, each execution is
// booked once and in its account, no order was sent twice, and nothing is held but for what works at the
// broker, was not sent, or is a question.
func TestWhateverBreaks(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, r)
		if w.engine.Sync(t.Context()) != nil {
			w.try()
		}
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			if w.life.dead.Load() {
				w.restart(0)
			}
			switch rapid.IntRange(0, 9).Draw(r, "what") {
			case 0, 1, 2:
				w.submit(r)
			case 3:
				w.fail(r)
			case 4, 5:
				w.meddle(r)
			case 6:
				w.move(r)
			case 7:
				w.restart(int64(rapid.IntRange(1, 60).Draw(r, "life")))
				w.try()
				w.submit(r)
			default:
				w.try()
			}
		}
		w.settle()
		w.agree(t)
		w.inOrder(t)
	})
}

// inOrder requires that no order was sent twice, that every execution has its order's name, and that holds
// have reasons.
func (w *world) inOrder(t testing.TB) {
	t.Helper()
	refs := map[broker.Ref]int{}
	works := map[broker.Ref]bool{}
	for n, id := range w.ids {
		account := broker.AccountID(fmt.Sprintf("DU10002%02d", n))
		orders, err := w.paper.Orders(t.Context(), account)
		require.NoError(t, err)
		for _, o := range orders.List {
			if o.Ref != "" {
				refs[o.Ref]++
				works[o.Ref] = !o.Status.Terminal()
				require.Equal(t, 1, refs[o.Ref], "order %s was sent twice", o.Ref)
			}
		}
		own := map[ledger.ExecID]broker.Ref{}
		executions, err := w.paper.Executions(t.Context(), account, time.Time{})
		require.NoError(t, err)
		for _, x := range executions.List {
			own[x.Trade.ExecID] = x.Ref
		}
		for x, err := range w.portfolio(t, n).Trades(t.Context(), accounts.TradeFilter{}) {
			require.NoError(t, err)
			ref := own[x.Value.ExecID]
			if ref == "" {
				require.Empty(t, x.Value.OrderID, "an execution of no order of ours")
				continue
			}
			require.Equal(t, ref, broker.RefOf(id, x.Value.OrderID), "the order of execution %s", x.Value.ExecID)
			require.False(t, x.Value.CommissionPending, "the commission of execution %s was told", x.Value.ExecID)
		}
		status := w.engine.Status().Accounts[n]
		held := map[broker.Ref]bool{}
		for _, o := range w.portfolio(t, n).Snapshot().Risk.Orders {
			held[broker.Ref(o.Ref)] = true
			reason := o.Ref == "" || works[broker.Ref(o.Ref)]
			for _, q := range status.Questions {
				reason = reason || q == o.ID
			}
			require.True(t, reason, "order %s of profile %d is held for nothing: %s %s, filled %s", o.ID, n, o.Ref, o.Terms, o.Filled)
		}
		for _, o := range orders.List {
			require.True(t, o.Ref == "" || o.Status.Terminal() || held[o.Ref], "order %s works and is not held", o.Ref)
		}
		require.NoError(t, w.portfolio(t, n).Verify(t.Context()))
	}
}
