package endtoend

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ibkr/cpapi"
	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// pipes is a network in memory: what dials is accepted. It works in a bubble, where time is not real.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestPacedLatency runs a login at IBKR's pacing, with the engine's and the client's defaults, in simulated time.
// Every account comes to be in step, and stays so while there are orders; no request comes too fast; and the kill
// switch ends every order. It tells how long things take; $ACCOUNTS_LATENCY=full takes more samples.
func TestPacedLatency(t *testing.T) {
	for _, n := range []int{4, 32} {
		t.Run(fmt.Sprint("accounts=", n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { pacedLatency(t, n) })
		})
	}
}

func pacedLatency(t *testing.T, n int) {
	p, g, network := newProbe(), newGateway(t, n, gatewaysim.Pacing{}), newPipes()
	server := &http.Server{Handler: timedHandler{g, p}}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(network) })
	defer serving.Wait()
	defer func() { require.NoError(t, server.Close()) }()
	defer func() { require.NoError(t, g.Close()) }()
	transport := &http.Transport{DialTLSContext: network.dial, MaxIdleConnsPerHost: 4}
	defer transport.CloseIdleConnections()
	store := memstore.New()
	defer func() { require.NoError(t, store.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Hour)
	defer cancel()
	d := newDesk(ctx, t, p, n, store, g, 0, cpapi.Config{URL: "https://login/v1/api", Transport: timedTransport{transport, p},
		Breaker: cpapi.NewBreaker(), Reset: func(time.Time) time.Time { return time.Time{} }})
	defer d.close(t)
	began := time.Now()
	<-d.inStep
	t.Logf("%d accounts are in step after %s", n, time.Since(began))
	rounds, alone, signal, halt := 1, study{}, study{}, study{}
	if os.Getenv("ACCOUNTS_LATENCY") == "full" {
		rounds = 25
	}
	random := rand.New(rand.NewPCG(1, 1))
	pass := func(d time.Duration) { time.Sleep(d + time.Duration(random.Int64N(int64(time.Minute)))) } // of the bubble
	for range rounds {
		for account := range 4 {
			pass(time.Minute)
			o := d.next()
			number, m := d.send(ctx, t, account, o)
			alone.order(m)
			pass(time.Minute)
			d.fill(t, account, number, o)
			alone.fill(d.await(ctx, t, account)[0])
		}
		pass(5 * time.Minute)
		d.signal(ctx, t, signal)
	}
	require.Empty(t, d.fallen(), "accounts fell out of step")
	pass(5 * time.Minute)
	d.halt(ctx, t, halt)
	require.Zero(t, g.Excesses(), "requests that came too fast")
	alone.log(t, "one account trades:")
	signal.log(t, "all accounts trade:")
	halt.log(t, "kill switch:")
}

// signal sends an order in every account at once, and fills all of them at once.
func (d *desk) signal(ctx context.Context, t testing.TB, s study) {
	type sent struct {
		number int64
		order  risk.Order
		way    moments
	}
	list, all := make([]sent, len(d.ids)), make([]int, len(d.ids))
	var group sync.WaitGroup
	for account := range d.ids {
		all[account], list[account].order = account, d.next()
		group.Go(func() {
			x := &list[account]
			x.number, x.way = d.send(ctx, t, account, x.order)
		})
	}
	group.Wait()
	for account, x := range list {
		s.order(x.way)
		d.fill(t, account, x.number, x.order)
	}
	for _, m := range d.await(ctx, t, all...) {
		s.fill(m)
	}
}

// halt has an order work in every account, and halts all.
func (d *desk) halt(ctx context.Context, t testing.TB, s study) {
	for account := range d.ids {
		d.send(ctx, t, account, d.next())
	}
	for _, id := range d.ids {
		d.begin(id, halting)
	}
	report, err := d.engine.Halt(ctx, "the end")
	require.NoError(t, err)
	for n, h := range report {
		require.NoError(t, h.Problem)
		require.Empty(t, h.Working, "orders that work after the kill switch")
		m := d.end(d.ids[n], halted, time.Now())
		s.add("cancel", m.span(halting, cancelling))
		s.add("report", m.span(halting, halted))
	}
}

// log tells the median and the 99th percentile of every kind.
func (s study) log(t *testing.T, what string) {
	for _, name := range slices.Sorted(maps.Keys(s)) {
		median, most := s[name].at(0.5), s[name].at(0.99)
		if most > 0 && !strings.HasSuffix(name, "-library") { // all else takes no simulated time; the client's waiting is no work
			t.Logf("%-19s %-15s median %7.2f s   p99 %7.2f s   of %d", what, name, median.Seconds(), most.Seconds(), len(s[name]))
		}
	}
}
