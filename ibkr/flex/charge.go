package flex

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Sections beside the cash transactions charge and pay money too. Some of what they tell, other
// rows of a statement tell again.

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
	told, all := b.toldBy(), b.st.Cash
	for _, ch := range b.charged {
		if ch.row.Amount.IsZero() || ch.sec == secTransactionTaxes && told.taxed(&ch.row) || told.repeated(&ch) {
			b.skip("REPEATED")
			continue
		}
		all = append(all, ch.row)
	}
	b.st.Cash = all
	slices.SortStableFunc(b.st.Cash, func(x, y CashRow) int { return x.Line - y.Line })
}

// told finds what other rows tell of what was charged.
type told struct {
	*builder
	cash   map[money][]*CashRow // those that tell no charge yet
	trades map[string]bool      // trades with taxes of their own, by id
	days   map[taxedOn]bool     // and those by contract and day, of which no id is told
}

type money struct {
	currency ledger.Currency
	amount   string
}

type taxedOn struct {
	conID  int64
	symbol string
	day    ledger.Date
}

func (b *builder) toldBy() *told {
	t := &told{b, map[money][]*CashRow{}, map[string]bool{}, map[taxedOn]bool{}}
	for i := range b.st.Cash {
		m := &b.st.Cash[i]
		key := money{m.Currency, m.Amount.String()}
		t.cash[key] = append(t.cash[key], m)
	}
	for _, tr := range b.st.Trades.All() {
		if !tr.Taxes.IsZero() {
			t.trades[tr.TradeID] = true
			t.days[taxedOn{tr.ConID, tr.LocalSymbol, b.st.day(tr.Time)}] = true
		}
	}
	return t
}

// taxed reports whether the tax is on a trade whose own row has it.
func (t *told) taxed(m *CashRow) bool {
	if m.TradeID != "" && !t.trades[""] {
		return t.trades[m.TradeID]
	}
	return t.days[taxedOn{m.ConID, m.Symbol, t.st.day(m.Time)}]
}

// repeated reports whether a cash transaction tells the same: one of the same money with the same
// id, or of the same day and kind. Each tells one row. A sales tax bears the id of what it is on,
// and is never told.
func (t *told) repeated(ch *charged) bool {
	if ch.sec == secSalesTax {
		return false
	}
	key := money{ch.row.Currency, ch.row.Amount.String()}
	i := slices.IndexFunc(t.cash[key], func(m *CashRow) bool {
		if m.TransactionID != "" && m.TransactionID == ch.row.TransactionID {
			return true
		}
		named := m.TransactionID != "" && ch.row.TransactionID != ""
		return m.Kind.IsCapital() == ch.row.Kind.IsCapital() && m.Type != unreadTrade && t.st.day(m.Time) == t.st.day(ch.row.Time) && (!named || m.Kind.IsCapital())
	})
	if i < 0 {
		return false
	}
	t.cash[key] = slices.Delete(t.cash[key], i, i+1)
	return true
}

// day is the day of a time where the statement's times are.
func (st *Statement) day(at time.Time) ledger.Date {
	if st.loc == nil {
		return ledger.DateOf(at)
	}
	return ledger.DateOf(at.In(st.loc))
}
