package broker

// Event is a hint that something is worth looking at. It states nothing.
type Event struct {
	Kind    EventKind `json:"kind"`
	Account AccountID `json:"account,omitempty"` // empty where it may be any
}

// EventKind says where to look.
type EventKind string

// The kinds of event.
const (
	EventSession    EventKind = "session"    // at Status; after a connection that broke, at everything
	EventOrders     EventKind = "orders"     // at Orders
	EventExecutions EventKind = "executions" // at Executions
	EventPositions  EventKind = "positions"  // at Positions and Cash
	EventQuotes     EventKind = "quotes"     // at Quotes
)
