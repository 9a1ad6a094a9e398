package risk

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/text"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

// Order is an order that a strategy wants to send to the broker. A portfolio decides about it, and
// holds its exposure while it works: until fills that name its ID, or a release, end that. A fill
// is a trade in the order's contract and on the order's side. A trade that names the order
// otherwise fills nothing.
type Order struct {
	// ID is chosen by the caller, 1 to 100 bytes. An ID is decided once, whatever the decision.
	ID         ledger.OrderID    `json:"id"`
	Instrument ledger.Instrument `json:"instrument"`
	// Quantity is in units (shares, contracts); negative to sell; never zero.
	Quantity ledger.Decimal `json:"quantity"`
	// Price is the limit or stop price per unit in the contract's currency. Zero stands for an
	// order at the market, which counts at the mark.
	Price ledger.Decimal `json:"price,omitzero"`
	// Strategy is the strategy to whose exposure the order counts; at most 50 bytes.
	Strategy string `json:"strategy,omitempty"`
	// Sector becomes the sector of the order's underlying, with all contracts on it, unless the
	// order only closes a position; at most 50 bytes. Empty leaves the sector as it is.
	Sector string `json:"sector,omitempty"`
	// Signal is the signal that the order was made of, if there is one.
	Signal SignalID `json:"signal,omitempty"`
}

// Normalize fills in the instrument's defaults, trims the decimals and checks every field. After an
// error the order may be changed in part.
//
// Errors:
//   - invalid.Err for a wrong field (an [invalid.Error] that lists all of them);
//   - ledger.ErrInexact for quantity, multiplier and price whose product would not be exact.
func (o *Order) Normalize() error {
	if err := o.normalizeFields(); err != nil {
		return fmt.Errorf("order %.60q in %s: %w", o.ID, o.Instrument.Key(), err)
	}
	return nil
}

// Examine checks an order as Normalize does, and fills in the instrument's defaults, but does not
// trim the decimals of an ordinary order: the journal alone needs them trimmed. It allocates
// nothing for an order that is valid.
func (o *Order) Examine() error {
	i := &o.Instrument
	if i.Complete() != nil || o.Quantity.Prec()+i.Multiplier.Prec()+o.Price.Prec() > num.MaxPlaces ||
		!num.Ordinary(o.Quantity) || !num.Ordinary(o.Price) || !num.Ordinary(i.Multiplier) || o.validate() != nil {
		return o.Normalize()
	}
	return nil
}

// normalizeFields is Normalize without the order's name in errors.
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

// Same reports whether two orders have the same ID and the same terms: contract, quantity, price,
// strategy, sector and signal.
func (o *Order) Same(p *Order) bool {
	return o.ID == p.ID && o.Quantity.Equal(p.Quantity) && o.Price.Equal(p.Price) &&
		o.Strategy == p.Strategy && o.Sector == p.Sector && o.Signal == p.Signal &&
		o.Instrument.Key() == p.Instrument.Key()
}

// OrderKey returns the entry key of the decision about an order: of a [Hold] or a [Refusal].
func OrderKey(id ledger.OrderID) string { return "h:" + string(id) }

// SignalID is the name that the sender of a signal gives it, 1 to [MaxSignalID] bytes.
type SignalID string

// MaxSignalID is the length of a SignalID at most, in bytes. A signal's id, an @ and a profile's id
// of at most 50 bytes make the id of an order.
const MaxSignalID = 49

// WorkingOrder is an order whose exposure is held.
type WorkingOrder struct {
	Order
	Filled ledger.Decimal `json:"filled,omitzero"` // with the order's sign
	HeldAt time.Time      `json:"held_at"`
	// Ref and Terms are those of the order's [Dispatch], and SentAt its time. They are zero while
	// the order has not been sent.
	Ref    string    `json:"ref,omitempty"`
	Terms  string    `json:"terms,omitempty"`
	SentAt time.Time `json:"sent_at,omitzero"`
}

// Remaining returns the quantity that is still to be filled, with the order's sign.
func (w WorkingOrder) Remaining() ledger.Decimal { return w.Quantity.Sub(w.Filled) }
