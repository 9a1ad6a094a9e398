package flex

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Settlement is money that settled an exercised or assigned option whose underlying cannot be
// delivered, such as an index.
type Settlement struct {
	Line int
	Contract
	// Paid is the currency of the figures. It is another than the contract's where the row tells
	// what the money was worth in base currency.
	Paid       ledger.Currency
	Amount     ledger.Decimal // negative for money that went
	Commission ledger.Decimal // negative when paid
	FXRate     ledger.Decimal // base currency per unit of Paid; zero if not given
	Realized   Optional       // the option's FIFO P&L with the settlement in it
	Date       ledger.Date    // on which the option was exercised
	Funds      bool           // told by the statement of funds
	Base       bool           // told in base currency alone
	named      bool           // another row tells the contract
	converted  string         // says how the money came into the contract's currency
}

// settles reports whether the row of a section is such a settlement: all others in it repeat what
// trades say.
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
	s := Settlement{Line: c.r.line, Amount: c.decimal(amount), FXRate: c.rate(), Date: st.date,
		Funds: c.sec == secFunds, Base: strings.EqualFold(c.r.v[fLevel], "BaseCurrency")}
	if !s.Funds {
		s.Commission, s.Realized = c.decimal(fCommission), c.optional(fRealized)
	}
	var problem string
	s.Contract, problem = b.contract(c, fNone, fNone)
	s.Paid = s.Currency
	switch {
	case c.err != nil:
	case problem != "":
		b.leftOut(c, &s.Contract, problem)
	default:
		if s.Base && b.base == "" {
			b.base = s.Paid
		}
		b.st.Settlements = append(b.st.Settlements, s)
	}
}

// finishSettlements leaves out what the statement of funds tells again.
func (b *builder) finishSettlements() {
	b.nameSettlements()
	all := b.st.Settlements
	b.st.Settlements = slices.DeleteFunc(slices.Clone(all), func(s Settlement) bool {
		again := s.Funds && slices.ContainsFunc(all, func(o Settlement) bool { return !o.Funds && o.same(&s) })
		if again {
			b.skip("REPEATED")
		}
		return again
	})
}

// nameSettlements gives what is told in base currency alone the contract that other rows tell: the
// currency of its own row is the money's, and not the contract's.
func (b *builder) nameSettlements() {
	if !slices.ContainsFunc(b.st.Settlements, func(s Settlement) bool { return s.Base }) {
		return
	}
	told := contractNames{}
	b.contracts(func(c *Contract) { told.see(c.Instrument) })
	for i := range b.st.Settlements {
		if s := &b.st.Settlements[i]; !s.Base {
			told.see(s.Instrument)
		}
	}
	for i := range b.st.Settlements {
		if s := &b.st.Settlements[i]; s.Base {
			s.Instrument, s.named = told.find(s.Instrument)
		}
	}
}

// contractNames finds contracts by what is known of them without their currency: the broker's id,
// else the rest of the name.
type contractNames map[any]ledger.Instrument

// see adds an option.
func (n contractNames) see(inst ledger.Instrument) {
	if inst.Right == "" {
		return
	}
	if inst.ConID != 0 {
		n[inst.ConID] = inst
	}
	name := inAnyCurrency(inst)
	if other, ok := n[name]; ok && other.Currency != inst.Currency {
		inst = ledger.Instrument{} // two contracts bear the name
	}
	n[name] = inst
}

// find returns the contract that was seen, else the given one and false.
func (n contractNames) find(inst ledger.Instrument) (ledger.Instrument, bool) {
	found, ok := n[inst.ConID]
	if !ok {
		found = n[inAnyCurrency(inst)]
		if found.ConID != 0 && inst.ConID != 0 {
			return inst, false
		}
	}
	if found.Symbol == "" {
		return inst, false
	}
	return found, true
}

// inAnyCurrency is the key of an instrument without its currency.
func inAnyCurrency(inst ledger.Instrument) ledger.InstrumentKey {
	inst.Currency = ""
	return inst.Key()
}

// same reports whether two settlements are of one contract and day.
func (s *Settlement) same(o *Settlement) bool {
	return s.Date == o.Date && s.ConID == o.ConID && (s.ConID != 0 || s.Key() == o.Key())
}

// planSettlements puts the money into the trade that closed the option: then it realizes, and no
// premium waits for a delivery.
func (p *planner) planSettlements() {
	for _, e := range p.events {
		if e.row != noRow && !e.void && e.gross().IsZero() && p.settled(e) { // and this statement may lack the settlement
			p.realizes(e, Optional{})
		}
	}
	all := p.settlements()
	done := make([]bool, len(all))
	for i := range all {
		if done[i] {
			continue
		}
		sum := all[i]
		for k := i + 1; k < len(all); k++ {
			if o := &all[k]; o.same(&sum) {
				done[k] = true
				sum.Amount, sum.Commission, sum.Realized = sum.Amount.Add(o.Amount), sum.Commission.Add(o.Commission), sum.Realized.plus(o.Realized)
			}
		}
		if !sum.Amount.IsZero() || !sum.Commission.IsZero() {
			p.settle(&sum)
		}
	}
}

// settlements returns the statement's settlements in the currencies of their contracts. One that
// cannot be converted is reported, and not booked.
func (p *planner) settlements() []Settlement {
	all := make([]Settlement, 0, len(p.st.Settlements))
	for _, s := range p.st.Settlements {
		if s.Base && !p.contractOfBase(&s) {
			continue
		}
		if inst := p.instrument(s.Contract); s.Paid == inst.Currency || p.convertSettlement(&s, inst) {
			all = append(all, s)
		}
	}
	return all
}

// contractOfBase finds the contract of what is told in base currency alone in the book, where no
// other row of the statement tells it. It reports false where nothing does.
func (p *planner) contractOfBase(s *Settlement) bool {
	if base := p.st.Base(); s.Paid != base {
		p.unread(s.Line, "cash settlement", "%s of %s are told in base currency, and in %s: the base currency is %s",
			s.Amount, s.LocalSymbol, s.Paid, base)
		return false
	}
	if s.named {
		return true
	}
	book := contractNames{}
	for i := range p.held.Positions {
		book.see(p.held.Positions[i].Instrument)
	}
	id := s.ConID
	if s.Instrument, s.named = book.find(s.Instrument); !s.named {
		p.unread(s.Line, "cash settlement", "%s %s of %s are told in base currency alone, and nothing tells the contract's "+
			"currency: let the query show the statement of funds in each currency, or option exercises (OptionEAE)",
			s.Amount, s.Paid, s.LocalSymbol)
		return false
	}
	if id != 0 { // its own row took the money's currency for the contract's
		p.Instruments[id] = s.Instrument
	}
	return true
}

// convertSettlement turns the money into the currency of the contract, at the rate of the trade
// that it settles, else at the statement's. It reports false where there is none.
func (p *planner) convertSettlement(s *Settlement, inst ledger.Instrument) bool {
	var other ledger.Decimal
	for _, e := range p.events {
		if e.row == noRow || e.instrument.Key() != inst.Key() {
			continue
		}
		if t := p.rowOf(e); t.Currency == inst.Currency && t.on(s.Date) && !t.FXRate.IsZero() {
			other = t.FXRate
		}
	}
	if other.IsZero() {
		other = p.rateOf(inst.Currency)
	}
	rate := p.crossRate(s.Paid, inst.Currency, s.FXRate, other)
	if rate.IsZero() {
		p.unread(s.Line, "cash settlement", "%s %s of %s, a contract in %s, are not booked: the statement has no rate from %s to %[4]s",
			s.Amount, s.Paid, s.LocalSymbol, inst.Currency, s.Paid)
		return false
	}
	told := s.Amount.Add(s.Commission)
	s.Amount, s.Commission = s.Amount.Mul(rate).RoundBank(2), s.Commission.Mul(rate).RoundBank(2)
	s.converted = fmt.Sprintf("%s %s of %s, a contract in %s, are booked as %s %[4]s, at the statement's rates and so not to the cent; "+
		"what the option realized is not compared", told, s.Paid, s.LocalSymbol, inst.Currency, s.Amount.Add(s.Commission))
	s.Instrument, s.Paid, s.FXRate, s.Realized = inst, inst.Currency, other, Optional{}
	return true
}

// settle books all settlements of a contract and day.
func (p *planner) settle(s *Settlement) {
	var trades, had []*event
	var units ledger.Decimal
	key := p.instrument(s.Contract).Key()
	for _, e := range p.events {
		if e.row == noRow || e.void || !e.gross().IsZero() || e.instrument.Key() != key {
			continue
		}
		if row := p.rowOf(e); !row.on(s.Date) || e.trade.Kind == ledger.Execution && row.TransactionType != "BookTrade" {
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
	p.sayConverted(s)
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

// sayConverted reports a settlement that is booked in another currency than it is told in.
func (p *planner) sayConverted(s *Settlement) {
	if s.converted != "" {
		p.issue(s.Line, "cash settlement", "%s", s.converted)
	}
}

// id is the id of a settlement that is booked beside its trade.
func (s *Settlement) id() string {
	return printable(settlementPrefix+s.Date.String()+"-"+string(s.Key()), 90)
}

// settledInBook reports whether the book has a trade that brought what the settlement tells, or
// several of the day did.
func (p *planner) settledInBook(s *Settlement) bool {
	key := p.instrument(s.Contract).Key()
	var sum ledger.Decimal
	for _, f := range p.past.ordered {
		t, ok := f.(*ledger.Trade)
		if !ok || p.st.day(t.Time) != s.Date || p.named(t.Instrument) != key {
			continue
		}
		if sum = sum.Add(gross(t)); gross(t).Equal(s.Amount) {
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
	e.sayOtherwise(func(s *saying) { s.real = realized })
	e.settles = true
}

// settledAlone books a settlement of which the statement has no trade, or whose trade is in the
// book without it.
func (p *planner) settledAlone(s *Settlement) {
	m := ledger.CashMovement{ID: s.id(), Kind: ledger.OtherCash, Currency: s.Currency,
		Amount: s.Amount.Add(s.Commission), FXRate: s.FXRate, Symbol: printable(s.LocalSymbol, 50), Note: "cash settlement", Time: s.Date.Time(time.UTC)}
	p.sayConverted(s)
	p.issue(s.Line, "cash settlement", "%s %s of %s are booked as cash beside it, for the trade that it settles is not in the statement or was recorded before", s.Amount, s.Currency, s.LocalSymbol)
	p.extra = append(p.extra, m)
}

// on reports whether the trade counts for the day.
func (t *Trade) on(d ledger.Date) bool {
	return t.TradeDate == d || t.ReportDate == d || ledger.DateOf(t.Time) == d
}

// undelivered says which exercised options wait for a trade of their underlying that the statement
// does not have, nor a settlement in cash.
func (in *inference) undelivered() {
	for _, w := range in.premiums {
		if w.quantity.IsZero() || w.option.known {
			continue
		}
		in.unread(w.option.line, "trade", "%s was exercised or assigned, and the statement has neither a trade of %s that it delivers nor its settlement in cash: "+
			"let the query show option exercises (OptionEAE) or the statement of funds", w.option.text(), underlying(*w.option.trade.Instrument))
	}
}
