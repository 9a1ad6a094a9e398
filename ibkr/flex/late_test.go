package flex

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What an action that is told late moved may leave the book with the other direction than what the
// broker's figures say was held before. That refuses no statement: it is said.
func TestNoOpeningAgainstWhatALateActionLeft(t *testing.T) {
	const closing = `openCloseIndicator="C"`
	buy := fill("1", "20250106;100000", "100", "40", "0", `openCloseIndicator="O"`)
	split := action("8", "20250110;202500", "AAA", "101", "100", `type="FS" reportDate="20250203" actionDescription="AAA(US101) SPLIT 2 FOR 1 (AAA, X INC, US101)"`)
	tendered := func(id, symbol, conid, quantity, isin string) string {
		return action(id, "20250110;202500", symbol, conid, quantity, `type="TO" reportDate="20250203" actionDescription="AAA(US101) TENDERED TO US1TEN 1 FOR 1 (`+
			symbol+`, X INC, `+isin+`)"`)
	}
	for name, c := range map[string]struct {
		before, after []string
		says          string
		want          []string
	}{
		"a split of what was sold": {[]string{buy, fill("2", "20250115;100000", "-200", "22", "0", closing)}, []string{split, nothing},
			"-100 of AAA would have been held before, and the book has 100 then, in the other direction: not taken for held before",
			[]string{"tx-2 closes -200 for 4000 inferred", "200 of STK:AAA:USD at 4000"}},
		"a tender of more than was left": {[]string{buy, fill("2", "20250121;100000", "-4", "42", "0", closing)},
			[]string{tendered("8", "AAA", "101", "-100", "US101"), tendered("9", "AAA.TEN", "103", "100", "US1TEN"), nothing,
				holding("100", "4000", `symbol="AAA.TEN" conid="103"`)},
			"4 of AAA would have been held before, and the book has -4 then, in the other direction: not taken for held before",
			[]string{"-4 of STK:AAA:USD at -168", "100 of STK:AAA.TEN:USD at 4000"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			importInto(t, p, january(c.before...))
			plans := importInto(t, p, february(c.after...))
			require.Contains(t, textOf(plans[0].Issues), c.says)
			require.Subset(t, outcome(t, p, nil), c.want, "the other rows must be booked")
			require.NoError(t, p.Verify(t.Context()))
		})
	}
}

// Two contracts that the book holds under two names stay two, whichever of them a statement tells
// of by the one name that the broker has for both.
func TestTwoContractsOfOneNameStayTwo(t *testing.T) {
	second := ` conid="103"`
	buy := fill("1", "20250106;100000", "100", "40", "0", "")
	for name, c := range map[string]struct {
		before []string
		after  string
		want   []string
	}{
		"one is short": {[]string{fill("2", "20250107;100000", "-5", "400", "0", second)}, fill("3", "20250207;100000", "2", "390", "0", second),
			[]string{"tx-3 closes 2 for 20", "-3 of STK:AAA#103:USD at -1200", "100 of STK:AAA:USD at 4000"}},
		"both are long": {[]string{fill("2", "20250107;100000", "5", "400", "0", second)}, fill("3", "20250207;100000", "-2", "390", "0", second),
			[]string{"tx-3 closes -2 for -20", "3 of STK:AAA#103:USD at 1200", "100 of STK:AAA:USD at 4000"}},
		"one is flat": {[]string{fill("2", "20250107;100000", "5", "400", "0", second), fill("3", "20250108;100000", "-5", "400", "0", second)},
			fill("4", "20250207;100000", "-5", "400", "0", second),
			[]string{"tx-3 closes -5 for 0", "-5 of STK:AAA#103:USD at -2000", "100 of STK:AAA:USD at 4000"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			importInto(t, p, january(append(c.before, buy)...), february(c.after))
			require.Equal(t, c.want, outcome(t, p, nil))
		})
	}
}

// A transfer that is told late, without what it was worth, is said and refuses nothing else: what
// it took along is not known.
func TestLateTransferWithoutAPrice(t *testing.T) {
	buy, more := fill("1", "20250106;100000", "100", "40", "0", ""), fill("2", "20250120;100000", "50", "42", "0", "")
	last := fill("3", "20250203;100000", "1", "43", "0", "")
	out := func(attrs string) string { return moved("9", "20250110;093000", "OUT", "30", attrs) }
	for name, c := range map[string]struct {
		row    string
		unread int
		want   string
	}{
		"it tells none": {out(""), 1, "151 of STK:AAA:USD at 6143"},
		"it tells one":  {out(`positionAmount="1230"`), 0, "121 of STK:AAA:USD at 4943"},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			plans := importInto(t, p, january(buy, more), february(last), statement("20250101", "20250228", buy, more, last, c.row))
			require.Equal(t, c.unread, Unread(plans[2].Issues)["transfer"], textOf(plans[2].Issues))
			require.Equal(t, []string{c.want}, outcome(t, p, nil))
		})
	}
}
