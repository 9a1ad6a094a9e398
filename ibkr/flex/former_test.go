package flex

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// formerBook is a portfolio that imported the file when rows without ids were named without "row-".
func formerBook(t *testing.T, file string) *accounts.Portfolio {
	t.Helper()
	now, before := fresh(t, "USD"), fresh(t, "USD")
	importInto(t, now, file)
	former := strings.NewReplacer("cash-row-", "cash-", "action-row-", "action-", "transfer-row-", "transfer-")
	n := 0
	for f, err := range now.Facts(t.Context(), accounts.Page{}) {
		require.NoError(t, err)
		var id string
		switch fact := f.Value.(type) {
		case ledger.CashMovement:
			id, fact.ID = fact.ID, former.Replace(fact.ID)
			f.Value = fact
		case ledger.Split:
			id, fact.ID = fact.ID, former.Replace(fact.ID)
			f.Value = fact
		case ledger.Transfer:
			id, fact.ID = fact.ID, former.Replace(fact.ID)
			f.Value = fact
		}
		if id != former.Replace(id) {
			n++
		}
		_, err = before.Record(t.Context(), f.Value)
		require.NoError(t, err)
	}
	require.Equal(t, 1, n, "the file has one row without ids")
	return before
}

// What earlier releases recorded of rows without ids is never booked again from rows with ids. Cash is known by its
// former id, so that the statements of which the book was made are imported as before.
func TestFormerIDs(t *testing.T) {
	dividend := `<CashTransaction currency="USD" type="Dividends" dateTime="20250115;202000" amount="50" symbol="AAA" conid="101" levelOfDetail="DETAIL" transactionID="6"/>`
	bought := execution("1", "20250110;100000", "100", "40", order71)
	split := action("77", "20250115;202500", "AAA", "101", "100", `type="FS" actionDescription="AAA(US101) SPLIT 2 FOR 1 (AAA, AAA INC, US101)"`)
	moved := `<Transfer currency="USD" assetCategory="STK" symbol="AAA" conid="101" dateTime="20250110;120000" direction="IN" quantity="100" positionAmount="4000" transactionID="9"/>`
	for name, c := range map[string]struct {
		row, id string
		again   bool // the row without its id is known again
	}{
		"cash":               {dividend, "6", true},
		"a corporate action": {split, "77", false},
		"a transfer":         {moved, "9", false},
	} {
		t.Run(name, func(t *testing.T) {
			bare := strings.Replace(c.row, `transactionID="`+c.id+`"`, "", 1)
			file := january(bare)
			if c.row == split {
				file = january(bought, bare)
			}
			p := formerBook(t, file)
			seq, before := p.Seq(), outcome(t, p, nil)
			refused := func(file string) {
				t.Helper()
				_, _, err := Import(t.Context(), p, read(t, file))
				require.ErrorIs(t, err, ErrLevels)
				require.ErrorContains(t, err, "by its row without an id, as earlier versions named it")
				require.Equal(t, seq, p.Seq(), "nothing may be recorded")
				require.Equal(t, before, outcome(t, p, nil))
			}
			refused(january(c.row))
			refused(january(c.row, execution("2", "20250120;100000", "1", "40", order72)))
			if !c.again {
				refused(file)
				return
			}
			_, added, err := Import(t.Context(), p, read(t, file))
			require.NoError(t, err)
			require.Zero(t, added)
			_, added, err = Import(t.Context(), p, read(t, january(bare, strings.Replace(bare, "20250115", "20250116", 1))))
			require.NoError(t, err)
			require.Equal(t, 1, added)
		})
	}
}

// Ids were cut at 90 bytes then too, but had four bytes more of what the row says.
func TestFormerIDsOfLongRows(t *testing.T) {
	for name, symbol := range map[string]string{
		"kept":       "AAA",
		"cut now":    "T 4 1/4 11/15/40 - 912810QL5 GOVT",
		"cut before": "T 4 1/4 11/15/40 912810QL5 US TREASURY N/B",
	} {
		t.Run(name, func(t *testing.T) {
			row := `<CashTransaction currency="USD" type="Bond Interest Received" dateTime="20250115;202000" amount="1250.55" symbol="` +
				symbol + `" conid="101" levelOfDetail="DETAIL"/>`
			file := january(row, row) // the second is numbered
			former := printable("cash-20250116012000-USD-1250.55-Bond Interest Received-"+symbol, 90)
			now, before := fresh(t, "USD"), fresh(t, "USD")
			importInto(t, now, file)
			renamed := 0
			for f, err := range now.Facts(t.Context(), accounts.Page{}) {
				require.NoError(t, err)
				if m, is := f.Value.(ledger.CashMovement); is && m.Kind != ledger.OpeningCash {
					require.Contains(t, m.ID, "cash-row-")
					m.ID = former
					if renamed++; renamed == 2 {
						m.ID += "/2"
					}
					f.Value = m
				}
				_, err = before.Record(t.Context(), f.Value)
				require.NoError(t, err)
			}
			require.Equal(t, 2, renamed)
			_, added, err := Import(t.Context(), before, read(t, file))
			require.NoError(t, err)
			require.Zero(t, added)
		})
	}
}
