package sizing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/sizing"
)

// TestSizers checks each sizer against amounts worked out by hand, at an equity of 100,000 and a
// limit of 6 % per order.
func TestSizers(t *testing.T) {
	signal := func(confidence, volatility, payoff string) sizing.Sizing {
		return sizing.Sizing{Confidence: dec(confidence), Volatility: dec(volatility), Payoff: dec(payoff)}
	}
	at := func(s sizing.Sizing, l risk.Limits, equity string) sizing.Sizing {
		s.Limits, s.Equity = l, dec(equity)
		return s
	}
	none := sizing.Sizing{}
	limited := risk.Limits{OrderNotional: risk.Limit{Fraction: dec("0.06")}}
	for name, c := range map[string]struct {
		sizer  sizing.Sizer
		signal sizing.Sizing
		want   string // empty for ErrInvalid
	}{
		"by the limits":                    {sizing.FixedFraction{}, none, "6000"},
		"fraction":                         {sizing.FixedFraction{Fraction: dec("0.025")}, none, "2500"},
		"fraction of 100":                  {sizing.FixedFraction{Fraction: dec("100")}, none, "10000000"},
		"fraction above 100":               {sizing.FixedFraction{Fraction: dec("100.01")}, none, ""},
		"negative fraction":                {sizing.FixedFraction{Fraction: dec("-0.01")}, none, ""},
		"notional":                         {sizing.FixedNotional{Amount: dec("1234.56")}, none, "1234.56"},
		"no notional":                      {sizing.FixedNotional{}, none, ""},
		"negative notional":                {sizing.FixedNotional{Amount: dec("-1")}, none, ""},
		"absurd notional":                  {sizing.FixedNotional{Amount: dec("999999999999999").Add(dec("1"))}, none, ""},
		"confidence by the limits":         {sizing.ConfidenceWeighted{}, signal("0.75", "0", "0"), "4500"},
		"confidence":                       {sizing.ConfidenceWeighted{Fraction: dec("0.1")}, signal("0.6", "0", "0"), "6000"},
		"full confidence":                  {sizing.ConfidenceWeighted{Fraction: dec("0.1")}, signal("1", "0", "0"), "10000"},
		"no confidence":                    {sizing.ConfidenceWeighted{Fraction: dec("0.1")}, none, ""},
		"confidence of a bad fraction":     {sizing.ConfidenceWeighted{Fraction: dec("-0.1")}, signal("1", "0", "0"), ""},
		"volatility":                       {sizing.VolatilityTarget{Target: dec("0.01"), Max: dec("0.5")}, signal("0", "0.25", "0"), "4000"}, // 1 % ÷ 25 % of 100,000
		"volatility, capped":               {sizing.VolatilityTarget{Target: dec("0.02"), Max: dec("0.05")}, signal("0", "0.1", "0"), "5000"}, // 20,000, but 5 %
		"volatility, capped by the limits": {sizing.VolatilityTarget{Target: dec("0.02")}, signal("0", "0.2", "0"), "6000"},                   // 10,000, but 6 %
		"next to no volatility":            {sizing.VolatilityTarget{Target: dec("0.02")}, signal("0", "0.0000000001", "0"), "6000"},
		"no volatility":                    {sizing.VolatilityTarget{Target: dec("0.02")}, none, ""},
		"no target":                        {sizing.VolatilityTarget{}, signal("0", "0.2", "0"), ""},
		"negative target":                  {sizing.VolatilityTarget{Target: dec("-0.02")}, signal("0", "0.2", "0"), ""},
		"absurd target":                    {sizing.VolatilityTarget{Target: dec("101")}, signal("0", "0.2", "0"), ""},
		"bad cap of volatility":            {sizing.VolatilityTarget{Target: dec("0.02"), Max: dec("-1")}, signal("0", "0.2", "0"), ""},
		"Kelly":                            {sizing.FractionalKelly{Part: dec("1"), Max: dec("1")}, signal("0.6", "0", "1"), "20000"},   // 0.6 − 0.4 ÷ 1
		"half Kelly":                       {sizing.FractionalKelly{Part: dec("0.5"), Max: dec("1")}, signal("0.5", "0", "2"), "12500"}, // (0.5 − 0.5 ÷ 2) ÷ 2
		"a sure thing":                     {sizing.FractionalKelly{Part: dec("0.25"), Max: dec("1")}, signal("1", "0", "3"), "25000"},  // 1 − 0
		"Kelly, capped":                    {sizing.FractionalKelly{Part: dec("0.5"), Max: dec("0.1")}, signal("0.5", "0", "2"), "10000"},
		"Kelly, capped by the limits":      {sizing.FractionalKelly{Part: dec("0.5")}, signal("0.5", "0", "2"), "6000"},
		"even odds":                        {sizing.FractionalKelly{Part: dec("1")}, signal("0.5", "0", "1"), "0"}, // 0.5 − 0.5
		"odds against it":                  {sizing.FractionalKelly{Part: dec("1")}, signal("0.4", "0", "1"), "0"}, // 0.4 − 0.6, and never a short sale
		"Kelly without confidence":         {sizing.FractionalKelly{Part: dec("1")}, signal("0", "0", "1"), ""},
		"Kelly without payoff":             {sizing.FractionalKelly{Part: dec("1")}, signal("0.5", "0", "0"), ""},
		"Kelly, no part":                   {sizing.FractionalKelly{}, signal("0.6", "0", "1"), ""},
		"Kelly, negative part":             {sizing.FractionalKelly{Part: dec("-0.5")}, signal("0.6", "0", "1"), ""},
		"Kelly, more than all":             {sizing.FractionalKelly{Part: dec("1.01")}, signal("0.6", "0", "1"), ""},
		"bad cap of Kelly":                 {sizing.FractionalKelly{Part: dec("1"), Max: dec("101")}, signal("0.6", "0", "1"), ""},
	} {
		got, err := c.sizer.Notional(at(c.signal, limited, "100000"))
		if c.want == "" {
			require.ErrorIs(t, err, invalid.Err, name)
			require.False(t, got.IsPos(), "%s: an error and an amount of %s", name, got)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.want, got.String(), name)
	}
	for _, s := range []sizing.Sizer{sizing.FixedFraction{}, sizing.ConfidenceWeighted{}, sizing.VolatilityTarget{Target: dec("0.1")}, sizing.FractionalKelly{Part: dec("1")}} {
		_, err := s.Notional(at(signal("0.6", "0.2", "1"), risk.Limits{}, "100000"))
		require.ErrorIs(t, err, invalid.Err, "%T: neither a fraction nor a limit says how much", s)
		got, err := s.Notional(at(signal("0.6", "0.2", "1"), limited, "-100000"))
		require.NoError(t, err)
		require.False(t, got.IsPos(), "%T puts %s at risk with nothing left", s, got)
	}
}
