package broker_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
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

// stopped is a store in which a test does something just before a write, once, or lets the write fail.
type stopped struct {
	accounts.Store
	mu     sync.Mutex
	before func() error
}

func (s *stopped) next(f func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

func (s *stopped) take() error {
	s.mu.Lock()
	f := s.before
	s.before = nil
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	return f()
}

func (s *stopped) Append(ctx context.Context, b accounts.Batch) error {
	if err := s.take(); err != nil {
		return err
	}
	return s.Store.Append(ctx, b)
}

func (s *stopped) AppendLocked(ctx context.Context, id accounts.ProfileID, after int64, decide func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error)) error {
	if err := s.take(); err != nil {
		return err
	}
	return s.Store.AppendLocked(ctx, id, after, decide)
}

// stoppedRig is a hooked rig on a store whose writes a test can stop.
func stoppedRig(t *testing.T, change func(*broker.Config)) (*rig, *hooked, *stopped) {
	r := newBareRig(t, 1)
	s := &stopped{Store: r.store}
	m, err := accounts.New(s, accounts.WithClock(r.Now))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	r.manager = m
	h := &hooked{Broker: r.paper}
	r.engine = r.start(t, m, func(c *broker.Config) {
		c.Connect = func(context.Context) (broker.Broker, error) { return h, nil }
		if change != nil {
			change(c)
		}
	})
	r.sync(t)
	return r, h, s
}

func noOrders(r *rig) func(context.Context, broker.AccountID) (broker.Answer[broker.Order], error) {
	return func(context.Context, broker.AccountID) (broker.Answer[broker.Order], error) {
		return broker.Answer[broker.Order]{AsOf: r.Now(), Complete: true}, nil
	}
}

// A try to send that came to nothing says nothing of a later one: the hold stays while the order may work.
func TestAnEarlierTryReleasesNothing(t *testing.T) {
	r, h, s := stoppedRig(t, nil)
	require.NoError(t, r.portfolio(t, 0).Mark(ledger.Mark{Instrument: stock, Price: dec("100"), Time: r.Now()}))
	_, err := r.portfolio(t, 0).Reserve(t.Context(), order("a", "5", "99"))
	require.NoError(t, err)
	leaves, leave := context.WithCancel(t.Context())
	s.next(func() error { // nothing is written
		leave()
		return accounts.ErrOutcomeUnknown
	})
	_, err = r.engine.Send(leaves, r.ids[0], "a", day("99"))
	require.ErrorIs(t, err, broker.ErrOutcomeUnknown)
	h.answer(hooks{orders: noOrders(r), place: func(ctx context.Context, a broker.AccountID, k broker.Ticket) (broker.Ack, error) {
		_, err := r.paper.Place(ctx, a, k)
		require.NoError(t, err)
		return broker.Ack{}, broker.ErrOutcomeUnknown
	}})
	_, err = r.engine.Send(t.Context(), r.ids[0], "a", day("99"))
	require.ErrorIs(t, err, broker.ErrOutcomeUnknown)
	r.sync(t)
	require.Equal(t, []ledger.OrderID{"a"}, r.held(t, 0), "the order works at the broker, whose list is late")
}

// An order that another process dispatches while this one cancels it stays held.
func TestACancellationThatIsTooLate(t *testing.T) {
	r, _, s := stoppedRig(t, nil)
	require.NoError(t, r.portfolio(t, 0).Mark(ledger.Mark{Instrument: stock, Price: dec("100"), Time: r.Now()}))
	_, err := r.portfolio(t, 0).Reserve(t.Context(), order("a", "5", "99"))
	require.NoError(t, err)
	other, err := accounts.New(s.Store, accounts.WithClock(r.Now))
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	p, err := other.Portfolio(t.Context(), r.ids[0])
	require.NoError(t, err)
	s.next(func() error {
		terms := day("99")
		return p.Dispatch(t.Context(), risk.Dispatch{OrderID: "a", Ref: string(broker.RefOf(r.ids[0], "a")), Terms: terms.String()})
	})
	require.ErrorIs(t, r.engine.Cancel(t.Context(), r.ids[0], "a"), broker.ErrOrderNotFound)
	require.Equal(t, []ledger.OrderID{"a"}, r.held(t, 0), "the other process may have sent the order")
	require.ErrorIs(t, p.Withdraw(t.Context(), "a", "no"), accounts.ErrDispatched)
	require.NoError(t, p.Release(t.Context(), "a", "ended"))
	require.NoError(t, p.Withdraw(t.Context(), "a", "no"), "an order that has ended")
}

// brief is a session that ends at once.
type brief struct {
	broker.Broker
	closed chan struct{}
}

func (b brief) Watch(context.Context) (<-chan broker.Event, error) {
	events := make(chan broker.Event)
	close(events)
	return events, nil
}

func (b brief) Close() error {
	b.closed <- struct{}{}
	return nil
}

// Sessions that end at once are not asked for in a loop, and while there is none the process says so.
func TestSessionsThatEndAtOnce(t *testing.T) {
	r := newBareRig(t, 1)
	closed := make(chan struct{}, 1000)
	var asked atomic.Int32
	e := r.start(t, r.manager, func(c *broker.Config) {
		c.LeaseFor = time.Hour
		c.Connect = func(context.Context) (broker.Broker, error) {
			asked.Add(1)
			return brief{r.paper, closed}, nil
		}
	})
	<-closed
	for range 1000 {
		require.ErrorIs(t, e.Sync(t.Context()), broker.ErrNotConnected)
	}
	require.Equal(t, int32(1), asked.Load(), "sessions are asked for in a loop")
}

// A look that somebody asks for is bounded as every other: nobody else waits for a broker that hangs.
func TestALookIsBounded(t *testing.T) {
	r, h := hookedRig(t, 1, func(c *broker.Config) { c.Timeout = 100 * time.Millisecond })
	h.answer(hooks{orders: func(ctx context.Context, _ broker.AccountID) (broker.Answer[broker.Order], error) {
		<-ctx.Done()
		return broker.Answer[broker.Order]{}, ctx.Err()
	}})
	require.ErrorIs(t, r.engine.Sync(t.Context()), context.DeadlineExceeded)
}

// A profile that is to reduce on a break reduces, though the store fails the first time.
func TestABreakReducesAtLast(t *testing.T) {
	r, h, s := stoppedRig(t, func(c *broker.Config) { c.ReduceOnBreak = true })
	h.answer(hooks{positions: func(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Position], error) {
		x, err := r.paper.Positions(ctx, a)
		x.List = append(x.List, broker.Position{Instrument: stock, Quantity: dec("7")})
		return x, err
	}})
	r.Advance(time.Millisecond)
	require.NoError(t, r.engine.Sync(t.Context()))
	r.Advance(time.Millisecond)
	s.next(func() error { return accounts.ErrUnavailable })
	require.ErrorIs(t, r.engine.Sync(t.Context()), accounts.ErrUnavailable)
	r.sync(t)
	require.Equal(t, risk.TradingReducing, r.portfolio(t, 0).Snapshot().Risk.State)
	require.Equal(t, 1, count(r.kinds(""), broker.NoticeBreak))
}

// A position that is ahead of its execution is no break, however often accounts are looked at meanwhile.
func TestALagIsNoBreak(t *testing.T) {
	r, h := hookedRig(t, 1, func(c *broker.Config) { c.CheckEvery = time.Minute })
	h.answer(hooks{positions: func(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Position], error) {
		x, err := r.paper.Positions(ctx, a)
		x.List = append(x.List, broker.Position{Instrument: stock, Quantity: dec("7")})
		return x, err
	}})
	r.Advance(time.Hour)
	for range 5 {
		r.Advance(time.Second)
		require.NoError(t, r.engine.Sync(t.Context()))
	}
	require.Empty(t, r.engine.Status().Accounts[0].Breaks, "seconds are a lag")
	r.Advance(time.Minute)
	require.NoError(t, r.engine.Sync(t.Context()))
	require.Len(t, r.engine.Status().Accounts[0].Breaks, 1)
}

// A correction that comes hours after its execution, in the same session, is booked.
func TestALateCorrection(t *testing.T) {
	r := newRig(t, 1, nil)
	r.sync(t)
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "101"), day("101"))
	require.NoError(t, err)
	r.sync(t)
	r.Advance(9 * time.Hour)
	r.sync(t)
	x, err := r.paper.Executions(t.Context(), "DU1000200", time.Time{})
	require.NoError(t, err)
	_, err = r.paper.Correct("DU1000200", x.List[0].Trade.ExecID, dec("3"), dec("100.5"))
	require.NoError(t, err)
	r.sync(t)
	r.agree(t)
}

// Who does not see a profile does nothing with it.
func TestAnotherOwnersProfile(t *testing.T) {
	r := newRig(t, 1, nil)
	r.sync(t)
	_, err := r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "99"), day("99"))
	require.NoError(t, err)
	ctx := accounts.WithOwner(t.Context(), "somebody")
	e, id := r.engine, r.ids[0]
	_, err = e.Submit(ctx, id, order("b", "1", "99"), day("99"))
	require.ErrorIs(t, err, broker.ErrNotLinked, "submit")
	_, err = e.Send(ctx, id, "a", day("99"))
	require.ErrorIs(t, err, broker.ErrNotLinked, "send")
	require.ErrorIs(t, e.Cancel(ctx, id, "a"), broker.ErrNotLinked, "cancel")
	require.ErrorIs(t, e.CancelExternal(ctx, id, "1"), broker.ErrNotLinked, "cancel an order of others")
	require.ErrorIs(t, e.Settle(ctx, id, "a", "no"), broker.ErrNotLinked, "settle")
	require.ErrorIs(t, e.Await(ctx, id, "a"), broker.ErrNotLinked, "await")
	require.ErrorIs(t, e.Sync(ctx, id), broker.ErrNotLinked, "sync")
	_, err = e.Halt(ctx, "stop", id)
	require.ErrorIs(t, err, broker.ErrNotLinked, "halt")
	report, err := e.Halt(ctx, "stop")
	require.NoError(t, err)
	require.Empty(t, report)
	require.Equal(t, risk.TradingActive, r.portfolio(t, 0).Snapshot().Risk.State)
}

// Profiles of several owners are worked by one engine, where each context names its owner.
func TestOwnersOfOneLogin(t *testing.T) {
	r := &rig{store: memstore.New()}
	r.clock.Store(desktest.Now.UnixMicro())
	r.paper = paper.New(paper.Options{Clock: r.Now})
	m, err := accounts.New(r.store, accounts.WithClock(r.Now), accounts.RequireOwner())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	r.engine = r.start(t, m, func(c *broker.Config) { c.Profiles = nil })
	for account, owner := range map[string]accounts.OwnerID{"DU1000200": "alice", "DU1000201": "bob"} {
		ctx := accounts.WithOwner(t.Context(), owner)
		require.NoError(t, r.paper.Open(broker.Account{ID: broker.AccountID(account), Kind: broker.WholeAccount, Mode: accounts.ModePaper, Currency: "USD", Tradable: true}))
		p := accounts.Optimal100K(account)
		p.Name = account
		created, err := m.CreateProfile(ctx, p)
		require.NoError(t, err)
		require.NoError(t, r.engine.Attach(ctx, created.ID))
		waiting, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		for err = r.engine.Sync(waiting); err != nil && waiting.Err() == nil; err = r.engine.Sync(waiting) {
			continue
		}
		require.NoError(t, err, "the account of %s", owner)
	}
	require.ErrorIs(t, r.engine.Sync(t.Context()), accounts.ErrOwnerRequired)
}

// Two profiles cannot work one account, and a profile that gets another account works none.
func TestAccountsAndProfiles(t *testing.T) {
	r := newBareRig(t, 1)
	m, err := accounts.New(r.store, accounts.WithClock(r.Now), accounts.AllowSharedAccounts())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	p := accounts.Optimal100K("DU1000200")
	p.Name = "second"
	second, err := m.CreateProfile(t.Context(), p)
	require.NoError(t, err)
	_, err = broker.Start(t.Context(), broker.Config{Login: "login", Manager: m, Profiles: []accounts.ProfileID{r.ids[0], second.ID},
		Connect: func(context.Context) (broker.Broker, error) { return connection{r.paper}, nil }})
	require.ErrorIs(t, err, broker.ErrNotLinked)

	r.engine = r.start(t, r.manager, nil)
	r.sync(t)
	first, err := r.manager.Profile(t.Context(), r.ids[0])
	require.NoError(t, err)
	first.IBKRAccountID = "DU1000299"
	_, err = r.manager.UpdateProfile(t.Context(), first)
	require.NoError(t, err)
	_, err = r.engine.Submit(t.Context(), r.ids[0], order("a", "5", "99"), day("99"))
	require.ErrorIs(t, err, broker.ErrNotLinked)
	require.ErrorIs(t, r.engine.Sync(t.Context()), broker.ErrNotLinked)
}

// ahead is a broker that tells rates with a time that is far ahead.
type ahead struct{ broker.Broker }

func (ahead) Close() error { return nil }

func (b ahead) Cash(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Balance], error) {
	x, err := b.Broker.Cash(ctx, a)
	x.AsOf = x.AsOf.Add(time.Hour)
	return x, err
}

// A rate that cannot be taken leaves an account in step, without a rate.
func TestARateThatCannotBeTaken(t *testing.T) {
	r := newBareRig(t, 1)
	require.NoError(t, r.paper.Price(ledger.Instrument{SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"}, dec("1.25")))
	require.NoError(t, r.paper.Deposit("DU1000200", "EUR", dec("5")))
	r.engine = r.start(t, r.manager, func(c *broker.Config) {
		c.Connect = func(context.Context) (broker.Broker, error) { return ahead{r.paper}, nil }
	})
	r.sync(t)
}

// A process whose lease ends while the store takes its time sends nothing, and holds nothing.
func TestALeaseThatEndsBeforeTheOrderIsSent(t *testing.T) {
	leases := &refusing{LeaseStore: memstore.New()}
	r, _, s := stoppedRig(t, func(c *broker.Config) {
		c.Leases, c.Holder, c.LeaseFor = leases, "p", 200*time.Millisecond
	})
	require.NoError(t, r.portfolio(t, 0).Mark(ledger.Mark{Instrument: stock, Price: dec("100"), Time: r.Now()}))
	_, err := r.portfolio(t, 0).Reserve(t.Context(), order("a", "5", "99"))
	require.NoError(t, err)
	s.next(func() error {
		leases.refuses.Store(true)
		for r.engine.Status().Works {
			runtime.Gosched()
		}
		return nil
	})
	_, err = r.engine.Send(t.Context(), r.ids[0], "a", day("99"))
	require.ErrorIs(t, err, broker.ErrNotConnected)
	require.Empty(t, r.held(t, 0))
	require.Contains(t, r.kinds("a"), broker.NoticeNotSent)
	list, err := r.paper.Orders(t.Context(), "DU1000200")
	require.NoError(t, err)
	require.Empty(t, list.List)
}

// refusing is a lease store that fails from some moment on.
type refusing struct {
	accounts.LeaseStore
	refuses atomic.Bool
}

func (l *refusing) Lease(ctx context.Context, name, holder string, ttl time.Duration) (accounts.Lease, error) {
	if l.refuses.Load() {
		return accounts.Lease{}, errors.New("no store")
	}
	return l.LeaseStore.Lease(ctx, name, holder, ttl)
}
