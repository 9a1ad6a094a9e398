package exposure

import (
	"maps"
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// lossState is what the day's loss and the drawdown are counted from. Amounts are in base currency.
type lossState struct {
	// Date is the trading day of the newest equity point, and Entry the number of its entry. No
	// change of history moves a point that was not derived from the book: for such a point, Entry,
	// BeforeEntry and mark.Entry are zero.
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
	// Rated is the capital with rates that Equity and High are adjusted for, in cash and in kind.
	// Unrated is what the rest was worth at the newest point, where Derived says that the point was
	// derived.
	Rated   ledger.Decimal `json:"rated,omitzero"`
	Unrated ledger.Decimal `json:"unrated,omitzero"`
	Derived bool           `json:"derived,omitempty"`
	// Rates are the conversion rates of the newest point; nil if they are not known. No change
	// changes the map.
	Rates map[ledger.Currency]ledger.Decimal `json:"rates,omitempty"`
	// Exact is true while the newest point, of Time, tells the equity of its time: it stands before
	// capital that comes or goes, and nothing else was recorded since.
	Exact bool      `json:"exact,omitempty"`
	Time  time.Time `json:"time,omitzero"`
	// Waits is true if capital came or went since the newest point that the high-water mark is not
	// adjusted for.
	Waits bool `json:"waits,omitempty"`
	// High is the high-water mark, adjusted for deposits and withdrawals. It is what the steps make
	// of Past, which is the mark before them; a zero Past is none. Where history changes, it is
	// made anew from both.
	High  ledger.Decimal `json:"high,omitzero"`
	Steps []step         `json:"steps,omitempty"`
	Past  mark           `json:"past,omitzero"`
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

// take makes of a mark what it is after a step.
func (m *mark) take(s step) {
	switch {
	case !s.Flow.IsZero():
		m.Equity = adjusted(m.Equity, s.Equity, s.Flow)
	case m.Date == 0:
		*m = mark{s.Date, s.Entry, num.Max(s.Equity, ledger.Decimal{})}
	case s.Equity.GreaterThan(m.Equity):
		*m = mark{s.Date, s.Entry, s.Equity}
	}
}

// step is what changes the high-water mark: the equity of a point or, where Flow is not zero,
// capital that came to an equity, or below zero went from it. Entry is that of the point which
// tells the equity.
type step struct {
	Date   ledger.Date    `json:"date"`
	Entry  int64          `json:"entry,omitempty"`
	Equity ledger.Decimal `json:"equity"`
	Flow   ledger.Decimal `json:"flow,omitzero"`
}

// sameTime is how far the time of capital is from that of a point which tells equity then.
const sameTime = 5 * time.Minute

// rate returns the conversion rate of a currency at the newest point, which is told where the point
// had none.
func (l *lossState) rate(c ledger.Currency, told ledger.Decimal) ledger.Decimal {
	if rate, known := l.Rates[c]; known {
		return rate
	}
	rates := map[ledger.Currency]ledger.Decimal{c: told}
	maps.Copy(rates, l.Rates)
	l.Rates = rates
	return told
}

// told adjusts what was counted from the points behind an entry to a rate that was told later: the
// capital of that entry counted as was, and counts as is. It is neither a flow nor a profit of now.
// Where no point is behind the entry, the capital waits.
func (l *lossState) told(entry int64, was, is ledger.Decimal) {
	if !l.Points || l.Entry <= entry {
		return
	}
	by := is.Sub(was)
	l.Rated, l.Unrated, l.Profit = l.Rated.Add(is), l.Unrated.Sub(was), l.Profit.Sub(by)
	if l.BeforeEntry > entry {
		l.Before = l.Before.Sub(by)
	}
	if l.Past.Entry > entry { // the mark was begun anew since: it is of an equity that the rate leaves as it was
		return
	}
	at := slices.IndexFunc(l.Steps, func(s step) bool { return s.Entry > entry })
	if at < 0 { // the step is long past
		l.Past.Equity = adjusted(l.Past.Equity, l.Equity.Sub(is), by)
		l.remark()
		return
	}
	if f := &l.Steps[at]; f.Flow.IsZero() { // what came was worth nothing beside what went
		l.Steps = slices.Insert(l.Steps, at, step{f.Date, f.Entry, f.Equity.Sub(by), by})
	} else {
		f.Equity, f.Flow = f.Equity.Sub(by), f.Flow.Add(by)
	}
	l.remark()
}

// remark makes the high-water mark anew from the steps.
func (l *lossState) remark() {
	m := l.Past
	for _, s := range l.Steps {
		m.take(s)
	}
	l.High = m.Equity
}

// maxSteps is the number of newest steps that are kept.
const maxSteps = 32

// moved adjusts the high-water mark for capital that came or, below zero, went at a time: in
// proportion, so that the drawdown stays the same fraction. Where its worth or the equity of that
// time is not known, the capital waits until it is: see pending.
func (l *lossState) moved(amount ledger.Decimal, rated bool, at time.Time) {
	if !l.Points || rated && amount.IsZero() {
		return
	}
	if !rated || !l.Exact || at.Sub(l.Time).Abs() > sameTime {
		l.Exact, l.Waits = false, true
		return
	}
	l.note(step{l.Date, l.Entry, l.Equity, amount})
	l.Equity = l.Equity.Add(amount)
	l.Rated = l.Rated.Add(amount)
}

// adjusted returns what a mark is once capital has come to an equity: in proportion. Of an equity
// that was not positive nothing is a proportion, and the mark stays; where none is left, the mark
// is the sum.
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

// pending returns the capital that came, or below zero went, and that the high-water mark is not
// adjusted for yet. c is the capital of now.
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
// derived tells of the rest. late is the capital that came, or below zero went, after the point was
// taken and before it was recorded. What came between the newest point and this one adjusts the
// high-water mark.
func (l *lossState) point(p *ledger.EquityPoint, seq int64, date ledger.Date, c capital, late ledger.Decimal) {
	equity, entry, moved := p.Equity, int64(0), p.Capital.Add(c.kind)
	if p.Derived { // it is of the book as it was, whatever its time
		moved = p.Capital.Add(p.InKind)
		entry, date, c.unrated = seq, max(date, l.Date), moved.Sub(c.cash).Sub(c.kind)
	}
	profit := equity.Sub(moved)
	if l.Points && date < l.Date { // history, told behind what went since
		l.note(step{Date: date, Entry: entry, Equity: num.Max(equity.Add(num.Min(late, ledger.Decimal{})), ledger.Decimal{})})
		return
	}
	c.cash = c.cash.Sub(late)
	l.Derived = l.Derived && p.Derived
	if flow := l.pending(c); !flow.IsZero() {
		l.note(step{date, entry, equity.Sub(flow), flow})
	}
	l.note(step{Date: date, Entry: entry, Equity: equity})
	switch {
	case !l.Points:
		l.Before, l.BeforeEntry, l.Date = profit, entry, date
	case date > l.Date:
		l.Before, l.BeforeEntry, l.Date = l.Profit, l.Entry, date
	}
	l.Profit, l.Points, l.Equity, l.Entry = profit, true, equity, entry
	l.Rated, l.Unrated, l.Derived, l.Rates = c.cash.Add(c.kind), c.unrated, p.Derived, p.Rates
	l.Exact = p.Before || !p.Derived // journals of before Derived do not tell which points stand before capital
	l.Time, l.Waits = p.Time, !late.IsZero()
}

// note takes a step. Of too many it merges two points of one day into the higher one, the oldest
// two that it finds next to each other, or else takes the oldest step into Past.
func (l *lossState) note(s step) {
	m := mark{l.Date, 0, l.High}
	if len(l.Steps) == 0 {
		m = l.Past
	}
	m.take(s)
	l.High, l.Steps = m.Equity, append(l.Steps, s)
	if len(l.Steps) <= maxSteps {
		return
	}
	for i := range maxSteps {
		if a, b := &l.Steps[i], &l.Steps[i+1]; a.Date == b.Date && a.Flow.IsZero() && b.Flow.IsZero() {
			if a.Equity.GreaterThan(b.Equity) {
				i++
			}
			l.Steps = slices.Delete(l.Steps, i, i+1)
			return
		}
	}
	l.Past.take(l.Steps[0])
	l.Steps = slices.Delete(l.Steps, 0, 1)
}

// reset begins the high-water mark anew.
func (l *lossState) reset(m mark) {
	l.High, l.Steps, l.Past = m.Equity, nil, m
}

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
	if behind(l.Past.Entry) {
		l.Past.Equity = l.Past.Equity.Add(s.By)
	}
	for i := range l.Steps {
		if behind(l.Steps[i].Entry) {
			l.Steps[i].Equity = l.Steps[i].Equity.Add(s.By)
		}
	}
	l.remark()
}

// before returns the profit from which the loss of the day is counted.
func (l *lossState) before(today ledger.Date) ledger.Decimal {
	if today > l.Date {
		return l.Profit
	}
	return l.Before
}
