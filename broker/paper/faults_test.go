package paper_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/broker/paper"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

const mine, other = broker.AccountID("DU1000100"), broker.AccountID("DU1000250")

func limit(ref broker.Ref, i ledger.Instrument, quantity, price string) broker.Ticket {
	return broker.Ticket{Ref: ref, Order: risk.Order{ID: ledger.OrderID(ref), Instrument: i, Quantity: dec(quantity), Price: dec(price)},
		Terms: broker.Terms{Type: broker.LimitOrder, Limit: dec(price), TIF: broker.Day}}
}

func market(ref broker.Ref, i ledger.Instrument, quantity string) broker.Ticket {
	return broker.Ticket{Ref: ref, Order: risk.Order{ID: ledger.OrderID(ref), Instrument: i, Quantity: dec(quantity)},
		Terms: broker.Terms{Type: broker.MarketOrder, TIF: broker.Day}}
}

// refs returns the references of the orders in an account, with their statuses.
func refs(t *testing.T, b *paper.Broker, id broker.AccountID) map[broker.Ref]broker.OrderStatus {
	t.Helper()
	list, err := b.Orders(t.Context(), id)
	require.NoError(t, err)
	out := map[broker.Ref]broker.OrderStatus{}
	for _, o := range list.List {
		out[o.Ref] = o.Status
	}
	return out
}

// What is lost on the way there was not done; what is lost on the way back was.
func TestLostRequestsAndAnswers(t *testing.T) {
	b := opened(t, paper.Options{})
	b.Fail(paper.OpPlace, mine, paper.LostRequest, "", 1)
	b.Fail(paper.OpPlace, mine, paper.LostAnswer, "", 1)
	_, err := b.Place(t.Context(), other, limit("theirs", xyz, "1", "90"))
	require.NoError(t, err, "a fault of another account's")
	_, err = b.Place(t.Context(), mine, limit("a", xyz, "1", "90"))
	require.ErrorIs(t, err, broker.ErrOutcomeUnknown)
	require.Empty(t, refs(t, b, mine))
	_, err = b.Place(t.Context(), mine, limit("b", xyz, "1", "90"))
	require.ErrorIs(t, err, broker.ErrOutcomeUnknown)
	require.Equal(t, map[broker.Ref]broker.OrderStatus{"b": broker.OrderWorking}, refs(t, b, mine))

	b.Fail(paper.OpCancel, "", paper.LostRequest, "", 1)
	b.Fail(paper.OpCancel, "", paper.LostAnswer, "", 1)
	require.ErrorIs(t, b.Cancel(t.Context(), mine, "b"), broker.ErrOutcomeUnknown)
	require.Equal(t, broker.OrderWorking, refs(t, b, mine)["b"])
	require.ErrorIs(t, b.Cancel(t.Context(), mine, "b"), broker.ErrOutcomeUnknown)
	require.Equal(t, broker.OrderCancelled, refs(t, b, mine)["b"])
}

func TestRefusals(t *testing.T) {
	b := opened(t, paper.Options{})
	b.Fail(paper.OpPlace, "", paper.Rejected, "not today", 1)
	_, err := b.Place(t.Context(), mine, limit("a", xyz, "1", "90"))
	var rejected *broker.RejectionError
	require.ErrorAs(t, err, &rejected)
	require.Equal(t, "not today", rejected.Reason)
	for what, want := range map[paper.Fault]error{paper.Paced: broker.ErrPaced, paper.Disconnected: broker.ErrNotConnected} {
		b.Fail(paper.OpPlace, "", what, "", 2)
		for range 2 {
			_, err = b.Place(t.Context(), mine, limit("a", xyz, "1", "90"))
			require.ErrorIs(t, err, want)
		}
	}
	require.Empty(t, refs(t, b, mine))
	_, err = b.Place(t.Context(), mine, limit("a", xyz, "1", "90"))
	require.NoError(t, err, "faults are over")
	require.NoError(t, b.Open(broker.Account{ID: "U1"}))
	_, err = b.Place(t.Context(), "U1", limit("u", xyz, "1", "90"))
	require.ErrorIs(t, err, broker.ErrRejected, "the login may not trade there")
	require.ErrorIs(t, b.Open(broker.Account{ID: "U1"}), broker.ErrInvalid, "open already")
}

// An answer that is not complete does not look as one of nothing.
func TestIncompleteAnswers(t *testing.T) {
	b := opened(t, paper.Options{})
	_, err := b.Place(t.Context(), mine, limit("a", xyz, "1", "90"))
	require.NoError(t, err)
	b.Fail(paper.OpOrders, "", paper.Incomplete, "", 1)
	list, err := b.Orders(t.Context(), mine)
	require.NoError(t, err)
	require.False(t, list.Complete)
	require.Empty(t, list.List)
	list, err = b.Orders(t.Context(), mine)
	require.NoError(t, err)
	require.True(t, list.Complete)
	require.Len(t, list.List, 1)
}

func TestSessionsFailCalls(t *testing.T) {
	b := opened(t, paper.Options{})
	for _, s := range []broker.SessionState{broker.SessionDisconnected, broker.SessionCompeting, broker.SessionLoginNeeded} {
		b.SetSession(s, "because")
		require.Equal(t, "because", b.Status().Reason)
		_, err := b.Place(t.Context(), mine, limit("a", xyz, "1", "90"))
		require.ErrorIs(t, err, s.Err())
		_, err = b.Orders(t.Context(), mine)
		require.ErrorIs(t, err, s.Err())
		_, err = b.Statement(mine)
		require.NoError(t, err, "the statement is no call of the session's")
	}
	b.SetSession(broker.SessionUsable, "")
	require.Empty(t, refs(t, b, mine))
	require.NoError(t, b.Close())
	b.SetSession(broker.SessionUsable, "")
	require.Equal(t, broker.SessionClosed, b.Status().Session, "a closed broker was opened")
}

func TestPartsAndDays(t *testing.T) {
	b := opened(t, paper.Options{Liquidity: dec("4"), Spread: dec("0.01")})
	require.NoError(t, b.Price(xyz, dec("100")))
	for _, k := range []broker.Ticket{market("a", xyz, "3"), market("b", xyz, "3"), market("gtc", xyz, "-9")} {
		if k.Ref == "gtc" {
			k.Terms.TIF = broker.GoodTillCanceled
		}
		_, err := b.Place(t.Context(), mine, k)
		require.NoError(t, err)
	}
	fills := func() (out []string) {
		list, err := b.Executions(t.Context(), mine, time.Time{})
		require.NoError(t, err)
		for _, e := range list.List {
			out = append(out, string(e.Ref)+" "+e.Trade.Quantity.String()+" at "+e.Trade.Price.String())
		}
		return out
	}
	require.Equal(t, []string{"a 3 at 100.5", "b 1 at 100.5"}, fills(), "4 at a quote")
	require.NoError(t, b.Price(xyz, dec("200")))
	require.Equal(t, []string{"b 2 at 201", "gtc -2 at 199"}, fills()[2:])
	b.EndDay()
	require.Equal(t, map[broker.Ref]broker.OrderStatus{"a": broker.OrderFilled, "b": broker.OrderFilled, "gtc": broker.OrderWorking}, refs(t, b, mine))
	_, err := b.Place(t.Context(), mine, limit("day", xyz, "1", "1"))
	require.NoError(t, err)
	b.EndDay()
	require.Equal(t, broker.OrderExpired, refs(t, b, mine)["day"])
	require.NoError(t, b.Cancel(t.Context(), mine, "gtc"))
	b.CloseMarket()
	_, err = b.Place(t.Context(), mine, market("night", xyz, "1"))
	require.NoError(t, err)
	require.NoError(t, b.Price(xyz, dec("150")))
	require.Equal(t, broker.OrderWorking, refs(t, b, mine)["night"], "filled while the market is closed")
	b.OpenMarket()
	require.Equal(t, broker.OrderWorking, refs(t, b, mine)["night"], "filled at a price of before")
	require.NoError(t, b.Price(xyz, dec("160")))
	require.Equal(t, "night 1 at 160.8", fills()[len(fills())-1])
	require.ErrorIs(t, b.Quote(broker.Quote{Instrument: xyz, Bid: dec("2"), Ask: dec("1")}), broker.ErrInvalid)
}

func TestOrdersByHandAndSplits(t *testing.T) {
	b := opened(t, paper.Options{})
	id, err := b.PlaceByHand(mine, market("x", xyz, "7"))
	require.NoError(t, err)
	list, err := b.Orders(t.Context(), mine)
	require.NoError(t, err)
	require.Equal(t, []string{id, ""}, []string{list.List[0].BrokerID, string(list.List[0].Ref)})
	_, err = b.Place(t.Context(), mine, market("x", xyz, "1"))
	require.NoError(t, err, "an order by hand takes no reference")
	resting, err := b.PlaceByHand(mine, limit("x", xyz, "1", "1"))
	require.NoError(t, err)
	require.ErrorIs(t, b.Cancel(t.Context(), mine, ""), broker.ErrOrderNotFound, "no reference is no order's")
	require.NoError(t, b.CancelByID(t.Context(), mine, resting))
	require.Equal(t, broker.OrderCancelled, refs(t, b, mine)[""])
	require.ErrorIs(t, b.Split(xyz, dec("1"), dec("3")), broker.ErrInvalid, "8 shares in threes")
	require.NoError(t, b.Split(xyz, dec("5"), dec("2")))
	s, err := b.Statement(mine)
	require.NoError(t, err)
	require.Equal(t, "20", s.Positions[0].Quantity.String())
}

// An order that the broker suspends or rejects later fills only while it works.
func TestStatusesOfTheBrokersOwn(t *testing.T) {
	b := opened(t, paper.Options{})
	ids := map[broker.Ref]string{}
	for _, ref := range []broker.Ref{"cancelled", "inactive", "cancelling"} {
		ack, err := b.Place(t.Context(), mine, limit(ref, xyz, "1", "90"))
		require.NoError(t, err)
		ids[ref] = ack.BrokerID
	}
	for ref, id := range ids {
		require.NoError(t, b.SetStatus(mine, id, broker.OrderStatus(ref), "by the exchange"))
	}
	require.NoError(t, b.Price(xyz, dec("89")))
	require.Equal(t, map[broker.Ref]broker.OrderStatus{"cancelled": broker.OrderCancelled, "inactive": broker.OrderInactive, "cancelling": broker.OrderFilled}, refs(t, b, mine))
	require.NoError(t, b.SetStatus(mine, ids["inactive"], broker.OrderWorking, ""))
	require.Equal(t, broker.OrderFilled, refs(t, b, mine)["inactive"], "it works again")
	require.ErrorIs(t, b.SetStatus(mine, ids["inactive"], broker.OrderWorking, ""), broker.ErrOrderNotFound, "filled")
	require.ErrorIs(t, b.SetStatus(other, ids["cancelled"], broker.OrderWorking, ""), broker.ErrOrderNotFound)
	require.ErrorIs(t, b.SetStatus("U9", "1", broker.OrderWorking, ""), broker.ErrForeignAccount)
}

// Everything may be called at the same time, and what was ordered is filled once.
func TestManyAtOnce(t *testing.T) {
	b := opened(t, paper.Options{LateCommissions: true, Commission: func(*ledger.Trade) ledger.Decimal { return dec("1") }})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const each = 50
	var all sync.WaitGroup
	errs := make(chan error, 4*each)
	for _, id := range []broker.AccountID{mine, other} {
		all.Go(func() {
			for n := range each {
				_, err := b.Place(ctx, id, limit(broker.Ref(fmt.Sprint(id, "-", n)), xyz, "2", "101"))
				errs <- err
			}
		})
		all.Go(func() {
			for range each {
				if _, err := b.Watch(ctx); err != nil {
					errs <- err
				}
				for _, e := range told(b, id) {
					_, _ = b.Correct(id, e.Trade.ExecID, dec("1"), dec("100"))
				}
				_, _ = b.Statement(id)
				_, _ = b.Quotes(ctx, []ledger.Instrument{xyz})
				b.TellCommissions()
			}
		})
	}
	all.Go(func() {
		for n := range each {
			errs <- b.Price(xyz, dec(fmt.Sprint(99+n%4)))
		}
	})
	all.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.NoError(t, b.Price(xyz, dec("100")))
	b.TellCommissions()
	for _, id := range []broker.AccountID{mine, other} {
		filled, paid := dec("0"), dec("0")
		for _, e := range told(b, id) {
			filled, paid = filled.Add(e.Trade.Quantity), paid.Add(e.Trade.Quantity.Mul(e.Trade.Price)).Add(e.Trade.Commission)
		}
		list, err := b.Orders(t.Context(), id)
		require.NoError(t, err)
		require.Len(t, list.List, each)
		orders := dec("0")
		for _, o := range list.List {
			require.Equal(t, broker.OrderFilled, o.Status)
			orders = orders.Add(o.Filled)
		}
		s, err := b.Statement(id)
		require.NoError(t, err)
		require.Equal(t, []string{filled.String(), dec("100000").Sub(paid).String()},
			[]string{s.Positions[0].Quantity.String(), s.Cash[0].Balance.String()}, "executions, and what is held")
		require.Equal(t, filled.String(), orders.String(), "executions, and what the orders say")
	}
	require.NoError(t, b.Close())
}

func told(b *paper.Broker, id broker.AccountID) []broker.Execution {
	list, err := b.Executions(context.Background(), id, time.Time{})
	if err != nil {
		return nil
	}
	return list.List
}
