package cpapi_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/ledger"
)

var soaked = ledger.NewStock("ABC", "USD")

// calls are what a trader does, as often as it is listed. Orders are few: the list of a day's orders, which is
// asked for again and again, would take most of the time.
var calls = []string{"orders", "orders", "executions", "executions", "positions", "positions", "cash", "cash", "quotes", "quotes", "quotes", "quotes",
	"place", "cancel"}

// trade trades in an account until a time: as fast as it may in the first minutes of an hour, and now and then
// otherwise.
func (l *soakLogin) trade(ctx context.Context, id broker.AccountID, random *rand.Rand, day int, end time.Time) {
	works, done := broker.Ref(""), map[string]int{}
	for n := 0; time.Now().Before(end); n++ {
		if time.Now().Minute() >= 3 {
			time.Sleep(time.Duration(random.IntN(120)) * time.Second) // of the bubble's clock
		}
		asking, cancel := context.WithTimeout(ctx, 2*time.Minute)
		var err error
		what := calls[random.IntN(len(calls))]
		switch what {
		case "orders":
			_, err = l.c.Orders(asking, id)
		case "executions":
			_, err = l.c.Executions(asking, id, time.Now().Add(-time.Hour))
		case "positions":
			_, err = l.c.Positions(asking, id)
		case "cash":
			_, err = l.c.Cash(asking, id)
		case "quotes":
			_, err = l.c.Quotes(asking, []ledger.Instrument{soaked})
		case "place":
			works = broker.Ref(fmt.Sprintf("%s-%d-%d", id, day, n))
			order := ticket(works, soaked, []string{"1", "-1"}[random.IntN(2)], []string{"99", "101", "103"}[random.IntN(3)])
			order.Terms.OutsideHours = true
			_, err = l.c.Place(asking, id, order)
		case "cancel":
			err = l.c.Cancel(asking, id, works)
		}
		cancel()
		if err == nil {
			done[what]++
			continue
		}
		known := slices.ContainsFunc(passing, func(p error) bool { return errors.Is(err, p) })
		require.True(l.t, known, "%s of %s at %s: %v", what, id, time.Now(), err)
		time.Sleep(time.Second)
	}
	for _, what := range []string{"orders", "executions", "positions", "cash", "quotes", "place"} {
		require.Greater(l.t, done[what], 2, "%s of %s", what, id)
	}
}

// settled asks until an answer is complete, a few times at most.
func settled[T any](l *soakLogin, what string, ask func() (broker.Answer[T], error)) []T {
	for range 5 {
		a, err := ask()
		require.NoError(l.t, err, what)
		if a.Complete {
			return a.List
		}
	}
	require.Fail(l.t, "no answer is complete", what)
	return nil
}

// compare compares what the client says of an account with what is so.
func (l *soakLogin) compare(ctx context.Context, id broker.AccountID) {
	truth, err := l.g.Truth(string(id))
	require.NoError(l.t, err)
	for ref, n := range truth.Placed {
		require.Equal(l.t, 1, n, "order %s came to be more than once", ref)
	}
	said, is := map[string]string{}, map[string]string{}
	for _, p := range settled(l, "positions", func() (broker.Answer[broker.Position], error) { return l.c.Positions(ctx, id) }) {
		if !p.Quantity.IsZero() {
			said[fmt.Sprint("position ", p.Instrument.ConID)] = p.Quantity.String()
		}
	}
	for _, p := range truth.Positions {
		is[fmt.Sprint("position ", p.Contract.ConID)] = p.Quantity.String()
	}
	for _, b := range settled(l, "cash", func() (broker.Answer[broker.Balance], error) { return l.c.Cash(ctx, id) }) {
		said[fmt.Sprint("cash ", b.Currency)] = b.Cash.String()
	}
	for currency, cash := range truth.Cash {
		is[fmt.Sprint("cash ", currency)] = cash.String()
	}
	for _, o := range settled(l, "orders", func() (broker.Answer[broker.Order], error) { return l.c.Orders(ctx, id) }) {
		if !o.Status.Terminal() {
			said["order "+o.BrokerID] = fmt.Sprint(o.Ref, o.Quantity, o.Filled)
		}
	}
	for _, o := range truth.Orders {
		if !o.Status.Terminal() {
			is[fmt.Sprint("order ", o.ID)] = fmt.Sprint(o.Ref, o.Quantity, o.Filled)
		}
	}
	l.compareExecutions(ctx, id, &truth, said, is)
	require.Equal(l.t, is, said, "account %s at %s", id, time.Now())
	quotes, err := l.c.Quotes(ctx, []ledger.Instrument{soaked})
	require.NoError(l.t, err)
	require.Len(l.t, quotes, 1)
	q, _ := l.market.QuoteOf(l.abc.ConID)
	require.Equal(l.t, fmt.Sprint(q.Bid, q.Ask, q.Last), fmt.Sprint(quotes[0].Bid, quotes[0].Ask, quotes[0].Last), "quote")
}

// compareExecutions adds what the client says of the executions of the day, and what is so.
func (l *soakLogin) compareExecutions(ctx context.Context, id broker.AccountID, truth *gatewaysim.Truth, said, is map[string]string) {
	since := time.Now().Add(-l.length).Truncate(time.Second)
	for _, e := range settled(l, "executions", func() (broker.Answer[broker.Execution], error) {
		e, err := l.c.Executions(ctx, id, since)
		return e.Answer, err
	}) {
		said["execution "+string(e.Trade.ExecID)] = fmt.Sprint(e.Ref, e.Trade.Quantity, e.Trade.Price, e.Trade.Commission, e.Trade.CommissionPending)
	}
	for _, e := range truth.Executions {
		if !e.Time.Truncate(time.Second).Before(since) {
			is["execution "+e.ID] = fmt.Sprint(e.Ref, e.Quantity, e.Price, e.Commission, !e.Told)
		}
	}
}

// usage is what the process needs at the end of a day, and what was done until then.
type usage struct {
	goroutines                                      int
	heap                                            uint64
	requests, sockets, sessions, orders, executions int
}

func (u usage) String() string {
	return fmt.Sprintf("%d goroutines, %.1f MiB, %d requests, %d websockets, %d sessions, %d orders, %d executions", u.goroutines, float64(u.heap)/(1<<20),
		u.requests, u.sockets, u.sessions, u.orders, u.executions)
}

func (s *soak) usage() usage {
	var u usage
	for _, l := range s.logins {
		require.Zero(s.t, l.g.Excesses(), "requests that came too fast")
		require.Zero(s.t, l.g.WhileLocked())
		for route, n := range l.g.Counts() {
			u.requests += n
			switch route {
			case gatewaysim.RouteSocket:
				u.sockets += n
			case gatewaysim.RouteInit:
				u.sessions += n
			}
		}
		for _, id := range l.ids {
			truth, err := l.g.Truth(string(id))
			require.NoError(s.t, err)
			u.orders += len(truth.Orders)
			u.executions += len(truth.Executions)
		}
	}
	u.goroutines = runtime.NumGoroutine()
	for range 120 { // until no connection waits for the next sign of life
		time.Sleep(time.Second) // of the bubble's clock
		synctest.Wait()
		u.goroutines = min(u.goroutines, runtime.NumGoroutine())
	}
	runtime.GC()
	runtime.GC() // what finalizers let go of
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.heap = m.HeapAlloc
	return u
}

// end checks that what was scripted has happened to every login.
func (s *soak) end(days int) {
	for _, l := range s.logins {
		counts := l.g.Counts()
		ends := 3 * days // of sessions, by a reset, by another program, and by themselves
		if s.length == wholeDay {
			ends += days // by maintenance
		}
		require.GreaterOrEqual(s.t, counts[gatewaysim.RouteInit], ends, "new sessions")
		require.GreaterOrEqual(s.t, int(l.came.Load()), 1+ends+days, "how often the session came back; a login that expired ends it too")
		require.GreaterOrEqual(s.t, int(l.competed.Load()), days, "competing sessions")
		require.GreaterOrEqual(s.t, int(l.expired.Load()), days, "logins that expired")
		require.GreaterOrEqual(s.t, counts[gatewaysim.RouteSocket], 1+ends+days+2*days, "websockets; they broke and fell silent besides")
		require.Less(s.t, counts[gatewaysim.RouteInit], 20*ends, "sessions were asked for in a loop")
	}
}

// stacks returns what the goroutines do, without their arguments.
func stacks() string {
	buffer := make([]byte, 1<<20)
	count := map[string]int{}
	for _, g := range strings.Split(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
		_, at, _ := strings.Cut(g, "\n")
		count[at]++
	}
	return strings.Join(slices.Sorted(maps.Keys(count)), "\n\n")
}
