package main

import (
	"fmt"
	"time"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
	"github.com/ai-ots/accounts/risk"
)

// What trading costs.
const (
	commissionText = "2.50" // per trade
	spreadText     = "0.1"  // percent of the price, of which a trade pays half
	currency       = ledger.Currency("USD")
)

var (
	commission = udecimal.MustParse(commissionText)
	halfSpread = udecimal.MustParse(spreadText).Mul(udecimal.MustParse("0.005"))
)

// paperAccount is one account at the paper broker: it fills market orders whole, at the next opening
// of their symbol. It keeps its own books, for the library's to be held against.
type paperAccount struct {
	id      string // the broker's
	cash    ledger.Decimal
	shares  map[string]ledger.Decimal
	working []risk.Order
	fills   int
}

func newPaperAccount(id string, cash ledger.Decimal) *paperAccount {
	return &paperAccount{id: id, cash: cash, shares: map[string]ledger.Decimal{}}
}

// send takes an order.
func (a *paperAccount) send(o risk.Order) { a.working = append(a.working, o) }

// open fills the orders of every symbol that has an opening price.
func (a *paperAccount) open(at time.Time, prices map[string]ledger.Decimal) []ledger.Trade {
	var fills []ledger.Trade
	left := a.working[:0]
	for _, o := range a.working {
		price, traded := prices[o.Instrument.Symbol]
		if !traded {
			left = append(left, o)
			continue
		}
		fills = append(fills, a.fill(o, price, at))
	}
	a.working = left
	return fills
}

// fill is the execution of an order: whoever takes liquidity pays half the spread.
func (a *paperAccount) fill(o risk.Order, price ledger.Decimal, at time.Time) ledger.Trade {
	paid := price.Mul(halfSpread)
	if o.Quantity.IsNeg() {
		paid = paid.Neg()
	}
	a.fills++
	t := ledger.Trade{
		ExecID: ledger.ExecID(fmt.Sprintf("%s-%06d", a.id, a.fills)), OrderID: o.ID, Instrument: o.Instrument,
		Quantity: o.Quantity, Price: price.Add(paid).RoundBank(pricePlaces), Commission: commission, Time: at,
	}
	a.cash = a.cash.Sub(t.Quantity.Mul(t.Price)).Sub(commission)
	a.shares[o.Instrument.Symbol] = a.shares[o.Instrument.Symbol].Add(t.Quantity)
	return t
}

// split turns old shares into new ones.
func (a *paperAccount) split(symbol string, x split) error {
	scaled, err := a.shares[symbol].Mul(x.numerator).Div(x.denominator)
	if err != nil {
		return fmt.Errorf("split of %s: %w", symbol, err)
	}
	a.shares[symbol] = scaled
	return nil
}

// statement is what the broker says the account holds.
func (a *paperAccount) statement() reconcile.Statement {
	s := reconcile.Statement{AllPositions: true, Cash: []reconcile.Cash{{Currency: currency, Balance: a.cash}}}
	for _, symbol := range sortedKeys(a.shares) {
		if quantity := a.shares[symbol]; !quantity.IsZero() {
			s.Positions = append(s.Positions, reconcile.Position{Instrument: stock(symbol), Quantity: quantity})
		}
	}
	return s
}
