package exposure_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// TestCheckAgreesWithReserve: whatever is held and working, and however near to whichever limit,
// Check, which looks no closer than it must, and Reserve, which looks at everything, give the same
// reasons; and so does a process that folds the journal afresh.
func TestCheckAgreesWithReserve(t *testing.T) {
	cfd := ledger.Instrument{SecType: ledger.CFD, Symbol: "XYZ", Currency: "USD"}
	contracts := []ledger.Instrument{xyz, abc, sap, lateCall, latePut, option("XYZ", february, ledger.Call, "60"), option("ABC", january, ledger.Put, "10"), oil, cfd, euro}
	prices := map[string][]string{"STK": {"90", "100", "110"}, "OPT": {"0.5", "2", "12"}, "FUT": {"0.05", "0.06"}, "CFD": {"90", "100"}, "CASH": {"1.05", "1.1"}}
	rapid.Check(t, func(rt *rapid.T) {
		limit := func(name string) risk.Limit {
			return risk.Limit{Amount: dec(rapid.SampledFrom([]string{"0", "3000", "12000", "40000"}).Draw(rt, name))}
		}
		d := newDesk(t, func(l *risk.Limits) {
			l.OrderNotional, l.PositionSize, l.UnderlyingSize, l.GrossExposure = limit("notional"), limit("position"), limit("underlying"), limit("gross")
			l.NetExposure, l.StrategyExposure, l.SectorExposure = limit("net"), limit("strategy"), limit("sector")
			l.Leverage = dec(rapid.SampledFrom([]string{"0.3", "1", "50"}).Draw(rt, "leverage"))
			l.UncoveredOptions, l.ShortSelling = rapid.Bool().Draw(rt, "uncovered"), rapid.Bool().Draw(rt, "short")
			l.Account = rapid.SampledFrom([]risk.AccountType{risk.MarginAccount, risk.CashAccount}).Draw(rt, "account")
			l.DayTrading = []risk.DatedPolicy{{Policy: rapid.SampledFrom([]risk.DayTradePolicy{risk.PatternDayTrader, risk.IntradayMargin}).Draw(rt, "policy")}}
			l.Drawdown = risk.DrawdownLimits{Warning: dec("0.9"), Moderate: dec("0.91"), Severe: dec("0.92"), Critical: dec("0.93")}
		})
		d.Cash(t, ledger.Withdrawal, "USD", "-60000")
		mark := func(i ledger.Instrument) {
			d.Mark(t, i, rapid.SampledFrom(prices[string(i.SecType)]).Draw(rt, "mark"))
		}
		d.Rate(t, "EUR", "1.1")
		for _, i := range contracts {
			mark(i)
		}
		var held []risk.Order
		for n := range rapid.IntRange(5, 40).Draw(rt, "steps") {
			d.Advance(time.Second)
			i := rapid.SampledFrom(contracts).Draw(rt, "contract")
			switch rapid.IntRange(0, 6).Draw(rt, "what") {
			case 0:
				mark(i)
			case 1:
				d.Rate(t, "EUR", rapid.SampledFrom([]string{"1", "1.1", "1.2"}).Draw(rt, "rate"))
			case 2:
				if len(held) > 0 {
					o := rapid.SampledFrom(held).Draw(rt, "order")
					part := rapid.SampledFrom([]string{"1", "0.5"}).Draw(rt, "part")
					d.Fill(t, o.ID, o.Instrument, o.Quantity.Mul(dec(part)).String(), prices[string(o.Instrument.SecType)][0])
				}
			case 3:
				if len(held) > 0 {
					require.NoError(rt, d.Portfolio.Release(t.Context(), rapid.SampledFrom(held).Draw(rt, "order").ID, "cancelled"))
				}
			default:
				o := order(ledger.OrderID(fmt.Sprint("o", n)), i, rapid.SampledFrom([]string{"1", "-1", "4", "-4", "30", "-30", "100", "-100", "250", "-250"}).Draw(rt, "quantity"))
				o.Price = dec(rapid.SampledFrom([]string{"0", prices[string(i.SecType)][1]}).Draw(rt, "price"))
				o.Strategy = rapid.SampledFrom([]string{"", "alpha", "beta"}).Draw(rt, "strategy")
				o.Sector = rapid.SampledFrom([]string{"", "", "tech", "energy"}).Draw(rt, "sector")
				check := d.Portfolio.Check(o)
				got, _ := d.Portfolio.Reserve(t.Context(), o)
				require.Equal(rt, allSaid(check.Violations), allSaid(got.Violations), "Check and Reserve differ on %+v", o)
				require.Equal(rt, allSaid(check.Warnings), allSaid(got.Warnings), "Check and Reserve warn differently of %+v", o)
				require.Equal(rt, check.Allowed, got.Allowed)
				require.Equal(rt, check.Largest.String(), got.Largest.String(), "Check and Reserve let different quantities pass of %+v", o)
				requireLargest(rt, d, o, check)
				if got.Allowed {
					held = append(held, o)
				}
			}
		}
		before := d.Portfolio.Snapshot().Risk
		marks := d.Portfolio.Snapshot().Open
		fresh, err := d.Another(t).Portfolio(t.Context(), d.Profile.ID)
		require.NoError(rt, err)
		for _, v := range marks {
			require.NoError(rt, fresh.Mark(v.Mark))
		}
		after := fresh.Snapshot().Risk
		require.Equal(rt, before.Orders, after.Orders, "a fresh fold has other working orders")
		require.Equal(rt, before.Breaches, after.Breaches, "a fresh fold has other refusals")
		require.Equal(rt, before.State, after.State, "a fresh fold has another trading state")
	})
}

// requireLargest holds the largest quantity of a refusal against the rules themselves: that quantity
// passes, and one more does not. An order that is refused for its size alone says it.
func requireLargest(rt *rapid.T, d *desktest.Desk, o risk.Order, got risk.Decision) {
	if got.Allowed || got.Largest.IsZero() {
		return
	}
	require.Equal(rt, o.Quantity.IsNeg(), got.Largest.IsNeg(), "the largest has another sign")
	require.True(rt, got.Largest.Abs().LessThan(o.Quantity.Abs()), "%s of %s would pass", got.Largest, o.Quantity)
	o.ID = ""
	o.Quantity = got.Largest
	passes := d.Portfolio.Check(o)
	require.True(rt, passes.Allowed || passes.Broken(risk.RuleDuplicate), "%s would pass: %s", o.Quantity, passes)
	one := dec("1")
	if o.Quantity.IsNeg() {
		one = dec("-1")
	}
	o.Quantity = o.Quantity.Add(one)
	require.False(rt, d.Portfolio.Check(o).Allowed, "%s pass, more than the largest", o.Quantity)
}
