package broker_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// unwatched is a store that tells nobody of changes.
type unwatched struct{ accounts.Store }

func (unwatched) Watch(ctx context.Context) (<-chan accounts.Event, error) {
	events := make(chan accounts.Event)
	context.AfterFunc(ctx, func() { close(events) })
	return events, nil
}

// A process that takes over knows what the one before it has dispatched, whatever the store has told of it.
func TestATakeoverKnowsTheJournal(t *testing.T) {
	r := newBareRig(t, 1)
	late, err := accounts.New(unwatched{r.store}, accounts.WithClock(r.Now))
	require.NoError(t, err)
	defer func() { require.NoError(t, late.Close()) }()
	behind, err := late.Portfolio(t.Context(), r.ids[0])
	require.NoError(t, err)

	r.engine = r.start(t, r.manager, nil)
	r.sync(t)
	_, err = r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "101"), day("101"))
	require.NoError(t, err)
	require.NoError(t, r.engine.Close())
	require.Empty(t, behind.Snapshot().Risk.Orders, "the book that is behind is not behind")

	r.engine = r.start(t, late, nil)
	r.sync(t)
	require.Empty(t, behind.Snapshot().Risk.Orders, "the hold on an order that was filled whole")
	for x, err := range behind.Trades(t.Context(), accounts.TradeFilter{}) {
		require.NoError(t, err)
		require.Equal(t, ledger.OrderID("a"), x.Value.OrderID, "the order of the execution")
	}
	require.NotContains(t, r.kinds(""), broker.NoticeForeignFill)
}

// What is called back while it waits for its turn at the broker is not sent, whichever process has halted, even
// if the halt cannot be written, and while a look waits for its turn, too.
func TestAnOrderThatWaitsIsCalledBack(t *testing.T) {
	for name, halt := range map[string]func(*testing.T, *rig, *stopped) error{
		"this process": func(t *testing.T, r *rig, _ *stopped) error {
			_, err := r.engine.Halt(t.Context(), "stop", r.ids[0])
			return err
		},
		"another process": func(t *testing.T, r *rig, _ *stopped) error {
			p, err := r.newManager(t).Portfolio(t.Context(), r.ids[0])
			require.NoError(t, err)
			return p.Halt(t.Context(), "stop")
		},
		"a halt that cannot be written": func(t *testing.T, r *rig, s *stopped) error {
			s.next(func() error { return errGone })
			_, err := r.engine.Halt(t.Context(), "stop", r.ids[0])
			require.ErrorIs(t, err, errGone)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, h, s := stoppedRig(t, nil)
			waits, looks, goOn := make(chan struct{}), make(chan struct{}, 100), make(chan struct{})
			h.answer(hooks{
				place: func(ctx context.Context, _ broker.AccountID, _ broker.Ticket) (broker.Ack, error) {
					close(waits)
					<-ctx.Done() // the broker takes no more requests for a while
					return broker.Ack{}, ctx.Err()
				},
				orders: func(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Order], error) {
					looks <- struct{}{}
					<-goOn
					return r.paper.Orders(ctx, a)
				},
			})
			sent := make(chan error, 1)
			go func() {
				_, err := r.engine.Submit(context.WithoutCancel(t.Context()), r.ids[0], order("a", "5", "101"), day("101"))
				sent <- err
			}()
			<-waits
			go func() { _ = r.engine.Sync(context.WithoutCancel(t.Context())) }()
			<-looks
			halted := make(chan error, 1)
			go func() { halted <- halt(t, r, s) }()
			err := <-sent
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorContains(t, err, "halted while the order was on its way")
			close(goOn)
			require.NoError(t, <-halted)
			r.sync(t)
			require.Empty(t, r.held(t, 0), "the order surely was not sent")
		})
	}
}

// An event of a session that broke may be lost: that the session is another one is seen in its status.
func TestASessionThatBrokeUnheard(t *testing.T) {
	r, h := hookedRig(t, 1, nil)
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "1", "101"), day("101"))
	require.NoError(t, err)
	r.sync(t)
	before := h.Status()
	goOn := make(chan struct{})
	h.answer(hooks{
		status: func() broker.Status {
			return broker.Status{Session: broker.SessionUsable, Since: before.Since.Add(time.Second)}
		},
		orders: func(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Order], error) {
			<-goOn // what was sent is looked at by itself, which must not come first
			return r.paper.Orders(ctx, a)
		},
	})
	_, err = r.portfolio(t, 0).Reserve(t.Context(), order("b", "1", "101"))
	require.NoError(t, err)
	_, err = r.engine.Send(t.Context(), r.ids[0], "b", day("101"))
	require.ErrorIs(t, err, broker.ErrNotReady, "nothing was looked at in the new session")
	close(goOn)
	r.sync(t)
	_, err = r.engine.Send(t.Context(), r.ids[0], "b", day("101"))
	require.NoError(t, err)
}

// Looks that fail are repeated, less and less often.
func TestFailingLooksAreSpaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBareRig(t, 1)
		var looks atomic.Int32
		h := &hooked{Broker: r.paper}
		h.answer(hooks{orders: func(context.Context, broker.AccountID) (broker.Answer[broker.Order], error) {
			looks.Add(1)
			return broker.Answer[broker.Order]{}, errGone
		}})
		r.engine = r.start(t, r.manager, func(c *broker.Config) {
			c.Poll = 20 * time.Second
			c.Connect = func(context.Context) (broker.Broker, error) { return h, nil }
		})
		time.Sleep(10 * time.Minute) // of the bubble
		require.Greater(t, looks.Load(), int32(29), "looks in ten minutes, with 20 s between two")
		require.Less(t, looks.Load(), int32(40), "looks in ten minutes, with 20 s between two")
	})
}

// ticking is a session that hints at nothing but what a test says.
type ticking struct {
	*hooked
	events chan broker.Event
}

func (s ticking) Watch(ctx context.Context) (<-chan broker.Event, error) {
	events := make(chan broker.Event)
	go func() {
		defer close(events)
		for {
			select {
			case e := <-s.events:
				events <- e
			case <-ctx.Done():
				return
			}
		}
	}()
	return events, nil
}

// New quotes are taken as marks, and nothing else is asked for.
func TestQuotesAreNoLook(t *testing.T) {
	r := newBareRig(t, 1)
	h := ticking{&hooked{Broker: r.paper}, make(chan broker.Event)}
	r.engine = r.start(t, r.manager, func(c *broker.Config) {
		c.Connect = func(context.Context) (broker.Broker, error) { return h, nil }
	})
	r.sync(t)
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "1", "101"), day("101"))
	require.NoError(t, err)
	r.sync(t)
	var looks atomic.Int32
	h.answer(hooks{orders: func(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Order], error) {
		looks.Add(1)
		return r.paper.Orders(ctx, a)
	}})
	for _, price := range []string{"103", "104", "105", "106", "107"} {
		require.NoError(t, r.paper.Price(stock, dec(price)))
		told := func() bool {
			r.Advance(time.Second)
			h.events <- broker.Event{Kind: broker.EventQuotes}
			snapshot := r.portfolio(t, 0).Snapshot()
			return len(snapshot.Open) == 1 && snapshot.Open[0].Mark.Price.Equal(dec(price))
		}
		require.Eventually(t, told, time.Minute, time.Millisecond, "the mark did not become the quote of %s", price)
	}
	require.LessOrEqual(t, looks.Load(), int32(2), "looks, of which the session and the order may have begun one each")
}

// Quotes that cannot be had are told of, and keep nothing else from the account.
func TestQuotesThatCannotBeHad(t *testing.T) {
	r, h := hookedRig(t, 1, nil)
	require.NoError(t, r.portfolio(t, 0).Mark(ledger.Mark{Instrument: stock, Price: dec("100"), Time: r.Now()}))
	require.NoError(t, r.engine.Follow(r.ids[0], stock))
	h.answer(hooks{quotes: func(context.Context, []ledger.Instrument) ([]broker.Quote, error) { return nil, errGone }})
	for range 3 {
		r.sync(t)
	}
	require.True(t, r.engine.Status().Accounts[0].Ready, "the account is in step")
	unpriced := 0
	for _, kind := range r.kinds("") {
		if kind == broker.NoticeUnpriced {
			unpriced++
		}
	}
	require.Equal(t, 1, unpriced, "how often it was told")
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "1", "101"), day("101"))
	require.NoError(t, err)
}

// An order that has worked for longer than the broker tells of executions may have filled unseen.
func TestAnOldOrderLeavesAGap(t *testing.T) {
	r := newRig(t, 1, nil)
	r.sync(t)
	terms := broker.Terms{Type: broker.LimitOrder, Limit: dec("90"), TIF: broker.GoodTillCanceled}
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "90"), terms)
	require.NoError(t, err)
	require.NoError(t, r.engine.Close())
	for _, gone := range []struct {
		days int
		gap  bool
	}{{3, false}, {9, true}} {
		r.notices = nil
		r.Advance(time.Duration(gone.days) * 24 * time.Hour)
		h := &hooked{Broker: r.paper}
		h.answer(hooks{executions: func(ctx context.Context, a broker.AccountID, since time.Time) (broker.Executions, error) {
			x, err := r.paper.Executions(ctx, a, since)
			x.From = since
			return x, err
		}})
		r.engine = r.start(t, r.manager, func(c *broker.Config) {
			c.Connect = func(context.Context) (broker.Broker, error) { return h, nil }
		})
		r.sync(t)
		require.NoError(t, r.engine.Close())
		if gone.gap {
			require.Contains(t, r.kinds(""), broker.NoticeGap, "after %d days", gone.days)
		} else {
			require.NotContains(t, r.kinds(""), broker.NoticeGap, "after %d days", gone.days)
		}
	}
}

// A broker that goes back as far as IBKR does leaves no gap when a process starts, and one that does not leaves one.
func TestAStartLeavesNoGap(t *testing.T) {
	r := newRig(t, 1, nil)
	r.sync(t)
	require.NoError(t, r.engine.Close())
	for _, c := range []struct {
		back time.Duration
		gap  bool
	}{{6 * 24 * time.Hour, false}, {3 * 24 * time.Hour, true}} {
		r.notices = nil
		h := &hooked{Broker: r.paper}
		h.answer(hooks{executions: func(ctx context.Context, a broker.AccountID, since time.Time) (broker.Executions, error) {
			x, err := r.paper.Executions(ctx, a, since)
			x.From = r.Now().Add(-c.back)
			return x, err
		}})
		r.engine = r.start(t, r.manager, func(c *broker.Config) {
			c.Connect = func(context.Context) (broker.Broker, error) { return h, nil }
		})
		r.sync(t)
		require.NoError(t, r.engine.Close())
		require.Equal(t, c.gap, slices.Contains(r.kinds(""), broker.NoticeGap), "back for %s: %v", c.back, r.kinds(""))
	}
}

// "Filled", without a word of how much, does not end a hold before the executions are booked.
func TestFilledWithoutAQuantity(t *testing.T) {
	r, h := hookedRig(t, 1, nil)
	h.answer(hooks{
		orders: func(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Order], error) {
			x, err := r.paper.Orders(ctx, a)
			for i := range x.List {
				x.List[i].Filled = ledger.Decimal{}
			}
			return x, err
		},
		executions: func(_ context.Context, _ broker.AccountID, since time.Time) (broker.Executions, error) {
			return broker.Executions{Answer: broker.Answer[broker.Execution]{AsOf: r.Now(), Complete: true}, From: since}, nil
		},
		positions: func(context.Context, broker.AccountID) (broker.Answer[broker.Position], error) {
			return broker.Answer[broker.Position]{AsOf: r.Now(), Complete: true}, nil
		},
	})
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "101"), day("101"))
	require.NoError(t, err)
	r.sync(t)
	require.Equal(t, []ledger.OrderID{"a"}, r.held(t, 0), "the executions are late")
	require.Contains(t, r.kinds("a"), broker.NoticeOverdue)
	h.answer(hooks{})
	r.sync(t)
	require.Empty(t, r.held(t, 0))
	r.agree(t)
}

// A difference that is another one at each look is a break, too, if it does not go away.
func TestADifferenceThatChanges(t *testing.T) {
	r, h := hookedRig(t, 1, func(c *broker.Config) { c.CheckEvery = time.Minute })
	n := 0
	h.answer(hooks{positions: func(context.Context, broker.AccountID) (broker.Answer[broker.Position], error) {
		n++
		list := []broker.Position{{Instrument: stock, Quantity: dec(fmt.Sprint(n))}}
		return broker.Answer[broker.Position]{List: list, AsOf: r.Now(), Complete: true}, nil
	}})
	r.Advance(time.Hour)
	for range 6 {
		require.NoError(t, r.engine.Sync(t.Context()))
		require.Empty(t, r.engine.Status().Accounts[0].Breaks, "after %d looks", n)
		r.Advance(10 * time.Second)
	}
	require.NoError(t, r.engine.Sync(t.Context()))
	require.Len(t, r.engine.Status().Accounts[0].Breaks, 1, "after a minute")
}

// An order for the day at an exchange abroad may begin to work at New York's close.
func TestAnOrderAbroadEndsADayLater(t *testing.T) {
	r, h := hookedRig(t, 1, nil)
	abroad := ledger.NewStock("7203", "JPY")
	require.NoError(t, r.paper.Price(abroad, dec("100")))
	now := r.Now()
	p := r.portfolio(t, 0)
	require.NoError(t, p.MarkFX(ledger.FXRate{Currency: "JPY", Rate: dec("0.01"), Time: now}))
	require.NoError(t, p.Mark(ledger.Mark{Instrument: abroad, Price: dec("100"), Time: now}, ledger.Mark{Instrument: stock, Price: dec("100"), Time: now}))
	h.answer(hooks{orders: noOrders(r), place: func(context.Context, broker.AccountID, broker.Ticket) (broker.Ack, error) {
		return broker.Ack{}, broker.ErrOutcomeUnknown
	}})
	for id, i := range map[ledger.OrderID]ledger.Instrument{"home": stock, "abroad": abroad} {
		_, err := p.Reserve(t.Context(), risk.Order{ID: id, Instrument: i, Quantity: dec("1"), Price: dec("100")})
		require.NoError(t, err)
		_, err = r.engine.Send(t.Context(), r.ids[0], id, day("100"))
		require.ErrorIs(t, err, broker.ErrOutcomeUnknown)
	}
	over := broker.NewYorkClose(now)
	r.Advance(over.Add(7 * time.Hour).Sub(now))
	for range 3 {
		r.sync(t)
	}
	require.Equal(t, []ledger.OrderID{"abroad"}, r.held(t, 0), "seven hours after the close")
	r.Advance(24 * time.Hour)
	r.sync(t)
	require.Empty(t, r.held(t, 0), "a day later")
}

// What was asked to be followed is followed for a day.
func TestFollowingEnds(t *testing.T) {
	r, h := hookedRig(t, 1, nil)
	var asked atomic.Int32
	h.answer(hooks{quotes: func(_ context.Context, list []ledger.Instrument) ([]broker.Quote, error) {
		asked.Add(int32(len(list)))
		return nil, nil
	}})
	require.NoError(t, r.engine.Follow(r.ids[0], stock, call))
	r.sync(t)
	require.Positive(t, asked.Load())
	r.Advance(25 * time.Hour)
	r.sync(t)
	before := asked.Load()
	r.sync(t)
	require.Equal(t, before, asked.Load(), "contracts of yesterday are asked for")
}

// An execution that the book has in other terms, by a person who put it right, keeps nothing from the account.
func TestAPersonBooksAnExecution(t *testing.T) {
	r, h := hookedRig(t, 1, nil)
	h.answer(hooks{executions: func(ctx context.Context, a broker.AccountID, since time.Time) (broker.Executions, error) {
		x, err := r.paper.Executions(ctx, a, since)
		for i := range x.List {
			x.List[i].Trade.Price = dec("-1") // no book takes that
		}
		return x, err
	}})
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "101"), day("101"))
	require.NoError(t, err)
	require.ErrorIs(t, r.engine.Sync(t.Context()), broker.ErrNotReady)
	require.Contains(t, r.kinds("a"), broker.NoticeUnbooked)
	told, err := r.paper.Executions(t.Context(), "DU1000200", time.Time{})
	require.NoError(t, err)
	require.Len(t, told.List, 1)
	right := told.List[0].Trade
	right.OrderID = "a"
	_, err = r.portfolio(t, 0).Record(t.Context(), right)
	require.NoError(t, err)
	h.answer(hooks{executions: func(ctx context.Context, a broker.AccountID, since time.Time) (broker.Executions, error) {
		x, err := r.paper.Executions(ctx, a, since)
		for i := range x.List {
			x.List[i].Trade.Price = dec("77")
		}
		return x, err
	}})
	r.sync(t)
	require.Contains(t, r.kinds("a"), broker.NoticeMismatch)
	require.Empty(t, r.held(t, 0))
	r.agree(t)
}

// An order that fills while its answer is lost is no question once its execution is booked.
func TestAFillBeforeALostAnswerLeavesNoQuestion(t *testing.T) {
	r, h := hookedRig(t, 1, nil)
	h.answer(hooks{place: func(ctx context.Context, a broker.AccountID, k broker.Ticket) (broker.Ack, error) {
		_, err := r.paper.Place(ctx, a, k)
		require.NoError(t, err)
		require.NoError(t, r.engine.Sync(ctx), "a look meanwhile")
		return broker.Ack{}, broker.ErrOutcomeUnknown
	}})
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "101"), day("101"))
	require.ErrorIs(t, err, broker.ErrOutcomeUnknown)
	r.sync(t)
	require.Empty(t, r.held(t, 0))
	require.Empty(t, r.engine.Status().Accounts[0].Questions, "the order is filled")
	r.agree(t)
}
