package exposure_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// neededShort is what one short position needs at least by FINRA rule 4210 and Regulation T, in
// twentieths of a cent, for prices in cents. It is written from the rules alone.
func neededShort(i ledger.Instrument, n, price, strike, underlying int) int {
	switch {
	case i.SecType == ledger.Stock && price < 500: // (c)(2): 2.50 a share or 100 %, whichever is greater
		return n * 20 * max(250, price)
	case i.SecType == ledger.Stock: // (c)(3): 5 a share or 30 %; initially half by Regulation T
		return n * max(20*500, 10*price)
	case i.Right == ledger.Call: // (f)(2)(E): 100 %, and 20 % of the underlying less what it is out, at least 10 %
		return n * 100 * (20*price + max(4*underlying-20*max(0, strike-underlying), 2*underlying))
	default: // the least of a put is 10 % of its strike
		return n * 100 * (20*price + max(4*underlying-20*max(0, underlying-strike), 2*strike))
	}
}

// TestMarginIsNeverTooLow: whatever is short or long, with or without a mark of the underlying,
// held or working, at the mark or above it, the estimate is at least what the rule asks for each
// position by itself. Options are worth at least what they are in the money.
func TestMarginIsNeverTooLow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := newDesk(t, func(l *risk.Limits) {
			l.DayTrading = []risk.DatedPolicy{{Policy: risk.IntradayMargin}}
			l.PriceCollar, l.OptionCollar = dec("0.99"), dec("99")
		})
		d.Cash(t, ledger.Deposit, "USD", "1000000000")
		cents := func(n int) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }
		least := 0
		for k := range rapid.IntRange(1, 4).Draw(rt, "positions") {
			symbol := fmt.Sprint("S", string(rune('A'+k)))
			underlying := rapid.IntRange(1, 30_000).Draw(rt, "underlying")
			i, price, strike := ledger.NewStock(symbol, "USD"), underlying, 0
			if rapid.Bool().Draw(rt, "option") {
				strike = rapid.IntRange(1, 300).Draw(rt, "strike") * 100
				right := rapid.SampledFrom([]ledger.Right{ledger.Call, ledger.Put}).Draw(rt, "right")
				if rapid.Bool().Draw(rt, "marked") {
					d.Mark(t, i, cents(underlying))
				}
				i = option(symbol, january, right, cents(strike))
				price = max(1, underlying-strike)
				if right == ledger.Put {
					price = max(1, strike-underlying)
				}
				price += rapid.IntRange(0, 500).Draw(rt, "time value")
			}
			n := rapid.IntRange(1, 50).Draw(rt, "quantity")
			d.Mark(t, i, cents(price))
			if rapid.Bool().Draw(rt, "held") {
				d.Fill(t, "", i, fmt.Sprint(-n), cents(price))
				least += neededShort(i, n, price, strike, underlying)
			}
			above := price + rapid.IntRange(0, 1000).Draw(rt, "above")
			o := order(ledger.OrderID(symbol), i, fmt.Sprint(-n), cents(above))
			if got, _ := d.Portfolio.Reserve(t.Context(), o); got.Allowed {
				least += neededShort(i, n, above, strike, underlying)
			}
		}
		margin := d.Portfolio.Snapshot().Risk.Margin
		require.GreaterOrEqual(rt, margin.Mul(dec("2000")).InexactFloat64(), float64(least), "the margin is %s, the rule asks for %d/2000", margin, least)
	})
}

// TestShortCallsNeedTheirUnderlying: what a short call needs depends on what it would deliver. In a
// margin account it is not sold without a mark of that, nor on the word of an order that names
// something cheaper.
func TestShortCallsNeedTheirUnderlying(t *testing.T) {
	cheap := ledger.NewStock("CHEAP", "USD")
	named := func(root, underlying string) ledger.Instrument {
		i := option(root, december, ledger.Call, "10")
		i.Underlying = underlying
		return i
	}
	for name, c := range map[string]struct {
		i       ledger.Instrument
		subject string
	}{
		"no mark":          {named("GME", "GME"), "GME"},
		"another's mark":   {named("GME", "CHEAP"), "GME"},
		"an adjusted root": {named("CHEAP1", "CHEAP"), "CHEAP"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			d.Mark(t, cheap, "1")
			d.Mark(t, c.i, "90")
			got := d.Portfolio.Check(order("", c.i, "-1"))
			require.Equal(t, []string{broken(risk.RuleNoMark, c.subject, "0", "0")}, allSaid(got.Violations))
			require.True(t, got.Undecided(), "it can be decided with a mark")
		})
	}
	d := newDesk(t, nil)
	deep := named("GME", "GME")
	d.Mark(t, deep, "90")
	d.Hold(t, deep, "-1", "90")
	needs(t, d, "11800", "10 × 100 and 120 % of 9,000, which is more than 9,000 and 20 % of 10,000")
	d.Mark(t, ledger.NewStock("GME", "USD"), "100")
	needs(t, d, "11000", "9,000 and 20 % of 10,000")
	d.Refuse(t, order("more", deep, "-9", "90"), broken(risk.RuleBuyingPower, "", "110000", "100000"))
	d.Accept(t, order("enough", deep, "-8", "90"))
}

// TestShortFutureOptionsCountTheirPrice: what it takes to buy a short option back is a part of its
// margin.
func TestShortFutureOptionsCountTheirPrice(t *testing.T) {
	d := newDesk(t, nil)
	fop := ledger.Instrument{SecType: ledger.FutureOption, Symbol: "CL", Currency: "USD", Expiry: 20261117, Right: ledger.Call, Strike: dec("10"), Multiplier: dec("1000")}
	d.Mark(t, fop, "60")
	d.Refuse(t, order("deep", fop, "-2"), broken(risk.RuleBuyingPower, "", "141000", "100000")) // (60 + 0.15 × 70) × 1,000 each
	d.Accept(t, order("one", fop, "-1"))
}

// TestShortCheapStock: a stock below 5 USD needs 2.50 USD a share at least, more than its notional,
// so that such an order is never passed by its notional alone.
func TestShortCheapStock(t *testing.T) {
	penny := ledger.NewStock("PNY", "USD")
	d := newDesk(t, nil)
	d.Mark(t, penny, "0.5")
	d.Refuse(t, order("over", penny, "-40001"), broken(risk.RuleBuyingPower, "", "100002.5", "100000"))
	d.Accept(t, order("at", penny, "-40000"))

	p := accounts.Optimal100K("DU1000100")
	p.BaseCurrency, p.Limits = "EUR", loose()
	e := newDeskFor(t, p, "100000")
	e.Mark(t, sap, "1")
	e.Refuse(t, order("unknown", sap, "-1"), broken(risk.RuleNoFX, "USD", "0", "0"))
	e.Rate(t, "USD", "0.8") // 2.50 USD are 2 EUR
	e.Refuse(t, order("over", sap, "-50001"), broken(risk.RuleBuyingPower, "", "100002", "100000"))
	e.Accept(t, order("at", sap, "-50000"))
}
