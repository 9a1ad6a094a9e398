package flex

import "github.com/ai-ots/accounts/ledger"

// What the book has under an id is not recorded again. Where a statement tells other figures under
// the id, the book keeps its own, and that is said.

// restatedTrades says which executions the statement tells otherwise than the book has them.
func (p *planner) restatedTrades() {
	for _, e := range p.events {
		if !e.known || e.void || e.row == noRow || e.completed != nil {
			continue
		}
		was, inForce := p.past.current(e.trade.ExecID)
		if !inForce || was.ExecID != e.trade.ExecID || was.CommissionPending || e.trade.CommissionPending {
			continue
		}
		money, had := e.gross(), gross(was)
		if money.IsZero() && !had.IsZero() { // settled in cash
			continue
		}
		costs, before := e.trade.Commission.Add(e.trade.Taxes).Add(p.keptIn[e]), was.Commission.Add(was.Taxes)
		if e.trade.Quantity.Equal(was.Quantity) && near(money, had) && near(costs, before) {
			continue
		}
		p.unread(e.line, "trade", "%s of %s for %s at costs of %s: the book has it as %s for %s at costs of %s, and keeps that",
			e.trade.Quantity, e.text(), money, costs, was.Quantity, had, before)
	}
}

// near reports whether two amounts differ by less than a cent: sources round.
func near(a, b ledger.Decimal) bool { return a.Sub(b).Abs().LessThan(cent) }

// restatedCash says which movements the statement tells otherwise than the book has them.
func (p *planner) restatedCash() {
	rows := map[string]*CashRow{}
	for i := range p.st.Cash {
		if id := p.cashIDs[i]; id != "" && p.past.moved[id] {
			rows[id] = &p.st.Cash[i]
		}
	}
	if len(rows) == 0 {
		return
	}
	for _, f := range p.held.Facts {
		m, ok := f.(ledger.CashMovement)
		if row := rows[m.ID]; ok && row != nil && (row.Currency != m.Currency || !near(row.Amount, m.Amount)) {
			p.unread(row.Line, "cash transaction", "%s %s of type %q: the book has it as %s %s, and keeps that",
				row.Amount, row.Currency, row.Type, m.Amount, m.Currency)
		}
	}
}
