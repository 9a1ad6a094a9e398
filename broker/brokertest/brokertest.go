// Package brokertest is the conformance suite of [broker.Broker]: what every broker does, whichever it is.
//
//	func TestBroker(t *testing.T) { brokertest.TestBroker(t, openBench) }
//
// The suite orders, fills and cancels in the two accounts of its [Bench]: give it accounts for testing.
package brokertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
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
	// Price moves the contract's price to one at which bid, ask and last are equal.
	Price func(t testing.TB, price ledger.Decimal)
}

// Patience is how long the suite waits for what a broker tells later.
const Patience = 10 * time.Second

// TestBroker runs the suite. open makes a bench whose broker the suite closes.
func TestBroker(t *testing.T, open func(t *testing.T) *Bench) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s *suite)
	}{
		{"accounts", testAccounts}, {"foreign accounts", testForeign}, {"an order works", testWorks},
		{"an order fills", testFills}, {"sales", testSales}, {"references are placed once", testOnce},
		{"wrong tickets", testWrong}, {"cancelling", testCancel}, {"stops", testStops}, {"since when", testSince},
		{"contexts", testContexts}, {"watching", testWatch}, {"closing", testClose},
		{"many at once", testConcurrent}, {"memory", testMemory}, {"quotes", testQuotes},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t)
			t.Cleanup(func() { require.NoError(t, b.Broker.Close(), "Close") })
			c.test(t, &suite{Bench: b})
		})
	}
}

// suite is a bench with the tests' short words.
type suite struct {
	*Bench
	n int
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

func (s *suite) place(t *testing.T, ticket broker.Ticket) broker.Ticket {
	t.Helper()
	ack, err := s.Broker.Place(t.Context(), s.Account, ticket)
	require.NoError(t, err, "Place %s", ticket.Ref)
	require.NotEmpty(t, ack.BrokerID, "the broker's id of the order")
	return ticket
}

// order returns the order of the reference in an account; false if it is not listed.
func (s *suite) order(t *testing.T, id broker.AccountID, ref broker.Ref) (broker.Order, bool) {
	t.Helper()
	list, err := s.Broker.Orders(t.Context(), id)
	require.NoError(t, err, "Orders of %s", id)
	at := slices.IndexFunc(list.List, func(o broker.Order) bool { return o.Ref == ref })
	if at < 0 {
		return broker.Order{}, false
	}
	require.Equal(t, id, list.List[at].Account, "the order's account")
	return list.List[at], true
}

// until waits for a condition, looking again at every event of the broker's and in between.
func (s *suite) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	events, err := s.Broker.Watch(ctx)
	require.NoError(t, err, "Watch")
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case _, open := <-events:
			if !open {
				require.FailNow(t, "did not come to be", what)
			}
		case <-look.C:
		}
	}
}

// status waits until the order has a status for which is holds.
func (s *suite) status(t *testing.T, ref broker.Ref, what string, is func(broker.Order) bool) (out broker.Order) {
	t.Helper()
	s.until(t, fmt.Sprintf("order %s %s", ref, what), func() bool {
		o, found := s.order(t, s.Account, ref)
		out = o
		return found && is(o)
	})
	return out
}

// fills returns the executions of the reference in an account.
func (s *suite) fills(t *testing.T, id broker.AccountID, ref broker.Ref) (out []broker.Execution) {
	t.Helper()
	list, err := s.Broker.Executions(t.Context(), id, time.Now().Add(-time.Hour))
	require.NoError(t, err, "Executions of %s", id)
	for _, e := range list.List {
		require.Equal(t, id, e.Account, "the execution's account")
		if e.Ref == ref {
			out = append(out, e)
		}
	}
	return out
}

// filled is the sum of the executions of the reference.
func (s *suite) filled(t *testing.T, ref broker.Ref) (sum ledger.Decimal) {
	t.Helper()
	for _, e := range s.fills(t, s.Account, ref) {
		sum = sum.Add(e.Trade.Quantity)
	}
	return sum
}

// held returns what an account holds of the contract, and its cash in the contract's currency.
func (s *suite) held(t *testing.T, id broker.AccountID) (quantity, cash ledger.Decimal) {
	t.Helper()
	positions, err := s.Broker.Positions(t.Context(), id)
	require.NoError(t, err, "Positions of %s", id)
	require.True(t, positions.Complete, "positions of %s", id)
	for _, p := range positions.List {
		if p.Instrument.Key() == s.Contract.Key() {
			quantity = p.Quantity
		}
	}
	balances, err := s.Broker.Cash(t.Context(), id)
	require.NoError(t, err, "Cash of %s", id)
	require.True(t, balances.Complete, "balances of %s", id)
	for _, b := range balances.List {
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
		"Place": place, "Cancel": s.Broker.Cancel(ctx, id, "none"), "Quotes": quotes}
}

func testAccounts(t *testing.T, s *suite) {
	began := time.Now().Add(-time.Hour) // clocks differ
	list, err := s.Broker.Accounts(t.Context())
	require.NoError(t, err)
	require.True(t, list.Complete)
	require.False(t, list.AsOf.Before(began), "as of %s", list.AsOf)
	seen := map[broker.AccountID]broker.Account{}
	for _, a := range list.List {
		require.NotContains(t, seen, a.ID, "an account twice")
		require.NotEmpty(t, a.Kind, "kind of %s", a.ID)
		seen[a.ID] = a
	}
	for _, id := range []broker.AccountID{s.Account, s.Other} {
		a, found := seen[id]
		require.True(t, found, "account %s is not listed", id)
		require.Equal(t, broker.WholeAccount, a.Kind)
		require.True(t, a.Tradable)
		require.NotEmpty(t, a.Mode)
		require.NotEmpty(t, a.Currency)
	}
	require.True(t, s.Broker.Status().Usable(), "%+v", s.Broker.Status())
	require.False(t, s.Broker.Status().Since.IsZero())
}

func testForeign(t *testing.T, s *suite) {
	for _, id := range []broker.AccountID{"U0000000X", "", "All", s.Account + "C"} {
		for call, err := range s.errorsOf(t.Context(), id) {
			if call != "Accounts" && call != "Quotes" {
				require.ErrorIs(t, err, broker.ErrForeignAccount, "%s of %q", call, id)
			}
		}
	}
}

func testWorks(t *testing.T, s *suite) {
	before, cash := s.held(t, s.Account)
	ticket := s.ticket("3", "90")
	ticket.Terms.TIF, ticket.Terms.OutsideHours = broker.GoodTillCanceled, true
	s.place(t, ticket)
	o := s.status(t, ticket.Ref, "works", func(o broker.Order) bool { return o.Status == broker.OrderWorking })
	require.Equal(t, s.Contract.Key(), o.Instrument.Key())
	require.Equal(t, []string{"3", "0"}, []string{o.Quantity.String(), o.Filled.String()}, "quantity, filled")
	require.Equal(t, ticket.Terms, o.Terms)
	require.False(t, o.Time.IsZero())
	_, foreign := s.order(t, s.Other, ticket.Ref)
	require.False(t, foreign, "the other account has the order")
	require.Empty(t, s.fills(t, s.Account, ticket.Ref))
	after, left := s.held(t, s.Account)
	require.True(t, before.Equal(after) && cash.Equal(left), "an order that works moved something")
}

func testFills(t *testing.T, s *suite) {
	quantity, cash := s.held(t, s.Account)
	otherQuantity, otherCash := s.held(t, s.Other)
	ticket := s.place(t, s.ticket("3", "90"))
	s.Price(t, dec("89"))
	s.status(t, ticket.Ref, "is filled", func(o broker.Order) bool { return o.Status == broker.OrderFilled && o.Filled.Equal(dec("3")) })
	s.until(t, "executions of 3", func() bool { return s.filled(t, ticket.Ref).Equal(dec("3")) })
	paid := ledger.Decimal{}
	for _, e := range s.fills(t, s.Account, ticket.Ref) {
		require.NotEmpty(t, e.Trade.ExecID)
		require.Equal(t, s.Contract.Key(), e.Trade.Instrument.Key())
		require.False(t, e.Trade.Price.GreaterThan(dec("90")), "bought at %s", e.Trade.Price)
		require.False(t, e.Trade.Time.IsZero())
		require.Empty(t, e.Trade.OrderID, "an id of the library's, which the broker does not know")
		require.Equal(t, ledger.Execution, e.Trade.Kind)
		paid = paid.Add(e.Trade.Quantity.Mul(e.Trade.Price)).Add(e.Trade.Commission)
	}
	s.until(t, "position and cash", func() bool {
		q, c := s.held(t, s.Account)
		return q.Sub(quantity).Equal(dec("3")) && (cash.Sub(c).Equal(paid) || s.fills(t, s.Account, ticket.Ref)[0].Trade.CommissionPending)
	})
	q, c := s.held(t, s.Other)
	require.True(t, q.Equal(otherQuantity) && c.Equal(otherCash), "a fill moved the other account")
	require.Empty(t, s.fills(t, s.Other, ticket.Ref))
}

func testSales(t *testing.T, s *suite) {
	ticket := s.place(t, s.ticket("-2", "110"))
	s.status(t, ticket.Ref, "works", func(o broker.Order) bool { return o.Quantity.Equal(dec("-2")) && o.Filled.IsZero() })
	s.Price(t, dec("111"))
	s.until(t, "executions of -2", func() bool { return s.filled(t, ticket.Ref).Equal(dec("-2")) })
	s.status(t, ticket.Ref, "is filled", func(o broker.Order) bool { return o.Status == broker.OrderFilled && o.Filled.Equal(dec("-2")) })
	for _, e := range s.fills(t, s.Account, ticket.Ref) {
		require.False(t, e.Trade.Price.LessThan(dec("110")), "sold at %s", e.Trade.Price)
	}
	s.until(t, "position of -2", func() bool { q, _ := s.held(t, s.Account); return q.Equal(dec("-2")) })
}

func testOnce(t *testing.T, s *suite) {
	ticket := s.place(t, s.ticket("3", "90"))
	again := ticket
	again.Order.Quantity = dec("4")
	for _, c := range []broker.Ticket{ticket, again} {
		_, err := s.Broker.Place(t.Context(), s.Account, c)
		require.ErrorIs(t, err, broker.ErrDuplicateRef)
	}
	list, err := s.Broker.Orders(t.Context(), s.Account)
	require.NoError(t, err)
	n := 0
	for _, o := range list.List {
		if o.Ref == ticket.Ref {
			n++
			require.Equal(t, "3", o.Quantity.String())
		}
	}
	require.Equal(t, 1, n, "orders under one reference")
}

func testWrong(t *testing.T, s *suite) {
	for name, change := range map[string]func(*broker.Ticket){
		"no reference":            func(k *broker.Ticket) { k.Ref = "" },
		"a reference with spaces": func(k *broker.Ticket) { k.Ref = "a b" },
		"no quantity":             func(k *broker.Ticket) { k.Order.Quantity = ledger.Decimal{} },
		"no type":                 func(k *broker.Ticket) { k.Terms.Type = "" },
		"no time in force":        func(k *broker.Ticket) { k.Terms.TIF = "" },
		"no limit":                func(k *broker.Ticket) { k.Terms.Limit, k.Order.Price = ledger.Decimal{}, ledger.Decimal{} },
		"a stop of a limit order": func(k *broker.Ticket) { k.Terms.Stop = dec("1") },
		"held at another price":   func(k *broker.Ticket) { k.Order.Price = dec("1") },
		"a stop beyond its limit": func(k *broker.Ticket) { k.Terms.Type, k.Terms.Stop = broker.StopLimitOrder, dec("91") },
		"a contract without terms": func(k *broker.Ticket) {
			k.Order.Instrument = ledger.Instrument{SecType: ledger.Option, Symbol: "XYZ", Currency: "USD"}
		},
	} {
		ticket := s.ticket("3", "90")
		change(&ticket)
		_, err := s.Broker.Place(t.Context(), s.Account, ticket)
		require.ErrorIs(t, err, broker.ErrInvalid, name)
		_, found := s.order(t, s.Account, ticket.Ref)
		require.False(t, found, "%s: it was placed", name)
	}
}

func testCancel(t *testing.T, s *suite) {
	ticket := s.place(t, s.ticket("3", "90"))
	require.ErrorIs(t, s.Broker.Cancel(t.Context(), s.Other, ticket.Ref), broker.ErrOrderNotFound, "another account's order")
	require.ErrorIs(t, s.Broker.Cancel(t.Context(), s.Account, "none"), broker.ErrOrderNotFound)
	require.NoError(t, s.Broker.Cancel(t.Context(), s.Account, ticket.Ref))
	o := s.status(t, ticket.Ref, "has ended", func(o broker.Order) bool { return o.Status.Terminal() })
	require.Equal(t, broker.OrderCancelled, o.Status)
	require.ErrorIs(t, s.Broker.Cancel(t.Context(), s.Account, ticket.Ref), broker.ErrOrderNotFound, "cancelled already")
	s.Price(t, dec("80"))
	after := s.place(t, s.ticket("1", "90"))
	s.status(t, after.Ref, "is filled", func(o broker.Order) bool { return o.Status == broker.OrderFilled })
	require.Empty(t, s.fills(t, s.Account, ticket.Ref), "a cancelled order filled")
	require.ErrorIs(t, s.Broker.Cancel(t.Context(), s.Account, after.Ref), broker.ErrOrderNotFound, "filled already")
	_, err := s.Broker.Place(t.Context(), s.Account, ticket)
	require.ErrorIs(t, err, broker.ErrDuplicateRef, "a cancelled order's reference")
}

func testStops(t *testing.T, s *suite) {
	for _, c := range []struct {
		terms        broker.Terms
		quantity     string
		before, from string // the price at which the order waits, and that at which it fills
	}{
		{broker.Terms{Type: broker.StopOrder, Stop: dec("105")}, "1", "104", "106"},
		{broker.Terms{Type: broker.StopOrder, Stop: dec("95")}, "-1", "96", "94"},
		{broker.Terms{Type: broker.StopLimitOrder, Stop: dec("105"), Limit: dec("107")}, "1", "104", "106"},
		{broker.Terms{Type: broker.StopLimitOrder, Stop: dec("95"), Limit: dec("93")}, "-1", "96", "94"},
		{broker.Terms{Type: broker.StopLimitOrder, Stop: dec("105"), Limit: dec("106")}, "1", "108", "106"},
	} {
		s.Price(t, dec("100"))
		ticket := s.ticket(c.quantity, "1")
		c.terms.TIF = broker.Day
		ticket.Terms, ticket.Order.Price = c.terms, c.terms.Worst()
		s.place(t, ticket)
		s.Price(t, dec(c.before))
		waits := s.status(t, ticket.Ref, "is there", func(broker.Order) bool { return true })
		require.False(t, waits.Status.Terminal(), "%+v at %s: %s", c.terms, c.before, waits.Status)
		s.Price(t, dec(c.from))
		s.status(t, ticket.Ref, "is filled", func(o broker.Order) bool { return o.Status == broker.OrderFilled })
	}
}

func testSince(t *testing.T, s *suite) {
	ticket := s.place(t, s.ticket("1", "110"))
	s.until(t, "an execution", func() bool { return len(s.fills(t, s.Account, ticket.Ref)) > 0 })
	e := s.fills(t, s.Account, ticket.Ref)[0]
	list, err := s.Broker.Executions(t.Context(), s.Account, e.Trade.Time)
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(list.List, func(x broker.Execution) bool { return x.Trade.ExecID == e.Trade.ExecID }), "one of that time")
	require.False(t, list.AsOf.Before(list.From), "from %s, as of %s", list.From, list.AsOf)
	list, err = s.Broker.Executions(t.Context(), s.Account, e.Trade.Time.Add(time.Second))
	require.NoError(t, err)
	require.False(t, slices.ContainsFunc(list.List, func(x broker.Execution) bool { return x.Trade.ExecID == e.Trade.ExecID }), "one of before")
}

func testContexts(t *testing.T, s *suite) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for call, err := range s.errorsOf(ended, s.Account) {
		require.ErrorIs(t, err, context.Canceled, call)
	}
	_, err := s.Broker.Watch(ended)
	require.ErrorIs(t, err, context.Canceled)
	list, err := s.Broker.Orders(t.Context(), s.Account)
	require.NoError(t, err)
	require.Empty(t, list.List, "an order was placed all the same")
}

func testWatch(t *testing.T, s *suite) {
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	events, err := s.Broker.Watch(ctx)
	require.NoError(t, err)
	require.Equal(t, broker.EventSession, (<-events).Kind, "the first event")
	s.place(t, s.ticket("1", "110"))
	seen := map[broker.EventKind]bool{}
	for !seen[broker.EventOrders] || !seen[broker.EventExecutions] {
		e, open := <-events
		require.True(t, open, "hints of an order that filled: %v", seen)
		require.NotEqual(t, s.Other, e.Account, "a hint of the other account")
		seen[e.Kind] = true
	}
	cancel()
	for range events { // until the channel is closed
	}
}

func testClose(t *testing.T, s *suite) {
	events, err := s.Broker.Watch(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Broker.Close())
	require.NoError(t, s.Broker.Close(), "Close again")
	for range events { // until the channel is closed
	}
	require.Equal(t, broker.SessionClosed, s.Broker.Status().Session)
	for call, err := range s.errorsOf(t.Context(), s.Account) {
		require.ErrorIs(t, err, broker.ErrClosed, call)
	}
	_, err = s.Broker.Watch(t.Context())
	require.ErrorIs(t, err, broker.ErrClosed)
}

func testConcurrent(t *testing.T, s *suite) {
	const callers = 8
	tickets := make([]broker.Ticket, callers)
	for i := range tickets {
		tickets[i] = s.ticket("1", "90")
	}
	errs := make(chan error, 2*callers)
	var all sync.WaitGroup
	for i, ticket := range tickets {
		id := []broker.AccountID{s.Account, s.Other}[i%2]
		for range 2 { // each twice: one of the two is a duplicate
			all.Go(func() {
				_, err := s.Broker.Place(t.Context(), id, ticket)
				errs <- err
			})
		}
	}
	all.Wait()
	close(errs)
	duplicates := 0
	for err := range errs {
		if errors.Is(err, broker.ErrDuplicateRef) {
			duplicates++
			continue
		}
		require.NoError(t, err)
	}
	require.Equal(t, callers, duplicates)
	for i, ticket := range tickets {
		_, mine := s.order(t, s.Account, ticket.Ref)
		_, theirs := s.order(t, s.Other, ticket.Ref)
		require.Equal(t, []bool{i%2 == 0, i%2 == 1}, []bool{mine, theirs}, "where %s is", ticket.Ref)
	}
}

func testMemory(t *testing.T, s *suite) {
	ticket := s.place(t, s.ticket("1", "90"))
	list, err := s.Broker.Orders(t.Context(), s.Account)
	require.NoError(t, err)
	for i := range list.List {
		list.List[i] = broker.Order{}
	}
	_, found := s.order(t, s.Account, ticket.Ref)
	require.True(t, found, "the broker keeps the caller's list")
}

func testQuotes(t *testing.T, s *suite) {
	nothing := ledger.NewStock("NOPE", s.Contract.Currency)
	var quotes []broker.Quote
	s.until(t, "a quote", func() bool {
		var err error
		quotes, err = s.Broker.Quotes(t.Context(), []ledger.Instrument{nothing, s.Contract})
		require.NoError(t, err)
		return len(quotes) > 0
	})
	require.Len(t, quotes, 1, "a quote of nothing")
	require.Equal(t, s.Contract.Key(), quotes[0].Instrument.Key())
	m, ok := quotes[0].Mark()
	require.True(t, ok, "%+v", quotes[0])
	require.Equal(t, "100", m.Price.String())
}
