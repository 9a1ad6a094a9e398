package flex

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// transfer reads what came from another account or went to one: money, a position, or both.
func (b *builder) transfer(c *reading) {
	r := c.r
	out := strings.EqualFold(r.v[fDirection], "OUT")
	position := r.v[fAssetCategory] != "CASH" && !c.decimal(fQuantity).IsZero()
	if r.v[fAssetCategory] == "CASH" || !c.decimal(fCashTransfer).IsZero() {
		b.transferCash(c, out)
	}
	if r.v[fAssetCategory] != "CASH" && c.decimal(fCashTransfer).IsZero() {
		c.require(fQuantity)
	}
	if !position || c.err != nil {
		return
	}
	if !out && !strings.EqualFold(r.v[fDirection], "IN") {
		b.unread(r.line, c.sec.String(), "a position that neither came nor went: the row has no direction", 1)
		return
	}
	st := c.when(fDateTime, fDate, fReportDate, fSettleDate)
	t := Transfer{Line: r.line, TransactionID: b.own(r.v[fTransactionID]), Type: b.keep(r.v[fType]), Out: out,
		Text: b.keep(r.v[r.first(fCompany, fActivity)]), Time: st.time, DateOnly: !st.clock, ReportDate: c.date(fReportDate), Quantity: c.decimal(fQuantity),
		FXRate: c.rate(), Price: c.optional(fTransferPrice), Value: c.optional(fPositionAmount)}
	b.addTransfer(c, t)
}

func (b *builder) addTransfer(c *reading, t Transfer) {
	var problem string
	t.Contract, problem = b.contract(c, fNone, fNone)
	switch {
	case c.err != nil:
	case problem != "":
		b.leftOut(c, &t.Contract, problem)
	case t.SecType == ledger.Forex:
		b.leftOut(c, &t.Contract, "a currency pair is not transferred")
	default:
		b.st.Transfers = append(b.st.Transfers, t)
	}
}

// transferCash books money that came or went as a deposit or withdrawal. The direction tells the
// sign.
func (b *builder) transferCash(c *reading, out bool) {
	r := c.r
	amount := fCashTransfer
	for _, f := range charges[secTransfers].amount {
		if !c.decimal(f).IsZero() {
			amount = f
			break
		}
	}
	if c.err != nil || c.decimal(amount).IsZero() {
		return
	}
	m := b.movement(c, amount, charges[secTransfers].name)
	if r.v[fDirection] != "" && m.Amount.IsNeg() != out {
		m.Amount = m.Amount.Neg()
	}
	m.Kind, m.Symbol, m.ConID = ledger.Deposit, "", 0
	if m.Amount.IsNeg() {
		m.Kind = ledger.Withdrawal
	}
	m.Description = b.keep(r.v[r.first(fDescription, fCompany)])
	if c.err == nil {
		b.charged = append(b.charged, charged{c.sec, m})
	}
}

// grant reads shares that were given. Rows about vesting move nothing.
func (b *builder) grant(c *reading) {
	r := c.r
	text := r.v[r.first(fActivity, fActionDescription, fDescription)]
	if strings.Contains(strings.ToLower(text), "vest") {
		b.count(r.line, c.sec.String(), "vesting moves nothing", 1)
		return
	}
	c.require(fQuantity)
	st := c.when(fDateTime, fReportDate, fDate)
	t := Transfer{Line: r.line, TransactionID: b.own(r.v[fTransactionID]), Type: "GRANT", Text: b.keep(text), Time: st.time, DateOnly: !st.clock,
		ReportDate: c.date(fReportDate), Quantity: c.decimal(fQuantity), FXRate: c.rate(), Price: c.optional(fPrice), Value: c.optional(fValue)}
	t.Out = t.Quantity.IsNeg() // forfeited
	if c.err == nil && !t.Quantity.IsZero() {
		b.addTransfer(c, t)
	}
}

// price is what a unit was worth at the market; not Valid if nothing tells.
func (t *Transfer) price() Optional {
	if t.Price.Valid && !t.Price.Value.IsZero() || !t.Value.Valid || t.Value.Value.IsZero() {
		return Optional{Value: t.Price.Value, Valid: t.Price.Valid && t.Price.Value.IsPos()}
	}
	price, err := t.Value.Value.Abs().Div(t.Quantity.Abs().Mul(nonZero(t.Multiplier)))
	if err != nil {
		return Optional{}
	}
	return Optional{Value: price.RoundBank(9), Valid: true}
}

func (t *Transfer) id() string {
	if t.TransactionID != "" {
		return printable("transfer-"+t.TransactionID, 90)
	}
	return printable(fmt.Sprintf("transfer-row-%s-%d-%s-%s", t.Time.Format("20060102150405"), t.ConID, t.LocalSymbol, t.Quantity), 90)
}

// nameTransfers gives the transfers their ids: none to a row that the statement repeats, which has
// the broker's id and says the same. Other rows of one id are numbered.
func (p *planner) nameTransfers() {
	seen, told := map[string]int{}, map[string]bool{}
	p.transferIDs = make([]string, len(p.st.Transfers))
	for i := range p.st.Transfers {
		row := &p.st.Transfers[i]
		id := row.id()
		says := fmt.Sprint(id, row.Time, row.Key(), row.Quantity, row.Out)
		if row.TransactionID == "" || !told[says] {
			p.transferIDs[i] = numbered(id, seen)
		}
		told[says] = true
	}
}

// planTransfers makes an event of every transferred position. What came brings lots whose basis
// later rows tell; what went takes the oldest ones along.
func (p *planner) planTransfers() {
	for i := range p.st.Transfers {
		row := &p.st.Transfers[i]
		if p.transferIDs[i] == "" {
			continue
		}
		inst := p.inRowsCurrency(row.Contract)
		t := &ledger.Transfer{ID: p.transferIDs[i], Instrument: inst, Quantity: row.Quantity, FXRate: row.FXRate, Price: row.price().Value, Time: row.Time}
		if row.Out {
			if t.Quantity.IsPos() && !p.heldQuantity(inst.Key()).IsNeg() {
				t.Quantity = t.Quantity.Neg()
			}
			if row.DateOnly { // after what was traded on the day
				t.Time = t.Time.Add(24*time.Hour - time.Second)
			}
		}
		p.events = append(p.events, &event{at: t.Time, rank: 1, tx: row.TransactionID, instrument: &inst, known: p.past.transfers[t.ID],
			line: row.Line, rare: &rare{transfer: t, leaves: row.Out, says: &saying{text: row.LocalSymbol, reported: row.ReportDate}}})
	}
}

// transfer moves lots as the book will. What comes is older than all of the own lots, for it was
// held elsewhere before.
func (l *tally) transfer(e *event) {
	t := e.transfer
	if !e.leaves {
		l.before = append(l.before, remnant{found: &e.found, quantity: t.Quantity, n: unit, m: unit, came: t})
		return
	}
	if key := l.inst.Key(); t.Price.IsZero() && (l.later[key] || len(l.pastAfter(e.at, key)) > 0) {
		l.unread(e.line, "transfer", "%s of %s left before others came or went that the book has, and the row does not tell what they were worth: not booked",
			t.Quantity.Neg(), e.text())
		e.transfer = nil
		return
	}
	old := l.left()
	total := old.Add(l.net)
	size := smaller(t.Quantity.Abs(), total.Abs())
	if total.IsNeg() == t.Quantity.IsNeg() {
		size = ledger.Decimal{}
	}
	if !size.Equal(t.Quantity.Abs()) {
		l.unread(e.line, "transfer", "%s of %s left, and %s are held", t.Quantity.Neg(), e.text(), total)
		if size.IsZero() {
			e.transfer = nil
			return
		}
		t.Quantity = withSign(size, t.Quantity)
	}
	fromBefore := smaller(size, old.Abs())
	if !fromBefore.IsZero() {
		basis := t.Price.Mul(fromBefore).Mul(nonZero(t.Instrument.Multiplier))
		l.take(withSign(fromBefore, old), withSign(basis, old), fmt.Sprintf("worth at the transfer in line %d", e.line))
	}
	l.consume(size.Sub(fromBefore))
}

// takeWorth makes lots of what came by transfers and is still there at what it was worth then,
// where no position tells its basis, and returns how much that is.
func (l *tally) takeWorth() (taken ledger.Decimal) {
	all := l.before
	for _, r := range all {
		if r.came == nil || r.came.Price.IsZero() || r.quantity.IsZero() {
			continue
		}
		l.before = []remnant{r}
		basis := share(r.quantity.Mul(r.came.Price), r.m, r.n).Mul(nonZero(l.inst.Multiplier))
		l.take(r.quantity, basis, "worth when it came")
		taken = taken.Add(r.quantity)
	}
	l.before = slices.DeleteFunc(slices.Clone(all), func(r remnant) bool { return r.came != nil && !r.came.Price.IsZero() })
	return taken
}

// fillTransfer gives the transfers the lots that were found for them.
func (p *planner) fillTransfer(e *event, opened time.Time) {
	t := e.transfer
	t.Quantity = ledger.Decimal{}
	for _, lot := range e.found {
		lot.OpenedAt = opened
		if opened.After(t.Time) {
			lot.OpenedAt = t.Time
		}
		t.Lots = append(t.Lots, *lot)
		t.Quantity = t.Quantity.Add(lot.Quantity)
	}
}
