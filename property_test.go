package accounts_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// history is a random sequence of facts about one account, in the order of their times.
type history []ledger.Fact

var traded = []ledger.Instrument{xyz, put, oil, ledger.NewStock("SAP", "EUR")}

// drawHistory draws trades, cash, splits, openings, cancellations and corrections.
func drawHistory(t *rapid.T, label string) history {
	var h history
	var trades []ledger.Trade
	n := rapid.IntRange(1, 40).Draw(t, label+" length")
	for i := range n {
		kind := rapid.IntRange(0, 11).Draw(t, "kind")
		switch {
		case kind == 0:
			h = append(h, drawCash(t, i))
		case kind == 1:
			in := traded[rapid.IntRange(0, 1).Draw(t, "split of")]
			h = append(h, ledger.Split{ID: fmt.Sprint("split-", i), From: in, To: in, Time: at(i),
				Numerator: dec(fmt.Sprint(rapid.IntRange(1, 5).Draw(t, "n"))), Denominator: dec(fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "m")))})
		case kind == 2 && len(trades) > 0:
			victim := rapid.SampledFrom(trades).Draw(t, "cancelled")
			h = append(h, ledger.Cancellation{ExecID: ledger.ExecID(fmt.Sprint("cancel-", i)), Cancels: victim.ExecID, Time: at(i)})
		case kind == 3 && len(trades) > 0:
			c := rapid.SampledFrom(trades).Draw(t, "corrected")
			root, version := c.ExecID.Correction()
			c.ExecID = ledger.ExecID(fmt.Sprintf("%s.%02d", root, version+rapid.IntRange(0, 2).Draw(t, "version")))
			c.Quantity, c.Price = drawQuantity(t, c.Instrument), drawPrice(t)
			h = append(h, c)
		case kind == 4:
			h = append(h, ledger.Opening{ID: fmt.Sprint("opening-", i), Instrument: traded[0], Time: at(i),
				Lots: []ledger.Lot{{Quantity: dec("3"), Basis: drawPrice(t), OpenedAt: at(-i), Inferred: true}}})
		case kind == 5:
			h = append(h, ledger.Transfer{ID: fmt.Sprint("transfer-", i), Instrument: traded[0], Quantity: dec("2"), Time: at(i),
				Lots: []ledger.Lot{{Quantity: dec("2"), Basis: drawPrice(t), OpenedAt: at(-i)}}})
		default:
			tr := drawTrade(t, i)
			trades = append(trades, tr)
			h = append(h, tr)
		}
	}
	return h
}

func drawTrade(t *rapid.T, minute int) ledger.Trade {
	in := rapid.SampledFrom(traded).Draw(t, "instrument")
	return ledger.Trade{
		ExecID: ledger.ExecID(fmt.Sprintf("0001.%04d.01.01", minute)), Instrument: in, Quantity: drawQuantity(t, in), Price: drawPrice(t),
		Commission: dec(fmt.Sprintf("%.4f", float64(rapid.IntRange(-5000, 30000).Draw(t, "commission"))/10000)), Time: at(minute),
	}
}

func drawQuantity(t *rapid.T, in ledger.Instrument) ledger.Decimal {
	n := rapid.IntRange(1, 40).Draw(t, "half units")
	if in.SecType != ledger.Stock {
		n *= 2
	}
	if rapid.Bool().Draw(t, "sell") {
		n = -n
	}
	return dec(fmt.Sprintf("%.1f", float64(n)/2))
}

func drawPrice(t *rapid.T) ledger.Decimal {
	return dec(fmt.Sprintf("%.3f", float64(rapid.IntRange(1, 99999).Draw(t, "price"))/1000))
}

func drawCash(t *rapid.T, minute int) ledger.CashMovement {
	amount := rapid.IntRange(1, 1_000_000).Draw(t, "cents")
	kind := rapid.SampledFrom([]ledger.CashKind{ledger.Deposit, ledger.Withdrawal, ledger.Dividend, ledger.Fee, ledger.Interest}).Draw(t, "cash kind")
	if kind == ledger.Withdrawal || kind == ledger.Fee {
		amount = -amount
	}
	return ledger.CashMovement{ID: fmt.Sprint("cash-", minute), Kind: kind, Amount: dec(fmt.Sprintf("%.2f", float64(amount)/100)),
		Currency: rapid.SampledFrom([]ledger.Currency{"USD", "EUR"}).Draw(t, "currency"), Time: at(minute)}
}

// feed records one fact; facts that the book must refuse in its present state are left out.
func feed(t require.TestingT, p *accounts.Portfolio, f ledger.Fact) int {
	added, err := p.Record(background, f)
	switch {
	case errors.Is(err, accounts.ErrPositionNotFound), errors.Is(err, accounts.ErrInvalid):
	case errors.Is(err, accounts.ErrExecutionMismatch), errors.Is(err, accounts.ErrIDReused):
	default:
		require.NoError(t, err)
	}
	return added
}

// requireIdentity checks that money neither appears nor vanishes, per currency, to the last place:
// cash = what came in + opening basis + realized − basis of what is held and paid for + premiums on their way.
func requireIdentity(t require.TestingT, p *accounts.Portfolio, openingBasis map[ledger.Currency]ledger.Decimal) {
	s := p.Snapshot()
	explained := map[ledger.Currency]ledger.Decimal{}
	add := func(c ledger.Currency, d ledger.Decimal) { explained[c] = explained[c].Add(d) }
	for c, cash := range s.Cash {
		for _, part := range []ledger.Decimal{cash.Capital, cash.Exchanged, cash.Dividends, cash.Interest, cash.Fees, cash.Taxes, cash.Other} {
			add(c, part)
		}
		add(c, openingBasis[c])
	}
	positions := append([]ledger.Position(nil), s.Closed...)
	for _, v := range s.Open {
		positions = append(positions, v.Position)
	}
	for _, pos := range positions {
		add(pos.Instrument.Currency, pos.Realized)
		if pos.Instrument.SecType != ledger.Future {
			add(pos.Instrument.Currency, pos.Basis.Neg())
		}
	}
	for _, pending := range s.Pending {
		add(pending.Currency, pending.Amount)
	}
	for c, cash := range s.Cash {
		require.True(t, cash.Balance().Equal(explained[c]), "cash in %s is %s, explained are %s", c, cash.Balance(), explained[c])
	}
}

func TestPropertyAnyHistory(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t)
		opening := map[ledger.Currency]ledger.Decimal{}
		var accepted []ledger.Fact
		for _, f := range drawHistory(rt, "history") {
			if added := feed(rt, b.Portfolio, f); added == 1 {
				accepted = append(accepted, f)
				switch o := f.(type) {
				case ledger.Opening:
					opening["USD"] = opening["USD"].Add(o.Lots[0].Basis)
				case ledger.Transfer:
					opening["USD"] = opening["USD"].Add(o.Lots[0].Basis)
				}
			}
			for _, pos := range b.Portfolio.Positions() {
				requireLots(rt, pos)
			}
			requireIdentity(rt, b.Portfolio, opening)
		}
		require.NoError(rt, b.Portfolio.Verify(t.Context()), "the fold of the journal must be the live book")
		before := figures(b.Portfolio)
		require.Equal(rt, before, figures(b.Reopen(t)), "another process must see the same book")

		prefix := rapid.IntRange(0, len(accepted)).Draw(rt, "replayed prefix")
		for _, f := range accepted[:prefix] {
			added, err := b.Portfolio.Record(t.Context(), f)
			require.NoError(rt, err, "a fact that was recorded before must be no error")
			require.Zero(rt, added, "and nothing new")
		}
		require.Equal(rt, before, figures(b.Portfolio), "replaying a prefix must change nothing")
	})
}

func TestPropertyProfilesNeverTouch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t)
		other := accounts.Aggressive25K("DU1000025")
		created, err := b.Manager.CreateProfile(t.Context(), other)
		require.NoError(rt, err)
		second, err := b.Manager.Portfolio(t.Context(), created.ID)
		require.NoError(rt, err)
		mine, theirs := drawHistory(rt, "mine"), drawHistory(rt, "theirs")

		alone := newBench(t)
		for _, f := range mine {
			feed(rt, alone.Portfolio, f)
		}
		for len(mine)+len(theirs) > 0 {
			if len(theirs) == 0 || len(mine) > 0 && rapid.Bool().Draw(rt, "whose turn") {
				feed(rt, b.Portfolio, mine[0])
				mine = mine[1:]
			} else {
				feed(rt, second, theirs[0])
				theirs = theirs[1:]
			}
		}
		require.Equal(rt, figures(alone.Portfolio), figures(b.Portfolio), "the other profile's facts may not show")
	})
}

// TestPropertyAnyOrder records trades in any order, some corrected and cancelled, and
// compares with a book that got only what is in force, in the order of its times.
func TestPropertyAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var inForce, told []ledger.Fact
		for i := range rapid.IntRange(1, 25).Draw(rt, "trades") {
			tr := drawTrade(rt, i)
			told = append(told, tr)
			switch rapid.IntRange(0, 5).Draw(rt, "fate") {
			case 0:
				told = append(told, ledger.Cancellation{ExecID: tr.ExecID + "-cancel", Cancels: tr.ExecID, Time: tr.Time.Add(time.Hour)})
			case 1:
				corrected := tr
				corrected.ExecID = tr.ExecID[:len(tr.ExecID)-1] + "2"
				corrected.Quantity, corrected.Price = drawQuantity(rt, tr.Instrument), drawPrice(rt)
				told, inForce = append(told, corrected), append(inForce, corrected)
			default:
				inForce = append(inForce, tr)
			}
		}
		order := rapid.Permutation(told).Draw(rt, "order")
		// A cancellation cannot come before what it cancels.
		slices.SortStableFunc(order, func(a, b ledger.Fact) int { return rank(a) - rank(b) })
		shuffled, plain := newBench(t), newBench(t)
		for _, f := range order {
			feed(rt, shuffled.Portfolio, f)
		}
		for _, f := range inForce {
			feed(rt, plain.Portfolio, f)
		}
		require.NoError(rt, shuffled.Portfolio.Verify(t.Context()))
		require.Equal(rt, figures(plain.Portfolio), figures(shuffled.Portfolio), "what is in force must not depend on the order of telling")
		require.Equal(rt, figures(plain.Portfolio), figures(shuffled.Reopen(t)), "nor may it after a restart")
	})
}

func rank(f ledger.Fact) int {
	if _, ok := f.(ledger.Cancellation); ok {
		return 1
	}
	return 0
}

// figures are the amounts in a portfolio, as text: equal decimals may differ in form.
func figures(p *accounts.Portfolio) map[string]string {
	out := map[string]string{}
	for c, cash := range p.Cash() {
		out["cash "+string(c)] = cash.Balance().String()
	}
	s := p.Snapshot()
	out["trades"] = fmt.Sprint(s.Trades)
	out["pending"] = fmt.Sprint(s.Pending)
	for _, v := range s.Open {
		s.Closed = append(s.Closed, v.Position)
	}
	for _, pos := range s.Closed {
		if pos.LastTrade.IsZero() {
			continue // everything about it was cancelled
		}
		line := fmt.Sprintf("%s at %s, realized %s, commissions %s:", pos.Quantity, pos.Basis, pos.Realized, pos.Commissions)
		for _, l := range pos.Lots {
			line += fmt.Sprintf(" %s at %s of %s;", l.Quantity, l.Basis, l.ExecID)
		}
		out[string(pos.Instrument.Key())] = line
	}
	for key, v := range out {
		if v == "0" && key != "trades" {
			delete(out, key)
		}
	}
	return out
}
