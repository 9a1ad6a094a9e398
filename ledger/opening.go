package ledger

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/invalid"
)

// Opening is a position that was held before the journal began, with its cost basis. It moves no
// cash. Its lots are all long or all short. No lot was opened after Time. Where a change of history
// left a position in the other direction, the lots close what they meet, as a trade at their basis
// would.
type Opening struct {
	ID         string     `json:"id"` // required; makes it idempotent
	Instrument Instrument `json:"instrument"`
	Lots       []Lot      `json:"lots"`
	FXRate     Decimal    `json:"fx_rate,omitzero"`
	// Price is the contract's price at Time, per unit, in its currency. Zero means that the price
	// is not known; the position then counts as capital with its basis. MarketRate is as that of a
	// [CashMovement]. The portfolio fills in both, if it knew them at Time.
	Price      Decimal   `json:"price,omitzero"`
	MarketRate Decimal   `json:"market_rate,omitzero"`
	Time       time.Time `json:"time"`
}

// Worth returns what the position adds to equity, and so to capital, in the contract's currency:
// its value at Price; for futures and CFDs the gain at Price over the basis, zero without a price.
func (o *Opening) Worth() Decimal {
	var quantity, basis Decimal
	for _, l := range o.Lots {
		quantity, basis = quantity.Add(l.Quantity), basis.Add(l.Basis)
	}
	return worth(&o.Instrument, quantity, basis, o.Price)
}

// worth returns what a quantity that comes with a basis adds to equity, in the contract's currency:
// its value at the price, or the basis where the price is zero, for none; for futures and CFDs the
// gain over the basis, zero without a price.
func worth(i *Instrument, quantity, basis, price Decimal) Decimal {
	switch settles := i.SettlesNotional(); {
	case price.IsZero() && settles:
		return basis
	case price.IsZero():
		return Decimal{}
	case settles:
		return worthAtPrice(i, quantity, price)
	}
	return worthAtPrice(i, quantity, price).Sub(basis)
}

// worthAtPrice returns quantity × price × multiplier, in the contract's currency.
func worthAtPrice(i *Instrument, quantity, price Decimal) Decimal {
	return num.Convert(num.Convert(quantity, price), i.Multiplier)
}

// InBase returns Worth in base currency; false if the opening has no rate.
func (o *Opening) InBase(base Currency) (Decimal, bool) {
	rate, rated := capitalRate(o.Instrument.Currency, base, o.FXRate, o.MarketRate)
	return num.Convert(o.Worth(), rate), rated
}

// capitalRate returns the conversion rate at which capital in kind counts: the fact's own, or else
// that of the market; false if there is none.
func capitalRate(currency, base Currency, own, market Decimal) (Decimal, bool) {
	switch {
	case currency == base:
		return num.One, true
	case own.IsZero():
		return market, !market.IsZero()
	}
	return own, true
}

// normalize checks every field, trims the decimals and cuts times to microseconds in UTC.
func (o *Opening) normalize() error {
	v := &invalid.Error{What: "opening balance"}
	checkID(v, o.ID)
	v.Check(len(o.Lots) > 0, "Lots", "is empty")
	v.Check(o.Instrument.SecType != Forex, "Instrument", "is a currency pair: open a cash balance")
	num.CheckRate(v, "FXRate", o.FXRate)
	num.CheckRate(v, "MarketRate", o.MarketRate)
	checkPrice(v, &o.Instrument, o.Price)
	checkTime(v, "Time", o.Time)
	lots := checkLots(v, o.Lots, o.Time)
	err := v.Err()
	if err == nil {
		err = o.Instrument.Normalize()
	}
	if err != nil {
		return fmt.Errorf("opening balance %.60q in %s: %w", o.ID, o.Instrument.Key(), err)
	}
	o.FXRate, o.MarketRate, o.Price = num.Trim(o.FXRate), num.Trim(o.MarketRate), num.Trim(o.Price)
	o.Lots, o.Time = lots, wire.Time(o.Time)
	return nil
}

// checkPrice notes a price that is negative though the contract is no future, or out of bounds.
func checkPrice(v *invalid.Error, i *Instrument, price Decimal) {
	v.Check(!price.IsNeg() || i.SecType == Future, "Price", "%s is negative", price)
	num.CheckAmount(v, "Price", price)
}

// checkLots notes what is wrong about lots that came at a time, and returns them normalized; nil
// for none.
func checkLots(v *invalid.Error, list []Lot, at time.Time) []Lot {
	if len(list) == 0 {
		return nil
	}
	lots := make([]Lot, len(list))
	for i, l := range list {
		field := fmt.Sprintf("Lots[%d].", i)
		v.Check(!l.Quantity.IsZero(), field+"Quantity", "is zero")
		num.CheckAmount(v, field+"Quantity", l.Quantity)
		v.Check(l.Quantity.IsNeg() == list[0].Quantity.IsNeg(), field+"Quantity",
			"%s has another sign than the first", l.Quantity)
		num.CheckAmount(v, field+"Basis", l.Basis)
		checkTime(v, field+"OpenedAt", l.OpenedAt)
		v.Check(!l.OpenedAt.After(at), field+"OpenedAt",
			"%s is after the time at which the lot came", l.OpenedAt.UTC().Format(time.RFC3339))
		v.Check(l.ExecID == "" || validExecID(l.ExecID), field+"ExecID",
			"%.120q is not at most 100 bytes of printable ASCII", l.ExecID)
		l.Quantity, l.Basis, l.OpenedAt = num.Trim(l.Quantity), num.Trim(l.Basis), wire.Time(l.OpenedAt)
		lots[i] = l
	}
	return lots
}

func (o *Opening) appendFields(b []byte) []byte { return wire.AppendFields(b, (*storedOpening)(o)) }
func (Opening) fact()                           {}
func (o *Opening) kind() EntryKind              { return KindOpening }
func (o *Opening) when() time.Time              { return o.Time }
func (o *Opening) entryKey() string             { return "o:" + o.ID }
func (o *Opening) currency() Currency           { return o.Instrument.Currency }

func (o *Opening) unrated() inKind {
	was := *o
	was.FXRate = Decimal{}
	return &was
}
