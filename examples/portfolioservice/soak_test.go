package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ibkr/cpapi"
	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/pgstore"
)

// childEnv has the arguments of a service in a process of its own, one a line.
const childEnv = "ACCOUNTS_SERVICE_CHILD"

// child is a service in a process of its own. It ends with whoever started it.
func child() {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	o, err := parse(strings.Split(os.Getenv(childEnv), "\n"), os.Stderr)
	if err == nil {
		o.gateway.Limits = wide
		err = serve(ctx, o, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// seat is a place for a process of the service, in which one after another runs.
type seat struct {
	args  []string
	url   atomic.Pointer[string] // of the newest process
	cmd   *exec.Cmd
	stdin io.Closer
	log   *lines
}

// start starts a process, and waits until it listens.
func (s *seat) start(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+strings.Join(s.args, "\n"))
	s.log = &lines{}
	cmd.Stderr = s.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd = cmd
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the service does not start: %w: %s", err, s.log)
	}
	url := strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	s.url.Store(&url)
	return nil
}

// kill kills the process, and waits until it is gone.
func (s *seat) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it was killed
}

// finish stops the process in order.
func (s *seat) finish() error {
	if err := s.stdin.Close(); err != nil {
		return err
	}
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, s.log)
	}
	return nil
}

// soak is a database, a gateway, and two processes that serve its accounts.
type soak struct {
	t        *testing.T
	dsn      string
	gateway  *gatewaysim.Gateway
	accounts []string
	profiles []accounts.ProfileID
	seats    [2]*seat
	retries  atomic.Int64
	mu       sync.Mutex
	placed   map[accounts.ProfileID][]ledger.OrderID // orders of which a client was told that they were placed
}

// TestSoak: clients place orders over HTTP, at whichever of two processes answers, again and again under the same
// key until one of them says that the order is placed. The processes are killed and started again meanwhile. At
// the end every order is in its journal once and was sent to the gateway once at most, and every book is the
// gateway's account. ACCOUNTS_SERVICE_SOAK says for how long.
func TestSoak(t *testing.T) {
	length := 6 * time.Second
	if text := os.Getenv("ACCOUNTS_SERVICE_SOAK"); text != "" {
		var err error
		length, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	s := newSoak(t)
	var clients sync.WaitGroup
	defer clients.Wait()
	trading, over := context.WithTimeout(t.Context(), length)
	defer over()
	settling, stop := context.WithTimeout(t.Context(), length+2*time.Minute)
	defer stop()
	for n := range 4 {
		clients.Go(func() { s.trade(trading, settling, n) })
	}
	kills := 0
	for trading.Err() == nil {
		at := s.seats[rand.IntN(2)]
		pause(trading, time.Duration(rand.Int64N(int64(1500*time.Millisecond))))
		at.kill()
		kills++
		pause(trading, time.Duration(rand.Int64N(int64(300*time.Millisecond))))
		require.NoError(t, at.start(t.Context()))
	}
	clients.Wait()
	require.NoError(t, settling.Err(), "an order was not placed in time")
	for _, at := range s.seats {
		require.NoError(t, at.finish(), "a process that is stopped in order")
	}
	s.check()
	t.Logf("%d kills, %d requests sent again", kills, s.retries.Load())
}

// newSoak starts two processes that serve two accounts.
func newSoak(t *testing.T) *soak {
	s := &soak{t: t, accounts: []string{"DU1000001", "DU1000002"}, placed: map[accounts.ProfileID][]ledger.OrderID{}, dsn: pgtest.Database(t)}
	require.NoError(t, pgstore.Migrate(t.Context(), s.dsn, pgstore.WithSchema("soak")))
	s.gateway = newGateway(t, false, dollars(s.accounts[0], "5000000"), dollars(s.accounts[1], "5000000"))
	_, m := s.open()
	for _, account := range s.accounts {
		p := accounts.Optimal100K(account)
		p.Name, p.Limits = account, desktest.Loose()
		p, err := m.CreateProfile(t.Context(), p)
		require.NoError(t, err)
		s.profiles = append(s.profiles, p.ID)
	}
	args := []string{"-addr", "127.0.0.1:0", "-dsn", s.dsn, "-schema", "soak", "-gateway", s.gateway.URL(), "-fingerprint", s.gateway.Fingerprint(), "-lease", "500ms"}
	for n := range s.seats {
		s.seats[n] = &seat{args: args}
		require.NoError(t, s.seats[n].start(t.Context()))
		t.Cleanup(s.seats[n].kill)
	}
	return s
}

// open opens the database, in which no order is in time any more.
func (s *soak) open() (*pgstore.Store, *accounts.MultiAccountManager) {
	store, err := pgstore.Open(s.t.Context(), s.dsn, pgstore.WithSchema("soak"))
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, store.Close()) })
	m, err := accounts.New(store, accounts.WithClock(later))
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, m.Close()) })
	return store, m
}

// later is a time at which orders for the day have ended.
func later() time.Time { return time.Now().Add(72 * time.Hour) }

// trade places orders until the first context ends, each until it is placed or the second context ends.
func (s *soak) trade(trading, settling context.Context, client int) {
	for n := 0; trading.Err() == nil; n++ {
		id := s.profiles[(client+n)%len(s.profiles)]
		key := fmt.Sprintf("c%d-%d", client, n)
		quantity := []int{3, -3, 5, -2}[n%4]
		order := fmt.Sprintf(`{"instrument":{"sec_type":"STK","symbol":%q,"currency":"USD"},"quantity":"%d","type":"market"}`,
			[]string{"SPY", "QQQ", "AAPL", "MSFT"}[rand.IntN(4)], quantity)
		if s.place(settling, id, key, order) {
			s.mu.Lock()
			s.placed[id] = append(s.placed[id], ledger.OrderID("api."+key))
			s.mu.Unlock()
		}
	}
}

// place sends an order, at one process after another, until it is known what became of it, and reports whether it
// was placed.
func (s *soak) place(ctx context.Context, id accounts.ProfileID, key, order string) bool {
	for try := rand.IntN(2); ctx.Err() == nil; try++ {
		at := &instance{t: s.t, url: *s.seats[try%2].url.Load()}
		asking, cancel := context.WithTimeout(ctx, 10*time.Second)
		status, text, err := at.ask(asking, "POST", "/api/v1/profiles/"+string(id)+"/orders", order, "Idempotency-Key", key)
		cancel()
		switch {
		case err == nil && (status == http.StatusCreated || status == http.StatusOK):
			return true
		case err == nil && status == http.StatusUnprocessableEntity && !strings.Contains(text, `"undecided":true`):
			s.t.Errorf("order %s was refused: %s", key, text)
			return false
		case err == nil && status < http.StatusInternalServerError && status != http.StatusUnprocessableEntity:
			s.t.Errorf("order %s: %d %s", key, status, text)
			return false
		}
		s.retries.Add(1)
		pause(ctx, 20*time.Millisecond)
	}
	return false
}

// check lets everything come to its end, and holds the books against the gateway's truth.
func (s *soak) check() {
	t := s.t
	s.gateway.Market().EndDay()
	store, m := s.open()
	ctx, stop := timeout(t)
	defer stop()
	e, err := broker.Start(ctx, broker.Config{Login: "gateway", Manager: m, Profiles: s.profiles, Poll: 50 * time.Millisecond, Clock: later,
		CheckEvery: 50 * time.Millisecond, Connect: func(ctx context.Context) (broker.Broker, error) {
			return cpapi.Open(ctx, cpapi.Config{URL: s.gateway.URL(), Fingerprint: s.gateway.Fingerprint(), Limits: wide, Clock: later})
		}})
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close()) }()
	for good := 0; good < 4; {
		if err = e.Sync(ctx); err == nil {
			good++
		}
		require.NoError(t, ctx.Err(), "the books do not come into step: %v; %+v", err, e.Status())
	}
	for n, id := range s.profiles {
		p, err := m.Portfolio(ctx, id)
		require.NoError(t, err)
		truth, err := s.gateway.Truth(s.accounts[n])
		require.NoError(t, err)
		for ref, times := range truth.Requested {
			require.LessOrEqual(t, times, 1, "order %s was sent more than once", ref)
		}
		held := map[ledger.OrderID]int{}
		for d, err := range p.Decisions(ctx, accounts.Page{}) {
			require.NoError(t, err)
			if hold, is := d.Value.(*risk.Hold); is {
				held[hold.Order.ID]++
			}
		}
		require.NotEmpty(t, s.placed[id], "orders of account %s", s.accounts[n])
		for _, order := range s.placed[id] {
			require.Equal(t, 1, held[order], "order %s in the journal", order)
		}
		var ours, theirs []string
		for x, err := range p.Trades(ctx, accounts.TradeFilter{}) {
			require.NoError(t, err)
			ours = append(ours, fmt.Sprint(x.Value.ExecID, " ", x.Value.Quantity, " at ", x.Value.Price, " cost ", x.Value.Commission, " ",
				broker.RefOf(id, x.Value.OrderID)))
		}
		for _, x := range truth.Executions {
			theirs = append(theirs, fmt.Sprint(x.ID, " ", x.Quantity, " at ", x.Price, " cost ", x.Commission, " ", x.Ref))
		}
		slices.Sort(ours)
		slices.Sort(theirs)
		require.Equal(t, theirs, ours, "executions of account %s", s.accounts[n])
		cash := p.Cash()["USD"]
		require.Equal(t, truth.Cash["USD"].String(), cash.Balance().String(), "cash of account %s", s.accounts[n])
		require.Empty(t, p.Snapshot().Risk.Orders, "orders of account %s that are held for nothing", s.accounts[n])
		require.NoError(t, store.Verify(ctx, id))
		t.Logf("account %s: %d orders placed, %d at the gateway, %d executions", s.accounts[n], len(s.placed[id]), len(truth.Placed), len(truth.Executions))
	}
}
