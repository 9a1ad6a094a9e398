package brokertest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

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

func testCancelByID(t T, s *suite) {
	kept, ticket := s.place(t, s.ticket("1", "90")), s.place(t, s.ticket("3", "90"))
	o, _ := s.order(t, s.Account, ticket.Ref)
	for _, id := range []string{"", "none"} {
		require.ErrorIs(t, s.Broker.CancelByID(t.Context(), s.Account, id), broker.ErrOrderNotFound, "%q", id)
	}
	require.ErrorIs(t, s.Broker.CancelByID(t.Context(), s.Other, o.BrokerID), broker.ErrOrderNotFound, "another account's order")
	require.NoError(t, s.Broker.CancelByID(t.Context(), s.Account, o.BrokerID))
	o = s.status(t, ticket.Ref, "has ended", func(o broker.Order) bool { return o.Status.Terminal() })
	require.Equal(t, broker.OrderCancelled, o.Status)
	require.ErrorIs(t, s.Broker.CancelByID(t.Context(), s.Account, o.BrokerID), broker.ErrOrderNotFound, "cancelled already")
	left, _ := s.order(t, s.Account, kept.Ref)
	require.False(t, left.Status.Terminal(), "an order that was not named was cancelled")
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
