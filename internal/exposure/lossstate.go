package exposure

import (
	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// lossState is what the day's loss and the drawdown are counted from. Amounts are in base currency.
type lossState struct {
	// Date is the trading day of the newest equity point.
	Date ledger.Date `json:"date,omitzero"`
	// Before is the profit since the journal began, at the last equity point before Date.
	Before ledger.Decimal `json:"before,omitzero"`
	// Profit is the profit since the journal began, at the newest equity point.
	Profit ledger.Decimal `json:"profit,omitzero"`
	// Points is true once there is an equity point.
	Points bool `json:"points,omitempty"`
	// Equity is the equity at the newest point, adjusted for deposits and withdrawals since.
	Equity ledger.Decimal `json:"equity,omitzero"`
	// High is the high-water mark, adjusted for deposits and withdrawals.
	High ledger.Decimal `json:"high,omitzero"`
	// Severity is the drawdown's as it was last written.
	Severity risk.Severity `json:"severity,omitempty"`
	// Lost is the day whose loss was last written as a breach, Warned as a warning.
	Lost   ledger.Date `json:"lost,omitzero"`
	Warned ledger.Date `json:"warned,omitzero"`
}

// moved adjusts the high-water mark for a deposit or, below zero, a withdrawal: in proportion, so
// that the drawdown stays the same fraction.
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

// point folds in an equity point of the date. moved is the capital that was deposited or, below
// zero, withdrawn after the point was taken and before it was recorded. A withdrawal is subtracted,
// so that it does not look like a drawdown.
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

// before returns the profit from which the loss of the day is counted.
func (l *lossState) before(today ledger.Date) ledger.Decimal {
	if today > l.Date {
		return l.Profit
	}
	return l.Before
}
