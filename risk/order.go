package risk

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/text"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

// Order is what a strategy wants to send to the broker. A Portfolio checks it, holds its exposure
// while it works, and lets go of that as fills naming its ID come in, or by Release.
type Order struct {
	ID         ledger.OrderID    `json:"id"` // the caller's own, 1 to 100 bytes; decided once, whatever the outcome
	Instrument ledger.Instrument `json:"instrument"`
	Quantity   ledger.Decimal    `json:"quantity"` // in units (shares, contracts); negative to sell; never zero
	// Price is the limit or stop price per unit in the instrument's currency; zero for an order at
	// the market, which is taken at the mark.
	Price    ledger.Decimal `json:"price,omitzero"`
	Strategy string         `json:"strategy,omitempty"` // whose exposure it counts to; at most 50 bytes
	Sector   string         `json:"sector,omitempty"`   // the underlying's from now on, unless the order only closes what is held; at most 50 bytes
	Signal   SignalID       `json:"signal,omitempty"`   // what it came from
}

// Normalize fills in the instrument's defaults, trims the decimals and checks every field.
func (o *Order) Normalize() error {
	if err := o.normalizeFields(); err != nil {
		return fmt.Errorf("order %.60q in %s: %w", o.ID, o.Instrument.Key(), err)
	}
	return nil
}

// Examine is normalize without what an ordinary order does not need: trimming, which matters to the journal
// alone, and working its notional out.
func (o *Order) Examine() error {
	i := &o.Instrument
	if i.Complete() != nil || o.Quantity.Prec()+i.Multiplier.Prec()+o.Price.Prec() > num.MaxPlaces ||
		!num.Ordinary(o.Quantity) || !num.Ordinary(o.Price) || !num.Ordinary(i.Multiplier) || o.validate() != nil {
		return o.Normalize()
	}
	return nil
}

// Same reports whether two orders ask for the same.
func (o *Order) Same(p *Order) bool {
	return o.ID == p.ID && o.Quantity.Equal(p.Quantity) && o.Price.Equal(p.Price) && o.Instrument.Key() == p.Instrument.Key()
}

func (o *Order) normalizeFields() error {
	if err := o.validate(); err != nil {
		return err
	}
	if err := o.Instrument.Normalize(); err != nil {
		return err
	}
	o.Quantity, o.Price = num.Trim(o.Quantity), num.Trim(o.Price)
	units, err := num.MulExact(o.Quantity, o.Instrument.Multiplier)
	if err == nil {
		_, err = num.MulExact(units, o.Price)
	}
	return err
}

// validate checks every field but the instrument. It allocates nothing for an order that is valid.
func (o *Order) validate() error {
	v := invalid.Error{What: "order"}
	if len(o.ID) < 1 || len(o.ID) > 100 || !text.Printable(string(o.ID), true) {
		v.Add("ID", "%.120q is not 1 to 100 printable bytes", o.ID)
	}
	if o.Quantity.IsZero() {
		v.Add("Quantity", "is zero")
	}
	num.CheckAmount(&v, "Quantity", o.Quantity)
	if o.Price.IsNeg() && o.Instrument.SecType != ledger.Future {
		v.Add("Price", "%s is negative", o.Price)
	}
	num.CheckAmount(&v, "Price", o.Price)
	if len(o.Strategy) > 50 || !text.Printable(o.Strategy, true) {
		v.Add("Strategy", "%.60q is not at most 50 printable bytes", o.Strategy)
	}
	if len(o.Sector) > 50 || !text.Printable(o.Sector, true) {
		v.Add("Sector", "%.60q is not at most 50 printable bytes", o.Sector)
	}
	if len(o.Signal) > MaxSignalID || !text.Printable(string(o.Signal), true) {
		v.Add("Signal", "%.60q is not at most %d printable bytes", o.Signal, MaxSignalID)
	}
	return v.Err()
}

// WorkingOrder is an order whose exposure is held.
type WorkingOrder struct {
	Order
	Filled ledger.Decimal `json:"filled,omitzero"` // with the order's sign
	HeldAt time.Time      `json:"held_at"`
}

// Remaining is what is still to be filled, with the order's sign.
func (w WorkingOrder) Remaining() ledger.Decimal { return w.Quantity.Sub(w.Filled) }

func OrderKey(id ledger.OrderID) string { return "h:" + string(id) }

// SignalID names a signal, as whoever emits it does. At most 49 bytes: with the profile's id it
// makes the ids of orders.
type SignalID string

const MaxSignalID = 49
