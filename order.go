package accounts

import (
	"fmt"
	"time"
)

// Order is what a strategy wants to send to the broker. A Portfolio checks it, holds its exposure
// while it works, and lets go of that as fills naming its ID come in, or by Release.
type Order struct {
	ID         OrderID    `json:"id"` // the caller's own, 1 to 100 bytes; decided once, whatever the outcome
	Instrument Instrument `json:"instrument"`
	Quantity   Decimal    `json:"quantity"` // in units (shares, contracts); negative to sell; never zero
	// Price is the limit or stop price per unit in the instrument's currency; zero for an order at
	// the market, which is taken at the mark.
	Price    Decimal  `json:"price,omitzero"`
	Strategy string   `json:"strategy,omitempty"` // whose exposure it counts to; at most 50 bytes
	Sector   string   `json:"sector,omitempty"`   // the underlying's from now on, unless the order only closes what is held; at most 50 bytes
	Signal   SignalID `json:"signal,omitempty"`   // what it came from
}

// normalize fills in the instrument's defaults, trims the decimals and checks every field.
func (o *Order) normalize() error {
	if err := o.normalizeFields(); err != nil {
		return fmt.Errorf("order %.60q in %s: %w", o.ID, o.Instrument.Key(), err)
	}
	return nil
}

func (o *Order) normalizeFields() error {
	if err := o.validate(); err != nil {
		return err
	}
	if err := o.Instrument.normalize(); err != nil {
		return err
	}
	o.Quantity, o.Price = trimZeros(o.Quantity), trimZeros(o.Price)
	units, err := mulExact(o.Quantity, o.Instrument.Multiplier)
	if err == nil {
		_, err = mulExact(units, o.Price)
	}
	return err
}

// validate checks every field but the instrument. It allocates nothing for an order that is valid.
func (o *Order) validate() error {
	v := ValidationError{What: "order"}
	if len(o.ID) < 1 || len(o.ID) > 100 || !isPrintable(string(o.ID), true) {
		v.add("ID", "%.120q is not 1 to 100 printable bytes", o.ID)
	}
	if o.Quantity.IsZero() {
		v.add("Quantity", "is zero")
	}
	checkAmount(&v, "Quantity", o.Quantity)
	if o.Price.IsNeg() && o.Instrument.SecType != Future {
		v.add("Price", "%s is negative", o.Price)
	}
	checkAmount(&v, "Price", o.Price)
	if len(o.Strategy) > 50 || !isPrintable(o.Strategy, true) {
		v.add("Strategy", "%.60q is not at most 50 printable bytes", o.Strategy)
	}
	if len(o.Sector) > 50 || !isPrintable(o.Sector, true) {
		v.add("Sector", "%.60q is not at most 50 printable bytes", o.Sector)
	}
	if len(o.Signal) > maxSignalID || !isPrintable(string(o.Signal), true) {
		v.add("Signal", "%.60q is not at most %d printable bytes", o.Signal, maxSignalID)
	}
	return v.err()
}

// examine is normalize without what an ordinary order does not need: trimming, which matters to the journal
// alone, and working its notional out.
func (o *Order) examine() error {
	i := &o.Instrument
	if i.Complete() != nil || o.Quantity.Prec()+i.Multiplier.Prec()+o.Price.Prec() > maxPlaces ||
		!ordinary(o.Quantity) || !ordinary(o.Price) || !ordinary(i.Multiplier) || o.validate() != nil {
		return o.normalize()
	}
	return nil
}

// ordinary reports whether a number is so small that the product of three is below maxNotional.
func ordinary(d Decimal) bool { return d.Abs().LessThan(million) }

var million = decimalOf(1_000_000)

// same reports whether two orders ask for the same.
func (o *Order) same(p *Order) bool {
	return o.ID == p.ID && o.Quantity.Equal(p.Quantity) && o.Price.Equal(p.Price) && o.Instrument.Key() == p.Instrument.Key()
}

// WorkingOrder is an order whose exposure is held.
type WorkingOrder struct {
	Order
	Filled Decimal   `json:"filled,omitzero"` // with the order's sign
	HeldAt time.Time `json:"held_at"`
}

// Remaining is what is still to be filled, with the order's sign.
func (w WorkingOrder) Remaining() Decimal { return w.Quantity.Sub(w.Filled) }

// working is a WorkingOrder as books keep it: the order itself never changes, and is shared.
type working struct {
	*Order
	key    InstrumentKey // the instrument's
	filled Decimal
	heldAt time.Time
}

func (w *working) remaining() Decimal {
	if w.filled.IsZero() {
		return w.Quantity
	}
	return w.Quantity.Sub(w.filled)
}

func (w *working) public() WorkingOrder {
	return WorkingOrder{Order: *w.Order, Filled: w.filled, HeldAt: w.heldAt}
}

// Hold is the entry of an order that was accepted: its exposure counts from here on.
type Hold struct {
	Order    Order       `json:"order"`
	Warnings []Violation `json:"warnings,omitempty"` // limits that it brought to their warning level
	Time     time.Time   `json:"time"`

	key InstrumentKey // the order's; set when made or decoded
}

// Release is the entry that lets go of what is left of a working order.
type Release struct {
	OrderID OrderID   `json:"order_id"`
	Reason  string    `json:"reason"`
	Time    time.Time `json:"time"`
}

// Refusal is the entry of an order that was not accepted.
type Refusal struct {
	Order      Order       `json:"order"`
	Violations []Violation `json:"violations"`
	Time       time.Time   `json:"time"`
}

// Breach is the entry of a loss or drawdown that came to a level it was not at before.
type Breach struct {
	Rule     Rule      `json:"rule"`
	Severity Severity  `json:"severity"`
	Limit    Decimal   `json:"limit"`
	Actual   Decimal   `json:"actual"`
	Time     time.Time `json:"time"`
}

// StateChange is the entry of a change of the trading state.
type StateChange struct {
	State  TradingState `json:"state"`
	Cause  Rule         `json:"cause,omitempty"` // the rule that was broken; empty for a person's decision
	Reason string       `json:"reason"`
	// Equity and Capital are set by Resume where the day's loss or the drawdown is counted anew from there.
	Equity  Decimal   `json:"equity,omitzero"`
	Capital Decimal   `json:"capital,omitzero"`
	Recount []Rule    `json:"recount,omitempty"` // which of the two
	Time    time.Time `json:"time"`
}

// PolicyChange is the entry of the limits and the status that hold from here on, which is how every process that
// trades the profile comes to know them before it decides.
type PolicyChange struct {
	Version int64         `json:"version"` // the profile's
	Status  ProfileStatus `json:"status"`
	Limits  RiskLimits    `json:"limits"`
	Time    time.Time     `json:"time"`
}

// riskPayload is what an entry about orders and trading holds: a pointer to a Hold, Release, Refusal, Breach,
// StateChange or PolicyChange. The set is closed.
type riskPayload interface {
	kind() EntryKind
	entryKey() string
	when() time.Time
	appendFields(b []byte) []byte
}

// riskKind returns the kind of a payload's entry.
func riskKind(p riskPayload) EntryKind { return p.kind() }

// riskKey returns the key that makes a payload's entry idempotent within its journal; empty for one that need not be.
func riskKey(p riskPayload) string { return p.entryKey() }

// riskFields appends the payload's JSON fields, each behind a comma.
func riskFields(b []byte, p riskPayload) []byte { return p.appendFields(b) }

func (h *Hold) kind() EntryKind         { return KindHold }
func (r *Release) kind() EntryKind      { return KindRelease }
func (r *Refusal) kind() EntryKind      { return KindRefusal }
func (b *Breach) kind() EntryKind       { return KindBreach }
func (s *StateChange) kind() EntryKind  { return KindState }
func (c *PolicyChange) kind() EntryKind { return KindPolicy }

func (h *Hold) when() time.Time         { return h.Time }
func (r *Release) when() time.Time      { return r.Time }
func (r *Refusal) when() time.Time      { return r.Time }
func (b *Breach) when() time.Time       { return b.Time }
func (s *StateChange) when() time.Time  { return s.Time }
func (c *PolicyChange) when() time.Time { return c.Time }

// A hold and a refusal share a key, so that an order is decided once.
func (h *Hold) entryKey() string         { return orderKey(h.Order.ID) }
func (r *Refusal) entryKey() string      { return orderKey(r.Order.ID) }
func (r *Release) entryKey() string      { return "r:" + string(r.OrderID) }
func (b *Breach) entryKey() string       { return "" }
func (s *StateChange) entryKey() string  { return "" }
func (c *PolicyChange) entryKey() string { return fmt.Sprintf("p:%d", c.Version) }

func orderKey(id OrderID) string { return "h:" + string(id) }

// normalize fills in the order's defaults, trims its decimals and checks every field.
func (h *Hold) normalize() error {
	err := h.Order.normalize()
	h.derive()
	return err
}

// Contract returns the key of the order's contract.
func (h *Hold) Contract() InstrumentKey {
	if h.key == "" {
		return h.Order.Instrument.Key()
	}
	return h.key
}

// derive works out the key of the order's contract, which is used often.
func (h *Hold) derive() { h.key = h.Order.Instrument.Key() }

func (h *Hold) appendFields(b []byte) []byte {
	b = append(appendName(b, "order"), '{')
	b = appendString(b, "id", h.Order.ID, false)
	b = h.Order.Instrument.appendObject(b, "instrument")
	b = appendDecimal(b, "quantity", h.Order.Quantity, false)
	b = appendDecimal(b, "price", h.Order.Price, true)
	b = appendString(b, "strategy", h.Order.Strategy, true)
	b = appendString(b, "sector", h.Order.Sector, true)
	b = append(appendString(b, "signal", h.Order.Signal, true), '}')
	if len(h.Warnings) > 0 {
		b = appendJSON(appendName(b, "warnings"), h.Warnings)
	}
	return appendTime(b, "time", h.Time)
}

func (r *Release) appendFields(b []byte) []byte {
	b = appendString(b, "order_id", r.OrderID, false)
	b = appendString(b, "reason", r.Reason, false)
	return appendTime(b, "time", r.Time)
}

func (r *Refusal) appendFields(b []byte) []byte      { return appendRare(b, r) }
func (b *Breach) appendFields(to []byte) []byte      { return appendRare(to, b) }
func (s *StateChange) appendFields(b []byte) []byte  { return appendRare(b, s) }
func (c *PolicyChange) appendFields(b []byte) []byte { return appendRare(b, c) }

// maxReason bounds what people write about their decisions.
const maxReason = 500

// checkReason returns ErrInvalid unless the reason for a person's decision is 1 to 500 printable bytes.
func checkReason(reason string) error {
	if reason == "" || len(reason) > maxReason || !isPrintable(reason, true) {
		return fmt.Errorf("%w: reason is not 1 to %d printable bytes", ErrInvalid, maxReason)
	}
	return nil
}
