package flex

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// moved returns a transfer row of AAA.
func moved(id, at, direction, quantity, attrs string) string {
	return "<Transfer " + dedupe(fmt.Sprintf(`currency="USD" assetCategory="STK" symbol="AAA" conid="101" type="FOP" dateTime="%s" direction="%s" quantity="%s" `+
		`transactionID="%s" cashTransfer="0" reportDate="%.8s" %s`, at, direction, quantity, id, at, attrs)) + "/>"
}

// Positions that come and go realize and close nothing, and take their lots along.
func TestTransferredPositions(t *testing.T) {
	buy := fill("1", "20250106;100000", "100", "40", "-1", `openCloseIndicator="O"`)
	const granted = `<StockGrantActivity currency="USD" assetCategory="STK" symbol="AAA" conid="101" reportDate="20250115" quantity="10" price="40"/>`
	sell := fill("3", "20250120;100000", "-40", "50", "0", `openCloseIndicator="C"`)
	for name, c := range map[string]struct {
		files []string
		want  []string
	}{
		"out": {[]string{january(buy, moved("2", "20250115;093000", "OUT", "-60", ""), holding("40", "1600.4", ""))},
			[]string{"40 of STK:AAA:USD at 1600.4"}},
		"out, unsigned": {[]string{january(buy, moved("2", "20250115;093000", "OUT", "60", ""))},
			[]string{"40 of STK:AAA:USD at 1600.4"}},
		"all of it out": {[]string{january(buy, moved("2", "20250115;093000", "OUT", "-100", ""), nothing)}, nil},
		"in, with the basis of the position": {[]string{january(moved("2", "20250115;093000", "IN", "40", `positionAmount="1700"`), holding("40", "1500", ""))},
			[]string{"40 of STK:AAA:USD at 1500 inferred"}},
		"in, with the cost of the closing": {[]string{january(moved("2", "20250115;093000", "IN", "40", ""), fill("3", "20250120;100000", "-40", "50", "0", `openCloseIndicator="C" cost="-1500" fifoPnlRealized="500"`))},
			[]string{"tx-3 closes -40 for 500 inferred"}},
		"in, at what it was worth": {[]string{january(moved("2", "20250115;093000", "IN", "40", `positionAmount="1700"`))},
			[]string{"40 of STK:AAA:USD at 1700 inferred"}},
		"in and out": {[]string{january(moved("2", "20250115;093000", "IN", "40", `transferPrice="42"`), moved("4", "20250116;093000", "OUT", "-40", `transferPrice="43"`))}, nil},
		"short in": {[]string{january(moved("2", "20250115;093000", "IN", "-10", ""), holding("-10", "-400", ""))},
			[]string{"-10 of STK:AAA:USD at -400 inferred"}},
		"out of what was held before": {[]string{january(moved("2", "20250115;093000", "OUT", "-60", `positionAmount="-2700"`), holding("40", "1600", ""))},
			[]string{"40 of STK:AAA:USD at 1600 inferred"}},
		"bought, moved, sold": {[]string{january(buy, moved("2", "20250115;093000", "OUT", "-60", ""), sell)},
			[]string{"tx-3 closes -40 for 399.6"}},
		"month after month": {[]string{january(buy), february(moved("2", "20250215;093000", "OUT", "-60", "")), february(moved("2", "20250215;093000", "OUT", "-60", ""))},
			[]string{"40 of STK:AAA:USD at 1600.4"}},
		"twice the same, without an id": {[]string{january(moved("", "20250115;093000", "IN", "40", `positionAmount="1700"`), moved("", "20250115;093000", "IN", "40", `positionAmount="1700"`)),
			january(moved("", "20250115;093000", "IN", "40", `positionAmount="1700"`), moved("", "20250115;093000", "IN", "40", `positionAmount="1700"`))},
			[]string{"80 of STK:AAA:USD at 3400 inferred"}},
		"twice the same, with an id": {[]string{january(moved("2", "20250115;093000", "IN", "40", ""), moved("2", "20250115;093000", "IN", "40", ""), holding("40", "1700", ""))},
			[]string{"40 of STK:AAA:USD at 1700 inferred"}},
		"one id for two": {[]string{january(moved("2", "20250115;093000", "IN", "40", ""), moved("2", "20250115;093000", "IN", "10", ""), holding("50", "1700", ""))},
			[]string{"50 of STK:AAA:USD at 1700 inferred"}},
		"grants of one day":              {[]string{january(granted, granted)}, []string{"20 of STK:AAA:USD at 800 inferred"}},
		"out on the day, without a time": {[]string{january(buy, moved("2", "20250106", "OUT", "-100", ""))}, nil},
	} {
		p := freshFor(t, "U1234567", "USD")
		plans := importInto(t, p, c.files...)
		require.Equal(t, c.want, outcome(t, p, nil), name)
		for _, plan := range plans {
			for _, i := range plan.Issues {
				require.False(t, i.Unread, "%s: %s", name, i.Text)
			}
		}
		require.NoError(t, p.Verify(t.Context()))
		plan := plans[len(plans)-1]
		r, err := p.Reconcile(t.Context(), plan.Broker)
		require.NoError(t, err)
		require.Empty(t, r.Breaks, name)
	}
}

// More than is held cannot leave: what does not fit is told.
func TestMoreLeavesThanIsHeld(t *testing.T) {
	p := freshFor(t, "U1234567", "USD")
	buy := fill("1", "20250106;100000", "100", "40", "-1", `openCloseIndicator="O"`)
	importInto(t, p, january(buy))
	plans := importInto(t, p, february(moved("2", "20250215;093000", "OUT", "-160", ""), nothing))
	require.Empty(t, p.Positions())
	require.NotEmpty(t, plans[0].Issues)
}

func TestGrantedShares(t *testing.T) {
	grant := func(id, text, quantity string) string {
		return fmt.Sprintf(`<StockGrantActivity currency="USD" assetCategory="STK" symbol="AAA" conid="101" reportDate="20250110" awardDate="20250110" vestingDate="20260110" `+
			`activityDescription="%s" quantity="%s" price="40" value="200" transactionID="%s"/>`, text, quantity, id)
	}
	p := freshFor(t, "U1234567", "USD")
	importInto(t, p, january(grant("1", "Stock Award Grant for Cash Deposit", "5"), grant("2", "Stock Award Vesting", "5")))
	require.Equal(t, []string{"5 of STK:AAA:USD at 200 inferred"}, outcome(t, p, nil))
}

// Rows of one transfer, or of several, may share an id or tell none, and tell the same: each came.
func TestTransfersInParts(t *testing.T) {
	const at = "20250110;093000"
	worth := `positionAmount="500"`
	for name, c := range map[string]struct {
		rows []string
		want []string
	}{
		"two quantities of one id": {[]string{moved("9", at, "IN", "50", worth), moved("9", at, "IN", "25", worth)}, []string{"75 of STK:AAA:USD at 1000 inferred"}},
		"two contracts of one id": {[]string{moved("9", at, "IN", "50", worth), moved("9", at, "IN", "25", worth+` symbol="BBB" conid="102"`)},
			[]string{"50 of STK:AAA:USD at 500 inferred", "25 of STK:BBB:USD at 500 inferred"}},
		"alike, without ids": {[]string{moved("", at, "IN", "50", worth), moved("", at, "IN", "50", worth), holding("100", "900", "")}, []string{"100 of STK:AAA:USD at 900 inferred"}},
	} {
		t.Run(name, func(t *testing.T) {
			lines, _ := importedAgain(t, january(c.rows...))
			require.Equal(t, c.want, lines)
		})
	}
}

// A position whose row does not say whether it came or went, or how much of it, is not booked, and
// said to be left out.
func TestTransferThatTellsTooLittle(t *testing.T) {
	for name, row := range map[string]string{
		"no direction":      moved("1", "20250110;100000", "", "-10", ""),
		"another direction": moved("1", "20250110;100000", "SIDEWAYS", "-10", ""),
		"no quantity":       strings.Replace(moved("1", "20250110;100000", "IN", "10", ""), `quantity="10"`, "", 1),
	} {
		p := fresh(t, "USD")
		plans := importInto(t, p, january(row))
		require.Empty(t, p.Positions(), name)
		require.True(t, slices.ContainsFunc(plans[0].Issues, func(i Issue) bool { return i.Unread }), "%s: nothing is said", name)
	}
}
