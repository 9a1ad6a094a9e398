package flex

import "github.com/ai-ots/accounts/ledger"

// The broker books an execution that it cancelled again under the ids of the cancelled one. The
// transaction id tells them apart.

// undoing notes the executions of earlier statements that this one cancels by their transaction
// ids: by their other ids, the transaction id.
func (p *planner) undoing() map[string]string {
	cancelled := map[string]Trade{}
	for _, t := range p.st.Trades.All() {
		if t.cancels() && t.OrigTransactionID != "" {
			cancelled[t.OrigTransactionID] = *t
		}
	}
	if len(cancelled) == 0 {
		return nil
	}
	for _, t := range p.st.Trades.All() {
		if !t.cancels() {
			delete(cancelled, t.TransactionID)
		}
	}
	undone := map[string]string{}
	for original, t := range cancelled {
		for _, id := range []string{t.OrigTradeID, t.RelatedTradeID, t.ExecID} {
			if id != "" {
				undone[id] = original
			}
		}
	}
	return undone
}

// rebooked reports whether the row takes the place of an execution in the book that is cancelled
// and bears its ids: the statement cancels that by another transaction id, or the book has the
// cancellation and the row is not what was cancelled.
func (p *planner) rebooked(row *Trade) bool {
	if row.TransactionID == "" || len(p.past.versions) == 0 {
		return false
	}
	id := row.names()[0]
	if p.past.recorded(rebookedID(row)) {
		return true
	}
	old, recorded := p.past.newest[root(id)]
	if !recorded || old.ExecID != id {
		return false
	}
	for _, name := range []string{row.TradeID, row.ExecID} {
		if original, undone := p.undone[name]; undone && original != row.TransactionID {
			return true
		}
	}
	_, inForce := p.past.current(id)
	return !inForce && (!old.Quantity.Equal(row.Quantity) || !old.Price.Equal(row.Price))
}

// rebookedID is the id of an execution that was booked again.
func rebookedID(row *Trade) ledger.ExecID {
	return row.names()[0] + "/" + ledger.ExecID(row.TransactionID)
}
