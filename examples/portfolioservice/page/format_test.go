package page

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

// Amounts have thousands by comma, two places, a wide minus, and never a zero with a sign.
func TestMoney(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0.00", "1234567.891": "1,234,567.89", "-412.375": "−412.38", "999": "999.00", "-0.001": "0.00", "1000": "1,000.00",
		"99999999999999.99": "99,999,999,999,999.99",
	} {
		require.Equal(t, want, cents(dec(text)).String(), text)
	}
	require.Equal(t, "1,205 USD", rounded(dec("1204.5")).in("USD").String())
	require.Equal(t, "+9.00", difference(dec("9")).String())
	require.Equal(t, "not known", money{}.String(), "nothing is not zero")
	for text, want := range map[string]string{"6.85": "6.85", "6.8": "6.80", "0.00012345": "0.00012345", "700": "700.00", "0.123456789": "0.12345679"} {
		require.Equal(t, want, price(dec(text)).String(), text)
	}
	for text, want := range map[string]string{"1200": "1,200", "-5": "−5", "0.5": "0.5", "2.50": "2.5"} {
		require.Equal(t, want, quantity(dec(text)), text)
	}
}

// Gains and losses have a sign and an arrow, and what is neither has no sign.
func TestGain(t *testing.T) {
	require.Equal(t, gain{true, "up", "▲", "+1,204.18", "+1.02\u202f%"}, gained(dec("1204.18")).of(dec("1204.18"), dec("118136")))
	require.Equal(t, gain{true, "down", "▼", "−412.38", ""}, gained(dec("-412.38")))
	require.Equal(t, gain{true, "even", "=", "0.00", ""}, gained(dec("0.001")))
	require.Empty(t, gained(dec("1")).of(dec("1"), dec("0")).Percent, "of nothing there is no share")
	require.False(t, gain{}.Known)
	for v, want := range map[float64]string{.184: "18.4\u202f%", -.0004: "0.0\u202f%", -.05: "−5.0\u202f%"} {
		require.Equal(t, want, percent(v, 1))
	}
	require.Equal(t, "0.00\u202f%", signedPercent(0, 2))
	require.Equal(t, "5.33\u202f%", fraction(dec("0.05333")))
}

// Times are as short as they can be told apart.
func TestTimes(t *testing.T) {
	c := &call{page: &Page{Config: Config{Location: newYork}}, now: rigNow}
	for want, at := range map[string]time.Time{
		"14:32:07": rigNow, "Tue 24 Nov": rigNow.AddDate(0, 0, -1), "12 Mar 26": time.Date(2026, 3, 12, 10, 0, 0, 0, newYork),
		"26 Nov 26": rigNow.AddDate(0, 0, 1),
	} {
		require.Equal(t, want, c.near(at.UTC()).Text)
	}
	require.Equal(t, "2026-11-25T14:32:07-05:00", c.clock(rigNow.UTC()).Machine)
	require.Equal(t, "ET", c.zone())
	for d, want := range map[time.Duration]string{time.Second: "1 second", 119 * time.Second: "119 seconds", 11 * time.Minute: "11 minutes", 26 * time.Hour: "26 hours",
		72 * time.Hour: "3 days", -time.Second: "0 seconds"} {
		require.Equal(t, want, span(d))
	}
	require.Equal(t, "11 min", age(11*time.Minute))
	require.Equal(t, "a, b and c", list([]string{"a", "b", "c"}))
}

// Contracts have names that a person reads.
func TestContractNames(t *testing.T) {
	require.Equal(t, "SPY 18 Dec 26 580 P", nameOf(put))
	require.Equal(t, "Put, 100 a contract", kindOf(put, "USD"))
	require.Equal(t, "Stock, EUR", kindOf(asml, "USD"))
	require.Equal(t, "Sell 20 SPY", sideOf(dec("-20"), spy))
	for _, kind := range []ledger.SecType{ledger.Stock, ledger.Option, ledger.Future, ledger.FutureOption, ledger.Forex, ledger.CFD, ledger.Warrant, ledger.Bond, ledger.Fund, ledger.Crypto} {
		require.NotEmpty(t, kinds[kind][0], kind)
	}
}
