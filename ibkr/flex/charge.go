package flex

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Sections beside the cash transactions charge and pay money too. Some of what they tell, other rows of a
// statement tell again.

// charges are the sections whose rows move cash by themselves.
var charges = map[section]struct {
	name   string // the type of the cash row
	amount []field
	kind   ledger.CashKind
}{
	secSalesTax:         {"Sales Tax", []field{fSalesTax}, ledger.Tax},
	secCFDCharges:       {"CFD Charge", []field{fTotal, fAmount}, ledger.Fee},
	secTransactionTaxes: {"Transaction Tax", []field{fTaxAmount}, ledger.Tax},
	secClientFees:       {"Client Fee", []field{fNet, fAmount}, ledger.Fee},
	secDebitCards:       {"Debit Card", []field{fAmount}, ledger.Withdrawal},
	secTransfers:        {"Transfer", []field{fCashTransfer, fPositionAmount, fQuantity}, ledger.Deposit},
}

// charged is a row of one of them.
type charged struct {
	sec section
	row CashRow
}

// charge reads a row that moves cash by itself.
func (b *builder) charge(c *reading) {
	r, kind := c.r, charges[c.sec]
	amount := r.first(kind.amount...)
	if amount == fNone {
		amount = kind.amount[0]
	}
	m := b.movement(c, amount, kind.name)
	m.Kind = kind.kind
	m.Description = b.keep(r.v[r.first(fTaxableDescription, fActivity, fDescription)])
	if c.err == nil {
		b.charged = append(b.charged, charged{c.sec, m})
	}
}

// finishCharges adds what no other row tells to the cash rows, in the order of the file.
func (b *builder) finishCharges() {
	if len(b.accrued) > 0 && !b.st.HasCash {
		b.unread(b.accrued[0], secAccrued.String(), "the fees are charged by cash transactions, which the query does not show: add that section",
			len(b.accrued))
	}
	if len(b.charged) == 0 {
		return
	}
	taken := make([]bool, len(b.st.Cash))
	all := b.st.Cash
	for _, ch := range b.charged {
		if ch.row.Amount.IsZero() || ch.sec == secTransactionTaxes && b.taxedTrade(&ch.row) || b.repeated(&ch, taken) {
			b.skip("REPEATED")
			continue
		}
		all = append(all, ch.row)
	}
	b.st.Cash = all
	slices.SortStableFunc(b.st.Cash, func(x, y CashRow) int { return x.Line - y.Line })
}

// taxedTrade reports whether the tax is on a trade whose own row has it.
func (b *builder) taxedTrade(m *CashRow) bool {
	return slices.ContainsFunc(b.st.Trades, func(t Trade) bool {
		if t.Taxes.IsZero() {
			return false
		}
		if m.TradeID != "" && t.TradeID != "" {
			return m.TradeID == t.TradeID
		}
		return m.ConID == t.ConID && m.Symbol == t.LocalSymbol && b.sameDay(m.Time, t.Time)
	})
}

// repeated reports whether a cash transaction tells the same: one of the same money with the same id, or of
// the same day and kind. Each tells one row. A sales tax bears the id of what it is on.
func (b *builder) repeated(ch *charged, taken []bool) bool {
	for i := range taken {
		m := &b.st.Cash[i]
		if taken[i] || m.Currency != ch.row.Currency || !m.Amount.Equal(ch.row.Amount) {
			continue
		}
		byID := ch.sec != secSalesTax && m.TransactionID != "" && m.TransactionID == ch.row.TransactionID
		if byID || ch.sec != secSalesTax && m.Kind.IsCapital() == ch.row.Kind.IsCapital() && m.Type != "Trade" && b.sameDay(m.Time, ch.row.Time) &&
			(m.TransactionID == "" || ch.row.TransactionID == "" || m.Kind.IsCapital()) {
			taken[i] = true
			return true
		}
	}
	return false
}

// sameDay reports whether two times are on one day where the statement's times are.
func (b *builder) sameDay(x, y time.Time) bool {
	return ledger.DateOf(x.In(b.loc)) == ledger.DateOf(y.In(b.loc))
}
