// Package brokertest is the conformance suite of [broker.Broker]: what every broker does, whichever
// it is.
//
//	func TestBroker(t *testing.T) { brokertest.TestBroker(t, openBench) }
//
// The suite orders, fills and cancels in the two accounts of its [Bench]: give it accounts for
// testing.
package brokertest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Bench is a broker with what the suite needs around it. Each test has a bench of its own.
type Bench struct {
	Broker broker.Broker
	// Account and Other are two whole accounts in which the login may trade, without orders.
	Account, Other broker.AccountID
	// Contract is a stock with a price of 100 whose positions in both accounts are flat.
	Contract ledger.Instrument
	// Second is another contract that has a price.
	Second ledger.Instrument
	// Price moves the contract's price to one at which bid, ask and last are equal.
	Price func(price ledger.Decimal) error
	// View is a whole account in which the login may not trade; empty if there is none.
	View broker.AccountID
}

// Patience is how long the suite waits for what a broker tells later.
const Patience = 10 * time.Second

// T is the part of *testing.T that the checks use.
type T interface {
	require.TestingT
	Helper()
	Context() context.Context
}

// check is some sentences of the contract and what proves them.
type check struct {
	name string
	test func(t T, s *suite)
}

func checks() []check {
	return []check{
		{"accounts", testAccounts}, {"foreign accounts", testForeign}, {"an order works", testWorks},
		{"an order fills", testFills}, {"sales", testSales}, {"market orders", testMarket},
		{"references are placed once", testOnce}, {"rejections", testRejected},
		{"wrong tickets", testWrong}, {"cancelling", testCancel}, {"cancelling by id", testCancelByID}, {"stops", testStops}, {"since when", testSince},
		{"contexts", testContexts}, {"watching", testWatch}, {"closing", testClose},
		{"many at once", testConcurrent}, {"memory", testMemory}, {"quotes", testQuotes},
	}
}

// TestBroker runs the suite. open makes a bench whose broker the suite closes. The suite proves
// that it can fail: its own tests run it on brokers that break one promise each.
func TestBroker(t *testing.T, open func(t *testing.T) *Bench) {
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			b := open(t)
			t.Cleanup(func() { require.NoError(t, b.Broker.Close(), "Close") })
			c.test(t, &suite{Bench: b, patience: Patience})
		})
	}
}

// suite is a bench with the tests' short words.
type suite struct {
	*Bench
	patience time.Duration
	n        int
}

func dec(s string) ledger.Decimal { return ledger.MustDecimal(s) }

// ticket returns a limit order for the day.
func (s *suite) ticket(quantity, limit string) broker.Ticket {
	s.n++
	ref := broker.Ref(fmt.Sprintf("suite-%d-%d", time.Now().UnixNano(), s.n))
	return broker.Ticket{
		Ref:   ref,
		Order: risk.Order{ID: ledger.OrderID(ref), Instrument: s.Contract, Quantity: dec(quantity), Price: dec(limit)},
		Terms: broker.Terms{Type: broker.LimitOrder, Limit: dec(limit), TIF: broker.Day},
	}
}

// market returns a market order for the day.
func (s *suite) market(quantity string) broker.Ticket {
	ticket := s.ticket(quantity, "1")
	ticket.Order.Price, ticket.Terms = ledger.Decimal{}, broker.Terms{Type: broker.MarketOrder, TIF: broker.Day}
	return ticket
}

func (s *suite) price(t T, price ledger.Decimal) {
	t.Helper()
	require.NoError(t, s.Price(price), "price of %s", price)
}

func (s *suite) place(t T, ticket broker.Ticket) broker.Ticket {
	t.Helper()
	ack, err := s.Broker.Place(t.Context(), s.Account, ticket)
	require.NoError(t, err, "Place %s", ticket.Ref)
	require.NotEmpty(t, ack.Status, "the order's status")
	o := s.status(t, ticket.Ref, "is listed", func(broker.Order) bool { return true })
	require.NotEmpty(t, ack.BrokerID, "the broker's id of the order")
	require.Equal(t, ack.BrokerID, o.BrokerID, "the broker's id of the order")
	return ticket
}

// moment requires that a time is told in UTC, and is one of now; clocks differ.
func moment(t T, what string, at time.Time) {
	t.Helper()
	require.Equal(t, time.UTC, at.Location(), "%s: %s", what, at)
	require.Less(t, time.Since(at).Abs(), time.Hour, "%s: %s", what, at)
}

// whole asks until an answer is complete.
func whole[L any](t T, s *suite, what string, ask func() (broker.Answer[L], error)) (list []L) {
	t.Helper()
	s.until(t, what+" are complete", func() bool {
		a, err := ask()
		require.NoError(t, err, what)
		moment(t, what+" as of", a.AsOf)
		list = a.List
		return a.Complete
	})
	return list
}

// orders returns all orders of an account.
func (s *suite) orders(t T, id broker.AccountID) []broker.Order {
	t.Helper()
	list := whole(t, s, "orders", func() (broker.Answer[broker.Order], error) { return s.Broker.Orders(t.Context(), id) })
	for _, o := range list {
		require.Equal(t, id, o.Account, "the order's account")
		moment(t, "the order's time", o.Time)
	}
	return list
}

// executions returns the executions of an account since a time.
func (s *suite) executions(t T, id broker.AccountID, since time.Time) []broker.Execution {
	t.Helper()
	list := whole(t, s, "executions", func() (broker.Answer[broker.Execution], error) {
		e, err := s.Broker.Executions(t.Context(), id, since)
		if err == nil {
			moment(t, "executions from", e.From)
			require.False(t, e.From.Before(since.Truncate(time.Second)), "executions from %s, asked since %s", e.From, since)
			require.False(t, e.AsOf.Before(e.From), "executions from %s, as of %s", e.From, e.AsOf)
		}
		return e.Answer, err
	})
	seen := map[string]bool{}
	for n, e := range list {
		root, _ := e.Trade.ExecID.Correction()
		require.NotEmpty(t, root, "an execution's id")
		require.False(t, seen[root], "execution %s twice", root)
		seen[root] = true
		require.Equal(t, id, e.Account, "the execution's account")
		moment(t, "the execution's time", e.Trade.Time)
		require.False(t, n > 0 && e.Trade.Time.Before(list[n-1].Trade.Time), "executions are not ordered by their times")
	}
	return list
}

// order returns the order of the reference in an account; false if there is none.
func (s *suite) order(t T, id broker.AccountID, ref broker.Ref) (broker.Order, bool) {
	t.Helper()
	list := s.orders(t, id)
	at := slices.IndexFunc(list, func(o broker.Order) bool { return o.Ref == ref })
	if at < 0 {
		return broker.Order{}, false
	}
	return list[at], true
}

// until waits for a condition, looking again at every event of the broker's and in between.
func (s *suite) until(t T, what string, ok func() bool) {
	t.Helper()
	if ok() {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), s.patience)
	defer cancel()
	events, err := s.Broker.Watch(ctx)
	require.NoError(t, err, "Watch")
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			require.FailNow(t, "did not come to be", what)
		case _, open := <-events:
			if !open {
				events = nil
			}
		case <-look.C:
		}
	}
}

// status waits until the order has a status for which is holds.
func (s *suite) status(t T, ref broker.Ref, what string, is func(broker.Order) bool) (out broker.Order) {
	t.Helper()
	s.until(t, fmt.Sprintf("order %s %s", ref, what), func() bool {
		o, found := s.order(t, s.Account, ref)
		out = o
		return found && is(o)
	})
	return out
}

// fills returns the executions of the reference in an account.
func (s *suite) fills(t T, id broker.AccountID, ref broker.Ref) (out []broker.Execution) {
	t.Helper()
	for _, e := range s.executions(t, id, time.Now().Add(-time.Minute)) {
		if e.Ref == ref {
			out = append(out, e)
		}
	}
	return out
}

// filled is the sum of the executions of the reference.
func (s *suite) filled(t T, ref broker.Ref) (sum ledger.Decimal) {
	t.Helper()
	for _, e := range s.fills(t, s.Account, ref) {
		sum = sum.Add(e.Trade.Quantity)
	}
	return sum
}

// held returns what an account holds of the contract, and its cash in the contract's currency.
func (s *suite) held(t T, id broker.AccountID) (quantity, cash ledger.Decimal) {
	t.Helper()
	for _, p := range whole(t, s, "positions", func() (broker.Answer[broker.Position], error) { return s.Broker.Positions(t.Context(), id) }) {
		if p.Instrument.Key() == s.Contract.Key() {
			quantity = p.Quantity
		}
	}
	for _, b := range whole(t, s, "balances", func() (broker.Answer[broker.Balance], error) { return s.Broker.Cash(t.Context(), id) }) {
		if b.Currency == s.Contract.Currency {
			cash = b.Cash
		}
	}
	return quantity, cash
}

// errorsOf calls everything that may fail and returns the errors by the calls' names.
func (s *suite) errorsOf(ctx context.Context, id broker.AccountID) map[string]error {
	_, accounts := s.Broker.Accounts(ctx)
	_, positions := s.Broker.Positions(ctx, id)
	_, cash := s.Broker.Cash(ctx, id)
	_, orders := s.Broker.Orders(ctx, id)
	_, executions := s.Broker.Executions(ctx, id, time.Now().Add(-time.Hour))
	_, place := s.Broker.Place(ctx, id, s.ticket("1", "1"))
	_, quotes := s.Broker.Quotes(ctx, []ledger.Instrument{s.Contract})
	return map[string]error{"Accounts": accounts, "Positions": positions, "Cash": cash, "Orders": orders, "Executions": executions,
		"Place": place, "Cancel": s.Broker.Cancel(ctx, id, "none"), "CancelByID": s.Broker.CancelByID(ctx, id, "none"), "Quotes": quotes}
}

func (s *suite) accounts(t T) []broker.Account {
	t.Helper()
	return whole(t, s, "accounts", func() (broker.Answer[broker.Account], error) { return s.Broker.Accounts(t.Context()) })
}
