package broker

import (
	"encoding/json"
	"time"

	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
)

// Answer is what a broker says of a list. Its memory is the caller's.
type Answer[T any] struct {
	List []T       `json:"list"`
	AsOf time.Time `json:"as_of"` // what was so at this time is in the list; later changes may be
	// Complete says that what the list lacks is not there. A list that is not complete proves
	// nothing of what it lacks.
	Complete bool `json:"complete"`
	// Foreign is how many rows of other accounts the broker sent along. They are not in the list.
	Foreign int `json:"foreign,omitempty"`
}

// MarshalJSON writes an empty list as [].
func (a Answer[T]) MarshalJSON() ([]byte, error) {
	type plain Answer[T]
	a.List = wire.List(a.List)
	return json.Marshal(plain(a))
}

// Position is what an account holds of a contract. A contract of which nothing is held may be
// listed.
type Position struct {
	Instrument ledger.Instrument `json:"instrument"`
	Quantity   ledger.Decimal    `json:"quantity"` // negative for short
	// Average is the broker's average cost of a unit in the contract's currency, without the
	// multiplier; zero if not known. It is no FIFO basis.
	Average ledger.Decimal `json:"average,omitzero"`
	Mark    ledger.Mark    `json:"mark,omitzero"` // with the broker's own time; zero if the broker gave none
}

// Balance is an account's cash in one currency.
type Balance struct {
	Currency ledger.Currency `json:"currency"`
	// Cash is settled or not, and negative for money that is owed. What open futures and CFDs have
	// gained is in it, at the marks of the positions, as brokers settle it every day.
	Cash ledger.Decimal `json:"cash"`
	// Settled is the part that has settled; nil if the broker does not say.
	Settled *ledger.Decimal `json:"settled,omitempty"`
	// Rate is the worth of one unit in the account's base currency; zero if not known.
	Rate ledger.Decimal `json:"rate,omitzero"`
}

// Quote is the market's price of a contract.
type Quote struct {
	Instrument ledger.Instrument `json:"instrument"`
	// Bid, Ask and Last are zero where there is none, and negative for futures alone.
	Bid  ledger.Decimal `json:"bid,omitzero"`
	Ask  ledger.Decimal `json:"ask,omitzero"`
	Last ledger.Decimal `json:"last,omitzero"`
	Time time.Time      `json:"time"` // when the prices held, by the broker
	// Delayed, Halted and Closing say why the prices may be no price of now: they are delayed by
	// the exchange, of a halted contract, or of an earlier close.
	Delayed bool `json:"delayed,omitempty"`
	Halted  bool `json:"halted,omitempty"`
	Closing bool `json:"closing,omitempty"`
}

// Mark returns the quote as a mark: the middle of bid and ask, or else the last price; false for a
// quote that is no price of now.
func (q *Quote) Mark() (ledger.Mark, bool) {
	m := ledger.Mark{Instrument: q.Instrument, Price: q.Last, Time: q.Time}
	if q.tells(q.Bid) && q.tells(q.Ask) && !q.Ask.LessThan(q.Bid) {
		m.Price = q.Bid.Add(q.Ask).Mul(half)
	}
	return m, !q.Delayed && !q.Halted && !q.Closing && q.tells(m.Price) && !q.Time.IsZero()
}

// tells reports whether a price of the quote is one.
func (q *Quote) tells(price ledger.Decimal) bool {
	return price.IsPos() || price.IsNeg() && q.Instrument.SecType == ledger.Future
}

var half = ledger.MustDecimal("0.5")
