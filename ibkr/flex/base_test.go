package flex

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// A book would take the rates of a statement in another base currency for rates to its own.
func TestStatementInAnotherBaseCurrency(t *testing.T) {
	in := func(currency, rate string) string {
		attrs := `currency="` + currency + `" fxRateToBase="` + rate + `"`
		return january(fill("1", "20250110;100000", "10", "5", "-1", attrs), holding("10", "51", attrs))
	}
	told := func(base, file string) string {
		return with(file, `<AccountInformation accountId="U1234567" currency="`+base+`"/>`)
	}
	for name, tc := range map[string]struct {
		file string
		ok   bool
	}{
		"told":                                   {told("EUR", in("GBP", "1.17")), false},
		"told, without a rate":                   {told("EUR", in("GBP", "")), true},
		"by a currency of which all rates are 1": {in("EUR", "1"), false},
		"by the rates of the book's currency": {january(fill("1", "20250110;100000", "10", "5", "-1", `fxRateToBase="0.9"`),
			fill("2", "20250111;100000", "10", "5", "-1", `symbol="BBB" conid="102" currency="GBP" fxRateToBase="1.17"`)), false},
		"by them alone, of which the book needs none": {in("USD", "0.9"), true},
		"told, the book's":                            {told("USD", in("GBP", "1.3")), true},
		"by rates, the book's":                        {in("USD", "1"), true},
		"may be the book's":                           {in("GBP", "1.3"), true},
		"at parity on one day": {january(fill("1", "20250110;100000", "10", "5", "-1", `currency="EUR" fxRateToBase="1"`),
			fill("2", "20250111;100000", "10", "5", "-1", `currency="EUR" fxRateToBase="1.002"`)), true},
	} {
		t.Run(name, func(t *testing.T) {
			p, st := fresh(t, "USD"), read(t, tc.file)
			_, err := Preview(context.Background(), p, st)
			if tc.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrBaseCurrency)
			_, added, err := Import(context.Background(), p, st)
			require.ErrorIs(t, err, accounts.ErrCurrencyMismatch)
			require.Zero(t, added)
			require.Empty(t, p.Positions(), "a refused statement must leave the book as it was")
		})
	}
}
