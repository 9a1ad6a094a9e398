package exposure

import (
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// working is a WorkingOrder as books keep it: the order itself never changes, and is shared.
type working struct {
	*risk.Order
	key    ledger.InstrumentKey // the instrument's
	filled ledger.Decimal
	heldAt time.Time
}

func (w *working) remaining() ledger.Decimal {
	if w.filled.IsZero() {
		return w.Quantity
	}
	return w.Quantity.Sub(w.filled)
}

func (w *working) public() risk.WorkingOrder {
	return risk.WorkingOrder{Order: *w.Order, Filled: w.filled, HeldAt: w.heldAt}
}
