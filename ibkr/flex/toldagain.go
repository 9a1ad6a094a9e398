package flex

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ai-ots/accounts/ledger"
)

// ErrLevels is returned for a statement of orders where the book has executions of the same contract and day, or
// the other way around, and the two do not tell the same: nobody could say which of them are in both.
var ErrLevels = errors.New("statement tells at another level of detail what the book has, and not the same")

// orderPrefix begins the ids of trades that stand for all executions of an order.
const orderPrefix = "order-"

// orderName is the id of a row that stands for several executions: of its order, contract and day. The order's id
// comes first, for what tells its executions to be found by.
func (t *Trade) orderName() ledger.ExecID {
	if t.OrderID == "" {
		return orderPrefix + t.words()
	}
	return ledger.ExecID(fmt.Sprintf("%s%s-%d-%s", orderPrefix, t.OrderID, t.ConID, t.Time.Format("20060102")))
}

// side is what one contract was bought, or sold, on one day.
type side struct {
	key  ledger.InstrumentKey
	day  ledger.Date
	sold bool
}

// sideTrades are what statement and book tell of a side by different ids.
type sideTrades struct {
	told []*event       // by the statement, and not in the book by their ids
	had  []ledger.Trade // in the book, and not in the statement by their ids
}

// leaveOutTold takes out what the book has at another level of detail: executions of the orders that the
// statement tells, or orders of its executions. ErrLevels if they do not tell the same.
func (p *planner) leaveOutTold() error {
	sides, order := p.sidesOfTwoLevels()
	for _, s := range order {
		again, err := sides[s].again(s)
		if err != nil {
			return err
		}
		p.leaveOut(s, again)
	}
	return nil
}

// sidesOfTwoLevels finds the sides of which the statement or the book tells orders, in the order of the statement's
// trades.
func (p *planner) sidesOfTwoLevels() (sides map[side]*sideTrades, order []side) {
	if len(p.past.inForce) == 0 {
		return nil, nil
	}
	sides = map[side]*sideTrades{}
	orders := map[side]bool{}
	for _, e := range p.events {
		if e.row == nil || e.void || e.known || e.row.cancels() {
			continue
		}
		s := side{e.instrument.Key(), p.st.day(e.at), e.trade.Quantity.IsNeg()}
		if sides[s] == nil {
			sides[s] = &sideTrades{}
			order = append(order, s)
		}
		sides[s].told = append(sides[s].told, e)
		orders[s] = e.row.Level != ""
	}
	for id, t := range p.past.inForce {
		s := side{p.named(t.Instrument), p.st.day(t.Time), t.Quantity.IsNeg()}
		_, inStatement := p.ids[t.ExecID]
		if sides[s] == nil || inStatement || p.gone[id] || t.Kind == ledger.Corporate || !orders[s] && !strings.HasPrefix(id, orderPrefix) {
			continue
		}
		sides[s].had = append(sides[s].had, t)
	}
	order = slices.DeleteFunc(order, func(s side) bool { return len(sides[s].had) == 0 })
	return sides, order
}

// again returns the events that the book has at the other level.
func (t *sideTrades) again(s side) (all []*event, err error) {
	told, had := byOrder(t.told, func(e *event) string { return e.row.OrderID }), byOrder(t.had, func(t ledger.Trade) string { return orderOf(t.ExecID) })
	for _, id := range slices.Sorted(maps.Keys(told)) { // an order that both name
		if id == "" || len(had[id]) == 0 {
			continue
		}
		if err := same(s, told[id], had[id]); err != nil {
			return nil, err
		}
		all = append(all, told[id]...)
		delete(told, id)
		delete(had, id)
	}
	named := len(told[""]) == 0 && len(had[""]) == 0
	if len(told) == 0 || len(had) == 0 || named { // different orders
		return all, nil
	}
	rest := slices.Concat(slices.Collect(maps.Values(told))...)
	if err := same(s, rest, slices.Concat(slices.Collect(maps.Values(had))...)); err != nil {
		return nil, err
	}
	return append(all, rest...), nil
}

func byOrder[T any](list []T, id func(T) string) map[string][]T {
	out := map[string][]T{}
	for _, v := range list {
		out[id(v)] = append(out[id(v)], v)
	}
	return out
}

// orderOf is the broker's id of the order that a recorded trade stands for; empty if the trade is no order, or
// its id does not tell.
func orderOf(id ledger.ExecID) string {
	name, is := strings.CutPrefix(string(id), orderPrefix)
	if !is || strings.HasPrefix(name, "row-") {
		return ""
	}
	order, _, _ := strings.Cut(name, "-")
	return order
}

// same returns ErrLevels unless the two sum up to the same quantity and, but for the rounding of averaged prices,
// the same money.
func same(s side, told []*event, had []ledger.Trade) error {
	var quantity, money, other, otherMoney ledger.Decimal
	for _, e := range told {
		quantity, money = quantity.Add(e.trade.Quantity), money.Add(e.gross())
	}
	for _, t := range had {
		other, otherMoney = other.Add(t.Quantity), otherMoney.Add(t.Amount())
	}
	if quantity.Equal(other) && !money.Sub(otherMoney).Abs().GreaterThan(money.Abs().Mul(thousandth)) {
		return nil
	}
	return fmt.Errorf("%w: on %s the rows from line %d on tell %s of %s for %s, and the book has %s for %s at the other level: "+
		"import statements of executions alone", ErrLevels, s.day, told[0].line, quantity, s.key, money, other, otherMoney)
}

// leaveOut takes events out of the plan that the book has otherwise.
func (p *planner) leaveOut(s side, again []*event) {
	if len(again) == 0 {
		return
	}
	gone := map[*event]bool{}
	for _, e := range again {
		gone[e] = true
		delete(p.Rows, e.trade.ExecID)
		p.Facts = slices.DeleteFunc(p.Facts, func(f ledger.Fact) bool {
			m, ok := f.(ledger.CashMovement)
			return ok && m.ID == commissionPrefix+string(e.trade.ExecID)
		})
	}
	p.events = slices.DeleteFunc(p.events, func(e *event) bool { return gone[e] })
	p.again = append(p.again, again...)
	p.Issues = append(p.Issues, Issue{Line: again[0].line, Section: "trade", Rows: len(again),
		Text: fmt.Sprintf("the book has %s of %s at another level of detail: not booked again", s.key, s.day)})
}
