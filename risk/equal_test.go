package risk_test

import (
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// TestEqualLimits compares limits as numbers, whatever form a number has.
func TestEqualLimits(t *testing.T) {
	dec := udecimal.MustParse
	limits := func(change func(*risk.Limits)) risk.Limits {
		l := risk.Limits{
			Account: risk.MarginAccount, SecTypes: []ledger.SecType{ledger.Stock}, Leverage: dec("3"), WarnAt: dec("0.8"),
			OrderNotional: risk.Limit{Fraction: dec("0.1")}, MarkAge: time.Minute, Drawdown: risk.DrawdownLimits{Severe: dec("0.2")},
			DayTrading: []risk.DatedPolicy{{Policy: risk.PatternDayTrader}},
		}
		change(&l)
		return l
	}
	same := limits(func(*risk.Limits) {})
	for what, change := range map[string]func(*risk.Limits){
		"nothing":                func(*risk.Limits) {},
		"zeros behind a decimal": func(l *risk.Limits) { l.OrderNotional.Fraction = dec("0.10") },
		"the zone that is meant": func(l *risk.Limits) { l.TimeZone = "America/New_York" },
		"an empty list":          func(l *risk.Limits) { l.AllowedSymbols = []string{} },
		"another backing array":  func(l *risk.Limits) { *l = l.Clone() },
	} {
		require.True(t, same.Equal(limits(change)), "limits that differ in %s are other limits", what)
	}
	for what, change := range map[string]func(*risk.Limits){
		"a decimal":       func(l *risk.Limits) { l.Leverage = dec("3.1") },
		"a limit":         func(l *risk.Limits) { l.DailyLoss.Amount = dec("1") },
		"a duration":      func(l *risk.Limits) { l.MarkAge++ },
		"a permission":    func(l *risk.Limits) { l.ShortSelling = true },
		"a count":         func(l *risk.Limits) { l.OpenPositions = 1 },
		"the zone":        func(l *risk.Limits) { l.TimeZone = "Europe/Berlin" },
		"a list":          func(l *risk.Limits) { l.RestrictedSymbols = []string{"XYZ"} },
		"an order":        func(l *risk.Limits) { l.SecTypes = nil },
		"a dated policy":  func(l *risk.Limits) { l.DayTrading[0].From = 20260604 },
		"a drawdown":      func(l *risk.Limits) { l.Drawdown.Severe = dec("0.21") },
		"an account type": func(l *risk.Limits) { l.Account = risk.CashAccount },
	} {
		require.False(t, same.Equal(limits(change)), "limits that differ in %s are the same", what)
	}
	require.True(t, risk.Limits{}.Equal(risk.Limits{SecTypes: []ledger.SecType{}}), "none are none")
}
