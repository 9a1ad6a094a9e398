package endtoend

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ibkr/cpapi"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/pgstore"
)

// plan is what a process that trades is told by its environment.
type plan struct {
	DSN, URL, Fingerprint string
	Name                  string // of the process, and the beginning of its orders' ids
	Step                  string // the step at which the process kills itself; empty for none
	Skip                  int    // how often the step is spared first
	Leases                bool   // several processes work in turns
	Profiles              []accounts.ProfileID
}

// The steps of an order's life at which a process can die: before what is named, and after it.
var steps = []string{
	"hold before", "hold after", "dispatch before", "dispatch after", "place before", "place after",
	"trade before", "trade after", "release before", "release after", "cancel before", "cancel after",
}

const planEnv = "ACCOUNTS_TRADER"

// environment returns the plan as a process gets it.
func (p plan) environment() string {
	ids := make([]string, len(p.Profiles))
	for i, id := range p.Profiles {
		ids[i] = string(id)
	}
	return planEnv + "=" + strings.Join([]string{p.DSN, p.URL, p.Fingerprint, p.Name, p.Step, strconv.Itoa(p.Skip),
		strconv.FormatBool(p.Leases), strings.Join(ids, ",")}, "\n")
}

// planned returns the plan of this process; false if it has none.
func planned() (p plan, ok bool) {
	f := strings.Split(os.Getenv(planEnv), "\n")
	if len(f) != 8 {
		return p, false
	}
	p = plan{DSN: f[0], URL: f[1], Fingerprint: f[2], Name: f[3], Step: f[4], Leases: f[6] == "true"}
	p.Skip, _ = strconv.Atoi(f[5])
	for _, id := range strings.Split(f[7], ",") {
		p.Profiles = append(p.Profiles, accounts.ProfileID(id))
	}
	return p, true
}

// death kills the process at a step of the plan.
type death struct {
	step string
	left atomic.Int64
}

// at kills the process, as nothing can be done about, where the step is the one of the plan.
func (d *death) at(step string) {
	if d.step == step && d.left.Add(-1) < 0 {
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
		select {} // until the process is gone
	}
}

// store is a store whose writes are steps.
type store struct {
	*pgstore.Store
	*death
}

// kind names the step that a batch is.
func kind(b accounts.Batch) string {
	for _, e := range b.Entries {
		switch e.Kind {
		case risk.KindHold:
			return "hold"
		case risk.KindDispatch:
			return "dispatch"
		case risk.KindRelease:
			return "release"
		case ledger.KindTrade, ledger.KindAmendment:
			return "trade"
		}
	}
	return "other"
}

func (s store) Append(ctx context.Context, b accounts.Batch) error {
	s.at(kind(b) + " before")
	err := s.Store.Append(ctx, b)
	s.at(kind(b) + " after")
	return err
}

func (s store) AppendLocked(ctx context.Context, id accounts.ProfileID, after int64, decide func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error)) error {
	var batch accounts.Batch
	err := s.Store.AppendLocked(ctx, id, after, func(tail iter.Seq2[accounts.Entry, error]) (b accounts.Batch, err error) {
		batch, err = decide(tail)
		s.at(kind(batch) + " before")
		return batch, err
	})
	s.at(kind(batch) + " after")
	return err
}

// session is a session whose orders and cancellations are steps.
type session struct {
	broker.Broker
	*death
}

func (s session) Place(ctx context.Context, a broker.AccountID, t broker.Ticket) (broker.Ack, error) {
	s.at("place before")
	ack, err := s.Broker.Place(ctx, a, t)
	s.at("place after")
	return ack, err
}

func (s session) Cancel(ctx context.Context, a broker.AccountID, ref broker.Ref) error {
	s.at("cancel before")
	err := s.Broker.Cancel(ctx, a, ref)
	s.at("cancel after")
	return err
}

// wide are limits for a gateway that takes every request.
var wide = cpapi.Limits{
	Session: cpapi.Rate{Requests: 10_000, Per: time.Second, Burst: 1000}, Slow: cpapi.Rate{Requests: 10_000, Per: time.Second, Burst: 1000},
	Warm: 5 * time.Millisecond, Retry: 10 * time.Millisecond, RetryMax: 100 * time.Millisecond,
}

// engine starts an engine on the plan's store and gateway.
func (p plan) engine(ctx context.Context, d *death, clock func() time.Time, leaseFor time.Duration) (*broker.Engine, *accounts.MultiAccountManager, func(), error) {
	s, err := pgstore.Open(ctx, p.DSN)
	if err != nil {
		return nil, nil, nil, err
	}
	m, err := accounts.New(store{s, d}, accounts.WithClock(clock))
	if err != nil {
		return nil, nil, nil, err
	}
	c := broker.Config{Login: "login", Manager: m, Profiles: p.Profiles, Poll: 50 * time.Millisecond, CheckEvery: time.Second, Clock: clock,
		Connect: func(ctx context.Context) (broker.Broker, error) {
			b, err := cpapi.Open(ctx, cpapi.Config{URL: p.URL, Fingerprint: p.Fingerprint, Limits: wide, Breaker: cpapi.NewBreaker(), Clock: clock})
			return session{b, d}, err
		}}
	if p.Leases {
		c.Leases, c.Holder, c.LeaseFor = s, p.Name, leaseFor
	}
	e, err := broker.Start(ctx, c)
	return e, m, func() { _, _, _ = e.Close(), m.Close(), s.Close() }, err
}

var stock = ledger.NewStock("ABC", "USD")

// trade sends orders, fills and cancels until the process is killed. It ends by itself after a number of them,
// so that a test that fails leaves nobody behind.
func (p plan) trade() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	d := &death{step: p.Step}
	d.left.Store(int64(p.Skip))
	e, _, stop, err := p.engine(ctx, d, time.Now, time.Second)
	if err != nil {
		return err
	}
	defer stop()
	var works sync.Once
	for n := 0; ctx.Err() == nil; n++ {
		id := p.Profiles[n%len(p.Profiles)]
		if err := e.Sync(ctx, id); err != nil {
			await(ctx, 20*time.Millisecond)
			continue
		}
		works.Do(func() { fmt.Println("works") })
		terms := broker.Terms{Type: broker.LimitOrder, Limit: ledger.MustDecimal([]string{"101", "98.5", "101"}[n%3]), TIF: broker.Day}
		o := risk.Order{ID: ledger.OrderID(fmt.Sprint(p.Name, "-", n)), Instrument: stock, Quantity: ledger.MustDecimal(fmt.Sprint(n%5 + 1)), Price: terms.Limit}
		_, err := e.Submit(ctx, id, o, terms)
		if err == nil && n%3 == 1 {
			err = e.Cancel(ctx, id, o.ID)
		}
		if err != nil && !errors.Is(err, accounts.ErrRefused) && !errors.Is(err, broker.ErrStandby) && !errors.Is(err, broker.ErrNotReady) &&
			!errors.Is(err, broker.ErrOrderNotFound) && !errors.Is(err, accounts.ErrOrderNotFound) {
			fmt.Fprintln(os.Stderr, p.Name, err)
		}
	}
	return ctx.Err()
}

// await waits for a while, or until the context ends.
func await(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
