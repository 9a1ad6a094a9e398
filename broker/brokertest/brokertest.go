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
		{"wrong tickets", testWrong}, {"cancelling", testCancel}, {"stops", testStops}, {"since when", testSince},
		{"contexts", testContexts}, {"watching", testWatch}, {"closing", testClose},
		{"many at once", testConcurrent}, {"memory", testMemory}, {"quotes", testQuotes},
	}
}

// TestBroker runs the suite. open makes a bench whose broker the suite closes. The suite proves that it can
// fail: its own tests run it on brokers that break one promise each.
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
		"Place": place, "Cancel": s.Broker.Cancel(ctx, id, "none"), "Quotes": quotes}
}

func (s *suite) accounts(t T) []broker.Account {
	t.Helper()
	return whole(t, s, "accounts", func() (broker.Answer[broker.Account], error) { return s.Broker.Accounts(t.Context()) })
}

func testAccounts(t T, s *suite) {
	seen := map[broker.AccountID]broker.Account{}
	for _, a := range s.accounts(t) {
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
	require.Equal(t, time.UTC, s.Broker.Status().Since.Location())
	require.False(t, s.Broker.Status().Since.IsZero())
}

func testForeign(t T, s *suite) {
	ids := []broker.AccountID{"U0000000X", "", "All", s.Account + "C"}
	for _, a := range s.accounts(t) { // segments and groups
		if a.Kind != broker.WholeAccount {
			ids = append(ids, a.ID)
		}
	}
	for _, id := range ids {
		for call, err := range s.errorsOf(t.Context(), id) {
			if call != "Accounts" && call != "Quotes" {
				require.ErrorIs(t, err, broker.ErrForeignAccount, "%s of %q", call, id)
			}
		}
	}
}

func testWorks(t T, s *suite) {
	before, cash := s.held(t, s.Account)
	ticket := s.ticket("3", "90")
	ticket.Terms.TIF, ticket.Terms.OutsideHours = broker.GoodTillCanceled, true
	s.place(t, ticket)
	o := s.status(t, ticket.Ref, "works", func(o broker.Order) bool { return o.Status == broker.OrderWorking })
	require.Equal(t, s.Contract.Key(), o.Instrument.Key())
	require.Equal(t, []string{"3", "0"}, []string{o.Quantity.String(), o.Filled.String()}, "quantity, filled")
	require.True(t, o.Terms.Limit.Equal(ticket.Terms.Limit), "limit %s", o.Terms.Limit)
	o.Terms.Limit = ticket.Terms.Limit // the same number may have other zeros
	require.Equal(t, ticket.Terms, o.Terms)
	_, foreign := s.order(t, s.Other, ticket.Ref)
	require.False(t, foreign, "the other account has the order")
	require.Empty(t, s.fills(t, s.Account, ticket.Ref))
	after, left := s.held(t, s.Account)
	require.True(t, before.Equal(after) && cash.Equal(left), "an order that works moved something")
}

func testFills(t T, s *suite) {
	quantity, cash := s.held(t, s.Account)
	otherQuantity, otherCash := s.held(t, s.Other)
	ticket := s.place(t, s.ticket("3", "90"))
	s.price(t, dec("89"))
	s.status(t, ticket.Ref, "is filled", func(o broker.Order) bool { return o.Status == broker.OrderFilled && o.Filled.Equal(dec("3")) })
	s.until(t, "executions of 3", func() bool { return s.filled(t, ticket.Ref).Equal(dec("3")) })
	paid := ledger.Decimal{}
	for _, e := range s.fills(t, s.Account, ticket.Ref) {
		require.NotEmpty(t, e.Trade.ExecID)
		require.Equal(t, s.Contract.Key(), e.Trade.Instrument.Key())
		require.False(t, e.Trade.Price.GreaterThan(dec("90")), "bought at %s", e.Trade.Price)
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

func testSales(t T, s *suite) {
	_, cash := s.held(t, s.Account)
	ticket := s.place(t, s.ticket("-2", "110"))
	s.status(t, ticket.Ref, "works", func(o broker.Order) bool { return o.Quantity.Equal(dec("-2")) && o.Filled.IsZero() })
	s.price(t, dec("111"))
	s.until(t, "executions of -2", func() bool { return s.filled(t, ticket.Ref).Equal(dec("-2")) })
	s.status(t, ticket.Ref, "is filled", func(o broker.Order) bool { return o.Status == broker.OrderFilled && o.Filled.Equal(dec("-2")) })
	got, pending := ledger.Decimal{}, false
	for _, e := range s.fills(t, s.Account, ticket.Ref) {
		require.False(t, e.Trade.Price.LessThan(dec("110")), "sold at %s", e.Trade.Price)
		got, pending = got.Sub(e.Trade.Quantity.Mul(e.Trade.Price)).Sub(e.Trade.Commission), pending || e.Trade.CommissionPending
	}
	s.until(t, "position of -2 and cash", func() bool {
		q, c := s.held(t, s.Account)
		return q.Equal(dec("-2")) && (pending || c.Sub(cash).Equal(got))
	})
}

func testMarket(t T, s *suite) {
	for _, quantity := range []string{"2", "-2"} {
		ticket := s.place(t, s.market(quantity))
		s.status(t, ticket.Ref, "is filled", func(o broker.Order) bool { return o.Status == broker.OrderFilled && o.Filled.Equal(dec(quantity)) })
		s.until(t, "executions of "+quantity, func() bool { return s.filled(t, ticket.Ref).Equal(dec(quantity)) })
	}
	s.until(t, "flat", func() bool { q, _ := s.held(t, s.Account); return q.IsZero() })
}

func testRejected(t T, s *suite) {
	if s.View == "" {
		return
	}
	ticket := s.ticket("1", "90")
	_, err := s.Broker.Place(t.Context(), s.View, ticket)
	require.ErrorIs(t, err, broker.ErrRejected, "an order where the login may not trade")
	require.NotErrorIs(t, err, broker.ErrOutcomeUnknown)
	var rejected *broker.RejectionError
	require.ErrorAs(t, err, &rejected)
	require.Equal(t, ticket.Ref, rejected.Ref)
	_, found := s.order(t, s.View, ticket.Ref)
	require.False(t, found, "it was placed")
}

func testOnce(t T, s *suite) {
	ticket := s.place(t, s.ticket("3", "90"))
	again := ticket
	again.Order.Quantity = dec("4")
	for _, c := range []broker.Ticket{ticket, again} {
		_, err := s.Broker.Place(t.Context(), s.Account, c)
		require.ErrorIs(t, err, broker.ErrDuplicateRef)
		_, err = s.Broker.Place(t.Context(), s.Other, c)
		require.ErrorIs(t, err, broker.ErrDuplicateRef, "in another account")
	}
	_, theirs := s.order(t, s.Other, ticket.Ref)
	require.False(t, theirs, "it was placed in the other account")
	n := 0
	for _, o := range s.orders(t, s.Account) {
		if o.Ref == ticket.Ref {
			n++
			require.Equal(t, "3", o.Quantity.String())
		}
	}
	require.Equal(t, 1, n, "orders under one reference")
}

func testWrong(t T, s *suite) {
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

func testCancel(t T, s *suite) {
	ticket := s.place(t, s.ticket("3", "90"))
	require.ErrorIs(t, s.Broker.Cancel(t.Context(), s.Other, ticket.Ref), broker.ErrOrderNotFound, "another account's order")
	require.ErrorIs(t, s.Broker.Cancel(t.Context(), s.Account, "none"), broker.ErrOrderNotFound)
	require.NoError(t, s.Broker.Cancel(t.Context(), s.Account, ticket.Ref))
	o := s.status(t, ticket.Ref, "has ended", func(o broker.Order) bool { return o.Status.Terminal() })
	require.Equal(t, broker.OrderCancelled, o.Status)
	require.ErrorIs(t, s.Broker.Cancel(t.Context(), s.Account, ticket.Ref), broker.ErrOrderNotFound, "cancelled already")
	s.price(t, dec("80"))
	after := s.place(t, s.ticket("1", "90"))
	s.status(t, after.Ref, "is filled", func(o broker.Order) bool { return o.Status == broker.OrderFilled })
	require.Empty(t, s.fills(t, s.Account, ticket.Ref), "a cancelled order filled")
	require.ErrorIs(t, s.Broker.Cancel(t.Context(), s.Account, after.Ref), broker.ErrOrderNotFound, "filled already")
	_, err := s.Broker.Place(t.Context(), s.Account, ticket)
	require.ErrorIs(t, err, broker.ErrDuplicateRef, "a cancelled order's reference")
}

func testStops(t T, s *suite) {
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
		s.price(t, dec("100"))
		ticket := s.ticket(c.quantity, "1")
		c.terms.TIF = broker.Day
		ticket.Terms, ticket.Order.Price = c.terms, c.terms.Worst()
		s.place(t, ticket)
		s.price(t, dec(c.before))
		waits := s.status(t, ticket.Ref, "is there", func(broker.Order) bool { return true })
		require.False(t, waits.Status.Terminal(), "%+v at %s: %s", c.terms, c.before, waits.Status)
		s.price(t, dec(c.from))
		s.status(t, ticket.Ref, "is filled", func(o broker.Order) bool { return o.Status == broker.OrderFilled })
	}
}

func testSince(t T, s *suite) {
	ticket := s.place(t, s.ticket("1", "110"))
	s.until(t, "an execution", func() bool { return len(s.fills(t, s.Account, ticket.Ref)) > 0 })
	e := s.fills(t, s.Account, ticket.Ref)[0]
	among := func(list []broker.Execution) bool {
		return slices.ContainsFunc(list, func(x broker.Execution) bool { return x.Trade.ExecID == e.Trade.ExecID })
	}
	require.True(t, among(s.executions(t, s.Account, e.Trade.Time)), "one of that time")
	late, err := s.Broker.Executions(t.Context(), s.Account, e.Trade.Time.Add(time.Second))
	require.NoError(t, err)
	require.False(t, among(late.List), "one of before")
	again := s.place(t, s.ticket("1", "110")) // executions of two are in the order of their times
	s.until(t, "another execution", func() bool { return len(s.fills(t, s.Account, again.Ref)) > 0 })
}

func testContexts(t T, s *suite) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for call, err := range s.errorsOf(ended, s.Account) {
		require.ErrorIs(t, err, context.Canceled, call)
	}
	_, err := s.Broker.Watch(ended)
	require.ErrorIs(t, err, context.Canceled)
	last := s.ticket("1", "90")
	_, err = s.Broker.Place(ended, s.Account, last)
	require.ErrorIs(t, err, context.Canceled)
	_, placed := s.order(t, s.Account, last.Ref)
	require.False(t, placed, "an order was placed all the same")
}

// next returns the next event; false if the channel is closed.
func (s *suite) next(t T, events <-chan broker.Event) (broker.Event, bool) {
	t.Helper()
	select {
	case e, open := <-events:
		return e, open
	case <-time.After(s.patience):
		require.FailNow(t, "a watch tells nothing, and is not closed")
		return broker.Event{}, false
	}
}

// over requires that a watch is closed.
func (s *suite) over(t T, events <-chan broker.Event) {
	t.Helper()
	for n := 0; ; n++ {
		if _, open := s.next(t, events); !open {
			return
		}
		require.Less(t, n, 10_000, "events of a watch that is over")
	}
}

func testWatch(t T, s *suite) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var watches []<-chan broker.Event
	for range 2 {
		events, err := s.Broker.Watch(ctx)
		require.NoError(t, err)
		e, _ := s.next(t, events)
		require.Equal(t, broker.EventSession, e.Kind, "the first event")
		watches = append(watches, events)
	}
	s.place(t, s.ticket("1", "110"))
	for _, events := range watches {
		seen := map[broker.EventKind]bool{}
		for !seen[broker.EventOrders] || !seen[broker.EventExecutions] {
			e, open := s.next(t, events)
			require.True(t, open, "hints of an order that filled: %v", seen)
			require.NotEqual(t, s.Other, e.Account, "a hint of the other account")
			seen[e.Kind] = true
		}
	}
	cancel()
	for _, events := range watches {
		s.over(t, events)
	}
}

func testClose(t T, s *suite) {
	events, err := s.Broker.Watch(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Broker.Close())
	require.NoError(t, s.Broker.Close(), "Close again")
	s.over(t, events)
	require.Equal(t, broker.SessionClosed, s.Broker.Status().Session)
	for call, err := range s.errorsOf(t.Context(), s.Account) {
		require.ErrorIs(t, err, broker.ErrClosed, call)
	}
	_, err = s.Broker.Watch(t.Context())
	require.ErrorIs(t, err, broker.ErrClosed)
}

func testConcurrent(t T, s *suite) {
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

// ruin empties a list, and asks for it again.
func ruin[L any](t T, s *suite, what string, ask func() (broker.Answer[L], error)) {
	t.Helper()
	list := whole(t, s, what, ask)
	require.NotEmpty(t, list, what)
	clear(list)
	for _, row := range whole(t, s, what, ask) {
		require.NotZero(t, row, "the broker keeps the caller's list of %s", what)
	}
}

func testMemory(t T, s *suite) {
	ctx, ticket := t.Context(), s.place(t, s.ticket("1", "110"))
	s.until(t, "a position", func() bool {
		q, _ := s.held(t, s.Account)
		return q.IsPos() && len(s.fills(t, s.Account, ticket.Ref)) == 1 && !s.fills(t, s.Account, ticket.Ref)[0].Trade.Quantity.IsZero()
	})
	s.status(t, ticket.Ref, "is filled", func(o broker.Order) bool { return o.Status == broker.OrderFilled })
	ruin(t, s, "accounts", func() (broker.Answer[broker.Account], error) { return s.Broker.Accounts(ctx) })
	ruin(t, s, "positions", func() (broker.Answer[broker.Position], error) { return s.Broker.Positions(ctx, s.Account) })
	ruin(t, s, "balances", func() (broker.Answer[broker.Balance], error) { return s.Broker.Cash(ctx, s.Account) })
	ruin(t, s, "orders", func() (broker.Answer[broker.Order], error) { return s.Broker.Orders(ctx, s.Account) })
	since := time.Now().Add(-time.Minute)
	ruin(t, s, "executions", func() (broker.Answer[broker.Execution], error) {
		e, err := s.Broker.Executions(ctx, s.Account, since)
		return e.Answer, err
	})
}

func testQuotes(t T, s *suite) {
	nothing := ledger.NewStock("NOPE", s.Contract.Currency)
	for _, two := range [][]ledger.Instrument{{s.Second, s.Contract}, {s.Contract, s.Second}} {
		var quotes []broker.Quote
		s.until(t, "two quotes", func() bool {
			var err error
			quotes, err = s.Broker.Quotes(t.Context(), []ledger.Instrument{nothing, two[0], two[1]})
			require.NoError(t, err)
			require.LessOrEqual(t, len(quotes), 2, "a quote of nothing")
			return len(quotes) == 2
		})
		for n, q := range quotes {
			require.Equal(t, two[n].Key(), q.Instrument.Key(), "quotes are in the order of the contracts")
			moment(t, "the quote's time", q.Time)
			m, ok := q.Mark()
			require.True(t, ok, "%+v", q)
			require.True(t, q.Instrument.Key() != s.Contract.Key() || m.Price.Equal(dec("100")), "%+v", q)
		}
	}
}
