package flex

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Options that are closed at price zero without a code were exercised or assigned where their
// underlying was traded at the strike at that moment, and expired where it was not.
func TestOptionsWithoutCodes(t *testing.T) {
	first, second := "20250110;100000", "20250620;162000"
	closed := `openCloseIndicator="C" transactionType="BookTrade"`
	gone := func(right, text string) string {
		return "issue: AAA   250620" + right + "00010000 is closed at price zero, and its row has no code: " + text + "; let the query show the notes"
	}
	const traded = ", for AAA was traded at its strike at the same moment"
	for name, c := range map[string]struct {
		rows []string
		want []string
	}{
		"short call assigned": {[]string{option("C", "1", first, "-1", "1", ""), option("C", "2", second, "1", "0", closed+` fifoPnlRealized="0"`), fill("3", second, "-100", "10", "0", `openCloseIndicator="O"`)},
			[]string{"tx-2 closes 1 for 0", "-100 of STK:AAA:USD at -1100", gone("C", "taken for assigned"+traded)}},
		"short put assigned": {[]string{option("P", "1", first, "-1", "1", ""), option("P", "2", second, "1", "0", closed), fill("3", second, "100", "10", "0", "")},
			[]string{"tx-2 closes 1 for 0", "100 of STK:AAA:USD at 900", gone("P", "taken for assigned"+traded)}},
		"long call exercised": {[]string{option("C", "1", first, "1", "1", ""), option("C", "2", second, "-1", "0", closed), fill("3", second, "100", "10", "0", "")},
			[]string{"tx-2 closes -1 for 0", "100 of STK:AAA:USD at 1100", gone("C", "taken for exercised"+traded)}},
		"expired": {[]string{option("C", "1", first, "-1", "1", ""), option("C", "2", second, "1", "0", closed+` fifoPnlRealized="100"`)},
			[]string{"tx-2 closes 1 for 100", gone("C", "taken for expired")}},
		"expired, and bought at the strike the day before": {[]string{option("P", "1", first, "-1", "1", ""), option("P", "2", second, "1", "0", closed), fill("3", "20250619;162000", "100", "10", "0", "")},
			[]string{"tx-2 closes 1 for 100", "100 of STK:AAA:USD at 1000", gone("P", "taken for expired")}},
		"expired by its code": {[]string{option("C", "1", first, "-1", "1", ""), option("C", "2", second, "1", "0", closed+` notes="Ep"`)}, []string{"tx-2 closes 1 for 100"}},
	} {
		t.Run(name, func(t *testing.T) {
			lines, _ := importedAgain(t, statement("20250101", "20250630", c.rows...))
			require.Equal(t, c.want, lines)
		})
	}
}
