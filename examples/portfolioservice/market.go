package main

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/ledger"
)

// market is where prices come from: a few stocks whose prices swing around a middle. A price
// follows from the seed and the time alone, so that every process with the same seed has the same
// prices. It is simulated: no price is a stock's real one.
type market struct {
	stocks []stock
}

// stock is a contract with the middle of its prices, and the phases of its swings.
type stock struct {
	ledger.Instrument
	cents       float64
	slow, quick float64
}

// The swings: a price stays within 3 % of its middle.
const (
	slowSwing, slowPeriod   = 0.025, 11 * time.Minute
	quickSwing, quickPeriod = 0.005, 47 * time.Second
)

func newMarket(seed uint64) *market {
	chance := rand.New(rand.NewPCG(seed, seed))
	m := &market{}
	for _, s := range []struct {
		symbol string
		price  float64
	}{{"SPY", 600}, {"QQQ", 520}, {"AAPL", 230}, {"MSFT", 430}} {
		m.stocks = append(m.stocks, stock{ledger.NewStock(s.symbol, "USD"), 100 * s.price, chance.Float64(), chance.Float64()})
	}
	return m
}

// price returns the stock's price at a time, in whole cents.
func (s *stock) price(at time.Time) ledger.Decimal {
	swing := func(period time.Duration, phase float64) float64 {
		return math.Sin(2 * math.Pi * (float64(at.UnixMilli()%period.Milliseconds())/float64(period.Milliseconds()) + phase))
	}
	cents := s.cents * (1 + slowSwing*swing(slowPeriod, s.slow) + quickSwing*swing(quickPeriod, s.quick))
	return udecimal.MustFromInt64(int64(math.Round(cents)), 2)
}

// contracts returns the stocks of the market.
func (m *market) contracts() []ledger.Instrument {
	list := make([]ledger.Instrument, len(m.stocks))
	for i, s := range m.stocks {
		list[i] = s.Instrument
	}
	return list
}
