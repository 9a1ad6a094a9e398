package main

import (
	"fmt"
	"time"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts"
)

// What trading costs.
const (
	commissionText = "2.50" // per trade
	spreadText     = "0.1"  // percent of the price, of which a trade pays half
	currency       = accounts.Currency("USD")
)

var (
	commission = udecimal.MustParse(commissionText)
	halfSpread = udecimal.MustParse(spreadText).Mul(udecimal.MustParse("0.005"))
)

// paperAccount is one account at the paper broker: it fills market orders whole, at the next opening
// of their symbol. It keeps its own books, for the library's to be held against.
type paperAccount struct {
	id      string // the broker's
	cash    accounts.Decimal
	shares  map[string]accounts.Decimal
	working []accounts.Order
	fills   int
}

func newPaperAccount(id string, cash accounts.Decimal) *paperAccount {
	return &paperAccount{id: id, cash: cash, shares: map[string]accounts.Decimal{}}
}

// send takes an order.
func (a *paperAccount) send(o accounts.Order) { a.working = append(a.working, o) }

// open fills the orders of every symbol that has an opening price.
func (a *paperAccount) open(at time.Time, prices map[string]accounts.Decimal) []accounts.Trade {
	var fills []accounts.Trade
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
func (a *paperAccount) fill(o accounts.Order, price accounts.Decimal, at time.Time) accounts.Trade {
	paid := price.Mul(halfSpread)
	if o.Quantity.IsNeg() {
		paid = paid.Neg()
	}
	a.fills++
	t := accounts.Trade{
		ExecID: accounts.ExecID(fmt.Sprintf("%s-%06d", a.id, a.fills)), OrderID: o.ID, Instrument: o.Instrument,
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
func (a *paperAccount) statement() accounts.BrokerStatement {
	s := accounts.BrokerStatement{AllPositions: true, Cash: []accounts.BrokerCash{{Currency: currency, Balance: a.cash}}}
	for _, symbol := range sortedKeys(a.shares) {
		if quantity := a.shares[symbol]; !quantity.IsZero() {
			s.Positions = append(s.Positions, accounts.BrokerPosition{Instrument: stock(symbol), Quantity: quantity})
		}
	}
	return s
}
