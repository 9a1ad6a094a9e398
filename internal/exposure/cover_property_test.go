package exposure_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// lot is one contract's worth of something: an option, or 100 shares.
type lot struct {
	root   string // of an option; empty for shares
	expiry ledger.Date
	right  ledger.Right
	strike int
}

// need is what short options need: the calls that stay bare, and the money for the others.
type need struct{ bare, money int }

// bestMatching returns the fewest short calls that stay bare, and then the least money that the
// short options need, over all ways to match each short option with at most one of the covers. It
// tries every one, and remembers what the rest of the shorts need beside each set of covers in use.
func bestMatching(shorts, covers []lot) (bare, money int) {
	seen := make([]map[int]need, len(shorts))
	for k := range seen {
		seen[k] = map[int]need{}
	}
	var best func(k, used int) need
	best = func(k, used int) need {
		if k == len(shorts) {
			return need{}
		}
		if n, ok := seen[k][used]; ok {
			return n
		}
		s := shorts[k]
		least := best(k+1, used)
		if s.right == ledger.Put {
			least.money += 100 * s.strike
		} else {
			least.bare++
		}
		for c := range covers {
			gap, fits := covers[c].gap(s)
			if !fits || used&(1<<c) != 0 {
				continue
			}
			n := best(k+1, used|1<<c)
			if n.money += 100 * gap; n.bare < least.bare || n.bare == least.bare && n.money < least.money {
				least = n
			}
		}
		seen[k][used] = least
		return least
	}
	n := best(0, 0)
	return n.bare, n.money
}

// gap returns what the cover leaves at risk of a share beside a short option; false if it does not cover it.
func (l lot) gap(s lot) (int, bool) {
	switch {
	case l.right != s.right:
		return 0, false
	case l.root == "":
		return 0, s.root == "XYZ"
	case l.root != s.root || l.expiry < s.expiry:
		return 0, false
	case s.right == ledger.Call:
		return max(0, l.strike-s.strike), true
	}
	return max(0, s.strike-l.strike), true
}

// lots returns what is short and what covers it, one lot per contract held. Long shares cover
// calls, short shares cover puts.
func lots(held map[ledger.InstrumentKey]int, contracts []ledger.Instrument) (shorts, covers []lot) {
	for _, i := range contracts {
		for range max(held[i.Key()], -held[i.Key()]) {
			l := lot{i.Symbol, i.Expiry, i.Right, 0}
			short := held[i.Key()] < 0
			if i.SecType == ledger.Stock {
				l.root, l.right = "", ledger.Call
				if short {
					l.right = ledger.Put
				}
				covers = append(covers, l)
				continue
			}
			fmt.Sscan(i.Strike.String(), &l.strike)
			if short {
				shorts = append(shorts, l)
			} else {
				covers = append(covers, l)
			}
		}
	}
	return shorts, covers
}

// TestShortOptionsAreAlwaysCovered: whatever is bought and sold, as long as each order is allowed,
// the best of all matchings leaves no short call bare, and the settled cash is at least what it
// needs for the rest.
func TestShortOptionsAreAlwaysCovered(t *testing.T) {
	contracts := []ledger.Instrument{xyz}
	for _, root := range []string{"XYZ", "XYZW"} {
		for _, right := range []ledger.Right{ledger.Call, ledger.Put} {
			for _, at := range []struct {
				expiry ledger.Date
				strike string
			}{{december, "95"}, {december, "105"}, {january, "90"}, {january, "100"}, {february, "110"}} {
				i := option(root, at.expiry, right, at.strike)
				i.Underlying = "XYZ"
				contracts = append(contracts, i)
			}
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		d := newDesk(t, func(l *risk.Limits) {
			l.UncoveredOptions = false
			l.Account = rapid.SampledFrom([]risk.AccountType{risk.MarginAccount, risk.CashAccount}).Draw(rt, "account")
			l.Drawdown = risk.DrawdownLimits{Warning: dec("0.96"), Moderate: dec("0.97"), Severe: dec("0.98"), Critical: dec("0.99")}
		})
		cash := 100 * rapid.IntRange(100, 400).Draw(rt, "cash") // spent at once, earned too late
		d.Cash(t, ledger.OtherCash, "USD", dec(fmt.Sprint(cash-100_000)).String())
		price := func(i ledger.Instrument) int {
			if i.SecType == ledger.Stock {
				return 100
			}
			return 1
		}
		for _, i := range contracts {
			d.Mark(t, i, fmt.Sprint(price(i)))
		}
		held := map[ledger.InstrumentKey]int{}
		for n := range rapid.IntRange(1, 25).Draw(rt, "orders") {
			i := rapid.SampledFrom(contracts).Draw(rt, "contract")
			q := rapid.SampledFrom([]int{-1, 1, -2, 2}).Draw(rt, "quantity")
			units := q
			if i.SecType == ledger.Stock {
				units *= 100
			}
			o := order(ledger.OrderID(fmt.Sprint("o", n)), i, fmt.Sprint(units))
			if got, _ := d.Portfolio.Reserve(t.Context(), o); !got.Allowed {
				continue
			}
			d.Fill(t, o.ID, i, o.Quantity.String(), fmt.Sprint(price(i)))
			if held[i.Key()] += q; q > 0 {
				cash -= q * 100 * price(i)
			}
			shorts, covers := lots(held, contracts)
			if len(shorts) > 8 || len(covers) > 12 {
				return // too many ways to try them all
			}
			bare, money := bestMatching(shorts, covers)
			require.Zero(rt, bare, "short calls are bare after %+v", o)
			require.LessOrEqual(rt, money, max(cash, 0), "short options need more than there is after %+v", o)
		}
	})
}

// TestNoMoreCoverIsAskedThanNeeded: the shares that calls lack are those of the best matching, and so
// is the money.
func TestNoMoreCoverIsAskedThanNeeded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		right := rapid.SampledFrom([]ledger.Right{ledger.Call, ledger.Put}).Draw(rt, "right")
		expiries := []ledger.Date{january}
		if rapid.Bool().Draw(rt, "diagonal") {
			expiries = append(expiries, december, february)
		}
		d := newDesk(t, func(l *risk.Limits) { l.UncoveredOptions = false })
		contracts := []ledger.Instrument{xyz}
		held := map[ledger.InstrumentKey]int{}
		for _, expiry := range expiries {
			for strike := 90; strike <= 120; strike += 5 {
				contracts = append(contracts, option("XYZ", expiry, right, fmt.Sprint(strike)))
			}
		}
		for _, i := range contracts {
			q := rapid.SampledFrom([]int{0, 0, 0, -1, 1, 2, -2}).Draw(rt, "quantity")
			if i.SecType == ledger.Stock && q != 0 {
				d.Hold(t, i, fmt.Sprint(100*q), "1")
			} else if q != 0 {
				d.Hold(t, i, fmt.Sprint(q), "1")
			}
			held[i.Key()] = q
			d.Mark(t, i, "1")
		}
		sold := rapid.SampledFrom(contracts[1:]).Draw(rt, "sold")
		before, covers := lots(held, contracts)
		bareBefore, moneyBefore := bestMatching(before, covers)
		held[sold.Key()]--
		shorts, covers := lots(held, contracts)
		if len(shorts) > 8 || len(covers) > 12 {
			return // too many ways to try them all
		}
		bare, money := bestMatching(shorts, covers)
		d.Cash(t, ledger.OtherCash, "USD", dec("1").Sub(d.Portfolio.Cash()["USD"].Balance()).String())
		d.Set(now.AddDate(0, 0, 4))
		said := allSaid(d.Portfolio.Check(order("", sold, "-1")).Violations)
		require.Equal(rt, bare > bareBefore, slices.Contains(said, broken(risk.RuleUncovered, "XYZ", fmt.Sprint(100*bare), "0")), "bare calls: %v", said)
		require.Equal(rt, money > moneyBefore && money > 1, slices.Contains(said, broken(risk.RuleUncovered, "XYZ", fmt.Sprint(money), "1")), "money: %v", said)
	})
}
