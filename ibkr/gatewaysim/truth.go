package gatewaysim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Truth is what an account really has, and what really happened in it. Its memory is the caller's.
type Truth struct {
	Account    string
	Currency   ledger.Currency // the base
	Cash       map[ledger.Currency]ledger.Decimal
	Positions  []TruePosition  // of other than zero, by contract
	Orders     []TrueOrder     // in the order in which they came
	Executions []TrueExecution // as they hold after corrections, in the order in which they came
	// Placed counts the orders that came to be, by reference, and Requested the requests to place
	// them. More than one order under a reference is an order that was placed twice.
	Placed, Requested map[string]int
}

// TruePosition is what an account holds of a contract.
type TruePosition struct {
	Contract Contract
	Quantity ledger.Decimal // negative for short
	Average  ledger.Decimal // without the multiplier and commissions
}

// TrueOrder is an order.
type TrueOrder struct {
	ID        int64
	Ref       string
	ConID     int64
	Quantity  ledger.Decimal // negative to sell
	Filled    ledger.Decimal // signed as Quantity
	Kind      string         // LMT, MKT, STP or STOP_LIMIT
	Limit     ledger.Decimal
	Stop      ledger.Decimal
	TIF       string
	Outside   bool
	Status    Status
	History   []Status // every status that the order had
	Placed    time.Time
	Elsewhere bool // placed by another client
}

// TrueExecution is an execution.
type TrueExecution struct {
	ID          string
	OrderID     int64
	Ref         string
	ConID       int64
	Quantity    ledger.Decimal // negative for a sale
	Price       ledger.Decimal
	Commission  ledger.Decimal // above zero for a cost
	Told        bool           // the commission is in the rows
	Charged     bool           // the commission is taken from the cash
	Time        time.Time
	Liquidation bool
}

// OrderOf returns the newest order of an account under a reference; false if there is none.
func (g *Gateway) OrderOf(account, ref string) (TrueOrder, bool) {
	g.market.lock()
	defer g.market.mu.Unlock()
	a := g.accounts[account]
	if a == nil {
		return TrueOrder{}, false
	}
	for _, o := range slices.Backward(a.orders) {
		if o.ref == ref {
			return o.truth(), true
		}
	}
	return TrueOrder{}, false
}

// happened wakes those who wait for something to happen.
func (g *Gateway) happened() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// Await waits until a condition holds. It looks after every request, order and execution, and after
// every message that a client sends on a websocket. The condition may call the gateway. It returns
// the context's error if that ends before.
func (g *Gateway) Await(ctx context.Context, ok func() bool) error {
	for {
		g.market.lock()
		changed := g.changed
		g.market.mu.Unlock()
		if ok() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// truth returns what is so of the order.
func (o *order) truth() TrueOrder {
	return TrueOrder{ID: o.id, Ref: o.ref, ConID: o.contract.ConID, Quantity: o.quantity, Filled: o.filled, Kind: o.kind, Limit: o.limit, Stop: o.stop,
		TIF: o.tif, Outside: o.outside, Status: o.status, History: slices.Clone(o.history), Placed: o.placed, Elsewhere: o.elsewhere}
}

// Truth returns what is so of an account. It returns ErrUnknown for one that is not there.
func (g *Gateway) Truth(id string) (Truth, error) {
	g.market.lock()
	defer g.market.mu.Unlock()
	a := g.accounts[id]
	if a == nil {
		return Truth{}, fmt.Errorf("truth of account %.60q: %w", id, ErrUnknown)
	}
	t := Truth{Account: id, Currency: a.Currency, Cash: map[ledger.Currency]ledger.Decimal{}, Placed: maps.Clone(a.placed),
		Requested: maps.Clone(a.requested)}
	for _, c := range a.currencies() {
		t.Cash[c] = a.balance(c)
	}
	for _, conid := range a.listed() {
		if p := a.positions[conid]; !p.quantity.IsZero() {
			t.Positions = append(t.Positions, TruePosition{*g.market.contracts[conid], p.quantity, p.average})
		}
	}
	for _, o := range a.orders {
		t.Orders = append(t.Orders, o.truth())
	}
	for _, e := range a.executions {
		if e.replaced == nil {
			t.Executions = append(t.Executions, TrueExecution{ID: e.id(), OrderID: e.order.id, Ref: e.order.ref, ConID: e.order.contract.ConID,
				Quantity: e.quantity, Price: e.price, Commission: e.fee, Told: e.told, Charged: e.charged, Time: e.at, Liquidation: e.order.liquidates})
		}
	}
	return t, nil
}
