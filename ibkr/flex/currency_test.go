package flex

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
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
		"a commission":                                {[]string{bought}, "-3 EUR, -4000 USD"},
		"a commission worked out":                     {[]string{fill("1", "20250110;100000", "100", "40", "", euros+`netCash="-4002"`)}, "-4002 USD"},
		"a charge without units":                      {[]string{fill("1", "20250110;100000", "0", "0", "-3", euros+`proceeds="-5" taxes="-1"`)}, "-3 EUR, -6 USD"},
		"a commission alone, without units":           {[]string{fill("1", "20250110;100000", "0", "0", "-3", euros)}, "-3 EUR"},
		"a charge in one currency":                    {[]string{fill("1", "20250110;100000", "0", "0", "-3", `proceeds="-5"`)}, "-8 USD"},
		"a commission given back":                     {[]string{bought, cancelled("3", euros)}, "0 EUR, 0 USD"},
		"given back with the original signs":          {[]string{bought, strings.Replace(cancelled("-3", euros), `quantity="-100"`, `quantity="100"`, 1)}, "0 EUR, 0 USD"},
		"a part of it given back":                     {[]string{bought, cancelled("2", euros)}, "-1 EUR, 0 USD"},
		"nothing of it given back":                    {[]string{bought, cancelled("0", euros)}, "-3 EUR, 0 USD"},
		"given back and charged anew":                 {[]string{bought, cancelled("3", euros), replaced}, "-4 EUR, -4100 USD"},
		"given back in another currency":              {[]string{strings.Replace(bought, `ibCommissionCurrency="EUR"`, "", 1), cancelled("3", euros)}, "-3 USD, 3 EUR"},
		"given back of what is nowhere":               {[]string{cancelled("3", euros)}, "3 EUR, 4000 USD"},
		"of what is nowhere, with the original signs": {[]string{strings.Replace(cancelled("-3", euros), `quantity="-100"`, `quantity="100"`, 1)}, "3 EUR, 4000 USD"},
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

// The basis of a holding is divided by market values in one currency, whatever currencies the rows
// tell them in.
func TestMarketValuesInOneCurrency(t *testing.T) {
	const text = "AAA(US101) MERGED(Acquisition) WITH US712 1 FOR 2"
	row := func(id, symbol, conid, quantity, attrs string) string {
		return action(id, "20250117;202500", symbol, conid, quantity,
			fmt.Sprintf(`type="TC" actionID="5" actionDescription="%s (%s, X INC, US%s)" %s`, text, symbol, conid, attrs))
	}
	bought := fill("1", "20250110;100000", "100", "40.5", "0", `openCloseIndicator="O"`)
	gone, first := row("7", "AAA", "101", "-100", ""), row("8", "ACQ", "712", "50", `value="2000"`)
	for name, tc := range map[string]struct {
		second string
		want   []string
	}{
		"both in dollars":    {row("9", "ACR", "713", "50", `value="2500"`), []string{"50 of STK:ACQ:USD at 1800", "50 of STK:ACR:USD at 2250"}},
		"the second in euro": {row("9", "ACR", "713", "50", `value="2000" currency="EUR" fxRateToBase="1.25"`), []string{"50 of STK:ACQ:USD at 1800", "50 of STK:ACR:EUR at 1800"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			importInto(t, p, january(bought, gone, first, tc.second))
			require.Equal(t, tc.want, outcome(t, p, nil))
		})
	}
}

// A row of two currencies for one contract moves each amount in its own.
func TestOneContractInTwoCurrencies(t *testing.T) {
	p := fresh(t, "USD")
	importInto(t, p, january(fill("1", "20250110;100000", "100", "40", "0", `openCloseIndicator="O" currency="EUR" fxRateToBase="1.25" ibCommissionCurrency="EUR"`),
		fill("2", "20250111;100000", "10", "50", "0", `openCloseIndicator="O"`)))
	require.Equal(t, "-4000 EUR, -500 USD", balances(p))
	require.Equal(t, []string{"100 of STK:AAA:EUR at 4000", "10 of STK:AAA:USD at 500"}, outcome(t, p, nil))
}

// The total of a cash report in base currency is the balance of a currency if that is the base, and
// everything is in it.
func TestCashReportInBaseCurrencyAlone(t *testing.T) {
	const report = `<CashReportCurrency currency="BASE_SUMMARY" startingCash="1000" endingCash="900"/>`
	const dollars, euros = `fxRateToBase="1"`, `fxRateToBase="0.9"`
	account := func(currency string) string {
		return `<AccountInformation accountId="U1234567" currency="` + currency + `"/>`
	}
	for name, tc := range map[string]struct {
		rate, account string
		balance       string
		compared      bool
		book          ledger.Currency
	}{
		"the base is dollars":         {dollars, account("USD"), "900 USD", true, "USD"},
		"by the rates it is":          {dollars, "", "900 USD", true, "USD"},
		"nothing says otherwise":      {`fxRateToBase=""`, "", "900 USD", true, "USD"},
		"the base is another":         {euros, account("EUR"), "-100 USD", false, "EUR"},
		"by the rates it is another":  {euros, "", "-100 USD", false, "EUR"},
		"another, and rates are none": {`fxRateToBase=""`, account("EUR"), "-100 USD", false, "EUR"},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, tc.book)
			plan := importInto(t, p, with(january(fill("1", "20250110;100000", "10", "10", "0", tc.rate), report), tc.account))[0]
			require.Equal(t, tc.balance, balances(p))
			require.Equal(t, tc.compared, len(plan.Broker.Cash) == 1, "whether the end is compared")
			require.Equal(t, !tc.compared, strings.Contains(textOf(plan.Issues), "is told in base currency alone"))
		})
	}
}

// An option's premium moves into a delivery in its own currency, and into no other.
func TestPremiumStaysInItsCurrency(t *testing.T) {
	p := fresh(t, "USD")
	plans := importInto(t, p, january(option("P", "1", "20250110;100000", "-2", "0.5", `openCloseIndicator="O"`),
		option("P", "2", "20250111;162000", "2", "0", `notes="A" transactionType="BookTrade" openCloseIndicator="C"`),
		fill("3", "20250111;162000", "200", "10", "0", `notes="A" openCloseIndicator="C" currency="EUR" fxRateToBase="1.25" ibCommissionCurrency="EUR" fifoPnlRealized="50"`),
		nothing))
	require.Contains(t, outcome(t, p, plans), "tx-3 closes 200 for 50 inferred", "as the broker says, without the premium in dollars")
}

// The commission of a currency pair that names no currency is in base currency, as the broker charges
// it, and that is said.
func TestCommissionOfPairsInBaseCurrency(t *testing.T) {
	const said = "issue: the commission of a currency pair names no currency: taken to be in base currency, USD"
	pair := func(symbol, currency, attrs string) string {
		return fill("1", "20250110;100000", "1000", "2", "-3", `symbol="`+symbol+`" currency="`+currency+`" assetCategory="CASH" `+attrs)
	}
	for name, c := range map[string]struct {
		row  string
		want []string
		cash string
	}{
		"another currency": {pair("EUR.GBP", "GBP", ""), []string{said}, "-2000 GBP, -3 USD, 1000 EUR"},
		"named":            {pair("EUR.GBP", "GBP", `ibCommissionCurrency="GBP"`), nil, "-2003 GBP, 1000 EUR"},
		"base currency":    {pair("EUR.USD", "USD", ""), nil, "-2003 USD, 1000 EUR"},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			require.Equal(t, c.want, outcome(t, p, importInto(t, p, january(c.row))))
			require.Equal(t, c.cash, balances(p))
		})
	}
}
