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

// Rows yields which row of the statement an execution came from, by the id under which it is
// recorded: of executions that the journal had too, and not of those that the statement itself
// takes back or corrects.
func (p *Plan) Rows() iter.Seq2[ledger.ExecID, Row] {
	return func(yield func(ledger.ExecID, Row) bool) {
		for _, e := range p.events {
			if e.trade == nil || e.void || e.left || e.unlisted {
				continue
			}
			if !yield(e.trade.ExecID, p.tells(e)) {
				return
			}
		}
	}
}

// tells returns what the statement says about the execution.
func (p *Plan) tells(e *event) Row {
	if e.row == noRow {
		return Row{Line: e.line, TransactionID: e.tx, Symbol: e.text(), ConID: e.action.ConID, Currency: e.instrument.Currency,
			Closes: e.side != "", Realized: e.real()}
	}
	row := p.rowOf(e)
	r := Row{Line: row.Line, TransactionID: row.TransactionID, Symbol: row.LocalSymbol, ConID: row.ConID,
		Currency: row.Currency, Realized: row.Realized, Trade: row}
	if e.settles {
		r.Closes, r.Realized = true, e.real()
	} else {
		r.Closes = row.SecType != ledger.Forex && (strings.Contains(row.OpenClose, "C") || row.Realized.Valid && !row.Realized.Value.IsZero())
	}
	return r
}

// rowOf returns the row of an event that has one.
func (p *Plan) rowOf(e *event) *Trade {
	t := p.st.Trades.At(int(e.row) - 1)
	return &t
}

// noRow is the row of an event that is no row of a trade.
const noRow = 0

// rowAt is the row of an event that stands at an index of the statement's trades.
func rowAt(i int) int32 { return int32(i + 1) }
