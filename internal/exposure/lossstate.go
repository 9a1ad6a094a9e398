package exposure

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// lossState is what the day's loss and the drawdown are counted from. Amounts are in base currency.
type lossState struct {
	// Date is the trading day of the newest equity point, and At its time. No change of history moves a
	// point that was not derived from the book: for such a point, At, BeforeAt and mark.At are zero.
	Date ledger.Date `json:"date,omitzero"`
	At   time.Time   `json:"at,omitzero"`
	// Before is the profit since the journal began, at the last equity point before Date, whose time is
	// BeforeAt.
	Before   ledger.Decimal `json:"before,omitzero"`
	BeforeAt time.Time      `json:"before_at,omitzero"`
	// Profit is the profit since the journal began, at the newest equity point.
	Profit ledger.Decimal `json:"profit,omitzero"`
	// Points is true once there is an equity point.
	Points bool `json:"points,omitempty"`
	// Equity is the equity at the newest point, adjusted for deposits and withdrawals since.
	Equity ledger.Decimal `json:"equity,omitzero"`
	// High is the high-water mark, adjusted for deposits and withdrawals: the highest of Past and Newest.
	High ledger.Decimal `json:"high,omitzero"`
	// Newest are the newest points in the order in which they were recorded, and Past is the highest of
	// those before; zero for none. Both are adjusted as High. A shift makes High anew from them.
	Newest []mark `json:"newest,omitempty"`
	Past   mark   `json:"past,omitzero"`
	// Severity is the drawdown's as it was last written.
	Severity risk.Severity `json:"severity,omitempty"`
	// Lost is the day whose loss was last written as a breach, Warned as a warning.
	Lost   ledger.Date `json:"lost,omitzero"`
	Warned ledger.Date `json:"warned,omitzero"`
}

// mark is the equity of a point, at which the high-water mark may stand.
type mark struct {
	Date   ledger.Date    `json:"date"`
	At     time.Time      `json:"at,omitzero"`
	Equity ledger.Decimal `json:"equity"`
}

// maxNewest is the number of newest points that are kept.
const maxNewest = 32

// moved adjusts the high-water mark for a deposit or, below zero, a withdrawal: in proportion, so
// that the drawdown stays the same fraction.
func (l *lossState) moved(amount ledger.Decimal) {
	if !l.Points {
		return
	}
	after := l.Equity.Add(amount)
	adjusted := func(high ledger.Decimal) ledger.Decimal {
		if l.Equity.IsPos() && after.IsPos() {
			return num.Share(high, after, l.Equity)
		}
		return num.Max(high.Add(amount), ledger.Decimal{})
	}
	l.High, l.Past.Equity = adjusted(l.High), adjusted(l.Past.Equity)
	for i := range l.Newest {
		l.Newest[i].Equity = adjusted(l.Newest[i].Equity)
	}
	l.Equity = after
}

// point folds in an equity point of the date. moved is the capital that was deposited or, below
// zero, withdrawn after the point was taken and before it was recorded. A withdrawal is subtracted,
// so that it does not look like a drawdown.
func (l *lossState) point(p *ledger.EquityPoint, date ledger.Date, moved ledger.Decimal) {
	profit, equity, at := p.Equity.Sub(p.Capital), p.Equity, time.Time{}
	if p.Derived {
		at = p.Time
	}
	if moved.IsNeg() {
		equity = num.Max(equity.Add(moved), ledger.Decimal{})
	}
	l.note(mark{date, at, equity})
	if l.Points && date < l.Date { // history
		return
	}
	switch {
	case !l.Points:
		l.Before, l.BeforeAt, l.Date = profit, at, date
	case date > l.Date:
		l.Before, l.BeforeAt, l.Date = l.Profit, l.At, date
	}
	l.Profit, l.Points, l.Equity, l.At = profit, true, equity, at
}

// note takes the equity of a point in. Of too many points it merges two of one day into the higher one,
// the oldest two that it finds, or else the oldest point into Past.
func (l *lossState) note(m mark) {
	l.High, l.Newest = num.Max(l.High, m.Equity), append(l.Newest, m)
	if len(l.Newest) <= maxNewest {
		return
	}
	spare := -1
	for i := range maxNewest {
		if l.Newest[i].Date == l.Newest[i+1].Date {
			if spare = i; l.Newest[i].Equity.GreaterThan(l.Newest[i+1].Equity) {
				spare++
			}
			break
		}
	}
	if spare < 0 {
		spare = 0
		if l.Newest[0].Equity.GreaterThan(l.Past.Equity) {
			l.Past = l.Newest[0]
		}
	}
	l.Newest = slices.Delete(l.Newest, spare, spare+1)
}

// reset begins the high-water mark anew.
func (l *lossState) reset(m mark) { l.High, l.Newest, l.Past = m.Equity, []mark{m}, mark{} }

// shift adds to what was counted from the points of a time or later what they did not contain.
func (l *lossState) shift(s ledger.Shift) {
	if !l.Points {
		return
	}
	after := func(at time.Time) bool { return !at.IsZero() && !s.Since.After(at) }
	if after(l.At) {
		l.Profit, l.Equity = l.Profit.Add(s.By), l.Equity.Add(s.By)
	}
	if after(l.BeforeAt) {
		l.Before = l.Before.Add(s.By)
	}
	l.High = ledger.Decimal{}
	shifted := func(m *mark) {
		if after(m.At) {
			m.Equity = m.Equity.Add(s.By)
		}
		l.High = num.Max(l.High, m.Equity)
	}
	shifted(&l.Past)
	for i := range l.Newest {
		shifted(&l.Newest[i])
	}
}

// before returns the profit from which the loss of the day is counted.
func (l *lossState) before(today ledger.Date) ledger.Decimal {
	if today > l.Date {
		return l.Profit
	}
	return l.Before
}
