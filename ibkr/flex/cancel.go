package flex

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// planCancellations matches every cancelling row with the execution it takes back. That stays in
// the plan, for the journal tells everything that happened, and is cancelled by a fact of its own.
func (p *planner) planCancellations() {
	cancellable := p.cancellable()
	for i, row := range p.st.Trades.All() {
		if !row.cancels() {
			continue
		}
		id := row.cancelID()
		if !p.past.cancellations[id] && !p.past.recorded(id) {
			p.claimTrade(row)
		}
		if target := p.cancelledBy(row, cancellable); target != nil {
			target.void = true
			p.gone[root(target.trade.ExecID)] = true
			p.keepCommission(row, id, target.ledgerTrade())
			p.after = append(p.after, ledger.Cancellation{ExecID: id, Cancels: target.trade.ExecID, Time: latest(row.Time, target.at)})
		} else if p.past.cancellations[id] {
			continue
		} else if t, ok := p.cancelledBefore(row); ok {
			p.gone[root(t.ExecID)] = true
			p.keepCommission(row, id, t)
			p.after = append(p.after, ledger.Cancellation{ExecID: id, Cancels: t.ExecID, Time: latest(row.Time, t.Time)})
		} else {
			p.reverse(i, row, id)
		}
	}
}

// cancelID is the id of what the row takes back.
func (t *Trade) cancelID() ledger.ExecID {
	if id := cmpOr(t.TransactionID, cmpOr(t.TradeID, t.ExecID)); id != "" {
		return ledger.ExecID("cancel-" + id)
	}
	return "cancel-" + t.words()
}

// keepCommission books what a cancelling row does not give back of the commission of the execution
// that it takes back: as a part of the commission of the one that is booked again in its place,
// else as a fee. What the row gives back in another currency is booked as it is, beside the
// commission, as that was.
func (p *planner) keepCommission(row *Trade, id ledger.ExecID, cancelled *ledger.Trade) {
	if !row.Commission.Valid || cancelled.CommissionPending {
		return
	}
	given := row.Commission.Value
	if row.Quantity.IsNeg() == cancelled.Quantity.IsNeg() { // the file repeats the original's signs
		given = given.Neg()
	}
	currency := ledger.Currency(cmpOr(string(cancelled.CommissionCurrency), string(cancelled.Instrument.Currency)))
	m := ledger.CashMovement{Kind: ledger.Fee, FXRate: row.FXRate, Symbol: printable(row.Symbol, 50), Time: row.Time}
	if paid := row.paidIn(); paid != currency {
		back := m
		back.ID, back.Currency, back.Amount, back.FXRate = printable("given-"+string(id), 90), paid, given, ledger.Decimal{}
		p.issue(row.Line, "trade", "the cancellation of %s gives back %s %s of commission: booked beside it", row.LocalSymbol, given, paid)
		p.extra = append(p.extra, back)
		given = ledger.Decimal{}
	}
	kept := cancelled.Commission.Sub(given)
	if kept.IsZero() {
		return
	}
	if again := p.replacement(row, cancelled); again != nil {
		if !again.known {
			again.trade.Commission = again.trade.Commission.Add(kept)
		} else {
			p.keptIn[again] = p.keptIn[again].Add(kept)
		}
		return
	}
	p.issue(row.Line, "trade", "the cancellation of %s gives back %s of the commission of %s: the rest stays paid, as a fee", row.LocalSymbol, given, cancelled.Commission)
	m.ID, m.Currency, m.Amount = printable(keptPrefix+string(id), 90), currency, kept.Neg()
	p.extra = append(p.extra, m)
}

// replacement finds the execution that was booked in the place of a cancelled one: of the same
// contract and direction, at its time or that of the cancelling row, and in the file behind what it
// replaces.
func (p *planner) replacement(row *Trade, cancelled *ledger.Trade) (first *event) {
	if p.executed == nil {
		p.executed = newExecuted(p)
	}
	key := p.named(cancelled.Instrument)
	was, now := p.executed.at[moment{key, cancelled.Time.UnixNano()}], p.executed.at[moment{key, row.Time.UnixNano()}]
	for _, list := range [...][]*event{behind(was, row), behind(now, row), p.executed.byID[row.OrigTradeID]} {
		for _, e := range list {
			if e.void || e.trade.Quantity.IsNeg() != cancelled.Quantity.IsNeg() || e.trade.ExecID == cancelled.ExecID || e.instrument.Key() != key {
				continue
			}
			if compareIDs(p.rowOf(e).TransactionID, row.TransactionID) < 0 {
				continue
			}
			if first == nil || e.compare(first) < 0 {
				first = e
			}
			break
		}
	}
	return first
}

// executed finds the executions of the statement, each list in the order of the events. It is built
// once, for a file may have many cancellations.
type executed struct {
	at   map[moment][]*event
	byID map[string][]*event // by the broker's trade id
}

// moment is a contract and a time.
type moment struct {
	key ledger.InstrumentKey
	at  int64
}

func newExecuted(p *planner) *executed {
	all := &executed{map[moment][]*event{}, map[string][]*event{}}
	for _, e := range p.events {
		if e.row == noRow || e.unlisted {
			continue
		}
		of := moment{e.instrument.Key(), e.at.UnixNano()}
		all.at[of] = append(all.at[of], e)
		if id := p.rowOf(e).TradeID; id != "" {
			all.byID[id] = append(all.byID[id], e)
		}
	}
	return all
}

// behind returns those of one moment that the file may have behind the row, by their ids.
func behind(list []*event, row *Trade) []*event {
	from, _ := slices.BinarySearchFunc(list, row.TransactionID, func(e *event, id string) int { return compareIDs(e.tx, id) })
	return list[from:]
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// cancellable are the executions of this statement that its cancelling rows may take back, by what
// those tell of them: in the order of the events. It is built once, for a file may have many of
// both.
func (p *planner) cancellable() map[string][]*event {
	found := map[string][]*event{}
	for _, row := range p.st.Trades.All() {
		if row.cancels() {
			for _, key := range row.takesBackBy() {
				found[key] = nil
			}
		}
	}
	delete(found, "")
	if len(found) == 0 {
		return nil
	}
	for _, e := range p.events {
		own := p.rowOf(e)
		for _, key := range []string{key("transaction", own.TransactionID), key("trade", own.TradeID), key("execution", own.ExecID), own.likeness()} {
			if list, asked := found[key]; asked {
				found[key] = append(list, e)
			}
		}
	}
	return found
}

// key is empty for an id that is not told.
func key(of, id string) string {
	if id == "" {
		return ""
	}
	return of + " " + id
}

// takesBackBy is what a cancelling row tells of the execution that it takes back: its ids, and at
// last what it is like.
func (t *Trade) takesBackBy() [6]string {
	return [...]string{key("transaction", t.OrigTransactionID), key("trade", t.OrigTradeID), key("transaction", t.RelatedTransactionID),
		key("trade", t.RelatedTradeID), key("execution", t.ExecID), t.likeness()}
}

// likeness is the same for a row and the one that takes it back.
func (t *Trade) likeness() string {
	return fmt.Sprintf("like %s %s %s", t.Key(), t.Quantity.Abs(), t.Price)
}

// cancelledBy finds the execution in this statement that the row takes back: by its ids, else the
// last one before it of the same contract, size and price, one with the same commission first.
func (p *planner) cancelledBy(row *Trade, cancellable map[string][]*event) *event {
	var like *event
	keys := row.takesBackBy()
	for i, key := range keys {
		for _, e := range slices.Backward(cancellable[key]) {
			if e.void || !e.trade.Quantity.Abs().Equal(row.Quantity.Abs()) {
				continue
			}
			t := p.rowOf(e)
			switch last := i == len(keys)-1; {
			case row.OrigTransactionID != "" && t.TransactionID != "" && row.OrigTransactionID != t.TransactionID:
				// Whatever else they share, the transaction id tells them apart.
			case last && !row.takesBack(t.Quantity, t.Price, t.Time):
			case !last || t.Commission.Value.Abs().Equal(row.Commission.Value.Abs()):
				return e
			case like == nil:
				like = e
			}
		}
	}
	return like
}

// cancelledBefore finds the execution in the book that the row takes back: by its ids, else the
// last one that it may, and which no other row takes back.
func (p *planner) cancelledBefore(row *Trade) (*ledger.Trade, bool) {
	ids := row.names()
	for _, name := range []struct{ prefix, id string }{{"tx-", row.OrigTransactionID}, {"trade-", row.OrigTradeID},
		{"tx-", row.RelatedTransactionID}, {"trade-", row.RelatedTradeID}} {
		if name.id != "" {
			ids = append(ids, ledger.ExecID(name.prefix+name.id))
		}
	}
	for _, id := range ids {
		if t, ok := p.past.current(id); ok {
			return t, true
		}
	}
	key := p.instrument(row.Contract).Key()
	for _, f := range slices.Backward(p.past.ordered) {
		t, ok := f.(*ledger.Trade)
		if ok && p.named(t.Instrument) == key && !p.gone[root(t.ExecID)] && row.takesBack(t.Quantity, t.Price, t.Time) {
			return t, true
		}
	}
	return nil, false
}

// takesBack reports whether the row may cancel an execution of its contract of the size, price and
// time.
func (t *Trade) takesBack(quantity, price ledger.Decimal, at time.Time) bool {
	last := t.Time
	if t.DateOnly {
		last = last.Add(24 * time.Hour)
	}
	return quantity.Abs().Equal(t.Quantity.Abs()) && price.Equal(t.Price) && !at.After(last) &&
		quantity.IsNeg() == (t.cancelledSide() == "SELL")
}

// cancelledSide is the side of what the row takes back: as it says, else the other side than its
// own.
func (t *Trade) cancelledSide() string {
	switch {
	case strings.HasPrefix(t.BuySell, "SELL"):
		return "SELL"
	case strings.HasPrefix(t.BuySell, "BUY") || t.Quantity.IsNeg():
		return "BUY"
	}
	return "SELL"
}

// reverse books a cancellation of something that is nowhere to be found as the opposite trade:
// the position is right by it, the matching of lots need not be.
func (p *planner) reverse(i int, row *Trade, id ledger.ExecID) {
	p.issue(row.Line, "trade", "cancels an execution of %s that is neither in the statement nor in the book: booked as the opposite trade", row.LocalSymbol)
	facts := len(p.extra)
	t := p.trade(row, id)
	t.Quantity = row.Quantity.Abs()
	if row.cancelledSide() == "BUY" {
		t.Quantity = t.Quantity.Neg()
	}
	if row.Quantity.IsNeg() != t.Quantity.IsNeg() { // the file repeats the original's signs
		t.Proceeds, t.Commission, t.Taxes = t.Proceeds.Neg(), t.Commission.Neg(), t.Taxes.Neg()
		for i, f := range p.extra[facts:] { // its commission, where that is in another currency
			m := f.(ledger.CashMovement)
			m.Amount = m.Amount.Neg()
			p.extra[facts+i] = m
		}
	}
	p.events = append(p.events, &event{at: row.Time, rank: 1, tx: cmpOr(row.TransactionID, row.TradeID), trade: t, row: rowAt(i),
		instrument: t.Instrument, known: p.past.recorded(id), unlisted: true, rows: &p.st.Trades, line: row.Line, rare: nothingRare})
}
