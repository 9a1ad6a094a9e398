package flex

import (
	"crypto/sha256"
	"slices"
	"strings"
)

// A file may have a row twice: files of months that overlap are put together, or a section is shown
// twice. The broker gives a row an id of its own. Where that and all else that two rows say is the
// same, they are one.

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
