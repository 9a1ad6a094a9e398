package broker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

// mortalLeases are leases as a process that dies sees them.
type mortalLeases struct {
	accounts.LeaseStore
	*life
}

func (l mortalLeases) Lease(ctx context.Context, name, holder string, ttl time.Duration) (accounts.Lease, error) {
	if l.dead.Load() {
		return accounts.Lease{}, accounts.ErrUnavailable
	}
	return l.LeaseStore.Lease(ctx, name, holder, ttl)
}

func (l mortalLeases) EndLease(ctx context.Context, lease accounts.Lease) error {
	if l.dead.Load() {
		return accounts.ErrUnavailable
	}
	return l.LeaseStore.EndLease(ctx, lease)
}

// process is one of several that work a login in turns.
type process struct {
	*rig
	life   *life
	engine *broker.Engine
}

func (r *rig) process(t testing.TB, name string) *process {
	p := &process{rig: r, life: newLife(0)}
	m, err := accounts.New(mortalStore{r.store, p.life}, accounts.WithClock(r.Now))
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	p.engine = r.start(t, m, func(c *broker.Config) {
		c.Leases, c.Holder, c.LeaseFor = mortalLeases{r.store.(*memstore.Store), p.life}, name, 150*time.Millisecond
		c.Connect = func(context.Context) (broker.Broker, error) { return mortalBroker{r.paper, p.life}, nil }
	})
	return p
}

// submit sends an order through whichever process works the login.
func submit(t testing.TB, processes []*process, id accounts.ProfileID, n int) *process {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o := order(ledger.OrderID(fmt.Sprint("o-", n)), fmt.Sprint(n%50+1), "99")
	for ctx.Err() == nil {
		for _, p := range processes {
			if err := p.engine.Sync(ctx); err != nil {
				continue
			}
			_, err := p.engine.Submit(ctx, id, o, day("99"))
			if err == nil || errors.Is(err, accounts.ErrDispatched) || errors.Is(err, broker.ErrOutcomeUnknown) {
				return p
			}
			if errors.Is(err, accounts.ErrOrderNotFound) || errors.Is(err, broker.ErrNotConnected) && !errors.Is(err, broker.ErrNotReady) {
				return p // the lease ended between the dispatch and the sending: the order was let go
			}
		}
	}
	require.NoError(t, ctx.Err(), "nobody works the login")
	return nil
}

// TestOneProcessWorksTheLogin: of several processes one works the login. When it dies, another takes over,
// and goes on with the orders of the first; the first, which wakes up later, sends nothing.
func TestOneProcessWorksTheLogin(t *testing.T) {
	r := newBareRig(t, 2)
	processes := []*process{r.process(t, "p-0"), r.process(t, "p-1")}
	for n := range 50 {
		worked := submit(t, processes, r.ids[n%2], n)
		worked.life.dead.Store(true)
		for i, p := range processes {
			if p == worked {
				processes[i] = r.process(t, fmt.Sprint("p-", n+2))
			}
		}
		if n%10 == 9 {
			require.NoError(t, worked.engine.Close())
		}
		_, err := worked.engine.Submit(t.Context(), r.ids[0], order("late", "1", "99"), day("99"))
		require.Error(t, err, "a dead process sends nothing")
	}
	r.manager = r.newManager(t)
	require.NoError(t, r.paper.Price(stock, dec("98")))
	last := submit(t, processes, r.ids[0], 1000)
	require.NoError(t, r.paper.Price(stock, dec("97")))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil && last.engine.Sync(ctx) != nil {
		continue
	}
	r.agree(t)
	for n := range r.ids {
		orders, err := r.paper.Orders(t.Context(), broker.AccountID(fmt.Sprintf("DU10002%02d", n)))
		require.NoError(t, err)
		seen := map[broker.Ref]bool{}
		for _, o := range orders.List {
			require.False(t, seen[o.Ref], "an order was sent twice")
			seen[o.Ref] = true
		}
		require.Empty(t, r.held(t, n))
	}
}
