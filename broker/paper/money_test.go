package paper_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/broker/paper"
	"github.com/ai-ots/accounts/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var oil = ledger.Instrument{SecType: ledger.Future, Symbol: "CL", Currency: "USD", Expiry: 20270120, Multiplier: dec("1000")}

// executions returns what an account was told since the beginning.
func executions(t *testing.T, b *paper.Broker, id broker.AccountID) []broker.Execution {
	t.Helper()
	list, err := b.Executions(t.Context(), id, time.Time{})
	require.NoError(t, err)
	return list.List
}

func place(t *testing.T, b *paper.Broker, id broker.AccountID, k broker.Ticket) {
	t.Helper()
	_, err := b.Place(t.Context(), id, k)
	require.NoError(t, err, "%s", k.Ref)
}

// cash returns the balance of an account in dollars.
func cash(t *testing.T, b *paper.Broker, id broker.AccountID) string {
	t.Helper()
	list, err := b.Cash(t.Context(), id)
	require.NoError(t, err)
	for _, c := range list.List {
		if c.Currency == "USD" {
			return c.Cash.String()
		}
	}
	return ""
}

// An order never fills beyond its quantity, and never in the other direction, whatever is corrected.
func TestCorrectionsOfOrdersThatWork(t *testing.T) {
	b := opened(t, paper.Options{Liquidity: dec("4")})
	place(t, b, mine, market("a", xyz, "10"))
	_, err := b.PlaceByHand(other, market("x", xyz, "-6"))
	require.NoError(t, err)
	require.NoError(t, b.Price(xyz, dec("100")))
	first := executions(t, b, mine)[0].Trade
	for _, wrong := range []string{"7", "0", "-4"} { // 4 of the second execution are filled besides
		_, err = b.Correct(mine, first.ExecID, dec(wrong), dec("99"))
		require.ErrorIs(t, err, broker.ErrInvalid, wrong)
	}
	_, err = b.Correct(mine, first.ExecID, dec("1"), dec("0.0000000000000000001"))
	require.NoError(t, err, "19 places, and one share")
	_, err = b.Correct(mine, first.ExecID, dec("1"), dec("99"))
	require.ErrorIs(t, err, broker.ErrInvalid, "corrected already")
	id, err := b.Correct(mine, executions(t, b, mine)[0].Trade.ExecID, dec("6"), dec("99"))
	require.NoError(t, err)
	require.Equal(t, broker.OrderFilled, refs(t, b, mine)["a"], "6 and 4 are 10")
	require.Equal(t, id, executions(t, b, mine)[0].Trade.ExecID)
	require.NoError(t, b.Price(xyz, dec("100")))
	require.Len(t, executions(t, b, mine), 2, "a filled order filled on")

	list, err := b.Orders(t.Context(), other)
	require.NoError(t, err)
	require.Equal(t, []string{"-4", "working"}, []string{list.List[0].Filled.String(), string(list.List[0].Status)}, "what one quote left")
	sold := executions(t, b, other)[0].Trade
	_, err = b.Correct(other, sold.ExecID, dec("-2"), dec("100"))
	require.NoError(t, err)
	list, err = b.Orders(t.Context(), other)
	require.NoError(t, err)
	require.Equal(t, "-2", list.List[0].Filled.String(), "of an order without a reference")
}

// Versions of an execution end with two digits: what came after would be another execution.
func TestCorrectionsEnd(t *testing.T) {
	b := opened(t, paper.Options{})
	place(t, b, mine, market("a", xyz, "1"))
	id := executions(t, b, mine)[0].Trade.ExecID
	for range 98 {
		next, err := b.Correct(mine, id, dec("1"), dec("99"))
		require.NoError(t, err, "%s", id)
		id = next
	}
	_, err := b.Correct(mine, id, dec("1"), dec("98"))
	require.ErrorIs(t, err, broker.ErrInvalid, "%s", id)
	require.Equal(t, "99901", cash(t, b, mine))
}

func TestSplits(t *testing.T) {
	b := opened(t, paper.Options{})
	require.NoError(t, b.Price(oil, dec("70")))
	place(t, b, mine, market("f", oil, "2"))
	place(t, b, mine, market("s", xyz, "3"))
	require.ErrorIs(t, b.Split(oil, dec("2"), dec("1")), broker.ErrInvalid, "a future")
	require.ErrorIs(t, b.Split(ledger.Instrument{SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"}, dec("2"), dec("1")), broker.ErrInvalid)
	require.ErrorIs(t, b.Split(ledger.Instrument{}, dec("2"), dec("1")), broker.ErrInvalid)
	require.NoError(t, b.Split(xyz, dec("2"), dec("1")))
	_, err := b.Correct(mine, executions(t, b, mine)[1].Trade.ExecID, dec("4"), dec("100"))
	require.ErrorIs(t, err, broker.ErrInvalid, "3 shares of before are 6 now")
	place(t, b, mine, market("after", xyz, "1"))
	require.Equal(t, broker.OrderWorking, refs(t, b, mine)["after"], "filled at a price of before the split")
	require.NoError(t, b.Price(xyz, dec("50")))
	_, err = b.Correct(mine, executions(t, b, mine)[2].Trade.ExecID, dec("1"), dec("49"))
	require.NoError(t, err, "an execution of after the split")
	require.NoError(t, b.Price(oil, dec("71")))
	require.Equal(t, "101651", cash(t, b, mine), "100000 - 3×100 - 49 + 2×1000×1")
}

// A future keeps the gains of its last price while its market is halted, and below zero.
func TestFuturesGains(t *testing.T) {
	b := opened(t, paper.Options{Spread: dec("0.01")})
	require.NoError(t, b.Price(oil, dec("10")))
	place(t, b, mine, market("f", oil, "1"))
	require.Equal(t, "99950", cash(t, b, mine), "half of the spread")
	require.NoError(t, b.Quote(broker.Quote{Instrument: oil, Bid: dec("11"), Ask: dec("11"), Halted: true}))
	require.Equal(t, "100950", cash(t, b, mine), "the price of a halt")
	require.NoError(t, b.Quote(broker.Quote{Instrument: oil, Ask: dec("30")}))
	require.Equal(t, "100950", cash(t, b, mine), "no price is no change")
	require.NoError(t, b.Price(oil, dec("-20")))
	require.Equal(t, "69950", cash(t, b, mine))
	s, err := b.Statement(mine)
	require.NoError(t, err)
	require.Equal(t, "-20", s.Positions[0].Mark.String())
	place(t, b, mine, market("out", oil, "-1"))
	require.Equal(t, "-20.1", executions(t, b, mine)[1].Trade.Price.String(), "a sale at the bid, which is below")
	require.Equal(t, "69850", cash(t, b, mine))
}

// Quotes are all taken, or none.
func TestWrongQuotes(t *testing.T) {
	b := opened(t, paper.Options{})
	place(t, b, mine, limit("a", xyz, "1", "60"))
	good := broker.Quote{Instrument: xyz, Bid: dec("50"), Ask: dec("50")}
	for name, wrong := range map[string]broker.Quote{
		"no contract":     {Bid: dec("1")},
		"crossed":         {Instrument: xyz, Bid: dec("2"), Ask: dec("1")},
		"crossed below 0": {Instrument: oil, Bid: dec("-1"), Ask: dec("-2")},
		"below 0":         {Instrument: xyz, Bid: dec("-1"), Ask: dec("1")},
		"too large":       {Instrument: xyz, Ask: dec("999999999999999").Add(dec("1"))},
	} {
		require.ErrorIs(t, b.Quote(good, wrong), broker.ErrInvalid, name)
		require.Equal(t, broker.OrderWorking, refs(t, b, mine)["a"], "%s: the one before was taken", name)
	}
	require.NoError(t, b.Quote(good))
	require.Equal(t, broker.OrderFilled, refs(t, b, mine)["a"])
}

// What a journal could not hold to the last place does not fill.
func TestFillsThatCannotBeBooked(t *testing.T) {
	b := opened(t, paper.Options{Commission: func(t *ledger.Trade) ledger.Decimal {
		if t.Quantity.Equal(dec("7")) {
			return dec("999999999999999").Add(dec("1"))
		}
		return ledger.Decimal{}
	}})
	require.NoError(t, b.Quote(broker.Quote{Instrument: xyz, Bid: dec("100.000000001"), Ask: dec("100.000000001")}))
	place(t, b, mine, market("places", xyz, "0.00000000001"))
	place(t, b, mine, market("commission", xyz, "7"))
	require.Equal(t, map[broker.Ref]broker.OrderStatus{"places": broker.OrderCancelled, "commission": broker.OrderCancelled}, refs(t, b, mine))
	require.Empty(t, executions(t, b, mine))
	require.Equal(t, "100000", cash(t, b, mine))
	list, err := b.Orders(t.Context(), mine)
	require.NoError(t, err)
	require.NotEmpty(t, list.List[0].Reason)
}

// Orders fill in the order in which they came, whatever their accounts.
func TestOrdersOfAllAccountsStandInOneLine(t *testing.T) {
	b := opened(t, paper.Options{Liquidity: dec("3")})
	place(t, b, other, limit("first", xyz, "2", "90"))
	place(t, b, mine, limit("second", xyz, "2", "90"))
	require.NoError(t, b.Price(xyz, dec("90")))
	require.Equal(t, broker.OrderFilled, refs(t, b, other)["first"])
	require.Equal(t, "1", executions(t, b, mine)[0].Trade.Quantity.String())
}

// A portfolio on disk outlives the broker: executions of the next one have other ids.
func TestIdsOfTwoBrokers(t *testing.T) {
	seen, at := map[ledger.ExecID]bool{}, time.Date(2026, 6, 1, 14, 0, 0, 0, time.UTC)
	for range 2 {
		b := opened(t, paper.Options{Clock: func() time.Time { return at }})
		for n := range 2 {
			place(t, b, mine, market(broker.Ref(fmt.Sprint("o", n)), xyz, "1"))
		}
		for _, e := range executions(t, b, mine) {
			require.False(t, seen[e.Trade.ExecID], "%s again", e.Trade.ExecID)
			seen[e.Trade.ExecID] = true
			root, version := e.Trade.ExecID.Correction()
			require.NotEqual(t, string(e.Trade.ExecID), root, "no id that can be corrected")
			require.Equal(t, 1, version)
		}
		at = at.Add(time.Second)
	}
}

// An execution of the moment that is asked for is among those since that moment.
func TestSinceIsFinerThanTheClock(t *testing.T) {
	at := time.Date(2026, 6, 1, 14, 0, 0, 123_456_789, time.UTC)
	b := opened(t, paper.Options{Clock: func() time.Time { return at }})
	place(t, b, mine, market("a", xyz, "1"))
	list, err := b.Executions(t.Context(), mine, at.In(time.FixedZone("", 3600)))
	require.NoError(t, err)
	require.Len(t, list.List, 1)
	require.Equal(t, time.UTC, list.From.Location())
	at = at.Add(-time.Minute) // a clock that is set back
	place(t, b, mine, market("b", xyz, "1"))
	require.Equal(t, broker.Ref("b"), executions(t, b, mine)[0].Ref, "ordered by time")
}

// A lost answer says nothing, not even that the order was refused.
func TestLostRefusals(t *testing.T) {
	b := opened(t, paper.Options{})
	place(t, b, mine, limit("a", xyz, "1", "90"))
	b.Fail(paper.OpPlace, "", paper.LostAnswer, "", 1)
	_, err := b.Place(t.Context(), mine, limit("a", xyz, "1", "90"))
	require.ErrorIs(t, err, broker.ErrOutcomeUnknown)
	require.NotErrorIs(t, err, broker.ErrDuplicateRef)
	b.Fail(paper.OpCancel, "", paper.LostAnswer, "", 1)
	require.ErrorIs(t, b.Cancel(t.Context(), mine, "none"), broker.ErrOutcomeUnknown)
}

// What is delivered is held, costs nothing, and can be sold.
func TestDeliveries(t *testing.T) {
	b := opened(t, paper.Options{})
	cash := func() ledger.Decimal {
		list, err := b.Cash(t.Context(), mine)
		require.NoError(t, err)
		return list.List[0].Cash
	}
	before := cash()
	require.NoError(t, b.Deliver(mine, xyz, dec("12")))
	require.NoError(t, b.Deliver(mine, xyz, dec("-2")))
	held, err := b.Positions(t.Context(), mine)
	require.NoError(t, err)
	require.Len(t, held.List, 1)
	require.Equal(t, "10", held.List[0].Quantity.String(), "what was delivered")
	require.Equal(t, before.String(), cash().String(), "a delivery moved cash")
	require.NoError(t, b.Price(xyz, dec("90")))
	place(t, b, mine, limit("sell", xyz, "-10", "90"))
	held, err = b.Positions(t.Context(), mine)
	require.NoError(t, err)
	require.Empty(t, held.List, "all of it was sold")
	require.Equal(t, before.Add(dec("900")).String(), cash().String(), "the proceeds")

	require.ErrorIs(t, b.Deliver("U9", xyz, dec("1")), broker.ErrForeignAccount)
	require.ErrorIs(t, b.Deliver(mine, ledger.Instrument{}, dec("1")), broker.ErrInvalid, "no contract")
	require.ErrorIs(t, b.Deliver(mine, contracts[3], dec("1")), broker.ErrInvalid, "a future")
	require.ErrorIs(t, b.Deliver(mine, contracts[4], dec("1")), broker.ErrInvalid, "a currency pair")
}

func TestRatesAndCurrencies(t *testing.T) {
	b := opened(t, paper.Options{})
	require.NoError(t, b.Deposit(mine, "EUR", dec("5")))
	require.ErrorIs(t, b.Deposit(mine, "euro", dec("5")), broker.ErrInvalid)
	require.ErrorIs(t, b.Deposit("U9", "EUR", dec("5")), broker.ErrForeignAccount)
	require.ErrorIs(t, b.Open(broker.Account{ID: "U9"}, broker.Balance{Cash: dec("1")}), broker.ErrInvalid, "a balance in nothing")
	rates := func() (out []string) {
		list, err := b.Cash(t.Context(), mine)
		require.NoError(t, err)
		for _, c := range list.List {
			out = append(out, string(c.Currency)+" "+c.Rate.String())
		}
		return out
	}
	require.Equal(t, []string{"EUR 0", "USD 1"}, rates(), "a rate that is not known")
	require.NoError(t, b.Price(ledger.Instrument{SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"}, dec("1.25")))
	require.Equal(t, []string{"EUR 1.25", "USD 1"}, rates())
}

// counted is a context that counts what waits for its end.
type counted struct {
	context.Context
	waiting atomic.Int64
}

func (c *counted) Value(any) any { return nil } // or else the context inside would be asked

func (c *counted) AfterFunc(func()) func() bool {
	c.waiting.Add(1)
	return func() bool { c.waiting.Add(-1); return true }
}

// Nothing of a watch is left after the broker is closed, however long its context lives.
func TestClosedByState(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	long := &counted{Context: ctx}
	b := opened(t, paper.Options{})
	events, err := b.Watch(long)
	require.NoError(t, err)
	require.EqualValues(t, 1, long.waiting.Load(), "the watch waits for its context")
	b.SetSession(broker.SessionClosed, "")
	n := 0
	for range events {
		n++
	}
	require.Equal(t, 2, n, "the first event, and that of the end")
	require.EqualValues(t, 0, long.waiting.Load(), "the context keeps the closed broker")
	require.NoError(t, b.Close())
	_, err = b.Watch(ctx)
	require.ErrorIs(t, err, broker.ErrClosed)
}
