package paper

import (
	"fmt"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

// quoted is a quote, and how much has filled at it.
type quoted struct {
	broker.Quote
	filled ledger.Decimal
}

// Quote sets quotes, one after another, and fills what can be filled at each. It returns ErrInvalid for a
// wrong contract, and for an ask below the bid; quotes before that one count.
func (b *Broker) Quote(quotes ...broker.Quote) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, q := range quotes {
		if err := q.Instrument.Normalize(); err != nil {
			return err
		}
		if q.Bid.IsPos() && q.Ask.IsPos() && q.Ask.LessThan(q.Bid) {
			return fmt.Errorf("%w: quote of %s: ask %s below bid %s", broker.ErrInvalid, q.Instrument, q.Ask, q.Bid)
		}
		if q.Time.IsZero() {
			q.Time = b.now()
		}
		b.quotes[q.Instrument.Key()] = &quoted{Quote: q}
		b.hint(broker.EventQuotes, "")
		b.match(q.Instrument.Key())
	}
	return nil
}

// Price sets a quote around a price: bid and ask are half of Options.Spread away from it, rounded to six
// places.
func (b *Broker) Price(i ledger.Instrument, price ledger.Decimal) error {
	away := num.Half(price.Mul(b.options.Spread))
	return b.Quote(broker.Quote{Instrument: i, Bid: price.Sub(away).RoundBank(pricePlaces), Ask: price.Add(away).RoundBank(pricePlaces), Last: price})
}

// CloseMarket closes the market: nothing fills until OpenMarket. Prices can be set.
func (b *Broker) CloseMarket() { b.setShut(true) }

// OpenMarket opens the market. Orders fill at the next price.
func (b *Broker) OpenMarket() { b.setShut(false) }

func (b *Broker) setShut(shut bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shut = shut
}

// match fills the orders in a contract as far as its quote goes, in the order in which they came.
func (b *Broker) match(key ledger.InstrumentKey) {
	q := b.quotes[key]
	if q == nil || q.Halted || b.shut {
		return
	}
	for _, id := range b.ids() {
		a := b.accounts[id]
		for _, o := range a.working {
			if o.Instrument.Key() == key {
				b.fill(a, o, q)
			}
		}
		a.forget()
	}
}

// fill fills an order at a quote if its terms let it.
func (b *Broker) fill(a *account, o *order, q *quoted) {
	price := q.Ask
	if o.Quantity.IsNeg() {
		price = q.Bid
	}
	if price.IsZero() || !o.fillsAt(price) {
		return
	}
	n := o.Quantity.Sub(o.Filled)
	if most := b.options.Liquidity; !most.IsZero() {
		if left := most.Sub(q.filled); left.LessThan(n.Abs()) {
			n = num.WithSign(left, n)
		}
	}
	if n.IsZero() {
		return
	}
	q.filled, o.Filled, o.Time = q.filled.Add(n.Abs()), o.Filled.Add(n), b.now()
	if o.Filled.Equal(o.Quantity) {
		o.Status = broker.OrderFilled
	}
	b.execute(a, o, n, price)
}

// fillsAt reports whether the terms let the order fill at a price, which may reach its stop.
func (o *order) fillsAt(price ledger.Decimal) bool {
	worse := func(limit ledger.Decimal) bool { // than the limit
		if o.Quantity.IsNeg() {
			return price.LessThan(limit)
		}
		return price.GreaterThan(limit)
	}
	t := &o.Terms
	if t.Type == broker.StopOrder || t.Type == broker.StopLimitOrder {
		o.triggered = o.triggered || worse(t.Stop) || price.Equal(t.Stop)
		if !o.triggered {
			return false
		}
	}
	return t.Type == broker.MarketOrder || t.Type == broker.StopOrder || !worse(t.Limit)
}

// execute books a fill.
func (b *Broker) execute(a *account, o *order, quantity, price ledger.Decimal) {
	t := ledger.Trade{
		ExecID: ledger.ExecID(fmt.Sprintf("00010001.%08x.01.01", b.count())), Kind: ledger.Execution, Instrument: o.Instrument,
		Quantity: quantity, Price: price, Time: b.now(),
	}
	e := &execution{Execution: broker.Execution{Account: a.ID, Ref: o.Ref, Trade: t}}
	if b.options.Commission != nil {
		e.commission = b.options.Commission(&t)
	}
	a.book(&e.Trade, 1)
	if e.Trade.CommissionPending = b.options.LateCommissions; !b.options.LateCommissions {
		e.tell(a)
	}
	a.executions = append(a.executions, e)
	b.hint(broker.EventExecutions, a.ID)
	b.hint(broker.EventOrders, a.ID)
}

// pricePlaces is how many places a quote made by Price has.
const pricePlaces = 6
