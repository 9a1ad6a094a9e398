package accounts_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/sizing"
	"github.com/ai-ots/accounts/store/memstore"
)

// BenchmarkRoute routes signals to ever more profiles, every one open and marked, with at most eight orders
// at work; letting go of them is not counted.
func BenchmarkRoute(b *testing.B) {
	for _, n := range []int{4, 100, 10_000} {
		b.Run(fmt.Sprintf("profiles=%d", n), func(b *testing.B) {
			m := manyProfiles(b, n)
			signals := make([]accounts.Signal, b.N)
			for i := range signals {
				signals[i] = accounts.Signal{ID: risk.SignalID(fmt.Sprintf("s-%d", i)), Instrument: xyz, Action: accounts.SignalBuy, Price: dec(fmt.Sprintf("99.%04d", i%10_000))}
			}
			warm := signals[0]
			warm.ID = "warm" // the first makes entries of its own: the policy, an equity point
			_, err := m.Route(b.Context(), warm, accounts.WithSizer(sizing.FixedNotional{Amount: dec("200")}))
			require.NoError(b, err)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				out, err := m.Route(b.Context(), signals[i], accounts.WithSizer(sizing.FixedNotional{Amount: dec("150")}))
				if err != nil || !out[0].Held() || !out[n-1].Held() {
					b.Fatal(err, out[0].Err, out[n-1].Err)
				}
				if i%8 == 7 {
					b.StopTimer()
					releaseAll(b, m, signals[i-7:i+1], out)
					b.StartTimer()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/profile")
		})
	}
}

func releaseAll(b *testing.B, m *accounts.MultiAccountManager, signals []accounts.Signal, in []accounts.Allocation) {
	for _, a := range in {
		portfolio, err := m.Portfolio(b.Context(), a.ProfileID)
		require.NoError(b, err)
		for _, s := range signals {
			require.NoError(b, portfolio.Release(b.Context(), ledger.OrderID(string(s.ID)+"@"+string(a.ProfileID)), "cancelled"))
		}
	}
}

// manyProfiles returns a manager with n profiles that have next to no limits.
func manyProfiles(b *testing.B, n int) *accounts.MultiAccountManager {
	b.Helper()
	store := memstore.New()
	var ticks atomic.Int64 // a second for each signal and more, as a live clock would let orders grow old
	m, err := accounts.New(store, accounts.WithClock(func() time.Time { return now.Add(time.Duration(ticks.Add(1)) * time.Second / time.Duration(n)) }))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, m.Close()) })
	limits := accounts.DefaultLimits(accounts.Level100K, accounts.RiskHigh)
	limits.OrdersPerMinute, limits.OrdersPerDay = 0, 0
	limits.PositionSize, limits.UnderlyingSize, limits.MarkAge = risk.Limit{}, risk.Limit{}, 366*24*time.Hour
	limits.Leverage = dec("99")
	for i := range n {
		p := accounts.Optimal100K("DU1000100")
		p.ID, p.Name, p.Limits = accounts.ProfileID(fmt.Sprintf("p%05d", i)), fmt.Sprintf("Profile %d", i), &limits
		_, err := m.CreateProfile(b.Context(), p)
		require.NoError(b, err)
		portfolio, err := m.Portfolio(b.Context(), p.ID)
		require.NoError(b, err)
		require.NoError(b, errOf(portfolio.Record(b.Context(), ledger.CashMovement{ID: "capital", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: at(0)})))
		require.NoError(b, portfolio.Mark(ledger.Mark{Instrument: xyz, Price: dec("100"), Time: now}))
	}
	return m
}
