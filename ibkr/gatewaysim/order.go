package gatewaysim

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Status is the status of an order in IBKR's words.
type Status string

// The statuses of an order. An order never leaves Filled and Cancelled, and never goes back: see
// [Gateway.SetStatus].
const (
	Inactive      Status = "Inactive"
	PendingSubmit Status = "PendingSubmit"
	PreSubmitted  Status = "PreSubmitted"
	Submitted     Status = "Submitted"
	WarnState     Status = "WarnState"
	PendingCancel Status = "PendingCancel"
	PreCancelled  Status = "PreCancelled"
	Cancelled     Status = "Cancelled"
	Filled        Status = "Filled"
)

// ranks say which status can come after which: one of a higher rank. Inactive orders can come back.
var ranks = map[Status]int{PendingSubmit: 1, PreSubmitted: 2, WarnState: 3, Submitted: 3, Inactive: 3, PendingCancel: 4, PreCancelled: 5,
	Cancelled: 6, Filled: 6}

// Terminal reports whether the order has ended.
func (s Status) Terminal() bool { return s == Cancelled || s == Filled }

// follows reports whether a status can come after another.
func (s Status) follows(before Status) bool {
	switch {
	case before.Terminal() || s == before:
		return false
	case before == Inactive:
		return true
	case s == Inactive:
		return ranks[before] < ranks[PendingCancel]
	}
	return ranks[s] > ranks[before]
}

// order is an order of an account.
type order struct {
	id       int64
	account  *account
	ref      string // the cOID; empty for one that was placed elsewhere, or without
	contract *Contract
	quantity ledger.Decimal // signed
	filled   ledger.Decimal // signed
	paid     ledger.Decimal // Σ quantity × price
	kind     string         // LMT, MKT, STP, STOP_LIMIT
	limit    ledger.Decimal
	stop     ledger.Decimal
	tif      string // DAY or GTC
	outside  bool

	status     Status
	history    []Status
	reason     string
	placed     time.Time
	changed    time.Time
	triggered  bool
	elsewhere  bool // placed by another client of the account
	liquidates bool
	session    int // the brokerage session in which it was last seen to change
}

func (o *order) buys() bool { return o.quantity.IsPos() }

func (o *order) left() ledger.Decimal { return o.quantity.Sub(o.filled) }

// average returns the average price of the fills; zero without one.
func (o *order) average() ledger.Decimal {
	if o.filled.IsZero() {
		return ledger.Decimal{}
	}
	return o.paid.MustDiv(o.filled).RoundBank(averagePlaces)
}

// turn gives the order a status that can follow its own, and tells of it.
func (o *order) turn(s Status, reason string) bool {
	if !s.follows(o.status) {
		return false
	}
	o.status, o.reason = s, reason
	o.history = append(o.history, s)
	o.touch()
	return true
}

// touch notes a change of the order and tells of it.
func (o *order) touch() {
	g := o.account.g
	o.changed, o.session = g.market.now, g.bridge.number
	if o.status.Terminal() {
		working := g.market.working[o.contract.ConID]
		g.market.working[o.contract.ConID] = slices.DeleteFunc(slices.Clone(working), func(w *order) bool { return w == o })
	}
	g.tellOrder(o)
}

// end ends the order.
func (o *order) end(s Status, reason string) { o.turn(s, reason) }

// start gives the order to the market: as submitted where it can fill now, and as pre-submitted
// where it waits for its stop or for the opening.
func (o *order) start() {
	m := o.account.g.market
	o.account.orders = append(o.account.orders, o)
	m.working[o.contract.ConID] = append(m.working[o.contract.ConID], o)
	status := Submitted
	if o.stop.IsPos() || !m.open(o.outside) {
		status = PreSubmitted
	}
	o.turn(status, "")
}

// allWorking returns the orders of all gateways that have not ended, by their ids.
func (m *Market) allWorking() (list []*order) {
	for _, orders := range m.working {
		list = append(list, orders...)
	}
	slices.SortFunc(list, func(a, b *order) int { return cmp.Compare(a.id, b.id) })
	return list
}

// order returns the newest order of an id; nil if there is none. Ids can be used again.
func (g *Gateway) order(id int64) *order {
	var found *order
	for _, a := range g.listed {
		for _, o := range a.orders {
			if o.id == id {
				found = o
			}
		}
	}
	return found
}

// byText returns the order whose id a path names.
func (g *Gateway) byText(id string) *order {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil
	}
	return g.order(n)
}

// SetStatus gives an order a status, with the broker's words. It returns ErrUnknown for an order
// that is not there, and an error for a status that cannot follow the order's: none follows one
// that has ended, and Filled comes by fills alone.
func (g *Gateway) SetStatus(id int64, s Status, reason string) error {
	g.market.lock()
	defer g.market.mu.Unlock()
	o := g.order(id)
	switch {
	case o == nil:
		return fmt.Errorf("set the status of order %d: %w", id, ErrUnknown)
	case s == Filled || ranks[s] == 0 || !o.turn(s, reason):
		return fmt.Errorf("set the status of order %d: %s cannot follow %s", id, s, o.status)
	}
	g.market.match(o.contract.ConID)
	return nil
}
