package exposure

import (
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// working is an order whose exposure is held. The order itself never changes, and copies share it.
type working struct {
	*risk.Order
	key    ledger.InstrumentKey // the key of the order's instrument
	filled ledger.Decimal       // with the order's sign
	heldAt time.Time
	sent   *risk.Dispatch // nil for an order that was not sent
}

// remaining returns the quantity still to be filled, with the order's sign.
func (w *working) remaining() ledger.Decimal {
	if w.filled.IsZero() {
		return w.Quantity
	}
	return w.Quantity.Sub(w.filled)
}

// public returns the order as reports and checkpoints show it.
func (w *working) public() risk.WorkingOrder {
	o := risk.WorkingOrder{Order: *w.Order, Filled: w.filled, HeldAt: w.heldAt}
	if w.sent != nil {
		o.Ref, o.Terms, o.SentAt = w.sent.Ref, w.sent.Terms, w.sent.Time
	}
	return o
}

// workingOf returns the order of a report or checkpoint, without what is filled.
func workingOf(o *risk.WorkingOrder) *working {
	w := &working{Order: &o.Order, heldAt: o.HeldAt, key: o.Instrument.Key()}
	if o.Ref != "" {
		w.sent = &risk.Dispatch{OrderID: o.ID, Ref: o.Ref, Terms: o.Terms, Time: o.SentAt}
	}
	return w
}
