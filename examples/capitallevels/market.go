package main

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// sample has three years of daily bars of five fictitious symbols; TestSample makes it.
//
//go:embed sample
var sample embed.FS

var sampleSymbols = []string{"SYNA", "SYNB", "SYNC", "SYND", "SYNE"}

// market is every symbol's bars, and the days on which there is trading.
type market struct {
	series []*series     // ordered by symbol
	days   []ledger.Date // on which at least one symbol traded, within all symbols' first and last bar
	source string        // where the bars are from, for whoever reads figures
	notes  []string
	zone   *time.Location
}

// The hours of the exchange.
const exchange = "America/New_York"

func (m *market) opening(d ledger.Date) time.Time {
	return d.Time(m.zone).Add(9*time.Hour + 30*time.Minute)
}
func (m *market) closing(d ledger.Date) time.Time { return d.Time(m.zone).Add(16 * time.Hour) }

// symbols lists the symbols with commas.
func (m *market) symbols() string {
	names := make([]string, len(m.series))
	for i, s := range m.series {
		names[i] = s.symbol
	}
	return strings.Join(names, ", ")
}

// readMarket reads the files that the options name, or the sample.
func readMarket(ctx context.Context, o options) (*market, error) {
	files, open := o.prices, func(name string) (fs.File, error) { return os.Open(name) }
	m := &market{source: "synthetic sample data, no real prices"}
	if len(files) == 0 {
		files, open = map[string]string{}, sample.Open
		for _, symbol := range sampleSymbols {
			files[symbol] = "sample/" + symbol + ".csv"
		}
	} else {
		var names []string
		for _, symbol := range sortedKeys(files) {
			names = append(names, files[symbol])
		}
		m.source = strings.Join(names, ", ")
	}
	for symbol := range o.splits {
		if files[symbol] == "" {
			return nil, fmt.Errorf("-split %s: there are no prices of it", symbol)
		}
	}
	var err error
	if m.zone, err = time.LoadLocation(exchange); err != nil {
		return nil, err
	}
	for _, symbol := range sortedKeys(files) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s, err := readFile(open, files[symbol], symbol)
		if err == nil {
			err = s.adjust(o.splits[symbol])
		}
		if err != nil {
			return nil, err
		}
		m.series, m.notes = append(m.series, s), append(m.notes, s.notes...)
	}
	return m, m.trading(o.from, o.to)
}

func readFile(open func(string) (fs.File, error), name, symbol string) (s *series, err error) {
	f, err := open(name)
	if err != nil {
		return nil, err // which names the file
	}
	defer func() {
		if closing := f.Close(); err == nil {
			err = closing
		}
	}()
	return readBars(io.Reader(f), name, symbol)
}

// trading works out the days of trading: those on which all symbols have begun and none has ended,
// so that no position is left without a price, from and to the dates that were asked for.
func (m *market) trading(from, to ledger.Date) error {
	for _, s := range m.series {
		from = max(from, s.bars[0].date)
		if last := s.bars[len(s.bars)-1].date; to == 0 || last < to {
			to = last
		}
	}
	for _, s := range m.series {
		for _, b := range s.bars {
			if from <= b.date && b.date <= to {
				m.days = append(m.days, b.date)
			}
		}
	}
	slices.Sort(m.days)
	m.days = slices.Compact(m.days)
	if len(m.days) < 2 {
		return fmt.Errorf("%s: %d trading days from %s to %s; at least 2 are needed", m.symbols(), len(m.days), from, to)
	}
	return nil
}
