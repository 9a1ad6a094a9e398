package ledger_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

// What goes takes its basis along, oldest lots first, and realizes and closes nothing.
func TestAPartIsTransferredOut(t *testing.T) {
	b := newBench(t)
	b.Record(t, trade(1, xyz, "100", "40"), ledger.Transfer{ID: "x", Instrument: xyz, Quantity: dec("-60"), Price: dec("45"), Time: at(2)})
	requirePosition(t, b.Portfolio, xyz, "40", "1600.4", "0")
	requireCash(t, b.Portfolio, "USD", "-4001")
	s := b.Portfolio.Snapshot()
	require.Equal(t, "-2700", s.InKind.String(), "60 at 45 went")
	closings, err := b.Portfolio.Closings(t.Context(), accounts.TradeFilter{})
	require.NoError(t, err)
	require.Empty(t, closings)
	require.NoError(t, b.Portfolio.Verify(t.Context()))
}

// Without a price, a stock counts as capital with its basis, and a future with nothing.
func TestATransferWithoutAPrice(t *testing.T) {
	b := newBench(t)
	b.Record(t, trade(1, xyz, "100", "40"), trade(2, oil, "2", "70"),
		ledger.Transfer{ID: "x", Instrument: xyz, Quantity: dec("-60"), Time: at(3)},
		ledger.Transfer{ID: "y", Instrument: oil, Quantity: dec("-1"), Time: at(3)})
	require.Equal(t, "-2400.6", b.Portfolio.Snapshot().InKind.String())
	b.Record(t, ledger.Transfer{ID: "z", Instrument: oil, Quantity: dec("-1"), Price: dec("71"), Time: at(4)})
	pos, _ := b.Portfolio.Position(oil.Key())
	require.True(t, pos.Quantity.IsZero())
	require.Equal(t, "-3400.1", b.Portfolio.Snapshot().InKind.String(), "a gain of 1,000 less half of the commission of 1 went with the future")
}

func TestTransfersAreRefused(t *testing.T) {
	b := newBench(t)
	b.Record(t, trade(1, xyz, "100", "40"))
	goes := func(quantity string) error {
		return errOf(b.Portfolio.Record(t.Context(), ledger.Transfer{ID: "x", Instrument: xyz, Quantity: dec(quantity), Time: at(2)}))
	}
	require.ErrorIs(t, goes("-101"), invalid.Err, "more went than is held")
	require.ErrorIs(t, goes("1"), ledger.ErrPositionNotFound, "a short position went that is none")
	require.Equal(t, []string{"Basis"}, wrongFields(t, errOf(b.Portfolio.Record(t.Context(), ledger.Transfer{ID: "x", Instrument: xyz,
		Quantity: dec("1"), Basis: dec("3"), Lots: []ledger.Lot{{Quantity: dec("1"), OpenedAt: at(0)}}, Time: at(2)}))))
	require.Equal(t, []string{"Quantity"}, wrongFields(t, goes("0")))
	requirePosition(t, b.Portfolio, xyz, "100", "4001", "0")
	b.Record(t, trade(5, xyz, "-100", "50"))
	require.ErrorIs(t, goes("-10"), invalid.Err, "what a late transfer took along is not known without its price")
	_, err := b.Portfolio.Record(t.Context(), ledger.Transfer{ID: "x", Instrument: xyz, Quantity: dec("-10"), Price: dec("45"), Time: at(2)})
	require.NoError(t, err)
	require.NoError(t, b.Portfolio.Verify(t.Context()))
}

// modelLot and modelBook are first-in first-out by whole numbers: what transfers and trades in one
// contract come to.
type modelLot struct{ quantity, basis, opened int64 }

type modelBook struct {
	lots                 []modelLot
	realized, cash, kind int64
}

// match sets a lot against the position, and returns what is left of the lot.
func (m *modelBook) match(l modelLot, realizes bool) {
	for l.quantity != 0 && len(m.lots) > 0 && (m.lots[0].quantity < 0) != (l.quantity < 0) {
		first := &m.lots[0]
		n := min(abs(first.quantity), abs(l.quantity))
		taken, given := first.basis/abs(first.quantity)*n, l.basis/abs(l.quantity)*n
		if realizes {
			m.realized += -given - taken
		}
		first.quantity, first.basis = first.quantity-sign(first.quantity)*n, first.basis-taken
		l.quantity, l.basis = l.quantity-sign(l.quantity)*n, l.basis-given
		if first.quantity == 0 {
			m.lots = m.lots[1:]
		}
	}
	if l.quantity != 0 {
		m.lots = append(m.lots, l)
		slices.SortStableFunc(m.lots, func(a, b modelLot) int { return cmp.Compare(a.opened, b.opened) })
	}
}

func abs(n int64) int64  { return max(n, -n) }
func sign(n int64) int64 { return n / abs(n) }

// moved is a trade or a transfer of the model.
type moved struct {
	fact                    ledger.Fact
	at, quantity, price     int64
	comes, goes             bool
	basis, lotOpened, place int64
}

func drawMoved(t *rapid.T, n int) moved {
	m := moved{at: int64(n), quantity: int64(rapid.IntRange(1, 9).Draw(t, "quantity")), price: int64(rapid.IntRange(1, 50).Draw(t, "price"))}
	if rapid.Bool().Draw(t, "negative") {
		m.quantity = -m.quantity
	}
	q, p := dec(fmt.Sprint(m.quantity)), dec(fmt.Sprint(m.price))
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		m.comes, m.basis = true, m.quantity*int64(rapid.IntRange(1, 50).Draw(t, "basis"))
		m.lotOpened = m.at - int64(rapid.IntRange(0, 30).Draw(t, "age"))
		m.fact = ledger.Transfer{ID: fmt.Sprint("x", n), Instrument: xyz, Quantity: q, Price: p, Time: at(n),
			Lots: []ledger.Lot{{Quantity: q, Basis: dec(fmt.Sprint(m.basis)), OpenedAt: at(int(m.lotOpened))}}}
	case 1:
		m.goes = true
		m.fact = ledger.Transfer{ID: fmt.Sprint("x", n), Instrument: xyz, Quantity: q, Price: p, Time: at(n)}
	default:
		f := trade(n, xyz, q.String(), p.String())
		f.Commission, f.Time = ledger.Decimal{}, at(n)
		m.fact = f
	}
	return m
}

// Transfers and trades in one contract, told in any order, make the positions, gains, cash and capital
// that a plain model makes of what was accepted.
func TestPropertyTransfers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t)
		var all []moved
		for n := range rapid.IntRange(1, 25).Draw(rt, "facts") {
			all = append(all, drawMoved(rt, n))
		}
		if rapid.Bool().Draw(rt, "in any order") {
			all = rapid.Permutation(all).Draw(rt, "told")
		}
		var accepted []moved
		for _, m := range all {
			_, err := b.Portfolio.Record(t.Context(), m.fact)
			if errors.Is(err, invalid.Err) || errors.Is(err, ledger.ErrPositionNotFound) {
				require.False(rt, !m.comes && !m.goes, "a trade was refused: %v", err)
				continue
			}
			require.NoError(rt, err)
			m.place = int64(len(accepted))
			accepted = append(accepted, m)
		}
		slices.SortStableFunc(accepted, func(a, b moved) int { return cmp.Compare(a.at, b.at) })
		var want modelBook
		for _, m := range accepted {
			l := modelLot{m.quantity, m.quantity * m.price, m.at}
			switch {
			case m.comes:
				l.basis, l.opened, want.kind = m.basis, m.lotOpened, want.kind+m.quantity*m.price
			case m.goes:
				want.kind += m.quantity * m.price
			default:
				want.cash -= m.quantity * m.price
			}
			want.match(l, !m.goes)
		}
		var quantity, basis int64
		for _, l := range want.lots {
			quantity, basis = quantity+l.quantity, basis+l.basis
		}
		requireModel := func(p *accounts.Portfolio) {
			pos, _ := p.Position(xyz.Key())
			require.Equal(rt, []string{fmt.Sprint(quantity), fmt.Sprint(basis), fmt.Sprint(want.realized)},
				[]string{whole(pos.Quantity), whole(pos.Basis), whole(pos.Realized)}, "quantity, basis, realized")
			s := p.Snapshot()
			require.Equal(rt, fmt.Sprint(want.kind), whole(s.InKind), "capital in kind")
			require.Equal(rt, fmt.Sprint(want.cash), whole(s.Cash["USD"].Balance()), "cash")
			require.NoError(rt, p.Verify(t.Context()))
		}
		requireModel(b.Portfolio)
		requireModel(b.Reopen(t))
	})
}

// whole returns a number without zeros behind the point.
func whole(d ledger.Decimal) string {
	r, _ := new(big.Rat).SetString(d.String())
	return r.RatString()
}
