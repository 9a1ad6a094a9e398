package broker_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/broker/paper"
	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

var (
	stock = ledger.NewStock("XYZ", "USD")
	call  = ledger.NewOption("XYZ", 20270115, ledger.Call, dec("100"), "USD")
	day   = func(limit string) broker.Terms {
		return broker.Terms{Type: broker.LimitOrder, Limit: dec(limit), TIF: broker.Day}
	}
)

// rig is a broker with accounts, a store with a profile for each, and engines that work them.
type rig struct {
	clock   atomic.Int64
	store   accounts.Store
	paper   *paper.Broker
	manager *accounts.MultiAccountManager
	engine  *broker.Engine
	ids     []accounts.ProfileID

	mu      sync.Mutex
	notices []broker.Notice
}

func (r *rig) Now() time.Time           { return time.UnixMicro(r.clock.Load()).UTC() }
func (r *rig) Advance(by time.Duration) { r.clock.Add(by.Microseconds()) }

// newRig returns a rig with accounts of 100,000 USD, each with a profile of loose limits, on an engine that
// looks at nothing by itself.
func newRig(t testing.TB, n int, change func(*broker.Config)) *rig {
	t.Helper()
	r := newBareRig(t, n)
	r.engine = r.start(t, r.manager, change)
	return r
}

// newBareRig is newRig without an engine.
func newBareRig(t testing.TB, n int) *rig {
	t.Helper()
	r := &rig{store: memstore.New()}
	r.clock.Store(desktest.Now.UnixMicro())
	r.paper = paper.New(paper.Options{Clock: r.Now, Commission: func(*ledger.Trade) ledger.Decimal { return dec("1") }})
	r.manager = r.newManager(t)
	for i := range n {
		account := fmt.Sprintf("DU10002%02d", i)
		require.NoError(t, r.paper.Open(
			broker.Account{ID: broker.AccountID(account), Kind: broker.WholeAccount, Mode: accounts.ModePaper, Currency: "USD", Tradable: true},
			broker.Balance{Currency: "USD", Cash: dec("100000")}))
		p := accounts.Optimal100K(account)
		p.Name, p.Limits = account, desktest.Loose()
		created, err := r.manager.CreateProfile(t.Context(), p)
		require.NoError(t, err)
		r.ids = append(r.ids, created.ID)
		portfolio, err := r.manager.Portfolio(t.Context(), created.ID)
		require.NoError(t, err)
		_, err = portfolio.Record(t.Context(), ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: r.Now()})
		require.NoError(t, err)
	}
	require.NoError(t, r.paper.Price(stock, dec("100")))
	require.NoError(t, r.paper.Price(call, dec("5")))
	return r
}

func (r *rig) newManager(t testing.TB) *accounts.MultiAccountManager {
	t.Helper()
	m, err := accounts.New(r.store, accounts.WithClock(r.Now))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// start returns an engine on the manager that works the rig's login.
func (r *rig) start(t testing.TB, m *accounts.MultiAccountManager, change func(*broker.Config)) *broker.Engine {
	t.Helper()
	c := broker.Config{Login: "login", Manager: m, Profiles: r.ids, Poll: -1, CheckEvery: time.Nanosecond, Clock: r.Now, Notify: r.notice,
		Connect: func(context.Context) (broker.Broker, error) { return connection{r.paper}, nil }}
	if change != nil {
		change(&c)
	}
	e, err := broker.Start(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

// connection is a session with the broker, which lives on when the session is closed.
type connection struct{ broker.Broker }

func (connection) Close() error { return nil }

func (r *rig) notice(n broker.Notice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notices = append(r.notices, n)
}

// kinds returns the kinds of the notices about an order, in their order; of all notices for an empty id.
func (r *rig) kinds(id ledger.OrderID) (list []broker.NoticeKind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.notices {
		if id == "" || n.OrderID == id {
			list = append(list, n.Kind)
		}
	}
	return list
}

// sync waits until every account is in step.
func (r *rig) sync(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var err error
	for ctx.Err() == nil {
		r.Advance(time.Millisecond) // positions are held against the book again
		if err = r.engine.Sync(ctx); err == nil {
			return
		}
	}
	require.NoError(t, err, "the accounts do not come into step")
}

func (r *rig) portfolio(t testing.TB, n int) *accounts.Portfolio {
	t.Helper()
	p, err := r.manager.Portfolio(t.Context(), r.ids[n])
	require.NoError(t, err)
	return p
}

// order returns an order of the rig's stock.
func order(id ledger.OrderID, quantity, price string) risk.Order {
	return risk.Order{ID: id, Instrument: stock, Quantity: dec(quantity), Price: dec(price)}
}

// held returns the ids of the orders that are held in a profile.
func (r *rig) held(t testing.TB, n int) []ledger.OrderID {
	list := []ledger.OrderID{}
	for _, o := range r.portfolio(t, n).Snapshot().Risk.Orders {
		list = append(list, o.ID)
	}
	return list
}

// agree requires that every book has the positions that the broker has, and the executions once.
func (r *rig) agree(t testing.TB) {
	t.Helper()
	for n, id := range r.ids {
		p := r.portfolio(t, n)
		positions, err := r.paper.Positions(t.Context(), broker.AccountID(p.IBKRAccountID()))
		require.NoError(t, err)
		theirs := map[ledger.InstrumentKey]string{}
		for _, x := range positions.List {
			if !x.Quantity.IsZero() {
				theirs[x.Instrument.Key()] = x.Quantity.String()
			}
		}
		ours := map[ledger.InstrumentKey]string{}
		for _, x := range p.Positions() {
			if !x.Quantity.IsZero() {
				ours[x.Instrument.Key()] = x.Quantity.String()
			}
		}
		require.Equal(t, theirs, ours, "the positions of profile %s", id)
		executions, err := r.paper.Executions(t.Context(), broker.AccountID(p.IBKRAccountID()), time.Time{})
		require.NoError(t, err)
		var booked []ledger.ExecID
		for x, err := range p.Trades(t.Context(), accounts.TradeFilter{}) {
			require.NoError(t, err)
			booked = append(booked, x.Value.ExecID)
		}
		var told []ledger.ExecID
		for _, x := range executions.List {
			told = append(told, x.Trade.ExecID)
		}
		slices.Sort(booked)
		slices.Sort(told)
		require.Equal(t, told, booked, "the executions of profile %s", id)
	}
}
