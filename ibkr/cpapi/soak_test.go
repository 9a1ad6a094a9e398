package cpapi_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ibkr/cpapi"
	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

func ticket(ref broker.Ref, contract ledger.Instrument, quantity, price string) broker.Ticket {
	return broker.Ticket{Ref: ref, Order: risk.Order{ID: ledger.OrderID(ref), Instrument: contract, Quantity: dec(quantity), Price: dec(price)},
		Terms: broker.Terms{Type: broker.LimitOrder, Limit: dec(price), TIF: broker.Day}}
}

// passing are the errors that a day has without anybody's fault: sessions end, and logins too.
var passing = []error{broker.ErrNotConnected, broker.ErrCompeting, broker.ErrLoginNeeded, broker.ErrOutcomeUnknown, broker.ErrOrderNotFound,
	context.DeadlineExceeded}

// soak is two logins of three accounts each that trade in one market, in time that is not real.
type soak struct {
	t      *testing.T
	market *gatewaysim.Market
	abc    gatewaysim.Contract
	logins []*soakLogin
	length time.Duration // of a day
}

type soakLogin struct {
	*soak
	n      int
	g      *gatewaysim.Gateway
	c      *cpapi.Client
	ids    []broker.AccountID
	random *rand.Rand // of the script

	came, competed, expired atomic.Int64 // how often the session came to be usable, competing, and in want of a login
}

// Two logins with six accounts trade, as fast as they may for a part of every hour, through nightly resets,
// maintenance, logins that expire, competing sessions, sessions that die, and websockets that break or fall silent.
// IBKR's pacing is never exceeded, every session comes back, and in the end of every day what the clients say is
// what the gateways have. Memory and goroutines do not grow. $ACCOUNTS_GATEWAY_SOAK is for how many days, of which
// the first is a Monday. Without it, there is one evening, from before the market closes until after the reset.
func TestSoak(t *testing.T) {
	days, start, length, begun := 1, evening, 4*time.Hour+45*time.Minute, time.Now()
	if text := os.Getenv("ACCOUNTS_GATEWAY_SOAK"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err, "$ACCOUNTS_GATEWAY_SOAK")
		days, start, length = n, monday, wholeDay
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSoak(t, start, length)
		var first usage
		for day := range days {
			s.day(day)
			now := s.usage()
			if day == 0 {
				first = now
			}
			t.Logf("day %d: %s", day+1, now)
			require.Equal(t, first.goroutines, now.goroutines, "goroutines at the end of day %d:\n%s", day+1, stacks())
			require.LessOrEqual(t, now.heap, first.heap*3/2+16<<20, "bytes in use at the end of day %d, and %d after the first", day+1, first.heap)
		}
		s.end(days)
	})
	t.Logf("%d days of %s took %s", days, length, time.Since(begun).Round(time.Second))
}

const wholeDay = 24 * time.Hour

// When a soak begins, from the beginning of a bubble's clock, which is midnight in UTC on a Saturday.
const (
	monday  = 52*time.Hour + 30*time.Minute // Sunday at 23:30 in New York
	evening = 72*time.Hour + 30*time.Minute // Monday at 19:30
)

func newSoak(t *testing.T, start, length time.Duration) *soak {
	time.Sleep(start) // of the bubble's clock
	s := &soak{t: t, length: length}
	var err error
	s.market, err = gatewaysim.NewMarket(gatewaysim.MarketConfig{Realtime: true, CommissionDelay: 3 * time.Second})
	require.NoError(t, err)
	s.abc, err = s.market.Stock("ABC", dec("100"))
	require.NoError(t, err)
	address, breaker := &gatewaysim.Address{}, cpapi.NewBreaker()
	for n := range 2 {
		l := &soakLogin{soak: s, n: n, random: rand.New(rand.NewPCG(1, uint64(n)))}
		config := gatewaysim.Config{Market: s.market, Address: address, LogSize: 100, Questions: []gatewaysim.Question{{ID: "o354"}}}
		for a := range 3 {
			l.ids = append(l.ids, broker.AccountID(fmt.Sprintf("DU10000%d%d", n, a)))
			config.Accounts = append(config.Accounts, gatewaysim.Account{ID: string(l.ids[a]), Cash: dec("1000000")})
		}
		l.g, err = gatewaysim.New(config)
		require.NoError(t, err)
		transport, end := serve(l.g)
		l.c, err = cpapi.Open(t.Context(), cpapi.Config{URL: fmt.Sprintf("https://login%d/v1/api", n), Transport: transport, Breaker: breaker})
		require.NoError(t, err)
		events, err := l.c.Watch(t.Context())
		require.NoError(t, err)
		var counting sync.WaitGroup
		counting.Go(func() { l.count(events) })
		t.Cleanup(func() {
			require.NoError(t, l.c.Close())
			counting.Wait()
			end()
			require.NoError(t, l.g.Close())
		})
		s.logins = append(s.logins, l)
	}
	return s
}

// count counts what becomes of the session.
func (l *soakLogin) count(events <-chan broker.Event) {
	last := broker.Status{}
	for range events {
		now := l.c.Status()
		if now.Session == last.Session && now.Since.Equal(last.Since) {
			continue
		}
		switch last = now; now.Session {
		case broker.SessionUsable:
			l.came.Add(1)
		case broker.SessionCompeting:
			l.competed.Add(1)
		case broker.SessionLoginNeeded:
			l.expired.Add(1)
		}
	}
}

// day trades for a day, and compares what the clients say with what is so in the end.
func (s *soak) day(day int) {
	end, ctx := time.Now().Add(s.length), s.t.Context()
	var traders, tape sync.WaitGroup
	done := make(chan struct{})
	tape.Go(func() { s.tape(done) })
	for _, l := range s.logins {
		traders.Go(func() { l.script(ctx) })
		for n, id := range l.ids {
			traders.Go(func() { l.trade(ctx, id, rand.New(rand.NewPCG(uint64(day), uint64(3*l.n+n))), day, end) })
		}
	}
	traders.Wait()
	close(done)
	tape.Wait()
	time.Sleep(5 * time.Minute) // of the bubble's clock: connections that are not used close
	for _, l := range s.logins {
		l.await(ctx, broker.SessionUsable)
		for _, id := range l.ids {
			l.compare(ctx, id)
		}
	}
	time.Sleep(time.Until(end.Add(10 * time.Minute)))
}

// tape moves the price, and what is due in the market.
func (s *soak) tape(done <-chan struct{}) {
	tick, n := time.NewTicker(10*time.Second), 0
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		s.market.Now()
		if n++; n%3 == 0 {
			price := dec("100").Add(ledger.MustDecimal(strconv.Itoa(n * 7 % 5)))
			require.NoError(s.t, s.market.SetQuote(s.abc.ConID, gatewaysim.Quote{Bid: price, Ask: price.Add(dec("0.5")), Last: price}))
		}
	}
}

// scripted is what goes wrong with every login on every day.
const scripted = 5

// script makes go wrong what does, besides the nightly reset and the maintenance.
func (l *soakLogin) script(ctx context.Context) {
	const short = 5 * time.Minute
	pause := l.length/(scripted+1) - short
	inject := func(kind gatewaysim.FaultKind, times int) *gatewaysim.Injection {
		f, err := l.g.Inject(gatewaysim.Fault{Kind: kind, Times: times})
		require.NoError(l.t, err)
		return f
	}
	for _, wrong := range []func(){
		func() {
			l.g.ExpireLogin()
			l.await(ctx, broker.SessionLoginNeeded)
			time.Sleep(short)
			l.g.LogIn()
		},
		func() {
			l.g.Compete()
			l.await(ctx, broker.SessionCompeting)
			time.Sleep(short)
			l.g.EndCompeting()
		},
		func() { l.g.KillSession() },
		func() { inject(gatewaysim.SocketDrops, 1) },
		func() {
			f := inject(gatewaysim.SocketSilent, gatewaysim.Always)
			time.Sleep(short)
			f.Cancel()
		},
	} {
		time.Sleep(pause)
		wrong()
		time.Sleep(time.Second) // the client may not have heard of it
		l.await(ctx, broker.SessionUsable)
	}
}

// await waits until the session has a state.
func (l *soakLogin) await(ctx context.Context, state broker.SessionState) {
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	events, err := l.c.Watch(ctx)
	require.NoError(l.t, err)
	for l.c.Status().Session != state {
		_, open := <-events
		require.True(l.t, open, "login %d is not %s after an hour: %+v", l.n, state, l.c.Status())
	}
}
