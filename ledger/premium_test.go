package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

// exerciseOf is the option's side of an exercise or assignment, and delivery the underlying's.
func exerciseOf(kind ledger.TradeKind, minute int, option ledger.Instrument, quantity string) ledger.Trade {
	o := trade(minute, option, quantity, "0")
	o.Kind, o.Commission, o.ExecID = kind, ledger.Decimal{}, o.ExecID+"-option"
	return o
}

func delivery(kind ledger.TradeKind, minute int, in ledger.Instrument, quantity, price string) ledger.Trade {
	d := trade(minute, in, quantity, price)
	d.Kind, d.Commission = kind, ledger.Decimal{}
	return d
}

func TestPremiumMovesIntoTheUnderlying(t *testing.T) {
	const assigned, exercised = ledger.Assignment, ledger.Exercise
	future := ledger.Instrument{SecType: ledger.FutureOption, Symbol: "CL", Underlying: "CL", Currency: "USD", Expiry: 20261117,
		Right: ledger.Call, Strike: dec("60"), Multiplier: dec("1000")}
	for _, c := range []struct {
		name                      string
		trades                    []ledger.Trade
		in                        ledger.Instrument
		quantity, basis, realized string
		cash                      string
	}{
		{"short put: the stock costs less", []ledger.Trade{trade(1, put, "-1", "2"), exerciseOf(assigned, 2, put, "1"), delivery(assigned, 2, xyz, "100", "50")},
			xyz, "100", "4801", "0", "-4801"},
		{"short call, covered: the sale brings more", []ledger.Trade{trade(0, xyz, "100", "45"), trade(1, call, "-1", "2"), exerciseOf(assigned, 2, call, "1"), delivery(assigned, 2, xyz, "-100", "50")},
			xyz, "0", "0", "698", "698"},
		{"long call: the stock costs more", []ledger.Trade{trade(1, call, "1", "2"), exerciseOf(exercised, 2, call, "-1"), delivery(exercised, 2, xyz, "100", "50")},
			xyz, "100", "5201", "0", "-5201"},
		{"long put: the sale brings less", []ledger.Trade{trade(0, xyz, "100", "55"), trade(1, put, "1", "2"), exerciseOf(exercised, 2, put, "-1"), delivery(exercised, 2, xyz, "-100", "50")},
			xyz, "0", "0", "-702", "-702"},
		{"the stock recorded before the option", []ledger.Trade{trade(1, put, "-1", "2"), delivery(assigned, 2, xyz, "100", "50"), exerciseOf(assigned, 2, put, "1")},
			xyz, "100", "4801", "0", "-4801"},
		{"one option, two deliveries", []ledger.Trade{trade(1, put, "-1", "2"), exerciseOf(assigned, 2, put, "1"),
			delivery(assigned, 2, xyz, "40", "50"), func() ledger.Trade { d := delivery(assigned, 2, xyz, "60", "50"); d.ExecID = "other"; return d }()},
			xyz, "100", "4801", "0", "-4801"},
		{"a future's premium is not paid twice", []ledger.Trade{trade(1, future, "1", "2"), exerciseOf(exercised, 2, future, "-1"), delivery(exercised, 2, oil, "1", "60"),
			trade(3, oil, "-1", "63")}, oil, "0", "0", "998", "998"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			for _, tr := range c.trades { // one by one, in this very order
				b.Record(t, tr)
			}
			requirePosition(t, b.Portfolio, c.in, c.quantity, c.basis, c.realized)
			requireCash(t, b.Portfolio, "USD", c.cash)
			require.Empty(t, b.Portfolio.Snapshot().Pending, "no premium may be left over")
			require.NoError(t, b.Portfolio.Verify(t.Context()))
		})
	}
	t.Run("without its underlying the premium waits in sight", func(t *testing.T) {
		b := newBench(t)
		b.Record(t, trade(1, put, "-1", "2"), exerciseOf(assigned, 2, put, "1"))
		requirePosition(t, b.Portfolio, put, "0", "0", "0")
		pending := b.Portfolio.Snapshot().Pending
		require.Len(t, pending, 1)
		require.Equal(t, "199", pending[0].Amount.String())
		require.Equal(t, "100", pending[0].Quantity.String())
	})
	t.Run("an option settled in cash is an ordinary closing", func(t *testing.T) {
		b := newBench(t)
		settled := trade(2, put, "1", "3")
		settled.Kind = assigned
		b.Record(t, trade(1, put, "-1", "2"), settled)
		requirePosition(t, b.Portfolio, put, "0", "0", "-102")
	})
}

func TestExpiry(t *testing.T) {
	b := newBench(t)
	expired := exerciseOf(ledger.Expiry, 2, call, "2")
	b.Record(t, trade(1, call, "-2", "1.5"), expired)
	requirePosition(t, b.Portfolio, call, "0", "0", "299")
	requireCash(t, b.Portfolio, "USD", "299")
}
