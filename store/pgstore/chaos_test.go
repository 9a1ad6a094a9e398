package pgstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// chaos is managers behind a proxy that cuts and stalls, and what was done with them.
type chaos struct {
	portfolios []*accounts.Portfolio
	calls      chan struct{} // one for each call that ended, however

	mu      sync.Mutex
	fills   map[ledger.ExecID]bool
	decided map[ledger.OrderID]bool // whether it was held
	unknown int
}

// again repeats a call, with contexts that end at random, until it ends well or is refused, and counts how
// often nobody knew what became of it.
func (c *chaos) again(t *testing.T, do func(context.Context, *accounts.Portfolio) error) error {
	for n := 0; ; n++ {
		patience := time.Duration(1+rand.IntN(300)) * time.Millisecond
		if n > 50 {
			patience = time.Minute
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err := do(ctx, c.portfolios[rand.IntN(len(c.portfolios))])
		cancel()
		select {
		case c.calls <- struct{}{}:
		default:
		}
		if err == nil || errors.Is(err, accounts.ErrRefused) || n > 100 {
			return err
		}
		if errors.Is(err, accounts.ErrOutcomeUnknown) {
			c.mu.Lock()
			c.unknown++
			c.mu.Unlock()
		}
	}
}

// work reserves, releases and records.
func (c *chaos) work(t *testing.T, worker, times int) error {
	var held []ledger.OrderID
	for n := range times {
		var err error
		switch rand.IntN(4) {
		case 0, 1:
			o := risk.Order{ID: ledger.OrderID(fmt.Sprint(worker, "-", n)), Instrument: xyz, Quantity: udecimal.MustFromInt64(1+int64(n%7), 0), Price: udecimal.MustParse("10")}
			err = c.again(t, func(ctx context.Context, p *accounts.Portfolio) error { _, err := p.Reserve(ctx, o); return err })
			c.mu.Lock()
			c.decided[o.ID] = err == nil
			c.mu.Unlock()
			if err == nil {
				held = append(held, o.ID)
			}
		case 2:
			if len(held) > 0 {
				err = c.again(t, func(ctx context.Context, p *accounts.Portfolio) error { return p.Release(ctx, held[0], "chaos") })
				held = held[1:]
			}
		case 3:
			f := ledger.Trade{ExecID: ledger.ExecID(fmt.Sprintf("%04d.%06d.01.01", worker, n)), Instrument: xyz,
				Quantity: udecimal.MustFromInt64(int64(1-2*(n%2)), 0), Price: udecimal.MustParse("10"), Time: time.Now()}
			err = c.again(t, func(ctx context.Context, p *accounts.Portfolio) error { _, err := p.Record(ctx, f); return err })
			c.mu.Lock()
			c.fills[f.ExecID] = true
			c.mu.Unlock()
		}
		if err != nil && !errors.Is(err, accounts.ErrRefused) {
			return err
		}
	}
	return nil
}

// Two managers whose connections are cut and whose answers are lost, and whose callers leave at random and
// repeat whatever did not end well: in the journal is everything that was acknowledged, once.
func TestCallersThatLeaveAmongCutConnections(t *testing.T) {
	t.Parallel()
	server, _ := ownServer(t)
	proxy := pgtest.NewProxy(t, server)
	c := &chaos{calls: make(chan struct{}), fills: map[ledger.ExecID]bool{}, decided: map[ledger.OrderID]bool{}}
	id := testProfile(0).ID
	for range 2 {
		s, err := Open(t.Context(), proxy.DSN())
		require.NoError(t, err, "Open failed")
		t.Cleanup(func() { _ = s.Close() }) // its connections may just have been cut
		m, err := accounts.New(s)
		require.NoError(t, err, "manager")
		t.Cleanup(func() { require.NoError(t, m.Close(), "Close failed") })
		p, err := m.Portfolio(t.Context(), id)
		require.NoError(t, err, "Portfolio failed")
		require.NoError(t, p.Mark(ledger.Mark{Instrument: xyz, Price: udecimal.MustParse("10"), Time: time.Now()}), "Mark failed")
		c.portfolios = append(c.portfolios, p)
	}
	cutting, stop := context.WithCancel(t.Context())
	var faults, workers group
	faults.Go(func() error {
		for n := 0; cutting.Err() == nil; n++ {
			var next <-chan struct{} = c.calls
			if n%3 == 0 {
				next = proxy.HoldAnswers()
			}
			for range 1 + rand.IntN(8)*(n%3) {
				select {
				case <-next:
				case <-cutting.Done():
				}
			}
			proxy.Cut()
		}
		return nil
	})
	for w := range 4 {
		workers.Go(func() error { return c.work(t, w, rounds(15, 300)) })
	}
	err := workers.Wait()
	stop()
	require.NoError(t, errors.Join(err, faults.Wait()), "a call never ended well")
	c.requireOnce(t, server.DSN(), id)
	t.Logf("%d outcomes were not known", c.unknown)
}

// requireOnce requires that the journal has each thing that was done once, and nothing else.
func (c *chaos) requireOnce(t *testing.T, dsn string, id accounts.ProfileID) {
	t.Helper()
	s, err := Open(t.Context(), dsn)
	require.NoError(t, err, "Open failed")
	defer func() { require.NoError(t, s.Close(), "Close failed") }()
	require.NoError(t, s.Verify(t.Context(), id), "Verify failed")
	fills, decided, undecided := map[ledger.ExecID]bool{}, map[ledger.OrderID]bool{}, map[ledger.OrderID]bool{}
	for e, err := range s.Entries(t.Context(), id, 0) {
		require.NoError(t, err, "read")
		payload, err := e.Decode()
		require.NoError(t, err, "decode")
		switch f := payload.(type) {
		case *risk.Hold:
			require.NotContains(t, decided, f.Order.ID, "decided twice")
			decided[f.Order.ID] = true
		case *risk.Refusal:
			require.NotContains(t, decided, f.Order.ID, "decided twice")
			if f.Undecided { // which may come again
				undecided[f.Order.ID] = true
				continue
			}
			decided[f.Order.ID] = false
		case *ledger.Trade:
			require.NotContains(t, fills, f.ExecID, "recorded twice")
			fills[f.ExecID] = true
		case *ledger.Amendment:
			if f.Trade != nil {
				require.NotContains(t, fills, f.Trade.ExecID, "recorded twice")
				fills[f.Trade.ExecID] = true
			}
		}
	}
	for id := range undecided {
		if _, later := decided[id]; !later {
			decided[id] = false
		}
	}
	require.Equal(t, c.fills, fills, "the executions of the journal")
	require.Equal(t, c.decided, decided, "the orders of the journal")
}
