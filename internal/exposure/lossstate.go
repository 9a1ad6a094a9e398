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
	// Date is the trading day of the newest equity point, and Entry the number of its entry. No change of
	// history moves a point that was not derived from the book: for such a point, Entry, BeforeEntry and
	// mark.Entry are zero.
	Date  ledger.Date `json:"date,omitzero"`
	Entry int64       `json:"entry,omitempty"`
	// Before is the profit since the journal began, at the last equity point before Date, which is
	// BeforeEntry.
	Before      ledger.Decimal `json:"before,omitzero"`
	BeforeEntry int64          `json:"before_entry,omitempty"`
	// Profit is the profit since the journal began, at the newest equity point.
	Profit ledger.Decimal `json:"profit,omitzero"`
	// Points is true once there is an equity point.
	Points bool `json:"points,omitempty"`
	// Equity is the equity at the newest point, adjusted for the capital that was counted since.
	Equity ledger.Decimal `json:"equity,omitzero"`
	// Rated is the capital with rates that Equity and High are adjusted for, in cash and in kind. Unrated
	// is what the rest was worth at the newest point, where Derived says that the point was derived.
	Rated   ledger.Decimal `json:"rated,omitzero"`
	Unrated ledger.Decimal `json:"unrated,omitzero"`
	Derived bool           `json:"derived,omitempty"`
	// Exact is true while the newest point, of Time, tells the equity of its time: it stands before capital
	// that comes or goes, and nothing else was recorded since.
	Exact bool      `json:"exact,omitempty"`
	Time  time.Time `json:"time,omitzero"`
	// Waits is true if capital came or went since the newest point that the high-water mark is not adjusted for.
	Waits bool `json:"waits,omitempty"`
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
	Entry  int64          `json:"entry,omitempty"`
	Equity ledger.Decimal `json:"equity"`
}

// sameTime is how far the time of capital is from that of a point which tells equity then.
const sameTime = 5 * time.Minute

// told adjusts what was counted from the points behind an entry to a rate that was told later: the capital
// of that entry counted as was, and counts as is. It is neither a flow nor a profit of now. Where no point
// is behind the entry, the capital waits.
func (l *lossState) told(entry int64, was, is ledger.Decimal) {
	if !l.Points || l.Entry <= entry {
		return
	}
	by := is.Sub(was)
	l.Rated, l.Unrated, l.Profit = l.Rated.Add(is), l.Unrated.Sub(was), l.Profit.Sub(by)
	if l.BeforeEntry > entry {
		l.Before = l.Before.Sub(by)
	}
	equity := l.Equity // at the point that adjusted the marks before the entry for the capital
	if at := slices.IndexFunc(l.Newest, func(m mark) bool { return m.Entry > entry }); at >= 0 {
		equity = l.Newest[at].Equity
	}
	l.remark(func(m *mark) {
		if m.Entry < entry {
			m.Equity = adjusted(m.Equity, equity.Sub(is), by)
		}
	})
}

// remark changes the marks, and makes the high-water mark anew from them.
func (l *lossState) remark(change func(m *mark)) {
	change(&l.Past)
	l.High = num.Max(l.Past.Equity, ledger.Decimal{})
	for i := range l.Newest {
		change(&l.Newest[i])
		l.High = num.Max(l.High, l.Newest[i].Equity)
	}
}

// maxNewest is the number of newest points that are kept.
const maxNewest = 32

// moved adjusts the high-water mark for capital that came or, below zero, went at a time: in proportion, so
// that the drawdown stays the same fraction. Where its worth or the equity of that time is not known, the
// capital waits until it is: see pending.
func (l *lossState) moved(amount ledger.Decimal, rated bool, at time.Time) {
	if !l.Points || rated && amount.IsZero() {
		return
	}
	if !rated || !l.Exact || at.Sub(l.Time).Abs() > sameTime {
		l.Exact, l.Waits = false, true
		return
	}
	l.adjust(l.Equity, amount)
	l.Equity = l.Equity.Add(amount)
	l.Rated = l.Rated.Add(amount)
}

// adjust makes the high-water mark what it is once capital has come to an equity.
func (l *lossState) adjust(equity, amount ledger.Decimal) {
	l.High, l.Past.Equity = adjusted(l.High, equity, amount), adjusted(l.Past.Equity, equity, amount)
	for i := range l.Newest {
		l.Newest[i].Equity = adjusted(l.Newest[i].Equity, equity, amount)
	}
}

// adjusted returns what a mark is once capital has come to an equity: in proportion. Of an equity that
// was not positive nothing is a proportion, and the mark stays; where none is left, the mark is the sum.
func adjusted(high, equity, amount ledger.Decimal) ledger.Decimal {
	switch after := equity.Add(amount); {
	case amount.IsZero() || !equity.IsPos():
		return high
	case after.IsPos():
		return num.Share(high, after, equity)
	}
	return num.Max(high.Add(amount), ledger.Decimal{})
}

// capital is the capital of a book: in cash and in kind with rates, and what the rest is worth.
type capital struct{ cash, kind, unrated ledger.Decimal }

// pending returns the capital that came, or below zero went, and that the high-water mark is not adjusted
// for yet. c is the capital of now.
func (l *lossState) pending(c capital) ledger.Decimal {
	if !l.Points {
		return ledger.Decimal{}
	}
	flow := c.cash.Add(c.kind).Sub(l.Rated)
	if l.Derived {
		flow = flow.Add(c.unrated.Sub(l.Unrated))
	}
	return flow
}

// point folds in an equity point of the date. c is the book's capital, without what a point that is
// derived tells of the rest. late is the capital that came, or below zero went, after the point was taken
// and before it was recorded. What came between the newest point and this one adjusts the high-water mark.
func (l *lossState) point(p *ledger.EquityPoint, seq int64, date ledger.Date, c capital, late ledger.Decimal) {
	equity, entry, moved := p.Equity, int64(0), p.Capital.Add(c.kind)
	if p.Derived { // it is of the book as it was, whatever its time
		moved = p.Capital.Add(p.InKind)
		entry, date, c.unrated = seq, max(date, l.Date), moved.Sub(c.cash).Sub(c.kind)
	}
	profit := equity.Sub(moved)
	if l.Points && date < l.Date { // history, told behind what went since
		l.note(mark{date, entry, num.Max(equity.Add(num.Min(late, ledger.Decimal{})), ledger.Decimal{})})
		return
	}
	c.cash = c.cash.Sub(late)
	l.Derived = l.Derived && p.Derived
	if flow := l.pending(c); !flow.IsZero() {
		l.adjust(equity.Sub(flow), flow)
	}
	l.note(mark{date, entry, equity})
	switch {
	case !l.Points:
		l.Before, l.BeforeEntry, l.Date = profit, entry, date
	case date > l.Date:
		l.Before, l.BeforeEntry, l.Date = l.Profit, l.Entry, date
	}
	l.Profit, l.Points, l.Equity, l.Entry = profit, true, equity, entry
	l.Rated, l.Unrated, l.Derived = c.cash.Add(c.kind), c.unrated, p.Derived
	l.Exact = p.Before || !p.Derived // journals of before Derived do not tell which points stand before capital
	l.Time, l.Waits = p.Time, !late.IsZero()
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

// shift adds to what was counted from the derived points behind an entry what they did not contain.
func (l *lossState) shift(s ledger.Shift) {
	if !l.Points {
		return
	}
	behind := func(entry int64) bool { return entry > s.Behind }
	if behind(l.Entry) {
		l.Profit, l.Equity = l.Profit.Add(s.By), l.Equity.Add(s.By)
	}
	if behind(l.BeforeEntry) {
		l.Before = l.Before.Add(s.By)
	}
	l.remark(func(m *mark) {
		if behind(m.Entry) {
			m.Equity = m.Equity.Add(s.By)
		}
	})
}

// before returns the profit from which the loss of the day is counted.
func (l *lossState) before(today ledger.Date) ledger.Decimal {
	if today > l.Date {
		return l.Profit
	}
	return l.Before
}
