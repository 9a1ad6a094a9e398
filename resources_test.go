package accounts_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// heap is how many bytes are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A portfolio that does little needs little: some kilobytes, and no goroutine. Nor does a subscriber
// who never reads need more than one event for each kind and profile, however much happens.
func TestManyPortfoliosAreSmall(t *testing.T) {
	const profiles, subscribers, rounds = 300, 20, 3
	m := newManagerOn(t, memstore.New())
	for n := range profiles {
		_, err := m.CreateProfile(t.Context(), onAccount(accounts.ProfileID(fmt.Sprintf("p%04d", n)), fmt.Sprint("DU", 1000000+n)))
		require.NoError(t, err)
	}
	before, goroutines := heap(), runtime.NumGoroutine()
	var open []*accounts.Portfolio
	for n := range profiles {
		p, err := m.Portfolio(t.Context(), accounts.ProfileID(fmt.Sprintf("p%04d", n)))
		require.NoError(t, err)
		require.NoError(t, errOf(p.Record(t.Context(), ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("50000"), Time: at(0)})))
		open = append(open, p)
	}
	require.NoError(t, m.Mark(t.Context(), ledger.Mark{Instrument: xyz, Price: dec("100"), Time: now}))
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines+2 }, time.Minute, time.Millisecond, "open portfolios keep goroutines")
	require.Less(t, (heap()-before)/profiles, int64(20<<10), "bytes of a portfolio with one entry and one mark")

	for range subscribers {
		_, err := m.Subscribe(t.Context())
		require.NoError(t, err)
	}
	route := func(round int) {
		out, err := m.Route(t.Context(), accounts.Signal{ID: risk.SignalID(fmt.Sprint("s", round)), Instrument: ledger.NewStock("NOMARK", "USD"), Action: accounts.SignalBuy})
		require.NoError(t, err)
		require.Len(t, out, profiles)
	}
	route(0)
	first := heap()
	for n := range rounds {
		route(n + 1)
	}
	grown := heap() - first
	require.Less(t, grown, int64(rounds*profiles*(8<<10)), "bytes of %d refusals, and of subscribers who never read", rounds*profiles)
	runtime.KeepAlive(open)
}
