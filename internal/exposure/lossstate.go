package exposure

import (
	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// lossState is what the day's loss and the drawdown are counted from.
type lossState struct {
	Date     ledger.Date    `json:"date,omitzero"`      // of the newest equity point
	Before   ledger.Decimal `json:"before,omitzero"`    // profit since the beginning, at the last point before that day
	Profit   ledger.Decimal `json:"profit,omitzero"`    // at the newest point
	Points   bool           `json:"points,omitempty"`   // there is one
	Equity   ledger.Decimal `json:"equity,omitzero"`    // at the newest point, and what came and went since
	High     ledger.Decimal `json:"high,omitzero"`      // high-water mark, adjusted for what came and went
	Severity risk.Severity  `json:"severity,omitempty"` // as last written
	// Lost and Warned are the days for which the loss was written as a breach and as a warning.
	Lost   ledger.Date `json:"lost,omitzero"`
	Warned ledger.Date `json:"warned,omitzero"`
}

// moved adjusts the high-water mark for capital that came or went: in proportion, so that a drawdown
// stays the fraction that it was.
func (l *lossState) moved(amount ledger.Decimal) {
	if !l.Points {
		return
	}
	after := l.Equity.Add(amount)
	if l.Equity.IsPos() && after.IsPos() {
		l.High = num.Share(l.High, after, l.Equity)
	} else {
		l.High = num.Max(l.High.Add(amount), ledger.Decimal{})
	}
	l.Equity = after
}

// point folds an equity point in. Since one that is brought later than it was taken, moved came or went: what was
// withdrawn is no drawdown.
func (l *lossState) point(p *ledger.EquityPoint, date ledger.Date, moved ledger.Decimal) {
	profit, equity := p.Equity.Sub(p.Capital), p.Equity
	if moved.IsNeg() {
		equity = num.Max(equity.Add(moved), ledger.Decimal{})
	}
	l.High = num.Max(l.High, equity)
	if l.Points && date < l.Date { // history
		return
	}
	switch {
	case !l.Points:
		l.Before, l.Date = profit, date
	case date > l.Date:
		l.Before, l.Date = l.Profit, date
	}
	l.Profit, l.Points, l.Equity = profit, true, equity
}

// before returns the profit from which the loss of the day counts.
func (l *lossState) before(today ledger.Date) ledger.Decimal {
	if today > l.Date {
		return l.Profit
	}
	return l.Before
}
