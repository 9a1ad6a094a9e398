package flex

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

// A book of an earlier version has bonds that were worth a hundredfold. The next statement puts
// that right.
func TestBondsOfEarlierBooks(t *testing.T) {
	p := fresh(t, "USD")
	old := ledger.Instrument{SecType: ledger.Bond, Symbol: "AAA", Currency: "USD", ConID: 101, LocalSymbol: "AAA"}
	_, err := p.Record(t.Context(), ledger.Trade{ExecID: "tx-1", Instrument: old, Quantity: dec("5000"), Price: dec("98.42"), Proceeds: dec("-4921"),
		Commission: dec("5.5"), Time: ledger.Date(20250110).Time(newYork)})
	require.NoError(t, err)
	held := holding("5000", "4926.5", `assetCategory="BOND" markPrice="98.49" positionValue="4924.5" reportDate="20250131"`)
	plans := importInto(t, p, january(held))
	require.Equal(t, []string{"5000 of BOND:AAA:0.01:USD at 4926.5"}, outcome(t, p, plans))
	for _, open := range p.Snapshot().Open {
		require.Equal(t, "4924.5", open.Value.String(), "a price in per cent of the face value")
	}
	seq := p.Seq()
	importInto(t, p, january(held))
	require.Equal(t, seq, p.Seq())
}
