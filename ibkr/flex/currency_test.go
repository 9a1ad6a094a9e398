package flex

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// balances prints the balance of every currency.
func balances(p *accounts.Portfolio) string {
	var lines []string
	for currency, cash := range p.Cash() {
		lines = append(lines, fmt.Sprintf("%s %s", cash.Balance(), currency))
	}
	slices.Sort(lines)
	return strings.Join(lines, ", ")
}

// Whatever a row tells in another currency than its contract's stays in that.
func TestAmountsStayInTheirCurrency(t *testing.T) {
	const euros = `ibCommissionCurrency="EUR" `
	bought := fill("1", "20250110;100000", "100", "40", "-3", euros+`openCloseIndicator="O"`)
	cancelled := func(commission, more string) string {
		return fill("2", "20250110;110000", "-100", "40", commission, `transactionType="TradeCancel" origTransactionID="1" buySell="BUY (Ca.)" `+more)
	}
	replaced := fill("3", "20250110;110000", "100", "41", "-4", euros+`openCloseIndicator="O"`)
	for name, tc := range map[string]struct {
		rows []string
		want string
	}{
		"a commission":                       {[]string{bought}, "-3 EUR, -4000 USD"},
		"a commission worked out":            {[]string{fill("1", "20250110;100000", "100", "40", "", euros+`netCash="-4002"`)}, "-4002 USD"},
		"a charge without units":             {[]string{fill("1", "20250110;100000", "0", "0", "-3", euros+`proceeds="-5" taxes="-1"`)}, "-3 EUR, -6 USD"},
		"a commission alone, without units":  {[]string{fill("1", "20250110;100000", "0", "0", "-3", euros)}, "-3 EUR"},
		"a charge in one currency":           {[]string{fill("1", "20250110;100000", "0", "0", "-3", `proceeds="-5"`)}, "-8 USD"},
		"a commission given back":            {[]string{bought, cancelled("3", euros)}, "0 EUR, 0 USD"},
		"given back with the original signs": {[]string{bought, strings.Replace(cancelled("-3", euros), `quantity="-100"`, `quantity="100"`, 1)}, "0 EUR, 0 USD"},
		"a part of it given back":            {[]string{bought, cancelled("2", euros)}, "-1 EUR, 0 USD"},
		"nothing of it given back":           {[]string{bought, cancelled("0", euros)}, "-3 EUR, 0 USD"},
		"given back and charged anew":        {[]string{bought, cancelled("3", euros), replaced}, "-4 EUR, -4100 USD"},
		"given back in another currency":     {[]string{strings.Replace(bought, `ibCommissionCurrency="EUR"`, "", 1), cancelled("3", euros)}, "-3 USD, 3 EUR"},
		"of a contract that is left out": {[]string{fill("1", "20250110;100000", "100", "40", "-3", euros+`assetCategory="XYZ" netCash="-4000"`)},
			"-3 EUR, -4000 USD"},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			file := january(tc.rows...)
			importInto(t, p, file)
			require.Equal(t, tc.want, balances(p))
			seq := p.Seq()
			importInto(t, p, file)
			require.Equal(t, seq, p.Seq(), "importing it again must add nothing")
		})
	}
}
