package endtoend

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/pgstore"
)

func TestMain(m *testing.M) {
	if p, ok := planned(); ok {
		if err := p.trade(); err != nil {
			fmt.Fprintln(os.Stderr, p.Name, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	pgtest.Main(m)
}

// full reports whether the long form of the tests is asked for.
func full() bool { return os.Getenv("ACCOUNTS_FAULTS") == "full" }

// world is a gateway, a database, and profiles for the gateway's accounts.
type world struct {
	plan
	gateway *gatewaysim.Gateway
	ids     []string
}

// newWorld returns a world with two accounts.
func newWorld(t *testing.T) *world {
	w := &world{ids: []string{"DU1000001", "DU1000002"}}
	w.DSN = pgtest.Database(t)
	require.NoError(t, pgstore.Migrate(t.Context(), w.DSN))
	market, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{Realtime: true, AlwaysOpen: true, Liquidity: ledger.MustDecimal("3"), CommissionDelay: 20 * time.Millisecond})
	require.NoError(t, err)
	abc, err := market.Stock("ABC", ledger.MustDecimal("100"))
	require.NoError(t, err)
	require.NoError(t, market.Walk(gatewaysim.Walk{Seed: 1, Every: 20 * time.Millisecond, Volatility: 0.0001}, abc.ConID))
	c := gatewaysim.Config{Market: market, Pacing: gatewaysim.Pacing{Off: true}, Questions: gatewaysim.Precautions()}
	for _, id := range w.ids {
		c.Accounts = append(c.Accounts, gatewaysim.Account{ID: id, Cash: ledger.MustDecimal("1000000")})
	}
	w.gateway, err = gatewaysim.New(c)
	require.NoError(t, err)
	require.NoError(t, w.gateway.Start())
	t.Cleanup(func() { require.NoError(t, w.gateway.Close()) })
	w.URL, w.Fingerprint = w.gateway.URL(), w.gateway.Fingerprint()

	s, err := pgstore.Open(t.Context(), w.DSN)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	m, err := accounts.New(s)
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close()) }()
	for _, id := range w.ids {
		p := accounts.Optimal100K(id)
		p.Name, p.Limits = id, desktest.Loose()
		p, err := m.CreateProfile(t.Context(), p)
		require.NoError(t, err)
		w.Profiles = append(w.Profiles, p.ID)
		portfolio, err := m.Portfolio(t.Context(), p.ID)
		require.NoError(t, err)
		_, err = portfolio.Record(t.Context(), ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: ledger.MustDecimal("1000000"), Time: time.Now()})
		require.NoError(t, err)
	}
	return w
}

// process is one that trades.
type process struct {
	cmd   *exec.Cmd
	works chan bool // closed when the process works the login, or has ended
	ended chan struct{}
}

// start starts a process of the plan.
func (w *world) start(t *testing.T, name, step string, skip int) *process {
	p := w.plan
	p.Name, p.Step, p.Skip = name, step, skip
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), p.environment())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	x := &process{cmd: cmd, works: make(chan bool), ended: make(chan struct{})}
	go func() {
		defer close(x.ended)
		bufio.NewScanner(out).Scan()
		close(x.works)
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait() // it was killed
	}()
	t.Cleanup(func() { x.kill() })
	return x
}

// kill kills the process, and waits until it is gone.
func (x *process) kill() {
	_ = x.cmd.Process.Kill() // it may have killed itself
	<-x.ended
}

// during waits for the process to kill itself, or kills it after a while.
func (x *process) during(d time.Duration) (itself bool) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	select {
	case <-x.ended:
		return true
	case <-ctx.Done():
		x.kill()
		return false
	}
}

// check lets everything come to its end, and holds the books against the gateway's truth.
func (w *world) check(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	w.gateway.Market().EndDay()
	w.gateway.TellCommissions()
	p := w.plan
	p.Name, p.Leases = "last", false
	later := func() time.Time { return time.Now().Add(72 * time.Hour) } // orders for the day are over
	e, m, stop, err := p.engine(ctx, &death{}, later, time.Second)
	require.NoError(t, err)
	defer stop()
	for good := 0; good < 4; {
		if err = e.Sync(ctx); err == nil {
			good++
		}
		require.NoError(t, ctx.Err(), "the books do not come into step: %v; %+v", err, e.Status())
	}
	for n, id := range w.Profiles {
		portfolio, err := m.Portfolio(ctx, id)
		require.NoError(t, err)
		truth, err := w.gateway.Truth(w.ids[n])
		require.NoError(t, err)
		for ref, times := range truth.Placed {
			require.LessOrEqual(t, times, 1, "order %s was placed more than once", ref)
		}
		for ref, times := range truth.Requested {
			require.LessOrEqual(t, times, 1, "order %s was sent more than once", ref)
		}
		var ours, theirs []string
		for x, err := range portfolio.Trades(ctx, accounts.TradeFilter{}) {
			require.NoError(t, err)
			ours = append(ours, fmt.Sprint(x.Value.ExecID, " ", x.Value.Quantity, " at ", x.Value.Price, " cost ", x.Value.Commission, " ",
				broker.RefOf(id, x.Value.OrderID)))
		}
		for _, x := range truth.Executions {
			theirs = append(theirs, fmt.Sprint(x.ID, " ", x.Quantity, " at ", x.Price, " cost ", x.Commission, " ", x.Ref))
		}
		slices.Sort(ours)
		slices.Sort(theirs)
		require.Equal(t, theirs, ours, "executions of account %s", w.ids[n])
		cash := portfolio.Cash()["USD"]
		require.Equal(t, truth.Cash["USD"].String(), cash.Balance().String(), "cash of account %s", w.ids[n])
		for _, o := range portfolio.Snapshot().Risk.Orders {
			require.Empty(t, o.Ref, "order %s is held for nothing: %+v", o.ID, o)
		}
		require.NoError(t, portfolio.Verify(ctx))
		t.Logf("account %s: %d orders, %d executions, as the gateway has them", w.ids[n], len(truth.Placed), len(truth.Executions))
	}
}

// TestKilledAtEveryStep: a process is killed between any two steps of an order's life, and at random moments. At the
// end no order was sent twice, every execution is booked once, cash is the gateway's to the cent, and nothing is
// held.
func TestKilledAtEveryStep(t *testing.T) {
	each, random := 1, 6
	if full() {
		each, random = 5, 140
	}
	w := newWorld(t)
	hits := map[string]int{}
	for n := range each {
		for _, step := range steps {
			x := w.start(t, fmt.Sprint("s", n, "-", step[:2], len(step)), step, n)
			if <-x.works; x.during(30 * time.Second) {
				hits[step]++
			}
		}
	}
	for n := range random {
		x := w.start(t, fmt.Sprint("r", n), "", 0)
		<-x.works
		x.during(time.Duration(rand.Int64N(int64(300 * time.Millisecond))))
	}
	for _, step := range steps {
		require.Equal(t, each, hits[step], "processes that died at %q", step)
	}
	w.check(t)
}

// TestLeaseFailsOver: of two processes one works the login. When it is killed, the other takes over.
func TestLeaseFailsOver(t *testing.T) {
	times := 4
	if full() {
		times = 50
	}
	w := newWorld(t)
	w.Leases = true
	first := w.start(t, "p0", steps[0], 3)
	<-first.works
	for n := range times {
		second := w.start(t, fmt.Sprint("p", n+1), steps[(n+1)%len(steps)], 1)
		first.during(30 * time.Second)
		<-second.works
		first = second
	}
	first.kill()
	w.check(t)
}
