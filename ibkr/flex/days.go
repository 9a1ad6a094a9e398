package flex

import (
	"cmp"
	"slices"

	"github.com/ai-ots/accounts/ledger"
)

// A query that breaks its figures out by day, and files of several periods that were put together,
// tell positions and balances of several days. What is held at the end is what the last day tells.

// lastPositions leaves out the positions of other days than the last, and all of them where a trade
// came later.
func (b *builder) lastPositions() {
	var last ledger.Date
	for i := range b.st.Positions {
		last = max(last, b.st.Positions[i].ReportDate)
	}
	if last == 0 {
		return
	}
	all := b.st.Positions
	b.st.Positions = slices.DeleteFunc(all, func(p Position) bool {
		earlier := p.ReportDate.Valid() && p.ReportDate < last
		if earlier {
			b.count(p.Line, secPositions.String(), "positions of days before "+last.String()+" are not what is held at the end: left out", 1)
		}
		return earlier
	})
	if b.tradedAfter(last) {
		b.count(b.st.Positions[0].Line, secPositions.String(), "the positions of "+last.String()+" are from before the last trades, "+
			"and are not what is held at the end: not compared", len(b.st.Positions))
		b.st.Positions, b.st.HasPositions = nil, false
	}
}

// tradedAfter reports whether the statement has trades of a later day, which its period does not
// tell to be the last.
func (b *builder) tradedAfter(day ledger.Date) bool {
	if b.st.To.Valid() && b.st.To <= day {
		return false
	}
	for _, t := range b.st.Trades.All() {
		if t.TradeDate > day {
			return true
		}
	}
	return false
}

// finishCashReport makes one balance of those of each currency.
func (b *builder) finishCashReport() {
	type kind struct {
		base     bool
		currency ledger.Currency
	}
	var order []kind
	all := map[kind][]CashBalance{}
	for _, c := range b.st.CashReport {
		k := kind{c.Base, c.Currency}
		if all[k] == nil {
			order = append(order, k)
		}
		if !slices.ContainsFunc(all[k], c.same) {
			all[k] = append(all[k], c)
		}
	}
	b.st.CashReport = b.st.CashReport[:0]
	for _, k := range order {
		if joined, ok := joinBalances(all[k]); ok {
			b.st.CashReport = append(b.st.CashReport, joined)
			continue
		}
		b.unread(all[k][0].Line, secCashReport.String(), "several balances in "+cmp.Or(string(k.currency), "base currency")+
			", and nothing tells which was first: left out, with what was held at the beginning", len(all[k]))
	}
}

// same reports whether two rows tell the same balances.
func (c CashBalance) same(o CashBalance) bool {
	c.Line = o.Line
	return c == o
}

// joinBalances makes one balance of those of several periods: from the beginning of the first to
// the end of the last. Without dates, they must follow from each other.
func joinBalances(rows []CashBalance) (CashBalance, bool) {
	dated := !slices.ContainsFunc(rows, func(c CashBalance) bool { return !c.From.Valid() || !c.To.Valid() })
	if dated {
		slices.SortStableFunc(rows, CashBalance.compare)
	}
	joined := rows[0]
	for i, next := range rows[1:] {
		if dated && rows[i].compare(next) == 0 || !dated && (!next.Starting.Valid || next.Starting != joined.Ending) {
			return joined, false
		}
		joined.To, joined.Ending, joined.EndingSettled = next.To, next.Ending, next.EndingSettled
	}
	return joined, true
}

// compare orders balances by their periods.
func (c CashBalance) compare(o CashBalance) int {
	return cmp.Or(cmp.Compare(c.From, o.From), cmp.Compare(c.To, o.To))
}
