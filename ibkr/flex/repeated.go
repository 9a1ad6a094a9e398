package flex

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strings"

	"github.com/ai-ots/accounts/ledger"
)

// A file may have a row twice: files of months that overlap are put together, or a section is shown
// twice. The broker gives a row an id of its own. Where that and all else that two rows say is the
// same, they are one.

// intact refuses a row whose ids a spreadsheet has rounded, to 2.80563E+11: many rows have the same
// then, and nobody could say which are one.
func intact(sec section, r *row) error {
	for _, f := range []field{fTradeID, fTransactionID, fOrderID, fActionID, fOrigTradeID, fOrigTransactionID} {
		mantissa, _, rounded := strings.Cut(r.v[f], "E+")
		if rounded && strings.Trim(mantissa, "0123456789.,") == "" {
			return &ReadError{Line: r.line, Section: sec.String(), Field: f.String(), Value: r.v[f],
				Err: errors.New("is rounded, as spreadsheets save long numbers: import the file as it was downloaded")}
		}
	}
	return nil
}

// perhapsOrders says which orders may be told twice: by rows with neither level of detail nor ids,
// one of which has as many units as the others of the order together.
func (b *builder) perhapsOrders() {
	if b.trades.ids || len(b.trades.at) == 0 {
		return
	}
	type order struct {
		id    string
		conID int64
		name  string
		day   ledger.Date
	}
	sum, largest, line := map[order]ledger.Decimal{}, map[order]ledger.Decimal{}, map[order]int{}
	var all []order
	for _, t := range b.st.Trades.All() {
		if t.Level != "" || t.OrderID == "" {
			continue
		}
		o := order{t.OrderID, t.ConID, t.LocalSymbol, t.TradeDate}
		if _, seen := sum[o]; !seen {
			all = append(all, o)
		}
		sum[o] = sum[o].Add(t.Quantity)
		if t.Quantity.Abs().GreaterThan(largest[o].Abs()) {
			largest[o], line[o] = t.Quantity, t.Line
		}
	}
	for _, o := range all {
		if !sum[o].IsZero() && sum[o].Equal(largest[o].Add(largest[o])) {
			b.count(line[o], secTrades.String(), "rows tell neither level of detail nor ids, and one has as many units as the others of its order: "+
				"all are booked, and the order may count twice; let the query show the level of detail", 1)
		}
	}
}

// repeats reports whether the statement had the row before. Trades are compared where they are
// planned, but for those that take others back. Rows of other sections bear no id of their own.
func (b *builder) repeats(sec section, r *row) bool {
	id := fTransactionID
	switch sec {
	case secCash, secCorporate, secTransfers, secGrants, secCFDCharges, secClientFees, secDebitCards:
	case secOptionEAE:
		id = fTradeID
	case secTrades:
		if !isCancel(r.v[fTransactionType], r.v[fBuySell]) && !slices.Contains(b.codes(r, r.first(fNotes, fCode)), "Ca") {
			return false
		}
	default:
		return false
	}
	if r.v[id] == "" {
		return false
	}
	says := sha256.Sum256([]byte(sec.String() + "\x00" + strings.Join(r.v[:], "\x00")))
	if b.had[says] {
		b.count(r.line, sec.String(), "the row is another one again, by its id and all that it says: counts once", 1)
		return true
	}
	if b.had == nil {
		b.had = map[[sha256.Size]byte]bool{}
	}
	b.had[says] = true
	return false
}
