package brokertest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/broker/paper"
	"github.com/ai-ots/accounts/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inVain is how long a check waits for what a broken broker never does.
const inVain = 300 * time.Millisecond

// recorder is a T that only remembers what failed.
type recorder struct {
	ctx      context.Context
	failures []string
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) FailNow()                 { runtime.Goexit() }
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// record runs a check on a bench to its end or first failure, and returns what failed.
func record(t *testing.T, c check, b *Bench) []string {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := &recorder{ctx: ctx}
	done := make(chan struct{})
	go func() { // FailNow ends the goroutine it is called on
		defer close(done)
		c.test(r, &suite{Bench: b, patience: inVain})
	}()
	<-done
	return r.failures
}

// sound is a broker that keeps every promise, whose clock moves on at every look.
func sound(t *testing.T) (*paper.Broker, *Bench) {
	at := time.Now().Add(-time.Minute / 2)
	b := paper.New(paper.Options{Clock: func() time.Time { at = at.Add(time.Millisecond); return at }})
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	x, y := ledger.NewStock("XYZ", "USD"), ledger.NewStock("SECOND", "USD")
	for _, id := range []broker.AccountID{"DU1", "DU2"} {
		require.NoError(t, b.Open(broker.Account{ID: id, Mode: accounts.ModePaper, Currency: "USD", Tradable: true},
			broker.Balance{Currency: "USD", Cash: dec("100000")}))
	}
	require.NoError(t, b.Open(broker.Account{ID: "DU3"}))
	require.NoError(t, b.Open(broker.Account{ID: "DU1C", Kind: broker.Segment, Tradable: true}))
	require.NoError(t, b.Price(x, dec("100")))
	require.NoError(t, b.Price(y, dec("7")))
	return b, &Bench{Broker: b, Account: "DU1", Other: "DU2", View: "DU3", Contract: x, Second: y,
		Price: func(price ledger.Decimal) error { return b.Price(x, price) }}
}

// broken is a broker that breaks one promise: what is set is called instead.
type broken struct {
	*paper.Broker
	accounts   func(a broker.Answer[broker.Account]) broker.Answer[broker.Account]
	positions  func(id broker.AccountID, a broker.Answer[broker.Position], err error) (broker.Answer[broker.Position], error)
	cash       func(a broker.Answer[broker.Balance]) broker.Answer[broker.Balance]
	orders     func(id broker.AccountID, a broker.Answer[broker.Order], err error) (broker.Answer[broker.Order], error)
	executions func(since time.Time, a broker.Executions) broker.Executions
	place      func(ctx context.Context, id broker.AccountID, t broker.Ticket) (broker.Ack, error)
	cancel     func(ctx context.Context, id broker.AccountID, ref broker.Ref) error
	cancelByID func(ctx context.Context, id broker.AccountID, brokerID string) error
	quotes     func(q []broker.Quote) []broker.Quote
	watch      func(ctx context.Context) (<-chan broker.Event, error)
	close      func() error
}

func (b *broken) Accounts(ctx context.Context) (broker.Answer[broker.Account], error) {
	a, err := b.Broker.Accounts(ctx)
	if b.accounts != nil && err == nil {
		a = b.accounts(a)
	}
	return a, err
}

func (b *broken) Positions(ctx context.Context, id broker.AccountID) (broker.Answer[broker.Position], error) {
	a, err := b.Broker.Positions(ctx, id)
	if b.positions != nil {
		return b.positions(id, a, err)
	}
	return a, err
}

func (b *broken) Cash(ctx context.Context, id broker.AccountID) (broker.Answer[broker.Balance], error) {
	a, err := b.Broker.Cash(ctx, id)
	if b.cash != nil && err == nil {
		a = b.cash(a)
	}
	return a, err
}

func (b *broken) Orders(ctx context.Context, id broker.AccountID) (broker.Answer[broker.Order], error) {
	a, err := b.Broker.Orders(ctx, id)
	if b.orders != nil {
		return b.orders(id, a, err)
	}
	return a, err
}

func (b *broken) Executions(ctx context.Context, id broker.AccountID, since time.Time) (broker.Executions, error) {
	if b.executions == nil {
		return b.Broker.Executions(ctx, id, since)
	}
	a, err := b.Broker.Executions(ctx, id, time.Time{})
	if err == nil {
		a = b.executions(since, a)
	}
	return a, err
}

func (b *broken) Place(ctx context.Context, id broker.AccountID, t broker.Ticket) (broker.Ack, error) {
	if b.place != nil {
		return b.place(ctx, id, t)
	}
	return b.Broker.Place(ctx, id, t)
}

func (b *broken) Cancel(ctx context.Context, id broker.AccountID, ref broker.Ref) error {
	if b.cancel != nil {
		return b.cancel(ctx, id, ref)
	}
	return b.Broker.Cancel(ctx, id, ref)
}

func (b *broken) CancelByID(ctx context.Context, id broker.AccountID, brokerID string) error {
	if b.cancelByID != nil {
		return b.cancelByID(ctx, id, brokerID)
	}
	return b.Broker.CancelByID(ctx, id, brokerID)
}

func (b *broken) Quotes(ctx context.Context, contracts []ledger.Instrument) ([]broker.Quote, error) {
	q, err := b.Broker.Quotes(ctx, contracts)
	if b.quotes != nil && err == nil {
		q = b.quotes(q)
	}
	return q, err
}

func (b *broken) Watch(ctx context.Context) (<-chan broker.Event, error) {
	if b.watch != nil {
		return b.watch(ctx)
	}
	return b.Broker.Watch(ctx)
}

func (b *broken) Close() error {
	if b.close != nil {
		return b.close()
	}
	return b.Broker.Close()
}

// since keeps the executions of which keep holds, and says from when they are.
func since(keep func(t, since time.Time) bool) func(time.Time, broker.Executions) broker.Executions {
	return func(from time.Time, a broker.Executions) broker.Executions {
		a.From = from.UTC().Truncate(time.Microsecond)
		a.List = slices.DeleteFunc(a.List, func(e broker.Execution) bool { return !keep(e.Trade.Time, from) })
		return a
	}
}

// each changes every execution.
func each(change func(*broker.Execution)) func(*broken) {
	return func(b *broken) {
		b.executions = func(from time.Time, a broker.Executions) broker.Executions {
			a = since(func(t, since time.Time) bool { return !t.Before(since) })(from, a)
			for n := range a.List {
				change(&a.List[n])
			}
			return a
		}
	}
}

// placing lets orders be placed in another way.
func placing(place func(b *paper.Broker, ctx context.Context, id broker.AccountID, t broker.Ticket) (broker.Ack, error)) func(*broken) {
	return func(b *broken) {
		b.place = func(ctx context.Context, id broker.AccountID, t broker.Ticket) (broker.Ack, error) {
			return place(b.Broker, ctx, id, t)
		}
	}
}

var mutants = []struct {
	name   string
	caught string // the check that must fail
	breaks func(b *broken)
}{
	{"accounts are listed twice", "accounts", func(b *broken) {
		b.accounts = func(a broker.Answer[broker.Account]) broker.Answer[broker.Account] {
			a.List = append(a.List, a.List[0])
			return a
		}
	}},
	{"accounts are of no time", "accounts", func(b *broken) {
		b.accounts = func(a broker.Answer[broker.Account]) broker.Answer[broker.Account] { a.AsOf = time.Time{}; return a }
	}},
	{"an unknown account holds nothing", "foreign accounts", func(b *broken) {
		b.positions = func(_ broker.AccountID, a broker.Answer[broker.Position], _ error) (broker.Answer[broker.Position], error) {
			a.Complete, a.AsOf = true, time.Now().UTC()
			return a, nil
		}
	}},
	{"a segment is an account", "foreign accounts", func(b *broken) {
		b.orders = func(id broker.AccountID, a broker.Answer[broker.Order], err error) (broker.Answer[broker.Order], error) {
			if id == "DU1C" {
				return broker.Answer[broker.Order]{AsOf: time.Now().UTC(), Complete: true}, nil
			}
			return a, err
		}
	}},
	{"orders are never complete", "an order works", func(b *broken) {
		b.orders = func(_ broker.AccountID, a broker.Answer[broker.Order], err error) (broker.Answer[broker.Order], error) {
			a.Complete = false
			return a, err
		}
	}},
	{"orders are of the first account", "an order works", func(b *broken) {
		b.orders = func(_ broker.AccountID, _ broker.Answer[broker.Order], _ error) (broker.Answer[broker.Order], error) {
			return b.Broker.Orders(context.Background(), "DU1")
		}
	}},
	{"an ack has another id than the order", "an order works", placing(func(b *paper.Broker, ctx context.Context, id broker.AccountID, t broker.Ticket) (broker.Ack, error) {
		ack, err := b.Place(ctx, id, t)
		ack.BrokerID += "0"
		return ack, err
	})},
	{"orders forget their terms", "an order works", func(b *broken) {
		b.orders = func(_ broker.AccountID, a broker.Answer[broker.Order], err error) (broker.Answer[broker.Order], error) {
			for n := range a.List {
				a.List[n].Terms.OutsideHours = false
			}
			return a, err
		}
	}},
	{"executions are told under several ids", "an order fills", func(b *broken) {
		b.executions = func(from time.Time, a broker.Executions) broker.Executions {
			a = since(func(t, since time.Time) bool { return !t.Before(since) })(from, a)
			for _, e := range slices.Clone(a.List) {
				e.Trade.ExecID += "x"
				a.List = append(a.List, e)
			}
			return a
		}
	}},
	{"an execution comes with its correction", "an order fills", func(b *broken) {
		b.executions = func(from time.Time, a broker.Executions) broker.Executions {
			a = since(func(t, since time.Time) bool { return !t.Before(since) })(from, a)
			for n := range a.List {
				a.List[n].Trade.Quantity = dec("1.5") // the sum is right
			}
			a.List = append(a.List, a.List...)
			return a
		}
	}},
	{"times are local", "an order fills", each(func(e *broker.Execution) { e.Trade.Time = e.Trade.Time.In(time.FixedZone("EST", -5*3600)) })},
	{"executions have the library's ids", "an order fills", each(func(e *broker.Execution) { e.Trade.OrderID = "o" })},
	{"executions lose their references", "an order fills", each(func(e *broker.Execution) { e.Ref = "" })},
	{"executions are of another account", "an order fills", each(func(e *broker.Execution) { e.Account = "DU2" })},
	{"cash does not move", "sales", func(b *broken) {
		b.cash = func(a broker.Answer[broker.Balance]) broker.Answer[broker.Balance] {
			a.List[0].Cash = dec("5")
			return a
		}
	}},
	{"positions have no sign", "sales", func(b *broken) {
		b.positions = func(_ broker.AccountID, a broker.Answer[broker.Position], err error) (broker.Answer[broker.Position], error) {
			for n := range a.List {
				a.List[n].Quantity = a.List[n].Quantity.Abs()
			}
			return a, err
		}
	}},
	{"market orders wait", "market orders", placing(func(b *paper.Broker, ctx context.Context, id broker.AccountID, t broker.Ticket) (broker.Ack, error) {
		if t.Terms.Type == broker.MarketOrder {
			t.Terms.Type, t.Terms.Limit, t.Order.Price = broker.LimitOrder, dec("1"), dec("1")
		}
		return b.Place(ctx, id, t)
	})},
	{"stops are not waited for", "stops", placing(func(b *paper.Broker, ctx context.Context, id broker.AccountID, t broker.Ticket) (broker.Ack, error) {
		if !t.Terms.Stop.IsZero() {
			t.Order.Price, t.Terms = ledger.Decimal{}, broker.Terms{Type: broker.MarketOrder, TIF: broker.Day}
		}
		return b.Place(ctx, id, t)
	})},
	{"an order that is there is acknowledged again", "references are placed once", placing(func(b *paper.Broker, ctx context.Context, id broker.AccountID, t broker.Ticket) (broker.Ack, error) {
		ack, err := b.Place(ctx, id, t)
		if errors.Is(err, broker.ErrDuplicateRef) {
			return broker.Ack{BrokerID: "1", Status: broker.OrderWorking}, nil
		}
		return ack, err
	})},
	{"each account has its own references", "references are placed once", placing(func(b *paper.Broker, ctx context.Context, id broker.AccountID, t broker.Ticket) (broker.Ack, error) {
		if id == "DU2" {
			t.Ref += "-2"
		}
		return b.Place(ctx, id, t)
	})},
	{"a rejection is an unknown outcome", "rejections", placing(func(b *paper.Broker, ctx context.Context, id broker.AccountID, t broker.Ticket) (broker.Ack, error) {
		ack, err := b.Place(ctx, id, t)
		if errors.Is(err, broker.ErrRejected) {
			err = errors.Join(err, broker.ErrOutcomeUnknown)
		}
		return ack, err
	})},
	{"the held price is not looked at", "wrong tickets", placing(func(b *paper.Broker, ctx context.Context, id broker.AccountID, t broker.Ticket) (broker.Ack, error) {
		t.Order.Price = t.Terms.Worst()
		return b.Place(ctx, id, t)
	})},
	{"nothing is cancelled without a word", "cancelling", func(b *broken) {
		b.cancel = func(ctx context.Context, id broker.AccountID, ref broker.Ref) error {
			if err := b.Broker.Cancel(ctx, id, ref); !errors.Is(err, broker.ErrOrderNotFound) {
				return err
			}
			return nil
		}
	}},
	{"other accounts' orders are cancelled", "cancelling", func(b *broken) {
		b.cancel = func(ctx context.Context, id broker.AccountID, ref broker.Ref) error {
			return errors.Join(b.Broker.Cancel(ctx, id, ref), b.Broker.Cancel(ctx, "DU1", ref))
		}
	}},
	{"an id of none cancels all", "cancelling by id", func(b *broken) {
		b.cancelByID = func(ctx context.Context, id broker.AccountID, brokerID string) error {
			if brokerID == "none" {
				b.EndDay()
				return nil
			}
			return b.Broker.CancelByID(ctx, id, brokerID)
		}
	}},
	{"every order is cancelled", "cancelling by id", func(b *broken) {
		b.cancelByID = func(ctx context.Context, id broker.AccountID, brokerID string) error {
			err := b.Broker.CancelByID(ctx, id, brokerID)
			if err == nil {
				b.EndDay()
			}
			return err
		}
	}},
	{"executions of the moment are left out", "since when", func(b *broken) { b.executions = since(func(t, since time.Time) bool { return t.After(since) }) }},
	{"since is not looked at", "since when", func(b *broken) { b.executions = since(func(_, _ time.Time) bool { return true }) }},
	{"executions are from the beginning of time", "since when", func(b *broken) {
		b.executions = func(from time.Time, a broker.Executions) broker.Executions {
			a = since(func(t, since time.Time) bool { return !t.Before(since) })(from, a)
			a.From = time.Time{}
			return a
		}
	}},
	{"the newest execution comes first", "since when", func(b *broken) {
		b.executions = func(from time.Time, a broker.Executions) broker.Executions {
			a = since(func(t, since time.Time) bool { return !t.Before(since) })(from, a)
			slices.Reverse(a.List)
			return a
		}
	}},
	{"orders outlive their contexts", "contexts", placing(func(b *paper.Broker, ctx context.Context, id broker.AccountID, t broker.Ticket) (broker.Ack, error) {
		ack, err := b.Place(context.WithoutCancel(ctx), id, t)
		return ack, errors.Join(err, ctx.Err())
	})},
	{"a watch outlives its context", "watching", func(b *broken) {
		b.watch = func(ctx context.Context) (<-chan broker.Event, error) {
			return b.Broker.Watch(context.WithoutCancel(ctx))
		}
	}},
	{"a watch begins with nothing", "watching", func(b *broken) {
		b.watch = func(ctx context.Context) (<-chan broker.Event, error) {
			events, err := b.Broker.Watch(ctx)
			if err == nil {
				<-events
			}
			return events, err
		}
	}},
	{"a watch outlives the broker", "closing", func(b *broken) {
		b.watch = func(ctx context.Context) (<-chan broker.Event, error) {
			if _, err := b.Broker.Watch(ctx); err != nil {
				return nil, err
			}
			return make(chan broker.Event), nil
		}
	}},
	{"closing does nothing", "closing", func(b *broken) { b.close = func() error { return nil } }},
	{"the list is the broker's", "memory", func(b *broken) {
		var kept []broker.Position
		b.positions = func(_ broker.AccountID, a broker.Answer[broker.Position], err error) (broker.Answer[broker.Position], error) {
			if len(kept) != len(a.List) {
				kept = a.List
			}
			a.List = kept
			return a, err
		}
	}},
	{"quotes come in another order", "quotes", func(b *broken) {
		b.quotes = func(q []broker.Quote) []broker.Quote { slices.Reverse(q); return q }
	}},
	{"there is a quote of everything", "quotes", func(b *broken) {
		b.quotes = func(q []broker.Quote) []broker.Quote { return append(q, broker.Quote{Time: time.Now().UTC()}) }
	}},
}

// The suite passes a broker that keeps every promise, and none that breaks one.
func TestSuiteFindsBrokenBrokers(t *testing.T) {
	byName := map[string]check{}
	for _, c := range checks() {
		byName[c.name] = c
		t.Run("sound/"+c.name, func(t *testing.T) {
			_, bench := sound(t)
			require.Empty(t, record(t, c, bench))
		})
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			c, is := byName[m.caught]
			require.True(t, is, "there is no check %q", m.caught)
			inner, bench := sound(t)
			b := &broken{Broker: inner}
			m.breaks(b)
			bench.Broker = b
			require.NotEmpty(t, record(t, c, bench), "the suite passes a broker that is broken")
		})
	}
}
