package flex

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// mark marks what the portfolio holds at the statement's closing prices. What it does not take is
// named, and keeps nothing else out: the statement is recorded by now.
func (p *Plan) mark(to *accounts.Portfolio) {
	var marks []ledger.Mark
	var rates []ledger.FXRate
	for i := range p.st.Positions {
		mark, rate := p.marks(&p.st.Positions[i])
		marks, rates = append(marks, mark...), append(rates, rate...)
	}
	if to.Mark(marks...) == nil && to.MarkFX(rates...) == nil {
		return
	}
	for i := range p.st.Positions {
		pos := &p.st.Positions[i]
		mark, rate := p.marks(pos)
		p.notTaken(pos, "closing price", to.Mark(mark...))
		p.notTaken(pos, "rate", to.MarkFX(rate...))
	}
}

// notTaken names what the portfolio refuses of a position, the same rate once.
func (p *Plan) notTaken(pos *Position, what string, err error) {
	if err == nil {
		return
	}
	text := fmt.Sprintf("the %s is not taken: %s", what, cmp.Or(errors.Unwrap(err), err)) // without the profile
	if !slices.ContainsFunc(p.Issues, func(i Issue) bool { return i.Text == text }) {
		p.Issues = append(p.Issues, Issue{Line: pos.Line, Section: secPositions.String(), Text: text, Rows: 1})
	}
}

// marks returns the closing price and the rate of a position, if the row tells them and of when
// they are: of the statement's last day, where it does not say otherwise.
func (p *Plan) marks(pos *Position) (marks []ledger.Mark, rates []ledger.FXRate) {
	var at time.Time
	switch {
	case pos.ReportDate.Valid():
		at = pos.ReportDate.Time(time.UTC)
	case p.st.To.Valid():
		at = p.st.To.Time(time.UTC)
	case p.st.Generated.IsZero():
		return nil, nil
	default:
		at = p.st.Generated
	}
	if pos.Mark.Valid {
		marks = append(marks, ledger.Mark{Instrument: p.instrumentOf(pos.Contract), Price: pos.Mark.Value, Time: at})
	}
	if pos.FXRate.IsPos() {
		rates = append(rates, ledger.FXRate{Currency: pos.Currency, Rate: pos.FXRate, Time: at})
	}
	return marks, rates
}
