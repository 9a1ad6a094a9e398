package flex

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

// What the portfolio does not take for a mark is named, and neither fails an import that is
// recorded nor keeps other marks out.
func TestMarksThatAreNotTaken(t *testing.T) {
	other := holding("10", "50", `symbol="BBB" conid="102" currency="EUR" fxRateToBase="1.1" markPrice="7"`)
	for name, tc := range map[string]struct{ attrs, issue string }{
		"negative":                    {`markPrice="-3"`, "the closing price is not taken: STK:AAA:USD: invalid mark: Price -3 is negative"},
		"of the future":               {`markPrice="3" reportDate="21000101"`, "the closing price is not taken: STK:AAA:USD: time lies in the future"},
		"a rate of the base currency": {`fxRateToBase="0.9"`, "the rate is not taken: rate of USD: currency mismatch: USD is the base currency"},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			base := `<AccountInformation accountId="U1234567" currency="USD"/>`
			st := read(t, with(january(holding("10", "51", tc.attrs), holding("10", "51", `symbol="CCC" conid="103" fxRateToBase="0.9"`), other), base))
			plan, added, err := Import(context.Background(), p, st)
			require.NoError(t, err, "the statement is recorded")
			require.Equal(t, 3, added)
			require.Contains(t, textOf(plan.Issues), tc.issue)
			open := p.Snapshot().Open
			at := slices.IndexFunc(open, func(v ledger.PositionValue) bool { return v.Position.Instrument.Symbol == "BBB" })
			require.True(t, open[at].Marked(), "the other position is marked")
			require.Equal(t, "70", open[at].Value.String(), "at its own price")
		})
	}
}
