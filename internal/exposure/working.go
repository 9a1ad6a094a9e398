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
	return risk.WorkingOrder{Order: *w.Order, Filled: w.filled, HeldAt: w.heldAt}
}
