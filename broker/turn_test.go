package broker_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// slow is a session whose list of orders takes as long as IBKR's pacing makes it take.
type slow struct {
	broker.Broker
	mu    sync.Mutex
	asks  int
	most  int                // that asked at once
	looks []broker.AccountID // in the order in which they began
}

const slowly = 11 * time.Second

func (s *slow) Close() error { return nil }

func (s *slow) Orders(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Order], error) {
	s.mu.Lock()
	s.asks++
	s.most = max(s.most, s.asks)
	s.looks = append(s.looks, a)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asks--
	}()
	select {
	case <-time.After(slowly): // of the bubble's clock
	case <-ctx.Done():
		return broker.Answer[broker.Order]{}, ctx.Err()
	}
	return s.Broker.Orders(ctx, a)
}

// Watch gives no hint of quotes.
func (s *slow) Watch(ctx context.Context) (<-chan broker.Event, error) {
	from, err := s.Broker.Watch(ctx)
	to := make(chan broker.Event)
	go func() {
		defer close(to)
		for event := range from {
			if event.Kind == broker.EventQuotes {
				continue
			}
			select {
			case to <- event:
			case <-ctx.Done():
				return
			}
		}
	}()
	return to, err
}

// after returns the looks that began after the first n.
func (s *slow) after(n int) []broker.AccountID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]broker.AccountID{}, s.looks[n:]...)
}

// slowRig is a rig in step whose lists of orders are slow.
func slowRig(t *testing.T, n int) (*rig, *slow) {
	r := newBareRig(t, n)
	s := &slow{Broker: r.paper}
	r.engine = r.start(t, r.manager, func(c *broker.Config) {
		c.Poll = 0 // the default
		c.Connect = func(context.Context) (broker.Broker, error) { return s, nil }
	})
	synctest.Wait() // the engine works the login
	require.NoError(t, r.engine.Sync(t.Context()), "every look has its own time, however many there are")
	return r, s
}

func (r *rig) submit(t *testing.T, n int, id string) {
	t.Helper()
	_, err := r.engine.Submit(t.Context(), r.ids[n], order(ledger.OrderID(id), "1", "101"), day("101"))
	require.NoError(t, err, "order %s", id)
}

// However many accounts a slow login has, every look comes to its end, and no account falls out of step.
func TestLooksTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := slowRig(t, 12)
		time.Sleep(10 * time.Minute) // of the bubble
		for _, a := range r.engine.Status().Accounts {
			require.True(t, a.Ready, "account %s: %s", a.Account, a.Reason)
			require.Contains(t, s.after(24), a.Account, "the account was not polled")
		}
		require.NotContains(t, r.kinds(""), broker.NoticeNotReady, "an account fell out of step")
		require.Equal(t, 1, s.most, "looks at once")
	})
}

// The account to which something has happened is looked at before those whose time has come: next, or, if it was
// being looked at, after one other.
func TestHintedLooksGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := slowRig(t, 6)
		for n := range r.ids {
			time.Sleep(2 * time.Minute) // the polls go round
			before := len(s.after(0))
			r.submit(t, n, "a")
			time.Sleep(2 * slowly)
			require.Contains(t, s.after(before)[:2], broker.AccountID(r.portfolio(t, n).IBKRAccountID()), "who was looked at next")
			time.Sleep(slowly)
			require.Empty(t, r.held(t, n), "the fill is booked")
		}
	})
}

// Accounts to which much happens keep nobody from the others.
func TestHintsLeaveRoomForPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := slowRig(t, 6)
		before := len(s.after(0))
		for n := range 360 { // half an hour
			r.submit(t, n%2, fmt.Sprint("o", n))
			time.Sleep(5 * time.Second)
		}
		times := map[broker.AccountID]int{}
		for _, a := range s.after(before) {
			times[a]++
		}
		for n := range r.ids {
			require.Greater(t, times[broker.AccountID(r.portfolio(t, n).IBKRAccountID())], 3, "looks of account %d: %v", n, times)
		}
	})
}

// The kill switch cancels what was sent before anybody is looked at: the last of many accounts would be looked at
// minutes later.
func TestAHaltCancelsBeforeLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := slowRig(t, 12)
		for n := range r.ids {
			_, err := r.engine.Submit(t.Context(), r.ids[n], order("a", "1", "90"), day("90"))
			require.NoError(t, err)
		}
		synctest.Wait()
		before := len(s.after(0))
		ctx, cancel := context.WithTimeout(t.Context(), slowly/2)
		defer cancel()
		_, err := r.engine.Halt(ctx, "stop")
		require.NoError(t, err)
		require.Empty(t, s.after(before), "looks before the orders were cancelled")
		for n := range r.ids {
			orders, err := r.paper.Orders(t.Context(), broker.AccountID(r.portfolio(t, n).IBKRAccountID()))
			require.NoError(t, err)
			for _, o := range orders.List {
				require.True(t, o.Status.Terminal(), "order of account %d works after the kill switch: %+v", n, o)
			}
		}
	})
}

// Where many accounts wait to be looked at, marks stay as fresh as the polls would keep them.
func TestMarksStayFreshInTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := slowRig(t, 40)
		for n := range r.ids {
			require.NoError(t, r.engine.Follow(r.ids[n], stock))
		}
		for minute := range 10 {
			r.Advance(time.Minute)
			require.NoError(t, r.paper.Price(stock, dec("100")))
			time.Sleep(time.Minute) // of the bubble: more than a poll, and less than a round of looks
			for n := range r.ids {
				d := r.portfolio(t, n).Check(order("a", "1", "101"))
				require.True(t, d.Allowed, "account %d after %d minutes: %s", n, minute, d)
			}
		}
	})
}

// The kill switch waits for nobody but the look that is under way.
func TestAHaltGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := slowRig(t, 6)
		for n := range 5 {
			r.submit(t, n, "a")
		}
		synctest.Wait()
		before := len(s.after(0))
		report, err := r.engine.Halt(t.Context(), "stop", r.ids[5])
		require.NoError(t, err)
		require.NoError(t, report[0].Problem)
		require.Equal(t, broker.AccountID(r.portfolio(t, 5).IBKRAccountID()), s.after(before)[0], "who was looked at next")
	})
}

// So is an account that another process has halted, while an order of it works.
func TestAHaltByAnotherProcessGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := slowRig(t, 6)
		_, err := r.engine.Submit(t.Context(), r.ids[5], order("works", "1", "90"), day("90"))
		require.NoError(t, err)
		require.NoError(t, r.engine.Sync(t.Context()))
		other, err := r.newManager(t).Portfolio(t.Context(), r.ids[5])
		require.NoError(t, err)
		for n := range 5 {
			r.submit(t, n, "a")
		}
		synctest.Wait()
		before := len(s.after(0))
		require.NoError(t, other.Halt(t.Context(), "stop"))
		time.Sleep(3 * slowly)
		require.Contains(t, s.after(before)[:2], broker.AccountID(r.portfolio(t, 5).IBKRAccountID()),
			"who was looked at next, or after one other if it was being looked at")
	})
}

// A look does not wait for long because quotes are awaited.
func TestALookDoesNotWaitForQuotes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBareRig(t, 2)
		h := &hooked{Broker: r.paper}
		s := &slow{Broker: h}
		r.engine = r.start(t, r.manager, func(c *broker.Config) {
			c.Connect = func(context.Context) (broker.Broker, error) { return s, nil }
		})
		synctest.Wait()
		require.NoError(t, r.engine.Sync(t.Context()))
		waits := make(chan struct{}, 1)
		h.answer(hooks{quotes: func(ctx context.Context, _ []ledger.Instrument) ([]broker.Quote, error) {
			select {
			case waits <- struct{}{}:
			default:
			}
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		first := make(chan error, 2)
		go func() { first <- r.engine.Sync(t.Context(), r.ids[0]) }()
		synctest.Wait()
		require.NoError(t, r.engine.Follow(r.ids[1], stock)) // quotes, while the other account is looked at
		begun, before := time.Now(), len(s.after(0))
		go func() { first <- r.engine.Sync(t.Context(), r.ids[1]) }()
		time.Sleep(2 * slowly)
		require.Len(t, waits, 1, "no quotes were asked for")
		require.Contains(t, s.after(before), broker.AccountID(r.portfolio(t, 1).IBKRAccountID()), "looks within %s", time.Since(begun))
		h.answer(hooks{})
		<-first
		<-first
	})
}
