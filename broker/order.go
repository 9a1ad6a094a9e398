package broker

import (
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Ack is what the broker says of an order that it has taken.
type Ack struct {
	BrokerID string      `json:"broker_id"` // the broker's own id of the order; may be used again on another day
	Status   OrderStatus `json:"status"`
}

// Order is an order as the broker tells of it.
type Order struct {
	Ref        Ref               `json:"ref,omitempty"` // empty for an order that was placed without one
	BrokerID   string            `json:"broker_id"`
	Account    AccountID         `json:"account"`
	Instrument ledger.Instrument `json:"instrument"`
	Quantity   ledger.Decimal    `json:"quantity"` // of the whole order; negative to sell
	Filled     ledger.Decimal    `json:"filled"`   // signed as Quantity
	Terms      Terms             `json:"terms"`
	Status     OrderStatus       `json:"status"`
	Reason     string            `json:"reason,omitempty"` // the broker's words
	Time       time.Time         `json:"time"`             // of the last change
}

// OrderStatus says what has become of an order.
type OrderStatus string

// The statuses of an order. An order of unknown status works.
const (
	OrderPending    OrderStatus = "pending"    // taken, and not at the exchange yet
	OrderWorking    OrderStatus = "working"    // at the exchange, or waiting for its stop
	OrderCancelling OrderStatus = "cancelling" // asked to be cancelled; may still fill
	OrderInactive   OrderStatus = "inactive"   // the broker has it and does not work it; may become active
	OrderFilled     OrderStatus = "filled"
	OrderCancelled  OrderStatus = "cancelled" // by whomever, or rejected by the exchange
	OrderExpired    OrderStatus = "expired"
)

// Terminal reports whether the order will not fill any more than it has. What it has filled is in
// the executions, which may come later than the status.
func (s OrderStatus) Terminal() bool {
	return s == OrderFilled || s == OrderCancelled || s == OrderExpired
}
