package risk_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// TestLimitsValidate spoils one field at a time.
func TestLimitsValidate(t *testing.T) {
	type limits = risk.Limits
	tiny := dec("0.0000000000001") // 13 places
	cases := []struct {
		field string
		spoil func(l *limits)
	}{
		{"Account", func(l *limits) { l.Account = "" }},
		{"Account", func(l *limits) { l.Account = "portfolio" }},
		{"TimeZone", func(l *limits) { l.TimeZone = "Europe/Atlantis" }},
		{"TimeZone", func(l *limits) { l.TimeZone = "Local" }},
		{"SecTypes", func(l *limits) { l.SecTypes = []ledger.SecType{"STK", "IND"} }},
		{"AllowedSymbols", func(l *limits) { l.AllowedSymbols = []string{"XYZ", ""} }},
		{"RestrictedSymbols", func(l *limits) { l.RestrictedSymbols = []string{"X:Z"} }},
		{"MarkAge", func(l *limits) { l.MarkAge = 0 }},
		{"MarkAge", func(l *limits) { l.MarkAge = -1 }},
		{"MarkAge", func(l *limits) { l.MarkAge = math.MaxInt64 }},
		{"RateAge", func(l *limits) { l.RateAge = 0 }},
		{"RateAge", func(l *limits) { l.RateAge = -time.Hour }},
		{"RateAge", func(l *limits) { l.RateAge = math.MaxInt64 }},
		{"DuplicateWindow", func(l *limits) { l.DuplicateWindow = -1 }},
		{"DuplicateWindow", func(l *limits) { l.DuplicateWindow = time.Hour + 1 }},
		{"OrdersPerMinute", func(l *limits) { l.OrdersPerMinute = -1 }},
		{"OrdersPerDay", func(l *limits) { l.OrdersPerDay = -1 }},
		{"TradesPerDay", func(l *limits) { l.TradesPerDay = math.MinInt }},
		{"OpenPositions", func(l *limits) { l.OpenPositions = -1 }},
		{"WarnAt", func(l *limits) { l.WarnAt = dec("0") }},
		{"WarnAt", func(l *limits) { l.WarnAt = dec("-0.8") }},
		{"WarnAt", func(l *limits) { l.WarnAt = dec("1.01") }},
		{"PriceCollar", func(l *limits) { l.PriceCollar = dec("5") }}, // 5 % is 0.05; from 1 on a sale has no collar
		{"DailyLoss.Fraction", func(l *limits) { l.DailyLoss.Fraction = dec("3") }},
		{"Drawdown.Warning", func(l *limits) { l.Drawdown.Warning = dec("0") }},
		{"Drawdown.Warning", func(l *limits) { l.Drawdown.Warning = dec("-0.1") }},
		{"Drawdown.Moderate", func(l *limits) { l.Drawdown.Moderate = l.Drawdown.Warning }},
		{"Drawdown.Severe", func(l *limits) { l.Drawdown.Severe = dec("-0.5") }},
		{"Drawdown.Critical", func(l *limits) { l.Drawdown.Critical = dec("1") }},
		{"DayTrading", func(l *limits) { l.DayTrading = []risk.DatedPolicy{{Policy: "swing"}} }},
		{"DayTrading", func(l *limits) {
			l.DayTrading = []risk.DatedPolicy{{From: 20261301, Policy: risk.DayTradesFree}}
		}},
		{"DayTrading", func(l *limits) { l.DayTrading = []risk.DatedPolicy{{From: -1, Policy: risk.DayTradesFree}} }},
		{"DayTrading", func(l *limits) {
			l.DayTrading = []risk.DatedPolicy{{From: 20260102, Policy: risk.DayTradesFree}, {From: 20260102, Policy: risk.IntradayMargin}}
		}},
	}
	spoil := func(field string, of func(l *limits) *ledger.Decimal, bad ...string) {
		values := []ledger.Decimal{tiny}
		for _, s := range bad {
			values = append(values, dec(s))
		}
		for _, v := range values {
			cases = append(cases, struct {
				field string
				spoil func(l *limits)
			}{field, func(l *limits) { *of(l) = v }})
		}
	}
	most := dec("999999999999999").Add(dec("1"))
	for name, of := range map[string]func(l *limits) *risk.Limit{
		"OrderNotional": func(l *limits) *risk.Limit { return &l.OrderNotional }, "PositionSize": func(l *limits) *risk.Limit { return &l.PositionSize },
		"UnderlyingSize": func(l *limits) *risk.Limit { return &l.UnderlyingSize }, "GrossExposure": func(l *limits) *risk.Limit { return &l.GrossExposure },
		"NetExposure": func(l *limits) *risk.Limit { return &l.NetExposure }, "StrategyExposure": func(l *limits) *risk.Limit { return &l.StrategyExposure },
		"SectorExposure": func(l *limits) *risk.Limit { return &l.SectorExposure }, "DailyLoss": func(l *limits) *risk.Limit { return &l.DailyLoss },
	} {
		spoil(name+".Amount", func(l *limits) *ledger.Decimal { return &of(l).Amount }, "-0.01")
		spoil(name+".Fraction", func(l *limits) *ledger.Decimal { return &of(l).Fraction }, "-0.01", "100")
		cases = append(cases, struct {
			field string
			spoil func(l *limits)
		}{name + ".Amount", func(l *limits) { of(l).Amount = most }})
	}
	spoil("OrderQuantity", func(l *limits) *ledger.Decimal { return &l.OrderQuantity }, "-1")
	spoil("PriceCollar", func(l *limits) *ledger.Decimal { return &l.PriceCollar }, "-0.05", "0", "1")
	spoil("OptionCollar", func(l *limits) *ledger.Decimal { return &l.OptionCollar }, "-0.5", "0", "100")
	spoil("Leverage", func(l *limits) *ledger.Decimal { return &l.Leverage }, "-3", "0", "100")
	spoil("FuturesMargin", func(l *limits) *ledger.Decimal { return &l.FuturesMargin }, "-0.15", "0", "100")

	for _, c := range cases {
		l := loose()
		c.spoil(l)
		require.Equal(t, []string{c.field}, wrongFields(t, l.Validate()), "of %+v", l)
		within := &invalid.Error{What: "profile"}
		l.ValidateInto(within, "Limits.")
		require.Equal(t, []string{"Limits." + c.field}, wrongFields(t, within.Err()), "a profile must name them as its own")
	}
	require.NoError(t, loose().Validate(), "the limits that were spoilt are valid otherwise")
	l := risk.Limits{}
	first := l.Validate().Error()
	for range 20 {
		require.Equal(t, first, l.Validate().Error(), "the same limits must always give the same error")
	}
}
