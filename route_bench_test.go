package accounts_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/memstore"
)

// BenchmarkRoute routes signals to ever more profiles, every one open and marked. Each has room for all of them.
func BenchmarkRoute(b *testing.B) {
	for _, n := range []int{4, 100, 10_000} {
		b.Run(fmt.Sprintf("profiles=%d", n), func(b *testing.B) {
			m := manyProfiles(b, n)
			signals := make([]accounts.Signal, b.N)
			for i := range signals {
				signals[i] = accounts.Signal{ID: accounts.SignalID(fmt.Sprintf("s-%d", i)), Instrument: xyz, Action: accounts.SignalBuy, Price: dec(fmt.Sprintf("99.%04d", i%10_000))}
			}
			warm := signals[0]
			warm.ID = "warm" // the first makes entries of its own: the policy, an equity point
			_, err := m.Route(b.Context(), warm, accounts.WithSizer(accounts.FixedNotional{Amount: dec("200")}))
			require.NoError(b, err)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				out, err := m.Route(b.Context(), signals[i], accounts.WithSizer(accounts.FixedNotional{Amount: dec("150")}))
				if err != nil || !out[0].Held() || !out[n-1].Held() {
					b.Fatal(err, out[0].Err, out[n-1].Err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/profile")
		})
	}
}

// manyProfiles returns a manager with n profiles that have next to no limits.
func manyProfiles(b *testing.B, n int) *accounts.MultiAccountManager {
	b.Helper()
	store := memstore.New()
	m := newManagerOn(b, store)
	limits := accounts.DefaultLimits(accounts.Level100K, accounts.RiskHigh)
	limits.OrdersPerMinute, limits.OrdersPerDay = 0, 0
	limits.PositionSize, limits.UnderlyingSize, limits.MarkAge = accounts.Limit{}, accounts.Limit{}, time.Hour
	limits.Leverage = dec("99")
	for i := range n {
		p := accounts.Optimal100K("DU1000100")
		p.ID, p.Name, p.Limits = accounts.ProfileID(fmt.Sprintf("p%05d", i)), fmt.Sprintf("Profile %d", i), &limits
		_, err := m.CreateProfile(b.Context(), p)
		require.NoError(b, err)
		portfolio, err := m.Portfolio(b.Context(), p.ID)
		require.NoError(b, err)
		require.NoError(b, portfolio.RecordCash(b.Context(), accounts.CashMovement{ID: "capital", Kind: accounts.Deposit, Currency: "USD", Amount: dec("100000"), Time: at(0)}))
		require.NoError(b, portfolio.Mark(accounts.Mark{Instrument: xyz, Price: dec("100"), Time: now}))
	}
	return m
}
