// Command peers measures the fold of fills into a book, with limits and all, in turns with another
// library's: AddTrade of bbgo, which keeps one average cost in binary fractions and no lots. It is
// a module of its own, so that the library does not depend on what it is compared with.
package main

import (
	"fmt"
	"log"
	"slices"
	"syscall"
	"time"

	"github.com/c9s/bbgo/pkg/fixedpoint"
	"github.com/c9s/bbgo/pkg/types"

	"github.com/ai-ots/accounts/internal/exposure"
	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

const (
	turns = 25
	fills = 200_000 // in a turn
)

func main() {
	ours, theirs := newOurs(), newTheirs()
	var a, b, ratios []float64
	for range turns {
		x, y := timed(ours), timed(theirs)
		a, b, ratios = append(a, x), append(b, y), append(ratios, x/y)
	}
	fmt.Printf("fold of a fill %.0f ns, bbgo's AddTrade %.0f ns, ratio %.2f (medians of %d turns, CPU time)\n",
		median(a), median(b), median(ratios), turns)
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

// timed returns the processor time of a fill in nanoseconds.
func timed(fold func(i int)) float64 {
	before := used()
	for i := range fills {
		fold(i)
	}
	return float64(used()-before) / fills
}

// used returns the processor time that the process has taken.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		log.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// quantity returns that of fill i of a steady market: purchases and sales that leave a few lots
// open.
func quantity(i int) int64 {
	switch {
	case i%8 == 7:
		return -175
	case i%2 == 1:
		return -75
	}
	return 100
}

var at = time.Date(2026, 3, 2, 14, 30, 1, 123456000, time.UTC)

// newOurs returns the fold of fill i into an account.
func newOurs() func(i int) {
	account := exposure.NewAccount("USD")
	var list []*ledger.Trade
	for i := range 8 {
		t := &ledger.Trade{ExecID: "0000d514.5159662d.01.01", Instrument: ledger.NewStock("XYZ", "USD"), Quantity: num.Int(quantity(i)),
			Price: ledger.MustDecimal("41.37"), Commission: ledger.MustDecimal("1.000188"), Time: at}
		if err := t.Normalize(); err != nil {
			log.Fatal(err)
		}
		list = append(list, t)
	}
	return func(i int) { account.Apply(list[i%len(list)], int64(i)+1) }
}

// newTheirs returns the fold of fill i into a position of bbgo's.
func newTheirs() func(i int) {
	position := types.NewPosition("XYZUSD", "XYZ", "USD")
	var list []types.Trade
	for i := range 8 {
		size, side := quantity(i), types.SideTypeBuy
		if size < 0 {
			size, side = -size, types.SideTypeSell
		}
		n, price := fixedpoint.NewFromInt(size), fixedpoint.NewFromFloat(41.37)
		list = append(list, types.Trade{ID: uint64(i), Symbol: "XYZUSD", Price: price, Quantity: n, QuoteQuantity: n.Mul(price),
			Side: side, Fee: fixedpoint.NewFromFloat(1.000188), FeeCurrency: "USD", Time: types.Time(at)})
	}
	return func(i int) { position.AddTrade(list[i%len(list)]) }
}
