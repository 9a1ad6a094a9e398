package flex

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// An execution that is cancelled and booked again under its old ids, in whatever statement each of
// its rows comes, and however often, leaves what was booked last.
func TestRebookedUnderTheSameIDs(t *testing.T) {
	row := func(tx, quantity, price, more string) string {
		return trade(`transactionID="` + tx + `" quantity="` + quantity + `" tradePrice="` + price + `" ibCommission="-1" dateTime="20250130;100000" ` + more)
	}
	const ids = `tradeID="2001" ibExecID="0000bbbb.01.01"`
	first := row("1001", "1000", "10", ids)
	cancel := row("1002", "-1000", "10", `tradeID="" transactionType="TradeCancel" buySell="BUY (Ca.)" origTransactionID="1001" origTradeID="2001" notes="Ca"`)
	for name, again := range map[string]string{
		"another quantity":   row("1003", "600", "10", ids),
		"another price":      row("1003", "600", "11", ids),
		"the same once more": row("1003", "1000", "10", ids),
	} {
		want := dec("600")
		if name == "the same once more" {
			want = dec("1000")
		}
		for way, files := range map[string][]string{
			"one statement":     {trades(first, cancel, again)},
			"the month after":   {trades(first), trades(cancel, again)},
			"again and again":   {trades(first), trades(cancel, again), trades(first), trades(cancel, again), trades(first, cancel, again)},
			"rows turned about": {trades(first), trades(again, cancel)},
		} {
			p := freshFor(t, "U1234567", "USD")
			for _, f := range files {
				_, _, err := Import(t.Context(), p, read(t, f))
				require.NoError(t, err, "%s, %s", name, way)
			}
			held := p.Positions()
			require.Len(t, held, 1, "%s, %s", name, way)
			require.Equal(t, want.String(), held[0].Quantity.String(), "%s, %s", name, way)
			require.NoError(t, p.Verify(t.Context()))
		}
	}
}
