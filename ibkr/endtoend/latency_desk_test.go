package endtoend

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ibkr/cpapi"
	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// desk is a login with accounts, an engine that works the login, and a probe on the way between them. Orders
// fill where the desk fills them.
type desk struct {
	*probe
	gateway  *gatewaysim.Gateway
	engine   *broker.Engine
	manager  *accounts.MultiAccountManager
	ids      []string // of the accounts
	profiles []accounts.ProfileID
	changes  <-chan accounts.Event
	orders   int

	inStep chan struct{} // closed when every account has been in step
	once   sync.Once
	mu     sync.Mutex
	ready  map[accounts.ProfileID]bool
	lost   []string // why accounts fell out of step
}

// notice notes which accounts come to be in step, and which do not stay so.
func (d *desk) notice(n broker.Notice) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch n.Kind {
	case broker.NoticeReady:
		if d.ready[n.Profile] = true; len(d.ready) == len(d.profiles) {
			d.once.Do(func() { close(d.inStep) })
		}
	case broker.NoticeNotReady:
		d.lost = append(d.lost, fmt.Sprint(n.Account, ": ", n.Reason))
	}
}

// newGateway returns a gateway with accounts whose orders fill by hand alone, and that serves nothing yet.
func newGateway(t testing.TB, n int, pacing gatewaysim.Pacing) *gatewaysim.Gateway {
	market, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{Realtime: true, AlwaysOpen: true, Manual: true})
	require.NoError(t, err)
	abc, err := market.Stock("ABC", ledger.MustDecimal("100"))
	require.NoError(t, err)
	require.NoError(t, market.Walk(gatewaysim.Walk{Seed: 1, Volatility: 0.00001}, abc.ConID))
	c := gatewaysim.Config{Market: market, Pacing: pacing}
	for i := range n {
		c.Accounts = append(c.Accounts, gatewaysim.Account{ID: fmt.Sprint("DU", 1000001+i), Cash: ledger.MustDecimal("1000000")})
	}
	g, err := gatewaysim.New(c)
	require.NoError(t, err)
	return g
}

// newDesk starts an engine on a store and a gateway with n accounts. The context ends the desk's subscription.
func newDesk(ctx context.Context, t testing.TB, p *probe, n int, store accounts.Store, g *gatewaysim.Gateway, poll time.Duration, c cpapi.Config) *desk {
	m, err := accounts.New(timedStore{store, p})
	require.NoError(t, err)
	d := &desk{probe: p, gateway: g, manager: m, inStep: make(chan struct{}), ready: map[accounts.ProfileID]bool{}}
	for i := range n {
		d.ids = append(d.ids, fmt.Sprint("DU", 1000001+i))
		profile := accounts.Optimal100K(d.ids[i])
		profile.Name, profile.Limits = d.ids[i], desktest.Loose()
		profile, err := m.CreateProfile(ctx, profile)
		require.NoError(t, err)
		d.profiles, p.accounts[profile.ID] = append(d.profiles, profile.ID), d.ids[i]
		_, err = d.portfolio(t, i).Record(ctx, ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: ledger.MustDecimal("1000000"), Time: time.Now()})
		require.NoError(t, err)
	}
	d.changes, err = m.Subscribe(ctx, accounts.EventRecorded)
	require.NoError(t, err)
	d.engine, err = broker.Start(ctx, broker.Config{Login: "login", Manager: m, Profiles: d.profiles, Poll: poll, Notify: d.notice,
		Connect: func(ctx context.Context) (broker.Broker, error) {
			b, err := cpapi.Open(ctx, c)
			return timedSession{b, p}, err
		}})
	require.NoError(t, err)
	for i := range n {
		require.NoError(t, d.engine.Follow(d.profiles[i], stock))
	}
	return d
}

// fallen returns why accounts fell out of step.
func (d *desk) fallen() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lost)
}

func (d *desk) close(t testing.TB) {
	require.NoError(t, d.engine.Close())
	require.NoError(t, d.manager.Close())
}

func (d *desk) portfolio(t testing.TB, account int) *accounts.Portfolio {
	p, err := d.manager.Portfolio(context.Background(), d.profiles[account])
	require.NoError(t, err)
	return p
}

// next returns the next order: purchases and sales in turns.
func (d *desk) next() risk.Order {
	d.orders++
	q, limit := "1", "99"
	if d.orders/len(d.ids)%2 == 1 {
		q, limit = "-1", "101"
	}
	return risk.Order{ID: ledger.OrderID(fmt.Sprint("order-", d.orders)), Instrument: stock, Quantity: ledger.MustDecimal(q), Price: ledger.MustDecimal(limit)}
}

// send reserves an order and sends it, and returns the broker's id and the moments on the way.
func (d *desk) send(ctx context.Context, t testing.TB, account int, o risk.Order) (int64, moments) {
	_, err := d.portfolio(t, account).Reserve(ctx, o)
	require.NoError(t, err)
	d.begin(d.ids[account], reserved)
	ack, err := d.engine.Send(ctx, d.profiles[account], o.ID, broker.Terms{Type: broker.LimitOrder, Limit: o.Price, TIF: broker.Day})
	require.NoError(t, err)
	m := d.end(d.ids[account], "acknowledged", time.Now())
	number, err := strconv.ParseInt(ack.BrokerID, 10, 64)
	require.NoError(t, err)
	return number, m
}

// fill fills an order whole, and begins to measure.
func (d *desk) fill(t testing.TB, account int, order int64, o risk.Order) {
	d.begin(d.ids[account], filled)
	_, err := d.gateway.Fill(order, o.Quantity.Abs(), o.Price)
	require.NoError(t, err)
}

// await waits until the holds of accounts have ended, and returns the moments on the fills' way.
func (d *desk) await(ctx context.Context, t testing.TB, list ...int) []moments {
	waiting, out := map[accounts.ProfileID]int{}, []moments{}
	for _, account := range list {
		waiting[d.profiles[account]] = account
	}
	for len(waiting) > 0 {
		select {
		case event := <-d.changes:
			now := time.Now()
			account, waits := waiting[event.ProfileID]
			if waits && len(d.portfolio(t, account).Snapshot().Risk.Orders) == 0 {
				out = append(out, d.end(d.ids[account], inTheBook, now))
				delete(waiting, event.ProfileID)
			}
		case <-ctx.Done():
			require.NoError(t, ctx.Err(), "fills of %d accounts are not in the books: %+v", len(waiting), d.engine.Status())
		}
	}
	return out
}

// quiet waits until nothing about an account is under way: twice in a row nobody but Sync has looked.
func (d *desk) quiet(ctx context.Context, t testing.TB, account int) {
	for alone := 0; alone < 2; alone++ {
		before := d.looked(d.ids[account])
		require.NoError(t, d.engine.Sync(ctx, d.profiles[account]))
		if d.looked(d.ids[account]) != before+1 {
			alone = -1
		}
	}
}
