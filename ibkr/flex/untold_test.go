package flex

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A multiplier or a category that a row leaves out is told by another row of the contract, wherever
// that stands, else by the book; and what is guessed is said.
func TestWhatRowsLeaveOut(t *testing.T) {
	const (
		of       = `symbol="OESX  250117P05000000" conid="611" assetCategory="OPT" multiplier="" strike="5000" expiry="20250117" putCall="P" `
		future   = `symbol="ESH5" conid="700" assetCategory="FUT" multiplier="" expiry="20250321" `
		guessed  = "issue: options of which no row tells the multiplier: taken as 100; let the query show it"
		category = "issue: the row tells no asset category: taken for a share; let the query show it"
	)
	sold := fill("1", "20250102;100000", "-2", "12.5", "-1", of+`proceeds="250" openCloseIndicator="O"`)
	expired := fill("2", "20250117;162000", "2", "0", "0", of+`proceeds="0" notes="Ep" openCloseIndicator="C"`)
	unnamed := fill("2", "20250117;162000", "2", "0", "0", of+`conid="" proceeds="0" notes="Ep" openCloseIndicator="C"`)
	for name, c := range map[string]struct {
		files []string
		want  []string
		cash  string
	}{
		"expiry behind the sale":  {[]string{january(sold, expired)}, []string{"tx-2 closes 2 for 249"}, "249 USD"},
		"expiry before the sale":  {[]string{january(expired, sold)}, []string{"tx-2 closes 2 for 249"}, "249 USD"},
		"expiry without a conid":  {[]string{january(fill("1", "20250102;100000", "-2", "12.5", "-1", of+`conid="" proceeds="250" openCloseIndicator="O"`), unnamed)}, []string{"tx-2 closes 2 for 249"}, "249 USD"},
		"expiry in another month": {[]string{january(sold), february(fill("2", "20250217;162000", "2", "0", "0", of+`proceeds="0" notes="Ep" openCloseIndicator="C"`))}, []string{"tx-2 closes 2 for 249"}, "249 USD"},
		"position":                {[]string{january(sold, holding("-2", "-249", of))}, []string{"-2 of OPT:OESX:20250117:P:5000:10:USD at -249"}, "249 USD"},
		"nothing tells":           {[]string{january(fill("1", "20250102;100000", "-2", "12.5", "-1", of+`openCloseIndicator="O"`))}, []string{"-2 of OPT:OESX:20250117:P:5000:100:USD at -2499", guessed}, "2499 USD"},
		"future's position": {[]string{january(fill("1", "20250106;100000", "1", "6000", "-2", future+`proceeds="-300000" openCloseIndicator="O"`), holding("1", "300002", future))},
			[]string{"1 of FUT:ESH5:20250321:50:USD at 300002"}, "0 USD"},
		"a pair":                {[]string{january(fill("1", "20250106;100000", "100", "1.1", "0", `symbol="EUR.USD" assetCategory=""`))}, nil, "-110 USD, 100 EUR"},
		"an option by its name": {[]string{january(fill("1", "20250106;100000", "1", "1", "0", of+`assetCategory="" putCall="" expiry="" proceeds="-100" openCloseIndicator="O"`))}, []string{"1 of OPT:OESX:20250117:P:5000:100:USD at 100"}, "-100 USD"},
		"a bond by its money":   {[]string{january(fill("1", "20250106;100000", "10000", "98.5", "0", `symbol="T 4" assetCategory="" proceeds="-9850" openCloseIndicator="O"`))}, []string{"10000 of BOND:T 4:0.01:USD at 9850"}, "-9850 USD"},
		"a bond by another row": {[]string{january(fill("1", "20250106;100000", "10000", "98.5", "0", `symbol="T 4" assetCategory="BOND" proceeds="-9850" openCloseIndicator="O"`), holding("10000", "9850", `symbol="T 4" assetCategory=""`))},
			[]string{"10000 of BOND:T 4:0.01:USD at 9850"}, "-9850 USD"},
		"a share": {[]string{january(fill("1", "20250106;100000", "10", "4", "0", `assetCategory="" proceeds="-40" openCloseIndicator="O"`))}, []string{"10 of STK:AAA:USD at 40", category}, "-40 USD"},
		"no share": {[]string{january(fill("1", "20250106;100000", "1", "6000", "0", `assetCategory="" multiplier="50" proceeds="-300000"`))},
			[]string{`issue: "AAA" is left out: asset category "" is unknown`}, "-300000 USD"},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			plans := importInto(t, p, c.files...)
			require.Equal(t, c.want, outcome(t, p, plans))
			require.Equal(t, c.cash, balances(p))
			importInto(t, p, c.files...)
			require.Equal(t, c.cash, balances(p), "another import must not change the cash")
		})
	}
}
