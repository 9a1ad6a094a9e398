package flex

import (
	"iter"
	"strings"

	"github.com/ai-ots/accounts/ledger"
)

// Row is what a statement says about one execution.
type Row struct {
	Line          int
	TransactionID string
	Symbol        string // as the statement writes it
	ConID         int64
	Currency      ledger.Currency
	Closes        bool     // the broker says that it closes, in whole or in part
	Realized      Optional // FIFO, in the contract's currency
	Trade         *Trade   // nil for a corporate action
}

// Rows yields which row of the statement an execution came from, by the id under which it is recorded: of
// executions that the journal had too, and not of those that the statement itself takes back or corrects.
func (p *Plan) Rows() iter.Seq2[ledger.ExecID, Row] {
	return func(yield func(ledger.ExecID, Row) bool) {
		for _, e := range p.events {
			if e.trade == nil || e.void || e.left || e.unlisted {
				continue
			}
			if !yield(e.trade.ExecID, e.rowOf()) {
				return
			}
		}
	}
}

// rowOf returns what the statement says about the execution.
func (e *event) rowOf() Row {
	row := e.row
	if row == nil {
		return Row{Line: e.line, TransactionID: e.tx, Symbol: e.text, ConID: e.conID, Currency: e.instrument.Currency, Closes: e.side != "", Realized: e.real}
	}
	r := Row{Line: row.Line, TransactionID: row.TransactionID, Symbol: row.LocalSymbol, ConID: row.ConID, Currency: row.Currency, Realized: row.Realized, Trade: row}
	if e.settles {
		r.Closes, r.Realized = true, e.real
	} else {
		r.Closes = row.SecType != ledger.Forex && (strings.Contains(row.OpenClose, "C") || row.Realized.Valid && !row.Realized.Value.IsZero())
	}
	return r
}

// lineOf returns the line of a row, zero for none.
func (t *Trade) lineOf() int {
	if t == nil {
		return 0
	}
	return t.Line
}
