package performance_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
)

// follow tells a history of n facts in no order of time: trades that open, close and end positions, at home and
// abroad, some without a rate, fees, equity points, and shifts of these.
func follow(r *rand.Rand, h *performance.History, n int) {
	currencies := []ledger.Currency{"USD", "USD", "USD", "USD", "EUR", "CHF"}
	amount := func(below int64) ledger.Decimal {
		return ledger.MustDecimal(fmt.Sprintf("%d.%02d", r.Int64N(below)-below/2, r.IntN(100)))
	}
	for i := range n {
		rate := ledger.Decimal{}
		if r.IntN(50) > 0 {
			rate = ledger.MustDecimal("1.0845")
		}
		at := day0.Add(time.Duration(i)*time.Minute + time.Duration(r.IntN(500_000))*time.Second)
		currency := currencies[r.IntN(len(currencies))]
		switch r.IntN(20) {
		case 0, 1, 2:
			p := &ledger.EquityPoint{Equity: amount(1000).Add(ledger.MustDecimal("100000")), Capital: ledger.MustDecimal("90000"), Derived: r.IntN(3) > 0, Time: at}
			if r.IntN(200) > 0 {
				p.Notional = &ledger.Notional{Long: amount(50000).Abs(), Short: amount(9000).Abs()}
			}
			h.Follow(int64(i)+1, p, ledger.Closed{})
			continue
		case 3:
			h.Follow(int64(i)+1, &ledger.Restatement{Shifts: []ledger.Shift{{Behind: int64(i * r.IntN(10) / 10), By: amount(300)}}}, ledger.Closed{})
			continue
		case 4:
			h.Follow(int64(i)+1, &ledger.CashMovement{Kind: ledger.Fee, Currency: currency, Amount: amount(100), FXRate: rate, Time: at}, ledger.Closed{})
			continue
		}
		f := &ledger.Trade{ExecID: ledger.ExecID(fmt.Sprint(i)), Kind: ledger.Execution, Quantity: ledger.MustDecimal("10"), Price: amount(1000).Abs(),
			Instrument: ledger.NewStock(string(rune('A'+r.IntN(5))), currency), Commission: amount(9), FXRate: rate, Time: at}
		var c ledger.Closed
		if r.IntN(2) == 0 {
			f.Quantity = f.Quantity.Neg()
			c = ledger.Closed{Quantity: f.Quantity, Realized: amount(500), Ended: r.IntN(3) == 0}
		}
		h.Follow(int64(i)+1, f, c)
	}
}

// A report of what is kept is that of each trade, fee, round trip and point, in every window, and the report of
// a copy does not change with the original.
func TestPropertyReportsOfWhatIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		h := performance.NewHistory("USD", time.UTC)
		follow(r, h, rapid.IntRange(0, 1200).Draw(t, "facts"))
		early := *h
		plain := early.Plain() // before what comes then
		follow(r, h, rapid.IntRange(0, 600).Draw(t, "facts behind"))
		for range 4 {
			var w performance.Window
			from := rapid.Int64Range(-500_000, 600_000).Draw(t, "from")
			if w.From = day0.Add(time.Duration(from) * time.Second); rapid.Bool().Draw(t, "from the beginning") {
				w.From = time.Time{}
			}
			if w.To = day0.Add(time.Duration(rapid.Int64Range(max(from, 0), 700_000).Draw(t, "to")) * time.Second); rapid.Bool().Draw(t, "to the end") {
				w.To = time.Time{}
			}
			requireReport(t, plain, early, w)
			requireReport(t, h.Plain(), *h, w)
		}
	})
}

func requireReport(t *rapid.T, plain, h performance.History, w performance.Window) {
	want, err := plain.Report(w)
	require.NoError(t, err)
	got, err := h.Report(w)
	require.NoError(t, err)
	require.Equal(t, want, got, "from %s to %s", w.From, w.To)
}
