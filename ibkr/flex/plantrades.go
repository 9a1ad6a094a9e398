package flex

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/ledger"
)

// planTrades turns execution rows into trades, and sets aside those that a cancellation takes back.
func (p *planner) planTrades() {
	p.events = make([]*event, 0, p.st.Trades.Len())
	for i, row := range p.st.Trades.All() {
		if row.cancels() || p.withoutUnits(row) {
			continue
		}
		id, duplicate := p.execID(row)
		if duplicate {
			continue
		}
		p.told[id] = int32(i)
		t := p.trade(row, id)
		e := p.made.make()
		*e = event{
			at: row.Time, rank: 1, tx: cmpOr(row.TransactionID, row.TradeID), trade: t, row: rowAt(i), known: p.past.recorded(id),
			instrument: t.Instrument, rows: &p.st.Trades, side: row.OpenClose, line: row.Line, rare: nothingRare,
		}
		if t.Instrument.SecType == ledger.Option || t.Instrument.SecType == ledger.FutureOption || t.Instrument.SecType == ledger.Warrant {
			e.rank = 0
		}
		if !e.known {
			p.claimTrade(row)
		} else if err := p.sameOrder(row, t); err != nil && p.refused == nil {
			p.refused = err
		}
		if old, ok := p.past.current(id); ok {
			if p.past.completes(id, t.CommissionPending) {
				e.rare = &rare{completed: withCosts(old, e.ledgerTrade())}
				t.Instrument = p.share(old.Instrument)
			} else if !e.known { // a correction is of the contract by the name it had
				p.gone[root(id)] = true
				t.Instrument = p.share(old.Instrument)
			}
		}
		p.events = append(p.events, e)
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// cancels reports whether the row takes back an earlier execution.
func (t *Trade) cancels() bool {
	return isCancel(t.TransactionType, t.BuySell) || slices.Contains(t.Codes, "Ca")
}

// isCancel tells by its type, "TradeCancel" or "FracShareCancel", or its side, "SELL (Ca.)".
func isCancel(transactionType, buySell string) bool {
	return strings.HasSuffix(transactionType, "Cancel") || strings.Contains(buySell, "(Ca.)")
}

// withoutUnits reports a row that moves no units. What it charges is booked as a fee, in each
// currency that it charges in.
func (p *planner) withoutUnits(row *Trade) bool {
	if !row.Quantity.IsZero() {
		return false
	}
	fee := ledger.CashMovement{ID: p.chargeID(row), Kind: ledger.Fee, Currency: row.Currency, FXRate: row.FXRate,
		Amount: row.Proceeds.Value.Add(row.Taxes), Symbol: printable(row.Symbol, 50), Time: row.Time}
	if paid := row.paidIn(); paid == row.Currency {
		fee.Amount = fee.Amount.Add(row.Commission.Value)
	} else {
		commission := fee
		commission.ID, commission.Currency = printable(commissionPrefix+fee.ID, 90), paid
		commission.FXRate, commission.Amount = ledger.Decimal{}, row.Commission.Value
		p.fee(row, commission)
	}
	p.fee(row, fee)
	return true
}

// fee books what a row without units charges.
func (p *planner) fee(row *Trade, m ledger.CashMovement) {
	p.issue(row.Line, "trade", "%s has no quantity; its %s %s are booked as a fee", row.LocalSymbol, m.Amount, m.Currency)
	if !m.Amount.IsZero() {
		if p.toldMoney[m.ID] = true; !p.past.moved[m.ID] {
			p.claimTrade(row)
		}
		p.extra = append(p.extra, m)
	}
}

// paidIn is the currency of the commission. One that the row does not tell, and which is worked out
// from its other figures, is in theirs.
func (t *Trade) paidIn() ledger.Currency {
	if !t.Commission.Valid || t.Commission.Value.IsZero() || t.CommissionCurrency == "" {
		return t.Currency
	}
	return t.CommissionCurrency
}

// chargeID is the id of what a row without units charges: one that it is recorded under already,
// else by the first that the row has. Rows without ids are told apart by their amounts too.
func (p *planner) chargeID(row *Trade) string {
	names := row.names()
	for _, name := range names {
		if id := printable(chargePrefix+string(name), 90); row.Level == "" && p.past.moved[id] {
			return id
		}
	}
	if len(names) == 0 || row.Level != "" {
		amount := row.Proceeds.Value.Add(row.Commission.Value).Add(row.Taxes)
		return printable(fmt.Sprintf("%s%s-%s", chargePrefix, row.name(), amount), 90)
	}
	return printable(chargePrefix+string(names[0]), 90)
}

// names returns the ids under which the row may be recorded, the broker's execution id first: not
// every query has all of them.
func (t *Trade) names() []ledger.ExecID {
	var ids []ledger.ExecID
	if t.Level != "" {
		return append(ids, t.orderName())
	}
	if t.ExecID != "" {
		ids = append(ids, ledger.ExecID(t.ExecID))
	}
	if t.TransactionID != "" {
		ids = append(ids, ledger.ExecID("tx-"+t.TransactionID))
	}
	if t.TradeID != "" {
		ids = append(ids, ledger.ExecID("trade-"+t.TradeID))
	}
	return ids
}

// name is the first of the names, else the id of a row that has none.
func (t *Trade) name() ledger.ExecID {
	switch {
	case t.Level != "":
		return t.orderName()
	case t.ExecID != "":
		return ledger.ExecID(t.ExecID)
	case t.TransactionID != "" || t.TradeID != "":
		return t.names()[0]
	}
	return t.words()
}

// words is the id of a row that has none: what it says.
func (t *Trade) words() ledger.ExecID {
	return ledger.ExecID(fmt.Sprintf("%s%s-%d-%s-%s-%s", wordsPrefix, t.Time.Format("20060102150405"), t.ConID, t.LocalSymbol, t.Quantity, t.Price))
}

// execID returns the id under which the row is recorded: one that it is recorded under already,
// else the first that it has. It reports a row that the statement repeats.
func (p *planner) execID(row *Trade) (id ledger.ExecID, duplicate bool) {
	id = row.name()
	if p.rebooked(row) {
		id = rebookedID(row)
		_, duplicate = p.told[id]
		return id, duplicate
	}
	if len(p.past.versions) > 0 {
		if i := slices.IndexFunc(row.names(), p.past.recorded); i >= 0 {
			id = row.names()[i]
		} else if name := row.words(); p.past.recorded(name) {
			id = name
		}
	}
	// One id on several rows that are different trades, or rows without any id.
	taken, same := p.idTaken(id, row)
	if taken && !same && row.TransactionID != "" && id != ledger.ExecID("tx-"+row.TransactionID) {
		id += "/" + ledger.ExecID(row.TransactionID)
		taken, same = p.idTaken(id, row)
	}
	if !taken || same {
		return id, taken
	}
	return p.sharedID(id, row)
}

// sharedID returns the id of a row whose own id another one has: with a number behind it. The
// effort does not grow with how many there are.
func (p *planner) sharedID(id ledger.ExecID, row *Trade) (_ ledger.ExecID, duplicate bool) {
	if row.hasID() {
		says := fmt.Sprintf("says %s %s %s %s %d", id, row.TradeID, row.Quantity, row.Price, row.Time.UnixNano())
		if p.sharing[says] > 0 {
			return id, true
		}
		p.sharing[says]++
	}
	for {
		p.sharing[string(id)]++
		next := ledger.ExecID(fmt.Sprintf("%s/%d", id, p.sharing[string(id)]+1))
		if _, taken := p.told[next]; !taken {
			return next, false
		}
	}
}

// idTaken reports whether another row has the id, and whether that says the same.
func (p *planner) idTaken(id ledger.ExecID, row *Trade) (taken, same bool) {
	at, taken := p.told[id]
	return taken, taken && p.sameTrade(int(at), row)
}

// sameTrade reports whether the row is the one at the index again.
func (p *planner) sameTrade(at int, row *Trade) bool {
	if !row.hasID() {
		return false
	}
	other := p.st.Trades.At(at)
	return other.TransactionID == row.TransactionID && other.TradeID == row.TradeID && other.Quantity.Equal(row.Quantity) &&
		other.Price.Equal(row.Price) && other.Time.Equal(row.Time)
}

func (t *Trade) hasID() bool { return t.TransactionID != "" || t.TradeID != "" || t.ExecID != "" }

// withCosts is a recorded trade with the costs that the row tells: in all else the record stays,
// which may come from another source.
func withCosts(old, row *ledger.Trade) *ledger.Trade {
	recorded := *old
	recorded.CommissionPending = false
	recorded.Commission, recorded.CommissionCurrency, recorded.Taxes = row.Commission, row.CommissionCurrency, row.Taxes
	if recorded.FXRate.IsZero() {
		recorded.FXRate = row.FXRate
	}
	return &recorded
}

// trade is the row as the library sees it: costs positive, proceeds only where they are not what
// quantity and price give. It names no order: the row's is the broker's number, and not the
// sender's.
func (p *planner) trade(row *Trade, id ledger.ExecID) *plannedTrade {
	t := p.trades.make()
	*t = plannedTrade{
		ExecID: id, Kind: row.kind(), Instrument: p.share(p.inRowsCurrency(row.Contract)),
		Quantity: row.Quantity, Price: row.Price, Taxes: row.Taxes.Neg(),
	}
	computed := grossOf(row)
	gross := computed
	if row.Proceeds.Valid && !row.Proceeds.Value.IsZero() && !row.Proceeds.Value.Equal(computed) {
		t.Proceeds, gross = row.Proceeds.Value, row.Proceeds.Value
	}
	commission, ok := row.commission(gross)
	if !ok {
		t.CommissionPending = row.Taxes.IsZero()
		p.issue(row.Line, "trade", "%s of %s has no commission; taken as zero", row.LocalSymbol, row.Time.Format("2006-01-02"))
	}
	t.Commission = commission.Neg()
	if c := row.paidIn(); c != t.Instrument.Currency && t.Instrument.SecType != ledger.Forex {
		if was, told := p.past.current(id); !told || was.ExecID != id || was.Commission.IsZero() { // else the book has it in the trade
			p.issue(row.Line, "trade", "commission of %s in %s, the contract is in %s: booked as a fee, outside the basis", id, c, t.Instrument.Currency)
			p.extra = append(p.extra, ledger.CashMovement{ID: commissionPrefix + string(id), Kind: ledger.Fee, Currency: c, Amount: commission, Symbol: row.Symbol, Time: row.Time})
		}
		t.Commission = ledger.Decimal{}
	}
	return t
}

// inRowsCurrency is the one instrument of a contract, unless other rows of the contract are in
// another currency: the row's amounts are in its own.
func (p *planner) inRowsCurrency(c Contract) ledger.Instrument {
	inst := p.instrument(c)
	if inst.Currency != c.Currency {
		return c.Instrument
	}
	return inst
}

// share returns the instrument as one that all its trades have.
func (p *planner) share(inst ledger.Instrument) *ledger.Instrument {
	shared, known := p.instruments[inst]
	if !known {
		own := inst // that only a new one takes memory of its own
		shared = &own
		p.instruments[inst] = shared
	}
	return shared
}

// grossOf is what quantity, price and multiplier give.
func grossOf(row *Trade) ledger.Decimal {
	m := row.Multiplier
	if m.IsZero() {
		m = udecimal.One
	}
	return row.Quantity.Mul(row.Price).Mul(m).Neg()
}

// commission returns the commission with the file's sign, worked out from the other figures where
// the query leaves it out. Those of currency pairs tell nothing, and the net cash of futures and
// CFDs is their mark-to-market.
func (t *Trade) commission(gross ledger.Decimal) (ledger.Decimal, bool) {
	rest := gross.Add(t.Taxes)
	executed := t.kind() == ledger.Execution
	switch {
	case t.Commission.Valid:
		return t.Commission.Value, true
	case t.SecType == ledger.Forex:
		return ledger.Decimal{}, false
	case t.NetCash.Valid && t.SecType != ledger.Future && t.SecType != ledger.CFD:
		return t.NetCash.Value.Sub(rest), true
	case t.Cost.Valid && t.OpenClose == "O":
		return t.Cost.Value.Neg().Sub(rest), true
	case t.Cost.Valid && t.Realized.Valid && t.OpenClose != "C;O" && executed:
		return t.Realized.Value.Sub(t.Cost.Value).Sub(rest), true
	}
	return ledger.Decimal{}, !executed
}

// kind tells by the codes how the trade came about. An exercised option on which the broker itself
// realized something was settled in cash: nothing moves into an underlying.
func (t *Trade) kind() ledger.TradeKind {
	derivative := t.Right != ""
	settled := derivative && t.Realized.Valid && !t.Realized.Value.IsZero()
	for _, code := range t.Codes {
		switch {
		case code == "Ep" && derivative:
			return ledger.Expiry
		case code == "A" && !settled:
			return ledger.Assignment
		case code == "Ex" && !settled:
			return ledger.Exercise
		}
	}
	return ledger.Execution
}

// correction returns what all versions of an execution that counts share, and the number of this
// one; zero for others.
func (e *event) correction() (root string, version int) {
	if e.row == noRow || e.void {
		return "", 0
	}
	return e.trade.ExecID.Correction()
}

// voidSuperseded leaves executions out of the inference and the comparison that a higher
// correction number in the same statement replaces.
func (p *planner) voidSuperseded() {
	corrected := map[string]bool{}
	for _, e := range p.events {
		if root, version := e.correction(); version > 1 {
			corrected[root] = true
		}
	}
	newest := map[string]*event{}
	for _, e := range p.events {
		root, version := e.correction()
		if version == 0 || !corrected[root] {
			continue
		}
		old := newest[root]
		if old == nil {
			newest[root] = e
			continue
		}
		if _, v := old.trade.ExecID.Correction(); v > version {
			old, e = e, old
		}
		newest[root] = e
		old.void = true
	}
}
