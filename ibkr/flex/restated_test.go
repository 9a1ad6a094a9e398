package flex

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A statement that tells other figures under an id of the book changes nothing, and that is said.
func TestRestatedFigures(t *testing.T) {
	bought := fill("1", "20250106;100000", "100", "40", "-1", `openCloseIndicator="O"`)
	dividend := `<CashTransaction currency="USD" dateTime="20250110;202000" amount="5" type="Dividends" transactionID="7"/>`
	taken := fill("2", "20250106;110000", "-100", "40", "0.25", `transactionType="TradeCancel" origTransactionID="1" buySell="BUY (Ca.)"`)
	again := fill("3", "20250106;110000", "100", "41", "-1", `openCloseIndicator="O"`)
	for name, c := range map[string]struct {
		before, after []string
		says          string
	}{
		"the same":                {[]string{bought, dividend}, []string{bought, dividend}, ""},
		"rounded otherwise":       {[]string{bought}, []string{strings.Replace(bought, `"-1"`, `"-1.004"`, 1)}, ""},
		"another price":           {[]string{bought}, []string{strings.Replace(bought, `"40"`, `"39"`, 1)}, "100 of AAA for -3900 at costs of 1: the book has it as 100 for -4000 at costs of 1, and keeps that"},
		"another commission":      {[]string{bought}, []string{strings.Replace(bought, `"-1"`, `"-2"`, 1)}, "for -4000 at costs of 2: the book has it as 100 for -4000 at costs of 1"},
		"another amount":          {[]string{dividend}, []string{strings.Replace(dividend, `"5"`, `"6"`, 1)}, `6 USD of type "Dividends": the book has it as 5 USD, and keeps that`},
		"a commission that stays": {[]string{bought, taken, again}, []string{bought, taken, again}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			importInto(t, p, january(c.before...))
			cash := balances(p)
			plan := importInto(t, p, january(c.after...))[0]
			require.Equal(t, cash, balances(p), "the book keeps what it has")
			if c.says == "" {
				require.Empty(t, Unread(plan.Issues))
				return
			}
			require.Contains(t, textOf(plan.Issues), c.says)
			require.Len(t, Unread(plan.Issues), 1)
		})
	}
}

// A commission that the book has in its trade is not booked beside it once a statement tells that
// it was paid in another currency.
func TestRestatedCurrencyOfACommission(t *testing.T) {
	row := func(paid string) string {
		return january(fill("1", "20250106;100000", "100", "40", "-2", `currency="EUR" fxRateToBase="1.1" `+paid))
	}
	p := fresh(t, "USD")
	plans := importInto(t, p, row(""), row(`ibCommissionCurrency="USD"`))
	require.Equal(t, "-4002 EUR", balances(p), "the commission counts once")
	require.Contains(t, textOf(plans[1].Issues), "at costs of 0: the book has it as 100 for -4000 at costs of 2, and keeps that")
	require.Len(t, Unread(plans[1].Issues), 1)
}
