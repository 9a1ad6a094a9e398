package gatewaysim_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ibkr/gatewaysim"
)

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func paced(t *testing.T, address *gatewaysim.Address) (*bench, *clock) {
	t.Helper()
	c := &clock{now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
	return open(t, func(config *gatewaysim.Config) {
		config.Address, config.Pacing = address, gatewaysim.Pacing{Clock: c.read, Slack: -1}
	}), c
}

func (b *bench) statusOf(path string) int { s, _ := b.try("GET", path, ""); return s }

// An eleventh request in a second locks the address for ten minutes, for every login behind it.
func TestPacing(t *testing.T) {
	address := &gatewaysim.Address{}
	b, now := paced(t, address)
	other, others := paced(t, address)
	for range 3 {
		for range 10 {
			require.Equal(t, 200, b.statusOf("/iserver/auth/status"))
		}
		now.move(time.Second)
		others.move(time.Second)
	}
	require.Zero(t, b.Excesses())
	for range 10 {
		require.Equal(t, 200, b.statusOf("/iserver/auth/status"))
	}
	require.Equal(t, 429, b.statusOf("/iserver/auth/status"))
	require.Equal(t, []int{1, 0}, []int{b.Excesses(), b.WhileLocked()})
	require.Equal(t, 429, other.statusOf("/iserver/auth/status"), "another login of the address")
	require.Equal(t, []int{0, 1}, []int{other.Excesses(), other.WhileLocked()})
	others.move(10*time.Minute - time.Second)
	require.Equal(t, 429, other.statusOf("/iserver/auth/status"))
	others.move(time.Second)
	require.Equal(t, 200, other.statusOf("/iserver/auth/status"))
	address.Unlock()
	now.move(time.Second)
	require.Equal(t, 200, b.statusOf("/iserver/auth/status"))
}

// A slow route takes a request in five seconds, each on its own.
func TestSlowRoutes(t *testing.T) {
	slow := []string{"/iserver/account/orders", "/iserver/account/trades", "/portfolio/accounts", "/portfolio/subaccounts", "/iserver/account/pnl/partitioned"}
	for _, path := range slow {
		b, now := paced(t, nil)
		require.Equal(t, 200, b.statusOf(path), path)
		now.move(5 * time.Second)
		for _, each := range slow {
			require.Equal(t, 200, b.statusOf(each), each)
		}
		now.move(5*time.Second - 1)
		require.Equal(t, 429, b.statusOf(path), path)
		require.Equal(t, 1, b.Excesses())
	}
}

// A request that came earlier than it may by less than the slack was held up on its way, and is no excess.
func TestSlack(t *testing.T) {
	c := &clock{now: time.Unix(1e9, 0)}
	b := open(t, func(config *gatewaysim.Config) { config.Pacing = gatewaysim.Pacing{Clock: c.read} })
	for n := range 21 {
		if n > 0 && n%10 == 0 {
			c.move(900 * time.Millisecond)
		}
		require.Equal(t, 200, b.statusOf("/iserver/auth/status"), "request %d", n)
	}
	require.Zero(t, b.Excesses())
}

func TestLockedByFault(t *testing.T) {
	b, _ := paced(t, nil)
	b.inject(gatewaysim.Fault{Kind: gatewaysim.LockAddress})
	require.Equal(t, 429, b.statusOf("/iserver/auth/status"))
	require.Equal(t, 429, b.statusOf("/iserver/auth/status"))
	require.Equal(t, []int{0, 1}, []int{b.Excesses(), b.WhileLocked()})
}

// The pacing can go by the market's clock.
func TestPacingByMarket(t *testing.T) {
	m, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{})
	require.NoError(t, err)
	b := open(t, func(c *gatewaysim.Config) { c.Market, c.Pacing = m, gatewaysim.Pacing{Clock: m.Now} })
	require.Equal(t, 200, b.statusOf("/iserver/account/trades"))
	m.Advance(5 * time.Second)
	require.Equal(t, 200, b.statusOf("/iserver/account/trades"))
	require.Equal(t, 429, b.statusOf("/iserver/account/trades"))
	m.Advance(10 * time.Minute)
	b.LogIn()
	require.Equal(t, 200, b.statusOf("/iserver/account/trades"))
}
