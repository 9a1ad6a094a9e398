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
	"github.com/ai-ots/accounts/store/memstore"
)

// everyRule are limits of which none is left out, wide enough for the order of benchOrder.
func everyRule() *risk.Limits {
	l := accounts.DefaultLimits(accounts.Level250K, accounts.RiskHigh)
	wide := risk.Limit{Amount: dec("100000000"), Fraction: dec("3")}
	l.MarkAge = 366 * 24 * time.Hour
	l.AllowedSymbols = []string{"XYZ"}
	for i := range 50 {
		l.AllowedSymbols = append(l.AllowedSymbols, fmt.Sprintf("S%02d", i))
	}
	l.RestrictedSymbols = []string{"BAD"}
	l.TradesPerDay, l.OpenPositions = 1000, 100
	l.OrdersPerDay = 1_000_000_000
	l.PositionSize, l.UnderlyingSize, l.GrossExposure, l.NetExposure = wide, wide, wide, wide
	l.StrategyExposure, l.SectorExposure = wide, wide
	l.DayTrading = []risk.DatedPolicy{{Policy: risk.IntradayMargin}}
	return &l
}

// riskBench is a profile with 50 positions, half of them options, all marked, and every rule on.
func riskBench(b testing.TB) *bench {
	var ticks atomic.Int64 // two seconds a call, as a live clock would let orders grow old
	m, err := accounts.New(memstore.New(), accounts.WithClock(func() time.Time { return now.Add(time.Duration(ticks.Add(2)) * time.Second) }))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, m.Close()) })
	p, err := m.CreateProfile(b.Context(), accounts.Optimal100K("DU1000100"))
	require.NoError(b, err)
	ben := &bench{Manager: m, Profile: p}
	ben.Portfolio = ben.Open(b)
	p.Limits = everyRule()
	p, err = m.UpdateProfile(b.Context(), p)
	require.NoError(b, err)
	ben.Profile = p
	facts := []ledger.Fact{ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("1000000"), Time: at(0)}}
	marks := []ledger.Mark{{Instrument: xyz, Price: dec("41.37"), Time: now}}
	for i := range 50 {
		c := ledger.NewStock(fmt.Sprintf("S%02d", i), "USD")
		quantity := "10"
		if i%2 == 1 {
			c, quantity = ledger.NewOption(fmt.Sprintf("S%02d", i), 20270115, ledger.Call, dec("50"), "USD"), "1"
		}
		facts = append(facts, trade(i, c, quantity, "20"))
		marks = append(marks, ledger.Mark{Instrument: c, Price: dec("20.5"), Time: now})
	}
	ben.Record(b, facts...)
	require.NoError(b, ben.Portfolio.Mark(marks...))
	require.NoError(b, ben.Portfolio.RecordEquity(b.Context(), now))
	return ben
}

func benchOrder(id ledger.OrderID) risk.Order {
	return risk.Order{ID: id, Instrument: xyz, Quantity: dec("100"), Price: dec("41.4"), Strategy: "trend", Sector: "tech"}
}

func TestCheckDoesNotAllocate(t *testing.T) {
	ben := riskBench(t)
	stock, option := benchOrder("a"), benchOrder("b")
	option.Instrument, option.Quantity, option.Price = ledger.NewOption("S01", 20270115, ledger.Call, dec("50"), "USD"), dec("1"), dec("20.6")
	for name, o := range map[string]risk.Order{"a stock that is new": stock, "an option that is held": option} {
		d := ben.Portfolio.Check(o)
		require.True(t, d.Allowed, "%s: %s", name, d)
		require.Zero(t, testing.AllocsPerRun(100, func() { ben.Portfolio.Check(o) }), "Check of %s allocates", name)
	}
}

func BenchmarkCheck(b *testing.B) {
	ben := riskBench(b)
	o := benchOrder("a")
	require.True(b, ben.Portfolio.Check(o).Allowed, ben.Portfolio.Check(o).String())
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		ben.Portfolio.Check(o)
	}
}

// BenchmarkReserve reserves and releases on a book of 50 positions with every rule on; what Reserve
// alone takes is reported besides.
func BenchmarkReserve(b *testing.B) {
	ben := riskBench(b)
	ids := make([]ledger.OrderID, b.N)
	for i := range ids {
		ids[i] = ledger.OrderID(fmt.Sprintf("order-%08d", i))
	}
	o := benchOrder("")
	o.Instrument, o.Price = ledger.NewStock("S02", "USD"), dec("20.6")
	sizes := []ledger.Decimal{dec("100"), dec("101"), dec("102"), dec("103")} // not the same order twice
	var reserving time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		o.ID, o.Quantity = ids[i], sizes[i%len(sizes)]
		begin := time.Now()
		if _, err := ben.Portfolio.Reserve(b.Context(), o); err != nil {
			b.Fatal(err)
		}
		reserving += time.Since(begin)
		if err := ben.Portfolio.Release(b.Context(), o.ID, "benchmark"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(reserving.Nanoseconds())/float64(b.N), "ns/reserve")
}
