package accounts_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
)

// tenYears gives every profile of a fleet a daily equity point and a daily trade over ten years.
func tenYears(b *testing.B) *fleet {
	f := newFleet(b)
	for n, p := range f.profiles {
		var facts []ledger.Fact
		equity := p.CapitalLevel.Amount()
		day := time.Date(2016, 1, 4, 21, 0, 0, 0, time.UTC)
		for i := range 2520 {
			step := dec(fmt.Sprint((i*7919+n*104729)%301 - 145))
			equity = equity.Add(step)
			facts = append(facts, ledger.EquityPoint{Time: day, Equity: equity, Cash: equity.Sub(dec("1000")), Capital: p.CapitalLevel.Amount()})
			quantity := []string{"10", "-10"}[i%2]
			facts = append(facts, ledger.Trade{ExecID: ledger.ExecID(fmt.Sprintf("e-%d", i)), Instrument: xyz, Quantity: dec(quantity),
				Price: dec("100").Add(dec(fmt.Sprint(i % 13))), Commission: dec("1"), Time: day})
			if day = day.AddDate(0, 0, 1); day.Weekday() == time.Saturday {
				day = day.AddDate(0, 0, 2)
			}
		}
		_, err := f.open(b, p.ID).Record(b.Context(), facts...)
		require.NoError(b, err)
	}
	return f
}

// BenchmarkCompare compares four profiles over ten years of daily equity, again and again, as a screen would.
func BenchmarkCompare(b *testing.B) {
	f := tenYears(b)
	c, err := f.manager.Compare(b.Context(), performance.Window{})
	require.NoError(b, err)
	require.Len(b, c.Standings, 4)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if _, err := f.manager.Compare(b.Context(), performance.Window{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompareFirst is the first comparison of a manager, which opens the portfolios and reads their journals.
func BenchmarkCompareFirst(b *testing.B) {
	f := tenYears(b)
	for range b.N {
		m, err := accounts.New(f.store)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.Compare(b.Context(), performance.Window{}); err != nil {
			b.Fatal(err)
		}
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPerformanceAgain works out the performance of a profile with 100,000 trades that was asked for before.
func BenchmarkPerformanceAgain(b *testing.B) {
	p := fillJournal(b, 100_000).Portfolio
	_, err := p.Performance(b.Context(), performance.Window{})
	require.NoError(b, err)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if _, err := p.Performance(b.Context(), performance.Window{}); err != nil {
			b.Fatal(err)
		}
	}
}
