package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stocks are the sample's: a start in cents, and the drift and volatility of a year.
var stocks = []struct {
	symbol            string
	cents             float64
	drift, volatility float64
}{
	{"SYNA", 120_00, 0.10, 0.22}, {"SYNB", 45_00, 0.18, 0.30}, {"SYNC", 210_00, -0.05, 0.24},
	{"SYND", 78_00, 0.14, 0.18}, {"SYNE", 33_00, 0.02, 0.38},
}

// synthetic makes three years of one stock's daily bars: a geometric random walk, and a part of the sample's own
// market in each, so that they do not move apart. The prices are rounded to cents every day, so
// that no machine's floating point makes others.
func synthetic(n int) []byte {
	common, own := rand.New(rand.NewPCG(2026, 100)), rand.New(rand.NewPCG(2026, uint64(n)))
	s := stocks[n]
	var b bytes.Buffer
	fmt.Fprintln(&b, "Date,Open,High,Low,Close,Volume")
	last := s.cents
	step := func(r float64) float64 { return s.volatility / math.Sqrt(252) * r }
	for day := time.Date(2022, 1, 3, 0, 0, 0, 0, time.UTC); day.Year() < 2025; day = day.AddDate(0, 0, 1) {
		if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
			continue
		}
		market := common.NormFloat64()
		night := 0.3 * own.NormFloat64()
		open := math.Round(last * math.Exp(step(night)))
		shock := 0.6*market + 0.75*own.NormFloat64()
		closing := math.Round(open * math.Exp(s.drift/252+step(shock)))
		high := math.Round(math.Max(open, closing) * math.Exp(step(0.4*math.Abs(own.NormFloat64()))))
		low := math.Round(math.Min(open, closing) * math.Exp(-step(0.4*math.Abs(own.NormFloat64()))))
		volume := 1_000_000 + own.IntN(500_000)
		fmt.Fprintf(&b, "%s,%.2f,%.2f,%.2f,%.2f,%d\n", day.Format(time.DateOnly), open/100, high/100, low/100, closing/100, volume)
		last = closing
	}
	return b.Bytes()
}

// TestSample holds the sample against what makes it.
func TestSample(t *testing.T) {
	for n, s := range stocks {
		require.Equal(t, sampleSymbols[n], s.symbol)
		name := "sample/" + s.symbol + ".csv"
		if *update {
			require.NoError(t, os.WriteFile(name, synthetic(n), 0o644))
		}
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, string(synthetic(n)), string(got), "%s is not what makes it; run the test with -update", name)
	}
}
