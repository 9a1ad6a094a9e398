package flex

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Settlement is money that settled an exercised or assigned option whose underlying cannot be delivered, such
// as an index.
type Settlement struct {
	Line int
	Contract
	Amount     ledger.Decimal // negative for money that went
	Commission ledger.Decimal // negative when paid
	FXRate     ledger.Decimal
	Realized   Optional    // the option's FIFO P&L with the settlement in it
	Date       ledger.Date // on which the option was exercised
	Funds      bool        // told by the statement of funds
}

// settles reports whether the row of a section is such a settlement: all others in it repeat what trades say.
func settles(sec section, r *row) bool {
	what := fTransactionType
	if sec == secFunds {
		what = fActivity
	}
	text := strings.ToLower(r.v[what])
	return strings.Contains(text, "cash settle") || strings.Contains(text, "cash-settle")
}

// settlement reads one.
func (b *builder) settlement(c *reading) {
	amount := fProceeds
	if c.sec == secFunds {
		amount = fAmount
	}
	c.require(amount)
	st := c.when(fDate, fDateTime, fTradeDate, fReportDate)
	s := Settlement{Line: c.r.line, Amount: c.decimal(amount), FXRate: c.rate(), Date: st.date, Funds: c.sec == secFunds}
	if !s.Funds {
		s.Commission, s.Realized = c.decimal(fCommission), c.optional(fRealized)
	}
	var problem string
	s.Contract, problem = b.contract(c, fNone, fNone)
	switch {
	case c.err != nil:
	case problem != "":
		b.leftOut(c, &s.Contract, problem)
	default:
		b.st.Settlements = append(b.st.Settlements, s)
	}
}

// finishSettlements leaves out what the statement of funds tells again.
func (b *builder) finishSettlements() {
	all := b.st.Settlements
	b.st.Settlements = slices.DeleteFunc(slices.Clone(all), func(s Settlement) bool {
		again := s.Funds && slices.ContainsFunc(all, func(o Settlement) bool { return !o.Funds && o.same(&s) })
		if again {
			b.skip("REPEATED")
		}
		return again
	})
}

// same reports whether two settlements are of one contract and day.
func (s *Settlement) same(o *Settlement) bool {
	return s.Date == o.Date && s.ConID == o.ConID && (s.ConID != 0 || s.Key() == o.Key())
}

// planSettlements puts the money into the trade that closed the option: then it realizes, and no premium waits
// for a delivery.
func (p *planner) planSettlements() {
	for _, e := range p.events {
		if e.row != nil && !e.void && e.gross().IsZero() && p.settled(e) { // and this statement may lack the settlement
			p.realizes(e, Optional{})
		}
	}
	done := make([]bool, len(p.st.Settlements))
	for i := range p.st.Settlements {
		if done[i] {
			continue
		}
		sum := p.st.Settlements[i]
		for k := i + 1; k < len(p.st.Settlements); k++ {
			if o := &p.st.Settlements[k]; o.same(&sum) {
				done[k] = true
				sum.Amount, sum.Commission, sum.Realized = sum.Amount.Add(o.Amount), sum.Commission.Add(o.Commission), sum.Realized.plus(o.Realized)
			}
		}
		if !sum.Amount.IsZero() || !sum.Commission.IsZero() {
			p.settle(&sum)
		}
	}
}

// settle books all settlements of a contract and day.
func (p *planner) settle(s *Settlement) {
	var trades, had []*event
	var units ledger.Decimal
	for _, e := range p.events {
		if e.row == nil || e.void || !e.row.on(s.Date) || e.instrument.Key() != p.instrument(s.Contract).Key() || !e.gross().IsZero() ||
			e.trade.Kind == ledger.Execution && e.row.TransactionType != "BookTrade" {
			continue
		}
		if p.settled(e) {
			had = append(had, e)
			continue
		}
		trades, units = append(trades, e), units.Add(e.trade.Quantity)
	}
	if len(had) > 0 { // the book has the settlement already
		if len(had) == 1 {
			p.realizes(had[0], s.Realized)
		}
		if len(trades) > 0 {
			p.unread(s.Line, "cash settlement", "%s %s of %s: the book has a part of it: not booked", s.Amount, s.Currency, s.LocalSymbol)
		}
		return
	}
	if p.past.moved[s.id()] { // and beside the trade
		return
	}
	if len(trades) == 0 && p.settledInBook(s) {
		p.refused = fmt.Errorf("%w: line %d tells %s of %s on %s as a cash settlement, without the trade that it settles, and the book has a trade for as much: %s",
			ErrLevels, s.Line, s.Amount, s.Key(), s.Date, remedy)
		return
	}
	if len(trades) == 0 || units.IsZero() || units.IsNeg() == s.Amount.IsNeg() || slices.ContainsFunc(trades, func(e *event) bool { return e.known }) {
		p.settledAlone(s)
		return
	}
	var before, paid, cost ledger.Decimal
	for _, e := range trades {
		before = before.Add(e.trade.Quantity)
		total, costs := share(s.Amount, before, units), share(s.Commission, before, units)
		t := e.trade
		t.Proceeds, t.Commission = total.Sub(paid), t.Commission.Sub(costs.Sub(cost))
		paid, cost = total, costs
		if price, err := t.Proceeds.Abs().Div(t.Quantity.Abs().Mul(nonZero(t.Instrument.Multiplier))); err == nil {
			t.Price = price.RoundBank(9)
		}
		if len(trades) == 1 {
			p.realizes(e, s.Realized)
		} else {
			p.realizes(e, Optional{})
		}
	}
}

// id is the id of a settlement that is booked beside its trade.
func (s *Settlement) id() string {
	return printable(settlementPrefix+s.Date.String()+"-"+string(s.Key()), 90)
}

// settledInBook reports whether the book has a trade that brought what the settlement tells, or several of the day did.
func (p *planner) settledInBook(s *Settlement) bool {
	key := p.instrument(s.Contract).Key()
	var sum ledger.Decimal
	for _, f := range p.past.ordered {
		t, ok := f.(ledger.Trade)
		if !ok || p.st.day(t.Time) != s.Date || p.named(t.Instrument) != key {
			continue
		}
		if sum = sum.Add(gross(&t)); gross(&t).Equal(s.Amount) {
			return true
		}
	}
	return sum.Equal(s.Amount)
}

// settled reports whether the book has the trade with its settlement.
func (p *planner) settled(e *event) bool {
	t, ok := p.past.current(e.trade.ExecID)
	return e.known && ok && !t.Amount().IsZero()
}

// realizes says what the option realized with its settlement; what its row says is without it.
func (p *planner) realizes(e *event, realized Optional) {
	e.real = realized
	row := p.Rows[e.trade.ExecID]
	row.Closes, row.Realized = true, realized
	p.Rows[e.trade.ExecID] = row
}

// settledAlone books a settlement of which the statement has no trade, or whose trade is in the book without it.
func (p *planner) settledAlone(s *Settlement) {
	m := ledger.CashMovement{ID: s.id(), Kind: ledger.OtherCash, Currency: s.Currency,
		Amount: s.Amount.Add(s.Commission), FXRate: s.FXRate, Symbol: printable(s.LocalSymbol, 50), Note: "cash settlement", Time: s.Date.Time(time.UTC)}
	p.issue(s.Line, "cash settlement", "%s %s of %s are booked as cash beside it, for the trade that it settles is not in the statement or was recorded before", s.Amount, s.Currency, s.LocalSymbol)
	p.Facts = append(p.Facts, m)
}

// on reports whether the trade counts for the day.
func (t *Trade) on(d ledger.Date) bool {
	return t.TradeDate == d || t.ReportDate == d || ledger.DateOf(t.Time) == d
}

// undelivered says which exercised options wait for a trade of their underlying that the statement does not
// have, nor a settlement in cash.
func (in *inference) undelivered() {
	for _, w := range in.premiums {
		if w.quantity.IsZero() || w.option.known {
			continue
		}
		in.unread(w.option.line, "trade", "%s was exercised or assigned, and the statement has neither a trade of %s that it delivers nor its settlement in cash: "+
			"let the query show option exercises (OptionEAE) or the statement of funds", w.option.text, underlying(w.option.trade.Instrument))
	}
}
