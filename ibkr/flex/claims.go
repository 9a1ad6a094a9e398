package flex

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// ErrLevels is returned for a statement that tells by orders, or without the broker's ids, what the
// book may have by executions, or the other way around, and for an order that the book has with
// other figures. Nobody could say what is in both, and so nothing is imported.
var ErrLevels = errors.New("the book may have in another form what the statement tells")

// remedy ends what ErrLevels says.
const remedy = "import all days from statements of executions with the broker's ids, or keep to statements of one form"

// claim is a row that the book does not have by any of its ids.
type claim struct {
	line  int
	forms form
	what  string
	day   ledger.Date
}

// spot is where a claim and what the book has are about the same: a contract, or a sort of money,
// and a day.
type spot struct {
	about topic
	key   string // the contract, or kind and currency
	more  string // of money: the contract, and the amount
	day   int    // since 1970
}

// topic is what a spot is about.
type topic uint8

const (
	aboutTrade topic = iota
	aboutCharge
	aboutCash
	aboutAction
	aboutTransfer
)

// claims are what the statement tells and the book does not have by any of its ids: of each form
// one for each spot.
type claims struct {
	at          map[spot][]claim
	first, last int // days
}

// claim notes a row at the spots of its days.
func (p *planner) claim(c claim, spots []spot, days ...ledger.Date) {
	for i, day := range days {
		if !day.Valid() || i > 0 && day == days[i-1] {
			continue
		}
		n := dayNumber(day)
		if len(p.claims.at) == 0 {
			p.claims = claims{map[spot][]claim{}, n, n}
		}
		p.claims.first, p.claims.last = min(p.claims.first, n), max(p.claims.last, n)
		for _, s := range spots {
			s.day, c.day = n, day
			p.claims.add(s, c)
		}
	}
}

func (c *claims) add(s spot, new claim) {
	for _, old := range c.at[s] {
		if old.forms == new.forms {
			return
		}
	}
	c.at[s] = append(c.at[s], new)
}

func dayNumber(d ledger.Date) int { return int(d.Time(time.UTC).Unix() / 86400) }

// claimTrade notes a row that trades or charges.
func (p *planner) claimTrade(row *Trade) {
	if len(p.held.Facts) == 0 {
		return
	}
	key := p.instrument(row.Contract).Key()
	spots := []spot{{about: aboutTrade, key: string(key)}}
	if p.past.charged || row.Quantity.IsZero() {
		spots = append(spots, spot{about: aboutCharge, key: printable(row.Symbol, 50)})
	}
	p.claim(claim{line: row.Line, forms: p.forms(row), what: string(key)}, spots, p.st.day(row.Time), row.TradeDate)
}

// everything stands for any contract and amount.
const everything = "*"

// claimCash notes the cash rows. A row that stands for several, as that of an order may, is about
// every amount, and a row that names no contract is about every contract.
func (p *planner) claimCash() {
	for i := range p.st.Cash {
		row := &p.st.Cash[i]
		if row.Amount.IsZero() || p.cashIDs[i] == "" || p.past.moved[p.cashIDs[i]] {
			continue
		}
		key, amount := cashKey(row.kind(), row.Currency), row.Amount.String()
		if row.Level == summary || row.Type == unreadTrade {
			amount = summary
		}
		var spots []spot
		for _, contract := range []string{printable(row.Symbol, 50), everything} {
			for _, amount := range []string{amount, everything} {
				spots = append(spots, spot{about: aboutCash, key: key, more: contract + "|" + amount})
			}
		}
		c := claim{line: row.Line, forms: formOf(p.cashIDs[i]), what: key + " of " + row.Amount.String()}
		p.claim(c, spots, p.st.day(row.Time), row.ReportDate, row.SettleDate)
	}
}

func cashKey(kind ledger.CashKind, currency ledger.Currency) string {
	return string(kind) + " " + string(currency)
}

// claimActions notes the rows of corporate actions, those that are taken back included.
func (p *planner) claimActions() {
	for i := range p.st.CorporateActions {
		row := &p.st.CorporateActions[i]
		id := row.id()
		if p.past.splits[id] || p.past.recorded(ledger.ExecID(id)) || p.past.cancellations[ledger.ExecID(id)] {
			continue
		}
		key := string(p.instrument(row.Contract).Key())
		c := claim{line: row.Line, forms: formOf(id), what: key}
		p.claim(c, []spot{{about: aboutAction, key: key}}, p.st.day(row.Time), row.ReportDate)
	}
}

// claimTransfers notes the rows of transferred positions.
func (p *planner) claimTransfers() {
	for i := range p.st.Transfers {
		row := &p.st.Transfers[i]
		if id := p.transferIDs[i]; id != "" && !p.past.transfers[id] {
			key := string(p.instrument(row.Contract).Key())
			c := claim{line: row.Line, forms: formOf(id), what: key}
			p.claim(c, []spot{{about: aboutTransfer, key: key}}, p.st.day(row.Time), row.ReportDate)
		}
	}
}

// checkForms returns ErrLevels if the book has something that a claim may tell again: something of
// the same spot, or of a day before or after, under an id of another form; or under an id of what
// its row says, which the statement should repeat.
func (p *planner) checkForms() error {
	if len(p.held.Facts) == 0 {
		return nil
	}
	p.claimCash()
	p.claimActions()
	p.claimTransfers()
	if p.refused != nil || len(p.claims.at) == 0 {
		return p.refused
	}
	p.toldRoots = make(map[string]bool, len(p.told))
	for id := range p.told {
		p.toldRoots[root(id)] = true
	}
	for _, f := range p.held.Facts {
		if err := p.checkFact(f); err != nil {
			return err
		}
	}
	return nil
}

// checkFact is checkForms for one fact of the book.
func (p *planner) checkFact(f ledger.Fact) error {
	switch f := f.(type) {
	case *ledger.Trade:
		it := had{string(f.ExecID), formOfTrade(f), f.Time}
		switch {
		case !p.near(f.Time):
		case f.Kind == ledger.Corporate:
			return p.checkAt(it, aboutAction, string(p.named(f.Instrument)), "")
		case !p.toldRoots[root(f.ExecID)]:
			return p.checkAt(it, aboutTrade, string(p.named(f.Instrument)), "")
		}
	case ledger.CashMovement:
		if p.near(f.Time) && f.Kind != ledger.OpeningCash && !p.toldMoney[f.ID] && !besideTrade(f.ID) {
			return p.checkMovement(&f)
		}
	case ledger.Split:
		if it := (had{f.ID, formOf(f.ID), f.Time}); p.near(f.Time) && !strings.HasPrefix(f.ID, renamePrefix) {
			return cmp.Or(p.checkAt(it, aboutAction, string(p.named(f.From)), ""), p.checkAt(it, aboutAction, string(p.named(f.To)), ""))
		}
	case ledger.Transfer:
		if p.near(f.Time) {
			return p.checkAt(had{f.ID, formOf(f.ID), f.Time}, aboutTransfer, string(p.named(f.Instrument)), "")
		}
	}
	return nil
}

func (p *planner) checkMovement(m *ledger.CashMovement) error {
	it := had{m.ID, formOf(m.ID), m.Time}
	if !isCharge(m.ID) {
		return p.checkAt(it, aboutCash, cashKey(m.Kind, m.Currency), moneySpots(m, it.form)...)
	}
	if it.form == byOwn { // an execution's
		it.form = byExecution
	}
	return p.checkAt(it, aboutCharge, m.Symbol, "")
}

// moneySpots are the contracts and amounts of claims that a recorded movement may be.
func moneySpots(m *ledger.CashMovement, f form) (out []string) {
	contracts, amounts := []string{m.Symbol, ""}, []string{m.Amount.String(), summary}
	if m.Symbol == "" {
		contracts = []string{everything}
	}
	if f == bySummary {
		amounts = []string{everything}
	}
	for _, contract := range contracts {
		for _, amount := range amounts {
			out = append(out, contract+"|"+amount)
		}
	}
	return out
}

// had is something that the book has.
type had struct {
	id   string
	form form
	at   time.Time
}

// near reports whether a time is within a day of a claim's, so that a claim may be of it.
func (p *planner) near(at time.Time) bool {
	day := dayNumber(p.st.day(at))
	return day >= p.claims.first-1 && day <= p.claims.last+1
}

// checkAt returns ErrLevels if a claim may be what the book has at the key, and one of the spots
// there.
func (p *planner) checkAt(it had, about topic, key string, more ...string) error {
	date := p.st.day(it.at)
	day := dayNumber(date)
	for d := day - 1; d <= day+1; d++ {
		for _, m := range more {
			for _, c := range p.claims.at[spot{about, key, m, d}] {
				switch {
				case c.forms&it.form == 0:
					return fmt.Errorf("%w: line %d tells %s on %s, by its %s, and the book has %s of %s, by its %s: %s",
						ErrLevels, c.line, c.what, c.day, c.forms, it.id, date, it.form, remedy)
				case p.shouldRepeat(it.form, about, date, c.day):
					return fmt.Errorf("%w: line %d tells %s on %s, and does not repeat %s of %s, which the book has, by its %s: %s",
						ErrLevels, c.line, c.what, c.day, it.id, date, it.form, remedy)
				}
			}
		}
	}
	return nil
}

// shouldRepeat reports whether the statement, which tells something new for a day, would tell again
// what the book has of a date in the same form if that were something else: an order is told anew
// under another id once it grew.
func (p *planner) shouldRepeat(f form, about topic, date, day ledger.Date) bool {
	if f&(byRow|byOrder) == 0 || about == aboutAction || about == aboutTransfer {
		return false
	}
	if p.st.From.Valid() && p.st.To.Valid() {
		return p.st.From <= date && date <= p.st.To
	}
	return date == day
}

// sameOrder returns ErrLevels if the book has the order of a row with another quantity or other
// money.
func (p *planner) sameOrder(row *Trade, now *plannedTrade) error {
	was, ok := p.past.newest[root(now.ExecID)]
	if row.Level == "" || !ok {
		return nil
	}
	costs, before := now.Commission.Add(now.Taxes), was.Commission.Add(was.Taxes)
	money, had := now.gross(), gross(was)
	sameCosts := was.CommissionPending || now.CommissionPending || before.Equal(costs)
	settled := money.IsZero() && !had.IsZero()
	if was.Quantity.Equal(now.Quantity) && sameCosts && (settled || money.Sub(had).Abs().LessThan(cent)) {
		return nil
	}
	return fmt.Errorf("%w: line %d tells %s of %s on %s for %s at costs of %s, and the book has %s with %s for %s at %s, "+
		"which was told while it was partly filled, or was changed: %s",
		ErrLevels, row.Line, now.Quantity, row.LocalSymbol, p.st.day(row.Time), money, costs, was.ExecID, was.Quantity, had, before, remedy)
}
