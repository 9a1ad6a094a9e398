package gatewaysim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// place takes an order to where it is asked about or placed.
func (g *Gateway) place(c *call) reply {
	g.question = nil // any order request voids the question before
	tickets, isTicket := decodeTickets(c.body)
	switch {
	case !isTicket:
		return failed(http.StatusBadRequest, "Bad Request: no orders")
	case !g.bridge.accounts || g.accounts[c.vars["account"]] == nil:
		return failed(http.StatusBadRequest, "accountId is not valid")
	case len(tickets) > 1:
		return refused("Order couldn't be submitted: several orders in one request are not simulated")
	}
	t := &tickets[0]
	id := t.AcctID
	if id == "" {
		id = g.first() // and not the account of the path
	}
	if slices.Contains(g.config.Groups, id) {
		return refused("Order couldn't be submitted: allocations to a group are not simulated")
	}
	o, instead := g.draft(t, id)
	if instead != nil {
		return *instead
	}
	if o.ref != "" {
		o.account.requested[o.ref]++
	}
	if r, twice := g.registered(o); twice {
		return r
	}
	return g.converse(&asked{order: o, pending: g.questions(o)})
}

// registered reports whether the order's reference was used in the last 24 hours, and what IBKR
// says then.
func (g *Gateway) registered(o *order) (reply, bool) {
	at, used := g.refs[o.ref]
	if o.ref == "" || (!used || g.market.now.Sub(at) >= refLasts) && !g.strike(DuplicateRef, o.account.ID) {
		return reply{}, false
	}
	return refused(fmt.Sprintf("Order couldn't be submitted: Local order ID=%s is already registered.", o.ref)), true
}

// submit places an order that was asked everything.
func (g *Gateway) submit(o *order) reply {
	if r, twice := g.registered(o); twice {
		return r
	}
	if n := g.struck(RefuseOrder, o.account.ID); n != nil {
		return refused(n.fault.Text)
	}
	o.id = g.market.next()
	if first := o.account.orders; len(first) > 0 && g.strike(OrderIDReused, o.account.ID) {
		o.id = first[0].id
	}
	o.placed = g.market.now
	if o.ref != "" {
		g.refs[o.ref] = g.market.now
		o.account.placed[o.ref]++
	}
	o.start()
	answer := o.acknowledgement() // as it is before it meets the market
	g.market.match(o.contract.ConID)
	return answer
}

func (o *order) acknowledgement() reply {
	return ok([]object{{"order_id": strconv.FormatInt(o.id, 10), "order_status": o.status, "encrypt_message": "1"}})
}

// modify changes an order: the whole ticket comes again.
func (g *Gateway) modify(c *call) reply {
	g.question = nil
	var t ticket
	target := g.byText(c.vars["order"])
	switch {
	case !c.decode(&t):
		return failed(http.StatusBadRequest, "Bad Request: no order")
	case !g.bridge.accounts || g.accounts[c.vars["account"]] == nil:
		return failed(http.StatusBadRequest, "accountId is not valid")
	case target == nil || target.account.ID != c.vars["account"] || target.status.Terminal():
		return refused(fmt.Sprintf("OrderID %s doesn't exist", c.vars["order"]))
	}
	o, instead := g.draft(&t, target.account.ID)
	if instead != nil {
		return *instead
	}
	return g.converse(&asked{order: o, target: target, pending: g.questions(o)})
}

// amend gives an order the terms of another.
func (g *Gateway) amend(o, terms *order) reply {
	if o.status.Terminal() || o.contract != terms.contract || o.quantity.Sign() != terms.quantity.Sign() ||
		!terms.quantity.Abs().GreaterThan(o.filled.Abs()) {
		return refused("Order couldn't be modified.")
	}
	o.quantity, o.kind, o.limit, o.stop, o.tif, o.outside = terms.quantity, terms.kind, terms.limit, terms.stop, terms.tif, terms.outside
	o.touch()
	answer := o.acknowledgement()
	g.market.match(o.contract.ConID)
	return answer
}

// allOrders is the id by which every order of an account is cancelled.
const allOrders = "-1"

// cancel asks for the end of an order.
func (g *Gateway) cancel(c *call) reply {
	g.question = nil
	a, o := g.accounts[c.vars["account"]], g.byText(c.vars["order"])
	if !g.bridge.accounts || a == nil || a.ViewOnly {
		return failed(http.StatusBadRequest, "accountId is not valid")
	}
	if c.vars["order"] == allOrders {
		for _, o := range slices.Clone(a.orders) {
			g.askToCancel(o)
		}
		return ok(object{"msg": "Request was submitted", "order_id": -1, "conid": -1, "account": nil})
	}
	if o == nil || o.account != a || o.status.Terminal() {
		return refused(fmt.Sprintf("OrderID %s doesn't exist", c.vars["order"]))
	}
	g.askToCancel(o)
	if o.status.Terminal() {
		return ok(object{"msg": "Request was submitted", "order_id": o.id, "conid": -1, "account": nil})
	}
	return ok(object{"msg": "Request was submitted", "order_id": o.id, "conid": o.contract.ConID, "account": a.ID})
}

// askToCancel cancels an order, or has it wait for ConfirmCancel.
func (g *Gateway) askToCancel(o *order) {
	o.turn(PendingCancel, "")
	if !g.config.ManualCancels {
		o.end(Cancelled, "")
	}
}

// ConfirmCancel cancels an order that waits for it. It returns ErrUnknown for an order that is not
// there, and an error for one that nobody wants cancelled, or that has ended.
func (g *Gateway) ConfirmCancel(id int64) error {
	g.market.lock()
	defer g.market.mu.Unlock()
	o := g.order(id)
	switch {
	case o == nil:
		return fmt.Errorf("cancel order %d: %w", id, ErrUnknown)
	case o.status != PendingCancel && o.status != PreCancelled:
		return fmt.Errorf("cancel order %d: it is %s", id, o.status)
	}
	o.end(Cancelled, "")
	return nil
}

// about returns the account that a list of orders or trades is about: the one that the request
// names, or the selected one.
func (g *Gateway) about(c *call) *account {
	if id := c.query.Get("accountId"); id != "" && !g.config.NoAccountParam {
		return g.accounts[id]
	}
	return g.accounts[g.bridge.selected]
}

// filters are IBKR's spellings of statuses in filters.
var filters = map[string]Status{"inactive": Inactive, "pending_submit": PendingSubmit, "pre_submitted": PreSubmitted, "submitted": Submitted,
	"filled": Filled, "pending_cancel": PendingCancel, "pre_cancelled": PreCancelled, "cancelled": Cancelled, "warn_state": WarnState,
	"sort_by_time": ""}

const maxOrders = 1000

func (g *Gateway) liveOrders(c *call) reply {
	a := g.about(c)
	if a == nil {
		return failed(http.StatusInternalServerError, "accountId is not valid")
	}
	var wanted []Status
	for _, f := range c.query["filters"] {
		for _, name := range splitList(f) {
			s, known := filters[name]
			if !known {
				return failed(http.StatusInternalServerError, "unknown")
			}
			wanted = append(wanted, s)
		}
	}
	rows := []object{}
	force := c.query.Get("force") == "true"
	first := !g.bridge.preflights[a.ID]
	g.bridge.preflights[a.ID] = true
	g.bridge.filtered = len(wanted) > 0 || g.bridge.filtered && !force
	if first || force { // what was kept is fetched again, for the next call
		return ok(object{"orders": rows, "snapshot": false})
	}
	today := g.market.startOfDay(0)
	for _, o := range a.orders {
		if live := !o.status.Terminal() || !o.changed.Before(today); live && (len(wanted) == 0 || slices.Contains(wanted, o.status)) {
			rows = append(rows, o.row())
		}
	}
	if len(rows) > maxOrders {
		rows = rows[len(rows)-maxOrders:]
	}
	return ok(object{"orders": rows, "snapshot": false})
}

// startOfDay returns the midnight in New York before now, or so many days before.
func (m *Market) startOfDay(before int) time.Time {
	day := m.now.In(m.zone)
	return time.Date(day.Year(), day.Month(), day.Day()-before, 0, 0, 0, 0, m.zone)
}

// kinds are the words for an order's type: what was asked for, and what is shown.
var kinds = map[string][2]string{"MKT": {"MARKET", "Market"}, "LMT": {"LIMIT", "Limit"}, "STP": {"STOP", "Stop"},
	"STOP_LIMIT": {"STOP_LIMIT", "Stop Limit"}}

func (o *order) side() string {
	if o.buys() {
		return "BUY"
	}
	return "SELL"
}

// price is the price in an order's row: the limit, or the stop of an order without one.
func (o *order) price() ledger.Decimal {
	if o.limit.IsZero() {
		return o.stop
	}
	return o.limit
}

// describe is the order in IBKR's words.
func (o *order) describe() string {
	verb, quantity := "Buy", o.quantity
	switch {
	case o.status == Filled && o.buys():
		verb = "Bought"
	case o.status == Filled:
		verb = "Sold"
	case !o.buys():
		verb = "Sell"
	}
	tif := "Day"
	if o.tif == "GTC" {
		tif = "GTC"
	}
	return fmt.Sprintf("%s %s %s %s %s, %s", verb, quantity.Abs(), o.contract.Symbol, kinds[o.kind][1], o.price(), tif)
}

// row is the order as it is listed. A reference is there only if the order has one.
func (o *order) row() object {
	c, tif := o.contract, "CLOSE" // as IBKR writes an order for the day
	if o.tif == "GTC" {
		tif = "GTC"
	}
	fills := o.quantity.Abs().String()
	if !o.filled.IsZero() && !o.status.Terminal() {
		fills = o.filled.Abs().String() + "/" + fills
	}
	out := render("order", object{
		"acct": o.account.ID, "account": o.account.ID, "conidex": strconv.FormatInt(c.ConID, 10), "conid": c.ConID, "orderId": o.id,
		"cashCcy": c.Currency, "sizeAndFills": fills, "orderDesc": o.describe(), "description1": c.Symbol, "ticker": c.Symbol,
		"secType": c.SecType, "listingExchange": c.Exchange, "remainingQuantity": float(o.left().Abs()), "filledQuantity": float(o.filled.Abs()),
		"totalSize": float(o.quantity.Abs()), "companyName": c.Name, "status": o.status, "order_ccp_status": o.status, "avgPrice": plain(o.average()),
		"origOrderType": kinds[o.kind][0], "orderType": kinds[o.kind][1], "lastExecutionTime": stamp(o.changed),
		"lastExecutionTime_r": o.changed.UnixMilli(), "price": plain(o.price()), "timeInForce": tif, "side": o.side(),
	})
	if o.ref != "" {
		out["order_ref"] = o.ref
	}
	if !o.stop.IsZero() {
		out["auxPrice"] = plain(o.stop)
	}
	if o.outside {
		out["outsideRTH"] = true
	}
	if o.reason != "" {
		out["order_cancellation_by_system_reason"] = o.reason
	}
	return out
}

func (g *Gateway) orderStatus(c *call) reply {
	o := g.byText(c.vars["order"])
	if o == nil || o.account.ID != g.bridge.selected || o.status.Terminal() && o.session != g.bridge.number {
		return failed(http.StatusServiceUnavailable, "Service Unavailable")
	}
	k, ended := o.contract, o.status.Terminal()
	last := ledger.Decimal{}
	for _, e := range o.account.executions {
		if e.order == o && e.replaced == nil {
			last = e.price
		}
	}
	out := render("order_status", object{
		"request_id": strconv.FormatInt(o.id%100_000, 10), "order_id": o.id, "conidex": strconv.FormatInt(k.ConID, 10), "conid": k.ConID,
		"symbol": k.Symbol, "side": o.side(), "contract_description_1": k.Symbol, "listing_exchange": k.Exchange, "order_desc": o.describe(),
		"order_status": o.status, "order_type": kinds[o.kind][1], "size": floatText(o.quantity.Abs()), "fill_price": floatText(last),
		"filled_quantity": floatText(o.filled.Abs()), "remaining_quantity": floatText(o.left().Abs()), "avg_fill_price": floatText(o.average()),
		"last_fill_price": floatText(last), "total_size": floatText(o.quantity.Abs()), "price": floatText(o.price()), "tif": o.tif,
		"order_not_editable": ended, "cannot_cancel_order": ended, "outside_rth": o.outside, "deactivate_order": o.status == Inactive,
		"sec_type": k.SecType, "order_description": o.describe(), "order_description_with_contract": o.describe(),
		"order_clearing_account": o.account.ID, "size_and_fills": o.filled.Abs().String() + "/" + o.quantity.Abs().String(),
		"order_time": stamp(o.placed),
	})
	if o.ref != "" {
		out["order_ref"] = o.ref
	}
	if !o.stop.IsZero() {
		out["stop_price"] = floatText(o.stop)
	}
	return ok(out)
}

// whatIf tells what an order would do. The gateway knows no margin: it takes the order's worth for
// it.
func (g *Gateway) whatIf(c *call) reply {
	g.question = nil
	tickets, isTicket := decodeTickets(c.body)
	if !isTicket {
		return failed(http.StatusBadRequest, "Bad Request: no orders")
	}
	o, instead := g.draft(&tickets[0], c.vars["account"])
	if instead != nil {
		return *instead
	}
	price := o.price()
	if price.IsZero() {
		price = g.market.mark(o.contract.ConID)
	}
	worth, fee := o.contract.worth(o.quantity, price).Abs(), g.market.config.Commission(*o.contract, o.quantity, price)
	t, currency := o.account.total(), string(o.contract.Currency)
	change := func(from, by ledger.Decimal) object {
		return object{"current": units(from), "change": units(by), "after": units(from.Add(by))}
	}
	var warning any
	if !g.bridge.quoted[o.contract.ConID] {
		warning = "21/You are trying to submit an order without having market data for this instrument."
	}
	return ok(render("whatif", object{
		"amount": object{"amount": fmt.Sprintf("%s %s (%s Shares)", units(worth), currency, o.quantity.Abs()), "commission": fee.String() + " " + currency,
			"total": worth.Add(fee).String() + " " + currency},
		"equity": change(t.worth, fee.Neg()), "initial": change(ledger.Decimal{}, worth), "maintenance": change(ledger.Decimal{}, worth),
		"warn": warning, "error": nil,
	}))
}
