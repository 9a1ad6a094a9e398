package paper

import (
	"fmt"
	"slices"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

// quoted is a quote, and how much has filled at it.
type quoted struct {
	broker.Quote
	filled ledger.Decimal
	mark   ledger.Mark // of this quote or, if it tells no price, of the newest that did
}

// Quote sets quotes, one after another, and fills what can be filled at each. It returns
// ErrInvalid, and sets none, for a wrong contract, an ask below the bid, and a price that is too
// large, or negative and not of a future.
func (b *Broker) Quote(quotes ...broker.Quote) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	quotes = slices.Clone(quotes)
	for n := range quotes {
		if err := check(&quotes[n]); err != nil {
			return err
		}
	}
	for _, q := range quotes {
		if q.Time.IsZero() {
			q.Time = b.now()
		}
		key := q.Instrument.Key()
		plain := q // positions are marked at the price of a halt, too
		plain.Delayed, plain.Halted, plain.Closing = false, false, false
		mark, tells := plain.Mark()
		if before := b.quotes[key]; !tells {
			mark = ledger.Mark{}
			if before != nil {
				mark = before.mark
			}
		}
		b.quotes[key] = &quoted{Quote: q, mark: mark}
		b.hint(broker.EventQuotes, "")
		b.match(key)
	}
	return nil
}

// check normalizes a quote's contract and checks the prices.
func check(q *broker.Quote) error {
	if err := q.Instrument.Normalize(); err != nil {
		return err
	}
	v := &invalid.Error{What: "quote"}
	for field, price := range map[string]ledger.Decimal{"Bid": q.Bid, "Ask": q.Ask, "Last": q.Last} {
		num.CheckAmount(v, field, price)
		v.Check(!price.IsNeg() || q.Instrument.SecType == ledger.Future, field, "%s is negative", price)
	}
	v.Check(q.Bid.IsZero() || q.Ask.IsZero() || !q.Ask.LessThan(q.Bid), "Ask", "%s is below the bid of %s", q.Ask, q.Bid)
	if err := v.Err(); err != nil {
		return fmt.Errorf("quote of %s: %w", q.Instrument.Key(), err)
	}
	return nil
}

// Price sets a quote around a price: bid and ask are half of Options.Spread away from it, rounded
// to six places.
func (b *Broker) Price(i ledger.Instrument, price ledger.Decimal) error {
	away := num.Half(price.Abs().Mul(b.options.Spread))
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

// match fills the orders in a contract as far as its quote goes, in the order in which they came,
// whatever their accounts.
func (b *Broker) match(key ledger.InstrumentKey) {
	q := b.quotes[key]
	if q == nil || q.Halted || b.shut {
		return
	}
	for _, o := range b.working[key] {
		b.fill(o, q)
	}
	b.forget(key)
}

// fill fills an order at a quote if its terms let it.
func (b *Broker) fill(o *order, q *quoted) {
	price := q.Ask
	if o.Quantity.IsNeg() {
		price = q.Bid
	}
	if o.Status != broker.OrderWorking && o.Status != broker.OrderCancelling || price.IsZero() || !o.fillsAt(price) {
		return
	}
	n := o.Quantity.Sub(o.Filled)
	if most := b.options.Liquidity; !most.IsZero() {
		left := most.Sub(q.filled)
		if !left.IsPos() {
			return
		}
		n = num.WithSign(num.Min(left, n.Abs()), n)
	}
	if b.execute(o, n, price) {
		q.filled = q.filled.Add(n.Abs())
	}
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

// execute books a fill. What cannot be booked to the cent does not fill, and ends the order.
func (b *Broker) execute(o *order, quantity, price ledger.Decimal) bool {
	a := o.account
	e := &execution{order: o, Execution: broker.Execution{Account: a.ID, Ref: o.Ref, Trade: ledger.Trade{
		ExecID: ledger.ExecID(fmt.Sprintf("%s.%08x.01.01", b.started, b.count())), Kind: ledger.Execution, Instrument: o.Instrument,
		Quantity: quantity, Price: price, Time: b.now(),
	}}}
	told := e.Trade
	if b.options.Commission != nil {
		e.commission = b.options.Commission(&told)
	}
	told = e.Trade
	told.Commission = e.commission
	if err := bookable(told); err != nil {
		b.turn(o, broker.OrderCancelled, err.Error())
		return false
	}
	o.Filled, o.Time = o.Filled.Add(quantity), e.Trade.Time
	if o.Filled.Equal(o.Quantity) {
		o.Status = broker.OrderFilled
	}
	a.book(&e.Trade, 1)
	if e.Trade.CommissionPending = b.options.LateCommissions; !b.options.LateCommissions {
		e.tell(a)
	}
	a.executions = append(a.executions, e)
	b.hint(broker.EventExecutions, a.ID)
	b.hint(broker.EventOrders, a.ID)
	b.hint(broker.EventPositions, a.ID)
	return true
}

// bookable returns what keeps a trade out of a journal.
func bookable(t ledger.Trade) error { return t.Normalize() }

// pricePlaces is how many places a quote made by Price has.
const pricePlaces = 6
