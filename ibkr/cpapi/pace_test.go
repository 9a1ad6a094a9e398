package cpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
)

// wire is a transport without a network, for tests in which time is not real.
type wire struct{ f *fake }

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	if strings.HasSuffix(r.URL.Path, "/ws") {
		return &http.Response{StatusCode: 503, Body: http.NoBody, Request: r}, nil
	}
	rec := httptest.NewRecorder()
	w.f.ServeHTTP(rec, r)
	res := rec.Result()
	res.Request = r
	return res, nil
}

// paced runs a test with the default limits, in time that is not real.
func paced(t *testing.T, test func(t *testing.T, f *fake, c *Client)) {
	synctest.Test(t, func(t *testing.T) {
		f := newDeafFake(t)
		c, err := Open(t.Context(), Config{Transport: wire{f}, Breaker: NewBreaker()})
		require.NoError(t, err)
		defer func() { require.NoError(t, c.Close()) }()
		require.True(t, c.Status().Usable(), "%+v", c.Status())
		test(t, f, c)
	})
}

// most returns the most requests of a kind in any span of a length.
func most(f *fake, span time.Duration, keep func(call) bool) (n int) {
	calls := f.asked(keep)
	for from := range calls {
		in := 0
		for _, c := range calls[from:] {
			if c.At.Sub(calls[from].At) < span {
				in++
			}
		}
		n = max(n, in)
	}
	return n
}

// Whatever is asked at once, no second has more than ten requests, and no endpoint that is paced by itself is
// asked twice in five seconds.
func TestRequestsArePaced(t *testing.T) {
	paced(t, func(t *testing.T, f *fake, c *Client) {
		var all sync.WaitGroup
		for n := range 8 {
			for _, id := range []broker.AccountID{mine, theirs} {
				all.Go(func() {
					for call, err := range reads(t.Context(), c, id) {
						require.NoError(t, err, call)
					}
					_, err := c.Place(t.Context(), id, limit(broker.Ref(fmt.Sprint(id, n)), "1", "90"))
					require.NoError(t, err)
				})
			}
		}
		all.Wait()
		require.Greater(t, len(f.asked(func(call) bool { return true })), 100)
		require.LessOrEqual(t, most(f, time.Second, func(call) bool { return true }), 10)
		for _, path := range []string{"/iserver/account/orders", "/iserver/account/trades", "/portfolio/accounts", "/portfolio/subaccounts"} {
			require.LessOrEqual(t, most(f, 5*time.Second, func(c call) bool { return c.Path == path }), 1, path)
		}
	})
}

// An order does not wait behind lists, and a cancellation not behind orders.
func TestPriorities(t *testing.T) {
	paced(t, func(t *testing.T, f *fake, c *Client) {
		_, err := c.Place(t.Context(), mine, limit("first", "1", "90")) // its contract is known from here on
		require.NoError(t, err)
		before := len(f.asked(func(call) bool { return true }))
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() {
				_, err := c.Cash(t.Context(), mine)
				require.NoError(t, err)
			})
		}
		synctest.Wait()
		for n := range 3 {
			all.Go(func() {
				_, err := c.Place(t.Context(), mine, limit(broker.Ref(fmt.Sprint(n)), "1", "90"))
				require.NoError(t, err)
			})
		}
		synctest.Wait()
		all.Go(func() { require.NoError(t, c.Cancel(t.Context(), mine, "first")) })
		all.Wait()
		var kinds []string
		for _, c := range f.asked(func(call) bool { return true })[before:] {
			if c.Method != http.MethodGet {
				kinds = append(kinds, c.Method)
			}
		}
		require.Len(t, kinds, 4)
		require.Equal(t, http.MethodDelete, kinds[1], "the order that was in the middle of its conversation went first: %v", kinds)
		last := f.asked(func(call) bool { return true })
		require.Equal(t, http.MethodGet, last[len(last)-1].Method, "orders waited behind lists")
		require.LessOrEqual(t, len(f.asked(func(c call) bool { return strings.HasSuffix(c.Path, "/ledger") && c.At.Before(lastOf(f, "DELETE").At) })), 4)
	})
}

func lastOf(f *fake, method string) call {
	list := f.asked(func(c call) bool { return c.Method == method })
	return list[len(list)-1]
}

// Public source: ibind#15: 429 after retries inside a client. It stops every login of the address for as long as
// IBKR locks the address out, and the session comes back by itself.
func TestReport26TooManyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := NewBreaker()
		f, g := newDeafFake(t), newDeafFake(t)
		a, err := Open(t.Context(), Config{Transport: wire{f}, Breaker: shared})
		require.NoError(t, err)
		defer func() { require.NoError(t, a.Close()) }()
		b, err := Open(t.Context(), Config{Transport: wire{g}, Breaker: shared})
		require.NoError(t, err)
		defer func() { require.NoError(t, b.Close()) }()
		f.on("GET /portfolio/{account}/ledger", always(429, ""))
		_, err = a.Cash(t.Context(), mine)
		require.ErrorIs(t, err, broker.ErrPaced)
		before := len(g.asked(func(call) bool { return true }))
		_, err = b.Cash(t.Context(), mine)
		require.ErrorIs(t, err, broker.ErrPaced)
		_, err = b.Place(t.Context(), mine, limit("r", "1", "90"))
		require.ErrorIs(t, err, broker.ErrPaced)
		require.NotErrorIs(t, err, broker.ErrOutcomeUnknown, "nothing was asked")
		time.Sleep(lockout - time.Minute) // of the bubble's clock
		require.Len(t, g.asked(func(call) bool { return true }), before, "requests while the address was locked out")
		require.False(t, b.Status().Usable(), "signs of life could not be given")
		f.on("GET /portfolio/{account}/ledger", always(200, recorded(t, "Portfolio-GET-portfolio-ledger")))
		time.Sleep(5 * time.Minute)
		require.True(t, a.Status().Usable() && b.Status().Usable(), "%+v %+v", a.Status(), b.Status())
		_, err = a.Cash(t.Context(), mine)
		require.NoError(t, err)
	})
}

// A session is given a sign of life every minute, for days.
func TestSignsOfLifeForDays(t *testing.T) {
	paced(t, func(t *testing.T, f *fake, c *Client) {
		time.Sleep(48 * time.Hour) // of the bubble's clock
		n := f.count("POST /tickle")
		require.InDelta(t, 48*60, n, 5, "signs of life")
		require.Zero(t, f.count(initPath))
	})
}

// Attempts to connect grow apart: a gateway that is down for a day is not flooded, and comes back in a moment.
func TestAttemptsGrowApart(t *testing.T) {
	paced(t, func(t *testing.T, f *fake, c *Client) {
		f.on("POST /tickle", always(503, "<html>"))
		from := f.count("POST /tickle")
		time.Sleep(24 * time.Hour)
		require.Equal(t, broker.SessionDisconnected, c.Status().Session)
		require.InDelta(t, 24*60, f.count("POST /tickle")-from, 24*40, "attempts in a day")
		f.on("POST /tickle", always(200, recorded(t, "Session-POST-tickle")))
		time.Sleep(2 * time.Minute)
		require.True(t, c.Status().Usable())
	})
}

// Calls that find the session lost cannot hurry attempts, whatever the session says of itself.
func TestFlappingSessionIsBounded(t *testing.T) {
	paced(t, func(t *testing.T, f *fake, c *Client) {
		f.on("GET /portfolio/{account}/ledger", always(400, `{"error":"no bridge"}`))
		end := time.Now().Add(time.Hour)
		for time.Now().Before(end) {
			_, _ = c.Cash(t.Context(), mine)
			time.Sleep(100 * time.Millisecond)
		}
		require.Less(t, f.count(initPath), 200, "new sessions in an hour")
		require.Greater(t, f.count(initPath), 10, "new sessions in an hour")
	})
}

// A call waits for its turn no longer than its context.
func TestWaitingEndsWithTheContext(t *testing.T) {
	paced(t, func(t *testing.T, f *fake, c *Client) {
		_, err := c.Orders(t.Context(), mine)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = c.Orders(ctx, mine)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = c.Orders(t.Context(), mine)
		require.NoError(t, err, "the turn of the one that left was kept")
	})
}

// Who waits for the turnstile of orders leaves with his context, and the others go on by priority.
func TestTurnstile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gate turnstile
		require.NoError(t, gate.lock(t.Context(), prioOrder))
		ended, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		var order []priority
		var mu sync.Mutex
		all.Go(func() { require.ErrorIs(t, gate.lock(ended, prioSession), context.Canceled) })
		for _, p := range []priority{prioRest, prioOrder, prioCancel, prioExecutions, prioReply} {
			all.Go(func() {
				require.NoError(t, gate.lock(t.Context(), p))
				mu.Lock()
				order = append(order, p)
				mu.Unlock()
				gate.unlock()
			})
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		gate.unlock()
		all.Wait()
		require.Equal(t, []priority{prioReply, prioCancel, prioOrder, prioExecutions, prioRest}, order)
		require.ErrorIs(t, gate.lock(ended, prioRest), context.Canceled)
		require.NoError(t, gate.lock(t.Context(), prioRest), "nobody holds the turnstile")
	})
}
