package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

// observe makes an Observer of a function.
type observe func(context.Context, accounts.Observation)

func (f observe) Observe(ctx context.Context, o accounts.Observation) { f(ctx, o) }

// tally counts observations by kind and operation, and keeps them in order.
type tally struct {
	mu     sync.Mutex
	counts map[string]int64
	order  []accounts.Observation
}

func (c *tally) Observe(_ context.Context, o accounts.Observation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]int64{}
	}
	c.counts[string(o.Kind)+" "+o.Op]++
	c.order = append(c.order, o)
}

func (c *tally) count(what string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[what]
}

// take returns what was observed since the last time.
func (c *tally) take() (list []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.order {
		text := fmt.Sprintf("%s %s %s %d", o.Kind, o.Op, o.ProfileID, o.Count)
		if o.Err != nil {
			text += " failed"
		}
		list = append(list, text)
	}
	c.order = nil
	return list
}

func TestNilOptionsAreRefused(t *testing.T) {
	_, err := accounts.New(newStore(t), accounts.WithCredentialStore(nil), accounts.WithLogger(nil), accounts.WithObserver(nil), nil)
	require.Equal(t, []string{"ManagerOption", "WithCredentialStore", "WithLogger", "WithObserver"}, wrongFields(t, err), "not every nil was found")
	require.ErrorIs(t, err, accounts.ErrInvalid)
}

// Each step makes these observations and no others, in this order.
func TestObservations(t *testing.T) {
	ctx := t.Context()
	seen := &tally{}
	failing := errors.New("gateway does not answer")
	m := newManager(t, alone(memstore.New()), accounts.WithObserver(seen), accounts.WithClock(func() time.Time { return now }),
		accounts.OnSwitch(func(context.Context, accounts.AccountProfile, accounts.AccountProfile) error { return nil }),
		accounts.OnSwitch(func(context.Context, accounts.AccountProfile, accounts.AccountProfile) error { return failing }))
	require.Equal(t, []string{"store watch  0"}, seen.take())
	create(t, ctx, m, "a")
	require.Equal(t, []string{"store profiles  0", "store create_profile a 0", "store profiles  1"}, seen.take())
	p, err := m.Portfolio(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, []string{"store profile a 0", "store profile a 0", "store checkpoint a 0 failed", "store entries a 0", "open open a 0"}, seen.take())

	stale := order("o", xyz, "1", "10")
	for _, step := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"record", func() error { return errOf(p.Record(ctx, deposit(t, "1"), trade(1, xyz, "1", "10"))) },
			[]string{"store append a 2", "command record a 2"}},
		{"record again", func() error { return errOf(p.Record(ctx, deposit(t, "1"), trade(2, xyz, "1", "10"))) },
			[]string{"store append a 2 failed", "store entries a 1", "store append a 1", "command record a 2"}},
		{"halt", func() error { return p.Halt(ctx, "test") }, []string{"store append a 1", "command state a 0"}},
		{"reserve", func() error { _, err := p.Reserve(ctx, stale); return notRefused(err) },
			[]string{"store append a 2", "command reserve a 0"}},
		{"release", func() error { return notFound(p.Release(ctx, "x", "test")) },
			[]string{"store lookup a 1", "store entries a 0", "command release a 0 failed"}},
		{"route", func() error {
			_, err := m.Route(ctx, accounts.Signal{ID: "s", Instrument: xyz, Action: accounts.SignalBuy})
			return err
		}, []string{"store profiles  1", "store lookup a 1", "store entries a 0", "store append a 1", "command route a 0"}},
		{"equity", func() error {
			require.NoError(t, p.Mark(ledger.Mark{Instrument: xyz, Price: dec("10"), Time: now}))
			return p.RecordEquity(ctx, now)
		}, []string{"store append a 1", "command record_equity a 1"}},
		{"checkpoint", func() error { return p.SaveCheckpoint(ctx) }, []string{"store save_checkpoint a 0"}},
		{"switch", func() error {
			_, err := m.SwitchProfile(ctx, "a")
			require.ErrorIs(t, err, failing)
			return nil
		}, []string{"store profile a 0", "store active_profile  0 failed", "hook switch a 1", "hook switch a 2 failed", "hook undo  1"}},
	} {
		require.NoError(t, step.do(), step.name)
		require.Equal(t, step.want, seen.take(), step.name)
	}
}

func notRefused(err error) error {
	if errors.Is(err, accounts.ErrRefused) {
		return nil
	}
	return fmt.Errorf("not refused: %w", err)
}

func notFound(err error) error {
	if errors.Is(err, accounts.ErrOrderNotFound) {
		return nil
	}
	return fmt.Errorf("found: %w", err)
}

type spanKey struct{}

// What is observed under a caller's context has its values, and begins and ends by the stopwatch.
func TestObservationsConnectToTraces(t *testing.T) {
	var watch stopwatch
	store := &hookedStore{Store: alone(memstore.New())}
	var spans []string
	begins := map[string]time.Time{}
	took := map[string]time.Duration{}
	m := newManager(t, store, accounts.WithStopwatch(watch.now), accounts.WithObserver(observe(func(ctx context.Context, o accounts.Observation) {
		spans = append(spans, fmt.Sprintf("%v: %s %s", ctx.Value(spanKey{}), o.Kind, o.Op))
		begins[o.Op], took[o.Op] = o.Begin, o.Duration
	})))
	create(t, t.Context(), m, "a")
	spans = nil
	store.append = func(ctx context.Context, b accounts.Batch) error {
		watch.advance(time.Second)
		return store.Store.Append(ctx, b)
	}
	p, err := m.Portfolio(context.WithValue(t.Context(), spanKey{}, "opening"), "a")
	require.NoError(t, err)
	require.NoError(t, errOf(p.Record(context.WithValue(t.Context(), spanKey{}, "recording"), deposit(t, "1"))))
	require.Equal(t, []string{
		"opening: store profile", "opening: store profile", "opening: store checkpoint", "opening: store entries", "opening: open open",
		"recording: store append", "recording: command record",
	}, spans)
	require.Equal(t, []time.Time{now, now}, []time.Time{begins["append"], begins["record"]})
	require.Equal(t, []time.Duration{time.Second, time.Second}, []time.Duration{took["append"], took["record"]})
}

// An observer that panics harms nobody: neither the leader, nor those who wait, nor the next observer.
func TestObserverThatPanics(t *testing.T) {
	logs := &logLines{}
	seen := &tally{}
	wild := observe(func(_ context.Context, o accounts.Observation) { panic("cannot count " + o.Op) })
	m := newManager(t, alone(memstore.New()), accounts.WithObserver(wild), accounts.WithObserver(seen), accounts.WithLogger(logs.logger()))
	create(t, t.Context(), m, "a")
	p, err := m.Portfolio(t.Context(), "a")
	require.NoError(t, err)
	const callers = 20
	var wg sync.WaitGroup
	for n := range callers {
		wg.Go(func() {
			if err := errOf(p.Record(t.Context(), trade(n, xyz, "1", "10"))); err != nil {
				t.Errorf("caller %d: %v", n, err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, callers, p.Seq())
	require.EqualValues(t, callers, seen.count("command record"), "the next observer was left out")
	var all int64
	for n := range maps.Values(seen.counts) {
		all += n
	}
	require.Equal(t, all, m.Stats().ObserverPanics)
	require.Equal(t, []string{"ERROR observer panicked err=cannot count watch"}, logs.take(), "logged more than once, or not at all")
}

// An observer may look at the figures.
func TestObserverAsksForStats(t *testing.T) {
	var m *accounts.MultiAccountManager
	var p *accounts.Portfolio
	var highest int64
	m = newManager(t, alone(memstore.New()), accounts.WithObserver(observe(func(context.Context, accounts.Observation) {
		if m != nil {
			highest = max(highest, m.Stats().Entries)
		}
		if p != nil {
			highest = max(highest, p.Stats().Entries)
		}
	})))
	create(t, t.Context(), m, "a")
	p, err := m.Portfolio(t.Context(), "a")
	require.NoError(t, err)
	require.NoError(t, errOf(p.Record(t.Context(), deposit(t, "1"))))
	require.EqualValues(t, 1, highest)
}

// nop observes nothing.
type nop struct{}

func (nop) Observe(context.Context, accounts.Observation) {}

// What is counted and observed costs the paths that are taken all day no allocation.
func TestObservingDoesNotAllocate(t *testing.T) {
	const runs, tries = 200, 10
	record := func(opts ...accounts.ManagerOption) (*accounts.Portfolio, func()) {
		store := memstore.New()
		m := newManager(t, store, append(opts, accounts.WithClock(func() time.Time { return now }))...)
		create(t, t.Context(), m, "a")
		p, err := m.Portfolio(t.Context(), "a")
		require.NoError(t, err)
		ids := execIDs(tries * (runs + 1))
		f := trade(1, xyz, "100", "41.37")
		facts := []ledger.Fact{f}
		n := 0
		return p, func() {
			f.ExecID = ids[n]
			n++
			facts[0] = f
			if _, err := p.Record(t.Context(), facts...); err != nil {
				t.Error(err)
			}
		}
	}
	_, plain := record()
	p, observed := record(accounts.WithObserver(nop{}), accounts.WithObserver(nop{}))
	// Under the race detector a sync.Pool forgets commands at random: three allocations each.
	least := func(do func()) float64 { // what the manager's watch allocates meanwhile is counted too, now and then
		n := testing.AllocsPerRun(runs, do)
		for range tries - 1 {
			n = min(n, testing.AllocsPerRun(runs, do))
		}
		return n
	}
	require.LessOrEqual(t, least(plain), allocsOfRecord, "Record")
	require.LessOrEqual(t, least(observed), allocsOfRecord, "Record that is observed")

	require.Zero(t, testing.AllocsPerRun(runs, func() { p.Stats() }), "Stats of a portfolio")
}
