package gatewaysim

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Quote is the price of a contract. Zero stands for no price.
type Quote struct {
	Bid, Ask, Last ledger.Decimal
	// Mark is the price at which positions are valued: the middle of Bid and Ask, or else Last, if
	// zero.
	Mark ledger.Decimal
	// Close is the last close of the exchange.
	Close ledger.Decimal
	// Halted, Delayed and Closed mark the last price: trading is halted, which fills nothing; the
	// prices are delayed; the price is of an earlier close.
	Halted, Delayed, Closed bool
}

// quote is a quote, when it came, and how much has filled at it.
type quote struct {
	Quote
	at        time.Time
	filled    ledger.Decimal
	high, low ledger.Decimal // of the last price, since the market began
	volume    int64          // likewise: a round lot for every quote
}

// price returns the side of the quote at which an order of the sign fills.
func (q *quote) price(buy bool) ledger.Decimal {
	if buy {
		return q.Ask
	}
	return q.Bid
}

// SetQuote sets the quote of a contract, and fills what can be filled at it. It returns ErrUnknown
// for a contract that is not there, and an error for an ask below the bid.
func (m *Market) SetQuote(conid int64, q Quote) error {
	m.lock()
	defer m.mu.Unlock()
	if m.contracts[conid] == nil {
		return fmt.Errorf("quote of contract %d: %w", conid, ErrUnknown)
	}
	if !q.Bid.IsZero() && !q.Ask.IsZero() && q.Ask.LessThan(q.Bid) {
		return fmt.Errorf("quote of contract %d: ask %s is below the bid of %s", conid, q.Ask, q.Bid)
	}
	m.setQuote(conid, q)
	return nil
}

// SetPrice sets bid, ask and last of a contract to one price.
func (m *Market) SetPrice(conid int64, price ledger.Decimal) error {
	return m.SetQuote(conid, Quote{Bid: price, Ask: price, Last: price})
}

func (m *Market) setQuote(conid int64, q Quote) {
	if q.Mark.IsZero() {
		q.Mark = q.Last
		if !q.Bid.IsZero() && !q.Ask.IsZero() {
			q.Mark = q.Bid.Add(q.Ask).Mul(half)
		}
	}
	before := m.quotes[conid]
	if q.Close.IsZero() && before != nil {
		q.Close = before.Close
	}
	m.quotes[conid] = before.then(q, m.now)
	for _, g := range m.gateways {
		g.tellQuote(conid)
	}
	m.match(conid)
}

// then returns the quote that comes after one, which is nil for the first.
func (q *quote) then(next Quote, at time.Time) *quote {
	out := &quote{Quote: next, at: at, high: next.Last, low: next.Last, volume: roundLot}
	if q != nil {
		out.volume += q.volume
		if q.high.GreaterThan(next.Last) {
			out.high = q.high
		}
		if q.low.LessThan(next.Last) && !q.low.IsZero() {
			out.low = q.low
		}
	}
	return out
}

const roundLot = 100

// QuoteOf returns the quote of a contract; false if it has none.
func (m *Market) QuoteOf(conid int64) (Quote, bool) {
	m.lock()
	defer m.mu.Unlock()
	q := m.quotes[conid]
	if q == nil {
		return Quote{}, false
	}
	return q.Quote, true
}

// mark returns the price at which positions in a contract are valued; zero if there is none.
func (m *Market) mark(conid int64) ledger.Decimal {
	if q := m.quotes[conid]; q != nil {
		return q.Mark
	}
	return ledger.Decimal{}
}
