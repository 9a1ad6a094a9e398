package flex

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
)

// planCash turns cash rows into movements, and the balances at the beginning into opening ones
// when the portfolio is empty.
func (p *planner) planCash() {
	for i := range p.st.Cash {
		row := &p.st.Cash[i]
		if row.Amount.IsZero() || p.cashIDs[i] == "" {
			continue
		}
		m := ledger.CashMovement{
			ID: p.cashIDs[i], Kind: row.kind(), Currency: row.Currency, Amount: row.Amount, FXRate: row.FXRate,
			Symbol: printable(row.Symbol, 50), Note: printable(row.Description, 500), Time: row.Time,
		}
		if row.Kind == "" {
			p.issue(row.Line, "cash", "unknown type %q, booked as other: %s %s", row.Type, row.Amount, row.Currency)
		}
		p.extra = append(p.extra, m)
		if !p.past.moved[m.ID] {
			p.cash = append(p.cash, newCash{row.Line, row.Currency, p.countsAt(row.ReportDate, row.Time)})
		}
	}
	if !p.past.empty {
		return
	}
	start, report := p.start(), p.cashReport()
	if c := p.baseBalance(); c != nil && len(report) == 0 && !c.Starting.Value.IsZero() {
		p.issue(c.Line, "cash report", "the balance at the beginning, %s, is told in base currency alone: not booked, for the rows are "+
			"in other currencies; let the query show the cash report by currency", c.Starting.Value)
	}
	for _, c := range report {
		if c.Starting.Valid && !c.Starting.Value.IsZero() {
			p.extra = append(p.extra, ledger.CashMovement{
				ID: openingPrefix + string(c.Currency), Kind: ledger.OpeningCash, Currency: c.Currency,
				Amount: c.Starting.Value, FXRate: p.rateOf(c.Currency), Note: "balance before the statement", Time: start,
			})
		}
	}
}

// nameCash gives the cash rows their ids: none to a row that the statement repeats.
func (p *planner) nameCash() {
	seen, former, told := map[string]int{}, map[string]int{}, map[string]bool{}
	p.cashIDs = make([]string, len(p.st.Cash))
	for i := range p.st.Cash {
		row := &p.st.Cash[i]
		if row.Amount.IsZero() {
			continue
		}
		if says := row.repeats(); says != "" && told[says] {
			p.issue(row.Line, "cash", "%s %s is told again under the id %s: booked once", row.Amount, row.Currency, row.TransactionID)
			continue
		} else if says != "" {
			told[says] = true
		}
		id := numbered(row.id(), seen)
		if row.TransactionID == "" && row.Level != summary {
			// As an earlier release recorded the row: that id has more of a long symbol.
			if old := numbered(printable("cash-"+row.words(), maxID), former); p.past.moved[old] {
				id = old
			}
		}
		p.cashIDs[i] = id
		p.toldMoney[id] = true
	}
}

// repeats is what another row says if it is the same one: with the broker's id, which rows of other
// sections share with what they are about. It is empty for a row without an id of its own.
func (r *CashRow) repeats() string {
	if _, about := cashPrefixes[r.Type]; about || r.TransactionID == "" || r.Level == summary {
		return ""
	}
	return r.TransactionID + " " + r.words() + " " + r.Description
}

// kind is the row's kind; deposits and withdrawals are told apart by their sign.
func (r *CashRow) kind() ledger.CashKind {
	switch {
	case r.Kind == "":
		return ledger.OtherCash
	case r.Kind != ledger.Deposit && r.Kind != ledger.Withdrawal:
		return r.Kind
	case r.Amount.IsNeg():
		return ledger.Withdrawal
	}
	return ledger.Deposit
}

// maxID is how many bytes of an id are kept, but for the number behind it.
const maxID = 90

// id names the row by its transaction id, or by what it says where it has none.
func (r *CashRow) id() string {
	id := "cash-" + r.TransactionID
	if r.Level == summary {
		id = "cash-summary-" + r.words()
	} else if r.TransactionID == "" {
		id = "cash-" + wordsPrefix + r.words()
	} else if prefix, ok := cashPrefixes[r.Type]; ok {
		id = prefix + r.TransactionID
	}
	return printable(id, maxID)
}

// words are what the row says.
func (r *CashRow) words() string {
	return fmt.Sprintf("%s-%s-%s-%s-%s", r.Time.Format(wordsTime), r.Currency, r.Amount, r.Type, r.Symbol)
}

// numbered puts a number behind an id that other rows have too: they say the same.
func numbered(id string, seen map[string]int) string {
	if seen[id]++; seen[id] > 1 {
		return fmt.Sprintf("%s/%d", id, seen[id])
	}
	return id
}

// cashPrefixes name rows that bear the transaction id of another one, which they are about.
var cashPrefixes = map[string]string{"Sales Tax": "tax-", unreadTrade: "unread-", "Transaction Tax": "trade-tax-",
	"Transfer": "transferred-", "CFD Charge": "cfd-", "Client Fee": "client-fee-", "Debit Card": "card-"}

// printable drops what does not print and cuts at n bytes.
func printable(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, s)
	for len(s) > n {
		cut := []rune(s)
		s = string(cut[:len(cut)-1-(len(s)-n)/4])
	}
	return s
}

// cashReport returns the report's rows by currency. A report that has but the total in base
// currency serves where everything in the statement is in that currency.
func (p *planner) cashReport() []CashBalance {
	var rows []CashBalance
	for _, c := range p.st.CashReport {
		if !c.Base {
			rows = append(rows, c)
		}
	}
	base := p.baseBalance()
	if len(rows) > 0 || base == nil {
		return rows
	}
	currencies := map[ledger.Currency]bool{}
	for i := range p.st.Trades.contracts.all {
		currencies[p.st.Trades.contracts.all[i].Currency] = true
	}
	for i := range p.st.Cash {
		currencies[p.st.Cash[i].Currency] = true
	}
	for i := range p.st.Positions {
		currencies[p.st.Positions[i].Currency] = true
	}
	for currency := range currencies {
		if only := *base; len(currencies) == 1 && p.mayBeBase(currency) {
			only.Currency = currency
			return []CashBalance{only}
		}
	}
	return nil
}

// baseBalance is the report's total in base currency; nil if it has none.
func (p *planner) baseBalance() *CashBalance {
	i := slices.IndexFunc(p.st.CashReport, func(c CashBalance) bool { return c.Base })
	if i < 0 {
		return nil
	}
	return &p.st.CashReport[i]
}

// mayBeBase reports whether nothing in the statement says that another currency is the base.
func (p *planner) mayBeBase(c ledger.Currency) bool {
	if p.st.BaseCurrency != "" {
		return c == p.st.BaseCurrency
	}
	rate := p.rateOf(c)
	return rate.IsZero() || rate.Equal(unit)
}

// rateOf returns the first rate to base that the statement's rows give for a currency, else the one
// that it gives by itself; zero if none.
func (p *planner) rateOf(c ledger.Currency) ledger.Decimal {
	for currency, rate := range p.st.eachRate() {
		if currency == c {
			return rate
		}
	}
	return p.st.rates[c]
}

// brokerFigures collects what the book is to be held against.
func (p *planner) brokerFigures() {
	b := &p.Broker
	closings := 0 // about so many
	for _, e := range p.events {
		if e.trade != nil && !e.void && e.side != "O" {
			closings++
		}
	}
	b.Closings = make([]reconcile.Closing, 0, closings)
	for _, e := range p.events {
		if e.trade == nil || e.void || e.trade.Instrument.SecType == ledger.Forex {
			continue
		}
		if real := e.real(); real.Valid && (!real.Value.IsZero() || e.closes()) {
			b.Closings = append(b.Closings, reconcile.Closing{ExecID: e.trade.ExecID, Instrument: *e.trade.Instrument,
				Quantity: e.trade.Quantity, Realized: real.Value})
		}
	}
	b.AllPositions = p.st.HasPositions
	for i := range p.st.Positions {
		pos := &p.st.Positions[i]
		if pos.SecType == ledger.Forex {
			continue
		}
		b.Positions = append(b.Positions, reconcile.Position{Instrument: p.instrument(pos.Contract), Quantity: pos.Quantity,
			Basis: pos.CostBasis.pointer(), Mark: pos.Mark.pointer()})
	}
	for _, c := range p.cashReport() {
		if c.Ending.Valid && !p.unsettledBefore(c) {
			b.Cash = append(b.Cash, reconcile.Cash{Currency: c.Currency, Balance: c.Ending.Value, Partial: !p.st.HasCash})
		}
	}
}

// unsettledBefore reports whether futures or CFDs in the currency were held before the book began
// or the statement did: their P&L up to then is in the balance it starts with, and nothing tells
// how much that was.
func (p *planner) unsettledBefore(c CashBalance) bool {
	var before []ledger.Instrument
	for _, l := range p.Inferred {
		before = append(before, l.Instrument)
	}
	for _, o := range p.past.openings {
		before = append(before, o.Instrument)
	}
	for _, inst := range before {
		if inst.Currency == c.Currency && (inst.SecType == ledger.Future || inst.SecType == ledger.CFD) {
			p.issue(c.Line, "cash report", "cash in %s not compared: %s was held before the book began", c.Currency, inst)
			return true
		}
	}
	return false
}
