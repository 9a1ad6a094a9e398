package httpapi

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

var (
	orderParam = param{name: "order", in: "path", needed: true, text: "The id of the order.", schema: schema{Type: types{"string"}, MinLength: 1, MaxLength: 100}}
	// brokerCodes are the problems of calls that reach the broker.
	brokerCodes = []Code{CodeNotLinked, CodeBrokerNotReady}
)

const sampleOrder = `{"instrument":{"sec_type":"STK","symbol":"XYZ","currency":"USD"},"quantity":"10","type":"limit","limit":"41.25","tif":"day"}`

var orderRoutes = []route{
	{method: "GET", path: "/profiles/{id}/orders", id: "listOrders", tag: "orders", right: Read,
		text: "List orders that work, by their ids; or those that were accepted or refused, the newest first.",
		params: paging(param{name: "state", in: "query", text: "Which orders: those that work (the default), or the decisions about orders.",
			schema: schema{Type: types{"string"}, Enum: []string{"working", "accepted", "refused"}, Default: "working"}}),
		action: just(listOrders)},
	{method: "POST", path: "/profiles/{id}/orders", id: "placeOrder", tag: "orders", right: Trade, status: 201,
		text: "Place an order: check it, hold its exposure, and send it to the broker if a connection works the account.",
		more: "The order's id is `api.` and the idempotency key. The same order under the same key is placed once: the answer says that it is a repeat. " +
			"Another order under the key is 409. A refusal (422) with `undecided` is not final, and the same key may be sent again. Any other refusal is: take another key.",
		params: []param{profileParam, keyParam}, action: with(placeOrder), sample: sampleOrder,
		codes: append([]Code{CodeRefused, CodeRejected, CodeKeyReused}, brokerCodes...)},
	{method: "POST", path: "/profiles/{id}/orders/check", id: "checkOrder", tag: "orders", right: Check,
		text:   "Ask whether an order would be accepted now. Nothing is held, and nothing is sent.",
		params: []param{profileParam}, action: with(checkOrder), sample: sampleOrder},
	{method: "DELETE", path: "/profiles/{id}/orders/{order}", id: "cancelOrder", tag: "orders", right: Trade,
		text:   "Cancel an order: let it go if it was not sent, and else ask the broker, which may fill it still.",
		params: []param{profileParam, orderParam}, action: just(cancelOrder),
		codes: append([]Code{CodeOrderNotFound, CodeDispatched}, brokerCodes...)},
	{method: "POST", path: "/profiles/{id}/orders/{order}/settle", id: "settleOrder", tag: "orders", right: Resume, status: 204,
		text: "Say that the broker does not have an order of which that is not known: its hold ends.",
		more: "Ask the broker first. Such orders are the `questions` of `link`, in the process that works the account. " +
			"Of another order it is known what the broker has made of it: cancel it. An execution that is told later is booked all the same.",
		params: []param{profileParam, orderParam}, action: with(settleOrder), sample: `{"reason":"the broker's desk says that there is none"}`,
		codes: append([]Code{CodeOrderNotFound, CodeConflict}, brokerCodes...)},
	{method: "DELETE", path: "/profiles/{id}/external-orders/{broker_id}", id: "cancelExternalOrder", tag: "orders", right: Trade,
		text: "Ask the broker to cancel an order of its account that was not placed here.",
		params: []param{profileParam, {name: "broker_id", in: "path", needed: true, text: "The broker's id of the order, as `link` has it.",
			schema: schema{Type: types{"string"}, MinLength: 1, MaxLength: 100}}},
		action: just(cancelExternal), codes: append([]Code{CodeOrderNotFound}, brokerCodes...)},
}

// orderRequest is an order as a client sends it.
type orderRequest struct {
	Instrument   ledger.Instrument  `json:"instrument"`
	Quantity     ledger.Decimal     `json:"quantity" doc:"In units; negative to sell; never zero."`
	Type         broker.OrderType   `json:"type"`
	Limit        ledger.Decimal     `json:"limit,omitzero" doc:"The worst price a unit, of limit and stop_limit orders."`
	Stop         ledger.Decimal     `json:"stop,omitzero" doc:"The price a unit from which on the order works, of stop and stop_limit orders."`
	TIF          broker.TimeInForce `json:"tif,omitempty" doc:"day if left out."`
	OutsideHours bool               `json:"outside_hours,omitempty" doc:"May fill outside the exchange's regular hours."`
	Strategy     string             `json:"strategy,omitempty" doc:"At most 50 bytes."`
	Sector       string             `json:"sector,omitempty" doc:"At most 50 bytes."`
}

// order returns the order and its terms, once everything about them was found right.
func (in *orderRequest) order(id ledger.OrderID) (risk.Order, broker.Terms, error) {
	terms := broker.Terms{Type: in.Type, Limit: in.Limit, Stop: in.Stop, TIF: in.TIF, OutsideHours: in.OutsideHours}
	if terms.TIF == "" {
		terms.TIF = broker.Day
	}
	o := risk.Order{ID: id, Instrument: in.Instrument, Quantity: in.Quantity, Price: terms.Worst(), Strategy: in.Strategy, Sector: in.Sector}
	v := &invalid.Error{What: "order"}
	collect(v, o.Examine())
	collect(v, in.Instrument.Validate())
	collect(v, terms.Validate(&o.Instrument, o.Quantity))
	v.Fields = slices.DeleteFunc(v.Fields, func(f invalid.Field) bool { return f.Name == "Price" }) // Limit or Stop says so
	if err := v.Err(); err != nil {
		return o, terms, err
	}
	return o, terms, o.Normalize()
}

// collect adds the fields of an error about validity, each once.
func collect(v *invalid.Error, err error) {
	var fields *invalid.Error
	if !errors.As(err, &fields) {
		return
	}
	for _, f := range fields.Fields {
		if !slices.Contains(v.Fields, f) {
			v.Fields = append(v.Fields, f)
		}
	}
}

// orderIDOf returns the id of the order that is placed under a key.
func orderIDOf(key string) ledger.OrderID { return ledger.OrderID("api." + key) }

// placedOrder is the outcome of placing an order.
type placedOrder struct {
	OrderID ledger.OrderID `json:"order_id"`
	State   orderState     `json:"state" doc:"done: the order was filled or let go since; a repeat alone says so."`
	// Sent is true once the broker was told.
	Sent     bool               `json:"sent" doc:"Whether the order went to the broker. Without a connection that works the account, its exposure is held and nothing is sent."`
	Repeat   bool               `json:"repeat" doc:"The order was placed before, under the same key."`
	Decision risk.Decision      `json:"decision"`
	BrokerID string             `json:"broker_id,omitempty"`
	Status   broker.OrderStatus `json:"status,omitempty" doc:"What the broker says of the order."`
	Released string             `json:"released,omitempty" doc:"Why an order that is done was let go before it was filled whole: cancelled, rejected or expired."`
}

// orderState says what has become of an order.
type orderState string

func (orderState) describe(*reflector) *schema {
	return &schema{Type: types{"string"}, Enum: []string{"working", "done", "accepted", "refused"}}
}

func placeOrder(c *call, in *orderRequest) (*placedOrder, error) {
	p, err := c.portfolio()
	if err != nil {
		return nil, err
	}
	o, terms, err := in.order(orderIDOf(c.query(keyParam.name)))
	if err != nil {
		return nil, err
	}
	out := &placedOrder{OrderID: o.ID, State: "working", Decision: risk.Decision{OrderID: o.ID, Allowed: true}}
	engine := c.api.Engine(p.ProfileID())
	if engine == nil {
		out.Decision, err = p.Reserve(c.ctx, o)
		out.Repeat = out.Decision.Repeat
	} else {
		var ack broker.Ack
		ack, err = engine.Submit(c.ctx, p.ProfileID(), o, terms)
		out.Sent, out.BrokerID, out.Status = err == nil, ack.BrokerID, ack.Status
	}
	if err != nil {
		out, err = c.again(p, &o, terms, engine != nil, err)
	}
	if err == nil && out.Repeat {
		c.status = http.StatusOK
	}
	return out, err
}

// again returns the outcome of an order that was placed before under its id, where the error says
// no more than that; and else the error, or the problem that the order is another one.
func (c *call) again(p *accounts.Portfolio, o *risk.Order, terms broker.Terms, sends bool, err error) (*placedOrder, error) {
	if errors.Is(err, accounts.ErrOutcomeUnknown) {
		return nil, err
	}
	out := &placedOrder{OrderID: o.ID, State: "working", Repeat: true, Decision: risk.Decision{OrderID: o.ID, Allowed: true, Repeat: true}}
	held, works := working(p, o.ID)
	switch refusal := (*accounts.RefusalError)(nil); {
	case works && (!held.Same(o) || held.Terms != "" && held.Terms != terms.String()):
		return nil, newProblem(CodeKeyReused, "Another order was placed under the key.")
	case works && (!held.SentAt.IsZero() || !sends):
		out.Sent = !held.SentAt.IsZero()
		return out, nil
	case errors.As(err, &refusal) && refusal.Decision.Broken(risk.RuleDone):
		return out, c.finish(p, out)
	}
	return nil, err
}

// finish says how an order ended. It reads the journal.
func (c *call) finish(p *accounts.Portfolio, out *placedOrder) error {
	out.State = "done"
	for d, err := range p.Decisions(c.ctx, accounts.Page{}) {
		if err != nil {
			return err
		}
		switch v := d.Value.(type) {
		case *risk.Dispatch:
			out.Sent = out.Sent || v.OrderID == out.OrderID
		case *risk.Release:
			if v.OrderID == out.OrderID {
				out.Released = v.Reason
			}
		}
	}
	return nil
}

// working returns an order that works.
func working(p *accounts.Portfolio, id ledger.OrderID) (risk.WorkingOrder, bool) {
	for _, w := range p.Snapshot().Risk.Orders {
		if w.ID == id {
			return w, true
		}
	}
	return risk.WorkingOrder{}, false
}

func checkOrder(c *call, in *orderRequest) (*risk.Decision, error) {
	p, err := c.portfolio()
	if err != nil {
		return nil, err
	}
	o, _, err := in.order("check")
	if err != nil {
		return nil, err
	}
	o.ID = ""
	d := p.Check(o)
	return &d, nil
}

// cancelledOrder is the outcome of a cancellation.
type cancelledOrder struct {
	OrderID ledger.OrderID `json:"order_id"`
	Works   bool           `json:"works" doc:"The broker was asked, and the order may still fill."`
}

func cancelOrder(c *call) (*cancelledOrder, error) {
	p, err := c.portfolio()
	if err != nil {
		return nil, err
	}
	id := ledger.OrderID(c.query("order"))
	if engine := c.api.Engine(p.ProfileID()); engine != nil {
		err = engine.Cancel(c.ctx, p.ProfileID(), id)
	} else {
		err = p.Withdraw(c.ctx, id, "cancelled by "+reasonName(c.caller.Name))
	}
	_, works := working(p, id)
	if err != nil && (works || !errorIsAny(err, accounts.ErrOrderNotFound, broker.ErrOrderNotFound) || !c.known(p, id)) {
		return nil, err
	}
	return &cancelledOrder{id, works}, nil
}

// known reports whether an order that works no longer was held once: then its cancellation is done.
func (c *call) known(p *accounts.Portfolio, id ledger.OrderID) bool {
	return p.Withdraw(c.ctx, id, "cancelled by "+reasonName(c.caller.Name)) == nil
}

// reasonName returns a caller's name as a reason in the journal may have it.
func reasonName(name string) string {
	if name == "" || len(name) > 100 || !nameable(name) {
		return "a caller"
	}
	return name
}

// settleOrder ends the hold of an order by a person's word.
func settleOrder(c *call, in *reasonRequest) (nothing, error) {
	p, err := c.portfolio()
	if err != nil {
		return nothing{}, err
	}
	id, reason := ledger.OrderID(c.query("order")), string(in.Reason)
	if err := risk.CheckReason(reason); err != nil {
		return nothing{}, err
	}
	held, works := working(p, id)
	engine := c.api.Engine(p.ProfileID())
	switch {
	case !works && c.known(p, id): // it has ended, by this call's first try perhaps
		return nothing{}, nil
	case !works:
		return nothing{}, accounts.ErrOrderNotFound
	case held.SentAt.IsZero():
		return nothing{}, newProblem(CodeConflict, "The order was not sent: cancel it.")
	case engine == nil:
		return nothing{}, broker.ErrNotLinked // another process may work it, and know better
	}
	profile, err := c.profile()
	if err != nil {
		return nothing{}, err
	}
	switch link := c.viewLink(&profile); {
	case !link.Linked:
		return nothing{}, broker.ErrNotLinked
	case !link.Works:
		return nothing{}, broker.ErrStandby
	case !slices.Contains(link.Questions, id):
		return nothing{}, newProblem(CodeConflict, "It is known what the broker has made of the order: cancel it.")
	}
	return nothing{}, engine.Settle(c.ctx, p.ProfileID(), id, reason)
}

func cancelExternal(c *call) (nothing, error) {
	p, err := c.profile()
	if err != nil {
		return nothing{}, err
	}
	engine := c.api.Engine(p.ID)
	if engine == nil {
		return nothing{}, newProblem(CodeNotLinked, "No connection works the profile's account.")
	}
	return nothing{}, engine.CancelExternal(c.ctx, p.ID, c.query("broker_id"))
}

// orderItem is an order in a list.
type orderItem struct {
	risk.Order
	State      orderState       `json:"state"`
	Seq        int64            `json:"seq,omitempty" doc:"Of an accepted or refused order: the entry of the decision."`
	DecidedAt  time.Time        `json:"decided_at"`
	Filled     ledger.Decimal   `json:"filled,omitzero"`
	Terms      string           `json:"terms,omitempty" doc:"In words, of an order that was sent."`
	SentAt     time.Time        `json:"sent_at,omitzero"`
	Violations []risk.Violation `json:"violations" doc:"The rules that a refused order breaks."`
	Warnings   []risk.Violation `json:"warnings"`
	Undecided  bool             `json:"undecided,omitempty"`
}

type orderList struct {
	Orders     []orderItem `json:"orders"`
	NextCursor string      `json:"next_cursor,omitempty"`
}

func listOrders(c *call) (*orderList, error) {
	if state := c.query("state"); state == "accepted" || state == "refused" {
		return listDecided(c, state)
	}
	after, err := c.after("working")
	if err != nil {
		return nil, err
	}
	p, err := c.portfolio()
	if err != nil {
		return nil, err
	}
	out := &orderList{Orders: []orderItem{}}
	for _, w := range p.Snapshot().Risk.Orders {
		if string(w.ID) <= after {
			continue
		}
		if len(out.Orders) == c.limit() {
			out.NextCursor = cursor("working", string(out.Orders[len(out.Orders)-1].ID))
			break
		}
		out.Orders = append(out.Orders, orderItem{Order: w.Order, State: "working", DecidedAt: w.HeldAt, Filled: w.Filled,
			Terms: w.Terms, SentAt: w.SentAt, Violations: []risk.Violation{}, Warnings: []risk.Violation{}})
	}
	return out, nil
}

// listDecided lists decisions about orders, the newest first.
func listDecided(c *call, state string) (*orderList, error) {
	kind := map[string]string{"accepted": "hold", "refused": "refusal"}[state]
	page, next, err := c.activity("orders", []string{kind}, true)
	if err != nil {
		return nil, err
	}
	out := &orderList{Orders: []orderItem{}, NextCursor: next}
	for _, a := range page {
		item := orderItem{State: orderState(state), Seq: a.Seq, DecidedAt: a.Time}
		if a.Hold != nil {
			item.Order, item.Warnings = a.Hold.Order, a.Hold.Warnings
		} else {
			item.Order, item.Violations, item.Undecided = a.Refusal.Order, a.Refusal.Violations, a.Refusal.Undecided
		}
		item.Violations, item.Warnings = clone(item.Violations), clone(item.Warnings)
		out.Orders = append(out.Orders, item)
	}
	return out, nil
}
